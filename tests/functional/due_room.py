"""The scheduled functions and their queues on the test cloud, run as EventBridge, SQS and Lambda run them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from chalicelib import ledger
from chalicelib.earning import workers as earning
from chalicelib.engine.account import Account
from chalicelib.engine.events import Caused
from chalicelib.engine.process import process
from chalicelib.holds import workers as holds
from chalicelib.ledger.codec import account_item
from chalicelib.ledger.due import JOBS
from chalicelib.ledger.items import EntryItem
from chalicelib.notices import inbox
from chalicelib.rulebook import store
from chalicelib.shared import aws
from chalicelib.shared.config import settings
from chalicelib.tiers import reevaluation
from chalicelib.tiers import workers as tiers
from tests.harness import world
from tests.harness.api import Clock

SCHEDULED = {
    "pending_release": earning.pending_release,
    "points_expiry": earning.points_expiry,
    "tier_review": tiers.tier_review,
    "benefit_grants": tiers.benefit_grants,
    "hold_expiry": holds.hold_expiry,
}
WORKERS = {"points": earning.points_due, "tier": tiers.tier_due, "holds": holds.holds_due}
EVENT = {
    "version": "0", "account": "1", "region": "us-east-1", "detail": {}, "detail-type": "Scheduled Event",
    "source": "aws.events", "time": "2026-11-24T04:00:00Z", "id": "e", "resources": [],
}  # fmt: skip
SHANGHAI = "Asia/Shanghai"


class Due:
    """The two queues, and the functions around them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sqs = aws.client("sqs")
        self.urls: dict[str, str] = {}
        for index in WORKERS:
            # A message that failed is there again at once.
            queue = {"QueueName": f"membership-test-{index}-due", "Attributes": {"VisibilityTimeout": "0"}}
            self.urls[index] = self.sqs.create_queue(**queue)["QueueUrl"]
            monkeypatch.setenv(f"{index.upper()}_DUE_QUEUE_URL", self.urls[index])
        # The review's function also asks for the evaluation of everybody under a new rulebook: another test's matter.
        monkeypatch.setattr(reevaluation, "reevaluate_if_new", lambda now: None)
        settings.cache_clear()

    def start(self, job: str) -> None:
        """The schedule fires."""
        SCHEDULED[job](EVENT, None)

    def next(self, index: str) -> dict[str, Any] | None:
        """A waiting message as SQS hands it over; None when the queue is empty."""
        found = self.sqs.receive_message(QueueUrl=self.urls[index], MaxNumberOfMessages=1).get("Messages")
        return found[0] if found else None

    def take(self, index: str) -> list[str]:
        """Everything out of the queue, handled by nobody."""
        found = []
        while message := self.next(index):
            self.sqs.delete_message(QueueUrl=self.urls[index], ReceiptHandle=message["ReceiptHandle"])
            found.append(str(message["Body"]))
        return found

    def deliver(self, index: str, times: int = 1) -> bool:
        """The next message, that often, to its worker. False when none waits."""
        message = self.next(index)
        if message is None:
            return False
        for _ in range(times):
            assert handle(index, message["Body"]) == []
        self.sqs.delete_message(QueueUrl=self.urls[index], ReceiptHandle=message["ReceiptHandle"])
        return True

    def drain(self, job: str, times: int = 1) -> int:
        """Message after message until there is none; how many."""
        count = 0
        while self.deliver(JOBS[job].index, times):
            count += 1
            assert count < 1_000, "a run that does not end"
        return count

    def run(self, *jobs: str, times: int = 1) -> int:
        """An hour's run of these jobs, each to its end; how many messages it took."""
        count = 0
        for job in jobs or tuple(JOBS):
            self.start(job)
            count += self.drain(job, times)
        return count


def handle(index: str, *bodies: str) -> list[str]:
    """One delivery to the worker, message ids m0, m1, …; those given back."""
    records = [{"messageId": f"m{number}", "body": body} for number, body in enumerate(bodies)]
    answer = WORKERS[index]({"Records": records}, None)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def at(day: date, hour: int = 0, minute: int = 0, zone: str = SHANGHAI) -> datetime:
    """A time of day in the brand's zone, as the clock has it: UTC."""
    return datetime.combine(day, time(hour, minute), ZoneInfo(zone)).astimezone(UTC)


def before_midnight(day: date, zone: str = SHANGHAI) -> datetime:
    """The last minute before that day."""
    return at(day - timedelta(days=1), 23, 59, zone)


def join(number: int, when: datetime) -> Account:
    """Member number n, who joined then."""
    return world.join(f"M{number:018}", store.current(when), when)


def happen(account: Account, event: Caused, when: datetime) -> Account:
    """Something happened to the member then."""
    published = store.current(when)
    outcome = ledger.execute(
        account.member_id, lambda found: process(published, found, event, when), body_hash=event.cause.key
    )
    assert outcome.account
    return outcome.account


def kinds(member_id: str) -> list[str]:
    """What happened to the member, oldest first."""
    return [item.kind for item in EntryItem.by_seq.query(member_id)]


def told(member_id: str) -> list[str]:
    """Kinds of the member's notices, oldest first."""
    return [notice.kind for notice in reversed(inbox.page(member_id, 100, None)[0])]


def timeline(due: Due, clock: Clock, member_id: str, when: datetime, jobs: Sequence[str] = ()) -> list[str]:
    """What a run at that moment does to the member."""
    clock.now = when
    before = len(kinds(member_id))
    due.run(*jobs)
    return kinds(member_id)[before:]


def shard_of(member_id: str) -> str:
    """Where the due indexes have the member."""
    return str(account_item(Account(member_id, points_due_on=date.max)).points_due_shard)
