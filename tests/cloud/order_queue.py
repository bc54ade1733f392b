"""`orders.fifo` as a merchant's server fills it and an operator looks after it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from chalicelib.shared.ids import random_code
from tests.cloud.brand import Stack, eventually

COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]


@dataclass(frozen=True)
class DeadLetter:
    """A message set aside. `reason` is empty when the queue itself gave it up."""

    body: str
    group: str
    reason: str


class Orders:
    def __init__(self, stack: Stack) -> None:
        self._sqs = stack.client("sqs")
        self._url, self._dead_url = stack.outputs["OrdersQueueUrl"], stack.outputs["OrdersDeadQueueUrl"]

    def send(self, *messages: tuple[str, Any]) -> None:
        """Sends (group, body) in this order, each with a deduplication id of its own. A text is sent as it is."""
        for start in range(0, len(messages), 10):
            sent = [
                {
                    "Id": str(number),
                    "MessageBody": body if isinstance(body, str) else json.dumps(body),
                    "MessageGroupId": group,
                    "MessageDeduplicationId": random_code(16),
                }
                for number, (group, body) in enumerate(messages[start : start + 10])
            ]
            answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=sent)
            assert len(answer["Successful"]) == len(sent)

    def drained(self) -> None:
        """Waits until every message has been dealt with."""
        eventually(lambda: waiting(self._sqs, self._url), 0)

    def dead_letters(self) -> list[DeadLetter]:
        """Takes everything out of the dead-letter queue."""
        found: list[DeadLetter] = []
        while batch := self._sqs.receive_message(
            QueueUrl=self._dead_url,
            MaxNumberOfMessages=10,
            AttributeNames=["MessageGroupId"],
            MessageAttributeNames=["All"],
        ).get("Messages"):
            for message in batch:
                reason = message.get("MessageAttributes", {}).get("reason", {}).get("StringValue", "")
                found.append(DeadLetter(message["Body"], message["Attributes"]["MessageGroupId"], reason))
                self._sqs.delete_message(QueueUrl=self._dead_url, ReceiptHandle=message["ReceiptHandle"])
        return found

    @contextmanager
    def impatient(self, seconds: int) -> Iterator[None]:
        """Meanwhile a message that failed comes again after `seconds` instead of minutes."""
        usual = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["VisibilityTimeout"])["Attributes"]
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"VisibilityTimeout": str(seconds)})
        try:
            yield
        finally:
            self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes=usual)


def waiting(sqs: Any, url: str) -> int:
    """Messages in a queue, those being worked on included."""
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=COUNTS)["Attributes"]
    return sum(int(counts[name]) for name in COUNTS)
