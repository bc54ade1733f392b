"""The rulebook's section on coupons: what each takes off an order, for whom, how long, and the surprise."""

from datetime import date, timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from chalicelib.rulebook.conditions import MAX_FEN, Code, Part
from chalicelib.rulebook.model_tiers import Words

Fen = Annotated[int, Field(ge=1, le=MAX_FEN)]
Category = Annotated[str, Field(min_length=1, max_length=32)]
# kind → the fields it has; `max_off_fen` may be left out.
_FIELDS = {
    "amount_off": {"amount_off_fen"},
    "percent_off": {"percent_off", "max_off_fen"},
    "free_shipping": set[str](),
    "exchange": {"sku"},
}
# A drawn amount is the least and whole steps of this.
STEP_FEN = 10


class CouponDefinition(Part):
    """What one kind of coupon is worth. A coupon keeps the definition as it was when it was granted.

    amount_off_fen · percent_off: 1–99, at most `max_off_fen` · sku: one piece of it is free · threshold_fen: the least
    that what is in scope costs · categories: what is in scope, everything when empty · valid_days: the last day is so
    many after that of the grant; or ends_on: the last day itself · stacks: may be used with other stacking coupons on
    one order, never two of one definition · words: what else members should know
    """

    code: Code
    name: Words
    words: Words | None = None
    kind: Literal["amount_off", "percent_off", "free_shipping", "exchange"]
    amount_off_fen: Fen | None = None
    percent_off: int | None = Field(default=None, ge=1, le=99)
    max_off_fen: Fen | None = None
    sku: str | None = Field(default=None, min_length=1, max_length=64)
    threshold_fen: int = Field(default=0, ge=0, le=MAX_FEN)
    categories: tuple[Category, ...] = Field(default=(), max_length=20)
    valid_days: int | None = Field(default=None, ge=1, le=3660)
    ends_on: date | None = None
    stacks: bool = False

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        own = _FIELDS[self.kind]
        given = {name for names in _FIELDS.values() for name in names if getattr(self, name) is not None}
        if given - own or own - {"max_off_fen"} - given:
            raise ValueError(
                f"a coupon of kind {self.kind} has {', '.join(sorted(own)) or 'no amount'}, no other field"
            )
        if (self.valid_days is None) == (self.ends_on is None):
            raise ValueError("a coupon has either valid_days or ends_on")
        return self

    def last_day(self, granted_on: date) -> date:
        """The last business day of a coupon granted on that one."""
        return self.ends_on or granted_on + timedelta(days=self.valid_days or 0)


class Surprise(Part):
    """A first purchase draws an amount between `min_fen` and `max_fen`, in steps of 10 fen, once in a member's life and
    until `budget_fen` is drawn. `coupon` names the definition, whose amount the drawn one replaces; another definition
    has a budget of its own."""

    coupon: Code
    min_fen: Fen = 100
    max_fen: Fen = 1_000
    budget_fen: int = Field(ge=0, le=MAX_FEN)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_fen < self.min_fen:
            raise ValueError("max_fen is below min_fen")
        return self


class Coupons(Part):
    """`notice_days` before its last day a coupon's member is told; one that comes back from an order after that day can
    be used for `grace_days`."""

    definitions: tuple[CouponDefinition, ...] = Field(default=(), max_length=50)
    notice_days: int = Field(default=3, ge=0, le=30)
    grace_days: int = Field(default=7, ge=1, le=90)
    surprise: Surprise | None = None

    def definition(self, code: str) -> CouponDefinition | None:
        """The definition of that code."""
        return next((one for one in self.definitions if one.code == code), None)
