"""A member's account as the engine sees it: immutable values, no storage."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Literal

Status = Literal["active", "frozen", "erased"]


Stage = Literal["", "early", "warned", "grace"]
Base = Mapping[str, int]
"""Lifetime counts as they were when something began: what is counted from then on is today's less these."""


@dataclass(frozen=True)
class Spare:
    """One need of a promotion, and how much of its `metrics` (added) there was to spare. What was paid before the day
    `since`, or in an entry up to number `after`, had not been counted."""

    metrics: tuple[str, ...]
    since: date
    after: int
    left: int


@dataclass(frozen=True)
class Earned:
    """What a promotion rests on, so that a refund can undo it: the standing of before, as it was, and every set of
    needs (any one is enough) that was reached. None of them: a tier brought back, by what was done since its loss."""

    before: "Standing"
    ways: tuple[tuple[Spare, ...], ...]


@dataclass(frozen=True)
class Lapse:
    """The loss of a tier: when, and the lifetime counts at entry `seq`, which took it."""

    tier: str
    on: date
    base: Base = field(default_factory=lambda: MappingProxyType({}))
    seq: int = 0


@dataclass(frozen=True)
class Temporary:
    """A tier lent until `until` (included)."""

    tier: str
    until: date


@dataclass(frozen=True)
class Standing:
    """The member's tier (its code), since when, and until when it is held (None for the first tier).

    seq: the entry the period began with · base: the lifetime counts then · stage: how far the protocol of losing it has
    come, with `warned_on`, `grace_until` and `extensions` · bonus: retention progress of the sprint, percent;
    `sprint_on`: its last day with a purchase · lapses: the tiers lost and not regained, the highest first ·
    grown: the tiers ever reached or passed, which pay their growth reward no more
    """

    tier: str
    since: date
    valid_until: date | None = None
    seq: int = 0
    base: Base = field(default_factory=lambda: MappingProxyType({}))
    stage: Stage = ""
    warned_on: date | None = None
    bonus: int = 0
    sprint_on: date | None = None
    grace_until: date | None = None
    extensions: int = 0
    earned: Earned | None = None
    lapses: tuple[Lapse, ...] = ()
    temporary: Temporary | None = None
    grown: tuple[str, ...] = ()

    def with_(self, **changes: object) -> "Standing":
        """A copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Notice:
    """On that day the member was told that so many points of a lot would expire."""

    on: date
    points: int


@dataclass(frozen=True)
class Hold:
    """So many points are set aside until just before `expires_at`, for the order of which `order` is a digest."""

    expires_at: datetime
    points: int
    order: str


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
class Chances:
    """What a member has of one lottery, which ends at `ends_at` (as known when this was written): chances `left`
    (below 0: used, and taken back since), draws made in all (`drawn`), and those of the day `on`."""

    ends_at: datetime
    left: int = 0
    drawn: int = 0
    on: date | None = None
    drawn_on: int = 0


@dataclass(frozen=True)
class Account:
    """One member. `seq` numbers the last entry and is the version; a new account has 0.

    lots: expiry date → points > 0 (the earliest leaves first)
    pending: (release date, expiry date) → points > 0
    counters: metric → period → count; a period is `life`, `YYYY-MM`, `d:YYYY-MM-DD` or `w:YYYY-MM-DD` (Monday)
    requests: the member's last Idempotency-Keys: key digest → (body digest, entry seq)
    tasks: task → (the period in which it was last done, `done`, or `open` when the reward waits for a tap, or `gave`
        when a coupon came with it)
    redeemed: offer → period → pieces, of offers that are limited a member (periods: see `offers.counted`)
    chances: lottery → chances and draws, until it has ended
    granted: benefit → the last month or year for which it was granted
    holds: hold → what is held and until when; what lots it came from, its entries tell
    noticed: expiry date → days before → the notice on record
    frozen_at: the instant a test clock shows this member (never in a live stage)
    points_due_on, tier_due_on: when next something has to happen by itself; None: nothing
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
    tasks: Mapping[str, tuple[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    make_up_cards: int = 0
    chances: Mapping[str, Chances] = field(default_factory=lambda: MappingProxyType({}))
    granted: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    noticed: Mapping[date, Mapping[int, Notice]] = field(default_factory=lambda: MappingProxyType({}))
    redeemed: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: MappingProxyType({}))
    holds: Mapping[str, Hold] = field(default_factory=lambda: MappingProxyType({}))
    frozen_at: datetime | None = None
    points_due_on: date | None = None
    tier_due_on: date | None = None

    @property
    def balance(self) -> int:
        """Points that can be spent: the sum of the lots."""
        return sum(self.lots.values())

    @property
    def pending_total(self) -> int:
        """Points granted but not yet released."""
        return sum(self.pending.values())

    @property
    def held(self) -> int:
        """Points set aside for orders; they have left the balance."""
        return sum(hold.points for hold in self.holds.values())

    @property
    def hold_due_at(self) -> datetime | None:
        """When next a hold expires by itself; None: never. Of who was erased nothing is due."""
        due = (hold.expires_at for hold in self.holds.values())
        return None if self.status == "erased" else min(due, default=None)

    def with_(self, **changes: object) -> "Account":
        """A copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]
