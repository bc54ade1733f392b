"""Orders, refunds and completion against the small rulebook."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.engine import events
from chalicelib.engine.account import Account, Standing
from chalicelib.engine.decision import Decision, Entry
from chalicelib.engine.events import Cause, Item, OrderPaid, PointsAdjusted, Refund
from chalicelib.engine.orders import record_of
from chalicelib.engine.process import process
from chalicelib.engine.refusals import FutureInstant, NothingDue, OrderTooLarge, RefundExceedsOrder
from chalicelib.rulebook.model import Published
from tests.unit.rulebooks import published

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
MEMBER = "M000000000000000000"
BOOK = published()
END_OF_MONTH = date(2027, 11, 30)


def member(book: Published = BOOK, tier: str = "normal", **changes: object) -> Account:
    account = Account(MEMBER, joined_at=NOW - timedelta(days=100), standing=Standing(tier, date(2026, 8, 1)))
    return account.with_(counters={"orders": {"life": 5}, "spend_fen": {"life": 1}}, **changes)


def pay(
    account: Account,
    fen: int,
    *items: Item,
    order: str = "1",
    book: Published = BOOK,
    at: datetime = NOW,
    early: tuple[Refund, ...] = (),
) -> Decision:
    cause = Cause(f"order#{order}", f"order#{order}")
    return process(book, account, OrderPaid(cause, order, at, fen, items, early), NOW)


def refund(account: Account, entries: list[Entry], fen: int, *items: Item, book: Published = BOOK) -> Decision:
    record = record_of(entries)
    assert record is not None
    number = str(len(entries))
    event = events.OrderRefunded(Cause("order#1", f"refund#{number}"), record, Refund(number, fen, items))
    return process(book, account, event, NOW)


@pytest.mark.parametrize(
    ("fen", "tier", "points"),
    [
        (0, "normal", 0),
        (99, "normal", 0),
        (100, "normal", 1),
        (2933, "normal", 29),
        (2933, "silver", 43),  # 29.33 × 1.5 = 43.995
        (2933, "gold", 58),
        (10**12, "normal", 10**10),
    ],
)
def test_a_purchase_pays_the_exact_value_rounded_down_once(fen: int, tier: str, points: int) -> None:
    decision = pay(member(tier=tier), fen)
    assert decision.entry.points == points
    assert sum(line.points for line in decision.entry.lines) == points
    assert decision.account.balance == points


def test_featured_items_pay_their_own_rate_and_unlisted_money_the_plain_one() -> None:
    decision = pay(member(), 10_000, Item(3_050, "featured"), Item(2_000, "toys"))
    assert decision.entry.points == 130  # 30.50 × 2 + 69.50


def test_the_highest_multiplier_of_a_group_applies_and_groups_multiply() -> None:
    member_day = datetime(2026, 11, 15, 3, 0, tzinfo=UTC)
    born_today = member(tier="silver")
    born_today = born_today.with_(profile=replace(born_today.profile, birthday="11-15"))
    assert pay(member(tier="silver"), 10_000, at=member_day).entry.points == 300
    assert pay(born_today, 10_000, at=member_day).entry.points == 600
    # The business date decides, not the UTC date: 16:00 UTC is already the 16th in Shanghai.
    assert pay(member(tier="silver"), 10_000, at=datetime(2026, 11, 15, 16, 0, tzinfo=UTC)).entry.points == 150


def test_an_order_above_the_limit_or_from_the_future_is_refused() -> None:
    with pytest.raises(OrderTooLarge):
        pay(member(), 10**12 + 1)
    assert pay(member(), 100, at=NOW + timedelta(minutes=5)).entry.points == 1
    with pytest.raises(FutureInstant):
        pay(member(), 100, at=NOW + timedelta(minutes=5, seconds=1))


def test_the_first_order_bonus_is_paid_once_and_comes_back_with_a_full_refund_only_in_full() -> None:
    newcomer = member().with_(counters={})
    first = pay(newcomer, 10_000)
    assert first.entry.points == 150
    assert pay(first.account, 10_000, order="2").entry.points == 100
    back = refund(first.account, [first.entry], 10_000)
    assert back.entry.points == -150
    assert back.account.counters == {}
    assert pay(back.account, 10_000, order="3").entry.points == 150


@pytest.mark.parametrize("parts", [(10_000,), (5_000, 5_000), (1, 9_999), (3_333, 3_333, 3_334), (10,) * 10])
def test_partial_refunds_take_exactly_what_one_refund_of_their_sum_takes(parts: tuple[int, ...]) -> None:
    paid = pay(member(), 10_000)
    account, entries = paid.account, [paid.entry]
    for fen in parts:
        decision = refund(account, entries, fen)
        account, entries = decision.account, [*entries, decision.entry]
    at_once = refund(paid.account, [paid.entry], sum(parts))
    assert account.balance == at_once.account.balance
    assert account.counters == at_once.account.counters


def test_a_refund_of_a_featured_item_takes_back_its_doubled_points() -> None:
    paid = pay(member(), 10_000, Item(4_000, "featured"), Item(6_000, "toys"))
    assert paid.entry.points == 140
    assert refund(paid.account, [paid.entry], 4_000, Item(4_000, "featured")).entry.points == -80
    assert refund(paid.account, [paid.entry], 4_000, Item(4_000, "toys")).entry.points == -40
    assert refund(paid.account, [paid.entry], 4_000).entry.points == -56


def test_more_than_was_paid_cannot_be_refunded() -> None:
    paid = pay(member(), 10_000)
    once = refund(paid.account, [paid.entry], 6_000)
    with pytest.raises(RefundExceedsOrder):
        refund(once.account, [paid.entry, once.entry], 4_001)
    assert refund(once.account, [paid.entry, once.entry], 4_000).account.balance == 0


def test_points_already_spent_become_debt_and_the_next_earnings_repay_it_first() -> None:
    paid = pay(member(), 10_000)
    spent = process(BOOK, paid.account, PointsAdjusted(Cause(MEMBER, "a"), -70, "test", "operator:1"), NOW)
    back = refund(spent.account, [paid.entry], 10_000)
    assert (back.account.balance, back.account.debt, back.entry.points) == (0, 70, -100)
    again = pay(back.account, 8_000, order="2")
    assert (again.account.balance, again.account.debt, again.entry.points) == (10, 0, 80)
    assert [line.rule for line in again.entry.lines] == ["purchase", "debt_repaid"]


def test_within_balance_forgives_what_was_spent() -> None:
    book = published(refunds={"policy": "within_balance"})
    paid = pay(member(), 10_000, book=book)
    spent = process(book, paid.account, PointsAdjusted(Cause(MEMBER, "a"), -70, "test", "operator:1"), NOW)
    back = refund(spent.account, [paid.entry], 10_000, book=book)
    assert (back.account.balance, back.account.debt, back.entry.points) == (0, 0, -30)
    assert sum(line.points for line in back.entry.lines) == -30


def test_a_claw_back_takes_the_orders_own_lot_before_an_earlier_one() -> None:
    early = date(2027, 1, 31)
    paid = pay(member(lots={early: 500}), 10_000)
    back = refund(paid.account, [paid.entry], 10_000)
    assert dict(back.account.lots) == {early: 500}
    spent_elsewhere = paid.account.with_(lots={early: 530})
    assert dict(refund(spent_elsewhere, [paid.entry], 10_000).account.lots) == {early: 430}


def test_a_refund_that_arrived_before_the_payment_is_settled_in_the_same_entry() -> None:
    decision = pay(member(), 10_000, early=(Refund("R1", 4_000), Refund("R2", 9_000), Refund("R3", 6_000)))
    assert decision.entry.points == 0  # the second refund is of more than was left, and is not recorded
    assert [early["amount_fen"] for early in decision.entry.facts["early_refunds"]] == [4_000, 6_000]
    record = record_of([decision.entry])
    assert record is not None
    assert record.refunded_fen == 10_000


def test_pending_points_wait_for_completion_and_a_refund_cancels_them_first() -> None:
    book = published(pending={"mode": "days", "days": 7})
    paid = pay(member(), 10_000, book=book)
    assert (paid.entry.points, paid.entry.pending, paid.account.balance) == (0, 100, 0)
    half = refund(paid.account, [paid.entry], 5_000, book=book)
    assert (half.entry.points, half.entry.pending) == (0, -50)
    record = record_of([paid.entry, half.entry])
    assert record is not None
    done = process(book, half.account, events.OrderCompleted(Cause("order#1", "completion#1"), record), NOW)
    assert (done.entry.points, done.entry.pending, done.account.balance) == (50, -50, 50)
    rest = refund(done.account, [paid.entry, half.entry, done.entry], 5_000, book=book)
    assert (rest.entry.points, rest.account.balance, rest.account.pending_total) == (-50, 0, 0)


def test_pending_points_are_released_on_their_day_and_not_before() -> None:
    book = published(pending={"mode": "days", "days": 7})
    account = pay(member(), 10_000, book=book).account
    last_minute = datetime(2026, 11, 30, 15, 59, tzinfo=UTC)
    with pytest.raises(NothingDue):
        process(book, account, events.PointsDue(), last_minute)
    released = process(book, account, events.PointsDue(), last_minute + timedelta(minutes=1))
    assert (released.entry.points, released.account.pending_total) == (100, 0)
    assert list(released.account.lots) == [date(2027, 12, 31)]


def test_a_promotion_happens_in_the_entry_that_earned_it() -> None:
    below = pay(member().with_(counters={}), 49_999)
    assert below.account.standing is not None
    assert below.account.standing.tier == "normal"
    up = pay(below.account, 1, order="2")
    assert up.entry.tier_after == "silver"
    assert up.entry.facts["promoted"] == {"from": "normal", "to": "silver"}
    assert pay(member().with_(counters={}), 200_000).entry.tier_after == "gold"  # several steps at once
