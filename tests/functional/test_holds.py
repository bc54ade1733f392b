"""Points that pay for orders, over HTTP: quote, hold, capture, release, refund."""

from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.engine.refusals import HoldExpired
from tests.functional.due_room import kinds
from tests.functional.holds_room import (
    ALL,
    capture,
    held,
    hold,
    open_till,
    points_of,
    quote,
    refund,
    release,
    show,
)
from tests.functional.members_room import erase
from tests.functional.redemptions_room import rich
from tests.harness.api import Api, Member, Reply


@pytest.fixture
def ann(api: Api) -> Member:
    open_till(api)
    return rich(api)


def frozen(api: Api, member: Member, how: str = "freeze") -> None:
    path = f"/v1/admin/members/{member.member_id}/{how}"
    assert api.call("POST", path, {"reason": "a test"}, token=api.operator(), key=api.fresh()).status == 200


# The quote ------------------------------------------------------------------------------------------------------------


def test_a_member_is_told_what_may_pay_for_an_order(api: Api, ann: Member) -> None:
    before = api.account(ann).seq
    assert quote(api, ann, 1_039).body == {
        "points": 510, "offset_fen": 510, "balance": 1_000, "max_percent": 50, "step_points": 10, "least_points": 10,
        "why_nothing": None,
    }  # fmt: skip
    assert quote(api, ann, 5_000).body["points"] == 1_000
    assert api.account(ann).seq == before


def test_a_member_is_told_why_nothing_may_pay(api: Api, ann: Member) -> None:
    found = quote(api, ann, 19).body
    assert (found["points"], found["offset_fen"]) == (0, 0)
    assert found["why_nothing"] == {
        "code": "AMOUNT_TOO_SMALL",
        "message": "The order is too small to be paid in points.",
        "message_zh": "订单金额未达到积分抵现门槛",
    }
    assert hold(api, ann, 10, amount_fen=19).code == "AMOUNT_TOO_SMALL"


def test_what_is_quoted_is_what_can_be_held_and_not_a_step_more(api: Api, ann: Member) -> None:
    for number, amount_fen in enumerate((20, 1_039, 1_040, 1_990, 50_000)):
        most = quote(api, ann, amount_fen).body["points"]
        assert hold(api, ann, most + 10, f"more-{number}", amount_fen=amount_fen).status == 409
        assert held(api, ann, most, f"most-{number}", amount_fen=amount_fen)["offset_fen"] == most
        assert release(api, f"most-{number}").status == 200
    assert points_of(api, ann) == (1_000, 0)


@pytest.mark.parametrize("amount_fen", [0, -1, 10**12 + 1, "100", 1.5, True, None], ids=repr)
def test_an_amount_that_is_none_is_refused(api: Api, ann: Member, amount_fen: Any) -> None:
    reply = quote(api, ann, amount_fen)
    assert (reply.status, reply.body["error"]["details"][0]["field"]) == (422, "amount_fen")


# A hold and what becomes of it ----------------------------------------------------------------------------------------


def test_a_hold_is_captured_and_refunded_in_parts(api: Api, ann: Member) -> None:
    found = hold(api, ann, 400, expires_in_seconds=600)
    assert found.body["hold"] == {
        "hold_id": "h-1", "order_id": "o-1", "member_id": ann.member_id, "state": "held", "points": 400,
        "offset_fen": 400, "captured_points": 0, "refunded_points": 0, "expires_at": "2026-11-24T04:10:00Z",
    }  # fmt: skip
    assert (found.body["entry"]["kind"], found.body["entry"]["points"]) == ("points_held", -400)
    assert points_of(api, ann) == (600, 400)
    taken = capture(api, 300).body
    assert (taken["hold"]["state"], taken["hold"]["captured_points"], taken["entry"]["points"]) == (
        "captured",
        300,
        100,
    )
    assert points_of(api, ann) == (700, 0)
    assert refund(api, 120, "r-1").body["hold"]["refunded_points"] == 120
    assert refund(api, 181, "r-2").code == "REFUND_EXCEEDS_HOLD"
    assert refund(api, 180, "r-2").body["hold"]["refunded_points"] == 300
    assert refund(api, 1, "r-3").code == "REFUND_EXCEEDS_HOLD"
    assert points_of(api, ann) == (1_000, 0)
    assert show(api).body["hold"] == {
        **found.body["hold"], "state": "captured", "captured_points": 300, "refunded_points": 300,
    }  # fmt: skip
    assert kinds(ann.member_id)[-4:] == ["points_held", "hold_captured", "hold_refunded", "hold_refunded"]


def test_a_hold_is_released(api: Api, ann: Member) -> None:
    held(api, ann)
    reply = release(api)
    assert (reply.body["hold"]["state"], reply.body["entry"]["points"]) == ("released", 100)
    assert points_of(api, ann) == (1_000, 0)
    assert [capture(api).code, refund(api, 10).code] == ["HOLD_RELEASED", "HOLD_RELEASED"]


def test_after_a_capture_there_is_nothing_to_release(api: Api, ann: Member) -> None:
    held(api, ann)
    assert refund(api, 10).code == "HOLD_NOT_CAPTURED"
    assert capture(api).body["hold"]["captured_points"] == 100
    assert release(api).code == "HOLD_CAPTURED"
    assert points_of(api, ann) == (900, 0)


def test_at_its_time_a_hold_cannot_be_captured_though_no_schedule_has_come(api: Api, ann: Member) -> None:
    for hold_id in ("first", "second"):
        held(api, ann, hold_id=hold_id, expires_in_seconds=60)
    api.clock.pass_(seconds=59.999)
    assert capture(api, hold_id="first").status == 200
    api.clock.pass_(seconds=0.001)
    late = capture(api, hold_id="second")
    assert (late.status, late.code) == (409, HoldExpired.code)
    assert show(api, "second").body["hold"]["state"] == "held"
    assert release(api, "second").status == 200


def test_a_member_may_be_named_by_openid(api: Api, ann: Member, wechat: Any) -> None:
    openid = wechat.rules.openid("ann")
    first = hold(api, ann, member_id=None, openid=openid)
    assert first.body["hold"]["member_id"] == ann.member_id
    same = hold(api, ann)
    assert (same.body, same.headers["Idempotency-Replayed"]) == (first.body, "true")
    assert hold(api, ann, hold_id="h-2", member_id=None, openid="nobody").code == "MEMBER_UNKNOWN"


def test_the_statement_tells_it_in_both_languages(api: Api, ann: Member) -> None:
    held(api, ann, 300)
    capture(api, 250)
    page = api.call("GET", "/v1/me/points/entries?limit=2", token=ann.token).body["items"]
    assert [(line["why"], line["why_zh"]) for entry in page for line in entry["lines"]] == [
        ("Order o-1: 250 points paid 2.5 yuan, the other 50 held go back to their lots",
         "订单 o-1：使用 250 积分抵 2.5 元，其余预占的 50 积分退回原批次"),
        ("Order o-1: 300 points held for 3 yuan", "订单 o-1：预占 300 积分，抵 3 元"),
    ]  # fmt: skip


# Repeats, strangers, nonsense -----------------------------------------------------------------------------------------


def test_each_call_sent_again_is_answered_as_it_was_and_does_nothing(api: Api, ann: Member) -> None:
    calls = [
        lambda: hold(api, ann, 100, "a", expires_in_seconds=60),
        lambda: capture(api, 40, "a"),
        lambda: refund(api, 30, "r-1", "a"),
        lambda: hold(api, ann, 100, "b"),
        lambda: release(api, "b"),
    ]
    first = [call() for call in calls]
    assert [reply.status for reply in first] == [200] * 5
    before = api.account(ann).seq
    # Long after, when none of it could be done any more.
    api.clock.pass_(days=1)
    open_till(api, max_percent=1)
    again = [call() for call in calls]
    assert [reply.body for reply in again] == [reply.body for reply in first]
    assert {reply.headers.get("Idempotency-Replayed") for reply in again} == {"true"}
    assert api.account(ann).seq == before


def test_the_same_id_with_other_content_is_refused(api: Api, ann: Member) -> None:
    bob = rich(api, "bob")
    held(api, ann)
    others = [
        hold(api, ann, 110), hold(api, bob), hold(api, ann, order_id="o-2"), hold(api, ann, amount_fen=ALL + 1),
        hold(api, ann, expires_in_seconds=60),
    ]  # fmt: skip
    capture(api, 60)
    others += [capture(api, 50), capture(api)]
    refund(api, 20)
    others += [refund(api, 30)]
    assert {(reply.status, reply.code) for reply in others} == {(409, "IDEMPOTENCY_MISMATCH")}
    assert (points_of(api, ann), points_of(api, bob)) == ((960, 0), (1_000, 0))


def test_capturing_all_is_the_same_whether_said_or_counted_out(api: Api, ann: Member) -> None:
    held(api, ann)
    first = capture(api)
    assert capture(api, 100).body == first.body


@pytest.mark.parametrize("hold_id", ["never", "h-1%23", "%20", "x" * 65, "积分"], ids=ascii)
def test_what_nobody_held_can_be_neither_captured_nor_released_nor_refunded(
    api: Api, ann: Member, hold_id: str
) -> None:
    replies = [
        capture(api, hold_id=hold_id),
        release(api, hold_id),
        refund(api, 10, hold_id=hold_id),
        show(api, hold_id),
    ]
    assert {(reply.status, reply.code) for reply in replies} == {(404, "HOLD_UNKNOWN")}


def test_a_capture_that_comes_first_may_be_sent_again(api: Api, ann: Member) -> None:
    assert capture(api).code == "HOLD_UNKNOWN"
    held(api, ann)
    assert capture(api).status == 200


BAD = {
    "hold_id": ["", "a#b", "x" * 65, None, 7],
    "order_id": ["", "a#b", "x" * 65, 7],
    "points": [0, -10, 10**9 + 1, "10", 1.5, True, 15],
    "amount_fen": [0, -1, 10**12 + 1, "1"],
    "expires_in_seconds": [0, 59, 1_801, 86_401, 10**30, "60"],
}


@pytest.mark.parametrize(("field", "value"), [(f, v) for f, some in BAD.items() for v in some], ids=repr)
def test_a_bad_field_is_named_and_nothing_is_held(api: Api, ann: Member, field: str, value: Any) -> None:
    body = {"hold_id": "h", "order_id": "o", "member_id": ann.member_id, "amount_fen": ALL, "points": 10, field: value}
    reply = api.merchant("POST", "/v1/holds", body)
    assert (reply.status, reply.body["error"]["details"][0]["field"]) == (422, field)
    assert points_of(api, ann) == (1_000, 0)


def test_exactly_one_member_is_named(api: Api, ann: Member) -> None:
    for fields in ({"member_id": None}, {"openid": "o1"}):
        assert hold(api, ann, **fields).status == 422
    assert hold(api, ann, member_id="M" + "0" * 18).code == "MEMBER_UNKNOWN"
    assert hold(api, ann, surprise=1).status == 422


def test_five_holds_at_most_are_open(api: Api, ann: Member) -> None:
    for number in range(5):
        held(api, ann, 10, f"h{number}")
    reply = hold(api, ann, 10, "h5")
    assert (reply.status, reply.code) == (409, "TOO_MANY_HOLDS")
    assert hold(api, ann, 10, "h0").headers["Idempotency-Replayed"] == "true"
    release(api, "h4")
    held(api, ann, 10, "h5")
    assert points_of(api, ann) == (950, 50)


def test_where_the_rulebook_is_silent_points_pay_for_nothing(api: Api) -> None:
    api.publish({"redemption": {}})
    ann = rich(api)
    assert quote(api, ann, ALL).body["why_nothing"]["code"] == "CASH_OFFSET_OFF"
    assert hold(api, ann).code == "CASH_OFFSET_OFF"


# Who may --------------------------------------------------------------------------------------------------------------


def test_a_frozen_member_holds_nothing_more_and_settles_what_is_held(api: Api, ann: Member) -> None:
    first = {hold_id: held(api, ann, hold_id=hold_id) for hold_id in ("a", "b", "c")}
    capture(api, hold_id="c")
    frozen(api, ann)
    assert (hold(api, ann, hold_id="d").status, hold(api, ann, hold_id="d").code) == (403, "MEMBER_FROZEN")
    assert hold(api, ann, hold_id="a").body["hold"] == first["a"]
    assert hold(api, ann, 110, "a").code == "IDEMPOTENCY_MISMATCH"
    assert [capture(api, 30, "a").status, release(api, "b").status, refund(api, 50, hold_id="c").status] == [200] * 3
    assert api.account(ann).balance == 1_000 - 30 - 50
    frozen(api, ann, "unfreeze")
    held(api, ann, hold_id="d")


def test_of_an_erased_member_nothing_moves_any_more_and_repeats_are_answered(api: Api, ann: Member) -> None:
    first, taken = held(api, ann, hold_id="a"), held(api, ann, hold_id="b")
    done = capture(api, hold_id="b")
    erase(api, ann)
    replies: list[Reply] = [
        hold(api, ann, hold_id="c"), capture(api, hold_id="a"), release(api, "a"), refund(api, 10, hold_id="b"),
    ]  # fmt: skip
    assert {(reply.status, reply.code) for reply in replies} == {(403, "MEMBER_ERASED")}
    assert hold(api, ann, hold_id="a").body["hold"] == first
    assert capture(api, hold_id="b").body == done.body
    assert hold(api, ann, hold_id="b").body["hold"] == taken
    assert ledger.verify(ann.member_id) == []


def test_only_the_merchant_may_hold_and_only_the_member_asks_for_a_quote(api: Api, ann: Member) -> None:
    body = {"hold_id": "h", "order_id": "o", "member_id": ann.member_id, "amount_fen": ALL, "points": 10}
    assert api.call("POST", "/v1/holds", body, token=ann.token).status == 401
    assert api.call("GET", "/v1/holds/h", token=api.operator()).status == 401
    assert api.merchant("POST", "/v1/me/cash-offsets/quote", {"amount_fen": 1}).status == 401
