"""Orders of which a part was paid in points, as merchants report them: over HTTP, on the queue, in a preview."""

import json
from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.earning.workers import orders
from tests.functional.holds_room import capture, held, open_till, points_of, refund
from tests.functional.redemptions_room import rich
from tests.harness.api import Api, Member


@pytest.fixture
def ann(api: Api) -> Member:
    open_till(api)
    return rich(api)


def spent(api: Api, member: Member) -> int:
    return api.account(member).counters.get("spend_fen", {}).get("life", 0)


def earned(api: Api, member: Member, order_id: str) -> int:
    (entry, *_) = ledger.scope(f"order#{order_id}")
    return sum(points for _, points in entry.facts["grants"])


def test_a_checkout_from_the_hold_to_the_last_refund(api: Api, ann: Member) -> None:
    """10 yuan, 4 of them in points; half is refunded in both, then the rest."""
    held(api, ann, 400, amount_fen=1_000)
    capture(api)
    assert api.order(ann, 600, "o-1", offset_fen=400).status == 200
    assert spent(api, ann) == 600
    given = earned(api, ann, "o-1")
    before = api.account(ann).balance
    assert api.refund("o-1", "r-1", 300, offset_fen=200).status == 200
    assert refund(api, 200).status == 200
    assert spent(api, ann) == 300
    assert api.refund("o-1", "r-2", 301).code == "REFUND_EXCEEDS_ORDER"
    assert api.refund("o-1", "r-2", 300, offset_fen=200).status == 200
    assert refund(api, 200, "r-2").status == 200
    assert (spent(api, ann), api.account(ann).balance) == (0, before + 400 - given)


def test_where_it_earns_it_counts_as_money(api: Api, ann: Member) -> None:
    plain = api.order(ann, 600, "o-1", offset_fen=400).body["entry"]
    open_till(api, earns=True)
    bob = rich(api, "bob")
    both, money = api.order(bob, 600, "o-2", offset_fen=400), api.order(rich(api, "cyd"), 1_000, "o-3")
    assert both.body["entry"]["points"] == money.body["entry"]["points"] > plain["points"]
    assert (spent(api, ann), spent(api, bob)) == (600, 1_000)


def test_a_refund_of_points_alone_is_one(api: Api, ann: Member) -> None:
    api.order(ann, 600, "o-1", offset_fen=400)
    before = points_of(api, ann)
    reply = api.refund("o-1", "r-1", 0, offset_fen=100)
    assert reply.status == 200
    assert points_of(api, ann) == before
    assert api.refund("o-1", "r-1", 0, offset_fen=100).headers["Idempotency-Replayed"] == "true"
    assert api.refund("o-1", "r-1", 0, offset_fen=101).code == "IDEMPOTENCY_MISMATCH"
    assert api.refund("o-1", "r-2", 0).status == 422


def test_an_order_is_another_when_its_part_in_points_is(api: Api, ann: Member) -> None:
    fields = {"paid_at": "2026-11-24T03:00:00Z"}
    assert api.order(ann, 600, "o-1", offset_fen=400, **fields).status == 200
    assert api.order(ann, 600, "o-1", offset_fen=400, **fields).headers["Idempotency-Replayed"] == "true"
    assert api.order(ann, 600, "o-1", **fields).code == "IDEMPOTENCY_MISMATCH"
    # Said or left out, nothing in points is the same order as ever.
    assert api.order(ann, 600, "o-2", **fields).status == 200
    assert api.order(ann, 600, "o-2", offset_fen=0, **fields).headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("offset_fen", [-1, 10**12 + 1, "1", 1.0, True, None], ids=repr)
def test_a_bad_part_is_named(api: Api, ann: Member, offset_fen: Any) -> None:
    replies = [api.order(ann, 600, "o-1", offset_fen=offset_fen), api.refund("o-1", "r", 1, offset_fen=offset_fen)]
    for reply in replies:
        assert (reply.status, reply.body["error"]["details"][0]["field"]) == (422, "offset_fen")


def test_items_are_of_the_money(api: Api, ann: Member) -> None:
    assert api.order(ann, 600, "o-1", offset_fen=400, items=[{"amount_fen": 601}]).status == 422
    assert api.order(ann, 600, "o-1", offset_fen=400, items=[{"amount_fen": 600}]).status == 200


def test_a_refund_before_its_order_waits_with_its_part_in_points(api: Api, ann: Member) -> None:
    assert api.refund("o-1", "r-1", 300, offset_fen=200).status == 202
    assert api.order(ann, 600, "o-1", offset_fen=400).status == 200
    assert spent(api, ann) == 300
    over = api.refund("o-1", "r-2", 300, offset_fen=201)
    assert over.body["error"]["details"] == [
        {"field": "offset_fen", "problem": "200 fen of this order can be refunded"}
    ]  # fmt: skip
    assert api.refund("o-1", "r-2", 300, offset_fen=200).status == 200
    assert spent(api, ann) == 0


def test_preview_and_queue_take_it_too(api: Api, ann: Member) -> None:
    open_till(api, earns=True)
    body = {
        "order_id": "o-1", "member_id": ann.member_id, "paid_at": api.clock.now.isoformat(), "amount_fen": 600,
        "offset_fen": 400,
    }  # fmt: skip
    preview = api.merchant("POST", "/v1/points/preview", body).body["entry"]
    messages = [body, {"type": "refund", "order_id": "o-1", "refund_id": "r", "amount_fen": 0, "offset_fen": 400}]
    for number, message in enumerate(messages):
        record = {"messageId": f"m{number}", "body": json.dumps(message), "attributes": {"MessageGroupId": "g"}}
        assert orders({"Records": [record]}, None) == {"batchItemFailures": []}
        if not number:
            assert (spent(api, ann), preview["points"]) == (1_000, ledger.scope("order#o-1")[0].points)
    assert spent(api, ann) == 600
