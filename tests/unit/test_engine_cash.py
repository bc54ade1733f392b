"""How many points may pay for an order: each bound from both sides."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from chalicelib.engine import cash
from chalicelib.engine.account import Account, Standing, Temporary
from chalicelib.engine.refusals import AmountTooSmall, CashNotYours, CashOff, InsufficientPoints, OrderHeld
from tests.unit.rulebooks import published
from tests.unit.till import Till, paying

TODAY = date(2026, 11, 24)


@dataclass(frozen=True)
class Row:
    amount_fen: int
    balance: int
    points: int
    offset_fen: int
    why: type[Exception] | None = None
    cash: dict[str, Any] = field(default_factory=dict)
    anchor: int = 100


ROWS = {
    "half of the order": Row(10_000, 9_000, 5_000, 5_000),
    "the share, rounded down to a step": Row(1_039, 9_000, 510, 510),
    "the share, just a step": Row(1_040, 9_000, 520, 520),
    "the balance, rounded down to a step": Row(10_000, 79, 70, 70),
    "the balance, just a step": Row(10_000, 80, 80, 80),
    "one step of the balance": Row(10_000, 10, 10, 10),
    "less than a step of the balance": Row(10_000, 9, 0, 0, InsufficientPoints),
    "one step of the order": Row(20, 90, 10, 10),
    "less than a step of the order": Row(19, 90, 0, 0, AmountTooSmall),
    "all of the order": Row(1_000, 9_000, 1_000, 1_000, cash={"max_percent": 100}),
    "a hundredth of the order": Row(1_999, 9_000, 10, 10, cash={"max_percent": 1}),
    "less than a hundredth of the order": Row(999, 9_000, 0, 0, AmountTooSmall, {"max_percent": 1}),
    "the fewest points, of the balance": Row(10_000, 100, 100, 100, cash={"min_points": 100}),
    "fewer than the fewest, of the balance": Row(10_000, 99, 0, 0, InsufficientPoints, {"min_points": 100}),
    "the fewest points, of the order": Row(200, 900, 100, 100, cash={"min_points": 100}),
    "fewer than the fewest, of the order": Row(199, 900, 0, 0, AmountTooSmall, {"min_points": 100}),
    "the smallest order": Row(500, 900, 250, 250, cash={"min_order_fen": 500}),
    "below the smallest order": Row(499, 900, 0, 0, AmountTooSmall, {"min_order_fen": 500}),
    "both too small": Row(19, 9, 0, 0, AmountTooSmall),
    "points worth less": Row(10_000, 9_000, 9_000, 900, anchor=1_000),
    "points worth less, the order's share": Row(1_039, 9_000, 5_190, 519, anchor=1_000),
    "points worth less, in steps of two fen": Row(1_039, 9_000, 1_290, 516, cash={"step_points": 10}, anchor=250),
    "points worth more": Row(1_039, 9_000, 50, 500, anchor=10),
    "a huge order": Row(10**13, 9_007, 9_000, 9_000),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_what_may_pay_for_an_order(name: str) -> None:
    row = ROWS[name]
    rulebook = paying(row.anchor, **row.cash).rulebook
    account = Account("m", lots={TODAY: row.balance})
    found = cash.quote(rulebook, account, row.amount_fen, TODAY)
    assert (found.points, found.offset_fen, found.why) == (row.points, row.offset_fen, row.why)
    assert found.offset_fen * row.anchor == found.points * 100, "to the fen"


def test_a_rulebook_that_says_nothing_lets_points_pay_for_nothing() -> None:
    found = cash.quote(published().rulebook, Account("m", lots={TODAY: 900}), 10_000, TODAY)
    assert (found.points, found.of_order, found.percent, found.why) == (0, 0, 0, CashOff)


LENT = Standing("normal", TODAY, temporary=Temporary("gold", TODAY))


@pytest.mark.parametrize(
    ("standing", "percent", "why"),
    [
        (None, 0, CashNotYours),
        (Standing("normal", TODAY), 0, CashNotYours),
        (Standing("silver", TODAY), 20, None),
        (Standing("gold", TODAY), 100, None),
        (LENT, 100, None),
        (LENT.with_(temporary=Temporary("gold", date(2026, 11, 23))), 0, CashNotYours),
    ],
    ids=["no standing", "normal", "silver", "gold", "gold on loan", "gold on loan until yesterday"],
)
def test_a_tier_has_its_own_share_or_everybodys(standing: Standing | None, percent: int, why: object) -> None:
    rulebook = paying(max_percent=20, by_tier={"normal": 0, "gold": 100}).rulebook
    found = cash.quote(rulebook, Account("m", standing=standing, lots={TODAY: 10_000}), 1_000, TODAY)
    assert (found.percent, found.points, found.why) == (percent, percent * 10, why)


def test_what_the_order_takes_is_told_whatever_the_balance() -> None:
    found = cash.quote(paying(max_percent=30).rulebook, Account("m", lots={TODAY: 50}), 1_000, TODAY)
    assert (found.points, found.of_order) == (50, 300)


@pytest.mark.parametrize("ended", ["capture", "release"])
def test_an_order_has_one_open_hold(ended: str) -> None:
    till = Till(300)
    till.hold(10)
    with pytest.raises(OrderHeld):
        till.hold(10, hold_id="again", order_id="o-1")
    till.hold(10, order_id="o-2")
    till.step(ended)
    till.hold(10, hold_id="again", order_id="o-1")
    # One whose time is over is none, also when the schedule has not come yet.
    till.past("again", microseconds=-1)
    with pytest.raises(OrderHeld):
        till.hold(10, hold_id="later", order_id="o-1")
    till.past("again")
    till.hold(10, hold_id="later", order_id="o-1")
