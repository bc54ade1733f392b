"""One rulebook after another: what publishing it may not take from members."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.rulebook.model import Rulebook, load
from chalicelib.rulebook.presets import NAMES, preset
from chalicelib.rulebook.succession import succession
from tests.unit.documents import changed, findings, goal
from tests.unit.rulebooks import words

# A ladder is written from the first tier up: "silver<argent,old" is silver, formerly argent and old.
NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
RETAIL = "normal silver gold diamond"


def ladder(tiers: str) -> Rulebook:
    levels: list[dict[str, Any]] = []
    for number, (code, _, formerly) in enumerate(part.partition("<") for part in tiers.split()):
        level = {"code": code, "name": words(code), "formerly": formerly.split(",") if formerly else []}
        levels.append({**level, "promotion": [goal("spend_fen", number * 100)]} if number else level)
    return load(changed({"tiers.levels": levels, "earning": [], "multipliers": []}))


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (RETAIL, RETAIL, ""),
        # Another tier, anywhere above the first.
        (RETAIL, f"{RETAIL} platinum", ""),
        (RETAIL, "normal bronze silver gold diamond", ""),
        # Left out: only when somebody says where its holders go, which is not below.
        (RETAIL, "normal silver gold", "TIER_DROPPED"),
        (RETAIL, "normal silver gold<diamond", ""),
        (RETAIL, "normal silver<diamond gold", "TIER_STEPPED_DOWN"),
        (RETAIL, "normal gold diamond", "TIER_DROPPED"),
        (RETAIL, "normal gold<silver diamond", ""),
        (RETAIL, "normal<silver gold diamond", "TIER_STEPPED_DOWN"),
        (RETAIL, "normal silver<gold diamond", "TIER_STEPPED_DOWN"),
        # Called otherwise.
        (RETAIL, "normal argent gold diamond", "TIER_DROPPED"),
        (RETAIL, "normal argent<silver gold diamond", ""),
        (RETAIL, "basic<normal silver gold diamond", ""),
        # And again: who was not looked at since the first time is on record with the first name.
        ("normal argent<silver gold", "normal plata<argent gold", "TIER_DROPPED"),
        ("normal argent<silver gold", "normal plata<silver,argent gold", ""),
        ("normal argent<silver gold", "normal silver<argent gold", ""),
        ("normal argent<silver gold", "normal silver gold", "TIER_DROPPED"),
        # A name that stands for two tiers tells nobody's.
        ("normal gold<silver diamond", "normal silver gold diamond", "TIER_CODE_TAKEN"),
        ("normal gold<silver diamond", "normal bronze gold<silver diamond", ""),
        # In another order.
        (RETAIL, "normal gold silver diamond", "TIER_STEPPED_DOWN"),
        # The first tier is nobody's to lose.
        (RETAIL, "basic normal silver gold diamond", "FIRST_TIER_MOVED"),
        (RETAIL, "basic silver<normal gold diamond", "FIRST_TIER_MOVED"),
        ("normal silver gold", "plus<normal,silver gold diamond", "FIRST_TIER_MOVED"),
    ],
)
def test_a_rulebook_follows_another_when_nobody_loses_a_tier_by_it(before: str, after: str, code: str) -> None:
    found = list(succession(ladder(before), ladder(after), NOW))
    assert {finding.code for finding in found} == ({code} if code else set())
    for finding in found:
        assert (finding.severity, finding.path) == ("refuse", "tiers.levels")
        assert finding.message
        assert finding.message_zh


def test_each_tier_that_nobody_speaks_of_is_named() -> None:
    found = [finding.message for finding in succession(ladder(RETAIL), ladder("normal a b"), NOW)]
    assert [any(code in message for message in found) for code in RETAIL.split()] == [False, True, True, True]


def test_a_tier_has_at_most_twenty_names_of_before() -> None:
    names = [f"t{number}" for number in range(21)]
    assert findings({"tiers.levels.1.formerly": names[:20]}) == []
    assert {finding.code for finding in findings({"tiers.levels.1.formerly": names})} == {"INVALID"}


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_follows_itself(name: str) -> None:
    assert list(succession(load(preset(name)), load(preset(name)), NOW)) == []
