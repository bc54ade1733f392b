"""Entries become figures: journal → stream → relay → topic → queue → counter. Each once, whatever is delivered twice or
held up on the way."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest

from chalicelib.insights import service
from chalicelib.ledger.codec import entry_of
from chalicelib.ledger.items import EntryItem
from chalicelib.notices.service import fact
from chalicelib.shared.clock import business_date
from tests.cloud.brand import STAGE, Brand, Stack, entries, eventually, role_of
from tests.cloud.order_queue import waiting
from tests.harness.api import Member

ZONE = "Asia/Shanghai"

Figures = dict[tuple[date, str], tuple[int, int]]


def journalled() -> Figures:
    """(business date, kind) → entries and points, counted from the journal itself."""
    found: Figures = defaultdict(lambda: (0, 0))
    for item in EntryItem.scan(EntryItem.seq.exists()):
        key = (business_date(entry_of(item).at, ZONE), item.kind)
        found[key] = (found[key][0] + 1, found[key][1] + int(item.points))
    return dict(found)


def counted() -> Figures:
    """The same, as insights counted it from facts. Test clocks have left entries years away."""
    figures = [figure for day in {day for day, _ in journalled()} for figure in service.figures(day, day)]
    return {(figure.day, figure.kind): (figure.entries, figure.points) for figure in figures}


@pytest.fixture
def metrics_queue(stack: Stack) -> str:
    return str(stack.client("sqs").get_queue_url(QueueName=f"membership-{STAGE}-metrics")["QueueUrl"])


def a_busy_day(brand: Brand) -> Member:
    """A member with an entry of each common kind."""
    member, order_id = brand.newcomer(), brand.fresh("order")
    replies = [
        brand.call("POST", "/v1/me/check-ins", token=member.token, key=brand.fresh()),
        brand.order(member, 12_300, order_id),
        brand.refund(order_id, brand.fresh("refund"), 5_000),
        brand.complete(order_id),
    ]
    assert [reply.status for reply in replies] == [200] * 4
    return member


def test_every_entry_is_counted_once_by_day_and_kind(brand: Brand) -> None:
    for _ in range(3):
        a_busy_day(brand)
    wanted = journalled()
    assert {kind for _, kind in wanted} >= {"joined", "check_in", "order_paid", "order_refunded", "order_completed"}
    eventually(counted, wanted)


def test_a_place_kept_for_an_order_is_no_fact_until_the_order_comes(brand: Brand) -> None:
    member, order_id = brand.newcomer(), brand.fresh("order")
    assert brand.refund(order_id, "r1", 100).status == 202
    eventually(counted, journalled())
    assert brand.order(member, 500, order_id).status == 200
    eventually(counted, journalled())


def test_a_fact_delivered_again_counts_nothing(brand: Brand, stack: Stack, metrics_queue: str) -> None:
    member = a_busy_day(brand)
    wanted = journalled()
    eventually(counted, wanted)
    sns, sqs = stack.client("sns"), stack.client("sqs")
    for item in entries(member) * 3:
        sns.publish(
            TopicArn=stack.outputs["FactsTopicArn"],
            Message=json.dumps(fact(entry_of(item), ZONE)),
            MessageAttributes={"kind": {"DataType": "String", "StringValue": item.kind}},
        )
    # One more that was never counted: when it is, those before it have been delivered too.
    brand.newcomer()
    eventually(lambda: waiting(sqs, metrics_queue), 0)
    eventually(counted, journalled())
    assert sum(count for count, _ in counted().values()) == sum(count for count, _ in wanted.values()) + 1


@contextmanager
def denied(stack: Stack, function: str, action: str) -> Iterator[None]:
    """Meanwhile the function's role may not do this."""
    iam, role = stack.client("iam"), role_of(stack, function)
    policy: dict[str, Any] = {"Effect": "Deny", "Action": [action], "Resource": ["*"]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
    iam.put_role_policy(RoleName=role, PolicyName="denied", PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="denied")


def test_facts_wait_for_a_topic_that_refuses_them(brand: Brand, stack: Stack) -> None:
    eventually(counted, journalled())
    before = counted()
    with denied(stack, "Relay", "sns:Publish*"):
        a_busy_day(brand)
        eventually(lambda: stack.said("Relay", "NothingRelayed") > 0, True)
        assert counted() == before
    eventually(counted, journalled())
    assert counted() != before
