"""What the room knows of codes, texts and campaigns without any storage."""

from typing import Any

import pytest

from chalicelib.redemption import documents, rules
from tests.functional.redemptions_room import document

WORDS = {"zh": "基金会", "en": "Foundation"}
CAMPAIGN = {"donation": {"partner": WORDS}, "member_day": False}


@pytest.mark.parametrize(("code", "shown"), [
    ("", "••••"), ("A", "••••"), ("ABC", "••••"), ("ABCD", "••••D"), ("ABCDEFGH", "••••GH"),
    ("ABCDEFGHIJKLMNOP", "••••MNOP"), ("A" * 60 + "BCDEF", "••••CDEF"),
])  # fmt: skip
def test_of_a_code_support_sees_a_quarter_and_at_most_four_letters(code: str, shown: str) -> None:
    assert rules.masked(code) == shown


@pytest.mark.parametrize(("text", "clean"), [
    ("broken", "broken"), ("  broken \n", "broken"), ("第一行\n第二行", "第一行\n第二行"), ("a\r\nb\rc", "a\nb\nc"),
    ("👨\u200d👩\u200d👧 came", "👨\u200d👩\u200d👧 came"), ("!!!", "!!!"), ("", None), ("  \n ", None),
    ("\u3164\u3164", None), ("\u200d\u200d", None), ("a\u0000b", None), ("a\u001bb", None), ("a\tb", None),
    ("\u202ebroken", None), ("a\u2066b", None), ("a\u2028b", None), ("\ue000a", None), ("a\ud800", None),
])  # fmt: skip
def test_a_reason_keeps_its_lines_and_nothing_that_controls_them(text: str, clean: str | None) -> None:
    assert rules.clean_text(text) == clean


def problems(kind: str, **fields: Any) -> list[str]:
    return [found.path for found in documents.read(document("x", kind, **fields))[1]]


@pytest.mark.parametrize(("kind", "fields", "fits"), [
    ("virtual", {"stock": {"mode": "codes"}}, True), ("virtual", {"stock": {"mode": "codes", "shards": 16}}, True),
    ("virtual", {"stock": {"mode": "codes", "low_percent": 0}}, True),
    ("virtual", {"stock": {"mode": "codes", "low_percent": 100}}, True),
    ("virtual", {"stock": {"mode": "codes", "low_percent": 101}}, False),
    ("virtual", {"stock": {"mode": "codes", "pieces": 1}}, False), ("coupon", {"stock": {"mode": "codes"}}, False),
    ("donation", CAMPAIGN, True), ("donation", {"member_day": False}, False), ("coupon", CAMPAIGN, False),
    ("donation", {**CAMPAIGN, "member_day": True}, False),
    ("donation", {**CAMPAIGN, "tier_prices": {"gold": 5}}, False),
    ("donation", {**CAMPAIGN, "stock": {"mode": "total", "pieces": 1}}, False),
    ("donation", {**CAMPAIGN, "donation": {"partner": WORDS, "goal_points": 1}}, True),
    ("donation", {**CAMPAIGN, "donation": {"partner": WORDS, "goal_points": 0}}, False),
    ("donation", {**CAMPAIGN, "donation": {}}, False),
    ("donation", {**CAMPAIGN, "donation": {"partner": {"zh": "会" * 60, "en": "F" * 60}}}, True),
    ("donation", {**CAMPAIGN, "donation": {"partner": {"zh": "会" * 61, "en": "F"}}}, False),
])  # fmt: skip
def test_codes_belong_to_virtual_offers_and_partners_to_campaigns(
    kind: str, fields: dict[str, Any], fits: bool
) -> None:
    assert (problems(kind, **fields) == []) is fits


def test_an_offer_published_before_there_were_codes_and_campaigns_loads_as_it_was() -> None:
    stored = documents.load(document("x", stock={"mode": "total", "pieces": 3})).model_dump(mode="json")
    del stored["donation"], stored["stock"]["low_percent"]
    found = documents.load(stored)
    assert (found.coded, found.donation, found.stock.pieces) == (False, None, 3)
