"""A member's account as the engine sees it: immutable values, no storage."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Literal

Status = Literal["active", "frozen", "erased"]


@dataclass(frozen=True)
class Standing:
    """The member's tier (its code), since when, and until when it is held (None for the first tier)."""

    tier: str
    since: date
    valid_until: date | None = None


@dataclass(frozen=True)
class Streak:
    """Consecutive check-ins as runs (first day, last day), oldest first, as far back as a make-up may reach: exact
    however long a run is. `make_ups` counts the make-ups used in the month `make_up_month` (YYYY-MM)."""

    runs: tuple[tuple[date, date], ...] = ()
    make_ups: int = 0
    make_up_month: str = ""

    @property
    def last_on(self) -> date | None:
        """The last day checked in."""
        return self.runs[-1][1] if self.runs else None

    @property
    def length(self) -> int:
        """Days in the latest run. It still counts today if it ends today or yesterday."""
        return (self.runs[-1][1] - self.runs[-1][0]).days + 1 if self.runs else 0


@dataclass(frozen=True)
class Profile:
    """What the home screen shows; personal data is kept to this."""

    nickname: str = ""
    avatar_url: str = ""
    birthday: str = ""  # MM-DD: a birthday needs no year
    phone_bound: bool = False
    consents: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # name → "version@date"


@dataclass(frozen=True)
class Account:
    """One member. `seq` numbers the last entry and is the version; a new account has 0.

    lots: expiry date → points > 0 (the earliest leaves first)
    pending: (release date, expiry date) → points > 0
    counters: metric → period → count; a period is `life`, `YYYY-MM`, `d:YYYY-MM-DD` or `w:YYYY-MM-DD` (Monday)
    requests: the member's last Idempotency-Keys: key digest → (body digest, entry seq)
    """

    member_id: str
    seq: int = 0
    status: Status = "active"
    joined_at: datetime | None = None
    lots: Mapping[date, int] = field(default_factory=lambda: MappingProxyType({}))
    pending: Mapping[tuple[date, date], int] = field(default_factory=lambda: MappingProxyType({}))
    debt: int = 0
    counters: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: MappingProxyType({}))
    standing: Standing | None = None
    streak: Streak = Streak()
    profile: Profile = Profile()
    tags: tuple[str, ...] = ()
    badges: tuple[str, ...] = ()
    invited_by: str = ""
    tokens_from: datetime | None = None
    requests: Mapping[str, tuple[str, int]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def balance(self) -> int:
        """Points that can be spent: the sum of the lots."""
        return sum(self.lots.values())

    @property
    def pending_total(self) -> int:
        """Points granted but not yet released."""
        return sum(self.pending.values())

    def with_(self, **changes: object) -> "Account":
        """A copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]
