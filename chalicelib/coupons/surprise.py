"""The surprise: a first purchase draws a coupon, once in a member's life, until the budget is drawn.

The coupon, what it takes of the budget and the order's mark are one transaction, so the budget is never passed and an
order that was refunded in full brings none, whichever of the two facts comes first.
"""

import secrets
from datetime import datetime

from chalicelib.coupons import issue, items, notes, rules, service
from chalicelib.coupons.items import BudgetItem, CouponItem, OrderItem
from chalicelib.coupons.schemas import FactIn
from chalicelib.ledger.book import wait
from chalicelib.rulebook import store
from chalicelib.rulebook.model_coupons import STEP_FEN, Coupons, Surprise
from chalicelib.shared import dynamo, telemetry
from chalicelib.shared.config import settings
from chalicelib.shared.errors import Unavailable

# Every first purchase of the brand meets on the budget's one item.
ATTEMPTS = 20


def source_of(order_id: str) -> str:
    """What brought the surprise."""
    return f"surprise#{order_id}"


def draw(fact: FactIn, now: datetime) -> None:
    """For the member's first purchase; what an earlier one brought comes back instead, with the amount it had. An order
    of the past that is brought in is no purchase made today."""
    coupons = store.at(fact.rulebook_version).rulebook.coupons
    if coupons.surprise is None or not fact.facts.amount_fen or fact.facts.as_of:
        return
    for attempt in range(ATTEMPTS):
        wait(attempt)
        order, item = items.order(fact.facts.order_id), items.coupon(fact.member_id, items.SURPRISE)
        if order.refunded or (item and item.seq >= fact.seq):
            return
        try:
            if item:
                _bring_back(item, order, fact, coupons, now)
            else:
                _draw(order, fact, coupons, coupons.surprise, now)
        except dynamo.Overtaken:
            continue
        return
    raise Unavailable


def _draw(order: OrderItem, fact: FactIn, coupons: Coupons, surprise: Surprise, now: datetime) -> None:
    steps = secrets.randbelow((surprise.max_fen - surprise.min_fen) // STEP_FEN + 1)
    drawn = items.budget(surprise.coupon)
    left = surprise.budget_fen - int(drawn.drawn_fen)
    amount = rules.surprise_fen(surprise.min_fen + steps * STEP_FEN, surprise.min_fen, left)
    definition = coupons.definition(surprise.coupon)
    if not amount or definition is None:
        telemetry.count("surprise_without_budget", stage=settings().stage)
        return
    terms = definition.model_copy(update={"amount_off_fen": amount})
    dates = fact.on, service.today(now)
    source = source_of(fact.facts.order_id)
    item = issue.make(fact.member_id, items.SURPRISE, source, fact.seq, terms, dates, coupons.notice_days)
    room = BudgetItem.id.does_not_exist() | (BudgetItem.drawn_fen <= surprise.budget_fen - amount)
    with dynamo.together() as writes:
        writes.save(item, CouponItem.id.does_not_exist())
        writes.update(drawn, [BudgetItem.drawn_fen.add(amount), BudgetItem.drawn.add(1)], room)
        writes.save(order, order.changed())
        notes.surprised(item, now).write(writes)


def _bring_back(item: CouponItem, order: OrderItem, fact: FactIn, coupons: Coupons, now: datetime) -> None:
    """The surprise is this order's from now on: the one before it was refunded, or its refund is on its way."""
    # What an operator has withdrawn stays so.
    again = item.state == rules.WITHDRAWN and issue.by_entry(item)
    item.source, item.seq = source_of(fact.facts.order_id), fact.seq
    if issue.by_entry(item):
        item.recalled = None
    if again:
        days, nominal = int(item.notice_days), item.definition.last_day(fact.on)
        expires_on, item.noticed = rules.issued(nominal, fact.on, service.today(now), days)
        item.state, item.expires_on = rules.USABLE, expires_on.isoformat()
    with dynamo.together() as writes:
        writes.save(item, item.changed())
        writes.save(order, order.changed())
        if again:
            notes.surprised(item, now).write(writes)


def refunded(fact: FactIn) -> None:
    """The order that brought it was refunded in full, which its item says by now."""
    for _ in range(ATTEMPTS):
        item = items.coupon(fact.member_id, items.SURPRISE)
        if item is None or item.source != source_of(fact.facts.order_id) or item.recalled:
            return
        issue.recall(item, issue.mark(fact.seq, 0))
        try:
            with dynamo.together() as writes:
                writes.save(item, item.changed())
        except dynamo.Overtaken:
            continue
        return
    raise Unavailable
