"""The rulebook's word on points that pay for orders: what loads, what the linter says, what members read."""

from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.rulebook.model import load
from tests.unit.documents import GONE, Row, changed, check, told

PATH = "redemption.cash"


def cash(**fields: Any) -> dict[str, Any]:
    """Changes to the retail preset's section."""
    return {f"{PATH}.{name}": value for name, value in fields.items()}


ROWS = [
    Row("STEP_NOT_WHOLE_FEN", f"{PATH}.step_points", {**cash(step_points=3), "points_per_yuan_value": 200},
        {**cash(step_points=4), "points_per_yuan_value": 200}),
    Row("STEP_NOT_WHOLE_FEN", f"{PATH}.step_points", {**cash(step_points=9), "points_per_yuan_value": 1_000},
        {**cash(step_points=10), "points_per_yuan_value": 1_000}),
    Row("STEP_NOT_WHOLE_FEN", f"{PATH}.step_points", {**cash(step_points=100), "points_per_yuan_value": 300},
        {PATH: None, "points_per_yuan_value": 300}),
    Row("UNKNOWN_TIER", f"{PATH}.by_tier.platinum", cash(by_tier={"platinum": 40}), cash(by_tier={"gold": 40})),
    Row("OFFSET_SHARE_HIGH", f"{PATH}.max_percent", cash(max_percent=51), cash(max_percent=50), "warn"),
    Row("OFFSET_SHARE_HIGH", f"{PATH}.by_tier.gold", cash(by_tier={"gold": 51}), cash(by_tier={"gold": 50}), "warn"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_linter_finds_it_and_its_neighbour_is_fine(row: Row) -> None:
    check(row)


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("max_percent", 1, 0),
        ("max_percent", 100, 101),
        ("by_tier", {"gold": 0}, {"gold": -1}),
        ("by_tier", {"gold": 100}, {"gold": 101}),
        ("step_points", 1, 0),
        ("min_points", 0, -1),
        ("min_order_fen", 0, -1),
        ("hold_minutes", 1, 0),
        ("hold_minutes", 1440, 1441),
        ("max_percent", 30, GONE),
        ("earns", True, "perhaps"),
    ],
    ids=lambda value: "left out" if value is GONE else str(value),
)
def test_each_field_has_its_bounds(field: str, good: Any, bad: Any) -> None:
    assert load(changed(cash(**{field: good}))).redemption.cash is not None
    with pytest.raises(ValidationError):
        load(changed(cash(**{field: bad})))


def test_a_document_from_before_lets_points_pay_for_nothing() -> None:
    assert load(changed({PATH: GONE})).redemption.cash is None
    assert "cash" not in told(changed({PATH: GONE}))


def test_a_tier_that_was_renamed_keeps_its_share() -> None:
    found = load(changed(cash(max_percent=10, by_tier={"gold": 40}))).redemption.cash
    assert found is not None
    assert [found.percent(codes) for codes in (("gold",), ("golden", "gold"), ("golden",))] == [40, 40, 10]


def test_the_rules_are_told_in_both_languages() -> None:
    zh, en = told(changed(cash(by_tier={"gold": 40, "diamond": 50})))["cash"]
    assert zh == (
        "积分抵现：积分最多可抵订单金额的 30%（金卡 40%、钻石 50%），以 100 积分为一档，"
        "每单至少使用 100 积分，订单满 10 元可用。"
    )
    assert en == (
        "Points pay for at most 30 % of an order (Gold 40 %, Diamond 50 %), in steps of 100, at least 100 an order, "
        "on orders of 10 yuan or more."
    )


@pytest.mark.parametrize(
    ("earns", "zh", "en"), [(False, "抵现部分不计", "does not earn."), (True, "抵现部分也计", "earns and counts")]
)
def test_whether_what_was_paid_in_points_earns_is_told(earns: bool, zh: str, en: str) -> None:
    found = told(changed(cash(earns=earns)))["cash_holds"]
    assert zh in found[0]
    assert en in found[1]
