"""Members who hold a tier of the small rulebook, kept by goals a test chooses."""

from datetime import date
from fractions import Fraction
from typing import Any

from chalicelib.engine import retention
from chalicelib.rulebook.model import Published
from tests.unit.documents import goal
from tests.unit.lives import Life
from tests.unit.rulebooks import document, published, words

SPEND, VISITS = goal("spend_fen", 100_000, "period"), goal("visits", 5, "period")
TASK = {"id": "daily", "name": words("每日"), "kind": "daily", "goals": [goal("visits", 1, "day")], "points": 50}
SINCE, UNTIL = date(2026, 11, 24), date(2027, 11, 24)
"""When Life.hold() sets a tier, and until when it is held."""


def keeping(*goals: dict[str, Any], tasks: tuple[dict[str, Any], ...] = (), percent: int | None = None,
            **policy: Any) -> Published:  # fmt: skip
    """The small rulebook: every tier is kept by these goals; tasks are worth nothing unless the policy says so."""
    found = document()
    levels = found["tiers"]["levels"]
    levels[1]["promotion"] = levels[1]["promotion"][:1]
    for level in levels[1:]:
        level["retention"] = list(goals)
    behaviours = [*found["behaviours"], {"code": "invite", "name": words("邀请"), "metrics": ["qualified_invites"]}]
    tiers = {"levels": levels, "retention": {"task_percent": 0, **policy}}
    if percent:
        tiers["retention_percent_of_promotion"] = percent
    return published(tiers=tiers, tasks=list(tasks), behaviours=behaviours)


def holder(published: Published, tier: str = "gold") -> Life:
    life = Life(published)
    life.hold(tier)
    assert (life.standing.since, life.standing.valid_until) == (SINCE, UNTIL)
    return life


def progress(life: Life) -> Fraction:
    return retention.progress(life.book.rulebook, life.account, life.today)


def tiers_of(life: Life) -> list[str]:
    """The tiers held one after the other."""
    found = [entry.tier_after for entry in life.entries]
    return [tier for number, tier in enumerate(found) if number == 0 or found[number - 1] != tier]


def on_its_way_down(published: Published, tier: str = "gold") -> Life:
    """A member in grace from UNTIL + 1 on, for 30 days: warned 30 days before."""
    life = holder(published, tier)
    life.live("2027-11-25 12:00")
    assert life.standing.stage == "grace"
    return life
