"""What members and operators send about lotteries, and what they get back."""

from typing import Any, Literal

from pydantic import Field

from chalicelib.ledger.views import EntryView
from chalicelib.shared.schemas import Day, PageQuery, Request, Response, Text


class DrawIn(Request):
    """`expected_points`: the most the draw may cost when no chance is left; 0: it may take a chance only."""

    expected_points: int = Field(default=0, strict=True, ge=0, le=1_000_000)


class DeliveryIn(Request):
    """How the prize was handed over; no personal data. Kept with the draw and in the audit trail."""

    note: str = Field(min_length=2, max_length=200)


class DayQuery(PageQuery):
    """The business day of the draws."""

    on: Day


class RecountQuery(Request):
    """The business day that is counted anew."""

    on: Day
    cursor: str | None = Field(default=None, max_length=2048)


class PrizeView(Response):
    """`odds`: percent, exactly; `odds_ppm`: of a million numbers; `left`: of `pieces`, null when there is no bound."""

    code: str
    name: Text
    kind: str
    points: int
    coupon: str | None
    value_fen: int
    odds: str
    odds_ppm: int
    pieces: int | None
    left: int | None


class LotteryView(Response):
    """A lottery with its disclosure. `disclosure`: all that is published of it; its SHA-256 (JSON with sorted keys, no
    spaces, UTF-8) is `digest`, which every draw carries. `out_rule`: what happens when a prize has run out."""

    code: str
    name: Text
    words: Text
    state: Literal["coming", "open", "over"]
    starts_at: str
    ends_at: str
    price_points: int | None
    draws_per_day: int
    draws_per_member: int
    prizes: list[PrizeView]
    no_prize_odds: str
    no_prize_odds_ppm: int
    out_rule: Text
    version: int
    digest: str
    disclosure: dict[str, Any]


class LotteriesAnswer(Response):
    items: list[LotteryView]


class DrawView(Response):
    """`number`: of a million. `prize`: the one it fell on, null for none; `out`: no piece was left, so nothing was won
    and nothing taken. `paid_points`, `paid_chances`: what it cost. `digest`: of the disclosure it was drawn under."""

    draw_id: str
    lottery: str
    at: str
    number: int
    prize: str | None
    prize_kind: str | None
    prize_name: Text | None
    out: bool
    paid_points: int
    paid_chances: int
    version: int
    digest: str
    delivered_at: str | None


class DrawAnswer(Response):
    draw: DrawView
    entry: EntryView


class MyLotteryAnswer(Response):
    """What the member has of a lottery, and their draws, newest first. `draws_left`: today, as far as limits go."""

    lottery: str
    chances: int
    drawn: int
    draws_left: int
    consented: bool
    items: list[DrawView]
    next_cursor: str | None


class RecordedDraw(DrawView):
    """A draw as auditors see it."""

    member_id: str
    delivered_by: str | None
    note: str | None


class DrawList(Response):
    items: list[RecordedDraw]
    next_cursor: str | None


class PrizeCount(Response):
    """`given`: by the draws counted here · `total`, `left`: the prize's stock now, null for what has no bound."""

    prize: str
    given: int
    total: int | None
    left: int | None


class WrongDraw(Response):
    draw_id: str
    problems: list[str]


class RecountAnswer(Response):
    """Draws of a day counted anew. Over all pages of all days of a lottery, Σ `given` + `left` = `total` of each prize.
    `wrong`: draws that do not say what their number and their disclosure do."""

    draws: int
    out: int
    prizes: list[PrizeCount]
    wrong: list[WrongDraw]
    next_cursor: str | None
