"""One typical delivery to every worker, prepared."""

import json
from typing import Any

from chalicelib.earning.workers import orders
from chalicelib.insights.workers import count_facts
from chalicelib.notices.workers import relay
from tests.budgets.members import Call, Scene, paid, regular
from tests.harness.api import Api, Member
from tests.harness.meter import stored


def order_message(api: Api, member: Member, number: int = 1, **changes: Any) -> dict[str, Any]:
    """A delivery of `orders.fifo`."""
    paid_at = api.clock.now.isoformat()
    body = {
        "order_id": f"o-{number}",
        "member_id": member.member_id,
        "paid_at": paid_at,
        "amount_fen": 9_900,
        **changes,
    }
    attributes = {"MessageGroupId": member.member_id}
    return {"messageId": f"m-{number}", "body": json.dumps(body), "attributes": attributes}


def _orders(api: Api) -> Call:
    message = order_message(api, regular(api))
    return lambda: orders({"Records": [message]}, None)


def _orders_refund(api: Api) -> Call:
    body = {"type": "refund", "order_id": "o-1", "refund_id": "r-1", "amount_fen": 3_300}
    record = {"messageId": "m-1", "body": json.dumps(body), "attributes": {"MessageGroupId": paid(api).member_id}}
    return lambda: orders({"Records": [record]}, None)


def _orders_again(api: Api) -> Call:
    call = _orders(api)
    assert call() == {"batchItemFailures": []}
    return call


def _orders_poison(api: Api) -> Call:
    message = order_message(api, regular(api), amount_fen=-1)
    return lambda: orders({"Records": [message]}, None)


def _relay(api: Api) -> Call:
    member = paid(api)
    key = {"scope": {"S": "order#o-1"}, "cause": {"S": "order#o-1"}}
    image = stored("membership-test-journal", key)
    assert image
    assert image["member_id"]["S"] == member.member_id
    record = {"eventName": "INSERT", "dynamodb": {"SequenceNumber": "1", "NewImage": image}}
    return lambda: relay({"Records": [record]}, None)


def _facts(api: Api) -> Call:
    fact = {"member_id": "M000000000000000001", "seq": 1, "kind": "order_paid", "points": 10, "on": "2026-11-24"}
    record = {"messageId": "m-1", "body": json.dumps(fact)}
    return lambda: count_facts({"Records": [record]}, None)


def _facts_again(api: Api) -> Call:
    call = _facts(api)
    assert call() == {"batchItemFailures": []}
    return call


SCENES: dict[str, Scene] = {
    "Orders": _orders,
    "Orders, a refund": _orders_refund,
    "Orders, delivered again": _orders_again,
    "Orders, never to succeed": _orders_poison,
    "Relay": _relay,
    "CountFacts": _facts,
    "CountFacts, delivered again": _facts_again,
}
