"""How many pieces of an offer one member may have, and what giving back does to that."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.engine import offers, redemptions
from chalicelib.engine.refusals import LimitReached, TooManyLimitedOffers
from chalicelib.ledger import book
from chalicelib.ledger.items import text_of
from chalicelib.rulebook import lint_size
from tests.unit.lives import shanghai
from tests.unit.mall import Mall


@pytest.mark.parametrize("later", ["2026-11-24", "2026-11-25", "2026-12-24"])
@pytest.mark.parametrize("limits", [{"day": 5}, {"month": 5}, {"lifetime": 5}, {"day": 5, "month": 5, "lifetime": 5}])
def test_limits_get_back_what_they_counted_then_and_nothing_else(limits: dict[Any, int], later: str) -> None:
    mall = Mall(100, limits=limits, closes_on=date(2026, 12, 31))
    mall.redeem(2)
    assert mall.record().limited == tuple(limits)
    mall.life.at(f"{later} 12:00")
    mall.redeem(1)
    mall.step("cancellation", redemption_id="R0")
    assert left_to(mall) == [most - 1 for most in limits.values()]
    mall.step("cancellation", redemption_id="R1")
    assert mall.life.account.redeemed == {}


def left_to(mall: Mall) -> list[int]:
    """What the member may still have under each of the offer's limits alone."""
    alone = [replace(mall.offer, limits={window: most}) for window, most in mall.offer.limits.items()]
    left = [offers.left_of_limits(mall.life.account, offer, mall.life.today) for offer in alone]
    return [number for number in left if number is not None]


@pytest.mark.parametrize(("window", "midnight"), [("day", "2026-11-25 00:00"), ("month", "2026-12-01 00:00")])
def test_taps_on_both_sides_of_midnight_make_no_room_for_each_other(window: Any, midnight: str) -> None:
    mall = Mall(100, limits={window: 1})
    after = shanghai(midnight)
    before = after - timedelta(minutes=1)
    mall.life.now = before
    mall.redeem()
    mall.life.now = after
    mall.redeem()
    for late in (before, after, before, after):
        # What came in before midnight, and is decided after what came in later.
        mall.life.now = late
        with pytest.raises(LimitReached):
            mall.redeem()


def test_a_limit_that_came_later_has_nothing_to_give_back() -> None:
    mall = Mall(100)
    mall.redeem(2)
    mall.offer = replace(mall.offer, limits={"month": 3})
    mall.redeem(3)
    mall.step("cancellation", redemption_id="R0")
    assert mall.life.account.redeemed == {"mug": {"2026-11": 3}}
    mall.step("cancellation", redemption_id="R1")
    assert mall.life.account.redeemed == {}


@pytest.mark.parametrize("others", [redemptions.MAX_LIMITED_OFFERS - 1, redemptions.MAX_LIMITED_OFFERS])
def test_an_account_remembers_so_many_limited_offers_and_no_more(others: int) -> None:
    mall = Mall(1_000, limits={"month": 1})
    for number in range(others):
        mall.offer = replace(mall.offer, offer_id=f"offer_{number}")
        mall.redeem()
    mall.offer = replace(mall.offer, offer_id="one_more")
    if others < redemptions.MAX_LIMITED_OFFERS:
        mall.redeem()
        return
    with pytest.raises(TooManyLimitedOffers):
        mall.redeem()
    mall.life.at("2026-12-01 00:00")
    mall.redeem()


def test_what_an_account_keeps_of_limited_offers_has_its_room() -> None:
    mall = Mall(1_000_000, limits={"day": 100, "month": 100, "lifetime": 100}, closes_on=date(2027, 11, 24))
    for number in range(redemptions.MAX_LIMITED_OFFERS):
        mall.offer = replace(mall.offer, offer_id=f"{number:02d}".rjust(32, "o"))
        mall.redeem(100)
    kept = {offer_id: dict(used) for offer_id, used in mall.life.account.redeemed.items()}
    assert len(kept) == redemptions.MAX_LIMITED_OFFERS
    assert len(text_of(kept)) <= 2048 <= book.MAX_ACCOUNT_BYTES - lint_size.MAX_ACCOUNT_BYTES
