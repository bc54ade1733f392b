"""A merchant uses a coupon on an order, once, and it comes back when the order is cancelled or refunded in full.

The coupon and the order's one item are written together: of two uses of one coupon, or of two coupons on one order that
do not go together, exactly one counts. What has come back from an order is not used on it again, so a report that comes
late, or a second time, changes nothing.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from chalicelib import ledger
from chalicelib.coupons import items, notes, rules, service
from chalicelib.coupons.items import CouponItem, OrderItem
from chalicelib.coupons.rules import NotApplicable
from chalicelib.coupons.schemas import FactIn, UseIn
from chalicelib.ledger import Also
from chalicelib.rulebook import store
from chalicelib.shared import dynamo
from chalicelib.shared.clock import rfc3339
from chalicelib.shared.errors import Conflict, IdempotencyMismatch, Unavailable, invalid
from chalicelib.shared.ids import NATURAL_KEY

MAX_REMEMBERED = 100


class CouponUsed(Conflict):
    code = "COUPON_USED"
    message, message_zh = "The coupon is used on another order.", "该优惠券已用于其他订单"


class CouponExpired(Conflict):
    code = "COUPON_EXPIRED"
    message, message_zh = "The coupon's last day is over; see details.", "优惠券已过期"


class CouponNotApplicable(Conflict):
    code = "COUPON_NOT_APPLICABLE"
    message, message_zh = "The coupon cannot be used on this order; see details.", "该订单不满足优惠券使用条件"


class CouponUseEnded(Conflict):
    code = "COUPON_USE_ENDED"
    message = "The coupon has come back from this order, or the order is refunded: it is not used on it again."
    message_zh = "该优惠券已从此订单退回，或订单已全额退款，不能再次用于此订单"


class TooManyCoupons(Conflict):
    code = "TOO_MANY_COUPONS"
    message, message_zh = "Too many coupons have been reported for this order.", "该订单涉及的优惠券过多"


@dataclass(frozen=True)
class Used:
    """What a use came to. `discount_fen`: off the goods; `free_shipping`: the merchant waives it; `sku`: of an
    exchange, the piece that is free."""

    code: str
    order_id: str
    at: str
    discount_fen: int
    free_shipping: bool
    sku: str | None
    replayed: bool


@dataclass(frozen=True)
class Ended:
    """What a cancellation came to. `given_back`: there was a use to undo."""

    code: str
    order_id: str
    at: str
    given_back: bool
    replayed: bool


def quote(item: CouponItem, order: rules.Order, on: date) -> int | NotApplicable:
    """What it would take off an order without other coupons on that day."""
    state = service.state_of(item, on)
    if state != rules.USABLE:
        return NotApplicable(f"it is {state}", "该优惠券当前不可用")
    return rules.discount(item.definition, order, ())


def use(text: str, body: UseIn, now: datetime) -> Used:
    """Uses the coupon on the order, or answers again what an earlier report of the same came to. Raises CouponUnknown,
    IdempotencyMismatch, CouponUsed, CouponExpired, CouponNotUsable, CouponNotApplicable, CouponUseEnded, MemberFrozen,
    MemberErased."""
    # Without what is at its default, so that a field that is added one day changes no report of before.
    content = ledger.body_hash(body.model_dump(mode="json", exclude_defaults=True))
    for _ in range(service.ATTEMPTS):
        item, order = service.find(text), items.order(body.order_id)
        known = order.uses.get(item.code)
        if known:
            if known["content"] != content:
                raise IdempotencyMismatch
            return _used(item, body.order_id, known, replayed=True)
        _check(item, order, service.today(now))
        _check_holder(item.id)
        used = _use(item, order, body.order(), content, now)
        try:
            with dynamo.together() as writes:
                writes.save(item, item.changed())
                writes.save(order, order.changed())
        except dynamo.Overtaken:
            continue
        return _used(item, body.order_id, used, replayed=False)
    raise Unavailable


def _check(item: CouponItem, order: OrderItem, on: date) -> None:
    if order.refunded or item.code in order.ended:
        raise CouponUseEnded
    _check_room(order, item.code)
    state = service.state_of(item, on)
    if state == rules.USED:
        raise CouponUsed
    if state == rules.EXPIRED:
        raise CouponExpired([{"field": "code", "problem": f"its last day was {item.last_day(on)}"}])
    if state != rules.USABLE:
        raise service.CouponNotUsable([{"field": "code", "problem": f"it is {state}"}])


def _check_holder(member_id: str) -> None:
    """Who is frozen spends nothing, and who was erased has nothing to spend."""
    status = ledger.load(member_id).status
    if status == "erased":
        raise ledger.MemberErased
    if status == "frozen":
        raise ledger.MemberFrozen


def _check_room(order: OrderItem, code: str) -> None:
    if len({*order.uses, *order.ended, code}) > MAX_REMEMBERED:
        raise TooManyCoupons


def _use(item: CouponItem, order: OrderItem, asked: rules.Order, content: str, now: datetime) -> dict[str, Any]:
    """Both items as they are with this use, and what the order remembers of it."""
    terms, others = item.definition, list(order.uses.values())
    if any(other["member_id"] != item.id for other in others):
        raise _not_applicable(
            NotApplicable("another member's coupon is used on the order", "该订单已使用其他会员的优惠券")
        )
    before = [
        rules.Use(one["definition"], one["discount_fen"], tuple(one["categories"]), one["stacks"]) for one in others
    ]
    off = rules.discount(terms, asked, before)
    if isinstance(off, NotApplicable):
        raise _not_applicable(off)
    used = {
        "member_id": item.id, "kind": item.kind, "content": content, "at": rfc3339(now), "discount_fen": off,
        "definition": terms.code, "categories": list(terms.categories), "stacks": terms.stacks,
    }  # fmt: skip
    order.uses = {**order.uses, item.code: used}
    item.state, item.discount_fen, item.used_at = rules.USED, off, rfc3339(now)
    item.order_id = order.id.partition("#")[2]
    return used


def _not_applicable(why: NotApplicable) -> CouponNotApplicable:
    return CouponNotApplicable([{"field": "code", "problem": why.problem, "problem_zh": why.zh}])


def _used(item: CouponItem, order_id: str, used: dict[str, Any], *, replayed: bool) -> Used:
    terms = item.definition
    shipping, sku = terms.kind == "free_shipping", terms.sku
    return Used(item.code, order_id, used["at"], used["discount_fen"], shipping, sku, replayed)


def cancel(text: str, order_id: str, now: datetime) -> Ended:
    """The order was given up: its coupon comes back. Remembered too when no use is known: one reported later is none.
    Raises CouponUnknown."""
    if not NATURAL_KEY.fullmatch(order_id):
        raise invalid("order_id", "not an order's id")
    for _ in range(service.ATTEMPTS):
        item, order = service.find(text), items.order(order_id)
        known = order.ended.get(item.code)
        if known:
            return Ended(item.code, order_id, known["at"], known["given_back"], True)
        _check_room(order, item.code)
        given_back = item.code in order.uses
        notices = _end(order, item.code, item, now) if given_back else []
        order.ended = {**order.ended, item.code: {"at": rfc3339(now), "given_back": given_back}}
        try:
            with dynamo.together() as writes:
                writes.save(order, order.changed())
                for also in notices:
                    also.write(writes)
        except dynamo.Overtaken:
            continue
        return Ended(item.code, order_id, rfc3339(now), given_back, False)
    raise Unavailable


def refunded(fact: FactIn, now: datetime) -> None:
    """The order was refunded in full: its coupons come back, and none is used on it any more."""
    for _ in range(service.ATTEMPTS):
        order = items.order(fact.facts.order_id)
        if order.refunded:
            return
        order.refunded = True
        writing: list[Also] = []
        for code, used in order.uses.items():
            item = items.coupon(used["member_id"], used["kind"])
            assert item is not None  # noqa: S101 - no coupon is ever deleted
            writing += _end(order, code, item, now)
            order.ended = {**order.ended, code: {"at": rfc3339(now), "given_back": True}}
        try:
            with dynamo.together() as writes:
                writes.save(order, order.changed())
                for also in writing:
                    also.write(writes)
        except dynamo.Overtaken:
            continue
        return
    raise Unavailable


def _end(order: OrderItem, code: str, item: CouponItem, now: datetime) -> list[Also]:
    """The order without its use of the coupon, and what is written of the coupon. What was recalled meanwhile is
    withdrawn; past its last day, there are some days more."""
    order.uses = {other: used for other, used in order.uses.items() if other != code}
    on, before = service.today(now), date.fromisoformat(item.expires_on)
    item.order_id = item.discount_fen = item.used_at = None
    item.returned_on = on.isoformat()
    item.state = rules.WITHDRAWN if item.recalled else rules.USABLE
    grace_days = store.current(now).rulebook.coupons.grace_days
    # Used before its notice, it has the notice to come; past its last day it has the grace all the same.
    item.expires_on = max(item.last_day(on), rules.come_back(before, on, grace_days)).isoformat()
    if item.expires_on != before.isoformat():
        # The notice of its coming back names the new day.
        item.noticed = True
    condition = item.changed()
    told = [] if item.recalled else [notes.returned(item, before, now)]
    return [Also(item, condition), *told]
