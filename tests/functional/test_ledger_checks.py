"""The checks themselves: each condition is needed, and broken ledgers are caught.

A check that has never failed proves nothing, so here each of them fails on purpose.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from unittest.mock import patch

import pytest

from chalicelib import ledger
from chalicelib.engine import events, points
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision
from chalicelib.engine.events import Cause
from chalicelib.engine.orders import record_of
from chalicelib.engine.process import process
from chalicelib.engine.refusals import NothingDue
from chalicelib.ledger.items import EntryItem
from chalicelib.shared import audit
from tests.harness import faults, world
from tests.unit.rulebooks import document, published
from tests.unit.test_lots_model import Reference

MEMBER = "M000000000000000001"
NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
REVIEW = {"id": "review", "name": {"zh": "评价", "en": "review"}, "trigger": "review", "points": {"fixed": 50}}
LONG = {**REVIEW, "valid_months": 24}
BOOK = published(earning=[rule if rule["id"] != "review" else LONG for rule in document()["earning"]])


@pytest.fixture
def member(aws: None) -> Iterator[Account]:
    """A member of 100 points; whatever a test did to the book is undone."""
    account = world.join(MEMBER, BOOK, NOW, "openid-1")
    before = faults.snapshot()
    with faults.no_sleep():
        yield account
    faults.restore(before)


def execute(event: events.Event, now: datetime = NOW, **more: Any) -> ledger.Outcome:
    return ledger.execute(MEMBER, lambda account: process(BOOK, account, event, now), body_hash="h", **more)


def adjust(amount: int, key: str, now: datetime = NOW, **more: Any) -> ledger.Outcome:
    return execute(events.PointsAdjusted(Cause(MEMBER, key), amount, "because", "operator:1"), now, **more)


# Each condition left out in turn.


def kind(put: dict[str, Any]) -> str:
    """Which of the ledger's conditions a put carries."""
    item, must_be_free = put["Item"], put["ConditionExpression"].startswith("attribute_not_exists")
    table = put["TableName"].rsplit("-", 1)[-1]
    what = {"accounts": "account" if "seq" in item else "identity", "journal": "entry" if "seq" in item else "place"}
    return f"{what.get(table, 'also')} {'free' if must_be_free else 'unchanged'}"


def one_cause_twice() -> list[str]:
    adjust(30, "a1")
    adjust(30, "a1")
    return ledger.verify(MEMBER)


def two_decisions_on_one_account() -> list[str]:
    stale = ledger.load(MEMBER)
    adjust(30, "a1")
    adjust(5, "a2", account=stale)
    return ledger.verify(MEMBER)


def a_member_joins_again() -> list[str]:
    adjust(30, "a1")
    adjust(5, "a2", account=Account(MEMBER))
    return ledger.verify(MEMBER)


def one_person_joins_twice() -> list[str]:
    with suppress(ledger.IdentityTaken):
        world.join("M000000000000000002", BOOK, NOW, "openid-1")
    return [] if world.member_ids() == [MEMBER] else ["I7: one openid has two members"]


def a_room_s_place_is_taken() -> list[str]:
    def write(actor: str) -> ledger.Also:
        record = audit.AuditRecord("2026-11-24", "x", actor=actor, action="a", target="t")
        return ledger.Also(record, audit.AuditRecord.day.does_not_exist())

    adjust(30, "a1", also=[write("first")])
    with suppress(ledger.AlsoRefused):
        adjust(30, "a2", also=[write("second")])
    return [] if audit.page("2026-11-24", 1, None)[0].actor == "first" else ["I3: the room's item was replaced"]


def parked_during(meanwhile: Callable[[], object]) -> dict[str, Any] | None:
    """What waits at the cause `a1` after a `park` in the midst of which something else happened."""
    pending = [meanwhile]

    def update(parked: dict[str, Any]) -> dict[str, Any]:
        if pending:
            pending.pop()()
        return {**parked, "mine": 1}

    with suppress(ledger.AlreadyRecorded):
        ledger.park(Cause(MEMBER, "a1"), update)
    item = EntryItem.get(MEMBER, "a1")
    return item.parked if item.seq is None else None


def park(name: str) -> None:
    ledger.park(Cause(MEMBER, "a1"), lambda parked: {**parked, name: 1})


def two_wait_for_one_entry() -> list[str]:
    return [] if parked_during(lambda: park("theirs")) == {"theirs": 1, "mine": 1} else ["something parked is lost"]


def a_third_waits_too() -> list[str]:
    park("first")
    waiting = parked_during(lambda: park("theirs"))
    return [] if waiting == {"first": 1, "theirs": 1, "mine": 1} else ["something parked is lost"]


def the_entry_comes_first() -> list[str]:
    parked_during(lambda: adjust(30, "a1"))
    return ledger.verify(MEMBER)


def something_more_waits_when_the_entry_comes() -> list[str]:
    park("first")
    revision = 1
    park("second")
    try:
        adjust(30, "a1", replaces=revision)
    except ledger.Parked as found:
        return [] if found.parked == {"first": 1, "second": 1} else ["something parked is lost"]
    return ["something parked is lost"]


SCENES: dict[str, tuple[Callable[[], list[str]], ...]] = {
    "entry free": (one_cause_twice,),
    "account unchanged": (two_decisions_on_one_account,),
    "account free": (a_member_joins_again,),
    "identity free": (one_person_joins_twice,),
    "also free": (a_room_s_place_is_taken,),
    "place free": (two_wait_for_one_entry, the_entry_comes_first),
    "place unchanged": (a_third_waits_too,),
    "entry unchanged": (something_more_waits_when_the_entry_comes,),
}


def test_every_condition_is_needed(member: Account) -> None:
    before = faults.snapshot()
    met: set[str] = set()

    def recorded(put: dict[str, Any]) -> bool:
        met.add(kind(put))
        return False

    for left_out, scenes in SCENES.items():
        for scene in scenes:
            faults.restore(before)
            with faults.without_condition(recorded):
                assert scene() == [], scene.__name__
            faults.restore(before)
            with faults.without_condition(lambda put: kind(put) == left_out) as dropped:  # noqa: B023
                assert scene() != [], f"{scene.__name__} does not notice that the condition is missing: {left_out}"
            assert dropped
    assert met == set(SCENES), "no condition is left out of this test"


# A life with mixed validities, kept a second time by a plain reference.


def life() -> list[str]:
    """Lives it; returns the problems found by the reference after each step, and by `verify` at the end."""
    reference, problems = Reference(), []
    reference.grant(date(2027, 11, 30), 100)

    def step(event: events.Event, now: datetime, keep: Callable[[], None]) -> None:
        account = None
        with suppress(NothingDue):  # a broken ledger has other lots, so other days
            account = execute(event, now).account
        keep()
        kept = dict(Counter(reference.lots))
        if account is None or (dict(account.lots), account.debt) != (kept, reference.debt):
            problems.append(f"I6: after {event} the lots are not the reference's")

    def adjusted(amount: int, key: str) -> events.Event:
        return events.PointsAdjusted(Cause(MEMBER, key), amount, "because", "operator:1")

    def reviewed(key: str, now: datetime) -> events.Event:
        return events.Behaved(Cause(key, key), "review", now, trusted=True)

    def paid(order_id: str, fen: int, now: datetime) -> events.Event:
        return events.OrderPaid(Cause(f"order#{order_id}", f"order#{order_id}"), order_id, now, fen)

    def refunded(order_id: str, fen: int) -> events.Event:
        record = record_of(ledger.scope(f"order#{order_id}"))
        assert record
        return events.OrderRefunded(Cause(f"order#{order_id}", "refund#1"), record, events.Refund("1", fen))

    january, march, april = (NOW.replace(year=2027, month=month) for month in (1, 3, 4))
    month_before, week_before, over = (NOW.replace(year=2028, month=month, day=day)
                                       for month, day in ((3, 1), (3, 24), (4, 1)))  # fmt: skip
    of_january, of_march, long = date(2028, 1, 31), date(2028, 3, 31), date(2029, 1, 31)
    step(reviewed("e-1", january), january, lambda: reference.grant(long, 50))
    step(paid("o-1", 8_000, january), january, lambda: reference.grant(of_january, 130))
    step(adjusted(-120, "s-1"), january, lambda: reference.take(120, [], owe=False))
    step(adjusted(40, "g-1"), march, lambda: reference.grant(of_march, 40))
    step(paid("o-2", 9_000, march), march, lambda: reference.grant(of_march, 90))
    step(refunded("o-2", 3_000), march, lambda: reference.take(30, [of_march], owe=True))
    step(adjusted(-150, "s-2"), april, lambda: reference.take(150, [], owe=False))
    for noticed in (month_before, week_before):
        step(events.PointsDue(), noticed, lambda: None)
    step(events.PointsDue(), over, lambda: expire(reference, of_march))
    step(refunded("o-1", 8_000), over, lambda: reference.take(130, [of_january], owe=True))
    step(reviewed("e-2", over), over, lambda: reference.grant(date(2030, 4, 30), 50))
    step(reviewed("e-3", over), over, lambda: reference.grant(date(2030, 4, 30), 50))
    return problems + ledger.verify(MEMBER)


def expire(reference: Reference, through: date) -> None:
    reference.lots = [day for day in reference.lots if day > through]


_process = process


def in_points(name: str, broken: Callable[..., Any]) -> AbstractContextManager[Any]:
    return patch.object(points, name, broken)


def in_decisions(change: Callable[[Decision], Decision]) -> AbstractContextManager[Any]:
    return patch(f"{__name__}.process", lambda *arguments: change(_process(*arguments)))


_grant, _debit, _claw_back, _expire = points.grant, points.debit, points.claw_back, points.expire


def credited_twice(purse: points.Purse, on: date, amount: int) -> tuple[points.Purse, int]:
    purse, repaid = _grant(purse, on, amount)
    purse, again = _grant(purse, on, amount)
    return purse, repaid + again


def debt_forgotten(purse: points.Purse, amount: int, own: Any, *, into_debt: bool) -> tuple[points.Purse, int, int]:
    """Clamped at zero, while the entry tells of the full amount."""
    purse, _ = _debit(purse, amount, own)
    return purse, 0, 0


def latest_expires(purse: points.Purse, through: date) -> tuple[points.Purse, int]:
    _, gone = _expire(purse, through)
    purse, _ = _debit(purse, gone, reversed(list(purse.lots)))
    return purse, gone


def newest_spent(purse: points.Purse, amount: int, first_from: Any = ()) -> tuple[points.Purse, int]:
    return _debit(purse, amount, [*first_from, *reversed(list(purse.lots))])


def own_lot_ignored(purse: points.Purse, amount: int, own: Any, *, into_debt: bool) -> tuple[points.Purse, int, int]:
    return _claw_back(purse, amount, (), into_debt=into_debt)


def number_skipped(decision: Decision) -> Decision:
    if decision.entry.kind != "points_adjusted":
        return decision
    entry, account = decision.entry, decision.account
    return replace(decision, entry=replace(entry, seq=entry.seq + 1), account=account.with_(seq=account.seq + 1))


def watermark(decision: Decision) -> Decision:
    """Earned minus spent: what expired is not in either."""
    if decision.entry.kind != "lots_expired":
        return decision
    return replace(decision, entry=replace(decision.entry, balance_after=decision.before.balance))


def moves_forgotten(decision: Decision) -> Decision:
    return replace(decision, entry=replace(decision.entry, moves=decision.entry.moves[:-1]))


@contextmanager
def update_lost() -> Iterator[None]:
    """Another writer's account, decided on the same version, is overwritten."""

    def meddled(published: Any, account: Account, event: events.Event, now: datetime) -> Decision:
        decision = _process(published, account, event, now)
        if isinstance(event, events.PointsAdjusted) and event.cause.key == "s-1":
            other = events.PointsAdjusted(Cause(MEMBER, "other"), 7, "because", "operator:2")
            ledger.execute(MEMBER, lambda current: _process(published, current, other, now), body_hash="h")
        return decision

    unguarded = faults.without_condition(lambda put: kind(put) == "account unchanged")
    with unguarded, patch(f"{__name__}.process", meddled):
        yield


BUGS: dict[str, tuple[str, Callable[[], AbstractContextManager[Any]]]] = {
    "points are credited twice": ("I1", lambda: in_points("grant", credited_twice)),
    "an update is lost": ("I5", update_lost),
    "a claw-back stops at zero and logs the full amount": ("I1", lambda: in_points("claw_back", debt_forgotten)),
    "the wrong lot expires": ("I6", lambda: in_points("expire", latest_expires)),
    "the newest points are spent first": ("I6", lambda: in_points("debit", newest_spent)),
    "a refund does not take from the order's own lot": ("I6", lambda: in_points("claw_back", own_lot_ignored)),
    "a number is skipped": ("I5", lambda: in_decisions(number_skipped)),
    "the balance is a watermark": ("I5", lambda: in_decisions(watermark)),
    "an entry forgets a move": ("I6", lambda: in_decisions(moves_forgotten)),
}


def test_seeded_bugs_are_caught(member: Account) -> None:
    before = faults.snapshot()
    assert life() == []
    for name, (sign, bug) in BUGS.items():
        faults.restore(before)
        with bug():
            problems = life()
        assert any(problem.startswith(sign) for problem in problems), (name, problems)
