"""Test clocks: a year of a member's life in seconds. Never in a live stage.

A clock goes forward only, and a member follows one clock for good: under a clock, nobody's time goes back. It stops
wherever something is due for one of its members, earliest first: at the start of a business day, or when a hold
expires. It does it as of then, one entry a step; the entry that does it also moves the member there. The rulebook is
the one in force in truth.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from functools import partial
from zoneinfo import ZoneInfo

from pynamodb.exceptions import DoesNotExist, GetError, PutError, TransactWriteError

from chalicelib import ledger
from chalicelib.engine import events
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision, Entry
from chalicelib.engine.events import Cause
from chalicelib.engine.process import process
from chalicelib.engine.refusals import ClockBackwards, NothingDue
from chalicelib.ledger.due import Index
from chalicelib.notices import inbox
from chalicelib.rulebook import store
from chalicelib.rulebook.model import Published
from chalicelib.shared import audit, callers, dynamo
from chalicelib.shared.clock import parse_instant, rfc3339
from chalicelib.shared.config import settings
from chalicelib.shared.errors import Conflict, Forbidden, NotFound, Unavailable, invalid
from chalicelib.shared.ids import digest
from chalicelib.tiers.items import ClaimItem, ClockItem

# One transaction each, well within the time HTTP gives; a member has some forty a year. The next call goes on.
MAX_STEPS = 150
MAX_ID_LENGTH = 64


class ClocksOff(Forbidden):
    code = "TEST_CLOCKS_OFF"
    message, message_zh = "There are no test clocks in this stage.", "当前环境不支持测试时钟"


class ClockUnknown(NotFound):
    code = "TEST_CLOCK_UNKNOWN"
    message, message_zh = "There is no such test clock.", "测试时钟不存在"


class UnderAnotherClock(Conflict):
    code = "UNDER_ANOTHER_CLOCK"
    message, message_zh = "A member follows another test clock already; see details.", "会员已在其他测试时钟下"


@dataclass(frozen=True)
class Clock:
    """`frozen_at` is the instant shown; `happened` what this call did, in order; `finished`: nothing is left to do on
    the way to the instant that was asked for."""

    clock_id: str
    frozen_at: datetime
    members: tuple[str, ...]
    happened: tuple[Entry, ...] = ()
    finished: bool = True


def admit() -> None:
    """Raises ClocksOff where the stage has no test clocks."""
    if not settings().test_clocks:
        raise ClocksOff


def create(operator: callers.Operator, frozen_at: datetime, members: list[str], now: datetime) -> Clock:
    """A clock that shows `frozen_at` to `members`; what is due for them by then happens at once. The same members and
    instant again are the same clock, so a repeat is harmless.

    Raises ClocksOff, MemberUnknown, MemberErased, UnderAnotherClock.
    """
    admit()
    if len(set(members)) < len(members):
        raise invalid("members", "named more than once")
    clock_id = "T" + digest(f"{rfc3339(frozen_at)}#{'#'.join(sorted(members))}", 24)
    clock = _find(clock_id)
    if clock is None:
        for member_id in members:
            if ledger.load(member_id).status == "erased":
                raise ledger.MemberErased([{"field": "members", "problem": f"{member_id} has been erased"}])
        clock = Clock(clock_id, frozen_at, tuple(members))
        details = {"frozen_at": rfc3339(frozen_at), "members": members}
        _claim(clock, audit.record(operator.name, "test-clock.create", f"test-clock:{clock_id}", details, now))
    return _go(clock, clock.frozen_at, now)


def get(clock_id: str) -> Clock:
    """The clock. Raises ClocksOff, ClockUnknown."""
    admit()
    clock = _find(clock_id)
    if clock is None:
        raise ClockUnknown
    return clock


def _find(clock_id: str) -> Clock | None:
    try:
        item = ClockItem.get(f"clock#{clock_id[:MAX_ID_LENGTH]}", consistent_read=True)
    except DoesNotExist:
        return None
    except GetError as error:
        raise dynamo.as_refusal(error) from error
    return Clock(clock_id, parse_instant(item.frozen_at), tuple(item.members))


def advance(operator: callers.Operator, clock_id: str, to: datetime, now: datetime) -> Clock:
    """Moves the clock on to `to`, or as far as MAX_STEPS lead: then `finished` is false, and the same call goes on.
    A call that is killed half-way is simply made again.

    Raises ClocksOff, ClockUnknown, ClockBackwards.
    """
    clock = get(clock_id)
    if to < clock.frozen_at:
        raise ClockBackwards([{"field": "to", "problem": f"the clock shows {rfc3339(clock.frozen_at)} already"}])
    try:
        audit.record(operator.name, "test-clock.advance", f"test-clock:{clock_id}", {"to": rfc3339(to)}, now).save()
    except PutError as error:
        raise dynamo.as_refusal(error) from error
    return _go(clock, to, now)


def _claim(clock: Clock, record: audit.AuditRecord) -> None:
    """The clock and its members' places under it, all or none. Raises UnderAnotherClock."""
    item = ClockItem(f"clock#{clock.clock_id}", frozen_at=rfc3339(clock.frozen_at), members=list(clock.members))
    try:
        with dynamo.transaction() as writes:
            writes.save(record)
            # Put by the twin of this very request it has the same content.
            writes.save(item, ClockItem.id.does_not_exist() | (ClockItem.frozen_at == item.frozen_at))
            for member_id in clock.members:
                place = ClaimItem(f"member#{member_id}", clock_id=clock.clock_id)
                writes.save(place, ClaimItem.id.does_not_exist() | (ClaimItem.clock_id == clock.clock_id))
    except TransactWriteError as error:
        codes = [reason.code if reason else None for reason in error.cancellation_reasons]
        taken = [m for m, code in zip(clock.members, codes[2:], strict=False) if code == "ConditionalCheckFailed"]
        if taken:
            raise UnderAnotherClock([{"field": "members", "problem": f"{m} follows another"} for m in taken]) from error
        if "TransactionConflict" in codes or "ConditionalCheckFailed" in codes:
            raise Unavailable from error
        raise dynamo.as_refusal(error) from error


def _go(clock: Clock, to: datetime, now: datetime) -> Clock:
    """Everything due until `to`, then every member is shown the instant that was reached."""
    walk = _Walk(store.current(now), clock)
    finished = walk.steps(to)
    reached = to if finished else walk.at
    for member_id in list(walk.accounts):
        walk.show(member_id, reached)
    item = ClockItem(f"clock#{clock.clock_id}", frozen_at=rfc3339(reached), members=list(clock.members))
    try:
        item.save(ClockItem.frozen_at <= item.frozen_at)
    except PutError as error:
        if dynamo.is_condition_failure(error):
            # Another call went further meanwhile.
            return replace(get(clock.clock_id), happened=tuple(walk.happened), finished=finished)
        raise dynamo.as_refusal(error) from error
    return replace(clock, frozen_at=reached, happened=tuple(walk.happened), finished=finished)


@dataclass
class _Walk:
    """One call's way forward. Members erased meanwhile are passed over."""

    published: Published
    clock: Clock
    at: datetime = field(init=False)
    accounts: dict[str, Account] = field(init=False)
    happened: list[Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.at = self.clock.frozen_at
        self.accounts = {}
        for member_id in self.clock.members:
            self._load(member_id)

    def steps(self, to: datetime) -> bool:
        """The steps due by `to`, the earliest first. False when there are more than one call makes."""
        for _ in range(MAX_STEPS):
            due = {member_id: found for member_id in self.clock.members if (found := self._due(member_id))}
            # Of several at one instant, the one the clock names first.
            first = min(due, key=lambda member_id: due[member_id][0], default="")
            if not first or due[first][0] > to:
                return True
            at, index = due[first]
            self.at = max(self.at, at)
            entry = self._commit(first, partial(ledger.due.event, index, now=at), at, f"due-{index}")
            if entry:
                self.happened.append(entry)
        return False

    def show(self, member_id: str, at: datetime) -> None:
        """Moves the member to `at` and nothing else; not who is there, or further, already."""
        account = self.accounts.get(member_id)
        if account is None or (account.frozen_at and account.frozen_at >= at):
            return
        event = events.ClockMoved(Cause(member_id, f"test-clock#{self.clock.clock_id}#{rfc3339(at)}"), at)
        self._commit(member_id, lambda account: event, at, "test-clock")

    def _due(self, member_id: str) -> tuple[datetime, Index] | None:
        """When the member's next step is made, and which: points before tier, and at once when its time is over."""
        account = self.accounts.get(member_id)
        if account is None:
            return None
        found: list[tuple[datetime, Index]] = []
        dates: tuple[tuple[date | None, Index], ...] = (
            (account.points_due_on, "points"),
            (account.tier_due_on, "tier"),
        )
        for due_on, index in dates:
            if due_on:
                start = datetime.combine(due_on, time.min, ZoneInfo(self.published.rulebook.brand.time_zone))
                found.append((start.astimezone(UTC), index))
        if account.hold_due_at:
            found.append((account.hold_due_at, "holds"))
        if not found:
            return None
        at, index = min(found, key=lambda due: due[0])
        return max(at, account.frozen_at or self.at), index

    def _commit(
        self, member_id: str, event_for: Callable[[Account], events.Event], at: datetime, body_hash: str
    ) -> Entry | None:
        """One decision of the member at `at`; None when another call has made it, or moved the member further."""

        def decide(account: Account) -> Decision:
            if account.status == "erased":
                raise ledger.MemberErased
            if account.frozen_at and account.frozen_at > at:
                raise ClockBackwards
            account = account.with_(frozen_at=at)
            return process(self.published, account, event_for(account), at)

        try:
            outcome = ledger.execute(
                member_id, decide, body_hash=body_hash, also=inbox.requests, account=self.accounts.pop(member_id)
            )
        except (ledger.MemberErased, NothingDue, ClockBackwards):
            self._load(member_id)
            return None
        if outcome.account is None:
            self._load(member_id)
            return None
        self.accounts[member_id] = outcome.account
        return outcome.entry

    def _load(self, member_id: str) -> None:
        account = ledger.load(member_id)
        if account.status != "erased":
            self.accounts[member_id] = account
