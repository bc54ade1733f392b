"""A run over everything that is due: a message for each shard, a page for each message, the page's cursor the next one.

Killed at any moment, the run goes on from the message that was not finished: it is delivered again, and what was done
is not done again. What cannot be decided stops nothing else: the log and a metric tell of it, and its index still
names it when the next run comes.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.ledger.due import SHARDS
from chalicelib.rulebook import store
from chalicelib.rulebook.model import Published
from chalicelib.shared import aws, telemetry
from chalicelib.shared.config import settings

# SQS: at most 10 messages a batch.
BATCH = 10


class NotStarted(Exception):
    """SQS did not take some shards' messages (their codes). Lambda tries again, and so does the next run."""


@dataclass(frozen=True)
class Message:
    """A page to handle. `through` and `cursor` are those of the page before; None: the run begins."""

    job: str
    shard: str
    through: str | None = None
    cursor: Any = None

    def body(self) -> str:
        """As it lies in the queue."""
        return json.dumps(vars(self), separators=(",", ":"))


@dataclass(frozen=True)
class Run:
    """What makes one run differ from another.

    queue_url: where its pages wait · through: (job, now, time zone) → up to where a run that begins now goes, as its
    index has it · page: (job, shard, through, cursor) → what is due, as (member, key), and the key to go on from (JSON)
    · handle: (job, what is due, rulebook, now) → how much was done
    """

    queue_url: Callable[[str], str]
    through: Callable[[str, datetime, str], str]
    page: Callable[[str, str, str, Any], tuple[Sequence[tuple[str, Any]], Any]]
    handle: Callable[[str, tuple[str, Any], Published, datetime], int]


def start(job: str, queue_url: str, shards: Sequence[str] = SHARDS) -> None:
    """Asks for a run of the job, over these shards. Raises NotStarted."""
    messages = [{"Id": shard, "MessageBody": Message(job, shard).body()} for shard in shards]
    for first in range(0, len(messages), BATCH):
        answer = aws.client("sqs").send_message_batch(QueueUrl=queue_url, Entries=messages[first : first + BATCH])
        if answer.get("Failed"):
            raise NotStarted(sorted({failure["Code"] for failure in answer["Failed"]}))


def handle_batch(records: Sequence[dict[str, Any]], now: datetime, run: Run) -> dict[str, Any]:
    """Lambda's partial batch response: a page that could not be read, or whose next message could not be sent, is
    delivered again."""
    failed = [record["messageId"] for record in records if not _handled(record, now, run)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _handled(record: dict[str, Any], now: datetime, run: Run) -> bool:
    try:
        message = Message(**json.loads(record["body"]))
        following = _page(message, now, run)
        if following:
            aws.client("sqs").send_message(QueueUrl=run.queue_url(message.job), MessageBody=following.body())
    except Exception as error:
        telemetry.log_failure(error, message_id=record["messageId"])
        return False
    return True


def _page(message: Message, now: datetime, run: Run) -> Message | None:
    """Handles one page; the message for the next, or None after the last."""
    try:
        published = store.current(now)
    except store.NothingPublished:
        # A brand that has not opened yet: nobody is a member.
        return None
    if message.through:
        # Raises ValueError for what is neither a date nor an instant: the index would be read to its end.
        datetime.fromisoformat(message.through)
    # A run ends where it set out to: DynamoDB refuses a cursor beyond the condition.
    through = message.through or run.through(message.job, now, published.rulebook.brand.time_zone)
    found, cursor = run.page(message.job, message.shard, through, message.cursor)
    entries = failed = 0
    for due in found:
        try:
            entries += run.handle(message.job, due, published, now)
        except Exception as error:
            failed += 1
            telemetry.log_failure(error, job=message.job, member_id=due[0])
    if found:
        telemetry.log("due_page", job=message.job, shard=message.shard, members=len(found), entries=entries)
    if failed:
        telemetry.count("members_not_decided", failed, job=message.job, stage=settings().stage)
    return Message(message.job, message.shard, through, cursor) if cursor else None
