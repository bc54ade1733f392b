"""How much of a behaviour counts in a business day."""

from typing import Any

import pytest

from chalicelib.engine.counters import read
from chalicelib.engine.events import Behaved
from chalicelib.rulebook.model import Published
from tests.unit.documents import findings, goal
from tests.unit.lives import Life, book, shanghai
from tests.unit.rulebooks import document, published, words

TIMED = {"code": "browse", "name": words("浏览"), "reported_by": "both", "counts_seconds": True}


def limited(**limits: Any) -> Published:
    """Browsing, limited; silver by three of its taps, its seconds and its times read by a badge."""
    found = document()
    normal, silver, gold = found["tiers"]["levels"]
    silver["promotion"] = [goal("taps", 3)]
    badge = {"id": "b", "name": words("勋章"), "goal": goal("browse_seconds", 10**9, also=[goal("browse", 10**9)])}
    behaviours = [found["behaviours"][0], {**TIMED, "metrics": ["taps"], **limits}, found["behaviours"][2]]
    return published(tiers={"levels": [normal, silver, gold]}, behaviours=behaviours, badges=[badge])


def counted(life: Life, metric: str) -> int:
    return read(life.account.counters, metric, "lifetime", life.today)


@pytest.mark.parametrize(
    ("times", "taps", "tier"), [(1, 1, "normal"), (2, 2, "normal"), (3, 2, "normal"), (9, 2, "normal")]
)
def test_times_beyond_the_limit_count_nowhere_that_day(times: int, taps: int, tier: str) -> None:
    life = Life(limited(counted_per_day=2))
    for _ in range(times):
        life.do("browse", seconds=10)
    assert (counted(life, "taps"), counted(life, "browse"), life.tier) == (taps, taps, tier)
    # Seconds have a limit of their own.
    assert counted(life, "browse_seconds") == 10 * times
    said = "超出每日计数上限" in life.entries[-1].lines[-1].why_zh
    assert said == (times > 2)


def test_the_next_business_day_counts_again_and_not_a_moment_earlier() -> None:
    life = Life(limited(counted_per_day=2)).at("2026-11-24 00:00")
    for moment in ("2026-11-24 00:00", "2026-11-24 12:00", "2026-11-24 23:59"):
        life.at(moment).do("browse")
    assert (counted(life, "taps"), life.tier) == (2, "normal")
    life.at("2026-11-25 00:00").do("browse")
    assert (counted(life, "taps"), life.tier) == (3, "silver")


def test_a_late_report_uses_the_room_of_the_latest_day() -> None:
    life = Life(limited(counted_per_day=2))
    life.do("browse")
    for day in ("2026-11-20", "2026-11-21", "2026-11-22"):
        life.record(Behaved(life.cause(), "browse", shanghai(f"{day} 12:00"), trusted=True))
    assert counted(life, "taps") == 2


@pytest.mark.parametrize("trusted", [True, False])
def test_the_limit_is_the_same_whoever_reports(trusted: bool) -> None:
    life = Life(limited(counted_per_day=2))
    for _ in range(3):
        life.record(Behaved(life.cause(), "browse", life.now, trusted))
    assert counted(life, "taps") == 2


@pytest.mark.parametrize(
    ("reports", "seconds"), [((59,), 59), ((60,), 60), ((61,), 60), ((40, 20), 60), ((40, 21), 60), ((60, 60), 60)]
)
def test_seconds_count_up_to_the_limit(reports: tuple[int, ...], seconds: int) -> None:
    life = Life(limited(seconds_per_day=60))
    for each in reports:
        life.do("browse", seconds=each)
    assert (counted(life, "browse_seconds"), counted(life, "browse")) == (seconds, len(reports))
    said = "超出每日计数上限" in life.entries[-1].lines[-1].why_zh
    assert said == (sum(reports) > 60)
    life.pass_(days=1).do("browse", seconds=60)
    assert counted(life, "browse_seconds") == seconds + 60


def test_points_are_limited_by_caps_and_not_by_this() -> None:
    life = Life(limited(counted_per_day=1, seconds_per_day=1))
    assert [life.do("browse", seconds=300) for _ in range(3)] == [10, 10, 5]  # 25 a week


def test_only_what_is_limited_is_counted_by_the_day() -> None:
    limits, nothing = limited(counted_per_day=1, seconds_per_day=1).rulebook.windows, limited().rulebook.windows
    for metric in ("browse", "browse_seconds"):
        assert (limits[metric], nothing[metric]) == ({"lifetime", "day"}, {"lifetime"})
    assert limits["taps"] == nothing["taps"] == {"lifetime"}


def test_only_what_is_timed_has_a_limit_of_seconds() -> None:
    assert findings({"behaviours.1.seconds_per_day": 60}) == []
    assert {finding.code for finding in findings({"behaviours.0.seconds_per_day": 60})} == {"INVALID"}


def test_without_a_limit_everything_counts() -> None:
    life = Life(limited())
    for _ in range(20):
        life.do("browse", seconds=14_400)
    assert (counted(life, "taps"), counted(life, "browse_seconds")) == (20, 20 * 14_400)


@pytest.mark.parametrize(
    ("base", "kinds", "days"),
    [
        # Three kinds of interaction, five of each a day: fifty on the fourth day, less the two of the newcomer's tasks.
        ("content", ("comment", "like", "vote"), 4),
        ("content", ("browse",), 5),
        ("tool", ("session",), 3),
    ],
)
def test_a_script_needs_days_for_the_first_step_up(base: str, kinds: tuple[str, ...], days: int) -> None:
    life, needed = Life(book(base)), 0
    while life.tier == "normal":
        needed += 1
        for kind in kinds * 60:
            life.do(kind, seconds=86_400)
        life.pass_(days=1)
    assert needed == days


@pytest.mark.parametrize(("day", "tier"), [(5, "silver"), (6, "gold")])
def test_a_script_needs_six_days_of_uses_for_gold_of_the_tool(day: int, tier: str) -> None:
    life = Life(book("tool"))
    for _ in range(day):
        for _ in range(40):
            life.do("feature_used")
        life.pass_(days=1)
    assert life.tier == tier
