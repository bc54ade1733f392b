"""Promotion: any one of several ways, needs that go together, windows, several steps at once, what it pays and when."""

from datetime import date
from typing import Any

import pytest

from chalicelib.engine import tiers
from chalicelib.engine.events import Behaved, RulesChanged
from chalicelib.rulebook.model import Published
from tests.unit.documents import goal
from tests.unit.lives import Life, book, shanghai
from tests.unit.rulebooks import document, published, words


def reached_by(*silver: dict[str, Any], gold: tuple[dict[str, Any], ...] = (), **sections: Any) -> Published:
    """The small rulebook, silver reached by these goals and gold by those, or by a fortune."""
    found = document()
    normal, second, third = found["tiers"]["levels"]
    second["promotion"] = list(silver)
    third["promotion"] = list(gold) or [goal("spend_fen", 10**9)]
    behaviours = [*found["behaviours"], {"code": "invite", "name": words("邀请"), "metrics": ["qualified_invites"]}]
    return published(tiers={"levels": [normal, second, third]}, behaviours=behaviours, **sections)


SPEND, LOGINS = goal("spend_fen", 50_000), goal("visits", 3)
BOTH = {**SPEND, "also": [LOGINS]}
SUM = {**goal("visits", 5), "plus": ["qualified_invites", "check_ins"]}


@pytest.mark.parametrize(
    ("goals", "fen", "logins", "invites", "tier"),
    [
        ((SPEND, LOGINS), 49_999, 2, 0, "normal"),
        ((SPEND, LOGINS), 50_000, 0, 0, "silver"),
        ((SPEND, LOGINS), 0, 3, 0, "silver"),
        ((BOTH,), 50_000, 2, 0, "normal"),
        ((BOTH,), 49_999, 3, 0, "normal"),
        ((BOTH,), 50_000, 3, 0, "silver"),
        ((BOTH, goal("qualified_invites", 2)), 50_000, 2, 1, "normal"),
        ((BOTH, goal("qualified_invites", 2)), 0, 0, 2, "silver"),
        ((SUM,), 0, 4, 0, "normal"),
        ((SUM,), 0, 5, 0, "silver"),
        ((SUM,), 0, 2, 2, "normal"),
        ((SUM,), 0, 2, 3, "silver"),
    ],
)
def test_any_one_way_is_enough_and_a_way_is_reached_when_all_its_needs_are(
    goals: tuple[dict[str, Any], ...], fen: int, logins: int, invites: int, tier: str
) -> None:
    life = Life(reached_by(*goals))
    for kind, times in (("login", logins), ("invite", invites)):
        for _ in range(times):
            life.do(kind)
    if fen:
        life.buy(fen)
    assert life.tier == tier


@pytest.mark.parametrize(
    ("window", "days", "tier"),
    [
        ("lifetime", ("2026-01-01", "2027-06-01"), "silver"),
        ("day", ("2026-11-24", "2026-11-24"), "silver"),
        ("day", ("2026-11-24", "2026-11-25"), "normal"),
        ("week", ("2026-11-23", "2026-11-29"), "silver"),
        ("week", ("2026-11-29", "2026-11-30"), "normal"),
        ("month", ("2028-02-01", "2028-02-29"), "silver"),
        ("month", ("2028-02-29", "2028-03-01"), "normal"),
        ("months:12", ("2026-12-31", "2027-11-30"), "silver"),
        ("months:12", ("2026-12-31", "2027-12-01"), "normal"),
        ("period", ("2026-01-01", "2027-06-01"), "silver"),  # nobody's period as a normal member ends
    ],
)
def test_a_goal_counts_what_lies_in_its_window(window: str, days: tuple[str, str], tier: str) -> None:
    life = Life(reached_by(goal("visits", 2, window)), now=shanghai(f"{days[0]} 12:00"))
    for day in days:
        life.at(f"{day} 12:00").do("login")
    assert life.tier == tier


@pytest.mark.parametrize(("logins", "tier"), [(4, "silver"), (5, "gold")])
def test_a_goal_of_the_period_counts_from_the_promotion_on(logins: int, tier: str) -> None:
    life = Life(reached_by(goal("visits", 3), gold=(goal("visits", 5, "period"),)))
    for _ in range(3):
        life.do("login")
    assert life.tier == "silver"
    for _ in range(logins):
        life.do("login")
    assert life.tier == tier


@pytest.mark.parametrize("base", ["retail", "content", "tool"])
def test_five_qualified_invites_lead_straight_to_gold_where_the_rulebook_says_so(base: str) -> None:
    invite = {"code": "invite", "name": words("邀请"), "metrics": ["qualified_invites"]}
    life = Life(book(base, behaviours=[*behaviours(base), invite]))
    tiers_after = []
    for _ in range(5):
        life.do("invite")
        tiers_after.append(life.tier)
    assert tiers_after == ["normal"] * 4 + (["gold"] if base == "retail" else ["normal"])


def behaviours(base: str) -> list[dict[str, Any]]:
    return [behaviour.model_dump(mode="json") for behaviour in book(base).rulebook.behaviours]


@pytest.mark.parametrize(
    ("base", "act", "steps"),
    [
        ("retail", lambda life: life.buy(1_000_000), ("normal", "diamond")),
        ("content", lambda life: life.buy(30_000), ("normal", "gold")),
        ("tool", lambda life: life.do("plan_paid"), ("normal", "gold")),
    ],
)
def test_several_steps_are_one_promotion_in_the_entry_that_earned_them_and_pay_once(
    base: str, act: Any, steps: tuple[str, str]
) -> None:
    life = Life(book(base), now=shanghai("2028-02-29 12:00"))
    act(life)
    entry = life.entries[-1]
    assert entry.facts["promoted"] == {"from": steps[0], "to": steps[1]}
    assert [line.points for line in entry.lines if line.rule == "growth"] == [500]
    assert (life.standing.since, life.standing.valid_until) == (date(2028, 2, 29), date(2029, 2, 28))


def test_each_tier_pays_its_growth_reward_once_in_a_life() -> None:
    life, paid = Life(), []
    for order, fen in (("A", 50_000), ("B", 150_000), ("C", 800_000)):
        entry = life.order(fen, order_id=order)
        paid += [line.points for line in entry.lines if line.rule == "growth"]
    assert (paid, life.tier) == ([500, 500, 500], "diamond")
    for order, fen in (("C", 800_000), ("B", 150_000), ("A", 50_000)):
        life.refund(order, fen)
    assert life.tier == "normal"
    again = life.order(1_000_000)
    assert again.tier_after == "diamond"
    assert "growth" not in [line.rule for line in again.lines]


def test_a_rulebook_without_the_top_tier_pays_nobody_a_growth_reward_again() -> None:
    growth = {"id": "growth", "name": words("成长"), "kind": "growth", "points": 5}
    levels = document()["tiers"]["levels"]
    top = {"code": "diamond", "name": words("钻石"), "promotion": [goal("spend_fen", 500_000)]}
    life = Life(published(tasks=[growth], tiers={"levels": [*levels, top]}))
    life.buy(500_000)
    life.book = published(tasks=[growth], tiers={"levels": levels})
    changed = life.record(RulesChanged(life.cause()))
    assert (changed.tier_after, changed.points) == ("gold", 0)


def test_what_a_promotion_pays_may_complete_a_task_and_promote_again_in_the_same_entry() -> None:
    growth = {"id": "growth", "name": words("成长"), "kind": "growth", "points": 5, "credits": {"steps": 1}}
    follows = {"id": "follows", "name": words("接着"), "kind": "newcomer", "goals": [goal("steps", 1)], "points": 7}
    life = Life(reached_by(goal("visits", 1), gold=(goal("tasks", 2),), tasks=[growth, follows]))
    life.do("login")
    entry = life.entries[-1]
    assert (entry.tier_after, entry.facts["tasks"]) == ("gold", ["growth", "follows", "growth"])
    # Two promotions, and the tier that was left is the one of before the entry.
    assert entry.facts["promoted"] == {"from": "normal", "to": "gold"}
    assert [line.rule for line in entry.lines if line.points] == ["login", "growth", "follows", "growth"]


def test_a_promotion_ends_no_sooner_for_being_replayed_and_nothing_is_promoted_that_is_held() -> None:
    life = Life(reached_by(goal("visits", 1)))
    life.do("login")
    since = life.standing.since
    life.pass_(days=30).do("login")
    assert (life.standing.since, life.tier) == (since, "silver")
    assert "promoted" not in life.entries[-1].facts


def test_progress_names_each_need_of_each_way_with_what_there_is() -> None:
    life = Life(reached_by(BOTH, SUM, goal("orders", 4, "months:3")))
    life.do("login")
    life.check_in()
    life.buy(12_300)
    found = [
        (step.way, step.metric, step.have, step.need)
        for step in tiers.progress(life.book.rulebook, life.account, life.today)
    ]
    assert found == [
        (0, "spend_fen", 12_300, 50_000), (0, "visits", 1, 3), (1, "visits", 2, 5), (2, "orders", 1, 4),
    ]  # fmt: skip


def test_a_late_report_promotes_on_the_day_it_comes() -> None:
    life = Life(reached_by(goal("visits", 1)))
    event = Behaved(life.cause(), "login", shanghai("2026-10-01 12:00"), trusted=True)
    assert life.record(event).tier_after == "silver"
    assert life.standing.since == life.today


@pytest.mark.parametrize(("uses", "tier"), [(2, "normal"), (3, "silver")])
def test_newcomer_tasks_bring_silver_two_uses_nearer(uses: int, tier: str) -> None:
    life = Life(book("tool"))
    life.do("feature_used")
    life.check_in()  # with the first use this completes the newcomer's tasks
    assert "newcomer" in life.account.tasks
    for _ in range(uses - 1):
        life.do("feature_used")
    assert life.tier == tier
