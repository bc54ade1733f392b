"""Coupons read aloud: what each is worth, on what, how long; and the surprise."""

from collections.abc import Iterator

from chalicelib.rulebook.model import Rulebook
from chalicelib.rulebook.model_coupons import CouponDefinition, Surprise
from chalicelib.rulebook.phrases import Item, Pair, category, money, plural, sentence


def coupons(rulebook: Rulebook) -> Iterator[Item]:
    """A sentence for each definition, then what holds for all of them."""
    surprise = rulebook.coupons.surprise
    for one in rulebook.coupons.definitions:
        worth, *others = terms(rulebook, one)
        if surprise and surprise.coupon == one.code:
            worth = _drawn(surprise)
        yield sentence(one.code, one.name, [worth, *others, _validity(one)])
    if surprise:
        low, high = money(surprise.min_fen), money(surprise.max_fen)
        yield Item(
            "surprise",
            f"首单惊喜：首次消费随机获得一张 {low} 至 {high} 元的优惠券，每人一次，发完即止，与分享无关。",
            f"A surprise: the first purchase draws a coupon of {low} to {high} yuan, once a member, while the budget "
            "lasts; it has nothing to do with sharing.",
        )
    if rulebook.coupons.definitions:
        days, grace = rulebook.coupons.notice_days, rulebook.coupons.grace_days
        yield Item(
            "coupon_notices",
            f"优惠券到期前 {days} 天通知；有效期更短的，发放时即通知。"
            f"订单取消或全额退款后优惠券退回，已过期的自退回之日起 {grace} 天内可用。",
            f"A coupon's last day is announced {plural(days, 'day')} before it, or with the grant where it is nearer. "
            "Of an order that is cancelled or refunded in full the coupon comes back; past its last day it may be "
            f"used for {plural(grace, 'more day')}.",
        )


def terms(rulebook: Rulebook, one: CouponDefinition) -> list[Pair]:
    """The clauses of a coupon's terms, its validity left out. The rulebook names the categories."""
    told = [_worth(one)]
    if one.categories:
        names = [category(rulebook, code) for code in one.categories]
        told.append((f"适用于{'、'.join(n[0] for n in names)}", f"on {' and '.join(n[1] for n in names)}"))
    if one.stacks:
        told.append(("可与其他可叠加的优惠券同用", "may be used with other coupons that may"))
    else:
        told.append(("不可与其他优惠券同用", "not with another coupon"))
    if one.words:
        told.append((one.words.zh.rstrip("。"), one.words.en.rstrip(".")))
    return told


def _drawn(surprise: Surprise) -> Pair:
    low, high = money(surprise.min_fen), money(surprise.max_fen)
    return f"随机减 {low} 至 {high} 元", f"{low} to {high} yuan off, as drawn"


def _worth(one: CouponDefinition) -> Pair:
    over = money(one.threshold_fen)
    zh, en = (f"满 {over} 元", f" for {over} yuan or more") if one.threshold_fen else ("", "")
    if one.amount_off_fen is not None:
        return f"{zh}减 {money(one.amount_off_fen)} 元", f"{money(one.amount_off_fen)} yuan off{en}"
    if one.percent_off is not None:
        most = money(one.max_off_fen) if one.max_off_fen else ""
        limit = (f"，最多减 {most} 元", f", at most {most} yuan") if most else ("", "")
        return f"{zh}减 {one.percent_off}%{limit[0]}", f"{one.percent_off} % off{en}{limit[1]}"
    if one.kind == "free_shipping":
        return f"{zh}免运费", f"free shipping{en}"
    return f"{zh}可免费兑换 {one.sku} 一件", f"one piece of {one.sku} free{en}"


def _validity(one: CouponDefinition) -> Pair:
    if one.ends_on:
        return f"有效期至 {one.ends_on}", f"until {one.ends_on}"
    days = one.valid_days or 0
    return f"自发放之日起 {days} 天内有效", f"valid for {plural(days, 'day')}"
