"""What the engine answers: the account after, and the one journal entry that explains the difference."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from chalicelib.engine.account import Account
from chalicelib.engine.events import Cause


@dataclass(frozen=True)
class Line:
    """One reason. `points` may be 0 for a line that only explains; the lines of an entry sum to its points.
    `why` and `why_zh` carry the arithmetic."""

    rule: str
    points: int
    why: str
    why_zh: str


@dataclass(frozen=True)
class Entry:
    """One immutable line of the account's history.

    points: change of (balance − debt); pending: change of the pending total
    moves: (expires_on, ±points) per lot touched, in the order they were touched
    facts: what consumers and later events of the same cause need (JSON values only)
    """

    member_id: str
    seq: int
    at: datetime
    kind: str
    cause: Cause
    points: int
    pending: int
    balance_after: int
    pending_after: int
    debt_after: int
    tier_after: str
    rulebook_version: int
    lines: tuple[Line, ...] = ()
    moves: tuple[tuple[date, int], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """`before` is the account the decision was made on; committing it requires that this is still the case."""

    before: Account
    account: Account
    entry: Entry
