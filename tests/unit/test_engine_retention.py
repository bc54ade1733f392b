"""Keeping a tier and losing it: what counts, and the protocol step by step."""

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from chalicelib.engine import retention
from tests.unit.keeping import SPEND, TASK, VISITS, holder, keeping, progress, tiers_of
from tests.unit.lives import BOOKS, Life, book
from tests.unit.rulebooks import document, published

# What counts


@pytest.mark.parametrize(
    ("fen", "visits", "percent"),
    [(0, 0, 0), (50_000, 0, 50), (100_000, 0, 100), (300_000, 0, 100), (50_000, 2, 90), (60_000, 2, 100), (0, 5, 100)],
)
def test_the_goals_are_summed_each_at_most_in_full(fen: int, visits: int, percent: int) -> None:
    life = holder(keeping(SPEND, VISITS))
    life.buy(fen)
    for _ in range(visits):
        life.do("login")
    assert progress(life) == Fraction(percent, 100)


@pytest.mark.parametrize(
    ("fen", "visits", "percent"), [(100_000, 0, 50), (100_000, 2, 70), (0, 5, 50), (200_000, 5, 100)]
)
def test_needs_that_go_together_are_each_their_part_of_one_goal(fen: int, visits: int, percent: int) -> None:
    life = holder(keeping({**SPEND, "also": [VISITS]}))
    life.buy(fen)
    for _ in range(visits):
        life.do("login")
    assert progress(life) == Fraction(percent, 100)


@pytest.mark.parametrize(
    ("percent", "fen", "safe"), [(80, 39_999, False), (80, 40_000, True), (33, 16_500, True), (33, 16_499, False)]
)
def test_a_brand_may_ask_for_a_share_of_the_promotion_instead(percent: int, fen: int, safe: bool) -> None:
    life = holder(keeping(percent=percent), "silver")
    life.buy(fen)
    assert (progress(life) >= 1) is safe


@pytest.mark.parametrize(("days", "safe"), [(49, False), (50, True)])
@pytest.mark.parametrize("base", ["retail", "content", "tool"])
def test_fifty_tasks_keep_a_tier_on_every_preset(base: str, days: int, safe: bool) -> None:
    life = holder(book(base))
    kinds = ("login", "comment", "session" if base == "tool" else "browse")
    for _ in range(days):
        life.pass_(days=1)
        for kind in kinds:
            life.do(kind)
    assert life.account.counters["tasks"]["life"] - life.standing.base.get("tasks", 0) == days
    tasks = [
        share for share in retention.shares(life.book.rulebook, life.account, life.today) if share.metric == "tasks"
    ]
    assert (tasks[0].exact >= 1) is safe


@pytest.mark.parametrize(
    ("each", "tasks", "percent"), [(2, 1, 2), (2, 49, 98), (2, 50, 100), (3, 33, 99), (3, 34, 100), (0, 50, 0)]
)
def test_each_completed_task_counts_its_percent(each: int, tasks: int, percent: int) -> None:
    life = holder(keeping(tasks=(TASK,), task_percent=each))
    for _ in range(tasks):
        life.pass_(days=1).do("login")
    assert progress(life) == Fraction(percent, 100)


def test_a_task_that_is_worth_a_badge_alone_keeps_no_tier() -> None:
    badge = {**TASK, "points": 0, "badge": "b"}
    life = holder(keeping(tasks=(badge,), task_percent=2))
    life.do("login")
    assert ("daily" in life.account.tasks, progress(life)) == (True, 0)


@pytest.mark.parametrize(
    ("base", "act", "percent"),
    [
        ("retail", lambda life: life.buy(100_000), 102),  # and the weekly task, 2 %
        ("retail", lambda life: [life.do("service_finished") for _ in range(5)], 100),
        ("retail", lambda life: [life.do("service_finished") for _ in range(4)], 80),
        ("content", lambda life: life.buy(24_000), 100),
        ("content", lambda life: life.buy(23_999), 99),
        ("tool", lambda life: life.do("plan_paid"), 100),
        ("tool", lambda life: [life.do("service_finished") for _ in range(23)], 95),
    ],
)
def test_gold_is_kept_by_what_the_preset_says(base: str, act: Any, percent: int) -> None:
    life = holder(BOOKS[base])
    act(life)
    assert int(progress(life) * 100) == percent


# The protocol


@pytest.mark.parametrize(
    ("day", "fen", "kinds"),
    [
        ("2027-05-23 23:59", 0, []),
        ("2027-05-24 00:00", 0, ["tier_early_warning"]),
        ("2027-05-24 00:00", 49_589, ["tier_early_warning"]),  # 181 days of 365 are 49.589… %
        ("2027-05-24 00:00", 49_590, ["tier_on_pace"]),
        ("2027-10-24 23:59", 0, ["tier_early_warning"]),
        ("2027-10-25 00:00", 0, ["tier_early_warning", "tier_warned"]),
        ("2027-10-25 00:00", 99_999, ["tier_on_pace", "tier_warned"]),
        ("2027-10-25 00:00", 100_000, ["tier_on_pace", "tier_safe"]),
        ("2027-11-24 23:59", 0, ["tier_early_warning", "tier_warned"]),
        ("2027-11-25 00:00", 0, ["tier_early_warning", "tier_warned", "tier_grace"]),
        ("2027-11-25 00:00", 100_000, ["tier_on_pace", "tier_safe", "tier_kept"]),
        ("2027-12-24 23:59", 0, ["tier_early_warning", "tier_warned", "tier_grace"]),
        ("2027-12-25 00:00", 0, ["tier_early_warning", "tier_warned", "tier_grace", "tier_lapsed"]),
    ],
)
def test_the_protocol_step_by_step(day: str, fen: int, kinds: list[str]) -> None:
    life = holder(keeping(SPEND))
    life.buy(fen)
    happened = life.live(day)
    assert [entry.kind for entry in happened if entry.kind.startswith("tier")] == kinds


def test_each_step_says_what_it_is_and_asks_for_its_notice() -> None:
    life = holder(keeping(SPEND))
    steps = {entry.kind: entry for entry in life.live("2027-12-25 12:00")}
    assert [
        steps[kind].facts["notice"] for kind in ("tier_early_warning", "tier_warned", "tier_grace", "tier_lapsed")
    ] == [
        {"about": "tier_early_warning", "percent": 0},
        {"about": "tier_warning", "percent": 0, "valid_until": "2027-11-24"},
        {"about": "tier_grace", "percent": 0, "grace_until": "2027-12-24"},
        {"about": "tier_lapsed", "from": "gold", "to": "silver"},
    ]
    assert steps["tier_warned"].lines[0].why_zh == "金卡将于 2027-11-24 到期，保级进度 0%，保级冲刺开始"
    assert steps["tier_lapsed"].lines[0].why_zh == "金卡已到期，调整为银卡"
    assert "notice" not in holder(keeping(SPEND)).entries[-1].facts


@pytest.mark.parametrize(
    ("run_on", "until"),
    [
        ("2027-10-25", "2027-11-24"),
        ("2027-10-26", "2027-11-25"),
        ("2027-11-24", "2027-12-24"),
        ("2028-03-01", "2028-03-31"),
    ],
)
def test_a_warning_that_comes_late_moves_the_end_and_says_so(run_on: str, until: str) -> None:
    life = holder(keeping(SPEND))
    life.live("2027-10-24 12:00")
    life.at(f"{run_on} 12:00").due()
    standing = life.standing
    assert (standing.stage, standing.warned_on) == ("warned", date.fromisoformat(run_on))
    assert standing.valid_until == date.fromisoformat(until)
    moved = [line for line in life.entries[-1].lines if line.rule == "tier_postponed"]
    assert bool(moved) is (until != "2027-11-24")
    assert life.account.tier_due_on == date.fromisoformat(until) + timedelta(days=1)


def test_nobody_loses_a_tier_to_a_schedule_that_stood_still() -> None:
    life = holder(keeping(SPEND))
    life.at("2029-01-01 12:00").due()
    assert (life.tier, life.standing.stage) == ("gold", "warned")
    life.buy(100_000)
    life.live("2029-02-01 12:00")
    assert (life.tier, life.standing.stage) == ("gold", "")


def test_who_was_safe_at_the_warning_and_is_no_longer_at_the_review_is_warned_then() -> None:
    life = holder(keeping(SPEND))
    life.order(100_000, order_id="A")
    life.live("2027-11-01 12:00")
    assert "tier_safe" in life.kinds
    life.refund("A", 1)
    life.live("2027-11-25 12:00")
    assert (life.kinds[-1], life.standing.warned_on, life.standing.valid_until) == (
        "tier_warned", date(2027, 11, 25), date(2027, 12, 25),
    )  # fmt: skip
    assert "tier_grace" not in life.kinds


def test_a_kept_tier_begins_a_period_of_its_own() -> None:
    life = holder(keeping(SPEND))
    life.buy(100_000)
    life.live("2027-11-25 12:00")
    assert (life.standing.since, life.standing.valid_until) == (date(2027, 11, 25), date(2028, 11, 25))
    assert progress(life) == 0
    assert life.account.tier_due_on == date(2028, 5, 25)


def test_one_step_down_at_a_time_however_little_was_done() -> None:
    life = holder(keeping(SPEND))
    life.live("2031-01-01 12:00")
    assert tiers_of(life) == ["normal", "gold", "silver", "normal"]
    lapses = [entry.at.date() for entry in life.entries if entry.kind == "tier_lapsed"]
    assert (lapses[1] - lapses[0]).days > 365
    assert (life.standing.valid_until, life.account.tier_due_on) == (None, None)


@pytest.mark.parametrize(("held_months", "early"), [(6, 0), (7, 1)])
def test_a_period_no_longer_than_the_early_warning_has_none(held_months: int, early: int) -> None:
    found = document()
    found["tiers"] |= {"held_months": held_months}
    life = Life(published(tiers=found["tiers"]))
    life.hold("silver")
    life.live("2027-08-30 12:00")
    assert life.kinds.count("tier_early_warning") == early
    assert "tier_grace" in life.kinds
