"""Joining, behaviours, check-ins and corrections against the small rulebook; every threshold on both sides."""

from datetime import UTC, date, datetime, timedelta

import pytest

from chalicelib.engine import events
from chalicelib.engine.account import Account, Notice, Standing
from chalicelib.engine.counters import read
from chalicelib.engine.decision import Decision
from chalicelib.engine.events import Behaved, Cause, CheckedIn, Joined, PointsAdjusted, PointsDue
from chalicelib.engine.process import process
from chalicelib.engine.refusals import (
    AlreadyCheckedIn,
    FutureInstant,
    InsufficientPoints,
    MakeUpRefused,
    NotForClients,
    NothingDue,
    UnknownBehaviour,
)
from chalicelib.engine.streaks import length_on
from chalicelib.shared.clock import business_date
from tests.unit.rulebooks import document, published

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
DAY = timedelta(days=1)
MEMBER = "M000000000000000000"
BOOK = published()


def member(tier: str = "normal", **changes: object) -> Account:
    account = Account(MEMBER, joined_at=NOW - timedelta(days=400), standing=Standing(tier, date(2025, 8, 1)))
    return account.with_(**changes)


def behave(account: Account, kind: str, at: datetime = NOW, seconds: int = 0, trusted: bool = True) -> Decision:
    cause = Cause(MEMBER, f"{kind}#{at}")
    return process(BOOK, account, Behaved(cause, kind, at, trusted, seconds), max(NOW, at))


def check_in(account: Account, at: datetime) -> Decision:
    on = business_date(at, "Asia/Shanghai")
    return process(BOOK, account, CheckedIn(Cause(MEMBER, f"check-in#{on}"), on), at)


def make_up(account: Account, on: date, at: datetime, **policy: int) -> Decision:
    book = published(streak=policy) if policy else BOOK
    return process(book, account, CheckedIn(Cause(MEMBER, f"check-in#{on}"), on, make_up=True), at)


def test_joining_pays_the_welcome_points_and_starts_at_the_first_tier() -> None:
    decision = process(BOOK, Account(MEMBER), Joined(Cause(MEMBER, "joined"), "FRIEND"), NOW)
    assert (decision.entry.points, decision.entry.seq, decision.entry.tier_after) == (100, 1, "normal")
    assert decision.account.invited_by == "FRIEND"
    assert decision.account.joined_at == NOW


@pytest.mark.parametrize(("tier", "points"), [("normal", 10), ("silver", 15), ("gold", 20)])
def test_a_daily_login_pays_by_tier_and_once_a_business_day(tier: str, points: int) -> None:
    first = behave(member(tier), "login", trusted=False)
    assert first.entry.points == points
    again = behave(first.account, "login", NOW + timedelta(hours=12, minutes=59), trusted=False)
    assert again.entry.points == 0
    assert "上限" in again.entry.lines[0].why_zh
    tomorrow = behave(again.account, "login", NOW + timedelta(hours=13), trusted=False)  # midnight in Shanghai
    assert tomorrow.entry.points == points


def test_a_late_report_cannot_evade_a_cap() -> None:
    today = behave(member(), "login")
    assert behave(today.account, "login", NOW - 3 * DAY).entry.points == 0


@pytest.mark.parametrize(("seconds", "points"), [(0, 0), (299, 0), (300, 10), (10**9, 10)])
def test_browsing_pays_from_five_minutes(seconds: int, points: int) -> None:
    assert behave(member(), "browse", seconds=seconds).entry.points == points


def test_a_weekly_cap_in_points_pays_the_rest_and_then_nothing_until_monday() -> None:
    account, paid = member(), []
    monday = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
    for number in range(4):
        decision = behave(account, "browse", monday + number * DAY, seconds=300)
        account = decision.account
        paid.append(decision.entry.points)
    assert paid == [10, 10, 5, 0]
    assert behave(account, "browse", monday + 6 * DAY, seconds=300).entry.points == 0
    assert behave(account, "browse", monday + 7 * DAY, seconds=300).entry.points == 10


def test_clients_may_not_report_what_merchants_see_and_nobody_what_the_rulebook_does_not_know() -> None:
    with pytest.raises(NotForClients):
        behave(member(), "review", trusted=False)
    assert behave(member(), "review").entry.points == 50
    with pytest.raises(UnknownBehaviour):
        behave(member(), "dance")
    cause = Cause(MEMBER, "x")
    with pytest.raises(FutureInstant):
        process(BOOK, member(), Behaved(cause, "review", NOW + timedelta(minutes=6), True), NOW)


def test_a_streak_rises_to_the_seventh_day_and_starts_again() -> None:
    account, paid = member(), []
    for number in range(9):
        decision = check_in(account, NOW + number * DAY)
        account = decision.account
        paid.append(decision.entry.points)
    assert paid == [5, 6, 8, 10, 12, 15, 20, 5, 6]
    assert account.streak.length == 9


def test_a_day_is_the_brands_day_and_counts_once() -> None:
    last_minute = datetime(2026, 11, 24, 15, 59, tzinfo=UTC)
    first = check_in(member(), last_minute)
    with pytest.raises(AlreadyCheckedIn):
        check_in(first.account, last_minute)
    next_day = check_in(first.account, last_minute + timedelta(minutes=1))
    assert (next_day.entry.facts["on"], next_day.entry.facts["streak"]) == ("2026-11-25", 2)


def test_a_missed_day_ends_the_streak() -> None:
    account = check_in(member(), NOW).account
    assert length_on(account.streak, date(2026, 11, 25)) == 1
    assert length_on(account.streak, date(2026, 11, 26)) == 0
    assert check_in(account, NOW + 2 * DAY).entry.points == 5


def test_a_make_up_joins_the_runs_on_both_sides_however_long() -> None:
    account = member()
    for number in range(60):
        account = check_in(account, NOW - (61 - number) * DAY).account
    account = check_in(account, NOW).account
    assert account.streak.length == 1
    repaired = make_up(account, date(2026, 11, 23), NOW)
    assert (repaired.entry.points, repaired.account.streak.length) == (0, 62)
    with pytest.raises(AlreadyCheckedIn):
        make_up(repaired.account, date(2026, 11, 23), NOW)


@pytest.mark.parametrize(
    ("on", "allowed"),
    [("2026-11-17", True), ("2026-11-16", False), ("2026-11-23", True), ("2026-11-24", False), ("2026-11-25", False)],
)
def test_a_make_up_reaches_seven_days_back(on: str, allowed: bool) -> None:
    if allowed:
        assert make_up(member(), date.fromisoformat(on), NOW).entry.kind == "make_up"
    else:
        with pytest.raises(MakeUpRefused):
            make_up(member(), date.fromisoformat(on), NOW)


def test_make_ups_are_limited_by_the_month_and_cost_what_the_rulebook_says() -> None:
    policy = {"make_ups_per_month": 1, "make_up_cost_points": 20}
    with pytest.raises(InsufficientPoints):
        make_up(member(lots={date(2027, 1, 31): 19}), date(2026, 11, 23), NOW, **policy)
    once = make_up(member(lots={date(2027, 1, 31): 20}), date(2026, 11, 23), NOW, **policy)
    assert (once.entry.points, once.account.balance) == (-20, 0)
    with pytest.raises(MakeUpRefused):
        make_up(once.account, date(2026, 11, 22), NOW, **policy)
    in_december = datetime(2026, 12, 1, 3, 0, tzinfo=UTC)
    rich = once.account.with_(lots={date(2027, 1, 31): 20})
    assert make_up(rich, date(2026, 11, 30), in_december, **policy).entry.points == -20


def test_nobody_makes_up_a_day_before_joining() -> None:
    newcomer = member().with_(joined_at=NOW - DAY)
    assert make_up(newcomer, date(2026, 11, 23), NOW).entry.kind == "make_up"
    with pytest.raises(MakeUpRefused):
        make_up(newcomer, date(2026, 11, 22), NOW)


def test_a_debit_takes_the_earliest_expiry_first_and_never_more_than_there_is() -> None:
    lots = {date(2027, 1, 31): 30, date(2027, 3, 31): 50}
    event = PointsAdjusted(Cause(MEMBER, "a"), -40, "test", "operator:1")
    decision = process(BOOK, member(lots=lots), event, NOW)
    assert dict(decision.account.lots) == {date(2027, 3, 31): 40}
    with pytest.raises(InsufficientPoints):
        process(BOOK, member(lots=lots), PointsAdjusted(Cause(MEMBER, "b"), -81, "test", "operator:1"), NOW)


def test_returned_points_go_to_the_lots_they_came_from_and_an_expired_lot_gets_the_grace() -> None:
    lots = {date(2026, 11, 30): 30, date(2027, 3, 31): 50}
    spent = process(BOOK, member(lots=lots), PointsAdjusted(Cause(MEMBER, "a"), -40, "test", "operator:1"), NOW)
    event = PointsAdjusted(Cause(MEMBER, "r"), 40, "undo", "operator:1", returns=spent.entry.moves)
    back = process(BOOK, spent.account, event, NOW)
    assert dict(back.account.lots) == lots
    december = datetime(2026, 12, 2, 3, 0, tzinfo=UTC)
    later = process(BOOK, spent.account, event, december)
    assert dict(later.account.lots) == {date(2027, 1, 1): 30, date(2027, 3, 31): 50}
    assert later.entry.points == 40


def test_lots_expire_through_their_last_day_and_not_a_day_earlier() -> None:
    told = {n: Notice(date(2026, 10, 31), 30) for n in (30, 7)}
    account = member(lots={date(2026, 11, 30): 30, date(2027, 12, 31): 50}, noticed={date(2026, 11, 30): told})
    last_minute = datetime(2026, 11, 30, 15, 59, tzinfo=UTC)
    with pytest.raises(NothingDue):
        process(BOOK, account, PointsDue(), last_minute)
    decision = process(BOOK, account, PointsDue(), last_minute + timedelta(minutes=1))
    assert (decision.entry.points, dict(decision.account.lots)) == (-30, {date(2027, 12, 31): 50})


def test_only_counters_the_rulebook_reads_are_kept_and_only_as_far_back() -> None:
    account = member()
    for month in range(1, 13):
        at = datetime(2026, month, 20, 3, 0, tzinfo=UTC)
        cause = Cause(f"order#{month}", f"order#{month}")
        account = process(BOOK, account, events.OrderPaid(cause, str(month), at, 100), at).account
    assert set(account.counters["orders"]) == {"life", "2026-10", "2026-11", "2026-12"}
    assert set(account.counters["spend_fen"]) == {"life"}
    assert read(account.counters, "orders", "months:3", date(2026, 12, 31)) == 3
    assert read(account.counters, "orders", "months:3", date(2027, 1, 1)) == 2
    assert "visits" not in behave(account, "login", datetime(2026, 12, 21, tzinfo=UTC)).account.counters


def test_three_orders_within_three_months_promote_and_two_do_not() -> None:
    account = member()
    for number, month in enumerate((9, 11, 11)):
        at = datetime(2026, month, 1 + number, 3, 0, tzinfo=UTC)
        cause = Cause(f"order#{number}", f"order#{number}")
        decision = process(BOOK, account, events.OrderPaid(cause, str(number), at, 100), at)
        account = decision.account
        assert decision.entry.tier_after == ("silver" if number == 2 else "normal")


def test_the_same_arguments_give_the_same_decision() -> None:
    assert behave(member(), "login") == behave(member(), "login")


def test_an_unknown_section_of_a_later_version_is_refused_and_an_older_document_loads() -> None:
    older = document()
    del older["multipliers"], older["behaviours"]
    older["earning"] = older["earning"][:4]
    assert published(**older).rulebook.multipliers
    with pytest.raises(ValueError, match="extra"):
        published(surprise=1)
