"""What the routes of offers take and answer."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from chalicelib.engine.events import OfferKind
from chalicelib.redemption import rules
from chalicelib.rulebook.findings import Severity
from chalicelib.shared.schemas import PageQuery, Request, Response, Text

# Members


class OffersQuery(PageQuery):
    kind: OfferKind | None = Field(default=None, description="only offers of this kind")
    band: int | None = Field(default=None, ge=0, le=10, description="only offers of this band")
    affordable: Literal["true"] | None = Field(default=None, description="only what the balance is enough for")


class CashView(Response):
    """What the balance may pay of an order at checkout, at most, and of which share of it; quoted for an order of a
    known amount by `POST /v1/me/cash-offsets/quote`."""

    points: int
    offset_fen: int
    max_percent: int
    step_points: int


class OfferView(Response):
    """An offer as it is for the calling member. Of kind `cash` it is not redeemed but paid with at checkout."""

    offer_id: str
    kind: OfferKind
    name: Text
    words: Text
    pictures: list[str]
    price_points: int = Field(
        description="for one piece, for this member today; the sum is what to expect when redeeming"
    )
    base_points: int = Field(description="the price before tier and member day")
    band: int = Field(description="the band of the base price, from 1; 0: below all bands")
    affordable: bool = Field(description="the balance is enough for one piece")
    points_to_go: int = Field(description="points that are missing for one piece")
    for_tier: bool = Field(description="the member's tier is high enough")
    min_tier: str | None = Field(description="the lowest tier that may redeem it")
    limit_left: int | None = Field(description="pieces this member may still have now; null: not limited")
    stock_left: int | None = Field(description="pieces left, a second old at most; null: it does not run out")
    on_sale: bool = Field(description="open now by the server's clock, whatever the stock")
    opens_at: datetime | None
    closes_at: datetime | None
    cancellable: bool
    cash: CashView | None = Field(description="of offers of kind cash")
    lottery: str | None
    chances: int


class OffersAnswer(Response):
    items: list[OfferView]
    next_cursor: str | None
    balance: int
    member_day: bool = Field(description="today is one")


# Operators


class OfferIn(Request):
    document: dict[str, Any] = Field(description="the offer, valid or not: `validate` tells what is wrong with it")


class OfferChangeIn(OfferIn):
    revision: int = Field(ge=1, description="the revision that was read; another save meanwhile is a conflict")


class WithdrawIn(Request):
    reason: str = Field(min_length=2, max_length=200)


class OfferSummary(Response):
    offer_id: str
    revision: int
    saved_by: str
    saved_at: datetime
    version: int = Field(description="the newest published version; 0: none")
    in_force: bool


class OfferDraftOut(OfferSummary):
    document: dict[str, Any]


class OfferDraftList(Response):
    items: list[OfferDraftOut]
    next_cursor: str | None


class OfferFindingOut(Response):
    code: str
    severity: Severity
    path: str
    message: str
    message_zh: str


class OfferFindingsOut(Response):
    publishable: bool
    findings: list[OfferFindingOut]


class StockIn(Request):
    pieces: int = Field(ge=0, le=10_000_000, description="what the present period has altogether, sold ones included")


# Printable ASCII, which every voucher and every link is made of; no blank at either end, which nobody would see.
CodeText = Annotated[str, StringConstraints(pattern=r"^[!-~]([ -~]{0,126}[!-~])?$")]


class CodesIn(Request):
    codes: Annotated[list[CodeText], Field(min_length=1, max_length=200)]


class CodesOut(Response):
    """`known`: loaded before, or twice among these. `left`: to be given."""

    new: int
    known: int
    left: int


class ShardOut(Response):
    total: int
    left: int


class StockOut(Response):
    """The pieces on sale now. `period`: `all`, or the business month."""

    offer_id: str
    mode: rules.Mode
    period: str
    pieces: int
    sold: int
    left: int
    shards: list[ShardOut] = Field(description="how the pieces lie; empty until the first one is asked for")
