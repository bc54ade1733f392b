"""What happens to points by itself: release, notices, expiry; dates that move; and the test clock."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.engine import events
from chalicelib.engine.account import Account, Notice
from chalicelib.engine.events import ClockMoved, StatusChanged
from chalicelib.engine.process import process
from chalicelib.engine.refusals import ClockBackwards, NothingDue
from tests.unit.lives import MEMBER, NOON, Life, book, shanghai
from tests.unit.rulebooks import document, published

JOIN_LOT = date(2027, 8, 31)
"""Life() joins on 16 August 2026: 100 points."""


def told(life: Life) -> list[tuple[str, list[int], str, int]]:
    """(day told, notices, expires on, points) of every notice so far."""
    return [
        (str(life_day(life, entry.at)), one["notices"], one["expires_on"], one["points"])
        for entry in life.entries
        for one in entry.facts.get("expiring", ())
    ]


def life_day(life: Life, at: datetime) -> date:
    return (
        at.astimezone(UTC).date() if life.book.rulebook.brand.time_zone == "UTC" else (at + timedelta(hours=8)).date()
    )


def points_of(life: Life, kind: str) -> list[int]:
    return [entry.points for entry in life.entries if entry.kind == kind]


@pytest.mark.parametrize("base", ["retail", "content", "tool"])
def test_a_lot_is_told_of_thirty_and_seven_days_before_and_leaves_after_its_last_day(base: str) -> None:
    life = Life(book(base))
    assert life.account.points_due_on == date(2027, 8, 1)
    steps = []
    for day in (
        "2027-07-31 23:59",
        "2027-08-01 00:00",
        "2027-08-23 23:59",
        "2027-08-24 00:00",
        "2027-08-31 23:59",
        "2027-09-01 00:00",
    ):
        steps.append([(entry.kind, entry.points) for entry in life.live(day)])
    assert steps == [[], [("expiry_noticed", 0)], [], [("expiry_noticed", 0)], [], [("lots_expired", -100)]]
    assert told(life) == [("2027-08-01", [30], "2027-08-31", 100), ("2027-08-24", [7], "2027-08-31", 100)]
    assert (life.account.points_due_on, dict(life.account.noticed)) == (None, {})


@pytest.mark.parametrize(
    ("first_run", "second_run", "expires"),
    [
        ("2027-08-01", "2027-08-24", "2027-08-31"),
        ("2027-08-02", "2027-08-25", "2027-09-01"),  # the first a day late: a day longer; the second then in time
        ("2027-08-01", "2027-08-25", "2027-09-01"),
        ("2027-08-24", None, "2027-09-23"),  # both at once
        ("2027-08-31", None, "2027-09-30"),
        ("2027-09-01", None, "2027-10-01"),  # after its day: nothing was lost
        ("2029-01-01", None, "2029-01-31"),
    ],
)
def test_a_notice_that_comes_late_moves_the_lots_date(first_run: str, second_run: str | None, expires: str) -> None:
    life = Life()
    for day in (first_run, second_run):
        if day:
            life.at(f"{day} 12:00").due()
    assert [str(day) for day in life.account.lots] == [expires]
    moved = [line for entry in life.entries for line in entry.lines if line.rule == "expiry_postponed"]
    assert bool(moved) is (expires != "2027-08-31")
    life.live(f"{expires} 23:59")
    assert life.account.balance == 100
    last = date.fromisoformat(expires) + timedelta(days=1)
    life.live(f"{last} 00:00")
    assert (life.account.balance, points_of(life, "lots_expired")) == (0, [-100])


def test_a_late_notice_tells_the_new_date_and_why_it_moved() -> None:
    life = Life()
    (entry,) = life.at("2027-08-11 12:00").due()
    assert [line.why_zh for line in entry.lines] == [
        "100 积分将于 2027-09-10 后过期", "通知晚于规定时间，原到期日 2027-08-31 顺延",
    ]  # fmt: skip
    assert (entry.points, entry.moves) == (0, ((JOIN_LOT, -100), (date(2027, 9, 10), 100)))
    assert life.account.points_due_on == date(2027, 9, 3)


def test_two_lots_are_told_of_apart_and_leave_apart() -> None:
    life = Life()
    life.at("2026-09-10 12:00").adjust(40)
    life.live("2027-12-01 12:00")
    assert [(when, until, points) for when, _, until, points in told(life)] == [
        ("2027-08-01", "2027-08-31", 100), ("2027-08-24", "2027-08-31", 100),
        ("2027-08-31", "2027-09-30", 40), ("2027-09-23", "2027-09-30", 40),
    ]  # fmt: skip
    assert points_of(life, "lots_expired") == [-100, -40]


def test_a_lot_that_is_moved_onto_another_leaves_with_it_when_both_were_told_of() -> None:
    life = Life()
    life.at("2026-09-10 12:00").adjust(40)  # until 30 September 2027
    life.at("2027-08-31 12:00").due()  # late for the one, in time for the other: both end on 30 September
    assert dict(life.account.lots) == {date(2027, 9, 30): 140}
    life.live("2027-10-01 12:00")
    assert points_of(life, "lots_expired") == [-140]
    assert told(life)[-1] == ("2027-09-23", [7], "2027-09-30", 140)


def test_points_given_back_for_thirty_days_are_told_of_at_once() -> None:
    life = Life()
    spent = life.adjust(-100)
    life.at("2027-10-01 12:00").adjust(100, returns=spent.moves)
    assert (dict(life.account.lots), life.account.points_due_on) == ({date(2027, 10, 31): 100}, date(2027, 10, 1))
    life.live("2027-10-01 13:00")
    assert told(life) == [("2027-10-01", [30], "2027-10-31", 100)]
    life.live("2027-11-01 00:00")
    assert points_of(life, "lots_expired") == [-100]


def test_a_lot_that_grows_after_its_notice_is_told_of_again_and_stays_its_full_time() -> None:
    life = Life(published(expiry={"valid_months": 1}), now=shanghai("2027-01-29 12:00"))
    life.adjust(-100)
    life.adjust(10)  # until 28 February, so it is told of on the 29th of January
    life.due()
    assert dict(life.account.noticed) == {date(2027, 2, 28): {30: Notice(date(2027, 1, 29), 10)}}
    life.at("2027-01-31 12:00").adjust(5)
    assert life.account.points_due_on <= life.today  # type: ignore[operator]
    life.due()
    assert dict(life.account.lots) == {date(2027, 3, 2): 15}
    assert told(life)[-1] == ("2027-01-31", [30], "2027-03-02", 15)


def test_what_is_given_back_to_a_lot_that_was_told_of_changes_nothing() -> None:
    life = Life()
    life.live("2027-08-02 12:00")
    spent = life.adjust(-100)
    assert life.account.lots == {}
    life.adjust(100, returns=spent.moves)
    life.live("2027-09-01 00:00")
    assert points_of(life, "lots_expired") == [-100]
    assert [notices for _, notices, _, _ in told(life)] == [[30], [7]]


def test_a_notice_of_a_lot_that_was_spent_stays_on_record_until_its_day_is_over() -> None:
    life = Life()
    life.at("2026-09-10 12:00").adjust(40)
    life.live("2027-08-02 12:00")
    spent = life.adjust(-100)
    life.live("2027-08-31 12:00")  # the other lot is told of
    life.adjust(100, returns=spent.moves)
    life.due()  # thirty days before it was told of, seven days before it was not
    assert dict(life.account.lots) == {date(2027, 9, 7): 100, date(2027, 9, 30): 40}
    life.live("2027-10-01 12:00")
    assert (points_of(life, "lots_expired"), dict(life.account.noticed)) == ([-100, -40], {})


def test_points_spent_after_the_notice_do_not_expire() -> None:
    life = Life()
    life.live("2027-08-25 12:00")
    life.adjust(-60)
    life.live("2027-09-01 12:00")
    assert points_of(life, "lots_expired") == [-40]


@pytest.mark.parametrize(
    ("expiry", "lot"),
    [
        ({"valid_months": 6}, "2027-08-31"),
        ({"valid_months": 24}, "2027-08-31"),
        ({"notice_days": [60, 30, 7]}, "2027-10-09"),
        ({"notice_days": [7]}, "2027-08-31"),
    ],
)
def test_a_rulebook_that_changes_never_shortens_a_lot(expiry: dict[str, Any], lot: str) -> None:
    life = Life()
    life.live("2027-08-10 12:00")
    life.book = book(expiry=expiry)
    life.due()
    assert [str(day) for day in life.account.lots] == [lot]


def test_a_date_that_has_become_wrong_is_corrected_once() -> None:
    life = Life()
    life.book = book(expiry={"notice_days": [7]})
    (entry,) = life.at("2027-08-01 12:00").due()
    assert (entry.kind, entry.points, life.account.points_due_on) == ("rescheduled", 0, date(2027, 8, 24))
    assert life.due() == []
    with pytest.raises(NothingDue):
        life.record(events.PointsDue())


def test_without_notices_in_the_rulebook_lots_leave_after_their_day() -> None:
    life = Life(book(expiry={"notice_days": []}))
    assert [entry.kind for entry in life.live("2027-09-01 00:00")] == ["lots_expired"]


@pytest.mark.parametrize(
    ("zone", "last_minute"),
    [
        ("Asia/Shanghai", "2027-08-31T15:59+00:00"), ("UTC", "2027-08-31T23:59+00:00"),
        ("America/New_York", "2027-09-01T03:59+00:00"),
    ],
)  # fmt: skip
def test_the_day_is_the_brands(zone: str, last_minute: str) -> None:
    life = Life(published(brand={**document()["brand"], "time_zone": zone}))
    life.live("2027-08-30 12:00")
    life.now = datetime.fromisoformat(last_minute)
    assert life.due() == []
    life.pass_(minutes=1)
    assert [entry.points for entry in life.due()] == [-100]


@pytest.mark.parametrize(
    ("granted_at", "notices", "gone_on"),
    [
        ("2026-12-31 23:59", ["2027-12-01", "2027-12-24"], "2028-01-01"),
        ("2027-01-01 00:00", ["2028-01-01", "2028-01-24"], "2028-02-01"),
        ("2027-02-28 12:00", ["2028-01-30", "2028-02-22"], "2028-03-01"),  # the last day is the leap day
        ("2026-02-28 12:00", ["2027-01-29", "2027-02-21"], "2027-03-01"),
    ],
)
def test_month_ends_leap_days_and_year_ends(granted_at: str, notices: list[str], gone_on: str) -> None:
    life = Life(now=shanghai(granted_at))
    life.adjust(-100)
    life.adjust(7)
    life.live(f"{gone_on} 00:00")
    assert [when for when, *_ in told(life)] == notices
    assert (life.kinds[-1], life_day(life, life.entries[-1].at)) == ("lots_expired", date.fromisoformat(gone_on))


# Pending


@pytest.mark.parametrize(
    ("day", "released"), [("2026-11-30 23:59", []), ("2026-12-01 00:00", [100]), ("2027-01-01 00:00", [100])]
)
def test_pending_points_are_released_on_their_day_or_late(day: str, released: list[int]) -> None:
    life = Life(book(tasks=[], pending={"mode": "days", "days": 7}))
    life.buy(0)
    life.adjust(-100)
    life.account = life.account.with_(pending={(date(2026, 12, 1), date(2027, 12, 31)): 100}, points_due_on=None)
    life.entries.clear()
    life.account = life.account.with_(seq=0)
    decision_day = shanghai(day)
    try:
        decision = process(life.book, life.account, events.PointsDue(), decision_day)
    except NothingDue:
        assert released == []
        return
    assert ([decision.entry.points], decision.entry.kind) == (released, "pending_released")
    assert dict(decision.account.lots) == {date(2027, 12, 31): 100}


def test_portions_of_several_days_that_are_due_are_released_in_one_entry() -> None:
    life = Life(book(tasks=[], pending={"mode": "days", "days": 7}))
    life.order(10_000)
    life.pass_(days=1).order(10_000)
    life.pass_(days=30)
    (entry,) = life.due()
    assert (entry.points, entry.facts["through"], life.account.pending_total) == (300, "2026-12-02", 0)


def test_a_release_that_comes_late_shortens_no_points_and_they_are_told_of_in_time() -> None:
    life = Life(book(tasks=[], pending={"mode": "days", "days": 7}))
    life.adjust(-100)
    life.order(10_000)
    life.at("2028-03-01 12:00").due()
    assert dict(life.account.lots) == {date(2028, 3, 31): 200}  # its day was 31 December


# Erased, frozen


def test_nothing_happens_to_an_erased_member_and_no_date_is_kept() -> None:
    life = Life()
    life.hold("gold")
    life.record(StatusChanged(life.cause(), status="erased"))
    assert (life.account.points_due_on, life.account.tier_due_on) == (None, None)
    assert life.at("2030-01-01 12:00").due() == []


def test_a_frozen_member_is_told_and_loses_nothing_by_it() -> None:
    life = Life()
    life.record(StatusChanged(life.cause(), status="frozen"))
    life.live("2027-08-02 12:00")
    assert life.kinds[-1] == "expiry_noticed"


# Test clocks


def moved(account: Account, to: str, now: datetime = NOON) -> Account:
    event = ClockMoved(events.Cause(MEMBER, f"test-clock#{to}"), shanghai(to))
    return process(book(), account, event, now).account


def test_a_member_under_a_test_clock_lives_at_its_instant_whatever_the_time() -> None:
    account = moved(Life().account, "2027-08-01 00:00")
    decision = process(book(), account, events.PointsDue(), NOON)
    assert (decision.entry.kind, decision.entry.at) == ("expiry_noticed", shanghai("2027-08-01 00:00"))
    with pytest.raises(NothingDue):
        process(book(), decision.account, events.PointsDue(), shanghai("2030-01-01 00:00"))


def test_the_clock_goes_forward_only() -> None:
    account = moved(Life().account, "2027-08-01 00:00")
    assert moved(account, "2027-08-01 00:00").frozen_at == shanghai("2027-08-01 00:00")
    assert moved(account, "2027-08-01 00:01").frozen_at == shanghai("2027-08-01 00:01")
    with pytest.raises(ClockBackwards):
        moved(account, "2027-07-31 23:59")


def test_a_year_plays_in_seconds_step_by_step() -> None:
    life = Life()
    life.hold("gold")
    kinds = []
    for day in ("2027-08-01", "2027-10-25", "2027-11-25", "2027-12-25"):
        life.record(ClockMoved(life.cause(), shanghai(f"{day} 00:00")))
        kinds.append([entry.kind for entry in life.due() if entry.kind != "benefits_granted"])
    assert kinds == [
        ["expiry_noticed", "tier_early_warning"],
        ["expiry_noticed", "tier_warned"],
        ["lots_expired", "tier_grace"],
        ["tier_lapsed"],
    ]
