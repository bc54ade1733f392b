"""Holds: points set aside while an order is being paid, and what becomes of them.

A hold is the entries of its own scope, as a redemption is: the first takes the points from the lots, each later one is
a step, and their fold is its state. What does not pay goes back to the lots it came from, the last taken first. Each
entry tells the whole hold as it leaves it, so that an answer needs no other. The account knows only what is still held
and until when: so it knows when next something happens by itself.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from math import gcd
from types import MappingProxyType
from typing import Any

from chalicelib.engine import cash, points
from chalicelib.engine.account import Account, Hold
from chalicelib.engine.decision import Decision, Entry
from chalicelib.engine.draft import Draft
from chalicelib.engine.earning import yuan
from chalicelib.engine.events import HoldRecord, HoldStep, PointsHeld
from chalicelib.engine.refusals import (
    HoldCaptured,
    HoldExpired,
    HoldNotCaptured,
    HoldReleased,
    InsufficientPoints,
    NothingDue,
    OffsetTooHigh,
    OrderHeld,
    RefundExceedsHold,
    TooManyHolds,
)
from chalicelib.shared.clock import rfc3339
from chalicelib.shared.errors import Conflict, invalid
from chalicelib.shared.ids import digest

# Each takes up to 118 bytes of the account while it is open.
MAX_HOLDS = 5
LEAST_SECONDS = 60

# step → {state before: state after}. Every other pair is refused.
STEPS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "capture": {"held": "captured"},
        "release": {"held": "released"},
        "expiry": {"held": "expired"},
        "refund": {"captured": "captured"},
    }
)
KINDS = {"capture": "hold_captured", "release": "hold_released", "expiry": "hold_expired", "refund": "hold_refunded"}
# What a step is told that comes in the wrong state.
_REFUSED: Mapping[str, type[Conflict]] = MappingProxyType(
    {"held": HoldNotCaptured, "captured": HoldCaptured, "released": HoldReleased, "expired": HoldExpired}
)


def scope_of(hold_id: str) -> str:
    """Where the entries of a hold lie."""
    return f"hold#{hold_id}"


def hold(draft: Draft, event: PointsHeld) -> Decision:
    """Takes the points from the lots. Raises CashOff, CashNotYours, AmountTooSmall, OffsetTooHigh, InsufficientPoints,
    OrderHeld, TooManyHolds, InvalidFields."""
    expires_at = _expires_at(draft, event)
    _check(draft, event)
    order = digest(event.order_id, 8)
    if any(held.order == order and draft.now < held.expires_at for held in draft.account.holds.values()):
        # Two of them could pay more of the order together than the rulebook allows.
        raise OrderHeld
    draft.purse, _ = points.debit(draft.purse, event.points)
    holds = {**draft.account.holds, event.hold_id: Hold(expires_at, event.points, order)}
    if len(holds) > MAX_HOLDS:
        raise TooManyHolds
    draft.account = draft.account.with_(holds=MappingProxyType(holds))
    record = HoldRecord(
        hold_id=event.hold_id,
        member_id=draft.before.member_id,
        order_id=event.order_id,
        state="held",
        points=event.points,
        offset_fen=cash.worth_fen(draft.rulebook, event.points),
        expires_at=expires_at,
        taken=draft.purse.moves,
    )
    sum_ = yuan(record.offset_fen)
    draft.say("hold", -event.points, f"Order {event.order_id}: {event.points} points held for {sum_} yuan",
              f"订单 {event.order_id}：预占 {event.points} 积分，抵 {sum_} 元")  # fmt: skip
    return draft.finish("points_held", event.cause, _facts(record))


def _expires_at(draft: Draft, event: PointsHeld) -> datetime:
    """To the millisecond, as it is kept and answered."""
    allowed = draft.rulebook.redemption.cash
    most = 60 * allowed.hold_minutes if allowed else LEAST_SECONDS
    seconds = most if event.seconds is None else event.seconds
    if allowed and not LEAST_SECONDS <= seconds <= most:
        raise invalid("expires_in_seconds", f"{LEAST_SECONDS} to {most}")
    expires_at = draft.now + timedelta(seconds=seconds)
    return expires_at.replace(microsecond=expires_at.microsecond // 1000 * 1000)


def _check(draft: Draft, event: PointsHeld) -> None:
    quote = cash.quote(draft.rulebook, draft.account, event.amount_fen, draft.today)
    if quote.why and quote.why is not InsufficientPoints:
        raise quote.why
    if event.points % quote.step_points or event.points < quote.least_points:
        raise invalid("points", f"a multiple of {quote.step_points}, at least {quote.least_points}")
    if event.points > quote.of_order:
        told = f"{quote.of_order} points, {quote.percent} % of the order, at most"
        raise OffsetTooHigh([{"field": "points", "problem": told, "points": quote.of_order}])
    missing = event.points - draft.account.balance
    if missing > 0:
        raise InsufficientPoints([{"field": "points", "problem": f"{missing} points to go", "points": missing}])


def step(draft: Draft, event: HoldStep) -> Decision:
    """One step of a hold. Raises HoldExpired, HoldReleased, HoldCaptured, HoldNotCaptured, RefundExceedsHold,
    InvalidFields; NothingDue when an expiry comes too soon."""
    record = event.record
    after = STEPS[event.step].get(record.state)
    if after is None:
        raise _REFUSED[record.state]
    expired = draft.now >= record.expires_at
    if event.step == "capture" and expired:
        # Also when the schedule has not come yet: whoever pays must be able to rely on the clock alone.
        raise HoldExpired
    if event.step == "expiry" and not expired:
        raise NothingDue
    paid, back = _parts(record, event)
    _give_back(draft, event.step, record, paid, back)
    if record.state == "held":
        left = {hold_id: held for hold_id, held in draft.account.holds.items() if hold_id != record.hold_id}
        draft.account = draft.account.with_(holds=MappingProxyType(left))
    record = replace(
        record,
        state=after,
        captured_points=record.captured_points + paid,
        refunded_points=record.refunded_points + (back if event.step == "refund" else 0),
    )
    return draft.finish(KINDS[event.step], event.cause, {**_facts(record), "returned": back})


def _parts(record: HoldRecord, event: HoldStep) -> tuple[int, int]:
    """(points that pay, points that go back) of a step."""
    if event.step == "capture":
        paid = record.points if event.points is None else event.points
        if paid > record.points:
            raise invalid("points", f"{record.points} are held")
        _check_whole_fen(record, paid)
        return paid, record.points - paid
    if event.step == "refund":
        left = record.captured_points - record.refunded_points
        back = left if event.points is None else event.points
        if back > left or not left:
            raise RefundExceedsHold([{"field": "points", "problem": f"{left} points can be refunded", "points": left}])
        _check_whole_fen(record, back)
        return 0, back
    return 0, record.points


def _check_whole_fen(record: HoldRecord, part: int) -> None:
    """A part of the hold that is worth a part of a fen could be neither charged nor refunded exactly."""
    if part * record.offset_fen % record.points:
        least = record.points // gcd(record.points, record.offset_fen)
        raise invalid("points", f"a multiple of {least}, which are worth whole fen")


def _give_back(draft: Draft, step: str, record: HoldRecord, paid: int, back: int) -> None:
    worth = draft.purse.worth
    moves = points.last(record.taken, back)
    draft.purse, repaid = points.give_back(draft.purse, moves, draft.today, draft.rulebook.expiry.refund_grace_days)
    draft.returned = draft.purse.worth - worth
    told, told_zh = _said(step, record, paid, back)
    draft.say("hold", draft.returned, f"Order {record.order_id}: {told}", f"订单 {record.order_id}：{told_zh}")
    draft.repaid(repaid)


def _said(step: str, record: HoldRecord, paid: int, back: int) -> tuple[str, str]:
    if step == "capture":
        sum_ = yuan(_part_fen(record, paid))
        told, told_zh = f"{paid} points paid {sum_} yuan", f"使用 {paid} 积分抵 {sum_} 元"
        if back:
            told = f"{told}, the other {back} held go back to their lots"
            told_zh = f"{told_zh}，其余预占的 {back} 积分退回原批次"
        return told, told_zh
    if step == "refund":
        sum_ = yuan(_part_fen(record, back))
        told = f"{back} points, {sum_} yuan of what they paid, go back to their lots"
        return told, f"退还抵现 {sum_} 元，{back} 积分退回原批次"
    told, told_zh = {"release": ("released", "预占已取消"), "expiry": ("the hold expired", "预占已过期")}[step]
    return f"{told}, {back} points go back to their lots", f"{told_zh}，{back} 积分退回原批次"


def _part_fen(record: HoldRecord, part: int) -> int:
    """What a part of the hold is worth; whole fen, which `_check_whole_fen` made sure of."""
    return part * record.offset_fen // record.points


def _facts(record: HoldRecord) -> dict[str, Any]:
    return {
        "hold_id": record.hold_id,
        "order_id": record.order_id,
        "state": record.state,
        "held": record.points,
        "offset_fen": record.offset_fen,
        "captured_points": record.captured_points,
        "refunded_points": record.refunded_points,
        "expires_at": rfc3339(record.expires_at),
    }


def told_by(entry: Entry) -> HoldRecord:
    """The hold as this entry of it left it; of what lots its points came from, one entry does not tell."""
    facts = entry.facts
    return HoldRecord(
        hold_id=facts["hold_id"],
        member_id=entry.member_id,
        order_id=facts["order_id"],
        state=facts["state"],
        points=facts["held"],
        offset_fen=facts["offset_fen"],
        expires_at=datetime.fromisoformat(facts["expires_at"]),
        taken=(),
        captured_points=facts["captured_points"],
        refunded_points=facts["refunded_points"],
    )


def record_of(entries: Iterable[Entry]) -> HoldRecord | None:
    """The hold as its entries tell it; None when none of them took its points."""
    entries = sorted(entries, key=lambda entry: entry.seq)
    if not entries or entries[0].kind != "points_held":
        return None
    taken = entries[0].moves
    for entry in entries[1:]:
        taken = points.without_last(taken, entry.facts["returned"])
    return replace(told_by(entries[-1]), taken=taken)


def due(account: Account, now: datetime) -> str | None:
    """The hold that has expired by the member's own time, the earliest of several; None when none has."""
    now = account.frozen_at or now
    over = [(held.expires_at, hold_id) for hold_id, held in account.holds.items() if held.expires_at <= now]
    return min(over)[1] if over and account.status != "erased" else None
