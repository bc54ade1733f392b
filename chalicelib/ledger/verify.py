"""Is the book right? The invariants of one member, checked against the entries themselves."""

from collections import Counter
from datetime import date, timedelta

from pynamodb.exceptions import QueryError

from chalicelib.engine.account import Account
from chalicelib.engine.decision import Entry
from chalicelib.ledger.book import ATTEMPTS, load_item, wait
from chalicelib.ledger.codec import account_item, account_of, entry_of
from chalicelib.ledger.items import AccountItem, EntryItem
from chalicelib.shared import dynamo

_BESIDE = ("balance", "debt", "points_due_shard", "tier_due_shard", "hold_due_shard", "hold_due_at")
_DAY = timedelta(days=1)


def verify(member_id: str) -> list[str]:
    """Problems found, in words; empty when the book is right. Raises MemberUnknown, Unavailable.

    I1 Σ points = balance − debt · I2 lots > 0, never balance and debt · I4 one entry a cause · I5 seq without a gap,
    balances chain · I6 at every entry the lots are the sum of the moves. The entries are read before the account, so
    none of them may be above its version; the index may trail for a moment, so what is missing is asked for again.
    """
    entries = _entries(member_id)
    item = load_item(member_id)
    account = account_of(item)
    for attempt in range(1, ATTEMPTS):
        if len(entries) >= account.seq:
            break
        wait(attempt)
        entries = _entries(member_id, account.seq)
    return check_item(item) + check(account, entries)


def _entries(member_id: str, through: int | None = None) -> list[Entry]:
    condition = (EntryItem.seq <= through) if through else None
    try:
        return [entry_of(item) for item in EntryItem.by_seq.query(member_id, condition)]
    except QueryError as error:
        raise dynamo.as_refusal(error) from error


def check_item(item: AccountItem) -> list[str]:
    """Whether what the account holds beside its state (balance, debt, shards, due dates) agrees with the state."""
    account = account_of(item)
    expected = account_item(account)
    problems = [f"I2: {name} is not what the account says" for name in _BESIDE
                if getattr(item, name) != getattr(expected, name)]  # fmt: skip
    return problems + _check_due(account)


def _check_due(account: Account) -> list[str]:
    """The exact dates follow from the rulebook of their time; but under any rulebook a pending portion is due on its
    day, a lot on the day after its last, a tier on the day after its own: later or never means forgotten. Only of who
    was erased nothing is due."""
    if account.status == "erased":
        return []
    points = [released for released, _ in account.pending] + [day + _DAY for day in account.lots]
    standing = account.standing
    ends = [standing.grace_until or standing.valid_until] if standing else []
    if standing and standing.temporary:
        ends.append(standing.temporary.until)
    tier = [day + _DAY for day in ends if day]
    found = (("points_due_on", account.points_due_on, points), ("tier_due_on", account.tier_due_on, tier))
    return [f"I2: {name} is missing or too late" for name, due_on, latest in found
            if latest and (due_on is None or due_on > min(latest))]  # fmt: skip


def check(account: Account, entries: list[Entry]) -> list[str]:
    """The invariants of an account and all its entries, in order of `seq`."""
    problems = []
    if [entry.seq for entry in entries] != list(range(1, account.seq + 1)):
        problems.append("I5: seq is not 1..n without a gap")
    if any(count > 1 for count in Counter(entry.cause for entry in entries).values()):
        problems.append("I4: a cause has two entries")
    worth = pending = 0
    lots: Counter[date] = Counter()
    for entry in entries:
        worth += entry.points
        pending += entry.pending
        for day, points in entry.moves:
            lots[day] += points
        problems += _check_entry(entry, worth, pending, lots)
    if worth != account.balance - account.debt:
        problems.append("I1: the entries do not sum to balance − debt")
    if pending != account.pending_total:
        problems.append("I1: the entries do not sum to the pending total")
    if any(points <= 0 for points in account.lots.values()) or any(p <= 0 for p in account.pending.values()):
        problems.append("I2: a lot is not above zero")
    if account.debt < 0 or (account.debt and account.balance):
        problems.append("I2: debt is negative, or stands beside a balance")
    if {day: points for day, points in lots.items() if points} != dict(account.lots):
        problems.append("I6: the lots are not what the entries moved")
    if entries and entries[-1].tier_after != (account.standing.tier if account.standing else ""):
        problems.append("I5: the tier is not the one the last entry left")
    return problems


def _check_entry(entry: Entry, worth: int, pending: int, lots: Counter[date]) -> list[str]:
    """One entry against the sums of all entries up to and with it."""
    problems = []
    if entry.balance_after - entry.debt_after != worth:
        problems.append(f"I5: balance_after of entry {entry.seq} does not follow from the entries before")
    if entry.pending_after != pending:
        problems.append(f"I5: pending_after of entry {entry.seq} does not follow from the entries before")
    if sum(line.points for line in entry.lines) != entry.points:
        problems.append(f"I1: the lines of entry {entry.seq} do not sum to its points")
    if min(lots.values(), default=0) < 0:
        problems.append(f"I6: entry {entry.seq} takes from a lot what is not there")
    if sum(lots.values()) != entry.balance_after:
        problems.append(f"I6: balance_after of entry {entry.seq} is not the sum of the lots")
    if entry.debt_after < 0 or (entry.debt_after and entry.balance_after):
        problems.append(f"I2: debt_after of entry {entry.seq} is negative, or stands beside a balance")
    return problems
