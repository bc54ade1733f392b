"""An order of the past, brought in as of its payment: the stages of today are no concern of it."""

import pytest

from tests.unit.keeping import TASK, goal, keeping, on_its_way_down
from tests.unit.lives import Life, book

SPENT = goal("spend_fen", 100_000, "period")
WEEKLY = {**TASK, "id": "weekly", "kind": "weekly", "goals": [goal("orders", 1, "week")]}


def gold() -> Life:
    """A member of gold since 2026-11-24, until 2027-11-24."""
    life = Life(book()).at("2026-11-24 12:00")
    life.buy(200_000)
    assert life.tier == "gold"
    return life


@pytest.mark.parametrize(("paid", "sprints"), [("2027-10-24 12:00", False), ("2027-10-25 12:00", True)])
def test_the_sprint_pays_orders_from_its_first_day_on(paid: str, sprints: bool) -> None:
    life = gold()
    life.live("2027-11-10 12:00")
    assert "tier_warned" in life.kinds
    warned_on = life.standing.warned_on
    assert warned_on is not None
    assert warned_on.isoformat() == "2027-10-25"
    entry = life.at(paid).order(10_000)
    assert ("sprint_purchase" in [line.rule for line in entry.lines]) == sprints
    assert life.standing.bonus == (5 if sprints else 0)


@pytest.mark.parametrize(("paid", "longer"), [("2027-11-24 12:00", False), ("2027-11-25 12:00", True)])
def test_the_grace_is_extended_by_what_was_done_in_it(paid: str, longer: bool) -> None:
    life = on_its_way_down(keeping(SPENT, tasks=(WEEKLY,)))
    until = life.standing.grace_until
    entry = life.at(paid).order(100)
    assert entry.facts["tasks"] == ["weekly"]
    assert (life.standing.grace_until != until) == longer


@pytest.mark.parametrize(("paid", "kept"), [("2027-11-24 12:00", False), ("2027-11-25 12:00", True)])
def test_a_tier_in_grace_is_kept_by_what_was_done_in_it(paid: str, kept: bool) -> None:
    life = on_its_way_down(keeping(SPENT))
    entry = life.at(paid).order(100_000)
    assert (entry.facts.get("tier_kept") == "gold") == kept
    assert (life.standing.stage == "") == kept


@pytest.mark.parametrize("days", [-1, -365, 0])
def test_a_lost_tier_is_brought_back_by_what_was_done_since(days: int) -> None:
    life = on_its_way_down(keeping(SPENT))
    life.live("2027-12-25 12:00")
    assert life.tier == "silver"
    entry = life.pass_(days=days).order(100_000)
    assert ("reinstated" in entry.facts) == (days == 0)


def test_an_import_earns_the_same_whether_the_schedules_run_in_the_midst_of_it() -> None:
    found = []
    for run in (False, True):
        life = Life(book()).at("2025-02-03 12:00")
        life.buy(200_000)
        if run:
            life.at("2026-11-24 12:00").due()
            assert life.kinds[-1] == "tier_warned"
        entry = life.at("2025-03-03 12:00").order(30_000)
        found.append((entry.points, [line.rule for line in entry.lines], life.standing.bonus))
    assert found[0] == found[1]
