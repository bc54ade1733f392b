"""What happens by itself: the schedules, and one delivery of each kind to the workers of their queues."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Any
from unittest.mock import patch

from chalicelib import ledger
from chalicelib.earning.workers import pending_release, points_due, points_expiry
from chalicelib.engine.account import Account
from chalicelib.engine.events import Cause, TierSet
from chalicelib.engine.process import process
from chalicelib.ledger import book, due
from chalicelib.ledger.codec import account_item
from chalicelib.ledger.items import AccountItem
from chalicelib.rulebook import store
from chalicelib.rulebook.model import Published
from chalicelib.tiers.workers import benefit_grants, tier_due, tier_review
from tests.budgets.members import Call, Scene
from tests.harness import world
from tests.harness.api import Api

EVENT = {
    "version": "0", "account": "1", "region": "us-east-1", "detail": {}, "detail-type": "Scheduled Event",
    "source": "aws.events", "time": "2026-11-24T04:00:00Z", "id": "e", "resources": [],
}  # fmt: skip
SHARD = "07"


def _ids(count: int) -> list[str]:
    """Member ids of one shard of the due indexes."""
    found: list[str] = []
    for number in range(1000):
        member_id = f"M{number:018}"
        if account_item(Account(member_id, points_due_on=date.max)).points_due_shard == SHARD:
            found.append(member_id)
    return found[:count]


def _points(api: Api, members: int) -> None:
    """Members who joined eleven months ago: the first notice that their points expire is due."""
    published = store.current(api.clock.now)
    for member_id in _ids(members):
        world.join(member_id, published, api.clock.now)
    api.clock.now = api.clock.now.replace(year=api.clock.now.year + 1, month=10, day=31)


def _made_gold(published: Published, member_id: str, now: datetime) -> None:
    event = TierSet(Cause(member_id, "gold"), "gold", "a scene", "test")
    ledger.execute(member_id, lambda account: process(published, account, event, now), body_hash="gold")


def _tiers(api: Api, members: int) -> None:
    """Members who were just made gold: the month's coupon is due."""
    published = store.current(api.clock.now)
    for member_id in _ids(members):
        world.join(member_id, published, api.clock.now)
        _made_gold(published, member_id, api.clock.now)


def _deliver(worker: Any, job: str) -> Any:
    record = {"messageId": "m-1", "body": json.dumps({"job": job, "shard": SHARD})}
    return worker({"Records": [record]}, None)


def _page(make: Callable[[Api, int], None], members: int, worker: Any, job: str) -> Scene:
    def scene(api: Api) -> Call:
        make(api, members)
        return lambda: _deliver(worker, job)

    return scene


def _first_of_two_pages(make: Callable[[Api, int], None], worker: Any, job: str) -> Scene:
    def scene(api: Api) -> Call:
        make(api, 2)

        def call() -> Any:
            with patch.object(due, "PAGE", 1):
                return _deliver(worker, job)

        return call

    return scene


def _at_the_same_time(make: Callable[[Api, int], None], worker: Any, job: str) -> Scene:
    """After this delivery has read the account, another does all there is to do; both are counted."""

    def scene(api: Api) -> Call:
        make(api, 1)

        def call() -> Any:
            with _overtaken(lambda: _deliver(worker, job)):
                return _deliver(worker, job)

        return call

    return scene


def _overtaken(other: Callable[[], Any]) -> AbstractContextManager[Any]:
    original, waiting = book.load_item, [other]

    def load_item(member_id: str) -> AccountItem:
        item = original(member_id)
        if waiting:
            assert waiting.pop()() == {"batchItemFailures": []}
        return item

    return patch.object(book, "load_item", load_item)


def _schedule(function: Any) -> Scene:
    return lambda api: lambda: function(EVENT, None)


SCENES: dict[str, Scene] = {
    "PendingRelease": _schedule(pending_release),
    "PointsExpiry": _schedule(points_expiry),
    "BenefitGrants": _schedule(benefit_grants),
    "TierReview": _schedule(tier_review),
    "PointsDue": _page(_points, 1, points_due, "points_expiry"),
    "PointsDue, nobody": _page(_points, 0, points_due, "points_expiry"),
    "PointsDue, who is the other job's": _page(_points, 1, points_due, "pending_release"),
    "PointsDue, followed by another page": _first_of_two_pages(_points, points_due, "points_expiry"),
    "PointsDue, twice at the same time": _at_the_same_time(_points, points_due, "points_expiry"),
    "TierDue": _page(_tiers, 1, tier_due, "benefit_grants"),
    "TierDue, followed by another page": _first_of_two_pages(_tiers, tier_due, "benefit_grants"),
    "TierDue, twice at the same time": _at_the_same_time(_tiers, tier_due, "benefit_grants"),
}
