"""Offers that give chances of a lottery: what may be published, and what they show."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.engine.account import Account
from chalicelib.redemption import documents
from chalicelib.redemption.documents import Before
from chalicelib.redemption.offer_views import Looker
from tests.unit.raffle import ENDS, book, lottery, prize

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
WORDS = {"zh": "券", "en": "Tickets"}


def ticket(**fields: Any) -> dict[str, Any]:
    """An offer of two chances for ten points, on sale until the lottery ends."""
    usual = {"kind": "lottery", "lottery": "winter", "chances": 2, "price_points": 10, "closes_at": ENDS.isoformat()}
    return {"offer_id": "tickets", "name": WORDS, "words": WORDS, **usual, **fields}


def said(now: datetime = NOW, odds_ppm: int = 100_000, **fields: Any) -> set[tuple[str, str, str]]:
    """(severity, code, path) of what is said of it, but for price bands; the lottery's one prize is 20 points."""
    points = prize(kind="points", points=20, odds_ppm=odds_ppm, pieces=None, value_fen=0)
    factors = {"member_day_factors": {"gold": "0.5"}}
    rulebook = book(lottery(price_points=20, prizes=[points]), redemption=factors).rulebook
    document, wrong = documents.read(ticket(**fields))
    found = documents.findings(document, rulebook, Before(), now) if document else wrong
    return {(finding.severity, finding.code, finding.path) for finding in found if finding.code != "BELOW_BANDS"}


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, set()),
        ({"lottery": "summer"}, {("refuse", "UNKNOWN_LOTTERY", "lottery")}),
        ({"lottery": None}, {("refuse", "INVALID", "")}),
        ({"chances": 0}, {("refuse", "INVALID", "")}),
        ({"chances": 101}, {("refuse", "INVALID", "chances")}),
        ({"kind": "coupon"}, {("refuse", "INVALID", "")}),
        ({"kind": "coupon", "lottery": None}, {("refuse", "INVALID", "")}),
        ({"kind": "privilege", "lottery": None, "chances": 0}, set()),
        ({"closes_at": "2026-12-05T02:00:01Z"}, {("warn", "OUTLASTS_LOTTERY", "closes_at")}),
        ({"closes_at": None}, {("warn", "OUTLASTS_LOTTERY", "closes_at")}),
        # Two chances win five points on average, and on a member day they cost as much.
        ({"odds_ppm": 125_000}, set()),
        ({"odds_ppm": 125_001}, {("refuse", "LOTTERY_PAYS_MORE", "price_points")}),
        ({"odds_ppm": 250_000, "member_day": False}, set()),
        ({"odds_ppm": 250_001, "member_day": False}, {("refuse", "LOTTERY_PAYS_MORE", "price_points")}),
        ({"odds_ppm": 125_001, "tier_prices": {"gold": 5}, "member_day": False},
         {("refuse", "LOTTERY_PAYS_MORE", "price_points")}),
        ({"now": ENDS, "closes_at": None}, {("refuse", "LOTTERY_OVER", "lottery")}),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_what_is_said_of_an_offer_of_chances(fields: dict[str, Any], found: set[tuple[str, str, str]]) -> None:
    assert said(**fields) == found


def test_members_see_what_a_piece_gives() -> None:
    shown = Looker(Account("M"), book().rulebook, NOW).view(documents.load(ticket()), None)
    assert (shown.kind, shown.lottery, shown.chances) == ("lottery", "winter", 2)
