"""What members and operators send about redemptions, and what they get back."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from chalicelib.engine.events import OfferKind
from chalicelib.ledger.views import EntryView
from chalicelib.redemption import rules
from chalicelib.redemption.documents import PictureUrl
from chalicelib.rulebook.conditions import Code
from chalicelib.shared.clock import rfc3339
from chalicelib.shared.schemas import Day, Instant, PageQuery, Request, Response, Text

MAX_QUANTITY = 100
MAX_POINTS = 10**12


def _line(text: str) -> str:
    clean = rules.clean_line(text)
    if clean is None:
        raise ValueError("empty, too long, or with characters that no address has")
    return clean


def _text(text: str) -> str:
    clean = rules.clean_text(text)
    if clean is None:
        raise ValueError("empty, or with characters that are not text")
    return clean


Line = Annotated[str, StringConstraints(max_length=rules.MAX_LINE), AfterValidator(_line)]
Quantity = Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY)]


class AddressIn(Request):
    """Where a parcel goes, in mainland China."""

    name: Annotated[str, StringConstraints(max_length=32), AfterValidator(_line)]
    phone: str = Field(pattern=r"^1[3-9][0-9]{9}$")
    province: Line
    city: Line
    district: Line
    street: Line


class RedeemIn(Request):
    """`expected_points`: the sum the member was shown, which is the most that is taken. `address` goes with a physical
    offer, `appointment_at` may go with a service."""

    offer_id: Code
    quantity: Quantity
    expected_points: int = Field(strict=True, ge=1, le=MAX_POINTS)
    address: AddressIn | None = None
    appointment_at: Instant | None = None


class ClaimIn(Request):
    """What is wrong, with pictures' addresses. `quantity`: of how many pieces, all by default."""

    reason: Annotated[str, StringConstraints(min_length=2, max_length=500), AfterValidator(_text)]
    pictures: tuple[PictureUrl, ...] = Field(default=(), max_length=9)
    quantity: Quantity | None = None


class AppointmentIn(Request):
    """Another time than the one wished for, or agreed."""

    appointment_at: Instant


class ReasonIn(Request):
    reason: str = Field(min_length=2, max_length=200)


class DetailsIn(Request):
    """A shipment's `company` and `number`; a reservation's `appointment_at`."""

    company: Annotated[str, StringConstraints(max_length=32), AfterValidator(_line)] | None = None
    number: str | None = Field(default=None, pattern=r"^[A-Za-z0-9\-]{4,40}$")
    appointment_at: Instant | None = None


# What an operator may do; a claim is the member's.
OperatorStep = Literal[
    "reservation", "shipment", "fulfilment", "use", "completion", "cancellation", "failure", "return", "refund",
    "rejection", "replacement",
]  # fmt: skip
_DETAILS = {"shipment": {"company", "number"}, "reservation": {"appointment_at"}}
_IN_PARTS = ("return", "refund")


class StepIn(Request):
    """`refund`, `rejection` and `replacement` decide a claim. `quantity`: of a return or refund, how many pieces, all
    (or those claimed) by default; `restock`: they go back into the stock. `reason` is kept in the audit trail only."""

    step: OperatorStep
    details: DetailsIn | None = None
    quantity: Quantity | None = None
    restock: bool = False
    reason: str = Field(min_length=2, max_length=200)

    @model_validator(mode="after")
    def _sensible(self) -> "StepIn":
        told = set(self.details.model_dump(exclude_none=True)) if self.details else set()
        if told != _DETAILS.get(self.step, set()):
            raise ValueError(f"details of {self.step}: {', '.join(sorted(_DETAILS.get(self.step, ()))) or 'none'}")
        if self.step not in _IN_PARTS and (self.quantity or self.restock):
            raise ValueError("quantity and restock belong to a return or a refund")
        return self

    def kept(self) -> dict[str, Any]:
        """What of the details may stand in an entry: a parcel's number leads to its address."""
        at = self.details.appointment_at if self.details else None
        return {"appointment_at": rfc3339(at)} if at else {}


class WorkQuery(PageQuery):
    """What waits: parcels to ship, or claims to decide."""

    work: Literal["to_ship", "claimed"]


class AppointmentQuery(PageQuery):
    """The business day on which the appointments are."""

    on: Day


class StepView(Response):
    """`quantity`: the pieces given back or claimed, 0 when none. `details`: an appointment's instant."""

    step: str
    at: str
    points: int
    quantity: int
    details: dict[str, str]


class RedemptionView(Response):
    """`price_points`: of one piece. `state`: placed, reserved, shipped, fulfilled, used, completed, replacing,
    cancelled, failed or returned. `claimed`: the pieces of a claim that waits, 0 when none does. `cancellable`: by the
    member, now. `appointment_at`: agreed, or else wished for."""

    redemption_id: str
    offer_id: str
    kind: OfferKind
    name: Text
    quantity: int
    returned: int
    price_points: int
    state: str
    claimed: int
    cancellable: bool
    appointment_at: str | None
    placed_at: str
    steps: list[StepView]


class RedeemedAnswer(Response):
    redemption: RedemptionView
    codes: list[str | None] = Field(description="of an offer of codes; null: it cannot be read, the shop is told")
    entry: EntryView


class StepAnswer(Response):
    """`state`: after the step."""

    redemption_id: str
    step: str
    state: str
    entry: EntryView


class RedemptionList(Response):
    items: list[RedemptionView]
    next_cursor: str | None


class AddressView(Response):
    name: str
    phone: str
    province: str
    city: str
    district: str
    street: str


class ParcelView(Response):
    """`work`: to_ship or shipped; empty: done with. `address` is null once it has been erased."""

    address: AddressView | None
    company: str
    number: str
    work: str


class ClaimView(Response):
    """`waits`: nobody has decided it yet."""

    reason: str
    pictures: list[str]
    quantity: int
    waits: bool


class RedemptionAnswer(Response):
    redemption: RedemptionView
    codes: list[str | None] = Field(description="of an offer of codes; null: it cannot be read, the shop is told")
    parcel: ParcelView | None
    claims: list[ClaimView]


class MemberRedemptionAnswer(RedemptionAnswer):
    """As operators see it: of each code only its end."""

    member_id: str


class TaskView(Response):
    """A redemption that waits, since when, and what for."""

    redemption_id: str
    member_id: str
    offer_id: str
    quantity: int
    since: str
    parcel: ParcelView | None
    claim: ClaimView | None


class TaskList(Response):
    items: list[TaskView]
    next_cursor: str | None


class AppointmentView(Response):
    """`agreed`: the shop has confirmed it; else it is only wished for."""

    redemption_id: str
    member_id: str
    offer_id: str
    quantity: int
    appointment_at: str
    agreed: bool


class AppointmentList(Response):
    items: list[AppointmentView]
    next_cursor: str | None


class ErasureAnswer(Response):
    """The parcel has no address, and no number that leads to one."""

    redemption_id: str
    address: None = None


class ShipmentsExport(Response):
    """`csv`: the parcels to ship, as the text of a file that Excel opens."""

    csv: str
    rows: int
    next_cursor: str | None


class ShipmentsIn(Request):
    """`csv`: the text of a file with the columns redemption_id, company, number, and any others; at most 100 rows."""

    csv: str = Field(min_length=1)


class ShippedRow(Response):
    """`row`: its number in the file, the heads being 1. `code`, `problem`: why it was refused, else empty."""

    row: int
    redemption_id: str
    outcome: Literal["shipped", "repeated", "refused"]
    code: str
    problem: str
    problem_zh: str


class ShipmentsAnswer(Response):
    shipped: int
    repeated: int
    refused: int
    rows: list[ShippedRow]
