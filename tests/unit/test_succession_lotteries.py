"""A published lottery is frozen, but for what favours members: every field, both ways."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.rulebook.model_coupons import Coupons
from chalicelib.rulebook.succession_lotteries import coupons, succession
from tests.unit.raffle import ENDS, STARTS, loaded, lottery, prize

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
MIDST = STARTS + timedelta(days=1)
TEN, TEA, MUG = lottery()["prizes"]


def told(before: list[dict[str, Any]], after: list[dict[str, Any]], at: datetime = MIDST) -> list[tuple[str, str]]:
    """(code, place) of what is found when these lotteries follow those."""
    old, new = (tuple(loaded(**fields) for fields in some) for some in (before, after))
    return [(finding.code, finding.path.removeprefix("lotteries.0.")) for finding in succession(old, new, at)]


def prizes(*some: dict[str, Any]) -> dict[str, Any]:
    return {"prizes": list(some)}


def instant(at: datetime) -> str:
    return at.isoformat()


# What is better for members · the place that is named when it is taken back again.
FAVOURS: list[tuple[dict[str, Any], str]] = [
    ({"ends_at": instant(ENDS + SECOND)}, "ends_at"),
    ({"price_points": 9}, "price_points"),
    ({"draws_per_day": 4}, "draws_per_day"),
    ({"draws_per_member": 6}, "draws_per_member"),
    (prizes({**TEN, "points": 21}, TEA, MUG), "prizes.0.points"),
    (prizes({**TEN, "odds_ppm": 100_001}, TEA, MUG), "prizes.0.odds_ppm"),
    (prizes(TEN, TEA, {**MUG, "pieces": 2}), "prizes.2.pieces"),
    (prizes(TEN, TEA, {**MUG, "value_fen": 5_001}), "prizes.2.value_fen"),
    (prizes(TEN, TEA, MUG, prize("cup")), "prizes"),
]


@pytest.mark.parametrize(("better", "place"), FAVOURS, ids=[place for _, place in FAVOURS])
def test_each_may_become_better_and_not_worse_again(better: dict[str, Any], place: str) -> None:
    for at in (STARTS - timedelta(days=1), MIDST, ENDS - SECOND):
        assert told([{}], [better], at) == []
        assert told([better], [{}], at) == [("LOTTERY_FROZEN", place)]


# What is another lottery altogether, whichever way it goes.
OTHERS: list[tuple[dict[str, Any], str]] = [
    ({"starts_at": instant(STARTS - SECOND)}, "starts_at"),
    ({"starts_at": instant(STARTS + SECOND)}, "starts_at"),
    ({"name": {"zh": "冬日", "en": "Winter draw"}}, "name"),
    ({"words": {"zh": "规则", "en": "Rules"}}, "words"),
    ({"price_points": None}, "price_points"),
    (prizes(TEN, TEA, {**MUG, "name": {"zh": "杯", "en": "Mug"}}), "prizes.2.name"),
    (prizes(TEN, {**TEA, "coupon": "coffee"}, MUG), "prizes.1.coupon"),
    (prizes(TEN, TEA, prize("mug", kind="coupon", coupon="mall_10")), "prizes.2.kind"),
]


@pytest.mark.parametrize(("other", "place"), OTHERS, ids=[f"{n} {place}" for n, (_, place) in enumerate(OTHERS)])
def test_what_is_not_better_is_refused_both_ways(other: dict[str, Any], place: str) -> None:
    assert ("LOTTERY_FROZEN", place) in told([{}], [other])
    assert ("LOTTERY_FROZEN", place) in told([other], [{}])


def test_points_without_a_bound_may_not_get_one_and_a_bound_may_go() -> None:
    bounded = prizes({**TEN, "pieces": 1_000_000}, TEA, MUG)
    assert told([{}], [bounded]) == [("LOTTERY_FROZEN", "prizes.0.pieces")]
    assert told([bounded], [{}]) == []


def test_prizes_may_change_their_order_since_every_draw_says_which_disclosure_it_was() -> None:
    assert told([{}], [prizes(MUG, TEN, TEA)]) == []


@pytest.mark.parametrize(
    ("at", "found"),
    [
        (STARTS - timedelta(days=1), [("LOTTERY_DROPPED", "lotteries")]),
        (MIDST, [("LOTTERY_DROPPED", "lotteries")]),
        (ENDS - SECOND, [("LOTTERY_DROPPED", "lotteries")]),
        (ENDS, []),
    ],
)
def test_a_lottery_stays_until_its_end(at: datetime, found: list[tuple[str, str]]) -> None:
    assert told([{}], [], at) == found


@pytest.mark.parametrize(
    ("at", "found"),
    [
        (STARTS - HOUR, []),
        (STARTS - HOUR + SECOND, [("LOTTERY_TOO_SOON", "starts_at")]),
        (MIDST, [("LOTTERY_TOO_SOON", "starts_at")]),
        (ENDS, [("LOTTERY_TOO_SOON", "starts_at")]),
    ],
)
def test_a_new_one_is_there_to_be_read_an_hour_before_it_starts(at: datetime, found: list[tuple[str, str]]) -> None:
    assert told([], [{}], at) == found


def test_one_that_has_ended_stays_as_it_was_or_gives_its_code_to_a_new_one() -> None:
    later = {"starts_at": instant(ENDS + HOUR), "ends_at": instant(ENDS + timedelta(days=9))}
    assert told([{}], [{}], ENDS) == []
    assert told([{}], [{"ends_at": instant(ENDS + timedelta(days=9))}], ENDS) == [("LOTTERY_ENDED", "lotteries.0")]
    assert told([{}], [later], ENDS) == []
    assert told([{}], [later], ENDS + SECOND) == [("LOTTERY_TOO_SOON", "starts_at")]


PERCENT = {
    "code": "mall_10", "name": {"zh": "券", "en": "Coupon"}, "kind": "percent_off", "percent_off": 10,
    "max_off_fen": 500, "threshold_fen": 100, "categories": ["tea", "cups"], "valid_days": 30, "stacks": False,
}  # fmt: skip
DATED = {**PERCENT, "valid_days": None, "ends_on": "2027-01-31"}
AMOUNT = {**PERCENT, "kind": "amount_off", "percent_off": None, "max_off_fen": None, "amount_off_fen": 1_000}
# A coupon · what is better of it, and worse when it is taken back.
BETTER: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (PERCENT, {"percent_off": 11}),
    (PERCENT, {"max_off_fen": 501}),
    (PERCENT, {"max_off_fen": None}),
    (PERCENT, {"threshold_fen": 99}),
    (PERCENT, {"categories": ["cups", "tea", "pots"]}),
    (PERCENT, {"categories": []}),
    (PERCENT, {"valid_days": 31}),
    (PERCENT, {"stacks": True}),
    (DATED, {"ends_on": "2027-02-01"}),
    (AMOUNT, {"amount_off_fen": 1_001}),
]


def coupon_told(old: dict[str, Any], new: dict[str, Any], at: datetime = MIDST) -> list[tuple[str, str]]:
    """(code, field) of what is found when the one coupon of the usual lottery follows the other."""
    before, after = (Coupons.model_validate({"definitions": [one]}) for one in (old, new))
    found = coupons((loaded(),), before, after, at)
    return [(finding.code, finding.path.removeprefix("coupons.definitions.0.")) for finding in found]


@pytest.mark.parametrize(("coupon", "better"), BETTER, ids=[str(better) for _, better in BETTER])
def test_a_coupon_that_can_be_won_may_become_better_and_not_worse_again(
    coupon: dict[str, Any], better: dict[str, Any]
) -> None:
    assert coupon_told(coupon, {**coupon, **better}) == []
    assert coupon_told({**coupon, **better}, coupon) == [("LOTTERY_FROZEN", next(iter(better)))]
    assert coupon_told({**coupon, **better}, coupon, ENDS) == []


@pytest.mark.parametrize("other", [AMOUNT, DATED, {**PERCENT, "name": {"zh": "礼券", "en": "Coupon"}}])
def test_another_coupon_of_the_same_code_is_refused_both_ways_and_one_that_nobody_wins_is_free(
    other: dict[str, Any],
) -> None:
    assert coupon_told(PERCENT, other)
    assert coupon_told(other, PERCENT)
    assert coupon_told({**PERCENT, "code": "coffee"}, {**other, "code": "coffee"}) == []
