"""Tasks follow refunds; and what is reported late completes the tasks of its own day."""

from datetime import timedelta

import pytest

from chalicelib.engine.decision import Entry
from chalicelib.engine.events import TaskClaimed
from tests.unit.lives import Life, book, shanghai
from tests.unit.rulebooks import words

SPENT = {"metric": "spend_fen", "window": "week", "at_least": 30_000, "name": words("消费")}
WEEKLY = {"id": "weekly", "name": words("每周"), "kind": "weekly", "goals": [SPENT], "points": 200}
MEMBER_DAY = {
    "id": "member_day", "name": words("会员日"), "kind": "exclusive", "points": 500,
    "goals": [{"metric": "orders", "window": "day", "at_least": 1, "name": words("订单")}],
}  # fmt: skip
BOOK = book(tasks=[WEEKLY, MEMBER_DAY])


def of(entry: Entry, rule: str) -> list[int]:
    """What the lines of a rule move."""
    return [line.points for line in entry.lines if line.rule == rule]


def tuesday(**sections: object) -> Life:
    return Life(book(**{"tasks": [WEEKLY, MEMBER_DAY], **sections}))


def test_a_task_goes_with_the_order_that_completed_it_and_may_be_done_again() -> None:
    life = tuesday()
    assert of(life.order(30_000, order_id="A"), "weekly") == [200]
    entry = life.refund("A", 30_000)
    assert (of(entry, "weekly"), entry.facts["tasks_undone"]) == ([-200], ["weekly"])
    assert life.account.tasks == {}
    assert "tasks" not in life.account.counters
    assert of(life.order(30_000), "weekly") == [200]


@pytest.mark.parametrize(("refunded", "undone"), [(5_000, False), (5_001, True)])
def test_in_its_week_a_part_refunded_counts_to_the_fen(refunded: int, undone: bool) -> None:
    life = tuesday()
    life.order(35_000, order_id="A")
    assert bool(of(life.refund("A", refunded), "weekly")) == undone


def test_a_task_that_another_order_does_as_well_stays() -> None:
    life = tuesday()
    life.order(30_000, order_id="A")
    life.order(30_000, order_id="B")
    assert of(life.refund("A", 30_000), "weekly") == []
    # By then it stands by the other, and goes with that.
    assert of(life.refund("B", 30_000), "weekly") == [-200]


def test_what_went_with_another_order_does_not_go_twice() -> None:
    life = tuesday()
    life.order(30_000, order_id="A")
    life.order(30_000, order_id="B")
    assert of(life.refund("A", 1), "weekly") == []
    assert of(life.refund("B", 30_000), "weekly") == [-200]
    assert of(life.refund("A", 1_000), "weekly") == []
    assert of(life.pass_(days=7).refund("A", 28_999), "weekly") == []


@pytest.mark.parametrize(("fen", "back"), [(30_000, [-200]), (29_999, [])])
def test_a_week_later_only_a_full_refund_undoes_it(fen: int, back: list[int]) -> None:
    life = tuesday()
    life.order(30_000, order_id="A")
    life.pass_(days=7).order(100)
    assert of(life.refund("A", fen), "weekly") == back


def test_it_is_undone_once_however_many_parts_are_refunded() -> None:
    life = tuesday()
    life.order(30_000, order_id="A")
    found = [of(life.refund("A", 10_000), "weekly") for _ in range(3)]
    assert found == [[-200], [], []]


def test_a_fen_on_member_day_refunded_the_day_after_pays_nothing() -> None:
    life = tuesday().at("2026-12-15 12:00")
    balance = life.account.balance
    life.order(1, order_id="A")
    life.at("2026-12-16 12:00").refund("A", 1)
    # The first order's 100 are the order's own and go too.
    assert life.account.balance == balance


def test_points_spent_meanwhile_are_owed_or_forgiven_as_the_rulebook_says() -> None:
    for policy, debt in (("debt", 600), ("within_balance", 0)):
        life = tuesday(refunds={"policy": policy})
        life.order(30_000, order_id="A")
        life.adjust(-life.account.balance)
        life.refund("A", 30_000)
        assert (life.account.balance, life.account.debt) == (0, debt)


def test_a_tapped_task_gives_back_what_the_tap_paid_and_an_open_one_is_open_no_more() -> None:
    for tapped in (True, False):
        life = tuesday(tasks=[{**WEEKLY, "claim": "tap"}])
        life.order(30_000, order_id="A")
        if tapped:
            life.record(TaskClaimed(life.cause(), "weekly"))
        entry = life.refund("A", 30_000)
        assert (of(entry, "weekly"), life.account.tasks) == ([-200 if tapped else 0], {})


def test_the_sprint_s_double_points_go_back_double() -> None:
    life = Life(book(tasks=[WEEKLY]))
    life.hold("gold")
    life.live("2027-11-10 12:00")
    assert of(life.order(30_000, order_id="A"), "weekly") == [400]
    assert of(life.refund("A", 30_000), "weekly") == [-400]


# Late


@pytest.mark.parametrize(
    ("reported", "done"), [("2026-12-02 23:59", True), ("2026-12-03 00:01", False), ("2026-11-30 00:10", True)]
)
def test_an_order_reported_within_three_days_completes_the_tasks_of_its_week(reported: str, done: bool) -> None:
    life = tuesday()
    life.at("2026-11-29 12:00").order(15_000)
    life.at(reported)
    entry = life.order(15_000, at=shanghai("2026-11-29 23:50"))
    assert bool(of(entry, "weekly")) == done
    if done:
        assert life.account.tasks["weekly"][0] == "w:2026-11-23"


def test_a_member_day_s_order_reported_after_midnight_does_its_task_once() -> None:
    life = tuesday().at("2026-12-16 00:10")
    late = shanghai("2026-12-15 23:59")
    assert [of(life.order(100, at=late), "member_day") for _ in range(2)] == [[500], []]
    assert of(life.order(100), "member_day") == []


def test_what_is_late_for_a_tap_is_not_offered_one() -> None:
    life = tuesday(tasks=[{**MEMBER_DAY, "claim": "tap"}]).at("2026-12-16 00:10")
    entry = life.order(100, at=life.now - timedelta(minutes=11))
    assert (of(entry, "member_day"), life.account.tasks) == ([], {})


def test_a_purchase_of_the_sprint_reported_late_counts_for_its_day_once() -> None:
    life = Life(book(tasks=[]))
    life.hold("gold")
    life.live("2027-11-10 12:00")
    days = [shanghai(f"2027-11-{day} 12:00") for day in ("09", "09", "10", "09")]
    assert [of(life.order(100, at=day), "sprint_purchase") for day in days] == [[50], [], [50], []]
