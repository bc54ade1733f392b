"""A rulebook is published only where no member loses a tier by it."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.console import rules
from chalicelib.rulebook import store
from chalicelib.rulebook.presets import preset
from chalicelib.shared import clock
from tests.functional.console_room import NOW, Console, document, publish
from tests.unit.documents import changed, goal

ADA = "operator:ada"
LATER, LATEST = NOW + timedelta(days=7), NOW + timedelta(days=14)

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def console(aws: None, monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(rules, "N", 2)
    return Console()


def tiers(*, without: str = "", formerly: dict[str, list[str]] | None = None, more: str = "") -> dict[str, Any]:
    """The tiers and rules of the shop, a tier left out, another put on top, some said to be what others were."""
    found = preset("retail")
    levels = [level for level in found["tiers"]["levels"] if level["code"] != without]
    levels = [{**level, "formerly": (formerly or {}).get(level["code"], [])} for level in levels]
    if more:
        top = {"code": more, "name": {"zh": "黑卡", "en": "Black"}, "promotion": [goal("spend_fen", 10**8)]}
        levels.append({**top, "benefits": levels[-1]["benefits"]})
    for part in (*found["earning"], *found["multipliers"]):
        table = part.get("by_tier") or part.get("points", {}).get("by_tier") or {}
        table.pop(without, None)
        if more and table:
            table[more] = list(table.values())[-1]
    found["redemption"]["member_day_factors"].pop(without, None)
    return {
        "tiers": {**found["tiers"], "levels": levels},
        "earning": found["earning"],
        "multipliers": found["multipliers"],
        "redemption": found["redemption"],
    }


def refused(*, at: Any = None, **changes: Any) -> set[str]:
    with pytest.raises(store.RulebookRefused) as refusal:
        publish(tiers(**changes), effective_at=at)
    return {detail["code"] for detail in refusal.value.details}


def test_a_tier_is_left_out_only_when_the_document_says_where_its_holders_go() -> None:
    publish()
    assert refused(without="diamond") == {"TIER_DROPPED"}
    assert refused(without="diamond", formerly={"silver": ["diamond"]}) == {"TIER_STEPPED_DOWN"}
    assert publish(tiers(without="diamond", formerly={"gold": ["diamond"]})) == 2
    assert store.current(NOW).rulebook.tier("diamond").code == "gold"


def test_the_first_rulebook_follows_none() -> None:
    assert publish(tiers(without="diamond")) == 1


def test_a_roll_back_over_a_new_tier_is_refused_and_a_draft_that_says_where_its_holders_go_is_not() -> None:
    publish()
    publish(tiers(more="black"))
    with pytest.raises(store.RulebookRefused):
        store.rollback(1, ADA, NOW)
    assert publish(tiers(formerly={"diamond": ["black"]})) == 3


def test_a_planned_version_follows_the_one_that_holds_until_then() -> None:
    publish()
    publish(tiers(more="black"), effective_at=LATER)
    assert refused(at=LATEST) == {"TIER_DROPPED"}
    # In its place, it follows the one in force now.
    assert publish(effective_at=LATER) == 3
    assert publish(effective_at=LATEST) == 4


def test_what_is_published_now_must_be_followed_by_what_is_planned() -> None:
    publish()
    publish(effective_at=LATER)
    with pytest.raises(store.RulebookRefused) as refusal:
        publish(tiers(more="black"))
    (detail,) = refusal.value.details
    assert (detail["code"], detail["field"]) == ("TIER_DROPPED", "tiers.levels")
    assert "Version 2 is planned" in detail["problem"]
    assert "版本 2" in detail["problem_zh"]
    # After the planned one it follows it.
    assert publish(tiers(more="black"), effective_at=LATEST) == 3


def test_validating_tells_it_beforehand(console: Console) -> None:
    token = console.hire("ada", "operator")
    publish()
    body = {"document": {**document(), **tiers(without="diamond")}}
    status, found = console.call("POST", "/v1/admin/rulebook/validate", body, token)
    assert (status, found["publishable"]) == (200, False)
    assert [finding["code"] for finding in found["findings"] if finding["severity"] == "refuse"] == ["TIER_DROPPED"]
    body = {"document": {**document(), **tiers(without="diamond", formerly={"gold": ["diamond"]})}}
    assert console.call("POST", "/v1/admin/rulebook/validate", body, token)[1]["publishable"] is True


@pytest.mark.parametrize("path", ["tasks.0.goals.0.window", "tasks.1.goals.0.window", "badges.0.goal.window"])
def test_a_goal_over_a_tiers_period_where_there_is_none_is_a_finding(console: Console, path: str) -> None:
    token = console.hire("ada", "operator")
    publish()
    wrong = changed({path: "period"})
    status, found = console.call("POST", "/v1/admin/rulebook/validate", {"document": wrong}, token)
    assert (status, found["publishable"]) == (200, False)
    assert (found["findings"][0]["code"], found["findings"][0]["path"]) == ("PERIOD_ELSEWHERE", path)
    draft = store.save_draft(wrong, ADA, NOW)
    with pytest.raises(store.RulebookRefused):
        store.publish(draft, None, ADA, {}, NOW)
