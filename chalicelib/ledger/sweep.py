"""A job over everybody who is due: a message for each shard, a page for each message, the page's cursor the next one.

Killed at any moment, the run goes on from the message that was not finished: it is delivered again, and what was done
is not done again. A member who cannot be decided stops nobody: the log and a metric tell of it, and the index still
names the member when the next run comes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.ledger import due
from chalicelib.rulebook import store
from chalicelib.shared import aws, telemetry
from chalicelib.shared.config import settings

# SQS: at most 10 messages a batch.
BATCH = 10


class NotStarted(Exception):
    """SQS did not take some shards' messages (their codes). Lambda tries again, and so does the next run."""


@dataclass(frozen=True)
class _Message:
    """A page to handle. `through` and `cursor` are those of the page before; None: the run begins."""

    job: str
    shard: str
    through: str | None = None
    cursor: Any = None

    def body(self) -> str:
        return json.dumps(vars(self), separators=(",", ":"))


def start(job: str, shards: Sequence[str] = due.SHARDS) -> None:
    """Asks for a run of the job, over these shards. Raises NotStarted."""
    messages = [{"Id": shard, "MessageBody": _Message(job, shard).body()} for shard in shards]
    url = _queue_url(job)
    for first in range(0, len(messages), BATCH):
        answer = aws.client("sqs").send_message_batch(QueueUrl=url, Entries=messages[first : first + BATCH])
        if answer.get("Failed"):
            raise NotStarted(sorted({failure["Code"] for failure in answer["Failed"]}))


def _queue_url(job: str) -> str:
    found = settings()
    urls = {"points": found.points_due_queue_url, "tier": found.tier_due_queue_url, "holds": found.holds_due_queue_url}
    return urls[due.JOBS[job].index]


def handle_batch(records: Sequence[dict[str, Any]], now: datetime, also: due.AlsoFor) -> dict[str, Any]:
    """Lambda's partial batch response: a page that could not be read, or whose next message could not be sent, is
    delivered again. `also`: what the room writes beside each entry."""
    failed = [record["messageId"] for record in records if not _handled(record, now, also)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _handled(record: dict[str, Any], now: datetime, also: due.AlsoFor) -> bool:
    try:
        message = _Message(**json.loads(record["body"]))
        following = _page(message, now, also)
        if following:
            aws.client("sqs").send_message(QueueUrl=_queue_url(message.job), MessageBody=following.body())
    except Exception as error:
        telemetry.log_failure(error, message_id=record["messageId"])
        return False
    return True


def _page(message: _Message, now: datetime, also: due.AlsoFor) -> _Message | None:
    """Handles one page; the message for the next, or None after the last."""
    try:
        published = store.current(now)
    except store.NothingPublished:
        # A brand that has not opened yet: nobody is a member.
        return None
    job = due.JOBS[message.job]
    if message.through:
        # Raises ValueError for what is neither a date nor an instant: the index would be read to its end.
        datetime.fromisoformat(message.through)
    # A run ends where it set out to: DynamoDB refuses a cursor beyond the condition.
    through = message.through or due.through(job.index, now, published.rulebook.brand.time_zone)
    member_ids, cursor = due.page(job.index, message.shard, through, message.cursor)
    entries = failed = 0
    for member_id in member_ids:
        try:
            entries += len(due.run(job.index, member_id, published, now, also, job))
        except Exception as error:
            failed += 1
            telemetry.log_failure(error, job=message.job, member_id=member_id)
    if member_ids:
        telemetry.log("due_page", job=message.job, shard=message.shard, members=len(member_ids), entries=entries)
    if failed:
        telemetry.count("members_not_decided", failed, job=message.job, stage=settings().stage)
    return _Message(message.job, message.shard, through, cursor) if cursor else None
