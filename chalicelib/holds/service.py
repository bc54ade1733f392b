"""Load, decide, commit: holding points, and every step of what becomes of a hold."""

from datetime import datetime
from typing import Any

from chalicelib import ledger
from chalicelib.engine import cash, holds
from chalicelib.engine.account import Account
from chalicelib.engine.cash import Quote
from chalicelib.engine.decision import Decision
from chalicelib.engine.events import Cause, HoldRecord, HoldStep, PointsHeld
from chalicelib.engine.process import process
from chalicelib.holds.schemas import HoldIn, HoldRefundIn
from chalicelib.rulebook import store
from chalicelib.shared import callers
from chalicelib.shared.clock import business_date
from chalicelib.shared.errors import NotFound
from chalicelib.shared.ids import NATURAL_KEY


class HoldUnknown(NotFound):
    code = "HOLD_UNKNOWN"
    message, message_zh = "There is no such hold.", "没有这笔积分预占"


def quote(caller: callers.Member, amount_fen: int, now: datetime) -> tuple[Quote, Account]:
    """What may pay for an order of that amount. Nothing is written, but who may hold nothing is told so. Raises
    MemberErased, MemberFrozen, TokenRevoked."""
    account, rulebook = ledger.load(caller.member_id), store.current(now).rulebook
    ledger.admit(account, caller)
    today = business_date(account.frozen_at or now, rulebook.brand.time_zone)
    return cash.quote(rulebook, account, amount_fen, today), account


def find(hold_id: str) -> HoldRecord:
    """The hold as its entries tell it: one consistent query. Raises HoldUnknown."""
    known = NATURAL_KEY.fullmatch(hold_id) and holds.record_of(ledger.scope(holds.scope_of(hold_id)))
    if not known:
        raise HoldUnknown
    return known


def place(body: HoldIn, now: datetime) -> ledger.Outcome:
    """Sets points aside, once. Raises MemberUnknown, MemberFrozen, MemberErased, and whatever the law refuses."""
    member_id = body.member_id or ledger.member_of(str(body.openid))
    if member_id is None:
        raise ledger.MemberUnknown
    cause = Cause(holds.scope_of(body.hold_id), f"hold#{body.hold_id}")
    event = PointsHeld(cause, body.hold_id, body.order_id, body.amount_fen, body.points, body.expires_in_seconds)
    content = body.model_dump(mode="json", exclude={"member_id", "openid"}, exclude_defaults=True)

    def decide(account: Account) -> Decision:
        if account.status == "frozen":
            raise ledger.MemberFrozen
        return _decided(account, event, now)

    body_hash = ledger.body_hash({**content, "member_id": member_id})
    return ledger.execute(member_id, decide, cause=cause, body_hash=body_hash)


def capture(hold_id: str, points: int | None, now: datetime) -> ledger.Outcome:
    """What of the hold pays; the rest goes back to its lots. Raises HoldUnknown, HoldExpired, HoldReleased."""
    record = find(hold_id)
    # Whether "all" is said or counted out, it is the same capture.
    return _step(record, "capture", f"capture#{hold_id}", points or record.points, {}, now)


def release(hold_id: str, now: datetime) -> ledger.Outcome:
    """The order is not paid with points. Raises HoldUnknown, HoldExpired, HoldCaptured."""
    return _step(find(hold_id), "release", f"release#{hold_id}", None, {}, now)


def refund(hold_id: str, body: HoldRefundIn, now: datetime) -> ledger.Outcome:
    """Captured points go back to their lots. Raises HoldUnknown, HoldNotCaptured, RefundExceedsHold."""
    return _step(find(hold_id), "refund", f"refund#{body.refund_id}", body.points, {"refund_id": body.refund_id}, now)


def _step(
    record: HoldRecord, step: str, key: str, points: int | None, content: dict[str, Any], now: datetime
) -> ledger.Outcome:
    """One step. The hold is read again after the account: each step is an entry of the same member, so one that slips
    in between moves the account's version, and both are read again."""
    cause = Cause(holds.scope_of(record.hold_id), key)

    def decide(account: Account) -> Decision:
        return _decided(account, HoldStep(cause, find(record.hold_id), step, points), now)

    body_hash = ledger.body_hash({"operation": step, "points": points, **content})
    return ledger.execute(record.member_id, decide, cause=cause, body_hash=body_hash)


def _decided(account: Account, event: PointsHeld | HoldStep, now: datetime) -> Decision:
    if account.status == "erased":
        raise ledger.MemberErased
    return process(store.current(now), account, event, now)
