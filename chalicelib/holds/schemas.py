"""What members and merchants send about points that pay for orders, and what they get back."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from chalicelib.ledger.views import EntryView
from chalicelib.shared.schemas import MemberId, NaturalKey, OpenId, Request, Response

MAX_FEN = 10**12
MAX_POINTS = 10**9

AmountFen = Annotated[int, Field(strict=True, ge=1, le=MAX_FEN, description="the order before points, integer fen")]
State = Literal["held", "captured", "released", "expired"]
Points = Annotated[int, Field(strict=True, ge=1, le=MAX_POINTS)]


class QuoteIn(Request):
    amount_fen: AmountFen


class HoldIn(Request):
    """Points to set aside for an order. Exactly one of `member_id` and `openid` says whose they are."""

    hold_id: NaturalKey
    order_id: NaturalKey
    member_id: MemberId | None = None
    openid: OpenId | None = None
    amount_fen: AmountFen
    points: Points
    expires_in_seconds: int | None = Field(
        default=None, strict=True, ge=60, le=86_400, description="null: as long as the rulebook allows"
    )

    @model_validator(mode="after")
    def _one_member(self) -> "HoldIn":
        if (self.member_id is None) == (self.openid is None):
            raise ValueError("exactly one of member_id and openid is needed")
        return self


class CaptureIn(Request):
    points: Points | None = Field(default=None, description="what pays; the rest goes back. null: all that is held")


class HoldRefundIn(Request):
    """Points given back of what was captured; the money is refunded by the merchant."""

    refund_id: NaturalKey
    points: Points


class WhyView(Response):
    """Why no points may pay; `code` is that of the refusal a hold would get."""

    code: str
    message: str
    message_zh: str


class QuoteAnswer(Response):
    """The most that may pay for the order; `points` in whole steps."""

    points: int
    offset_fen: int
    balance: int
    max_percent: int = Field(description="of the order, for this member; 0: none")
    step_points: int
    least_points: int = Field(description="fewer are not taken")
    why_nothing: WhyView | None


class HoldView(Response):
    """points, offset_fen: what was held, and its worth; captured_points: what of it paid; refunded_points: what of that
    came back. From `expires_at` on it cannot be captured any more."""

    hold_id: str
    order_id: str
    member_id: str
    state: State
    points: int
    offset_fen: int
    captured_points: int
    refunded_points: int
    expires_at: datetime


class HoldAnswer(Response):
    """The hold as it is now."""

    hold: HoldView


class HoldStepAnswer(Response):
    """The hold as this step left it, and its entry."""

    hold: HoldView
    entry: EntryView
