"""How an entry looks outside: the same shape in the statement and in the answer of every write.

An answer is rendered from the stored entry alone, so the answer to a repeated request is the first one, byte for byte.
"""

from chalicelib.engine.decision import Entry
from chalicelib.shared.clock import rfc3339
from chalicelib.shared.schemas import Response


class LineView(Response):
    rule: str
    points: int
    why: str
    why_zh: str


class EntryView(Response):
    """One line of 积分明细. `points`: change of balance − debt; `pending`: change of what is not yet credited."""

    seq: int
    at: str
    kind: str
    cause: str
    points: int
    pending: int
    balance_after: int
    pending_after: int
    debt_after: int
    tier_after: str
    rulebook_version: int
    lines: list[LineView]


def entry_view(entry: Entry) -> EntryView:
    """The entry as JSON."""
    return EntryView(
        seq=entry.seq,
        at=rfc3339(entry.at),
        kind=entry.kind,
        cause=entry.cause.key,
        points=entry.points,
        pending=entry.pending,
        balance_after=entry.balance_after,
        pending_after=entry.pending_after,
        debt_after=entry.debt_after,
        tier_after=entry.tier_after,
        rulebook_version=entry.rulebook_version,
        lines=[LineView(rule=x.rule, points=x.points, why=x.why, why_zh=x.why_zh) for x in entry.lines],
    )
