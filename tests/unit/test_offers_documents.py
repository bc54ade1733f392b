"""What may be written in an offer, and what a careful colleague says of it: every threshold on both sides."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.redemption import documents
from chalicelib.redemption.documents import Before
from chalicelib.rulebook.model import load
from chalicelib.rulebook.presets import preset
from infra.seeds.offers import documents as demo

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
RULEBOOK = load(preset("retail"))
WORDS = {"zh": "杯", "en": "Mug"}
GONE = "(left out)"


def named(value: Any) -> str:
    """A test's id: the same in every process."""
    return str(sorted(value)) if isinstance(value, set) else str(value)


PICTURE = "https://cdn.example.com/mug.jpg"


def at(**later: float) -> str:
    return (NOW + timedelta(**later)).isoformat()


def mug(**fields: Any) -> dict[str, Any]:
    found = {"offer_id": "mug", "kind": "physical", "name": WORDS, "words": WORDS, "price_points": 800, **fields}
    return {name: value for name, value in found.items() if value is not GONE}


def said(before: Before | None = None, **fields: Any) -> set[tuple[str, str, str]]:
    """(severity, code, path) of everything said of the mug."""
    document, wrong = documents.read(mug(**fields))
    found = documents.findings(document, RULEBOOK, before or Before(), NOW) if document else wrong
    for finding in found:
        assert finding.message.endswith(".") or finding.code == "INVALID"
        assert any("\u4e00" <= letter <= "\u9fff" for letter in finding.message_zh)
    return {(finding.severity, finding.code, finding.path) for finding in found}


def test_a_plain_offer_and_the_demo_brand_s_are_without_a_remark() -> None:
    assert said() == set()
    kinds = set()
    for document in demo(NOW):
        offer, wrong = documents.read(document)
        assert wrong == []
        assert offer
        assert documents.findings(offer, RULEBOOK, Before(), NOW) == []
        kinds.add(offer.kind)
    assert kinds == {"physical", "coupon", "virtual", "service", "privilege", "cash", "donation"}


GOOD: list[dict[str, Any]] = [
    {"price_points": 1, "offer_id": "a"}, {"price_points": 100_000_000}, {"offer_id": "a" * 32},
    {"name": {"zh": "杯" * 60, "en": "M" * 60}}, {"words": {"zh": "杯" * 500, "en": "M"}},
    {"pictures": [PICTURE] * 9}, {"tags": ["vip"] * 10}, {"tags": ["t" * 32]}, {"limits": {"day": 1}},
    {"limits": {"month": 1_000_000}}, {"value_fen": 0}, {"sort": -1_000_000},
    {"stock": {"mode": "none"}}, {"stock": {"mode": "total", "pieces": 1}},
    {"stock": {"mode": "month", "pieces": 10_000_000, "shards": 16}},
    {"opens_at": at(days=1), "closes_at": at(days=1, seconds=1)}, {"closes_at": at(seconds=1)},
    {"tier_prices": {"normal": 800, "silver": 1}}, {"min_tier": "diamond"}, {"kind": "privilege"},
]  # fmt: skip


@pytest.mark.parametrize("fields", GOOD, ids=named)
def test_what_an_offer_may_say(fields: dict[str, Any]) -> None:
    assert {found for found in said(**fields) if found[0] == "refuse"} == set()


BAD: list[tuple[dict[str, Any], str]] = [
    ({"offer_id": GONE}, "offer_id"), ({"offer_id": "a" * 33}, "offer_id"), ({"offer_id": "Mug"}, "offer_id"),
    ({"offer_id": "a#b"}, "offer_id"), ({"kind": "raffle"}, "kind"), ({"price_points": 0}, "price_points"),
    ({"price_points": -1}, "price_points"), ({"price_points": 100_000_001}, "price_points"),
    ({"price_points": 1.5}, "price_points"), ({"name": {"zh": "杯"}}, "name.en"),
    ({"name": {**WORDS, "zh": ""}}, "name.zh"),
    ({"name": {"zh": "杯" * 61, "en": "M"}}, ""), ({"name": {"zh": "杯", "en": "M" * 61}}, ""),
    ({"words": {"zh": "杯" * 501, "en": "M"}}, "words.zh"),
    ({"pictures": [PICTURE] * 10}, "pictures"), ({"pictures": ["http://cdn.example.com/m.jpg"]}, "pictures.0"),
    ({"pictures": ["https://cdn.example.com/\"><script>"]}, "pictures.0"),
    ({"pictures": ["javascript:1"]}, "pictures.0"),
    ({"pictures": ["https:///m.jpg"]}, "pictures.0"), ({"tags": ["t" * 33]}, "tags.0"), ({"tags": [""]}, "tags.0"),
    ({"tags": ["vip"] * 11}, "tags"), ({"tier_prices": {"gold": 0}}, "tier_prices.gold"),
    ({"limits": {"week": 1}}, "limits.week"), ({"limits": {"day": 0}}, "limits.day"),
    ({"limits": {"day": 1_000_001}}, "limits.day"), ({"opens_at": "2026-11-24T00:00:00"}, "opens_at"),
    ({"opens_at": 1_796_000_000}, "opens_at"), ({"opens_at": at(days=1), "closes_at": at(days=1)}, ""),
    ({"stock": {"mode": "total"}}, "stock"), ({"stock": {"pieces": 1}}, "stock"),
    ({"stock": {"mode": "total", "pieces": -1}}, "stock.pieces"),
    ({"stock": {"mode": "total", "pieces": 10_000_001}}, "stock.pieces"),
    ({"stock": {"mode": "week", "pieces": 1}}, "stock.mode"),
    ({"stock": {"mode": "total", "pieces": 1, "shards": 0}}, "stock.shards"),
    ({"stock": {"mode": "total", "pieces": 1, "shards": 17}}, "stock.shards"),
    ({"value_fen": -1}, "value_fen"), ({"prise_points": 1}, "prise_points"), ({"sort": 1_000_001}, "sort"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "path"), BAD, ids=named)
def test_what_cannot_be_an_offer_is_refused_where_it_is_wrong(fields: dict[str, Any], path: str) -> None:
    assert said(**fields) == {("refuse", "INVALID", path)}


LIFE: dict[str, Any] = {"limits": {"lifetime": 1}}
YEAR = timedelta(days=366)
REMARKS: list[tuple[dict[str, Any], set[tuple[str, str, str]]]] = [
    ({"tier_prices": {"gold": 800}}, set()),
    ({"tier_prices": {"gold": 801}}, {("refuse", "TIER_PRICE_ABOVE_BASE", "tier_prices.gold")}),
    ({"tier_prices": {"platinum": 1}}, {
        ("refuse", "UNKNOWN_TIER", "tier_prices.platinum"), ("warn", "BELOW_BANDS", "tier_prices.platinum")}),
    ({"min_tier": "platinum"}, {("refuse", "UNKNOWN_TIER", "min_tier")}),
    ({"price_points": 100}, set()), ({"price_points": 99}, {("warn", "BELOW_BANDS", "price_points")}),
    ({"tier_prices": {"gold": 100}}, set()),
    ({"tier_prices": {"gold": 99}}, {("warn", "BELOW_BANDS", "tier_prices.gold")}),
    ({"closes_at": at(microseconds=1)}, set()), ({"closes_at": at()}, {("refuse", "CLOSES_IN_PAST", "closes_at")}),
    (LIFE, {("refuse", "LIFETIME_WITHOUT_END", "closes_at")}),
    ({**LIFE, "closes_at": at(days=366)}, set()),
    ({**LIFE, "closes_at": at(days=366, microseconds=1)}, {("refuse", "LIFETIME_TOO_LONG", "closes_at")}),
    ({"limits": {"month": 1}}, set()),
    ({"name": {"zh": "金币杯", "en": "Mug"}}, {("refuse", "CURRENCY_WORD", "name.zh")}),
    ({"words": {"zh": "杯", "en": "Costs few Tokens"}}, {("refuse", "CURRENCY_WORD", "words.en")}),
    ({"words": {"zh": "价值人民币 15 元", "en": "Mug"}}, set()),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "expected"), REMARKS, ids=named)
def test_what_is_said_of_an_offer(fields: dict[str, Any], expected: set[tuple[str, str, str]]) -> None:
    assert said(**fields) == expected


def published(**fields: Any) -> Before:
    return Before(documents.load(mug(**fields)))


DAY, LATER = {"closes_at": at(days=1)}, {"closes_at": at(days=2)}
PAST, EARLIER = {"closes_at": at(seconds=-1)}, {"closes_at": at(hours=1)}
AGAIN: list[tuple[dict[str, Any], dict[str, Any], set[str]]] = [
    ({}, {}, set()), ({}, DAY, set()), (DAY, LATER, set()), (DAY, EARLIER, set()), (DAY, {}, set()),
    # Closed: it stays so, though its words may be mended.
    (PAST, PAST, set()), (PAST, DAY, {"OFFER_CLOSED"}), (PAST, {}, {"OFFER_CLOSED"}), ({"closes_at": at()}, DAY,
                                                                                       {"OFFER_CLOSED"}),
    ({"closes_at": at(microseconds=1)}, DAY, set()), (DAY, PAST, {"CLOSES_IN_PAST"}),
    ({**LIFE, **DAY}, {**LIFE, **DAY}, set()), ({**LIFE, **DAY}, {**LIFE, **EARLIER}, set()),
    ({**LIFE, **DAY}, {**LIFE, **LATER}, {"LIFETIME_EXTENDED"}), ({**LIFE, **DAY}, LIFE, {"LIFETIME_WITHOUT_END"}),
    # It may not be dropped (and then put back, when it is forgotten); a limit that is new counts from now on.
    ({**LIFE, **DAY}, LATER, {"LIFETIME_DROPPED"}), ({**LIFE, **DAY}, DAY, {"LIFETIME_DROPPED"}),
    (DAY, {**LIFE, **LATER}, set()),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "expected"), AGAIN, ids=named)
def test_when_an_offer_that_was_published_may_close(
    before: dict[str, Any], after: dict[str, Any], expected: set[str]
) -> None:
    assert {code for _, code, _ in said(published(**before), **after)} == expected


STOCK = {"mode": "total", "pieces": 100}


@pytest.mark.parametrize(("pieces", "sold", "expected"), [
    (None, 0, set()), (100, 0, set()), (100, 100, set()),
    (101, 0, {("warn", "STOCK_STAYS", "stock.pieces")}), (99, 0, {("warn", "STOCK_STAYS", "stock.pieces")}),
    (150, 100, {("warn", "STOCK_STAYS", "stock.pieces")}), (150, 101, {("refuse", "STOCK_BELOW_SOLD", "stock.pieces")}),
])  # fmt: skip
def test_a_stock_is_not_written_below_what_is_sold(
    pieces: int | None, sold: int, expected: set[tuple[str, str, str]]
) -> None:
    assert said(Before(pieces=pieces, sold=sold), stock=STOCK) == expected
    assert said(Before(pieces=pieces, sold=sold)) == set()


def test_the_grave_things_come_first() -> None:
    document = documents.load(mug(price_points=50, tier_prices={"gold": 60}, name={"zh": "币", "en": "M"}))
    found = documents.findings(document, RULEBOOK, Before(), NOW)
    assert [finding.severity for finding in found] == ["refuse", "refuse", "warn", "warn"]


@pytest.mark.parametrize(("closes_at", "last"), [
    # Midnight in Shanghai: the day before is the last one.
    ("2026-12-31T16:00:00Z", date(2026, 12, 31)), ("2026-12-31T16:00:00.000001Z", date(2027, 1, 1)),
    ("2026-12-31T15:59:59Z", date(2026, 12, 31)), (None, None),
])  # fmt: skip
def test_the_last_day_of_an_offer_is_a_business_day(closes_at: str | None, last: date | None) -> None:
    assert documents.load(mug(closes_at=closes_at)).for_engine("Asia/Shanghai").closes_on == last


def test_the_law_gets_what_it_needs_of_a_document() -> None:
    full = mug(tier_prices={"gold": 700}, min_tier="silver", tags=["vip"], limits={"day": 1, "lifetime": 3},
               opens_at=at(days=1), closes_at=at(days=2), member_day=False)  # fmt: skip
    offer = documents.load(full).for_engine("Asia/Shanghai")
    assert (offer.offer_id, offer.kind, offer.name.zh, offer.price_points) == ("mug", "physical", "杯", 800)
    assert (dict(offer.tier_prices), offer.min_tier, offer.tags) == ({"gold": 700}, "silver", ("vip",))
    assert (dict(offer.limits), offer.member_day) == ({"day": 1, "lifetime": 3}, False)
    assert (offer.opens_at, offer.closes_at) == (NOW + timedelta(days=1), NOW + timedelta(days=2))
    assert documents.load(mug()).for_engine("Asia/Shanghai").min_tier == ""
