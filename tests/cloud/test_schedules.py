"""What happens by itself, as deployed: the schedules stand, and one that fires has every due member dealt with, page by
page through its queue, with no more rights than its role has. The functions' clock is the real one, so members are
brought in as of long ago."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.engine.account import Account
from chalicelib.engine.events import Cause, Caused, OrderPaid, TierSet
from chalicelib.engine.process import process
from chalicelib.ledger.codec import account_item
from chalicelib.ledger.due import PAGE, SHARDS
from chalicelib.ledger.items import AccountItem
from chalicelib.rulebook import store
from chalicelib.rulebook.model import Pending, Published
from chalicelib.shared import clock
from chalicelib.shared.ids import new_member_id
from infra.app_stack import SCHEDULES
from tests.cloud.brand import STAGE, Brand, Stack, eventually
from tests.cloud.order_queue import waiting
from tests.harness import world
from tests.harness.api import Member

LONG_AGO = timedelta(days=800)  # points of then have expired, and nobody was told
QUEUES = {
    "PendingRelease": "PointsDue",
    "PointsExpiry": "PointsDue",
    "BenefitGrants": "TierDue",
    "TierReview": "TierDue",
    "HoldExpiry": "HoldsDue",
}


def fire(stack: Stack, function: str) -> None:
    """What EventBridge sends at the schedule's minute."""
    event = {
        "version": "0", "id": "e", "detail-type": "Scheduled Event", "source": "aws.events", "account": "0",
        "time": "2026-11-24T04:00:00Z", "region": "us-east-1", "resources": [], "detail": {},
    }  # fmt: skip
    answer = stack.client("lambda").invoke(FunctionName=f"membership-{STAGE}-{function}", Payload=json.dumps(event))
    assert "FunctionError" not in answer, answer["Payload"].read()


def run(stack: Stack, function: str) -> None:
    """Fires, and waits until the last page was handled."""
    fire(stack, function)
    eventually(lambda: waiting(stack.client("sqs"), stack.outputs[f"{QUEUES[function]}QueueUrl"]), 0)


@pytest.fixture
def nothing_dead(stack: Stack) -> Iterator[None]:
    """Whatever the test did, no message was given up."""
    yield
    sqs = stack.client("sqs")
    for queue in ("points-due", "tier-due", "holds-due"):
        url = sqs.get_queue_url(QueueName=f"membership-{STAGE}-{queue}-dead")["QueueUrl"]
        assert waiting(sqs, url) == 0


def current() -> Published:
    return store.current(clock.now())


def happened(account: Account, event: Caused, when: datetime, published: Published | None = None) -> None:
    """Something happened to the member then, by the rules now in force unless told."""
    rules = published or current()
    ledger.execute(account.member_id, lambda found: process(rules, found, event, when), body_hash=event.cause.key)


def joined(brand: Brand, when: datetime) -> tuple[Account, Member]:
    """Who joined then, and has logged in today."""
    name = brand.fresh("old")
    account = world.join(new_member_id(), current(), when, brand.stack.wechat.openid(name))
    return account, brand.log_in(name)


def told(brand: Brand, member: Member) -> list[str]:
    """Kinds of the member's notices, oldest first, over HTTP; but for those of coupons, which come when their facts
    have arrived."""
    reply = brand.call("GET", "/v1/me/notices?limit=100", token=member.token)
    assert reply.status == 200, reply
    kinds = [notice["kind"] for notice in reversed(reply.body["items"])]
    return [kind for kind in kinds if not kind.startswith("coupon_")]


def rule_of(stack: Stack, function: str) -> Any:
    """(expression, state) of the one rule whose target is the function."""
    events, arn = stack.client("events"), f":function:membership-{STAGE}-{function}"
    found = []
    for rule in events.list_rules()["Rules"]:
        targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        if any(target["Arn"].endswith(arn) for target in targets):
            found.append((rule["ScheduleExpression"], rule["State"]))
    (only,) = found
    return only


@pytest.mark.parametrize("function", SCHEDULES)
def test_each_schedule_stands_on_its_own_function_every_hour_or_minute(stack: Stack, function: str) -> None:
    expression, state = rule_of(stack, function)
    assert expression.startswith("cron(")
    assert expression.endswith(" * * * ? *)")
    assert state == "ENABLED"


@pytest.mark.usefixtures("nothing_dead")
def test_points_that_nobody_was_told_of_are_announced_and_stay(brand: Brand, stack: Stack) -> None:
    account, member = joined(brand, clock.now() - LONG_AGO)
    run(stack, "PointsExpiry")
    lots = brand.call("GET", "/v1/me/points", token=member.token).body["lots"]
    assert [lot["points"] for lot in lots] == [100]
    # The second notice has its own time, a week before the date that has moved.
    assert [bool(notice["given_on"]) for notice in lots[0]["notices"]] == [True, False]
    assert lots[0]["expires_on"] > clock.now().date().isoformat()
    assert told(brand, member) == ["expiry_noticed"]
    seq = ledger.load(account.member_id).seq
    run(stack, "PointsExpiry")
    assert ledger.load(account.member_id).seq == seq


@pytest.mark.usefixtures("nothing_dead")
def test_pending_points_are_released(brand: Brand, stack: Stack) -> None:
    paid_at = clock.now() - timedelta(days=20)
    account, member = joined(brand, paid_at)
    rules = current()
    waiting_rules = rules.rulebook.model_copy(update={"pending": Pending(mode="days", days=7)})
    waits = Published(version=rules.version, rulebook=waiting_rules)
    order_id = brand.fresh("order")
    cause = Cause(f"order#{order_id}", f"order#{order_id}")
    happened(account, OrderPaid(cause, order_id, paid_at, 10_000), paid_at, waits)
    assert ledger.load(account.member_id).pending_total > 0
    run(stack, "PointsExpiry")
    assert ledger.load(account.member_id).pending_total > 0  # the other job's step is left to it
    run(stack, "PendingRelease")
    assert ledger.load(account.member_id).pending_total == 0
    assert told(brand, member) == ["pending_released"]


@pytest.mark.usefixtures("nothing_dead")
def test_a_gold_member_of_long_ago_gets_what_is_due_and_is_warned_before_anything_is_lost(
    brand: Brand, stack: Stack
) -> None:
    account, member = joined(brand, clock.now() - LONG_AGO)
    happened(account, TierSet(Cause(account.member_id, "gold"), "gold", "a test", "test"), clock.now() - LONG_AGO)
    run(stack, "BenefitGrants")
    run(stack, "TierReview")
    assert told(brand, member) == ["benefits_granted", "tier_warned"]
    assert brand.call("GET", "/v1/me/tier", token=member.token).body["code"] == "gold"


@pytest.mark.usefixtures("nothing_dead")
def test_more_members_than_a_page_holds_are_all_reached(brand: Brand, stack: Stack) -> None:
    published, when, shard = current(), clock.now() - LONG_AGO, SHARDS[3]
    ids: list[str] = []
    while len(ids) < 2 * PAGE + 1:
        account = Account(new_member_id(), points_due_on=when.date())
        if account_item(account).points_due_shard == shard:
            ids.append(account.member_id)
            world.join(account.member_id, published, when)
    assert len(due_in(shard)) >= len(ids)
    run(stack, "PointsExpiry")
    assert due_in(shard) == set()
    assert [ledger.statement(member_id, 1, None)[0][0].kind for member_id in ids] == ["expiry_noticed"] * len(ids)


def due_in(shard: str) -> set[str]:
    """Whom the index names today."""
    return {item.id for item in AccountItem.by_points_due.query(
        shard, AccountItem.points_due_on <= clock.now().date().isoformat())}  # fmt: skip
