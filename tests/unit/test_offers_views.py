"""An offer as it is for the member who looks: price, what is missing, gates, times; and pages of them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.engine.account import Account, Standing
from chalicelib.redemption import documents, offer_views
from chalicelib.redemption.documents import OfferDocument
from chalicelib.redemption.offer_schemas import OffersAnswer, OffersQuery
from chalicelib.redemption.offer_views import Looker
from chalicelib.redemption.offers import place
from chalicelib.rulebook.model import load
from chalicelib.rulebook.presets import preset
from chalicelib.shared.dynamo import encode_cursor
from chalicelib.shared.errors import BadCursor

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
MEMBER_DAY = datetime(2026, 11, 15, 4, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RULEBOOK = load(preset("retail"))
WORDS = {"zh": "杯", "en": "Mug"}


def offer(offer_id: str = "mug", **fields: Any) -> OfferDocument:
    found = {"offer_id": offer_id, "kind": "coupon", "name": WORDS, "words": WORDS, "price_points": 1_000, **fields}
    return documents.load(found)


def looker(tier: str = "normal", balance: int = 1_000, now: datetime = NOW, **fields: Any) -> Looker:
    lots = {date(2027, 11, 30): balance} if balance else {}
    return Looker(Account("m", standing=Standing(tier, date(2026, 1, 1)), lots=lots, **fields), RULEBOOK, now)


@pytest.mark.parametrize(("balance", "affordable", "to_go"), [
    (0, False, 1_000), (999, False, 1), (1_000, True, 0), (1_001, True, 0),
])  # fmt: skip
def test_what_is_missing_for_one_piece(balance: int, affordable: bool, to_go: int) -> None:
    view = looker(balance=balance).view(offer(), None)
    assert (view.affordable, view.points_to_go) == (affordable, to_go)


@pytest.mark.parametrize(("tier", "now", "fields", "price", "own"), [
    ("normal", NOW, {}, 1_000, True), ("gold", NOW, {"tier_prices": {"gold": 900}}, 900, True),
    ("gold", MEMBER_DAY, {"tier_prices": {"gold": 900}}, 630, True), ("diamond", MEMBER_DAY, {}, 500, True),
    ("diamond", MEMBER_DAY, {"member_day": False}, 1_000, True),
    ("silver", NOW, {"min_tier": "gold"}, 1_000, False), ("gold", NOW, {"min_tier": "gold"}, 1_000, True),
])  # fmt: skip
def test_the_price_shown_is_the_price_to_expect(
    tier: str, now: datetime, fields: dict[str, Any], price: int, own: bool
) -> None:
    view = looker(tier, now=now).view(offer(**fields), None)
    assert (view.price_points, view.base_points, view.for_tier) == (price, 1_000, own)
    assert view.min_tier == fields.get("min_tier")


@pytest.mark.parametrize(("price", "band"), [(99, 0), (100, 1), (999, 1), (1_000, 2), (9_999, 2), (10_000, 3)])
def test_the_band_is_the_base_price_s(price: int, band: int) -> None:
    assert looker(now=MEMBER_DAY).view(offer(price_points=price), None).band == band


@pytest.mark.parametrize(("fields", "on_sale", "listed"), [
    ({}, True, True),
    ({"opens_at": NOW}, True, True), ({"opens_at": NOW + SECOND}, False, True),
    ({"closes_at": NOW + SECOND}, True, True), ({"closes_at": NOW}, False, False),
    ({"tags": ["vip"]}, True, True), ({"tags": ["press"]}, False, False),
    ({"min_tier": "diamond"}, True, True),
])  # fmt: skip
def test_what_is_listed_and_what_is_on_sale(fields: dict[str, Any], on_sale: bool, listed: bool) -> None:
    member, document = looker(tags=("vip",)), offer(**fields)
    view = member.view(document, 7)
    assert (view.on_sale, member.sees(document), view.stock_left) == (on_sale, listed, 7)
    assert (view.opens_at, view.closes_at) == (document.opens_at, document.closes_at)
    assert len(page(member, [document]).items) == listed


def test_what_is_left_of_a_limit_is_told() -> None:
    redeemed = {"mug": {"2026-11": 2}}
    assert looker(redeemed=redeemed).view(offer(limits={"month": 3}), None).limit_left == 1
    assert looker(redeemed=redeemed).view(offer(limits={"month": 2}), None).limit_left == 0
    assert looker(redeemed=redeemed).view(offer(), None).limit_left is None


def test_words_and_pictures_are_shown_as_they_are_and_the_worth_to_nobody() -> None:
    picture = "https://cdn.example.com/mug.jpg"
    view = looker().view(offer(pictures=[picture], value_fen=1_500, cancellable=False), None)
    assert (view.name.zh, view.words.en, view.pictures, view.cancellable) == ("杯", "Mug", [picture], False)
    assert "1500" not in view.model_dump_json()


# Pages --------------------------------------------------------------------------------------------------------------


def page(member: Looker, documents: list[OfferDocument], **query: Any) -> OffersAnswer:
    return offer_views.page(member, sorted(documents, key=place), OffersQuery(**query), lambda _: None)


MALL = [
    offer("c", sort=1), offer("a", sort=2, price_points=5_000), offer("b", sort=2, kind="virtual", price_points=100),
    offer("d", sort=-1, kind="service"), offer("e", sort=3, tier_prices={"gold": 900}),
]  # fmt: skip


def ids(answer: OffersAnswer) -> list[str]:
    return [view.offer_id for view in answer.items]


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 6])
def test_pages_follow_one_another_without_a_gap_or_a_repeat(limit: int) -> None:
    found, cursor, pages = list[str](), None, 0
    while pages == 0 or cursor:
        answer = page(looker(), MALL, limit=limit, cursor=cursor)
        assert len(answer.items) <= limit
        found, cursor, pages = [*found, *ids(answer)], answer.next_cursor, pages + 1
    assert found == ["d", "c", "a", "b", "e"]
    assert pages == -(-5 // limit)


def test_a_page_goes_on_where_it_was_though_its_last_offer_is_gone() -> None:
    cursor = page(looker(), MALL, limit=2).next_cursor
    assert ids(page(looker(), [one for one in MALL if one.offer_id != "c"], cursor=cursor)) == ["a", "b", "e"]


@pytest.mark.parametrize(("tier", "balance", "query", "expected"), [
    ("normal", 1_000, {"kind": "service"}, ["d"]), ("normal", 1_000, {"kind": "physical"}, []),
    ("normal", 1_000, {"band": 1}, ["b"]), ("normal", 1_000, {"band": 2}, ["d", "c", "a", "e"]),
    ("normal", 999, {"affordable": "true"}, ["b"]), ("normal", 1_000, {"affordable": "true"}, ["d", "c", "b", "e"]),
    # At the member's own price.
    ("gold", 900, {"affordable": "true"}, ["b", "e"]), ("gold", 899, {"affordable": "true"}, ["b"]),
    ("normal", 1_000, {"band": 2, "affordable": "true", "kind": "coupon"}, ["c", "e"]),
])  # fmt: skip
def test_a_list_can_be_narrowed(tier: str, balance: int, query: dict[str, Any], expected: list[str]) -> None:
    answer = page(looker(tier, balance), MALL, **query)
    assert (ids(answer), answer.next_cursor, answer.balance) == (expected, None, balance)


def test_stock_is_asked_of_the_page_s_offers_only() -> None:
    asked = list[str]()

    def left(document: OfferDocument) -> int:
        asked.append(document.offer_id)
        return len(asked)

    answer = offer_views.page(looker(), sorted(MALL, key=place), OffersQuery(limit=2), left)
    assert asked == ids(answer) == ["d", "c"]
    assert [view.stock_left for view in answer.items] == [1, 2]


@pytest.mark.parametrize(
    "key", ["mine", 7, [1], ["a", 1], [1, "a", 2], {"sort": 1}, [1.5, "a"], [True, "a"], [None, "a"]]
)
def test_a_cursor_of_another_list_is_refused(key: Any) -> None:
    with pytest.raises(BadCursor):
        page(looker(), MALL, cursor=encode_cursor(key))


def test_a_member_day_is_told() -> None:
    assert [page(replace(looker(), now=now), MALL).member_day for now in (NOW, MEMBER_DAY)] == [False, True]
