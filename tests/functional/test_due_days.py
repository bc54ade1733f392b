"""What happens by itself happens on its day: by the calendar, in the brand's time zone, late if it must, and once."""

from datetime import date, timedelta

import pytest

from chalicelib import ledger
from chalicelib.engine.account import Account
from chalicelib.engine.events import Cause, OrderPaid, ProfileChanged, TierSet
from chalicelib.notices import inbox
from tests.functional.due_room import Due, at, before_midnight, happen, join, timeline, told
from tests.harness.api import Api

BRAND = {"name": {"zh": "品牌", "en": "Brand"}, "points_name": {"zh": "积分", "en": "points"}}
# Without tasks and badges: beside them the preset leaves an account no room for pending points.
PENDING = {"pending": {"mode": "days", "days": 7}, "badges": [], "tasks": []}
POINTS, TIERS = ("points_expiry",), ("benefit_grants", "tier_review")
LIFE = date(2027, 11, 30)  # the last day of points granted in November 2026


@pytest.fixture
def due(api: Api, monkeypatch: pytest.MonkeyPatch) -> Due:
    return Due(monkeypatch)


def gold_since(api: Api, number: int, day: date) -> Account:
    """A member who was made gold at noon of that day, having joined in the morning."""
    api.clock.now = at(day, 12)
    member = join(number, at(day, 9))
    return happen(member, TierSet(Cause(member.member_id, "gold"), "gold", "a test", "test"), at(day, 12))


YEAR_END = (date(2026, 12, 5), date(2027, 12, 31))  # joined on, last day of the points of then
LEAP_DAY = (date(2027, 2, 10), date(2028, 2, 29))
SPRING = (date(2027, 3, 10), date(2028, 3, 31))  # clocks in New York change between the notices


@pytest.mark.parametrize(
    ("zone", "joined_on", "last_day"),
    [
        ("Asia/Shanghai", *YEAR_END),
        ("Asia/Shanghai", *LEAP_DAY),
        ("Asia/Kolkata", *YEAR_END),
        ("America/New_York", *SPRING),
        ("Pacific/Auckland", *LEAP_DAY),
        ("UTC", *LEAP_DAY),
    ],
)
def test_each_step_of_an_expiry_happens_on_its_day_in_the_brand_s_zone_and_not_a_minute_before(
    api: Api, due: Due, zone: str, joined_on: date, last_day: date
) -> None:
    api.publish({"brand": {**BRAND, "time_zone": zone}})
    api.clock.now = at(joined_on, 12, zone=zone)
    member = join(1, api.clock.now).member_id
    steps = [
        (last_day - timedelta(days=30), "expiry_noticed"),
        (last_day - timedelta(days=7), "expiry_noticed"),
        (last_day + timedelta(days=1), "lots_expired"),
    ]
    for day, kind in steps:
        assert timeline(due, api.clock, member, before_midnight(day, zone), POINTS) == []
        assert timeline(due, api.clock, member, at(day, zone=zone), POINTS) == [kind]
        assert timeline(due, api.clock, member, at(day, 1, zone=zone), POINTS) == []
    assert ledger.load(member).balance == 0
    assert ledger.load(member).points_due_on is None
    assert told(member) == ["expiry_noticed", "expiry_noticed", "lots_expired"]


@pytest.mark.parametrize("late_days", [1, 31, 400])
def test_points_whose_notices_come_late_stay_as_long_as_the_notices_promise(api: Api, due: Due, late_days: int) -> None:
    member = join(1, at(date(2026, 11, 24), 12)).member_id
    found = LIFE + timedelta(days=late_days)
    assert timeline(due, api.clock, member, at(found, 3), POINTS) == ["expiry_noticed"]
    until = found + timedelta(days=30)
    assert ledger.load(member).lots == {until: 100}
    # The other notice has its own time before the new date.
    assert timeline(due, api.clock, member, at(until - timedelta(days=7)), POINTS) == ["expiry_noticed"]
    assert f"原到期日 {LIFE} 顺延" in inbox.page(member, 2, None)[0][1].body["zh"]
    assert timeline(due, api.clock, member, at(until, 23), POINTS) == []
    assert timeline(due, api.clock, member, at(until + timedelta(days=1)), POINTS) == ["lots_expired"]
    assert told(member) == ["expiry_noticed", "expiry_noticed", "lots_expired"]


@pytest.mark.parametrize(("late_days", "moved_days"), [(0, 0), (1, 1), (23, 23), (30, 30)])
def test_a_first_notice_that_comes_late_moves_the_last_day_by_as_many_days(
    api: Api, due: Due, late_days: int, moved_days: int
) -> None:
    member = join(1, at(date(2026, 11, 24), 12)).member_id
    api.clock.now = at(LIFE - timedelta(days=30 - late_days))
    due.run(*POINTS)
    last_day = LIFE + timedelta(days=moved_days)
    assert ledger.load(member).lots == {last_day: 100}
    assert timeline(due, api.clock, member, at(last_day - timedelta(days=7)), POINTS) in (["expiry_noticed"], [])
    assert timeline(due, api.clock, member, at(last_day, 23), POINTS) == []
    assert timeline(due, api.clock, member, at(last_day + timedelta(days=1)), POINTS) == ["lots_expired"]


def test_pending_points_are_released_on_their_day_and_told_of(api: Api, due: Due) -> None:
    api.publish(PENDING)
    member = join(1, at(date(2026, 11, 24), 12))
    paid = at(date(2026, 12, 29), 12)
    api.clock.now = paid
    order = OrderPaid(Cause("order#1", "order#1"), "1", paid, 10_000)
    pending = happen(member, order, paid).pending_total
    assert pending > 0
    balance = ledger.load(member.member_id).balance
    released_on = date(2027, 1, 5)
    job = ("pending_release",)
    assert timeline(due, api.clock, member.member_id, before_midnight(released_on), job) == []
    assert timeline(due, api.clock, member.member_id, at(released_on), job) == ["pending_released"]
    account = ledger.load(member.member_id)
    assert (account.balance, account.pending_total) == (balance + pending, 0)
    assert told(member.member_id) == ["pending_released"]


def test_a_tier_is_lost_by_the_protocol_alone_each_step_on_its_day(api: Api, due: Due) -> None:
    member = gold_since(api, 1, date(2027, 2, 28)).member_id
    steps = [
        (date(2027, 8, 28), "tier_early_warning"),
        (date(2028, 1, 29), "tier_warned"),
        (date(2028, 2, 29), "tier_grace"),
        (date(2028, 3, 30), "tier_lapsed"),
    ]
    for day, kind in steps:
        timeline(due, api.clock, member, before_midnight(day), TIERS)
        assert timeline(due, api.clock, member, at(day, 0, 30), TIERS) == [kind]
        assert timeline(due, api.clock, member, at(day, 1, 30), TIERS) == []
    assert ledger.load(member).standing.tier == "silver"  # type: ignore[union-attr]
    assert [kind for kind in told(member) if kind != "benefits_granted"] == [kind for _, kind in steps]


def test_a_review_that_comes_a_hundred_days_late_warns_first_and_gives_the_full_time(api: Api, due: Due) -> None:
    member = gold_since(api, 1, date(2027, 2, 28)).member_id
    found = date(2028, 2, 28) + timedelta(days=100)
    assert timeline(due, api.clock, member, at(found), TIERS) == ["benefits_granted", "tier_warned"]
    standing = ledger.load(member).standing
    assert standing
    assert (standing.tier, standing.valid_until) == ("gold", found + timedelta(days=30))


def test_what_a_tier_gives_each_month_comes_with_the_month_once(api: Api, due: Due) -> None:
    member = gold_since(api, 1, date(2026, 12, 10)).member_id
    job = ("benefit_grants",)
    assert timeline(due, api.clock, member, at(date(2026, 12, 10), 13), job) == ["benefits_granted"]
    assert timeline(due, api.clock, member, before_midnight(date(2027, 1, 1)), job) == []
    assert timeline(due, api.clock, member, at(date(2027, 1, 1)), job) == ["benefits_granted"]
    assert timeline(due, api.clock, member, at(date(2027, 1, 31), 23), job) == []
    # Two months nobody ran it: both are granted, in one entry.
    assert timeline(due, api.clock, member, at(date(2027, 3, 1)), job) == ["benefits_granted"]
    notice = inbox.page(member, 1, None)[0][0]
    assert "2027-02" in notice.body["zh"]
    assert "2027-03" in notice.body["zh"]


@pytest.mark.parametrize(("year", "day"), [(2027, date(2027, 2, 28)), (2028, date(2028, 2, 29))])
def test_a_birthday_on_the_leap_day_is_kept_on_the_28th_of_other_years(
    api: Api, due: Due, year: int, day: date
) -> None:
    member = gold_since(api, 1, date(year - 1, 12, 10))
    born = ProfileChanged(Cause(member.member_id, "born"), {"birthday": "02-29"})
    happen(member, born, at(date(year, 1, 5), 12))
    api.clock.now = at(date(year, 2, 1))
    due.run("benefit_grants")
    job = ("benefit_grants",)
    assert timeline(due, api.clock, member.member_id, before_midnight(day), job) == []
    assert timeline(due, api.clock, member.member_id, at(day), job) == ["benefits_granted"]
    assert timeline(due, api.clock, member.member_id, at(day, 1), job) == []


def test_a_tier_does_not_end_while_something_that_it_grants_is_due(api: Api, due: Due) -> None:
    member = gold_since(api, 1, date(2027, 2, 28)).member_id
    for day in (date(2027, 8, 28), date(2028, 1, 29), date(2028, 2, 29)):
        timeline(due, api.clock, member, at(day), TIERS)
    # 1 April: the grace ended in March, and March's coupon is still due. A job does what is its own alone.
    when = at(date(2028, 4, 1))
    assert timeline(due, api.clock, member, when, ("tier_review",)) == []
    assert timeline(due, api.clock, member, when, ("benefit_grants",)) == ["benefits_granted"]
    assert timeline(due, api.clock, member, when, ("benefit_grants",)) == []
    assert timeline(due, api.clock, member, when, ("tier_review",)) == ["tier_lapsed"]
    assert "2028-03" in inbox.page(member, 2, None)[0][1].body["zh"]


def test_an_expiry_waits_for_the_release_that_is_due_before_it(api: Api, due: Due) -> None:
    api.publish(PENDING)
    member = join(1, at(date(2026, 11, 24), 12))
    paid = at(date(2027, 10, 20), 12)
    happen(member, OrderPaid(Cause("order#1", "order#1"), "1", paid, 10_000), paid)
    when = at(LIFE - timedelta(days=30))
    assert timeline(due, api.clock, member.member_id, when, ("points_expiry",)) == []
    assert timeline(due, api.clock, member.member_id, when, ("pending_release",)) == ["pending_released"]
    assert timeline(due, api.clock, member.member_id, when, ("points_expiry",)) == ["expiry_noticed"]
