"""The sprint between warning and review, and the time of grace after it."""

from datetime import date, timedelta
from fractions import Fraction

import pytest

from chalicelib.engine.events import Refund
from chalicelib.rulebook.model import Published
from tests.unit.documents import goal
from tests.unit.keeping import SPEND, TASK, holder, keeping, on_its_way_down, progress
from tests.unit.lives import Life, book, shanghai
from tests.unit.rulebooks import words

# The sprint


def in_sprint(published: Published) -> Life:
    life = holder(published)
    life.live("2027-10-25 12:00")
    assert life.standing.warned_on == life.today
    return life


@pytest.mark.parametrize(
    ("day", "points"), [("2027-10-24", 50), ("2027-10-25", 100), ("2027-11-24", 100), ("2027-11-25", 50)]
)
def test_tasks_pay_double_in_the_sprint(day: str, points: int) -> None:
    life = holder(keeping(SPEND, tasks=(TASK,)))
    life.live(f"{day} 12:00")
    life.do("login")
    (line,) = [line for line in life.entries[-1].lines if line.rule == "daily"]
    assert line.points == points
    assert ("保级冲刺" in line.why_zh) is (points == 100)


def test_who_is_safe_has_no_sprint() -> None:
    life = holder(keeping(SPEND, tasks=(TASK,)))
    life.buy(100_000)
    life.live("2027-10-25 12:00")
    life.do("login")
    life.buy(100)
    assert [line.points for entry in life.entries[-2:] for line in entry.lines if line.rule == "daily"] == [50]
    assert (life.standing.bonus, life.standing.warned_on) == (0, None)


def test_the_first_purchase_of_each_day_of_the_sprint_adds_five_percent_and_fifty_points() -> None:
    life = in_sprint(keeping(SPEND))
    paid = []
    for when in ("2027-10-25 12:00", "2027-10-25 23:59", "2027-10-26 00:00", "2027-10-27 12:00"):
        entry = life.at(when).order(100)
        paid.append([line.points for line in entry.lines if line.rule == "sprint_purchase"])
    assert (paid, life.standing.bonus) == ([[50], [], [50], [50]], 15)
    assert progress(life) == Fraction(15, 100) + Fraction(400, 100_000)


def test_an_order_of_nothing_or_of_another_day_is_no_purchase_of_the_day() -> None:
    life = in_sprint(keeping(SPEND))
    life.order(0)
    life.order(100, at=shanghai("2027-10-24 23:59"))
    assert (life.standing.bonus, life.standing.sprint_on) == (0, None)


def test_a_purchase_of_the_sprint_that_is_refunded_in_full_takes_its_progress_and_points_along() -> None:
    life = in_sprint(keeping(SPEND))
    life.buy(0)  # the first order's bonus is had
    life.order(10_000, order_id="A")
    balance = life.account.balance
    assert life.refund("A", 5_000).points == -125  # half of 200 and of 50
    assert life.standing.bonus == 5
    life.refund("A", 5_000)
    assert (life.standing.bonus, life.account.balance) == (0, balance - 250)
    assert [line.points for line in life.order(100).lines if line.rule == "sprint_purchase"] == [50]
    assert life.standing.bonus == 5


def test_an_early_refund_takes_the_progress_of_the_sprint_in_the_same_entry() -> None:
    life = in_sprint(keeping(SPEND))
    life.order(100, early=(Refund("R", 100),))
    assert (life.standing.bonus, life.standing.sprint_on) == (0, life.today - timedelta(days=1))


def test_a_refund_of_last_years_sprint_leaves_this_years_alone() -> None:
    life = in_sprint(keeping(goal("spend_fen", 50, "period")))
    life.order(100, order_id="A")
    life.live("2028-11-01 12:00")
    assert life.standing.warned_on == date(2028, 10, 26)
    life.order(10)
    life.refund("A", 100)
    assert life.standing.bonus == 5


@pytest.mark.parametrize("base", ["retail", "content", "tool"])
def test_a_qualified_invite_in_the_sprint_adds_ten_percent_and_two_hundred_points(base: str) -> None:
    known = [behaviour.model_dump(mode="json") for behaviour in book(base).rulebook.behaviours]
    invite = {"code": "invite", "name": words("邀请"), "metrics": ["qualified_invites"]}
    life = holder(book(base, behaviours=[*known, invite]))
    life.live("2027-10-24 12:00")
    life.do("invite")
    assert (life.entries[-1].points, life.standing.bonus) == (0, 0)
    life.live("2027-10-25 12:00")
    for _ in range(2):
        life.do("invite")
        assert life.entries[-1].points == 200
    assert life.standing.bonus == 20


@pytest.mark.parametrize(("fen", "kind"), [(94_999, "tier_grace"), (95_000, "tier_kept")])
def test_the_sprint_may_make_the_difference(fen: int, kind: str) -> None:
    life = holder(keeping(SPEND))
    life.buy(fen - 1)
    life.live("2027-10-25 12:00")
    life.buy(1)
    life.live("2027-11-25 12:00")
    assert life.kinds[-1] == kind


# Grace


@pytest.mark.parametrize(
    ("tasks", "until"),
    [(0, "2027-12-24"), (1, "2028-01-23"), (2, "2028-02-22"), (3, "2028-03-23"), (4, "2028-03-23")],
)
def test_a_completed_task_extends_grace_by_thirty_days_three_times(tasks: int, until: str) -> None:
    life = on_its_way_down(keeping(SPEND, tasks=(TASK,)))
    for _ in range(tasks):
        life.do("login")
        life.pass_(days=1)
    end = date.fromisoformat(until)
    assert life.standing.grace_until == end
    life.live(f"{end} 23:59")
    assert life.tier == "gold"
    life.live(f"{end + timedelta(days=1)} 00:00")
    assert (life.tier, life.kinds[-1]) == ("silver", "tier_lapsed")


@pytest.mark.parametrize(("fen", "kept"), [(99_999, False), (100_000, True)])
def test_reaching_the_goals_in_grace_keeps_the_tier_at_once(fen: int, kept: bool) -> None:
    life = on_its_way_down(keeping(SPEND))
    entry = life.order(fen)
    assert entry.facts.get("tier_kept") == ("gold" if kept else None)
    assert (life.standing.stage, life.tier) == ("" if kept else "grace", "gold")
    if kept:
        assert life.standing.since == life.today


def test_without_grace_the_step_down_follows_the_review_in_the_same_run() -> None:
    life = holder(keeping(SPEND, grace_days=0))
    life.live("2027-11-24 23:59")
    life.live("2027-11-25 00:00")
    assert life.kinds[-2:] == ["tier_grace", "tier_lapsed"]


@pytest.mark.parametrize("day", ["2027-06-01", "2027-10-26", "2027-12-01"])
def test_a_promotion_during_any_stage_ends_it(day: str) -> None:
    life = holder(keeping(SPEND), "silver")
    life.live(f"{day} 12:00")
    assert life.standing.stage == {"2027-06-01": "early", "2027-10-26": "warned", "2027-12-01": "grace"}[day]
    life.buy(200_000)
    standing = life.standing
    assert (life.tier, standing.stage, standing.warned_on, standing.grace_until) == ("gold", "", None, None)
    assert standing.since == life.today
