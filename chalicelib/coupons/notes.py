"""What members are told of their coupons, in the inbox, in the transaction of what it tells."""

from datetime import date, datetime

from chalicelib.coupons.items import CouponItem
from chalicelib.ledger import Also
from chalicelib.notices import inbox
from chalicelib.rulebook.phrases import money


def granted(item: CouponItem, quantity: int, now: datetime) -> Also:
    """So many coupons like this one have come."""
    name, times = item.definition.name, f" × {quantity}" if quantity > 1 else ""
    body = (
        f"{name.zh}{times} 已到账，有效期至 {item.expires_on}。",
        f"You have got {name.en}{times}, to be used by {item.expires_on}.",
    )
    return _note(item, "coupon_granted", ("优惠券已到账", "A coupon for you"), body, now)


def surprised(item: CouponItem, now: datetime) -> Also:
    """The first purchase drew this one."""
    yuan = money(item.definition.amount_off_fen or 0)
    body = (
        f"感谢首次消费，您获得一张 {yuan} 元惊喜券，有效期至 {item.expires_on}。",
        f"For your first purchase you have drawn a coupon of {yuan} yuan, to be used by {item.expires_on}.",
    )
    return _note(item, "coupon_surprise", ("首单惊喜", "A surprise"), body, now)


def expiring(item: CouponItem, now: datetime) -> Also:
    """Its last day is near."""
    name = item.definition.name
    body = (
        f"{name.zh}将于 {item.expires_on} 到期，请尽快使用。",
        f"{name.en} can be used until {item.expires_on}, and not after.",
    )
    return _note(item, "coupon_expiring", ("优惠券即将到期", "A coupon is about to expire"), body, now)


def returned(item: CouponItem, before: date, now: datetime) -> Also:
    """It has come back from an order. `before`: the last day it had."""
    name, more = item.definition.name, item.expires_on != before.isoformat()
    body = (
        f"{name.zh}已退回，{'宽限' if more else '有效期'}至 {item.expires_on}。",
        f"{name.en} has come back, to be used by {item.expires_on}{', a few days more' if more else ''}.",
    )
    return _note(item, "coupon_returned", ("优惠券已退回", "A coupon has come back"), body, now)


def _note(item: CouponItem, kind: str, title: inbox.Pair, body: inbox.Pair, now: datetime) -> Also:
    return inbox.notice(item.id, f"{kind}#{item.kind}#{item.revision}", kind, title, body, now)
