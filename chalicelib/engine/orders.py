"""Orders: paid, completed, refunded.

A refund takes points back in proportion to the money: of `granted` points the order keeps
ceil(granted × weight left ÷ weight), so several partial refunds take exactly what one refund of their sum would, a full
refund takes everything, and a rounding is never at the member's cost. Weight is amount × category rate.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from chalicelib.engine import points, retention, tasks
from chalicelib.engine.advance import advance, settle
from chalicelib.engine.counters import ever
from chalicelib.engine.decision import Decision, Entry
from chalicelib.engine.draft import Draft
from chalicelib.engine.earning import Situation, category_rate, earn, purchase_rule, weighted_fen, yuan
from chalicelib.engine.events import OrderCompleted, OrderPaid, OrderRecord, OrderRefunded, Refund
from chalicelib.engine.refusals import FutureInstant, OrderTooLarge, RefundExceedsOrder
from chalicelib.engine.tiers import Undone, undo

SKEW = timedelta(minutes=5)


def paid(draft: Draft, event: OrderPaid) -> Decision:
    """Counts the order, grants its points (or holds them pending), settles what arrived before the payment."""
    if event.paid_at > draft.now + SKEW:
        raise FutureInstant([{"field": "paid_at", "problem": "in the future"}])
    if event.amount_fen + event.offset_fen > draft.rulebook.limits.max_order_fen:
        raise OrderTooLarge([{"field": "amount_fen", "problem": "above the limit"}])
    on = draft.on(event.paid_at)
    cash = draft.rulebook.redemption.cash
    counted_fen = event.amount_fen + (event.offset_fen if cash and cash.earns else 0)
    what = Situation(
        "order_paid", event.paid_at, on, first_time=ever(draft.before, "order_paid") == 0,
        amount_fen=counted_fen, items=event.items,
    )  # fmt: skip
    draft.count("spend_fen", counted_fen, on)
    draft.count("orders", 1, on)
    record = _grant(draft, event, what)
    draft.facts.update(_facts(record))
    if what.first_time:
        draft.facts["first"] = True
    early = []
    for refund in event.early_refunds:
        if _beyond(record, refund):
            # As if it came now: refused, and refused again when it is repeated.
            draft.say("refund", 0, f"Refund {refund.refund_id} is more than the order: not recorded",
                      f"退款 {refund.refund_id} 超过订单金额，未记录")  # fmt: skip
            continue
        record, facts = _take_back(draft, record, refund)
        early.append(facts)
    if early:
        draft.facts["early_refunds"] = early
    if event.completed:
        draft.facts["completed"] = True
        _release_own(draft, record)
    advance(draft, on)
    return draft.finish("order_paid", event.cause)


def _grant(draft: Draft, event: OrderPaid, what: Situation) -> OrderRecord:
    waits = draft.rulebook.pending.mode == "days"
    releases_on = draft.today + timedelta(days=draft.rulebook.pending.days) if waits else None
    lots: dict[date, int] = {}
    for rule_id, amount, why, why_zh, valid_months in _pays(draft, what):
        until = points.expires_on(releases_on or draft.today, draft.rulebook.expiry, valid_months)
        lots[until] = lots.get(until, 0) + amount
        if releases_on:
            draft.say(rule_id, 0, f"{why}, pending until {releases_on}", f"{why_zh}，{releases_on} 入账")
        else:
            draft.say(rule_id, amount, why, why_zh)
    lots = {until: amount for until, amount in sorted(lots.items()) if amount}
    for until, amount in lots.items():
        if releases_on:
            draft.purse = points.hold_pending(draft.purse, releases_on, until, amount)
        else:
            draft.grant(until, amount)
    rule = purchase_rule(draft.rulebook)
    plain = category_rate(rule, "") if rule else Fraction(1)
    rates = {item.category: category_rate(rule, item.category) for item in what.items} if rule else {}
    return OrderRecord(
        order_id=event.order_id,
        member_id=draft.before.member_id,
        paid_on=what.on,
        amount_fen=event.amount_fen,
        # Money that earns nothing by the yuan is still the measure of what its refund takes of a bonus.
        weight=(weighted_fen(rule, what) if rule else Fraction(0)) or Fraction(what.amount_fen),
        rates={"": str(plain), **{category: str(rate) for category, rate in rates.items() if rate != plain}},
        grants=tuple(lots.items()),
        releases_on=releases_on,
        sprint_percent=draft.facts.get("sprint_percent", 0),
        seq=draft.before.seq + 1,
        offset_fen=event.offset_fen,
        counts_offset=what.amount_fen > event.amount_fen,
    )


def _pays(draft: Draft, what: Situation) -> Iterator[tuple[str, int, str, str, int | None]]:
    """(rule, points, why, why_zh, validity) of everything the order earns. What the sprint pays is the order's own too,
    so that a refund takes it as well."""
    for grant in earn(draft, what):
        yield grant.rule.id, grant.points, grant.why, grant.why_zh, grant.rule.valid_months
    amount = retention.sprint_purchase(draft, what.on) if what.amount_fen else 0
    if amount:
        yield "sprint_purchase", amount, f"Sprint, a purchase today: {amount}", f"保级冲刺，今日消费：{amount}", None


def completed(draft: Draft, event: OrderCompleted) -> Decision:
    """The order is final: what it still has pending becomes spendable."""
    if event.order.completed:
        draft.say("order_completed", 0, "The order was already completed", "订单此前已完成")
    else:
        _release_own(draft, event.order)
    if not draft.lines:
        draft.say("order_completed", 0, "The order is completed", "订单已完成")
    return draft.finish("order_completed", event.cause, {"order_id": event.order.order_id})


def _release_own(draft: Draft, record: OrderRecord) -> None:
    """Releases what is left of the order's own pending points."""
    if record.releases_on is None:
        return
    keys = []
    for until, amount in _remaining(record):
        key = (record.releases_on, until)
        waiting = min(amount, draft.purse.pending.get(key, 0))
        if waiting:
            keys.append((key, waiting))
    draft.purse, released, repaid = points.release(draft.purse, keys)
    if released:
        draft.say("pending_released", released, f"Order completed: {released}", f"订单完成，积分入账：{released}")
    draft.repaid(repaid)


def _remaining(record: OrderRecord) -> Iterable[tuple[date, int]]:
    """The order's grants less what refunds took: the earliest expiry was taken first, as everywhere."""
    taken = record.taken_back
    for until, amount in record.grants:
        gone = min(taken, amount)
        taken -= gone
        if amount > gone:
            yield until, amount - gone


def refunded(draft: Draft, event: OrderRefunded) -> Decision:
    """Gives the money back to the counters and takes the points. Raises RefundExceedsOrder."""
    record = event.order
    beyond = _beyond(record, event.refund)
    if beyond:
        field, left = beyond
        raise RefundExceedsOrder([{"field": field, "problem": f"{left} fen of this order can be refunded"}])
    _, facts = _take_back(draft, record, event.refund)
    settle(draft)
    return draft.finish("order_refunded", event.cause, {"order_id": record.order_id, **facts})


def _beyond(record: OrderRecord, refund: Refund) -> tuple[str, int] | None:
    """Which part of a refund is more than is left of the order, and what is; None when it fits."""
    left = {
        "amount_fen": record.amount_fen - record.refunded_fen,
        "offset_fen": record.offset_fen - record.refunded_offset_fen,
    }
    return next(((field, most) for field, most in left.items() if getattr(refund, field) > most), None)


def _counted(record: OrderRecord, of: OrderRecord | Refund) -> int:
    """What earned and counted as spending, in fen: of a refund, or of the order itself."""
    return of.amount_fen + of.offset_fen if record.counts_offset else of.amount_fen


def _take_back(draft: Draft, record: OrderRecord, refund: Refund) -> tuple[OrderRecord, dict[str, Any]]:
    """What the refund takes of the points, in proportion to what of it had counted. The order is undone when money and
    points are back altogether."""
    counted_fen = _counted(record, refund)
    record = replace(
        record,
        refunded_fen=record.refunded_fen + refund.amount_fen,
        refunded_offset_fen=record.refunded_offset_fen + refund.offset_fen,
    )
    money_back = record.refunded_fen == record.amount_fen
    undone = money_back and record.refunded_offset_fen == record.offset_fen
    if not counted_fen and not (refund.offset_fen and undone):
        if refund.offset_fen:
            told = f"Refund of {yuan(refund.offset_fen)} yuan paid in points, for which nothing was earned"
            draft.say("refund", 0, told, f"退款含积分抵现 {yuan(refund.offset_fen)} 元，该部分未计积分")
        return record, _refund_facts(refund, Fraction(0), 0)
    # All that counted is back: with the money, unless what was paid in points had counted too.
    all_back = undone or (money_back and not record.counts_offset and record.amount_fen > 0)
    weight = record.weight if all_back else min(record.weight, record.refunded_weight + _weight(record, refund))
    kept = 0 if all_back else -(-record.granted * (record.weight - weight) // record.weight)
    taken = record.granted - int(kept) - record.taken_back
    draft.count("spend_fen", -counted_fen, record.paid_on)
    if undone:
        draft.count("orders", -1, record.paid_on)
        draft.facts["refunded_in_full"] = True
    _claw_back(draft, record, taken, yuan(counted_fen or refund.offset_fen))
    counted = {"spend_fen": counted_fen, "orders": int(undone)} | tasks.undo(draft, record, full=undone)
    undo(draft, Undone(counted, record.seq, record.paid_on))
    retention.return_undone(draft)
    if undone:
        # Afterwards: the sprint may be that of the tier which is back.
        retention.sprint_undone(draft, record)
    after = replace(record, refunded_weight=weight, taken_back=record.taken_back + taken)
    return after, _refund_facts(refund, weight - record.refunded_weight, taken)


def _refund_facts(refund: Refund, weight: Fraction, taken: int) -> dict[str, Any]:
    facts = {"refund_id": refund.refund_id, "amount_fen": refund.amount_fen, "weight": str(weight), "taken_back": taken}
    further = {"offset_fen": refund.offset_fen, "content": refund.content}
    return facts | {name: value for name, value in further.items() if value}


def _weight(record: OrderRecord, refund: Refund) -> Fraction:
    """The weight of what is refunded: by the items' own rates when given, else the order's average."""
    refunded = _counted(record, refund)
    if not refund.items:
        whole = _counted(record, record)
        return record.weight * refunded / whole if whole else Fraction(0)
    plain = Fraction(record.rates.get("", "1"))
    listed = sum(item.amount_fen for item in refund.items)
    rated = sum((Fraction(record.rates.get(i.category, str(plain))) * i.amount_fen for i in refund.items), Fraction(0))
    return rated + plain * (refunded - listed)


def _claw_back(draft: Draft, record: OrderRecord, taken: int, money: str) -> None:
    """Pending first (it was never spendable), then the order's own lots, the earliest others, then debt."""
    left = taken
    if record.releases_on and not record.completed:
        for until, amount in _remaining(record):
            wanted = min(left, amount)
            draft.purse, missing = points.drop_pending(draft.purse, (record.releases_on, until), wanted)
            left -= wanted - missing
    if taken > left:
        why = f"Refund of {money} yuan: {taken - left} pending points cancelled"
        draft.say("refund", 0, why, f"退款 {money} 元，取消待入账积分 {taken - left}")
    into_debt = draft.rulebook.refunds.policy == "debt"
    own = [until for until, _ in record.grants]
    draft.purse, owed, forgiven = points.claw_back(draft.purse, left, own, into_debt=into_debt)
    if left or taken == 0:
        change = -(left - forgiven)
        draft.say("refund", change, f"Refund of {money} yuan takes back {left}", f"退款 {money} 元，收回积分 {left}")
    draft.short(owed, forgiven)


def _facts(record: OrderRecord) -> dict[str, Any]:
    return {
        "order_id": record.order_id,
        "paid_on": record.paid_on.isoformat(),
        "amount_fen": record.amount_fen,
        "weight": str(record.weight),
        "rates": record.rates,
        "grants": [[until.isoformat(), amount] for until, amount in record.grants],
        "releases_on": record.releases_on.isoformat() if record.releases_on else None,
        **({"offset_fen": record.offset_fen, "counts_offset": record.counts_offset} if record.offset_fen else {}),
    }


def record_of(entries: Iterable[Entry]) -> OrderRecord | None:
    """The order as its journal entries tell it; None when there is no payment among them."""
    entries = list(entries)
    payment = next((e for e in entries if e.kind == "order_paid"), None)
    if payment is None:
        return None
    facts = payment.facts
    refunds = [*facts.get("early_refunds", ()), *(e.facts for e in entries if e.kind == "order_refunded")]
    undone = {task for entry in entries for task in entry.facts.get("tasks_undone", ())}
    releases_on = facts.get("releases_on")
    return OrderRecord(
        order_id=facts["order_id"],
        member_id=payment.member_id,
        paid_on=date.fromisoformat(facts["paid_on"]),
        amount_fen=facts["amount_fen"],
        weight=Fraction(facts["weight"]),
        rates=dict(facts["rates"]),
        grants=tuple((date.fromisoformat(until), amount) for until, amount in facts["grants"]),
        releases_on=date.fromisoformat(releases_on) if releases_on else None,
        completed=bool(facts.get("completed")) or any(e.kind == "order_completed" for e in entries),
        refunded_fen=sum(r["amount_fen"] for r in refunds),
        refunded_weight=sum((Fraction(r["weight"]) for r in refunds), Fraction(0)),
        taken_back=sum(r["taken_back"] for r in refunds),
        sprint_percent=facts.get("sprint_percent", 0),
        rewards={
            task: (done_in, paid) for task, (done_in, paid) in facts.get("rewards", {}).items() if task not in undone
        },
        seq=payment.seq,
        offset_fen=facts.get("offset_fen", 0),
        counts_offset=facts.get("counts_offset", False),
        refunded_offset_fen=sum(r.get("offset_fen", 0) for r in refunds),
        coupons=tuple(facts.get("coupons", ())),
        chances=facts.get("chances", {}),
    )
