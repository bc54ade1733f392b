"""Lotteries: chances, draws, and how a draw is checked.

A draw is a number that the caller drew. The prizes share the numbers in the order of the disclosure, so the number says
what is won, and the entry keeps all that is needed to say so again. When no piece of that prize is left, nothing is won
and nothing taken; the draw still counts, or one could draw on until another prize is hit.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from chalicelib.engine import coupons, points
from chalicelib.engine.account import Account, Chances
from chalicelib.engine.decision import Decision
from chalicelib.engine.draft import Draft
from chalicelib.engine.events import Drawn
from chalicelib.engine.refusals import (
    ConsentNeeded,
    DrawsUsedUp,
    InsufficientPoints,
    LotteryClosed,
    LotteryUnknown,
    NoChance,
    PriceRose,
)
from chalicelib.rulebook.model import Rulebook
from chalicelib.rulebook.model_lotteries import NUMBERS, Lottery, Prize, edition_of, lottery_of

CONSENT = "lottery"
# A container may know an older end of a lottery for some seconds: what has ended is forgotten a day later.
KEPT = timedelta(days=1)


def find(rulebook: Rulebook, code: str) -> Lottery:
    """The lottery of that code. Raises LotteryUnknown."""
    found = lottery_of(rulebook.lotteries, code)
    if found is None:
        raise LotteryUnknown
    return found


def of(account: Account, lottery: Lottery) -> Chances:
    """What the member has of that lottery; not of one that had its code before and has ended."""
    found = account.chances.get(lottery.code)
    return found if found and found.ends_at > lottery.starts_at else Chances(lottery.ends_at)


def draws_left(lottery: Lottery, chances: Chances, today: date) -> int:
    """How often the member may draw today, as far as the lottery's limits go."""
    # A tap of just before midnight may be decided after one of the next day: it counts as the next day's.
    used = chances.drawn_on if chances.on and chances.on >= today else 0
    return max(0, min(lottery.draws_per_day - used, lottery.draws_per_member - chances.drawn))


def give(draft: Draft, code: str, count: int) -> str:
    """Gives chances of a lottery. Returns its edition; empty, and gives nothing, when there is none or it is over."""
    lottery = lottery_of(draft.rulebook.lotteries, code)
    if lottery is None or lottery.over(draft.now):
        return ""
    chances = of(draft.account, lottery)
    _keep(draft, lottery, replace(chances, left=chances.left + count))
    _changed(draft, lottery, count)
    draft.say(code, 0, f"{_chances(count)}: {lottery.name.en}", f"抽奖机会 {count} 次：{lottery.name.zh}")
    return lottery.edition


def pays_more(draft: Draft, code: str, chances: int, price: int) -> bool:
    """Whether so many chances for that price would win more points than that: the rulebook may have become better for
    members since the offer was published."""
    lottery = lottery_of(draft.rulebook.lotteries, code)
    return lottery is not None and lottery.pays_more(Fraction(price, chances))


def take_back(draft: Draft, edition: str, count: int, *, owed: bool = False) -> int:
    """Takes back chances of that lottery which are not used yet; returns how many it took. `owed`: those that are used
    are taken from the chances to come, or a task could be done, undone and done again for one draw more each time."""
    lottery = edition_of(draft.rulebook.lotteries, edition)
    if lottery is None or lottery.over(draft.now):
        return 0
    chances = of(draft.account, lottery)
    there = min(count, max(0, chances.left))
    taken = count if owed else there
    if taken:
        _keep(draft, lottery, replace(chances, left=chances.left - taken))
        _changed(draft, lottery, -taken)
        used, used_zh = f", {taken - there} of them used", f"，其中 {taken - there} 次已使用，将从以后的机会中扣除"
        draft.say(lottery.code, 0, f"{_chances(taken)} taken back{used if taken > there else ''}: {lottery.name.en}",
                  f"收回抽奖机会 {taken} 次{used_zh if taken > there else ''}：{lottery.name.zh}")  # fmt: skip
    return taken


def _chances(count: int) -> str:
    return "1 chance" if count == 1 else f"{count} chances"


def _changed(draft: Draft, lottery: Lottery, count: int) -> None:
    told = draft.facts.setdefault("chances", {})
    told[lottery.edition] = told.get(lottery.edition, 0) + count


def _keep(draft: Draft, lottery: Lottery, chances: Chances) -> None:
    """Writes it down, and forgets the lotteries that have ended."""

    def over(code: str, known: Chances) -> bool:
        now = lottery_of(draft.rulebook.lotteries, code)
        prolonged = now is not None and known.ends_at > now.starts_at and not now.over(draft.now)
        return known.ends_at + KEPT <= draft.now and not prolonged

    kept = {code: known for code, known in draft.account.chances.items() if not over(code, known)}
    kept[lottery.code] = replace(chances, ends_at=max(chances.ends_at, lottery.ends_at))
    draft.account = draft.account.with_(chances=MappingProxyType(kept))


def draw(draft: Draft, event: Drawn) -> Decision:
    """One draw. Raises LotteryUnknown, LotteryClosed, ConsentNeeded, DrawsUsedUp, NoChance, PriceRose,
    InsufficientPoints; none of them depends on the number."""
    lottery = find(draft.rulebook, event.lottery)
    _check_open(draft, lottery)
    chances = of(draft.account, lottery)
    if draws_left(lottery, chances, draft.today) < 1:
        each = {"per_day": lottery.draws_per_day, "per_member": lottery.draws_per_member}
        raise DrawsUsedUp([{"field": "lottery", "problem": "drawn as often as one member may", **each}])
    price = 0 if chances.left > 0 else _price(lottery, event.expected_points)
    purse, missing = points.debit(draft.purse, price)
    if missing:
        raise InsufficientPoints([{"field": "lottery", "problem": f"{missing} points to go", "points": missing}])
    prize = lottery.prize_at(event.number)
    out = prize is not None and prize.code in event.gone
    # Of a day that another tap has left behind already, the draw counts as that later day's.
    on = max(draft.today, chances.on or draft.today)
    drawn_on = chances.drawn_on if chances.on == on else 0
    chances = replace(chances, drawn=chances.drawn + 1, on=on, drawn_on=drawn_on + 1)
    paid = {} if out else {"points": price} if price else {"chances": 1}
    if "chances" in paid:
        chances = replace(chances, left=chances.left - 1)
    _keep(draft, lottery, chances)
    if not out:
        draft.purse = purse
    _say_cost(draft, lottery, price, out=out)
    _say_prize(draft, lottery, prize, out=out)
    if prize and not out:
        _hand_over(draft, prize, event.draw_id)
    told = {
        "draw_id": event.draw_id, "lottery": lottery.code, "on": draft.today.isoformat(), "digest": lottery.digest,
        "out": out, "paid": paid, **(_told(prize) if prize else {}),
    }  # fmt: skip
    # Only what is there: each started kilobyte of an entry costs.
    present = {name: value for name, value in told.items() if value}
    return draft.finish("drawn", event.cause, {"draw": {**present, "number": event.number}})


def _told(prize: Prize) -> dict[str, Any]:
    return {"prize": prize.code, "kind": prize.kind, "name": {"zh": prize.name.zh, "en": prize.name.en}}


def _check_open(draft: Draft, lottery: Lottery) -> None:
    if draft.now < lottery.starts_at:
        starts_at = lottery.starts_at.isoformat()
        raise LotteryClosed([{"field": "lottery", "problem": "not begun yet", "starts_at": starts_at}])
    if lottery.over(draft.now):
        raise LotteryClosed([{"field": "lottery", "problem": "over", "ends_at": lottery.ends_at.isoformat()}])
    if CONSENT not in draft.account.profile.consents:
        raise ConsentNeeded([{"field": "consents", "problem": "not given", "consent": CONSENT}])


def _price(lottery: Lottery, expected_points: int) -> int:
    """What a draw without a chance costs."""
    price = lottery.price_points
    if price is None or not expected_points:
        raise NoChance([{"field": "expected_points", "problem": "no chance is left", "points": price}])
    if price > expected_points:
        raise PriceRose([{"field": "expected_points", "problem": f"a draw is {price} points", "points": price}])
    return price


def _say_cost(draft: Draft, lottery: Lottery, price: int, *, out: bool) -> None:
    en, zh = lottery.name.en, lottery.name.zh
    if out:
        draft.say(lottery.code, 0, f"{en}: a draw, nothing is taken", f"{zh}：本次抽奖不消耗机会或积分")
    elif price:
        draft.say(lottery.code, -price, f"{en}: a draw for {price}", f"{zh}：抽奖消耗 {price}")
    else:
        draft.say(lottery.code, 0, f"{en}: a draw for one chance", f"{zh}：抽奖消耗 1 次机会")


def _say_prize(draft: Draft, lottery: Lottery, prize: Prize | None, *, out: bool) -> None:
    en, zh = lottery.name.en, lottery.name.zh
    if prize is None:
        draft.say(lottery.code, 0, f"{en}: no prize", f"{zh}：未中奖")
    elif out:
        draft.say(lottery.code, 0, f"{en}: {prize.name.en} has run out", f"{zh}：{prize.name.zh}已发完")
    else:
        draft.say(lottery.code, prize.points, f"{en}: {prize.name.en}", f"{zh}：获得{prize.name.zh}")


def _hand_over(draft: Draft, prize: Prize, draw_id: str) -> None:
    if prize.points:
        draft.grant(points.expires_on(draft.today, draft.rulebook.expiry), prize.points)
    # None, where the prize has none; that it is there and not over, the linter has seen to.
    coupons.grant(draft, prize.coupon, 1, f"lottery#{draw_id}")


def check(draw: Mapping[str, Any], lottery: Lottery, drawn_at: datetime) -> list[str]:
    """What is wrong with a recorded draw, held against the lottery as the rulebook version of its entry has it; an
    auditor needs nothing else. draw: the fact `draw` of the entry."""
    number = draw["number"]
    fits = isinstance(number, int) and 0 <= number < NUMBERS
    prize = lottery.prize_at(number) if fits else None
    found = {
        "another lottery": draw["lottery"] != lottery.code,
        "another disclosure": draw["digest"] != lottery.digest,
        "no number of a draw": not fits,
        "another prize than the number's": draw.get("prize", "") != (prize.code if prize else ""),
        "not within the lottery's time": not lottery.starts_at <= drawn_at < lottery.ends_at,
        "something was paid for a prize that had run out": bool(draw.get("out") and draw.get("paid")),
        "what has no bound ran out": bool(draw.get("out") and (prize is None or prize.pieces is None)),
    }
    return [problem for problem, wrong in found.items() if wrong]
