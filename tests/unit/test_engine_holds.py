"""Holds: what is set aside, every step from every state, and which lots it all comes from and goes back to."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.engine import holds
from chalicelib.engine.account import Hold
from chalicelib.engine.refusals import (
    AmountTooSmall,
    CashNotYours,
    CashOff,
    HoldCaptured,
    HoldExpired,
    HoldNotCaptured,
    HoldReleased,
    InsufficientPoints,
    NothingDue,
    OffsetTooHigh,
    RefundExceedsHold,
    TooManyHolds,
)
from chalicelib.holds.schemas import MAX_POINTS
from chalicelib.ledger import book
from chalicelib.ledger.codec import account_item
from chalicelib.ledger.items import text_of
from chalicelib.rulebook import lint_size
from chalicelib.rulebook.phrases import money
from chalicelib.shared.errors import InvalidFields
from chalicelib.shared.ids import digest
from tests.unit.rulebooks import published
from tests.unit.till import CASH, Till, paying

STATES: dict[str, list[str]] = {
    "held": [], "captured": ["capture"], "released": ["release"], "expired": ["expiry"],
    "captured and refunded": ["capture", "refund"],
}  # fmt: skip
AFTER: dict[tuple[str, str], Any] = {
    ("held", "capture"): "captured",
    ("held", "release"): "released",
    ("held", "expiry"): "expired",
    ("held", "refund"): HoldNotCaptured,
    ("captured", "capture"): HoldCaptured,
    ("captured", "release"): HoldCaptured,
    ("captured", "expiry"): HoldCaptured,
    ("captured", "refund"): "captured",
    ("released", "capture"): HoldReleased,
    ("released", "release"): HoldReleased,
    ("released", "expiry"): HoldReleased,
    ("released", "refund"): HoldReleased,
    ("expired", "capture"): HoldExpired,
    ("expired", "release"): HoldExpired,
    ("expired", "expiry"): HoldExpired,
    ("expired", "refund"): HoldExpired,
    ("captured and refunded", "capture"): HoldCaptured,
    ("captured and refunded", "release"): HoldCaptured,
    ("captured and refunded", "expiry"): HoldCaptured,
    ("captured and refunded", "refund"): RefundExceedsHold,
}  # fmt: skip


def taken_to(state: str) -> Till:
    till = Till(300, 200)
    till.hold(400)
    for step in STATES[state]:
        if step == "expiry":
            till.past()
        till.step(step)
    return till


def test_the_table_names_every_step_from_every_state() -> None:
    assert set(AFTER) == {(state, step) for state in STATES for step in holds.STEPS}
    assert set(holds.KINDS) == set(holds.STEPS)


@pytest.mark.parametrize(("state", "step"), AFTER, ids=[", ".join(pair) for pair in AFTER])
def test_a_step_leads_from_a_state_to_another_or_is_refused(state: str, step: str) -> None:
    till, expected = taken_to(state), AFTER[state, step]
    if step == "expiry":
        till.past()
    before = till.life.account
    if isinstance(expected, str):
        assert till.step(step).facts["state"] == expected
        assert till.record().state == expected
    else:
        with pytest.raises(expected):
            till.step(step)
        assert till.life.account is before


def test_points_leave_the_earliest_lots_and_are_held_until_the_time_is_over() -> None:
    till = Till(300, 200)
    till.hold(400)
    assert (till.lots, till.life.account.held) == ([100], 400)
    expires_at = till.life.now + timedelta(minutes=30)
    assert till.life.account.holds == {"h0": Hold(expires_at, 400, digest("o-1", 8))}
    assert till.life.account.hold_due_at == expires_at
    (line,) = till.scopes["h0"][0].lines
    assert (line.points, line.why) == (-400, "Order o-1: 400 points held for 4 yuan")
    assert line.why_zh == "订单 o-1：预占 400 积分，抵 4 元"


def test_a_part_captured_leaves_the_rest_in_its_lots_and_nothing_due() -> None:
    till = Till(300, 200)
    till.hold(400)
    entry = till.step("capture", 250)
    # As if 250 had been spent: the first lot gave all of them.
    assert (till.lots, till.open, till.life.account.hold_due_at) == ([50, 200], [], None)
    assert (entry.points, entry.balance_after, till.record().captured_points) == (150, 250, 250)
    assert entry.lines[0].why == "Order o-1: 250 points paid 2.5 yuan, the other 150 held go back to their lots"
    assert entry.lines[0].why_zh == "订单 o-1：使用 250 积分抵 2.5 元，其余预占的 150 积分退回原批次"


@pytest.mark.parametrize("step", ["release", "expiry"])
def test_what_is_not_captured_is_as_if_it_had_never_been_held(step: str) -> None:
    till = Till(300, 200, 70)
    before = till.life.account
    till.hold(550)
    till.past()
    entry = till.step(step)
    assert (till.life.account.lots, entry.points) == (before.lots, 550)
    assert (till.open, till.life.account.hold_due_at, till.life.account.held) == ([], None, 0)


def test_all_captured_says_so() -> None:
    till = Till(300)
    till.hold(250)
    (line,) = till.step("capture").lines
    assert (line.points, line.why, line.why_zh) == (
        0, "Order o-1: 250 points paid 2.5 yuan", "订单 o-1：使用 250 积分抵 2.5 元",
    )  # fmt: skip


def test_refunds_in_parts_go_back_to_the_lots_the_last_taken_first() -> None:
    till = Till(300, 200)
    till.hold(400)
    till.step("capture", 350)
    assert till.lots == [150]
    till.step("refund", 30)
    assert till.lots == [180]
    till.step("refund", 30)
    assert till.lots == [10, 200]
    with pytest.raises(RefundExceedsHold) as refused:
        till.step("refund", 291)
    assert refused.value.details[0]["points"] == 290
    assert till.step("refund", 290).lines[0].why_zh == "订单 o-1：退还抵现 2.9 元，290 积分退回原批次"
    assert (till.lots, till.record().refunded_points) == ([300, 200], 350)
    with pytest.raises(RefundExceedsHold):
        till.step("refund")


def test_a_lot_whose_day_has_passed_comes_back_with_the_grace() -> None:
    till = Till(100)
    till.hold(60)
    till.step("capture")
    till.life.live("2028-03-01 12:00")
    assert till.lots == []
    till.step("refund", 40)
    assert [(str(day), points) for day, points in till.life.account.lots.items()] == [("2028-03-31", 40)]


def test_points_that_come_back_repay_what_is_owed_and_say_so() -> None:
    till = Till(book=published(redemption={"cash": CASH}))
    till.life.order(10_000, order_id="bought")
    till.hold(till.life.account.balance // 10 * 10)
    till.life.refund("bought", 10_000)
    owed = till.life.account.debt
    assert owed > 0
    entry = till.step("release")
    assert (till.life.account.debt, entry.debt_after) == (0, 0)
    assert [line.why for line in entry.lines[1:]] == [f"{owed} of these points repaid debt"]


# When a hold may be captured -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("early", [0.001, 1, 60], ids=str)
def test_just_before_its_time_is_over_it_is_captured_and_not_expired(early: float) -> None:
    till = Till(100)
    till.hold(60)
    till.past(seconds=-early)
    assert holds.due(till.life.account, till.life.now) is None
    with pytest.raises(NothingDue):
        till.step("expiry")
    assert till.step("capture").facts["state"] == "captured"


@pytest.mark.parametrize("late", [0, 0.001, 3600], ids=str)
def test_from_then_on_it_is_expired_also_when_the_schedule_has_not_come(late: float) -> None:
    till = Till(100)
    till.hold(60)
    till.past(seconds=late)
    assert holds.due(till.life.account, till.life.now) == "h0"
    with pytest.raises(HoldExpired):
        till.step("capture")
    assert till.step("expiry").lines[0].why_zh == "订单 o-1：预占已过期，60 积分退回原批次"


def test_the_merchant_may_release_it_even_then() -> None:
    till = Till(100)
    till.hold(60)
    till.past(minutes=5)
    assert till.step("release").facts["state"] == "released"


def test_time_is_kept_to_the_millisecond() -> None:
    till = Till(100)
    till.life.now += timedelta(microseconds=123_456)
    till.hold(60)
    assert till.record().expires_at == till.life.account.holds["h0"].expires_at
    assert till.record().expires_at.microsecond == 123_000


@pytest.mark.parametrize(
    ("seconds", "minutes", "held"),
    [
        (None, 30, 1800),
        (60, 30, 60),
        (1800, 30, 1800),
        (59, 30, None),
        (1801, 30, None),
        (None, 1, 60),
        (None, 1440, 86400),
    ],
)
def test_the_rulebook_says_how_long_points_may_be_held(seconds: int | None, minutes: int, held: int | None) -> None:
    till = Till(100, book=paying(hold_minutes=minutes))
    if held is None:
        with pytest.raises(InvalidFields) as refused:
            till.hold(60, seconds=seconds)
        assert refused.value.details == [{"field": "expires_in_seconds", "problem": "60 to 1800"}]
    else:
        till.hold(60, seconds=seconds)
        assert till.record().expires_at - till.life.now == timedelta(seconds=held)


def test_of_several_the_earliest_is_due_first() -> None:
    till = Till(100)
    for seconds in (300, 60, 200):
        till.hold(10, seconds=seconds)
    assert till.life.account.hold_due_at == till.record("h1").expires_at
    till.past("h0")
    for hold_id in ("h1", "h2", "h0"):
        assert holds.due(till.life.account, till.life.now) == hold_id
        till.step("expiry", hold_id=hold_id)
    assert till.lots == [100]


# What may be held ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("points", "amount_fen", "refusal"),
    [
        (100, 1_000, None),
        (500, 1_000, None),
        (510, 1_000, OffsetTooHigh),
        (105, 1_000, InvalidFields),
        (20, 1_000, InvalidFields),
        (30, 1_000, None),
        (1_000, 10_000, None),
        (1_010, 10_000, InsufficientPoints),
        (30, 59, AmountTooSmall),
        (30, 60, None),
    ],
    ids=str,
)
def test_no_more_than_was_quoted_is_held(points: int, amount_fen: int, refusal: type[Exception] | None) -> None:
    till = Till(1_000, book=paying(min_points=30))
    if refusal:
        with pytest.raises(refusal):
            till.hold(points, amount_fen)
        assert till.life.account.holds == {}
    else:
        till.hold(points, amount_fen)
        assert (till.record().points, till.record().offset_fen) == (points, points)


def test_what_is_missing_is_told() -> None:
    with pytest.raises(InsufficientPoints) as few:
        Till(15).hold(20)
    assert few.value.details[0]["points"] == 5
    with pytest.raises(OffsetTooHigh) as high:
        Till(900).hold(20, amount_fen=39)
    assert high.value.details[0]["points"] == 10


def test_where_points_do_not_pay_nothing_is_held() -> None:
    with pytest.raises(CashOff):
        Till(100, book=published(earning=[])).hold(50)
    with pytest.raises(CashNotYours):
        Till(100, book=paying(by_tier={"normal": 0})).hold(50)


def test_five_holds_may_be_open_and_a_sixth_waits_for_one_of_them() -> None:
    till = Till(100)
    for _ in range(holds.MAX_HOLDS):
        till.hold(10)
    with pytest.raises(TooManyHolds):
        till.hold(10, hold_id="sixth")
    till.step("capture", hold_id="h3")
    till.hold(10, hold_id="sixth")
    assert (len(till.open), till.life.account.held) == (5, 50)


def test_what_an_account_keeps_of_holds_has_its_room() -> None:
    till = Till(9_999_999_990, book=paying(max_percent=100))
    for number in range(holds.MAX_HOLDS):
        till.hold(MAX_POINTS, 10**12, hold_id=f"{number:064d}")
    kept = account_item(till.life.account).state["holds"]
    room = book.MAX_ACCOUNT_BYTES - lint_size.MAX_ACCOUNT_BYTES - 1024 - 2048
    assert room - 64 < len(text_of({"holds": kept})) <= room


@pytest.mark.parametrize("anchor", [100, 250, 1_000])
@pytest.mark.parametrize("step", ["capture", "refund"])
def test_a_part_is_worth_whole_fen(step: str, anchor: int) -> None:
    till, whole = Till(1_000, book=paying(anchor)), {100: 1, 250: 5, 1_000: 10}[anchor]
    till.hold(500)
    if step == "refund":
        till.step("capture")
    for points in (whole - 1, whole + 1):
        if points % whole:
            with pytest.raises(InvalidFields) as refused:
                till.step(step, points)
            assert refused.value.details[0]["problem"] == f"a multiple of {whole}, which are worth whole fen"
    entry = till.step(step, 7 * whole)
    assert f"{money(7 * whole * 100 // anchor)} yuan" in entry.lines[0].why


@pytest.mark.parametrize("points", [501, 10**9])
def test_no_more_is_captured_than_is_held(points: int) -> None:
    till = Till(1_000)
    till.hold(500)
    with pytest.raises(InvalidFields):
        till.step("capture", points)


# What becomes of it under other rules, and of its member --------------------------------------------------------------


def test_a_hold_is_worth_what_it_was_when_it_was_made() -> None:
    till = Till(1_000)
    till.hold(500)
    till.life.book = paying(1_000)
    assert till.step("capture", 100).lines[0].why.startswith("Order o-1: 100 points paid 1 yuan")
    till.life.book = published(earning=[])
    assert till.step("refund").facts["refunded_points"] == 100


def test_of_who_was_erased_nothing_is_due() -> None:
    till = Till(100)
    till.hold(50)
    till.past()
    erased = till.life.account.with_(status="erased")
    assert (erased.hold_due_at, holds.due(erased, till.life.now)) == (None, None)


def test_a_member_under_a_test_clock_holds_by_its_time() -> None:
    till = Till(100)
    till.life.account = till.life.account.with_(frozen_at=till.life.now + timedelta(days=9))
    till.hold(50)
    assert till.record().expires_at == till.life.now + timedelta(days=9, minutes=30)
    assert holds.due(till.life.account, till.life.now + timedelta(days=99)) is None


def test_without_the_entry_that_took_the_points_there_is_no_hold() -> None:
    till = Till(100)
    till.hold(50)
    till.step("release")
    assert holds.record_of([]) is None
    assert holds.record_of(till.scopes["h0"][1:]) is None
    assert holds.record_of(reversed(till.scopes["h0"])) == till.record()


def test_an_entry_alone_tells_the_hold_as_it_left_it() -> None:
    till = Till(300, 200)
    till.hold(400)
    till.step("capture", 300)
    till.step("refund", 100)
    for number, entry in enumerate(till.scopes["h0"]):
        whole = holds.record_of(till.scopes["h0"][: number + 1])
        told = holds.told_by(entry)
        assert whole is not None
        assert vars(told) == {**vars(whole), "taken": ()}
