"""What an offer asks: its price by tier and day, its gates, its limits on both sides, and what an account remembers."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest

from chalicelib.engine import offers
from chalicelib.engine.account import Account, Standing, Temporary
from chalicelib.engine.events import Cause, Offer, Redeemed
from chalicelib.engine.process import process
from chalicelib.engine.redemptions import MAX_LIMITED_OFFERS
from chalicelib.engine.refusals import (
    InsufficientPoints,
    LimitReached,
    NotOnSale,
    OfferNotYours,
    PriceRose,
    TooManyLimitedOffers,
)
from chalicelib.rulebook.model import Published, Words
from tests.unit.rulebooks import document, published

PLAIN, MEMBER_DAY = date(2026, 11, 24), date(2026, 11, 15)
NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
BOOK = published(redemption={"member_day_factors": {"silver": "0.8", "gold": "0.5"}})


def offer(**fields: Any) -> Offer:
    return Offer(
        **{"offer_id": "mug", "kind": "physical", "name": Words(zh="杯", en="Mug"), "price_points": 99, **fields}
    )


def member(tier: str = "normal", balance: int = 10_000, **fields: Any) -> Account:
    standing = Standing(tier, date(2026, 1, 1), None if tier == "normal" else date(2027, 1, 1))
    return Account("m", seq=1, standing=standing, lots=MappingProxyType({date(2027, 11, 30): balance}), **fields)


def redeem(account: Account, of: Offer, quantity: int = 1, at: datetime = NOW, expected: int = 10**9,
           book: Published = BOOK) -> Account:  # fmt: skip
    """The account after it redeemed so many pieces, and the points it paid are checked against the price."""
    day = at.astimezone(UTC).date()
    event = Redeemed(Cause(f"redemption#{account.seq}", f"redemption#{account.seq}"), "R1", of, quantity, expected)
    decision = process(book, account, event, at)
    paid = account.balance - decision.account.balance
    assert paid == quantity * offers.price(book.rulebook, account, of, day)
    return decision.account


# Price --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tier", "day", "fields", "expected"), [
    ("normal", PLAIN, {}, 99),
    ("silver", PLAIN, {}, 99),
    ("silver", PLAIN, {"tier_prices": {"silver": 70}}, 70),
    # A tier without a price of its own pays the base price, not the one of a lower tier.
    ("gold", PLAIN, {"tier_prices": {"silver": 70}}, 99),
    # 99 × 0.8 = 79.2 and 99 × 0.5 = 49.5, rounded up; a tier that the factors leave out pays the whole price.
    ("silver", MEMBER_DAY, {}, 80),
    ("gold", MEMBER_DAY, {}, 50),
    ("normal", MEMBER_DAY, {}, 99),
    ("silver", MEMBER_DAY, {"price_points": 100}, 80),
    ("silver", MEMBER_DAY, {"price_points": 101}, 81),
    ("gold", MEMBER_DAY, {"price_points": 1}, 1),
    ("gold", MEMBER_DAY, {"tier_prices": {"gold": 61}}, 31),
    ("gold", MEMBER_DAY, {"member_day": False}, 99),
    ("gold", MEMBER_DAY - timedelta(days=1), {}, 99),
    ("gold", MEMBER_DAY + timedelta(days=1), {}, 99),
])  # fmt: skip
def test_the_price_is_the_tier_s_and_the_day_s(tier: str, day: date, fields: dict[str, Any], expected: int) -> None:
    assert offers.price(BOOK.rulebook, member(tier), offer(**fields), day) == expected


def test_a_price_never_rounds_down_and_never_by_a_whole_point() -> None:
    for points in range(1, 400):
        found = offers.price(BOOK.rulebook, member("silver"), offer(price_points=points), MEMBER_DAY)
        assert points * 8 <= found * 10 < points * 8 + 10
        assert found >= 1


def test_a_tier_that_is_lent_has_its_price_until_its_last_day() -> None:
    standing = Standing("normal", date(2026, 1, 1), temporary=Temporary("gold", PLAIN))
    account, of = Account("m", standing=standing), offer(tier_prices={"gold": 60})
    prices = [offers.price(BOOK.rulebook, account, of, PLAIN + timedelta(days=days)) for days in (0, 1)]
    assert prices == [60, 99]


def test_a_renamed_tier_keeps_its_price_its_gate_and_its_day() -> None:
    levels = document()["tiers"]["levels"]
    levels[1] |= {"code": "pearl", "formerly": ["silver"]}
    rules = document()
    renamed = Published.model_validate({"version": 2, "rulebook": {
        **rules, "tiers": {"levels": levels}, "multipliers": [], "earning": rules["earning"][:2],
        "redemption": {"member_day_factors": {"silver": "0.5"}},
    }}).rulebook  # fmt: skip
    of = offer(tier_prices={"silver": 70}, min_tier="silver")
    for tier, price, own in (("normal", 99, False), ("silver", 70, True), ("pearl", 70, True), ("gold", 99, True)):
        assert offers.price(renamed, member(tier), of, PLAIN) == price
        assert offers.in_tier(renamed, member(tier), of, PLAIN) is own
        assert offers.price(renamed, member(tier), of, MEMBER_DAY) == (35 if price == 70 else 99)


@pytest.mark.parametrize(("expected", "refused"), [(197, True), (198, False), (199, False)])
def test_no_more_is_paid_than_was_shown(expected: int, refused: bool) -> None:
    if not refused:
        assert redeem(member(), offer(), 2, expected=expected).balance == 10_000 - 198
        return
    with pytest.raises(PriceRose) as caught:
        redeem(member(), offer(), 2, expected=expected)
    assert caught.value.details[0]["points"] == 198


@pytest.mark.parametrize(("balance", "missing"), [(197, 1), (198, 0)])
def test_the_balance_must_be_enough(balance: int, missing: int) -> None:
    if not missing:
        assert redeem(member(balance=balance), offer(), 2).balance == 0
        return
    with pytest.raises(InsufficientPoints) as caught:
        redeem(member(balance=balance), offer(), 2)
    assert caught.value.details[0]["points"] == missing


# Gates --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("min_tier", "own"), [
    ("", "normal silver gold"), ("normal", "normal silver gold"), ("silver", "silver gold"), ("gold", "gold"),
])  # fmt: skip
def test_an_offer_is_for_a_tier_and_those_above(min_tier: str, own: str) -> None:
    for tier in ("normal", "silver", "gold"):
        if tier in own.split():
            assert redeem(member(tier), offer(min_tier=min_tier)).balance == 10_000 - 99
        else:
            with pytest.raises(OfferNotYours):
                redeem(member(tier), offer(min_tier=min_tier))


@pytest.mark.parametrize(("asked", "carried", "own"), [
    ((), (), True), ((), ("vip",), True), (("vip",), (), False), (("vip",), ("other",), False),
    (("vip",), ("other", "vip"), True), (("vip", "press"), ("press",), True),
])  # fmt: skip
def test_an_offer_with_tags_is_for_members_with_one_of_them(
    asked: tuple[str, ...], carried: tuple[str, ...], own: bool
) -> None:
    account, of = member(tags=carried), offer(tags=asked)
    assert offers.tagged(account, of) is own
    if own:
        assert redeem(account, of).balance == 10_000 - 99
    else:
        with pytest.raises(OfferNotYours):
            redeem(account, of)


MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(("fields", "on_sale"), [
    ({}, True), ({"opens_at": NOW}, True), ({"opens_at": NOW + MOMENT}, False), ({"closes_at": NOW}, False),
    ({"closes_at": NOW + MOMENT}, True), ({"opens_at": NOW - MOMENT, "closes_at": NOW + MOMENT}, True),
])  # fmt: skip
def test_an_offer_is_on_sale_from_its_opening_until_just_before_it_closes(
    fields: dict[str, Any], on_sale: bool
) -> None:
    if on_sale:
        assert redeem(member(), offer(**fields)).balance == 10_000 - 99
    else:
        with pytest.raises(NotOnSale):
            redeem(member(), offer(**fields))


# Limits -------------------------------------------------------------------------------------------------------------


def left(account: Account, of: Offer, day: date = PLAIN) -> int | None:
    return offers.left_of_limits(account, of, day)


CLOSES = {"closes_at": datetime(2026, 12, 31, 16, tzinfo=UTC), "closes_on": date(2026, 12, 31)}


@pytest.mark.parametrize(("limits", "again"), [
    # window → the first instant (Shanghai time is 8 hours ahead) from which it counts anew.
    ({"day": 2}, datetime(2026, 11, 24, 16, tzinfo=UTC)),
    ({"month": 2}, datetime(2026, 11, 30, 16, tzinfo=UTC)),
    ({"lifetime": 2}, None),
])  # fmt: skip
def test_a_limit_holds_to_the_last_piece_and_until_its_window_is_over(
    limits: dict[str, int], again: datetime | None
) -> None:
    of = offer(limits=limits, **CLOSES)
    assert left(member(), of) == 2
    with pytest.raises(LimitReached) as caught:
        redeem(member(), of, 3)
    assert caught.value.details[0]["left"] == 2
    once = redeem(member(), of, 1)
    assert left(once, of) == 1
    twice = redeem(once, of, 1)
    assert left(twice, of) == 0
    last = (again or CLOSES["closes_at"]) - MOMENT
    with pytest.raises(LimitReached):
        process(BOOK, twice, Redeemed(Cause("r", "r"), "R", of, 1, 10**9), last)
    if again:
        decided = process(BOOK, twice, Redeemed(Cause("r", "r"), "R", of, 2, 10**9), again)
        assert left(decided.account, of, date.fromisoformat(f"{again + timedelta(hours=8):%Y-%m-%d}")) == 0


@pytest.mark.parametrize(("limits", "expected"), [
    ({}, None), ({"day": 5}, 3), ({"month": 4}, 2), ({"day": 5, "month": 4}, 2), ({"day": 3, "lifetime": 9}, 1),
    ({"day": 9, "month": 9, "lifetime": 3}, 1), ({"day": 1}, 0),
])  # fmt: skip
def test_of_several_limits_the_nearest_counts(limits: dict[str, int], expected: int | None) -> None:
    used = {"mug": {"d:2026-11-24": 2, "2026-11": 2, "life:2026-12-31": 2}}
    assert left(member(redeemed=used), offer(limits=limits, **CLOSES)) == expected


def test_a_limit_counts_its_own_offer_only_and_an_unlimited_one_nothing() -> None:
    account = redeem(member(), offer(limits={"day": 1}))
    other = offer(offer_id="cap", limits={"day": 1})
    assert left(account, other) == 1
    assert set(redeem(account, other).redeemed) == {"mug", "cap"}
    assert redeem(account, offer(offer_id="pen")).redeemed == account.redeemed


# What an account remembers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("used", "kept"), [
    ({"d:2026-11-24": 1}, True), ({"d:2026-11-23": 1}, False), ({"d:2026-11-25": 1}, True),
    ({"2026-11": 1}, True), ({"2026-10": 1}, False), ({"2025-11": 1}, False), ({"2026-12": 1}, True),
    # A life is remembered through the last day of the offer.
    ({"life:2026-11-24": 1}, True), ({"life:2026-11-23": 1}, False), ({"life:2027-01-01": 1}, True),
])  # fmt: skip
def test_what_no_limit_reads_any_more_is_forgotten_with_the_next_one(used: dict[str, int], kept: bool) -> None:
    account = redeem(member(redeemed={"old": used}), offer(limits={"day": 1}))
    expected: Mapping[str, Any] = {"mug": {"d:2026-11-24": 1}, **({"old": used} if kept else {})}
    assert account.redeemed == expected


def test_the_life_of_an_offer_that_closes_earlier_now_is_counted_on() -> None:
    account = member(redeemed={"mug": {"life:2026-12-31": 1}})
    of = offer(limits={"lifetime": 3}, closes_at=datetime(2026, 12, 24, tzinfo=UTC), closes_on=date(2026, 12, 24))
    assert left(account, of) == 2
    assert redeem(account, of).redeemed == {"mug": {"life:2026-12-24": 2}}


def test_an_account_remembers_twenty_limited_offers_and_no_more() -> None:
    account = member(redeemed={f"o{number}": {"2026-11": 1} for number in range(MAX_LIMITED_OFFERS - 1)})
    account = redeem(account, offer(limits={"month": 5}))
    assert len(account.redeemed) == MAX_LIMITED_OFFERS
    # One more of those it remembers, and an unlimited one, are no matter.
    account = redeem(account, offer(limits={"month": 5}))
    account = redeem(account, offer(offer_id="pen"))
    with pytest.raises(TooManyLimitedOffers):
        redeem(account, offer(offer_id="cap", limits={"month": 5}))
    # When the month is over it may.
    december = datetime(2026, 11, 30, 16, tzinfo=UTC)
    event = Redeemed(Cause("r", "r"), "R", offer(offer_id="cap", limits={"month": 5}), 1, 10**9)
    assert process(BOOK, account, event, december).account.redeemed == {"cap": {"2026-12": 1}}


@pytest.mark.parametrize(("windows", "on", "expected"), [
    (("day", "month", "lifetime"), PLAIN, {"2026-11": 1, "life:2026-12-31": 2}),
    (("month",), PLAIN, {"d:2026-11-24": 1, "2026-11": 1, "life:2026-12-31": 3}),
    # Given back of another day or month: only what still counts it.
    (("day", "month", "lifetime"), date(2026, 11, 23), {"d:2026-11-24": 1, "2026-11": 1, "life:2026-12-31": 2}),
    (("day", "month", "lifetime"), date(2026, 10, 24), {"d:2026-11-24": 1, "2026-11": 2, "life:2026-12-31": 2}),
])  # fmt: skip
def test_a_piece_given_back_may_be_redeemed_again(windows: Any, on: date, expected: dict[str, int]) -> None:
    used = {"mug": {"d:2026-11-24": 1, "2026-11": 2, "life:2026-12-31": 3}, "cap": {"2026-11": 1}}
    found = offers.uncounted(member(redeemed=used), "mug", windows, 1, on)
    assert found == {"mug": expected, "cap": {"2026-11": 1}}
