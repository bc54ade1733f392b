"""Load, decide, commit: redeeming, and every step of what becomes of a redemption."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib import ledger
from chalicelib.engine import redemptions
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision, Entry
from chalicelib.engine.events import Cause, Redeemed, RedemptionRecord, RedemptionStep
from chalicelib.engine.process import process
from chalicelib.engine.refusals import OfferNotYours
from chalicelib.ledger import Also
from chalicelib.redemption import offers, rules, stock, work
from chalicelib.redemption.documents import OfferDocument
from chalicelib.redemption.schemas import ClaimIn, RedeemIn, StepIn
from chalicelib.redemption.stock import SoldOut
from chalicelib.rulebook import store
from chalicelib.shared import audit, callers
from chalicelib.shared.audit import AuditRecord
from chalicelib.shared.clock import rfc3339
from chalicelib.shared.errors import Conflict, InvalidFields, NotFound, Unavailable, invalid
from chalicelib.shared.ids import digest

# How often other pieces are chosen when those chosen first have been taken meanwhile.
ATTEMPTS = 8


class RedemptionUnknown(NotFound):
    code = "REDEMPTION_UNKNOWN"
    message, message_zh = "There is no such redemption.", "没有这个兑换单"


class NotCancellable(Conflict):
    code = "NOT_CANCELLABLE"
    message, message_zh = "This offer cannot be cancelled.", "该商品兑换后不可取消"


class AddressGone(Conflict):
    code = "ADDRESS_GONE"
    message, message_zh = "The parcel's address has been erased.", "收货地址已被删除"


def scope_of(redemption_id: str) -> str:
    """Where the entries of a redemption lie."""
    return f"redemption#{redemption_id}"


def redeem(caller: callers.Member, body: RedeemIn, key: str, now: datetime) -> ledger.Outcome:
    """Points for pieces, in one transaction. Raises OfferUnknown, SoldOut, InvalidFields, and whatever the law refuses.

    A repeat is a repeat, also when nothing of it could be done any more.
    """
    redemption_id = rules.redemption_id(caller.member_id, key)
    cause = Cause(scope_of(redemption_id), f"redemption#{redemption_id}")
    # With the key: of the digest alone, which stays in the journal, nobody can tell an address by guessing.
    content = {"operation": "redeem", "key": key, **body.model_dump(mode="json", exclude_none=True)}
    try:
        return _redeem(caller, body, redemption_id, cause, content, key, now)
    except (offers.OfferUnknown, OfferNotYours, SoldOut, InvalidFields) as refused:
        found, _ = ledger.look(cause, ledger.body_hash(content))
        if found is None and isinstance(refused, SoldOut):
            # Most of a rush is told this, and whoever asks may know: the account is not read for it.
            raise
        ledger.admit(ledger.load(caller.member_id), caller)
        if found is None:
            raise
        return ledger.Outcome(found, None, True)


def _redeem(
    caller: callers.Member,
    body: RedeemIn,
    redemption_id: str,
    cause: Cause,
    content: dict[str, Any],
    key: str,
    now: datetime,
) -> ledger.Outcome:
    offer = offers.find(body.offer_id).document
    _check_fits(body, offer, now)
    period = stock.period(offer, now)
    for _ in range(ATTEMPTS):
        pieces = stock.choose(offer, period, caller.member_id, body.quantity)
        event = Redeemed(
            cause=cause,
            redemption_id=redemption_id,
            offer=offer.for_engine(store.current(now).rulebook.brand.time_zone),
            quantity=body.quantity,
            expected_points=body.expected_points,
            period=period,
            stock=pieces,
            room=_room(body, offer),
        )
        also = stock.taking(offer.offer_id, period, pieces)
        if body.address:
            address = body.address.model_dump()
            also.append(work.ordered(redemption_id, caller.member_id, offer.offer_id, body.quantity, address, now))
        try:
            return ledger.command(caller, event, content, key, now, also=also)
        except ledger.AlsoRefused:
            # Others took them meanwhile; there may be more elsewhere.
            continue
    raise Unavailable


def _check_fits(body: RedeemIn, offer: OfferDocument, now: datetime) -> None:
    if (body.address is None) == (offer.kind == "physical"):
        raise invalid("address", "a physical offer needs one, and no other kind")
    if body.appointment_at and (offer.kind != "service" or body.appointment_at <= now):
        raise invalid("appointment_at", "only of a service, and in the future")


def _room(body: RedeemIn, offer: OfferDocument) -> dict[str, Any]:
    """What was agreed when the offer was redeemed, whatever the offer says later."""
    agreed: dict[str, Any] = {} if offer.cancellable else {"final": True}
    if body.appointment_at:
        agreed["appointment_at"] = rfc3339(body.appointment_at)
    return agreed


@dataclass
class _Step:
    """One step in the making. The redemption is read after the account: each step is an entry of the same member, so
    one that slips in between moves the account's version, and both are read again."""

    redemption_id: str
    step: str
    cause: Cause
    now: datetime
    details: Mapping[str, Any] = field(default_factory=dict)
    quantity: int | None = None
    restock: bool = False
    record: RedemptionRecord = field(init=False)

    def decide(self, account: Account) -> Decision:
        """Raises MemberErased, RedemptionUnknown, StepRefused."""
        if account.status == "erased":
            raise ledger.MemberErased
        self.record = record = find(self.redemption_id, account.member_id)[0]
        pieces = redemptions.pieces(record, self.step, self.quantity)
        back = rules.going_back(record.stock, pieces) if self.restock else {}
        event = RedemptionStep(self.cause, record, self.step, dict(self.details), self.quantity, back)
        return process(store.current(self.now), account, event, self.now)

    def also(self, decision: Decision) -> list[Also]:
        """The stock that comes back, and what the step means for the parcel and the claim."""
        record, facts = self.record, decision.entry.facts
        found = stock.returning(record.offer_id, record.period, facts.get("restocked", {}))
        if self.step in redemptions.RESOLUTIONS:
            found += work.decided(record)
        if self.step != "shipment":
            found += work.follows(record, self.step, facts["state"], self.now)
        return found


def cancel(caller: callers.Member, redemption_id: str, key: str, now: datetime) -> ledger.Outcome:
    """The member takes a redemption back before it is fulfilled. Raises RedemptionUnknown, NotCancellable,
    StepRefused."""
    cause = Cause(scope_of(redemption_id), f"cancellation#{redemption_id}")
    step = _Step(redemption_id, "cancellation", cause, now, restock=True)

    def decide(account: Account) -> Decision:
        decision = step.decide(account)
        if step.record.room.get("final"):
            raise NotCancellable
        return decision

    return ledger.execute(
        caller.member_id,
        decide,
        cause=cause,
        request=key,
        body_hash=ledger.body_hash({"operation": "cancel", "redemption_id": redemption_id}),
        also=step.also,
        check=lambda account: ledger.admit(account, caller),
    )


def claim(caller: callers.Member, redemption_id: str, body: ClaimIn, key: str, now: datetime) -> ledger.Outcome:
    """The member asks for something to be put right. Raises RedemptionUnknown, StepRefused."""
    cause = Cause(scope_of(redemption_id), f"claim#{digest(key, 24)}")
    step = _Step(redemption_id, "claim", cause, now, quantity=body.quantity)

    def also(decision: Decision) -> list[Also]:
        pieces = decision.entry.facts["claimed"]
        return [*step.also(decision), work.claimed(step.record, cause.key, body.reason, body.pictures, pieces, now)]

    return ledger.execute(
        caller.member_id,
        step.decide,
        cause=cause,
        request=key,
        body_hash=ledger.body_hash(
            {"operation": "claim", "key": key, "redemption_id": redemption_id, **body.model_dump()}
        ),
        also=also,
        check=lambda account: ledger.admit(account, caller),
    )


def take_step(operator: callers.Operator, redemption_id: str, body: StepIn, key: str, now: datetime) -> ledger.Outcome:
    """A step by an operator, audited in the same transaction. Raises RedemptionUnknown, StepRefused, AddressGone."""
    cause = Cause(scope_of(redemption_id), f"{body.step}#{digest(f'{operator.operator_id}#{key}', 24)}")
    restock = body.restock or body.step in ("cancellation", "failure")
    step = _Step(redemption_id, body.step, cause, now, body.kept(), body.quantity, restock)
    record = _audited(operator, redemption_id, body, now)

    def also(decision: Decision) -> list[Also]:
        found = [Also(record), *step.also(decision)]
        if body.step == "shipment" and body.details:
            found.append(work.shipped(step.record, str(body.details.company), str(body.details.number), now))
        return found

    try:
        return ledger.execute(
            find(redemption_id)[0].member_id,
            step.decide,
            cause=cause,
            body_hash=ledger.body_hash({"operation": "step", **body.model_dump(mode="json", exclude_none=True)}),
            also=also,
        )
    except ledger.AlsoRefused as refused:
        if body.step != "shipment":
            raise
        raise AddressGone from refused


def _audited(operator: callers.Operator, redemption_id: str, body: StepIn, now: datetime) -> AuditRecord:
    details = {"step": body.step, "reason": body.reason}
    if body.quantity:
        details["quantity"] = str(body.quantity)
    return audit.record(operator.name, "redemption.step", redemption_id, details, now)


def find(redemption_id: str, member_id: str | None = None) -> tuple[RedemptionRecord, list[Entry]]:
    """A redemption, of that member if one is named, and the entries it is told by: one query. Raises
    RedemptionUnknown."""
    # From a path: DynamoDB takes no key of 3 KB.
    entries = ledger.scope(scope_of(redemption_id)) if rules.REDEMPTION_ID.fullmatch(redemption_id) else []
    record = redemptions.record_of(entries)
    if record is None or member_id not in (None, record.member_id):
        raise RedemptionUnknown
    return record, entries
