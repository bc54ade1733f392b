"""Lotteries in words: when, for what, how often, what may be won and how likely."""

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from chalicelib.rulebook.model import Rulebook, Words
from chalicelib.rulebook.model_lotteries import NUMBERS, Lottery, Prize
from chalicelib.rulebook.phrases import Item, Pair, money, plural, points, sentence, times

OUT_RULE = Words(
    zh="抽中的奖品已发完时，本次不消耗机会或积分，但计入次数",
    en="when the prize drawn has run out, the draw counts but costs nothing",
)


def odds(ppm: int) -> str:
    """Parts of a million as an exact percentage: 2500 → `0.25`."""
    whole, rest = divmod(ppm, NUMBERS // 100)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".")


def lottery(rulebook: Rulebook, one: Lottery) -> Item:
    """The whole of a lottery but for its own words, which stand in its disclosure."""
    return sentence(one.code, one.name, _told(rulebook, one))


def _told(rulebook: Rulebook, one: Lottery) -> Iterator[Pair]:
    begins, ends = (_moment(rulebook, instant) for instant in (one.starts_at, one.ends_at))
    yield f"{begins} 至 {ends}", f"from {begins} to {ends}"
    if one.price_points is None:
        yield "每次消耗一次抽奖机会", "a draw takes a chance"
    else:
        zh, en = points(rulebook, one.price_points)
        yield f"每次消耗一次抽奖机会，无机会时消耗 {zh}", f"a draw takes a chance, or {en} without one"
    yield (
        f"每人每天最多 {one.draws_per_day} 次，共 {one.draws_per_member} 次",
        f"at most {times(one.draws_per_day)} a day and {times(one.draws_per_member)} in all",
    )
    yield from map(_prize, one.prizes)
    rest = NUMBERS - sum(prize.odds_ppm for prize in one.prizes)
    if rest:
        yield f"未中奖概率 {odds(rest)}%", f"no prize {odds(rest)}%"
    yield OUT_RULE.zh, OUT_RULE.en


def _prize(prize: Prize) -> Pair:
    zh = f"{prize.name.zh}：概率 {odds(prize.odds_ppm)}%"
    en = f"{prize.name.en}: {odds(prize.odds_ppm)}%"
    if prize.pieces is not None:
        zh, en = f"{zh}，共 {prize.pieces} 份", f"{en}, {plural(prize.pieces, 'piece')}"
    if prize.value_fen:
        zh, en = f"{zh}，价值 {money(prize.value_fen)} 元", f"{en}, worth {money(prize.value_fen)} yuan"
    return zh, en


def _moment(rulebook: Rulebook, instant: datetime) -> str:
    return f"{instant.astimezone(ZoneInfo(rulebook.brand.time_zone)):%Y-%m-%d %H:%M:%S}"
