"""Load, decide, commit: what the room does for each thing that can be reported."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from chalicelib import ledger
from chalicelib.earning.schemas import ActionIn, AdjustmentIn, EventIn, Itemised, OrderIn, RefundIn
from chalicelib.engine import benefits, events
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision, Entry, Line
from chalicelib.engine.events import Cause
from chalicelib.engine.orders import SKEW, record_of
from chalicelib.engine.process import dated, process
from chalicelib.engine.refusals import FutureInstant
from chalicelib.rulebook import store
from chalicelib.rulebook.model import Published
from chalicelib.shared import audit, callers
from chalicelib.shared.clock import business_date, rfc3339
from chalicelib.shared.errors import Conflict, IdempotencyMismatch, NotFound, Unavailable
from chalicelib.shared.ids import digest
from chalicelib.shared.schemas import Request

ATTEMPTS = 4

# Refunds that may wait for one order: they are settled in its payment's entry, which has its own limit.
MAX_EARLY_REFUNDS = 20


class TooManyWaiting(Conflict):
    code = "TOO_MANY_WAITING"
    message, message_zh = "Too many refunds wait for an order that has not arrived.", "订单尚未上报，待处理的退款过多"


class NothingToReverse(NotFound):
    code = "NOTHING_TO_REVERSE"
    message, message_zh = "There is no such adjustment to reverse.", "没有可撤销的调整"


def order_cause(order_id: str) -> Cause:
    """An order's own scope: it can be recorded for one member only."""
    return Cause(f"order#{order_id}", f"order#{order_id}")


def step_cause(order_id: str, step: str) -> Cause:
    """What happens to an order later lies beside its payment, so one query reads it all."""
    return Cause(f"order#{order_id}", step)


def _items(body: Itemised) -> tuple[events.Item, ...]:
    return tuple(events.Item(i.amount_fen, i.category, i.sku, i.quantity) for i in body.items)


def _refund(body: RefundIn) -> events.Refund:
    return events.Refund(body.refund_id, body.amount_fen, _items(body), offset_fen=body.offset_fen)


def _member_of(order: OrderIn) -> str:
    if order.member_id:
        return order.member_id
    member_id = ledger.member_of(str(order.openid))
    if member_id is None:
        raise ledger.MemberUnknown
    return member_id


def _paid(order: OrderIn, parked: Mapping[str, Any]) -> events.OrderPaid:
    early = [
        replace(_refund(RefundIn.model_validate(refund)), content=ledger.body_hash(refund))
        for refund in parked.get("refunds", {}).values()
    ]
    return events.OrderPaid(
        cause=order_cause(order.order_id),
        order_id=order.order_id,
        paid_at=order.paid_at,
        amount_fen=order.amount_fen,
        items=_items(order),
        early_refunds=tuple(early),
        completed=bool(parked.get("completed")),
        offset_fen=order.offset_fen,
    )


def _content(body: Request, model: type[Request], but: AbstractSet[str] = frozenset()) -> dict[str, Any]:
    """What makes two reports the same: the model's own fields, those at their default left out, so that a field that
    is added one day changes nothing for what was recorded before."""
    return body.model_dump(mode="json", include=set(model.model_fields) - but, exclude_defaults=True)


def _order_hash(order: OrderIn, member_id: str) -> str:
    """The same order is the same whether it names the member by id or by openid, over HTTP or on the queue."""
    content = _content(order, OrderIn, but={"member_id", "openid"})
    return ledger.body_hash({**content, "member_id": member_id})


def _deciding(event: events.Event, published: Published, now: datetime) -> Callable[[Account], Decision]:
    return lambda account: process(published, account, event, now)


def _as_of_payment(event: events.OrderPaid, published: Published, now: datetime) -> Callable[[Account], Decision]:
    """Decides as if it were `paid_at`; the entry says so, and when it was recorded in truth. Raises FutureInstant."""
    # A chance is for draws to come: years of daily tasks that are brought in are no chances of today's lotteries.
    rulebook = published.rulebook.model_copy(update={"lotteries": ()})
    of_past = published.model_copy(update={"rulebook": rulebook})

    def decide(account: Account) -> Decision:
        recorded_at = account.frozen_at or now
        if event.paid_at > recorded_at + SKEW:
            # The engine could not see it: it compares `paid_at` with the instant it decides at.
            raise FutureInstant([{"field": "paid_at", "problem": "in the future"}])
        on = business_date(recorded_at, published.rulebook.brand.time_zone)
        line = Line("as_of_payment", 0, f"Past order, brought in on {on}", f"历史订单，{on} 导入，按付款时间计算")
        # A test clock is put aside for the decision: the order is the past's, whatever day the member is shown.
        decision = process(of_past, account.with_(frozen_at=None), event, event.paid_at)
        entry, after = decision.entry, decision.account.with_(frozen_at=account.frozen_at)
        # A tier of the past grants from now on, not the months that have passed.
        after = benefits.begun(published.rulebook, account, after, on)
        after = dated(published, after, recorded_at)
        facts = {**entry.facts, "as_of": "paid", "recorded_at": rfc3339(recorded_at)}
        return replace(decision, account=after, entry=replace(entry, lines=(*entry.lines, line), facts=facts))

    return decide


def report_order(order: OrderIn, now: datetime, *, as_of_payment: bool = False) -> ledger.Outcome:
    """Records a paid order, once. What arrived before it (refunds, completion) is settled in the same entry.

    `as_of_payment` is the migration mode: today's rulebook, but decided as if it were `paid_at`; the entry says so.
    How an order was decided is no part of its content: the same order sent again in the other mode is a repeat.
    """
    member_id = _member_of(order)
    published = store.current(now)
    cause, body_hash = order_cause(order.order_id), _order_hash(order, member_id)
    deciding = _as_of_payment if as_of_payment else _deciding
    parked: Mapping[str, Any] = {}
    revision: int | None = None
    for _ in range(ATTEMPTS):
        try:
            decide = deciding(_paid(order, parked), published, now)
            return ledger.execute(member_id, decide, cause=cause, body_hash=body_hash, replaces=revision)
        except ledger.Parked as found:
            parked, revision = found.parked, found.revision
    raise Unavailable


def complete_order(order_id: str, now: datetime) -> ledger.Outcome | None:
    """Records the completion; None when the order is not known yet: it is kept until the payment arrives."""
    cause = step_cause(order_id, f"completion#{order_id}")
    return _on_order(
        order_id,
        cause,
        lambda record: events.OrderCompleted(cause, record),
        lambda parked: {**parked, "completed": True},
        ledger.body_hash({"completion": order_id}),
        now,
    )


def refund_order(order_id: str, refund: RefundIn, now: datetime) -> ledger.Outcome | None:
    """Records a refund; None when the order is not known yet: it is kept until the payment arrives."""
    cause = step_cause(order_id, f"refund#{refund.refund_id}")
    content = _content(refund, RefundIn)

    def park(parked: dict[str, Any]) -> dict[str, Any]:
        refunds = parked.get("refunds", {})
        known = refunds.get(refund.refund_id)
        if known not in (None, content):
            raise IdempotencyMismatch
        refunds = {**refunds, refund.refund_id: content}
        if len(refunds) > MAX_EARLY_REFUNDS:
            raise TooManyWaiting
        return {**parked, "refunds": refunds}

    return _on_order(
        order_id,
        cause,
        lambda record: events.OrderRefunded(cause, record, _refund(refund)),
        park,
        ledger.body_hash(content),
        now,
    )


def _on_order(
    order_id: str,
    cause: Cause,
    event_for: Callable[[events.OrderRecord], events.Event],
    park: Callable[[dict[str, Any]], dict[str, Any]],
    body_hash: str,
    now: datetime,
) -> ledger.Outcome | None:
    """One step of an order: reads the order with one query, decides on its member's account, commits.

    The account's version also guards the order's record: each step of an order is an entry of the same member, so a
    step that slipped in between has moved the version, and the record is read again before deciding again.
    """
    published = store.current(now)
    for _ in range(ATTEMPTS):
        entries = ledger.scope(order_cause(order_id).scope)
        record = record_of(entries)
        if record is None:
            try:
                ledger.park(order_cause(order_id), park)
            except ledger.AlreadyRecorded:
                continue
            return None
        done = _early(entries, cause, body_hash)
        if done:
            return ledger.Outcome(done, None, True)

        def decide(account: Account) -> Decision:
            fresh = record_of(ledger.scope(order_cause(order_id).scope))
            return process(published, account, event_for(fresh or record), now)  # noqa: B023

        return ledger.execute(record.member_id, decide, cause=cause, body_hash=body_hash)
    raise Unavailable


def _early(entries: list[Entry], cause: Cause, body_hash: str) -> Entry | None:
    """The payment's entry, when this step arrived before the payment and was settled with it. Raises
    IdempotencyMismatch for a refund of the same id with other content."""
    payment = next(entry for entry in entries if entry.kind == "order_paid")
    for early in payment.facts.get("early_refunds", ()):
        if cause.key == f"refund#{early['refund_id']}":
            if early.get("content") not in (None, body_hash):
                raise IdempotencyMismatch
            return payment
    if payment.facts.get("completed") and cause.key.startswith("completion#"):
        return payment
    return None


def report_event(event: EventIn, now: datetime) -> ledger.Outcome:
    """Records a behaviour the merchant saw."""
    content = _content(event, EventIn)
    cause = Cause(f"event#{event.event_id}", f"event#{event.event_id}")
    decide = _deciding(_behaved(event, cause), store.current(now), now)
    return ledger.execute(event.member_id, decide, cause=cause, body_hash=ledger.body_hash(content))


def _behaved(event: EventIn, cause: Cause) -> events.Behaved:
    return events.Behaved(
        cause, event.kind, event.occurred_at, trusted=True, seconds=event.seconds, attributes=dict(event.attributes)
    )


def act(caller: callers.Member, action: ActionIn, key: str, now: datetime) -> ledger.Outcome:
    """Records what the member's phone reports."""
    account = ledger.load(caller.member_id)
    cause = Cause(caller.member_id, f"action#{action.action_id}")
    event = events.Behaved(cause, action.kind, account.frozen_at or now, trusted=False, seconds=action.seconds)
    content = {"operation": "action", **_content(action, ActionIn)}
    return ledger.command(caller, event, content, key, now, account=account)


def check_in(caller: callers.Member, key: str, now: datetime) -> ledger.Outcome:
    """Checks in for today's business date."""
    account = ledger.load(caller.member_id)
    on = business_date(account.frozen_at or now, store.current(now).rulebook.brand.time_zone)
    event = events.CheckedIn(Cause(caller.member_id, f"check-in#{on}"), on)
    return ledger.command(caller, event, {"operation": "check-in"}, key, now, account=account)


def make_up(caller: callers.Member, on: date, key: str, now: datetime) -> ledger.Outcome:
    """Makes up a missed day."""
    event = events.CheckedIn(Cause(caller.member_id, f"check-in#{on}"), on, make_up=True)
    return ledger.command(caller, event, {"operation": "make-up", "on": on.isoformat()}, key, now)


def adjust(operator: callers.Operator, member_id: str, body: AdjustmentIn, key: str, now: datetime) -> ledger.Outcome:
    """An operator's correction, audited in the same transaction."""
    cause = Cause(member_id, f"adjustment#{digest(f'{operator.operator_id}#{key}', 24)}")
    returns: tuple[tuple[date, int], ...] = ()
    if body.reverses:
        # The reversal of an adjustment has one cause, whoever asks for it and how often.
        cause = Cause(member_id, f"reversal#{body.reverses}")
        reversed_entry = ledger.entry(Cause(member_id, body.reverses))
        if not reversed_entry or reversed_entry.kind != "points_adjusted" or reversed_entry.points != -body.points:
            raise NothingToReverse
        returns = tuple(move for move in reversed_entry.moves if move[1] < 0)
    event = events.PointsAdjusted(cause, body.points, body.reason, operator.name, returns)
    content = {"operation": "adjust", "member_id": member_id, **_content(body, AdjustmentIn)}
    record = audit.record(operator.name, "points.adjust", member_id, {"points": body.points, "cause": cause.key}, now)
    decide = _deciding(event, store.current(now), now)
    also = (ledger.Also(record),)
    return ledger.execute(member_id, decide, cause=cause, body_hash=ledger.body_hash(content), also=also)


def preview(body: OrderIn | EventIn, now: datetime) -> Entry:
    """The entry that reporting this would write (or did write); nothing is written. Raises what reporting would."""
    if isinstance(body, OrderIn):
        cause, member_id = order_cause(body.order_id), _member_of(body)
        known, parked = ledger.look(cause, _order_hash(body, member_id))
        event: events.Event = _paid(body, parked)
    else:
        cause, member_id = Cause(f"event#{body.event_id}", f"event#{body.event_id}"), body.member_id
        known, _ = ledger.look(cause, ledger.body_hash(_content(body, EventIn)))
        event = _behaved(body, cause)
    return known or process(store.current(now), ledger.load(member_id), event, now).entry
