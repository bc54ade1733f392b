"""What happens by itself: who is due, page by page, and one member's steps.

The due indexes name the members for whom something happens by a date; cost follows what is due, never the number of
members. A page that is handled twice writes nothing the second time: each step has a dated cause and is decided anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from pynamodb.exceptions import QueryError

from chalicelib.engine import holds
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision, Entry
from chalicelib.engine.events import Cause, HoldStep, PointsDue, TierDue
from chalicelib.engine.process import process
from chalicelib.engine.refusals import NothingDue
from chalicelib.ledger.book import Also, execute
from chalicelib.ledger.codec import DUE_SHARDS
from chalicelib.ledger.items import AccountItem
from chalicelib.ledger.statement import scope
from chalicelib.rulebook.model import Published
from chalicelib.shared import dynamo
from chalicelib.shared.clock import business_date, rfc3339

Index = Literal["points", "tier", "holds"]
# Where each index lies, and by what it is sorted: a business date, or an instant.
_INDEXES: MappingProxyType[Index, Any] = MappingProxyType(
    {
        "points": (AccountItem.by_points_due, AccountItem.points_due_on),
        "tier": (AccountItem.by_tier_due, AccountItem.tier_due_on),
        "holds": (AccountItem.by_hold_due, AccountItem.hold_due_at),
    }
)
SHARDS = tuple(f"{number:02d}" for number in range(DUE_SHARDS))
PAGE = 25
# A member has a handful of steps a year; many more in one run would be a step that does not end.
MAX_STEPS = 40

AlsoFor = Callable[[Decision], Sequence[Also]]


@dataclass(frozen=True)
class Job:
    """One scheduled function's part of an index: one kind of entry alone (`only`), or every kind but one (`all_but`).

    The engine says what comes next for a member; a job does it if it is its own, and leaves the member to the index's
    other job if not. So no job overtakes another: no tier ends while something that it grants is still due.
    """

    index: Index
    only: str = ""
    all_but: str = ""

    def does(self, kind: str) -> bool:
        """Whether an entry of this kind is the job's own."""
        return kind == self.only if self.only else kind != self.all_but


JOBS: MappingProxyType[str, Job] = MappingProxyType(
    {
        "pending_release": Job("points", only="pending_released"),
        "points_expiry": Job("points", all_but="pending_released"),
        "benefit_grants": Job("tier", only="benefits_granted"),
        "tier_review": Job("tier", all_but="benefits_granted"),
        "hold_expiry": Job("holds"),
    }
)


def through(index: Index, now: datetime, time_zone: str) -> str:
    """Up to where a run that begins now goes, as the index has it: today, or this very instant."""
    return rfc3339(now) if index == "holds" else business_date(now, time_zone).isoformat()


def page(index: Index, shard: str, through: str, cursor: Any) -> tuple[list[str], Any]:
    """Members of a shard with something due by `through`, earliest first, and the key to go on from (JSON)."""
    by_due, due = _INDEXES[index]
    found = by_due.query(shard, due <= through, limit=PAGE, last_evaluated_key=cursor)
    try:
        return [item.id for item in found], found.last_evaluated_key
    except QueryError as error:
        raise dynamo.as_refusal(error) from error


def holding(now: datetime) -> list[str]:
    """The shards in which a hold has expired by now."""
    return [shard for shard in SHARDS if page("holds", shard, rfc3339(now), None)[0]]


def event(index: Index, account: Account, now: datetime) -> PointsDue | TierDue | HoldStep:
    """What the member's next step of that index is. Of a hold its entries say what comes back: they are read after the
    account, so whatever slips in between moves the account's version. Raises NothingDue."""
    if index != "holds":
        return PointsDue() if index == "points" else TierDue()
    hold_id = holds.due(account, now)
    record = holds.record_of(scope(holds.scope_of(hold_id))) if hold_id else None
    if record is None or record.state != "held":
        # Somebody has dealt with it since the account was read.
        raise NothingDue
    return HoldStep(Cause(holds.scope_of(record.hold_id), f"expiry#{record.hold_id}"), record, "expiry")


def run(
    index: Index, member_id: str, published: Published, now: datetime, also: AlsoFor, job: Job | None = None
) -> list[Entry]:
    """Every step of the member due at `now`, each its own entry, in order.

    With a `job`: only the job's own steps, and none of a member under a test clock, for whom real time does not count.
    Raises MemberUnknown, Unavailable, and whatever makes this member impossible to decide.
    """

    def decide(account: Account) -> Decision:
        if job and account.frozen_at:
            raise NothingDue
        decision = process(published, account, event(index, account, now), now)
        if job and not job.does(decision.entry.kind):
            raise NothingDue
        return decision

    entries: list[Entry] = []
    account: Account | None = None
    while len(entries) < MAX_STEPS:
        try:
            outcome = execute(member_id, decide, body_hash=f"due-{index}", also=also, account=account)
        except NothingDue:
            return entries
        entries.append(outcome.entry)
        account = outcome.account
    raise RuntimeError(f"more than {MAX_STEPS} steps due for one member")
