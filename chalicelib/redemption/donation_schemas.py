"""What the routes of donations take and answer."""

from datetime import date, datetime

from pydantic import Field

from chalicelib.redemption.schemas import MAX_POINTS, Line
from chalicelib.rulebook.conditions import MAX_FEN, Code
from chalicelib.shared.schemas import Request, Response, Text


class DonationIn(Request):
    """`points`: a multiple of the campaign's price of one piece."""

    campaign_id: Code
    points: int = Field(strict=True, ge=1, le=MAX_POINTS)


class SettlementIn(Request):
    """`reference`: of the payment to the partner. `reason` is kept in the audit trail."""

    reference: Line
    amount_fen: int = Field(strict=True, ge=0, le=MAX_FEN)
    reason: str = Field(min_length=2, max_length=200)


class SettlementView(Response):
    """What the partner got, for these totals."""

    reference: str
    amount_fen: int
    points: int
    donations: int
    settled_at: datetime


class CampaignView(Response):
    """`piece_points`: a donation is a multiple of it. `points`, `donations`: given and not taken back, exact."""

    campaign_id: str
    name: Text
    words: Text
    partner: Text
    pictures: list[str]
    piece_points: int
    points: int
    donations: int
    goal_points: int | None
    takes_donations: bool
    opens_at: datetime | None
    closes_at: datetime | None
    settlement: SettlementView | None


class CampaignList(Response):
    items: list[CampaignView]
    next_cursor: str | None


class CertificateView(Response):
    """`number`: the redemption's id. `worth_fen`: by the value anchor of that day. It is no receipt for tax."""

    number: str
    donated_on: date
    partner: Text
    points: int
    worth_fen: int
    settled: bool = Field(description="the partner got it; until then the member may take it back")
    words: Text


class DonationView(Response):
    """`certificate` is null when the donation was taken back."""

    redemption_id: str
    campaign_id: str
    name: Text
    points: int
    state: str
    certificate: CertificateView | None


class DonationList(Response):
    items: list[DonationView]
    next_cursor: str | None
