"""Orders, their completion and their refunds, as a merchant's server reports them."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.earning.service import MAX_EARLY_REFUNDS
from infra.local.wechat_server import FakeWechat
from tests.harness.api import Api, Member, Reply

PENDING = {"pending": {"mode": "days", "days": 7}}


@pytest.fixture
def ann(api: Api) -> Member:
    return api.log_in("ann")


def books(api: Api, member: Member) -> tuple[int, int, int]:
    """balance, pending, debt as stored."""
    account = api.account(member)
    return account.balance, account.pending_total, account.debt


def replayed(reply: Reply) -> bool:
    return reply.status == 200 and reply.headers.get("Idempotency-Replayed") == "true"


def test_a_paid_order_is_answered_with_its_entry(api: Api, ann: Member) -> None:
    reply = api.order(ann, 26_800, "A-1", items=[{"category": "featured", "amount_fen": 6_800, "sku": "S"}])
    assert reply.status == 200
    assert {name: reply.body[name] for name in ("status", "order_id", "member_id")} == {
        "status": "recorded", "order_id": "A-1", "member_id": ann.member_id,
    }  # fmt: skip
    entry = reply.body["entry"]
    assert (entry["kind"], entry["cause"], entry["seq"]) == ("order_paid", "order#A-1", 2)
    assert (entry["points"], entry["balance_after"], entry["debt_after"]) == (436, 536, 0)
    assert [(line["rule"], line["points"]) for line in entry["lines"]] == [("purchase", 336), ("first_order", 100)]
    assert "Idempotency-Replayed" not in reply.headers


def test_an_order_names_its_member_by_id_or_by_openid_and_is_the_same_order_either_way(
    api: Api, ann: Member, wechat: FakeWechat
) -> None:
    paid_at = api.clock.now.isoformat()
    order = {"order_id": "A-1", "paid_at": paid_at, "amount_fen": 10_000}
    by_openid = api.merchant("POST", "/v1/orders", {**order, "openid": wechat.rules.openid("ann")})
    assert (by_openid.status, by_openid.body["member_id"]) == (200, ann.member_id)
    by_id = api.merchant("POST", "/v1/orders", {**order, "member_id": ann.member_id})
    assert replayed(by_id)
    assert by_id.body == by_openid.body
    for who in ({}, {"member_id": ann.member_id, "openid": wechat.rules.openid("ann")}):
        assert api.merchant("POST", "/v1/orders", {**order, "order_id": "A-2", **who}).status == 422
    for who in ({"openid": wechat.rules.openid("nobody")}, {"member_id": "M" + "0" * 18}):
        refused = api.merchant("POST", "/v1/orders", {**order, "order_id": "A-2", **who})
        assert (refused.status, refused.code) == (404, "MEMBER_UNKNOWN")
    assert api.account(ann).seq == 2


def test_a_repeat_gets_the_first_answer_and_other_content_is_refused(api: Api, ann: Member) -> None:
    paid_at = api.clock.now.isoformat()
    first = api.order(ann, 10_000, "A-1", paid_at=paid_at)
    api.order(ann, 5_000, "A-2")
    api.clock.pass_(days=40)
    again = api.order(ann, 10_000, "A-1", paid_at=paid_at)
    assert replayed(again)
    assert again.body == first.body
    bob = api.log_in("bob")
    for changed in (
        api.order(ann, 10_001, "A-1", paid_at=paid_at),
        api.order(ann, 10_000, "A-1", paid_at=api.clock.now.isoformat()),
        api.order(ann, 10_000, "A-1", paid_at=paid_at, items=[{"amount_fen": 1}]),
        api.order(bob, 10_000, "A-1", paid_at=paid_at),
    ):
        assert (changed.status, changed.code) == (409, "IDEMPOTENCY_MISMATCH")
        assert changed.body["error"]["retryable"] is False
    assert (api.account(ann).seq, api.account(bob).seq) == (3, 1)
    # The same instant written otherwise is the same order.
    assert replayed(api.order(ann, 10_000, "A-1", paid_at=paid_at.replace("T04:00:00+00:00", "T12:00:00+08:00")))


ITEM = {"amount_fen": 100, "category": "toys"}


@pytest.mark.parametrize("where", ["/v1/orders", "/v1/points/preview"])
def test_orders_that_cannot_be_are_refused_field_by_field(api: Api, ann: Member, where: str) -> None:
    good: dict[str, Any] = {
        "order_id": "A-1", "member_id": ann.member_id, "paid_at": "2026-11-24T03:00:00Z", "amount_fen": 50_000,
    }  # fmt: skip
    bad: list[tuple[str, dict[str, Any]]] = [
        ("amount_fen", {"amount_fen": -1}),
        ("amount_fen", {"amount_fen": 10**12 + 1}),
        ("amount_fen", {"amount_fen": "100"}),
        ("amount_fen", {"amount_fen": 100.0}),
        ("amount_fen", {"amount_fen": None}),
        ("amount_fen", {"amount_fen": True}),
        ("order_id", {"order_id": ""}),
        ("order_id", {"order_id": "a#b"}),
        ("order_id", {"order_id": "x" * 65}),
        ("member_id", {"member_id": "nobody"}),
        ("paid_at", {"paid_at": "2026-11-24T03:00:00"}),
        ("paid_at", {"paid_at": "yesterday"}),
        ("paid_at", {"paid_at": "0001-01-01T00:00:00+14:00"}),
        ("paid_at", {"paid_at": "1969-12-31T23:59:59Z"}),
        ("paid_at", {"paid_at": "9999-12-31T23:59:59-14:00"}),
        ("items", {"items": [ITEM] * 501}),
        ("items.0.amount_fen", {"items": [{**ITEM, "amount_fen": -1}]}),
        ("items.0.quantity", {"items": [{**ITEM, "quantity": 0}]}),
        ("items.1.category", {"items": [ITEM, {**ITEM, "category": "c" * 33}]}),
        ("colour", {"colour": "red"}),
    ]
    for field, change in bad:
        reply = api.merchant("POST", where, {**good, **change})
        assert reply.status == 422, (change, reply)
        fields = [detail["field"] for detail in reply.body["error"]["details"]]
        assert any(name == field or name.endswith(f".{field}") for name in fields), (field, fields)
    sums = [("items amount to more", {"items": [ITEM] * 500, "amount_fen": 49_999})]
    for problem, change in sums:
        reply = api.merchant("POST", where, {**good, **change})
        assert (reply.status, problem in str(reply.body)) == (422, True)
    assert api.merchant("POST", where, {**good, "items": [ITEM] * 500}).status == 200


def test_the_amounts_and_instants_at_the_edge_are_taken(api: Api, ann: Member) -> None:
    assert api.order(ann, 0).body["entry"]["points"] == 100
    assert (
        api.order(ann, 10**12).body["entry"]["points"] == 10**10 + 200 + 500
    )  # and the tasks: a week's spend, a promotion
    assert api.order(ann, 100, paid_at="1970-01-01T00:00:00Z").status == 200
    within = api.order(ann, 100, paid_at=(api.clock.now + timedelta(minutes=5)).isoformat())
    assert within.status == 200
    beyond = api.order(ann, 100, "A-9", paid_at=(api.clock.now + timedelta(minutes=5, seconds=1)).isoformat())
    assert (beyond.status, beyond.code) == (422, "FROM_THE_FUTURE")
    assert beyond.body["error"]["details"] == [{"field": "paid_at", "problem": "in the future"}]
    many = [{"amount_fen": 100, "category": f"category-{n}"} for n in range(500)]
    assert api.order(ann, 50_000, items=many).status == 200


def test_the_rulebook_may_allow_less_than_the_schema(bare_api: Api) -> None:
    bare_api.publish({"limits": {"max_order_fen": 10_000, "max_points_per_entry": 10**9}})
    ann = bare_api.log_in()
    assert bare_api.order(ann, 10_000).status == 200
    assert bare_api.order(ann, 10_001).code == "ORDER_TOO_LARGE"


def test_completion_releases_what_waits_however_often_it_is_reported(bare_api: Api) -> None:
    api = bare_api
    api.publish(PENDING)
    ann = api.log_in()
    paid = api.order(ann, 10_000, "A-1").body["entry"]
    assert (paid["points"], paid["pending"], books(api, ann)) == (0, 200, (100, 200, 0))
    done = api.complete("A-1")
    assert (done.status, done.body["status"], done.body["member_id"]) == (200, "recorded", ann.member_id)
    assert (done.body["entry"]["kind"], done.body["entry"]["points"]) == ("order_completed", 200)
    api.clock.pass_(hours=1)
    again = api.complete("A-1")
    assert replayed(again)
    assert again.body == done.body
    assert books(api, ann) == (300, 0, 0)


def test_a_completion_before_its_order_waits_for_it(bare_api: Api) -> None:
    api = bare_api
    api.publish(PENDING)
    ann = api.log_in()
    for _ in range(2):
        early = api.complete("A-1")
        assert (early.status, early.body) == (
            202, {"status": "awaiting_order", "order_id": "A-1", "member_id": None, "entry": None},
        )  # fmt: skip
    paid = api.order(ann, 10_000, "A-1")
    assert (paid.body["entry"]["points"], paid.body["entry"]["pending"]) == (200, 0)
    again = api.complete("A-1")
    assert replayed(again)
    assert again.body["entry"] == paid.body["entry"]
    assert books(api, ann) == (300, 0, 0)


def test_partial_refunds_take_their_share_and_the_last_takes_the_rest(api: Api, ann: Member) -> None:
    api.order(ann, 10_000, "A-1")
    assert [api.refund("A-1", f"R{n}", fen).body["entry"]["points"] for n, fen in enumerate((1, 4_999, 5_000))] == [
        0, -100, -100,
    ]  # fmt: skip
    assert books(api, ann) == (100, 0, 0)
    over = api.refund("A-1", "R9", 1)
    assert (over.status, over.code) == (409, "REFUND_EXCEEDS_ORDER")
    assert over.body["error"]["details"] == [{"field": "amount_fen", "problem": "0 fen of this order can be refunded"}]
    # What was refunded in full before can still be asked about.
    repeat = api.refund("A-1", "R2", 5_000)
    assert replayed(repeat)
    assert repeat.body["entry"]["points"] == -100
    assert api.refund("A-1", "R2", 4_999).code == "IDEMPOTENCY_MISMATCH"


def test_a_refund_id_belongs_to_its_order(api: Api, ann: Member) -> None:
    api.order(ann, 10_000, "A-1")
    api.order(ann, 10_000, "A-2")
    assert [api.refund(order, "R1", 10_000).body["entry"]["points"] for order in ("A-1", "A-2")] == [-200, -100]


def test_refunds_that_cannot_be_are_refused(api: Api, ann: Member) -> None:
    api.order(ann, 10_000, "A-1")
    for body in (
        {"refund_id": "R1", "amount_fen": 0},
        {"refund_id": "R1", "amount_fen": -1},
        {"refund_id": "R#1", "amount_fen": 1},
        {"refund_id": "R1"},
        {"refund_id": "R1", "amount_fen": 99, "items": [ITEM]},
    ):
        assert api.merchant("POST", "/v1/orders/A-1/refunds", body).status == 422, body
    for path in ("/v1/orders/A%231/refunds", "/v1/orders/-/refunds", f"/v1/orders/{'x' * 65}/refunds"):
        refused = api.merchant("POST", path, {"refund_id": "R1", "amount_fen": 1})
        assert (refused.status, refused.body["error"]["details"][0]["field"]) == (422, "order_id")
    assert api.account(ann).seq == 2


def test_refunds_before_their_order_are_kept_and_settled_with_it(api: Api, ann: Member) -> None:
    for number, fen in (("R1", 4_000), ("R2", 9_000)):
        for _ in range(2):
            early = api.refund("A-1", number, fen)
            assert (early.status, early.body["status"]) == (202, "awaiting_order")
    assert api.refund("A-1", "R1", 4_001).code == "IDEMPOTENCY_MISMATCH"
    paid = api.order(ann, 10_000, "A-1").body["entry"]
    # The second is of more than was left, and refused as it would have been had it come after its order.
    assert [(line["rule"], line["points"]) for line in paid["lines"]] == [
        ("purchase", 100), ("first_order", 100), ("refund", -80), ("refund", 0),
    ]  # fmt: skip
    assert [line["why_zh"] for line in paid["lines"][2:]] == ["退款 40 元，收回积分 80", "退款 R2 超过订单金额，未记录"]
    again = api.refund("A-1", "R1", 4_000)
    assert replayed(again)
    assert again.body["entry"] == paid
    assert api.refund("A-1", "R1", 3_999).code == "IDEMPOTENCY_MISMATCH"
    assert api.refund("A-1", "R2", 9_000).code == "REFUND_EXCEEDS_ORDER"
    assert books(api, ann) == (220, 0, 0)
    assert api.refund("A-1", "R2", 6_000).body["entry"]["points"] == -120
    assert books(api, ann) == (100, 0, 0)


def test_only_so_many_refunds_wait_for_an_order_and_the_order_can_still_be_recorded(api: Api, ann: Member) -> None:
    for number in range(MAX_EARLY_REFUNDS):
        assert api.refund("A-1", f"R{number}", 100).status == 202
    refused = api.refund("A-1", "one-more", 100)
    assert (refused.status, refused.code) == (409, "TOO_MANY_WAITING")
    items = [{"sku": "s" * 64, "category": "c" * 32, "amount_fen": 1}] * 500
    assert [api.refund("A-2", f"R{number}", 500, items=items).status for number in range(2)] == [202, 409]
    assert api.order(ann, 10_000, "A-1").body["entry"]["points"] == 160
    assert api.refund("A-1", "one-more", 8_000).status == 200


def test_a_refund_after_spending_becomes_debt_that_the_next_order_repays(api: Api, ann: Member) -> None:
    api.order(ann, 10_000, "A-1")
    spent = api.call(
        "POST", f"/v1/admin/members/{ann.member_id}/adjustments", {"points": -250, "reason": "spent at the till"},
        token=api.operator(), key="k1",
    )  # fmt: skip
    assert spent.status == 200
    back = api.refund("A-1", "R1", 10_000).body["entry"]
    assert (back["points"], back["balance_after"], back["debt_after"]) == (-200, 0, 150)
    assert [line["rule"] for line in back["lines"]] == ["refund", "debt"]
    after = api.order(ann, 10_000, "A-2").body["entry"]
    assert (after["points"], after["balance_after"], after["debt_after"]) == (200, 50, 0)
    assert after["lines"][-1]["why_zh"] == "其中 150 分用于偿还欠分"


@pytest.mark.parametrize("who", ["nobody", "a member"])
def test_only_the_merchants_server_may_report(api: Api, ann: Member, who: str) -> None:
    token = None if who == "nobody" else ann.token
    body = {"order_id": "A-1", "member_id": ann.member_id, "paid_at": "2026-11-24T03:00:00Z", "amount_fen": 1}
    for path, content in (
        ("/v1/orders", body),
        ("/v1/orders/A-1/completion", {}),
        ("/v1/orders/A-1/refunds", {"refund_id": "R1", "amount_fen": 1}),
        ("/v1/points/preview", body),
    ):
        assert api.call("POST", path, content, token=token).status == 401
    assert api.account(ann).seq == 1
