"""The orders queue as an import sees it: send in order, wait until it is empty, look at what was set aside."""

import hashlib
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from infra import dead_letters
from infra.intake_rows import Message

# SQS: 10 messages a call; 256 KB a call was its oldest limit.
MAX_BATCH, MAX_BATCH_BYTES = 10, 240_000
ATTEMPTS = 8
BACKOFF_SECONDS, BACKOFF_CAP_SECONDS = 0.1, 5.0
# SQS counts approximately: the queue is empty when it says so this often in a row, a second apart.
EMPTY_ANSWERS = 3
STALLED_SECONDS = 1200


class QueueFailed(SystemExit):
    """The queue did not take a message, or does not get shorter."""


def batches(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Batches in which no member appears twice, each member's messages in their order.

    SQS may take a part of a batch; the rest is sent again, and must not fall behind a later message of its member.
    """
    members: dict[str, deque[Message]] = {}
    for message in messages:
        members.setdefault(message.group, deque()).append(message)
    while members:
        yield from _filled(queue.popleft() for queue in members.values())
        members = {group: queue for group, queue in members.items() if queue}


def _filled(messages: Iterable[Message]) -> Iterator[list[Message]]:
    batch: list[Message] = []
    size = 0
    for message in messages:
        if batch and (len(batch) == MAX_BATCH or size + len(message.body) > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message.body)
    if batch:
        yield batch


class OrdersQueue:
    """`orders.fifo` of a stage, through a botocore SQS client."""

    def __init__(self, sqs: Any, stage: str) -> None:
        self.sqs = sqs
        self.url = sqs.get_queue_url(QueueName=f"membership-{stage}-orders.fifo")["QueueUrl"]
        self.dead_url = dead_letters.url(sqs, stage, "orders.fifo")

    def send(self, messages: Iterable[Message], import_id: str) -> None:
        """Sends all, each member's in order. Raises QueueFailed.

        A message is told apart by its content and the import: what an import sends twice SQS drops, while the next
        import of the same file is not silently dropped for five minutes.
        """
        for batch in batches(messages):
            self._send_batch({str(number): _entry(number, m, import_id) for number, m in enumerate(batch)})

    def _send_batch(self, entries: dict[str, dict[str, Any]]) -> None:
        for attempt in range(ATTEMPTS):
            answer = self.sqs.send_message_batch(QueueUrl=self.url, Entries=list(entries.values()))
            failed = answer.get("Failed", [])
            fault = next((f for f in failed if f["SenderFault"]), None)
            if fault:
                raise QueueFailed(f"the queue refuses a message: {fault['Code']} {fault.get('Message', '')}")
            entries = {failure["Id"]: entries[failure["Id"]] for failure in failed}
            if not entries:
                return
            time.sleep(random.random() * min(BACKOFF_CAP_SECONDS, BACKOFF_SECONDS * 2**attempt))  # noqa: S311
        raise QueueFailed("the queue is busy")

    def backlog(self) -> int:
        """Messages waiting or being worked on, approximately."""
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def wait(self, say: Callable[[int], None]) -> None:
        """Returns when the queue is empty; tells `say` the backlog each second. Raises QueueFailed when it has not
        become shorter for STALLED_SECONDS."""
        shortest, since, empty = self.backlog(), time.monotonic(), 0
        while True:
            backlog = self.backlog()
            empty = 0 if backlog else empty + 1
            if empty >= EMPTY_ANSWERS:
                return
            if backlog < shortest:
                shortest, since = backlog, time.monotonic()
            if time.monotonic() - since > STALLED_SECONDS:
                raise QueueFailed(f"{backlog} messages wait, and none was taken for {STALLED_SECONDS} seconds")
            say(backlog)
            time.sleep(1)

    def dead_letters(self) -> int:
        """How many messages stand in the dead-letter queue."""
        return dead_letters.waiting(self.sqs, self.dead_url)

    def dead_reasons(self) -> Counter[str]:
        """Why they stand there, as far as they can be seen."""
        letters = dead_letters.look(self.sqs, self.dead_url)
        return Counter(
            dead_letters.told(letter, "reason") or "not recorded: see the worker's log" for letter in letters
        )


def _entry(number: int, message: Message, import_id: str) -> dict[str, Any]:
    content = f"{import_id}\n{message.group}\n{message.body}"
    return {
        "Id": str(number),
        "MessageBody": message.body,
        "MessageGroupId": message.group,
        "MessageDeduplicationId": hashlib.sha256(content.encode()).hexdigest(),
    }
