"""Is the book right? The invariants of one member, checked against the entries themselves."""

import time
from collections import Counter
from datetime import date

from chalicelib.engine.account import Account
from chalicelib.engine.decision import Entry
from chalicelib.ledger.book import load
from chalicelib.ledger.codec import entry_of
from chalicelib.ledger.items import EntryItem

LAG_TRIES, LAG_SECONDS = 5, 0.2


def verify(member_id: str) -> list[str]:
    """Problems found, in words; empty when the book is right.

    I1 Σ points = balance − debt · I2 lots > 0, never balance and debt · I4 one entry a cause · I5 seq without a gap,
    balances chain · I6 lots equal the sum of the moves. Entries of the account's version and below are checked; the
    index may trail the account for a moment, so a missing tail is asked for again.
    """
    account = load(member_id)
    entries: list[Entry] = []
    for attempt in range(LAG_TRIES):
        items = EntryItem.by_seq.query(member_id, EntryItem.seq <= account.seq)
        entries = [entry_of(item) for item in items]
        if len(entries) >= account.seq:
            break
        if attempt + 1 < LAG_TRIES:
            time.sleep(LAG_SECONDS)
    return check(account, entries)


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
        if entry.balance_after - entry.debt_after != worth:
            problems.append(f"I5: balance_after of entry {entry.seq} does not follow from the entries before")
        if entry.pending_after != pending:
            problems.append(f"I5: pending_after of entry {entry.seq} does not follow from the entries before")
        if sum(line.points for line in entry.lines) != entry.points:
            problems.append(f"I1: the lines of entry {entry.seq} do not sum to its points")
        for day, points in entry.moves:
            lots[day] += points
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
    return problems
