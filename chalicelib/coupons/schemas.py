"""Facts as this room reads them, and what members, merchants and operators send and get."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from chalicelib.coupons import rules
from chalicelib.ledger.views import EntryView
from chalicelib.rulebook.conditions import Code
from chalicelib.shared.schemas import MemberId, NaturalKey, PageQuery, Request, Response, Text

MAX_ITEMS = 500
MAX_FEN = 10**12
MAX_GRANTED = 20

Fen = Annotated[int, Field(strict=True, ge=0, le=MAX_FEN, description="integer fen")]
Source = Annotated[str, StringConstraints(min_length=3, max_length=120, pattern=r"^[a-z]+#")]
State = Literal["usable", "used", "expired"]


class _Fact(BaseModel):
    """What facts may carry besides is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class GrantedIn(_Fact):
    coupon: Code
    quantity: int = Field(ge=1, le=999)
    of: Source


class WithdrawnIn(_Fact):
    quantity: int = Field(ge=1, le=999)
    of: Source
    since: int = Field(ge=1)
    since_on: date | None = None


class FactsIn(_Fact):
    """`as_of`: of an order of the past that was brought in, as of what it was decided."""

    coupons: tuple[GrantedIn, ...] = Field(default=(), max_length=999)
    coupons_withdrawn: tuple[WithdrawnIn, ...] = Field(default=(), max_length=999)
    first: bool = False
    refunded_in_full: bool = False
    order_id: str = Field(default="", max_length=64)
    amount_fen: int = 0
    as_of: str = ""


class FactIn(_Fact):
    """What is needed of a fact. `on`: the business date of its entry; `rulebook_version`: the one it was decided
    under."""

    member_id: MemberId
    seq: int = Field(ge=1)
    on: date
    rulebook_version: int = Field(ge=1)
    facts: FactsIn

    @model_validator(mode="after")
    def _of_an_order(self) -> "FactIn":
        if (self.facts.first or self.facts.refunded_in_full) and not self.facts.order_id:
            raise ValueError("an order's fact names the order")
        return self


class ItemIn(Request):
    """One line of an order; `amount_fen` is the line's total, before any coupon."""

    sku: str = Field(default="", max_length=64)
    category: str = Field(default="", max_length=32)
    amount_fen: Fen
    quantity: int = Field(default=1, strict=True, ge=1, le=1_000_000)


class UseIn(Request):
    """The order at checkout: `amount_fen` is the price of its goods before any coupon, and may be more than the lines'
    sum; what is in no line is in no category."""

    order_id: NaturalKey
    amount_fen: Fen
    items: tuple[ItemIn, ...] = Field(default=(), max_length=MAX_ITEMS)

    @model_validator(mode="after")
    def _items_fit(self) -> "UseIn":
        if sum(item.amount_fen for item in self.items) > self.amount_fen:
            raise ValueError("the items amount to more than amount_fen")
        return self

    def order(self) -> rules.Order:
        """The same, for the rules."""
        lines = (rules.Line(item.amount_fen, item.category, item.sku, item.quantity) for item in self.items)
        return rules.Order(self.amount_fen, tuple(lines))


class QuoteQuery(Request):
    """`amount_fen`: what an order costs, all of it in `category` and, for an exchange, one piece of `sku`."""

    amount_fen: int | None = Field(default=None, ge=0, le=MAX_FEN)
    category: str = Field(default="", max_length=32)
    sku: str = Field(default="", max_length=64)

    def order(self) -> rules.Order:
        """That order, for the rules."""
        amount = self.amount_fen or 0
        return rules.Order(amount, (rules.Line(amount, self.category, self.sku),))


class CouponsQuery(PageQuery):
    """`state`: one only; without it, all three."""

    state: State | None = None


class GrantIn(Request):
    """Coupons in goodwill. The reason stands in the member's statement."""

    coupon: Code
    quantity: int = Field(default=1, strict=True, ge=1, le=MAX_GRANTED)
    reason: str = Field(min_length=2, max_length=200)


class WithdrawalIn(Request):
    reason: str = Field(min_length=2, max_length=200)


class WorthView(Response):
    """What the terms say, as numbers: money in fen; `percent_off` of 100; `sku`: what an exchange gives."""

    amount_off_fen: int | None
    percent_off: int | None
    max_off_fen: int | None
    sku: str | None
    threshold_fen: int
    categories: list[str]
    stacks: bool


class CouponView(Response):
    """`coupon`: its definition. `expires_on`: its last day. `returned_on`: when it last came back from an order.
    `discount_fen`, `used_at`: of its use."""

    code: str
    coupon: str
    kind: str
    name: Text
    terms: Text
    worth: WorthView
    state: str
    granted_on: date
    expires_on: date
    returned_on: date | None
    used_at: str | None
    discount_fen: int | None


class CouponList(Response):
    items: list[CouponView]
    next_cursor: str | None


class QuoteAnswer(Response):
    """`discount_fen`: what it takes off the order asked about, were no other coupon used on it; null when none was
    asked about, or it cannot be used: `problem` says why."""

    coupon: CouponView
    usable: bool
    discount_fen: int | None
    problem: Text | None


class UseAnswer(Response):
    """`discount_fen` comes off the goods; `free_shipping`: shipping is not charged; `sku`: of an exchange, the piece
    that is free."""

    code: str
    order_id: str
    used_at: str
    discount_fen: int
    free_shipping: bool
    sku: str | None


class CancellationAnswer(Response):
    """`given_back`: the coupon was used on the order and has come back. Once cancelled it is not used on it again."""

    code: str
    order_id: str
    cancelled_at: str
    given_back: bool


class HeldView(CouponView):
    """For operators. `source`: what granted it, by entry `seq`; `order_id`: where it is used; `recalled`: by what it
    was withdrawn."""

    source: str
    seq: int
    order_id: str | None
    recalled: str | None


class HeldList(Response):
    items: list[HeldView]
    next_cursor: str | None


class GrantAnswer(Response):
    """The entry; the coupons follow within moments."""

    entry: EntryView


class SurpriseAnswer(Response):
    """The present surprise; `on` is false, and the rest 0, when the rulebook has none."""

    on: bool
    coupon: str | None
    budget_fen: int
    drawn_fen: int
    left_fen: int
    drawn: int
