"""A lottery after its publication: frozen, but for what favours members.

What is in force is what members were told. Until its end a lottery stays, and may only become better for everybody who
draws, and so may the coupons that can be won; once it has ended it is left as it was, or left out. A new one is
published an hour before its start at the latest, so that its disclosure is there to be read; its code may be that of
one that has ended.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from chalicelib.rulebook.findings import Finding, refuse
from chalicelib.rulebook.model_coupons import CouponDefinition, Coupons
from chalicelib.rulebook.model_lotteries import Lottery, Prize, lottery_of

AHEAD = timedelta(hours=1)


def succession(before: tuple[Lottery, ...], after: tuple[Lottery, ...], effective_at: datetime) -> Iterator[Finding]:
    """Every finding about the lotteries `after` when they come into force at that instant after those `before`."""
    for lottery in before:
        if lottery_of(after, lottery.code) is None and not lottery.over(effective_at):
            message = f"{lottery.code} is published: it stays until it has ended."
            yield refuse("LOTTERY_DROPPED", "lotteries", message, f"抽奖活动 {lottery.code} 已公示，结束前不能撤下。")
    for number, lottery in enumerate(after):
        path, old = f"lotteries.{number}", lottery_of(before, lottery.code)
        if old is None or (old.over(effective_at) and lottery.starts_at != old.starts_at):
            yield from _new(lottery, path, effective_at)
        elif old.over(effective_at):
            if lottery.digest != old.digest:
                message = "It has ended and is not changed any more; leave it as it was, or leave it out."
                yield refuse("LOTTERY_ENDED", path, message, "该抽奖活动已结束，不能再修改，可原样保留或删除。")
        else:
            yield from _changed(old, lottery, path)


def _new(lottery: Lottery, path: str, effective_at: datetime) -> Iterator[Finding]:
    if lottery.starts_at < effective_at + AHEAD:
        message = "A lottery is published at least an hour before it starts."
        yield refuse("LOTTERY_TOO_SOON", f"{path}.starts_at", message, "抽奖活动须在开始前至少 1 小时公示。")


def _changed(old: Lottery, new: Lottery, path: str) -> Iterator[Finding]:
    price_rose = (old.price_points is None) != (new.price_points is None) or (
        old.price_points is not None and new.price_points is not None and new.price_points > old.price_points
    )
    worse = {
        "starts_at": new.starts_at != old.starts_at,
        "ends_at": new.ends_at < old.ends_at,
        "name": new.name != old.name,
        "words": new.words != old.words,
        "price_points": price_rose,
        "draws_per_day": new.draws_per_day < old.draws_per_day,
        "draws_per_member": new.draws_per_member < old.draws_per_member,
    }
    yield from (_frozen(f"{path}.{field}") for field, found in worse.items() if found)
    for prize in old.prizes:
        kept = new.prize(prize.code)
        if kept is None:
            yield _frozen(f"{path}.prizes")
            continue
        place = f"{path}.prizes.{new.prizes.index(kept)}"
        yield from (_frozen(f"{place}.{field}") for field in _worse(prize, kept))


def _worse(old: Prize, new: Prize) -> list[str]:
    """The fields in which a prize has become another, or less."""
    fewer = new.pieces is not None and (old.pieces is None or new.pieces < old.pieces)
    less = {
        "name": new.name != old.name,
        "kind": new.kind != old.kind,
        "coupon": new.coupon != old.coupon,
        "points": new.points < old.points,
        "value_fen": new.value_fen < old.value_fen,
        "odds_ppm": new.odds_ppm < old.odds_ppm,
        "pieces": fewer,
    }
    return [field for field, found in less.items() if found]


def coupons(before: tuple[Lottery, ...], old: Coupons, new: Coupons, effective_at: datetime) -> Iterator[Finding]:
    """Every finding about the coupons that lotteries which have not ended give, when those of `new` follow `old`."""
    won = {prize.coupon for lottery in before if not lottery.over(effective_at) for prize in lottery.prizes}
    known = {one.code: one for one in old.definitions}
    for number, one in enumerate(new.definitions):
        if one.code in won & known.keys():
            worse = _worse_coupon(known[one.code], one)
            yield from (_frozen(f"coupons.definitions.{number}.{field}") for field in worse)


def _worse_coupon(old: CouponDefinition, new: CouponDefinition) -> list[str]:
    """The fields in which a coupon has become another, or less."""

    def less(field: str) -> bool:
        """Of a number that is better the higher it is, or a last day; one that comes or goes makes another coupon."""
        was, now = getattr(old, field), getattr(new, field)
        return (was is None) != (now is None) or (was is not None and now < was)

    capped = new.max_off_fen is not None and (old.max_off_fen is None or new.max_off_fen < old.max_off_fen)
    found = {
        **{field: getattr(new, field) != getattr(old, field) for field in ("name", "words", "kind", "sku")},
        **{field: less(field) for field in ("amount_off_fen", "percent_off", "valid_days", "ends_on")},
        "max_off_fen": capped,
        "threshold_fen": new.threshold_fen > old.threshold_fen,
        "categories": bool(new.categories) and not (old.categories and set(old.categories) <= set(new.categories)),
        "stacks": old.stacks and not new.stacks,
    }
    return [field for field, worse in found.items() if worse]


def _frozen(path: str) -> Finding:
    message = "A published lottery changes only in the members' favour."
    return refuse("LOTTERY_FROZEN", path, message, "抽奖活动公示后只能向有利于会员的方向修改。")
