"""Lotteries and draws as answers. What a draw answers is rendered from its stored entry: a repeat gets it again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chalicelib import ledger
from chalicelib.engine import lotteries
from chalicelib.engine.account import Account
from chalicelib.ledger.views import entry_view
from chalicelib.lottery import schemas, service, stock
from chalicelib.lottery.items import DrawItem
from chalicelib.rulebook.model_lotteries import NUMBERS, Lottery
from chalicelib.rulebook.words_lotteries import OUT_RULE, odds
from chalicelib.shared.clock import business_date, rfc3339
from chalicelib.shared.edge import Answer
from chalicelib.shared.schemas import Text


def lottery(version: int, one: Lottery, now: datetime) -> schemas.LotteryView:
    """The disclosure, and what is left of each prize."""
    levels = stock.glance(one)
    rest = NUMBERS - sum(prize.odds_ppm for prize in one.prizes)
    return schemas.LotteryView(
        code=one.code,
        name=Text.of(one.name),
        words=Text.of(one.words),
        state="over" if one.over(now) else "open" if now >= one.starts_at else "coming",
        starts_at=rfc3339(one.starts_at),
        ends_at=rfc3339(one.ends_at),
        price_points=one.price_points,
        draws_per_day=one.draws_per_day,
        draws_per_member=one.draws_per_member,
        prizes=[
            schemas.PrizeView(
                code=prize.code,
                name=Text.of(prize.name),
                kind=prize.kind,
                points=prize.points,
                coupon=prize.coupon,
                value_fen=prize.value_fen,
                odds=odds(prize.odds_ppm),
                odds_ppm=prize.odds_ppm,
                pieces=prize.pieces,
                left=levels[prize.code][1] if prize.code in levels else None,
            )
            for prize in one.prizes
        ],
        no_prize_odds=odds(rest),
        no_prize_odds_ppm=rest,
        out_rule=Text.of(OUT_RULE),
        version=version,
        digest=one.digest,
        disclosure=one.disclosure,
    )


def mine(account: Account, one: Lottery, time_zone: str, now: datetime,
         page: tuple[list[DrawItem], str | None]) -> schemas.MyLotteryAnswer:  # fmt: skip
    """What the member has of it, at the member's own instant."""
    chances = lotteries.of(account, one)
    today = business_date(account.frozen_at or now, time_zone)
    return schemas.MyLotteryAnswer(
        lottery=one.code,
        chances=max(0, chances.left),
        drawn=chances.drawn,
        draws_left=lotteries.draws_left(one, chances, today),
        consented=lotteries.CONSENT in account.profile.consents,
        items=[_recorded(item) for item in page[0]],
        next_cursor=page[1],
    )


def drawn(outcome: ledger.Outcome) -> Answer:
    """One draw."""
    entry = outcome.entry
    draw = _draw(entry.facts["draw"], rfc3339(entry.at), entry.rulebook_version)
    return Answer(schemas.DrawAnswer(draw=draw, entry=entry_view(entry)), replayed=outcome.replayed)


def recorded(item: DrawItem) -> schemas.RecordedDraw:
    """A draw as auditors see it."""
    draw = _recorded(item).model_dump()
    return schemas.RecordedDraw(**draw, member_id=item.member_id, delivered_by=item.delivered_by, note=item.note)


def recount(found: service.Recount, cursor: str | None) -> schemas.RecountAnswer:
    """A day counted anew."""
    prizes = sorted({*found.given, *found.levels})
    levels: Mapping[str, tuple[int | None, int | None]] = dict(found.levels)
    return schemas.RecountAnswer(
        draws=found.draws,
        out=found.out,
        prizes=[
            schemas.PrizeCount(prize=prize, given=found.given.get(prize, 0), total=total, left=left)
            for prize in prizes
            for total, left in [levels.get(prize, (None, None))]
        ],
        wrong=[schemas.WrongDraw(draw_id=draw_id, problems=problems) for draw_id, problems in found.wrong.items()],
        next_cursor=cursor,
    )


def _recorded(item: DrawItem) -> schemas.DrawView:
    return _draw(item.draw, item.kind.partition("#")[0], int(item.version), item.delivered_at)


def _draw(draw: Mapping[str, Any], at: str, version: int, delivered_at: str | None = None) -> schemas.DrawView:
    paid = draw.get("paid", {})
    return schemas.DrawView(
        draw_id=draw["draw_id"],
        lottery=draw["lottery"],
        at=at,
        number=draw["number"],
        prize=draw.get("prize"),
        prize_kind=draw.get("kind"),
        prize_name=Text(**draw["name"]) if "name" in draw else None,
        out=draw.get("out", False),
        paid_points=paid.get("points", 0),
        paid_chances=paid.get("chances", 0),
        version=version,
        digest=draw["digest"],
        delivered_at=delivered_at,
    )
