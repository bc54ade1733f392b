"""What merchants and members send about earning, and what they get back."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, RootModel, model_validator

from chalicelib.ledger.views import EntryView
from chalicelib.shared.schemas import Day, Instant, MemberId, NaturalKey, OpenId, Request, Response, Text

MAX_ITEMS = 500
MAX_FEN = 10**12


Fen = Annotated[int, Field(strict=True, ge=0, le=MAX_FEN, description="integer fen")]


class ItemIn(Request):
    """One line of an order; `amount_fen` is the line's total, after discounts."""

    sku: str = Field(default="", max_length=64)
    category: str = Field(default="", max_length=32)
    amount_fen: Fen
    quantity: int = Field(default=1, strict=True, ge=1, le=1_000_000)


class Itemised(Request):
    amount_fen: Fen
    items: tuple[ItemIn, ...] = Field(default=(), max_length=MAX_ITEMS)

    @model_validator(mode="after")
    def _items_fit(self) -> "Itemised":
        if sum(item.amount_fen for item in self.items) > self.amount_fen:
            raise ValueError("the items amount to more than amount_fen")
        return self


class OrderIn(Itemised):
    """A paid order. Exactly one of `member_id` and `openid` says whose it is. `amount_fen` and the items are money;
    `offset_fen` is what was paid in points besides, and counts at the plain rate, if the rulebook says that it does."""

    order_id: NaturalKey
    member_id: MemberId | None = None
    openid: OpenId | None = None
    paid_at: Instant
    offset_fen: Fen = 0

    @model_validator(mode="after")
    def _one_member(self) -> "OrderIn":
        if (self.member_id is None) == (self.openid is None):
            raise ValueError("exactly one of member_id and openid is needed")
        return self


class RefundIn(Itemised):
    """Money given back on an order, and `offset_fen` of what was paid in points (the points themselves come back by a
    refund of their hold). `items` say which lines; their sku and category are those of the order."""

    refund_id: NaturalKey
    offset_fen: Fen = 0

    @model_validator(mode="after")
    def _something(self) -> "RefundIn":
        if not (self.amount_fen or self.offset_fen):
            raise ValueError("amount_fen and offset_fen must not both be 0")
        return self


class EventIn(Request):
    """A behaviour seen by the merchant; `kind` is the rulebook's behaviour code."""

    event_id: NaturalKey
    member_id: MemberId
    kind: str = Field(min_length=1, max_length=32)
    occurred_at: Instant
    attributes: dict[str, str | int | bool] = Field(default_factory=dict, max_length=20)

    @property
    def seconds(self) -> int:
        """Length of the behaviour, from `attributes.seconds`."""
        value = self.attributes.get("seconds", 0)
        return value if isinstance(value, int) and value > 0 else 0


class ActionIn(Request):
    """A behaviour reported by the member's own phone, therefore untrusted: only capped rules pay for it."""

    action_id: NaturalKey
    kind: str = Field(min_length=1, max_length=32)
    seconds: int = Field(default=0, strict=True, ge=0, le=86_400)


class MakeUpIn(Request):
    """The missed business date."""

    on: Day


class AdjustmentIn(Request):
    """An operator's correction. With `reverses`, the cause of an earlier negative adjustment, its points go back to
    the lots they came from and `points` must be their number."""

    points: int = Field(strict=True, ge=-1_000_000_000, le=1_000_000_000)
    reason: str = Field(min_length=2, max_length=200)
    reverses: str | None = Field(default=None, max_length=100)

    @model_validator(mode="after")
    def _something(self) -> "AdjustmentIn":
        if self.points == 0:
            raise ValueError("points must not be 0")
        return self


class OrderMessage(OrderIn):
    """An order on the queue. `as_of: paid` is the migration mode: decided as of `paid_at`, not of now."""

    type: Literal["order"] = "order"
    as_of: Literal["paid"] | None = None


class CompletionMessage(Request):
    type: Literal["completion"] = "completion"
    order_id: NaturalKey


class RefundMessage(RefundIn):
    type: Literal["refund"] = "refund"
    order_id: NaturalKey


class EventMessage(EventIn):
    type: Literal["event"] = "event"


Message = OrderMessage | CompletionMessage | RefundMessage | EventMessage

_MESSAGES: dict[str, type[Message]] = {
    "order": OrderMessage,
    "completion": CompletionMessage,
    "refund": RefundMessage,
    "event": EventMessage,
}


def message_model(value: Any) -> type[Message]:
    """The model for a message: by its `type`, or by its key when the HTTP body is sent as it is."""
    if not isinstance(value, dict):
        return OrderMessage
    named = _MESSAGES.get(str(value.get("type")))
    if named:
        return named
    if "event_id" in value:
        return EventMessage
    return RefundMessage if "refund_id" in value else OrderMessage


class PreviewIn(RootModel[EventIn | OrderIn]):
    """An order or an event, exactly as it would be reported."""


class OrderAnswer(Response):
    """`recorded` with its entry, or `awaiting_order`: accepted and kept until the order itself arrives."""

    status: Literal["recorded", "awaiting_order"]
    order_id: str
    member_id: str | None
    entry: EntryView | None


class EntryAnswer(Response):
    """The entry that was written."""

    member_id: str
    entry: EntryView


class PreviewAnswer(EntryAnswer):
    """What reporting it would answer; `status` and `order_id` are those of an order."""

    status: Literal["recorded"] | None
    order_id: str | None


class CheckInAnswer(Response):
    on: date
    streak: int
    entry: EntryView


class LotNoticeView(Response):
    """A notice of expiry that the rulebook asks for so many days before: when it was given, and of how many points it
    told. Both are null until it is on record; one that told of fewer points than the lot has now is given again."""

    days_before: int
    given_on: date | None
    points: int | None


class LotView(Response):
    """Points that expire after `expires_on`, unless a notice is not given in time: then their date moves."""

    points: int
    expires_on: date
    notices: list[LotNoticeView]


class PendingView(Response):
    points: int
    releases_on: date
    expires_on: date


class PointsAnswer(Response):
    """`held`: set aside for orders that are being paid; they are not in the balance."""

    balance: int
    held: int
    pending: int
    debt: int
    value_fen: int
    lots: list[LotView]
    pending_lots: list[PendingView]


class StatementAnswer(Response):
    items: list[EntryView]
    next_cursor: str | None


class RuleItem(Response):
    rule: str
    zh: str
    en: str


class RuleSection(Response):
    code: str
    title: Text
    items: list[RuleItem]


class RulesAnswer(Response):
    """The published rulebook in words."""

    version: int
    brand: Text
    sections: list[RuleSection]
    examples: list[Text]
