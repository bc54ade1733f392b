"""Everything that can happen to a member. Each event knows its cause: the natural key that is recorded once, forever.

A cause is unique within a scope: the member for what members do, the merchant's own object for what merchants report,
so that one order can never be credited to two members.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Literal

from chalicelib.rulebook.model import Words


@dataclass(frozen=True)
class Cause:
    """`scope` + `key` identify one happening. `key` is what members see, e.g. `order#A-1`."""

    scope: str
    key: str


@dataclass(frozen=True)
class Item:
    """One line of an order; `amount_fen` is the line's total."""

    amount_fen: int
    category: str = ""
    sku: str = ""
    quantity: int = 1


@dataclass(frozen=True)
class Refund:
    """`amount_fen` of an order given back, and `offset_fen` of what was paid in points. With `items`, the points of
    those items' categories follow the money; without, the same share of everything. `content` is the digest by which a
    repeat of an early refund is known."""

    refund_id: str
    amount_fen: int
    items: tuple[Item, ...] = ()
    content: str = ""
    offset_fen: int = 0


@dataclass(frozen=True)
class Joined:
    """The member's first moment. `invited_by` is a candidate only: the invites capability decides."""

    cause: Cause
    invited_by: str = ""


@dataclass(frozen=True)
class OrderPaid:
    """`amount_fen` is money, `offset_fen` what was paid in points besides. `early_refunds` and `completed` arrived
    before the payment did and are settled with it."""

    cause: Cause
    order_id: str
    paid_at: datetime
    amount_fen: int
    items: tuple[Item, ...] = ()
    early_refunds: tuple[Refund, ...] = ()
    completed: bool = False
    offset_fen: int = 0


@dataclass(frozen=True)
class OrderRecord:
    """What the journal knows of an order: the facts of its payment, completion and refunds so far.

    grants: (expires_on, points) per lot date; releases_on: the date they wait for, when they began as pending
    weight: Σ item amount × rate, the measure by which points follow refunded money; rates: category → rate where it
    differs from the plain one, which is at "" (both as the rulebook had them when the order was paid)
    seq: the entry of the payment; sprint_percent: what it added to the progress of a sprint
    rewards: task that it completed → (the period it was done in, points it paid), those undone left out
    counts_offset: what was paid in points earned and counted as spending, as the rulebook said then
    coupons, chances: what its entry granted, as its facts have it
    """

    order_id: str
    member_id: str
    paid_on: date
    amount_fen: int
    weight: Fraction
    rates: dict[str, str]
    grants: tuple[tuple[date, int], ...]
    releases_on: date | None = None
    completed: bool = False
    refunded_fen: int = 0
    refunded_weight: Fraction = Fraction(0)
    taken_back: int = 0
    sprint_percent: int = 0
    rewards: dict[str, tuple[str, int]] = field(default_factory=dict)
    seq: int = 0
    offset_fen: int = 0
    counts_offset: bool = False
    refunded_offset_fen: int = 0
    coupons: tuple[Mapping[str, Any], ...] = ()
    chances: Mapping[str, int] = field(default_factory=dict)

    @property
    def granted(self) -> int:
        """Points the order earned, whatever became of them."""
        return sum(points for _, points in self.grants)


@dataclass(frozen=True)
class OrderCompleted:
    cause: Cause
    order: OrderRecord


@dataclass(frozen=True)
class OrderRefunded:
    cause: Cause
    order: OrderRecord
    refund: Refund


@dataclass(frozen=True)
class Behaved:
    """A behaviour of the rulebook. `trusted`: reported by a merchant, not by the member's own phone."""

    cause: Cause
    behaviour: str
    occurred_at: datetime
    trusted: bool
    seconds: int = 0
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CheckedIn:
    """`on` is today's business date, or an earlier one when `make_up`."""

    cause: Cause
    on: date
    make_up: bool = False


@dataclass(frozen=True)
class ProfileChanged:
    """`changes`: fields of Profile to replace."""

    cause: Cause
    changes: dict[str, Any]


@dataclass(frozen=True)
class StatusChanged:
    """An operator freezes or releases a member; `tokens_from` refuses tokens issued before (log out everywhere)."""

    cause: Cause
    status: str | None = None
    tokens_from: datetime | None = None


@dataclass(frozen=True)
class PointsAdjusted:
    """An operator's correction, positive or negative, with its reason. `returns` gives back the lots an earlier debit
    took (lot moves of its entry), instead of granting a new lot."""

    cause: Cause
    points: int
    reason: str
    actor: str
    returns: tuple[tuple[date, int], ...] = ()


@dataclass(frozen=True)
class PointsDue:
    """Whatever of the points is due by today, one step: pending portions released, a notice of expiry, lots expired or
    their date moved. The step's own cause is made by the engine (`scope` is the member)."""


@dataclass(frozen=True)
class TierDue:
    """Whatever of the tier is due by today, one step: a warning, a review, the end of grace or of a tier lent, what is
    granted each month and on the birthday."""


@dataclass(frozen=True)
class BenefitUsed:
    cause: Cause
    benefit: str


@dataclass(frozen=True)
class TaskClaimed:
    cause: Cause
    task: str


OfferKind = Literal["physical", "coupon", "virtual", "service", "privilege", "cash", "donation", "lottery"]
Window = Literal["day", "month", "lifetime"]


@dataclass(frozen=True)
class Offer:
    """An offer as it stands when a member looks at it or taps it.

    price_points: for one piece · tier_prices: tier → its own price · min_tier: the lowest tier that may redeem it,
    empty for everybody · tags: one of them is needed, none when empty · limits: window → pieces a member may have
    opens_at, closes_at: on sale from, and until just before; None: no bound · closes_on: its last business day, which
    an offer limited for a lifetime has · member_day: the day's factor applies · lottery, chances: what a piece
    gives · coupon: the definition of the one it gives
    """

    offer_id: str
    kind: OfferKind
    name: Words
    price_points: int
    tier_prices: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    min_tier: str = ""
    tags: tuple[str, ...] = ()
    limits: Mapping[Window, int] = field(default_factory=lambda: MappingProxyType({}))
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    closes_on: date | None = None
    member_day: bool = True
    lottery: str = ""
    chances: int = 0
    coupon: str = ""


@dataclass(frozen=True)
class RedemptionRecord:
    """What the journal knows of a redemption.

    price_points: of one piece · taken: (expires_on, −points) as the lots gave them, less what went back · returned:
    pieces given back · limited: the windows whose limit counted it · details: what the steps told (appointment), the
    latest of each · claim: the cause of the claim nobody has decided yet, and its pieces · stock: shard → pieces that
    came from there and have not gone back, in `period` · room: what the room kept beside · seq: the entry that took the
    points · replacing: pieces that are being replaced · counted_on: the day on which it was counted, once handed over ·
    lottery, chances: what each piece gave, and of which edition
    """

    redemption_id: str
    member_id: str
    offer_id: str
    kind: str
    name: Words
    quantity: int
    price_points: int
    on: date
    state: str
    taken: tuple[tuple[date, int], ...]
    returned: int
    limited: tuple[Window, ...]
    details: Mapping[str, Any]
    claim: tuple[str, int] | None
    period: str
    stock: Mapping[str, int]
    room: Mapping[str, Any]
    seq: int
    replacing: int = 0
    counted_on: date | None = None
    lottery: str = ""
    chances: int = 0
    coupon: str = ""

    @property
    def kept(self) -> int:
        """Pieces not given back."""
        return self.quantity - self.returned


@dataclass(frozen=True)
class Redeemed:
    """Points for `quantity` pieces of an offer. `expected_points`: the sum the member was shown, which is the most they
    pay · period, stock: where the pieces come from, shard → pieces · room: what the room keeps beside (no personal
    data)."""

    cause: Cause
    redemption_id: str
    offer: Offer
    quantity: int
    expected_points: int
    period: str = ""
    stock: Mapping[str, int] = field(default_factory=dict)
    room: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RedemptionStep:
    """What becomes of a redemption; `step` is a key of `redemptions.STEPS`. `quantity`: pieces given back or claimed,
    None for all there are · details: what the step tells (no personal data) · stock: shard → pieces that go back
    there."""

    cause: Cause
    record: RedemptionRecord
    step: str
    details: dict[str, Any] = field(default_factory=dict)
    quantity: int | None = None
    stock: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class HoldRecord:
    """What the journal knows of a hold. points, offset_fen: what was held, and its worth · taken: (expires_on, −points)
    as the lots gave them, less what went back · captured_points, refunded_points: what paid, and came back of it."""

    hold_id: str
    member_id: str
    order_id: str
    state: str
    points: int
    offset_fen: int
    expires_at: datetime
    taken: tuple[tuple[date, int], ...]
    captured_points: int = 0
    refunded_points: int = 0


@dataclass(frozen=True)
class PointsHeld:
    """Points set aside to pay a part of an order. amount_fen: the order before points · seconds: how long they are
    held, None for as long as the rulebook says."""

    cause: Cause
    hold_id: str
    order_id: str
    amount_fen: int
    points: int
    seconds: int | None = None


@dataclass(frozen=True)
class HoldStep:
    """What becomes of a hold; `step` is a key of `holds.STEPS`. `points`: captured or refunded; None: all there are."""

    cause: Cause
    record: HoldRecord
    step: str
    points: int | None = None


@dataclass(frozen=True)
class Drawn:
    """A draw: `number` of a million, drawn once. expected_points: the most it may cost; 0: a chance only · gone: prizes
    of which no piece is left."""

    cause: Cause
    draw_id: str
    lottery: str
    number: int
    expected_points: int = 0
    gone: tuple[str, ...] = ()


@dataclass(frozen=True)
class CouponsGranted:
    """An operator's goodwill: so many coupons of a definition."""

    cause: Cause
    coupon: str
    quantity: int
    reason: str
    actor: str


@dataclass(frozen=True)
class TierSet:
    """An operator sets the tier (a reinstatement), or lends one until `until`."""

    cause: Cause
    tier: str
    reason: str
    actor: str
    until: date | None = None


@dataclass(frozen=True)
class RulesChanged:
    """A rulebook came into force: who has already reached a higher tier under it is promoted, who has reached in grace
    what keeps the tier keeps it, and due dates that have come nearer are corrected."""

    cause: Cause


@dataclass(frozen=True)
class ClockMoved:
    """A test clock shows this member another instant (never in a live stage)."""

    cause: Cause
    to: datetime


Caused = (
    Joined | OrderPaid | OrderCompleted | OrderRefunded | Behaved | CheckedIn | ProfileChanged | StatusChanged
    | PointsAdjusted | BenefitUsed | TaskClaimed | TierSet | RulesChanged | ClockMoved | Redeemed | RedemptionStep
    | PointsHeld | HoldStep | Drawn | CouponsGranted
)  # fmt: skip
Event = Caused | PointsDue | TierDue
