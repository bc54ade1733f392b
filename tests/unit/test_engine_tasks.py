"""Tasks and badges: done in the entry of the action that completed them, once in each of their periods."""

from datetime import date
from typing import Any

import pytest

from chalicelib.engine import tasks
from chalicelib.engine.events import TaskClaimed
from chalicelib.engine.refusals import MakeUpRefused, NothingToClaim
from chalicelib.rulebook.model import Published
from tests.unit.documents import goal
from tests.unit.lives import Life, book, shanghai
from tests.unit.rulebooks import document, published, words

LOGIN = goal("visits", 1)
LOGIN_TODAY = goal("visits", 1, "day")


def task(kind: str, *goals: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "t", "name": words("任务"), "kind": kind, "goals": list(goals), "points": 50, **more}


def having(*found: dict[str, Any], **sections: Any) -> Published:
    return published(tasks=list(found), **sections)


def paid(life: Life, task_id: str = "t") -> list[int]:
    """What the task paid in the last entry."""
    return [line.points for line in life.entries[-1].lines if line.rule == task_id]


def state(life: Life, task_id: str = "t") -> str | None:
    found = tasks.states(life.book.rulebook, life.account, life.today)
    return next((each.state for each in found if each.task.id == task_id), None)


@pytest.mark.parametrize(
    ("made", "first", "second", "again"),
    [
        (task("newcomer", LOGIN), "2026-11-24 12:00", "2027-11-24 12:00", False),
        (task("daily", LOGIN_TODAY), "2026-11-24 00:00", "2026-11-24 23:59", False),
        (task("daily", LOGIN_TODAY), "2026-11-24 23:59", "2026-11-25 00:00", True),
        (task("daily", LOGIN), "2026-11-24 12:00", "2026-11-24 13:00", False),
        (task("weekly", goal("visits", 1, "week")), "2026-11-23 00:00", "2026-11-29 23:59", False),
        (task("weekly", goal("visits", 1, "week")), "2026-11-29 23:59", "2026-11-30 00:00", True),
        (task("weekly", goal("visits", 1, "week")), "2026-12-31 12:00", "2027-01-03 12:00", False),
        (task("exclusive", LOGIN_TODAY), "2026-11-15 00:00", "2026-11-15 23:59", False),
        (task("exclusive", LOGIN_TODAY), "2026-11-15 12:00", "2026-12-15 12:00", True),
        (
            task("campaign", LOGIN, starts_on="2026-11-01", ends_on="2027-01-31"),
            "2026-11-24 12:00",
            "2027-01-31 12:00",
            False,
        ),
    ],
)
def test_a_task_is_done_once_in_its_period_and_may_be_done_again_in_the_next(
    made: dict[str, Any], first: str, second: str, again: bool
) -> None:
    life = Life(having(made), now=shanghai(first))
    life.do("login")
    assert (paid(life), life.entries[-1].facts["tasks"]) == ([50], ["t"])
    life.do("login")
    assert paid(life) == []
    life.at(second).do("login")
    assert paid(life) == ([50] if again else [])


@pytest.mark.parametrize(
    ("day", "done"),
    [("2026-11-14 23:59", False), ("2026-11-15 00:00", True), ("2026-11-15 23:59", True), ("2026-11-16 00:00", False)],
)
def test_an_exclusive_task_is_for_the_member_day(day: str, done: bool) -> None:
    life = Life(having(task("exclusive", LOGIN_TODAY)), now=shanghai(day))
    assert state(life) == ("active" if done else None)
    life.do("login")
    assert bool(paid(life)) is done


@pytest.mark.parametrize(
    ("day", "done"),
    [("2026-11-10 23:59", False), ("2026-11-11 00:00", True), ("2026-11-20 23:59", True), ("2026-11-21 00:00", False)],
)
def test_a_campaign_runs_from_its_first_day_to_its_last(day: str, done: bool) -> None:
    life = Life(having(task("campaign", LOGIN, starts_on="2026-11-11", ends_on="2026-11-20")), now=shanghai(day))
    life.do("login")
    assert bool(paid(life)) is done


@pytest.mark.parametrize(("days", "done"), [(("10", "11"), False), (("11", "20"), True), (("20", "21"), False)])
def test_a_campaign_counts_what_lies_in_it(days: tuple[str, str], done: bool) -> None:
    life = Life(
        having(task("campaign", goal("visits", 2), starts_on="2026-11-11", ends_on="2026-11-20")),
        now=shanghai("2026-11-01 12:00"),
    )
    for day in days:
        life.at(f"2026-11-{day} 12:00").do("login")
    assert bool(paid(life)) is done


def test_a_campaign_that_is_prolonged_pays_nobody_twice_and_a_new_one_is_new() -> None:
    life = Life(having(task("campaign", LOGIN, starts_on="2026-11-11", ends_on="2026-11-30")))
    life.do("login")
    for starts_on, pays in (("2026-11-11", False), ("2026-11-01", False), ("2026-12-01", True)):
        life.book = having(task("campaign", LOGIN, starts_on=starts_on, ends_on="2026-12-31"))
        life.at("2026-12-05 12:00").do("login")
        assert bool(paid(life)) is pays


@pytest.mark.parametrize(
    ("ends_on", "day", "done"),
    [
        ("2026-12-31", "2026-12-05 12:00", True),
        ("2026-12-31", "2027-01-01 00:00", False),
        ("2026-11-25", "2026-11-25 23:59", True),
        ("2026-11-25", "2026-11-26 00:00", False),
    ],
)
def test_moving_the_end_of_a_campaign_keeps_what_was_done_in_it(ends_on: str, day: str, done: bool) -> None:
    def running(until: str) -> Published:
        return having(task("campaign", goal("visits", 2), starts_on="2026-11-11", ends_on=until))

    life = Life(running("2026-11-30"))
    life.do("login")
    life.book = running(ends_on)
    assert [
        goal.have for each in tasks.states(life.book.rulebook, life.account, life.today) for goal in each.goals
    ] == [1]
    life.at(day).do("login")
    assert bool(paid(life)) is done


def test_another_beginning_is_another_campaign() -> None:
    life = Life(having(task("campaign", goal("visits", 2), starts_on="2026-11-11", ends_on="2026-11-30")))
    life.do("login")
    life.book = having(task("campaign", goal("visits", 2), starts_on="2026-11-12", ends_on="2026-11-30"))
    life.do("login")
    assert (paid(life), dict(life.account.counters["visits"])) == ([], {"c:2026-11-12": 1})


def test_two_campaigns_that_begin_on_one_day_end_on_their_own() -> None:
    short = task("campaign", goal("visits", 2), starts_on="2026-11-11", ends_on="2026-11-24")
    long = {**short, "id": "long", "ends_on": "2026-11-30"}
    life = Life(having(short, long))
    life.do("login")
    life.pass_(days=1).do("login")
    assert (paid(life), paid(life, "long")) == ([], [50])


def test_what_accounts_counted_under_both_dates_of_a_campaign_is_kept() -> None:
    life = Life(having(task("campaign", goal("visits", 3), starts_on="2026-11-11", ends_on="2026-11-30")))
    life.account = life.account.with_(counters={"visits": {"c:2026-11-11:2026-11-20": 1}})
    life.do("login")
    assert (paid(life), dict(life.account.counters["visits"])) == ([], {"c:2026-11-11": 2})
    life.do("login")
    assert paid(life) == [50]


def test_a_clock_that_runs_back_over_midnight_pays_no_task_twice() -> None:
    life = Life(having(task("daily", LOGIN)), now=shanghai("2026-11-24 12:00"))
    life.do("login")
    life.at("2026-11-25 00:00").do("login")
    assert paid(life) == [50]
    life.at("2026-11-24 23:59").do("login")
    assert paid(life) == []


def test_every_goal_has_to_be_reached() -> None:
    life = Life(
        having(
            task("daily", goal("visits", 2, "day"), {**goal("check_ins", 1, "day"), "also": [goal("orders", 1, "day")]})
        )
    )
    seen = []
    for act in (lambda: life.do("login"), life.check_in, lambda: life.buy(1), lambda: life.do("login")):
        act()
        seen.append(bool(paid(life)))
    assert seen == [False, False, False, True]


def test_who_may_take_part_is_a_condition() -> None:
    life = Life(having(task("daily", LOGIN_TODAY, when={"tier": ["gold"]})))
    life.do("login")
    assert paid(life) == []
    life.hold("gold")
    life.do("login")
    assert paid(life) == [50]


@pytest.mark.parametrize("base", ["retail", "content", "tool"])
def test_the_presets_daily_pack_asks_for_three_things_of_one_day(base: str) -> None:
    life = Life(book(base)).at("2026-11-24 12:00")
    kinds = ["login", "session" if base == "tool" else "browse", "like"]
    for kind in kinds[:2]:
        life.do(kind)
    life.at("2026-11-25 12:00").do(kinds[2])
    assert paid(life, "daily") == []
    for kind in kinds[:2]:
        life.do(kind)
    assert paid(life, "daily") == [50]


@pytest.mark.parametrize(("fen", "points"), [(29_999, []), (30_000, [200])])
@pytest.mark.parametrize("base", ["retail", "content", "tool"])
def test_the_presets_weekly_pack_asks_for_three_hundred_yuan(base: str, fen: int, points: list[int]) -> None:
    life = Life(book(base))
    life.buy(fen)
    assert paid(life, "weekly") == points


# Claims


TAP = task("daily", LOGIN_TODAY, claim="tap")


def claim(life: Life) -> int:
    return life.record(TaskClaimed(life.cause(), "t")).points


@pytest.mark.parametrize(("when", "pays"), [("2026-11-24 23:59", True), ("2026-11-25 00:00", False)])
def test_a_task_by_tap_waits_for_the_tap_until_its_period_ends(when: str, pays: bool) -> None:
    life = Life(having(TAP)).at("2026-11-24 12:00")
    with pytest.raises(NothingToClaim):
        claim(life)
    assert life.do("login") == 10
    assert life.entries[-1].points == 10
    assert (state(life), paid(life)) == ("open", [0])
    assert life.account.counters["tasks"]["life"] == 1  # done when it was done, not when it is claimed
    life.at(when)
    if not pays:
        with pytest.raises(NothingToClaim):
            claim(life)
        return
    assert (claim(life), state(life)) == (50, "done")
    with pytest.raises(NothingToClaim):
        claim(life)
    assert life.account.counters["tasks"]["life"] == 1


def test_nothing_is_claimed_that_was_paid_by_itself_or_is_unknown() -> None:
    life = Life(having(task("daily", LOGIN_TODAY)))
    life.do("login")
    with pytest.raises(NothingToClaim):
        claim(life)
    life.book = having()
    with pytest.raises(NothingToClaim):
        claim(life)


# What a task leads to


def test_a_task_awards_its_badge_and_title_once() -> None:
    star = {"id": "star", "name": words("之星"), "title": words("达人")}
    life = Life(having(task("daily", LOGIN_TODAY, points=0, badge="star"), badges=[star]))
    life.do("login")
    assert [line.why_zh for line in life.entries[-1].lines][-1] == "获得勋章：之星，获得称号“达人”"
    assert (life.account.badges, life.entries[-1].facts["badges"]) == (("star",), ["star"])
    life.pass_(days=1).do("login")
    assert life.account.badges == ("star",)
    assert "badges" not in life.entries[-1].facts


@pytest.mark.parametrize(("check_ins", "badges"), [(2, ()), (3, ("b",)), (4, ("b",))])
def test_a_badge_comes_when_its_goal_is_reached(check_ins: int, badges: tuple[str, ...]) -> None:
    life = Life(having(badges=[{"id": "b", "name": words("勋章"), "goal": goal("check_ins", 3)}]))
    for _ in range(check_ins):
        life.pass_(days=1).check_in()
    assert life.account.badges == badges


def test_make_up_cards_are_for_days_beyond_the_months_own() -> None:
    life = Life(having(task("newcomer", LOGIN, make_up_cards=1), streak={"make_ups_per_month": 1}))
    life.do("login")
    assert life.account.make_up_cards == 1
    life.make_up("2026-11-23")
    assert life.account.make_up_cards == 1
    assert [line.rule for line in life.make_up("2026-11-22").lines] == ["make_up_card", "make_up"]
    with pytest.raises(MakeUpRefused):
        life.make_up("2026-11-21")


def test_credits_grow_counters_that_other_goals_read_in_the_same_entry() -> None:
    found = document()
    found["tiers"]["levels"][1]["promotion"] = [{**goal("spend_fen", 10**9), "plus": []}, goal("steps", 2)]
    life = Life(having(task("newcomer", LOGIN, credits={"steps": 2}), tiers=found["tiers"]))
    life.do("login")
    assert life.tier == "silver"


def test_a_task_that_counts_tasks_is_done_in_the_entry_that_does_the_last_of_them() -> None:
    first, second = task("daily", LOGIN_TODAY), task("weekly", goal("check_ins", 1, "week"), id="w")
    both = task("newcomer", goal("tasks", 2), id="both", points=7)
    life = Life(having(both, first, second))
    life.do("login")
    assert paid(life, "both") == []
    life.check_in()
    assert life.entries[-1].facts["tasks"] == ["w", "both"]
    assert life.account.counters["tasks"]["life"] == 3


def test_growth_is_no_task_of_a_day_and_shows_on_no_list() -> None:
    life = Life(having(task("growth")))
    life.do("login")
    assert (paid(life), state(life)) == ([], None)
    life.buy(50_000)
    assert (paid(life), life.account.tasks) == ([50], {})


def test_progress_stops_at_what_is_asked_for() -> None:
    life = Life(having(task("daily", goal("visits", 2, "day"))))
    seen = []
    for _ in range(4):
        (found,) = tasks.states(life.book.rulebook, life.account, life.today)
        seen.append((found.state, found.goals[0].have, found.goals[0].need))
        life.do("login")
    assert seen == [("active", 0, 2), ("active", 1, 2), ("done", 2, 2), ("done", 2, 2)]


def test_a_task_of_a_life_is_remembered_while_the_rulebook_has_it_not() -> None:
    life = Life(having(task("newcomer", LOGIN), task("daily", LOGIN_TODAY, id="d")))
    life.do("login")
    life.book = having(task("daily", LOGIN_TODAY, id="e"))
    life.pass_(days=1).do("login")
    assert set(life.account.tasks) == {"t", "e"}  # the daily one is forgotten
    life.book = having(task("newcomer", LOGIN))
    life.do("login")
    assert paid(life) == []


def test_what_a_task_pays_lives_as_long_as_all_points() -> None:
    life = Life(having(task("daily", LOGIN_TODAY)))
    life.do("login")
    assert life.account.lots[date(2027, 11, 30)] == 60
