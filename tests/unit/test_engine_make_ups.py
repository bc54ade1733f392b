"""Make-ups: how far back, how many, what they cost, what they repair, on the shop's calendar."""

from datetime import date

import pytest

from chalicelib.engine.refusals import AlreadyCheckedIn, InsufficientPoints, MakeUpRefused
from chalicelib.engine.streaks import covers, length_on
from tests.unit.lives import Life, book, shanghai


@pytest.mark.parametrize(
    ("now", "on", "problem"),
    [
        ("2026-11-24 12:00", "2026-11-23", ""),
        ("2026-11-24 12:00", "2026-11-17", ""),
        ("2026-11-24 12:00", "2026-11-16", "only the last 7 days can be made up"),
        ("2026-11-24 12:00", "2026-11-24", "only a past day can be made up"),
        ("2026-11-24 12:00", "2026-11-25", "only a past day can be made up"),
        ("2026-11-25 00:00", "2026-11-24", ""),  # still the 24th in UTC
        ("2026-11-24 23:59", "2026-11-24", "only a past day can be made up"),
        ("2027-01-01 00:00", "2026-12-31", ""),
        ("2027-01-01 00:00", "2026-12-25", ""),
        ("2027-01-01 00:00", "2026-12-24", "only the last 7 days can be made up"),
        ("2028-03-01 12:00", "2028-02-29", ""),
        ("2028-03-07 12:00", "2028-02-29", ""),
        ("2028-03-08 12:00", "2028-02-29", "only the last 7 days can be made up"),
    ],
)
def test_a_make_up_is_for_one_of_the_last_seven_days(now: str, on: str, problem: str) -> None:
    life = Life(now=shanghai(now))
    if problem:
        with pytest.raises(MakeUpRefused, match=problem):
            life.make_up(on)
    else:
        assert life.make_up(on).facts["on"] == on
        assert covers(life.account.streak, date.fromisoformat(on))


def test_the_rulebook_may_allow_none_at_all() -> None:
    for policy in ({"make_up_within_days": 0}, {"make_ups_per_month": 0}):
        with pytest.raises(MakeUpRefused):
            Life(book(streak=policy)).make_up("2026-11-23")


def test_three_make_ups_a_month_counted_in_the_month_they_are_made() -> None:
    life = Life().at("2026-11-30 23:59")
    for day in ("24", "25", "26"):
        life.make_up(f"2026-11-{day}")
    with pytest.raises(MakeUpRefused, match="3 make-ups a month"):
        life.make_up("2026-11-27")
    life.at("2026-12-01 00:00")
    for day in ("27", "28", "29"):  # days of November, made up in December
        life.make_up(f"2026-11-{day}")
    with pytest.raises(MakeUpRefused, match="3 make-ups a month"):
        life.make_up("2026-11-30")


def test_a_make_up_repairs_the_streak_and_pays_nothing_but_the_next_check_in_pays_for_the_longer_streak() -> None:
    life = Life().at("2026-11-19 12:00")
    for _ in range(3):
        life.check_in()  # the 19th, 20th and 21st
        life.pass_(days=1)
    life.at("2026-11-23 12:00")
    assert life.check_in() == 5
    entry = life.make_up("2026-11-22")
    assert (entry.points, entry.facts) == (0, {"on": "2026-11-22", "streak": 5})
    assert entry.lines[0].why_zh == "补签 2026-11-22，连续签到 5 天"
    assert life.pass_(days=1).check_in() == 18  # day 6
    assert life.account.counters["check_ins"]["life"] == 5


def test_a_day_counts_once_however_it_was_recorded() -> None:
    life = Life().at("2026-11-24 12:00")
    life.check_in()
    life.make_up("2026-11-23")
    for on in ("2026-11-23", "2026-11-24"):
        with pytest.raises(AlreadyCheckedIn):
            life.make_up(on)
    life.at("2026-11-23 12:00")  # the clock has jumped back
    with pytest.raises(AlreadyCheckedIn):
        life.check_in()


@pytest.mark.parametrize(
    ("made_up", "length"),
    [((), 1), ((23,), 3), ((21,), 1), ((23, 21), 5), ((21, 23), 5), ((19, 21, 23), 7), ((23, 19), 3)],
)
def test_gaps_can_be_filled_in_any_order_and_the_streak_is_the_run_that_reaches_today(
    made_up: tuple[int, ...], length: int
) -> None:
    life = Life()
    for day in (18, 20, 22, 24):
        life.at(f"2026-11-{day} 12:00").check_in()
    for day in made_up:
        life.make_up(f"2026-11-{day}")
    assert length_on(life.account.streak, life.today) == length


@pytest.mark.parametrize(("balance", "enough"), [(19, False), (20, True), (21, True)])
def test_a_make_up_costs_what_the_rulebook_says(balance: int, enough: bool) -> None:
    life = Life(book(streak={"make_up_cost_points": 20}))
    life.adjust(balance - 100)
    if not enough:
        with pytest.raises(InsufficientPoints):
            life.make_up("2026-11-23")
        return
    entry = life.make_up("2026-11-23")
    assert (entry.points, entry.balance_after) == (-20, balance - 20)
    assert [line.why_zh for line in entry.lines] == ["补签消耗 20", "补签 2026-11-23，连续签到 1 天"]


def test_nobody_makes_up_a_day_before_joining() -> None:
    life = Life(now=shanghai("2026-11-24 12:00"))
    life.account = life.account.with_(joined_at=shanghai("2026-11-22 23:59"))
    assert life.make_up("2026-11-22").kind == "make_up"
    with pytest.raises(MakeUpRefused, match="before the member joined"):
        life.make_up("2026-11-21")
    life.account = life.account.with_(joined_at=shanghai("2026-11-21 00:00"))  # the 20th in UTC
    assert life.make_up("2026-11-21").kind == "make_up"


def test_an_account_keeps_only_the_runs_a_make_up_can_reach() -> None:
    life = Life()
    for _ in range(40):  # every other day: a run each
        life.pass_(days=2).check_in()
    assert len(life.account.streak.runs) == 5
    assert life.account.streak.length == 1
