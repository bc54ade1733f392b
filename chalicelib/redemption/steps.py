"""Every step of what becomes of a redemption: by its member, or by an operator, who is audited."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib import ledger
from chalicelib.engine import redemptions
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision, Entry
from chalicelib.engine.events import Cause, RedemptionRecord, RedemptionStep
from chalicelib.engine.process import process
from chalicelib.engine.refusals import StepRefused
from chalicelib.ledger import Also
from chalicelib.redemption import rules, stock, tally, work
from chalicelib.redemption.schemas import AppointmentIn, ClaimIn, StepIn
from chalicelib.redemption.tally import CampaignSettled
from chalicelib.rulebook import store
from chalicelib.shared import audit, callers
from chalicelib.shared.audit import AuditRecord
from chalicelib.shared.clock import rfc3339
from chalicelib.shared.errors import Conflict, NotFound, invalid
from chalicelib.shared.ids import digest

# How often a member may ask for another time: each is an entry, and a redemption may have only so many.
MAX_APPOINTMENTS = 10


class RedemptionUnknown(NotFound):
    code = "REDEMPTION_UNKNOWN"
    message, message_zh = "There is no such redemption.", "没有这个兑换单"


class NotCancellable(Conflict):
    code = "NOT_CANCELLABLE"
    message, message_zh = "This offer cannot be cancelled.", "该商品兑换后不可取消"


class AddressGone(Conflict):
    code = "ADDRESS_GONE"
    message, message_zh = "The parcel's address has been erased.", "收货地址已被删除"


class TooManyAppointments(Conflict):
    code = "TOO_MANY_APPOINTMENTS"
    message = f"The time was changed {MAX_APPOINTMENTS} times already; call the shop."
    message_zh = f"已改约 {MAX_APPOINTMENTS} 次，请联系商家"


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
    entries: Sequence[Entry] = field(init=False)

    def decide(self, account: Account) -> Decision:
        """Raises MemberErased, RedemptionUnknown, StepRefused."""
        if account.status == "erased":
            raise ledger.MemberErased
        self.record, self.entries = find(self.redemption_id, account.member_id)
        record = self.record
        if self.restock and "codes" in record.room:
            raise StepRefused([{"field": "restock", "problem": "a code that was given is never given again"}])
        pieces = redemptions.pieces(record, self.step, self.quantity)
        # A replacement that fails was never taken from the stock, and what it was to replace has not come back.
        failed_again = self.step == "failure" and record.state == "replacing"
        back = rules.going_back(record.stock, pieces) if self.restock and not failed_again else {}
        event = RedemptionStep(self.cause, record, self.step, dict(self.details), self.quantity, back)
        return process(store.current(self.now), account, event, self.now)

    def also(self, decision: Decision) -> list[Also]:
        """The stock that comes back, and what the step means for parcel, claim, appointment and campaign."""
        record, facts = self.record, decision.entry.facts
        returned = int(facts.get("returned", 0))
        found = stock.returning(record.offer_id, record.period, facts.get("restocked", {}))
        if self.step in redemptions.RESOLUTIONS:
            found += work.decided(record)
        if self.step != "shipment":
            found += work.follows(record, self.step, facts["state"], returned, self.now)
        if "appointment_at" in self.details:
            about = (record.redemption_id, record.member_id, record.offer_id, record.quantity)
            found.append(work.wished(*about, self.details["appointment_at"], agreed=self.step == "reservation"))
        if record.kind == "donation" and returned:
            found.append(tally.given(record.offer_id, record.member_id, -returned * record.price_points, -1))
        return found

    def refused(self, refused: ledger.AlsoRefused) -> Exception:
        """What it means that a write of the room was refused."""
        if self.record.kind == "donation":
            return CampaignSettled()
        return AddressGone() if self.step in ("shipment", "replacement") else refused


def _by_member(
    caller: callers.Member,
    step: _Step,
    key: str,
    content: Mapping[str, Any],
    *,
    check: Callable[[], None] | None = None,
    also: Callable[[Decision], list[Also]] | None = None,
) -> ledger.Outcome:
    """`content`: what makes two requests the same · check: a refusal of the member's alone · also: writes besides."""

    def decide(account: Account) -> Decision:
        decision = step.decide(account)
        if check:
            check()
        return decision

    try:
        return ledger.execute(
            caller.member_id,
            decide,
            cause=step.cause,
            request=key,
            body_hash=ledger.body_hash({"redemption_id": step.redemption_id, **content}),
            also=lambda decision: [*step.also(decision), *(also(decision) if also else ())],
            check=lambda account: ledger.admit(account, caller),
        )
    except ledger.AlsoRefused as refused:
        raise step.refused(refused) from refused


def cancel(caller: callers.Member, redemption_id: str, key: str, now: datetime) -> ledger.Outcome:
    """The member takes a redemption back before it is fulfilled, or a donation before it is settled. Raises
    RedemptionUnknown, NotCancellable, StepRefused, CampaignSettled."""
    cause = Cause(rules.scope_of(redemption_id), f"cancellation#{redemption_id}")
    step = _Step(redemption_id, "cancellation", cause, now, restock=True)

    def check() -> None:
        if step.record.room.get("final"):
            raise NotCancellable

    return _by_member(caller, step, key, {"operation": "cancel"}, check=check)


def use(caller: callers.Member, redemption_id: str, key: str, now: datetime) -> ledger.Outcome:
    """The member marks the codes of a redemption as used. Raises RedemptionUnknown, StepRefused."""
    step = _Step(redemption_id, "use", Cause(rules.scope_of(redemption_id), f"use#{redemption_id}"), now)

    def check() -> None:
        if "codes" not in step.record.room:
            raise StepRefused([{"field": "step", "problem": "it has no codes"}])

    return _by_member(caller, step, key, {"operation": "use"}, check=check)


def appoint(caller: callers.Member, redemption_id: str, body: AppointmentIn, key: str, now: datetime) -> ledger.Outcome:
    """The member asks for another time, which the shop has to confirm again. Raises RedemptionUnknown, StepRefused,
    TooManyAppointments, InvalidFields."""
    cause = Cause(rules.scope_of(redemption_id), f"appointment#{digest(key, 24)}")
    step = _Step(redemption_id, "appointment", cause, now, {"appointment_at": rfc3339(body.appointment_at)})

    def check() -> None:
        if body.appointment_at <= now:
            raise invalid("appointment_at", "in the future")
        if sum(entry.facts.get("step") == "appointment" for entry in step.entries) >= MAX_APPOINTMENTS:
            raise TooManyAppointments

    content = {"operation": "appoint", "key": key, **body.model_dump(mode="json")}
    return _by_member(caller, step, key, content, check=check)


def claim(caller: callers.Member, redemption_id: str, body: ClaimIn, key: str, now: datetime) -> ledger.Outcome:
    """The member asks for something to be put right. Raises RedemptionUnknown, StepRefused."""
    cause = Cause(rules.scope_of(redemption_id), f"claim#{digest(key, 24)}")
    step = _Step(redemption_id, "claim", cause, now, quantity=body.quantity)

    def also(decision: Decision) -> list[Also]:
        pieces = decision.entry.facts["claimed"]
        return [work.claimed(step.record, cause.key, body.reason, body.pictures, pieces, now)]

    return _by_member(caller, step, key, {"operation": "claim", "key": key, **body.model_dump()}, also=also)


def take_step(operator: callers.Operator, redemption_id: str, body: StepIn, key: str, now: datetime) -> ledger.Outcome:
    """A step by an operator, audited in the same transaction. Raises RedemptionUnknown, StepRefused, AddressGone,
    CampaignSettled."""
    # Of any step: with the same key another one is other content, and not another step.
    cause = Cause(rules.scope_of(redemption_id), f"step#{digest(f'{operator.operator_id}#{key}', 24)}")
    content = {"operation": "step", **body.model_dump(mode="json", exclude_none=True)}
    return _by_operator(operator, redemption_id, body, cause, content, now)


def ship(operator: callers.Operator, redemption_id: str, body: StepIn, now: datetime) -> ledger.Outcome:
    """A shipment as a file tells it. Known by what it says: whoever brings the same line again changes nothing. Raises
    what `take_step` raises."""
    content = {"operation": "shipment", "details": body.model_dump(mode="json")["details"]}
    cause = Cause(rules.scope_of(redemption_id), f"shipment#{ledger.body_hash(content)[:24]}")
    return _by_operator(operator, redemption_id, body, cause, content, now)


def _by_operator(
    operator: callers.Operator,
    redemption_id: str,
    body: StepIn,
    cause: Cause,
    content: Mapping[str, Any],
    now: datetime,
) -> ledger.Outcome:
    restock = body.restock or body.step in ("cancellation", "failure")
    step = _Step(redemption_id, body.step, cause, now, body.kept(), body.quantity, restock)
    record = _audited(operator, redemption_id, body, now)

    def also(decision: Decision) -> list[Also]:
        written = [Also(record), *step.also(decision)]
        if body.step == "shipment" and body.details:
            written.append(work.shipped(step.record, str(body.details.company), str(body.details.number), now))
        return written

    try:
        return ledger.execute(
            find(redemption_id)[0].member_id, step.decide, cause=cause, body_hash=ledger.body_hash(content), also=also
        )
    except ledger.AlsoRefused as refused:
        raise step.refused(refused) from refused


def _audited(operator: callers.Operator, redemption_id: str, body: StepIn, now: datetime) -> AuditRecord:
    details = {"step": body.step, "reason": body.reason}
    if body.quantity:
        details["quantity"] = str(body.quantity)
    return audit.record(operator.name, "redemption.step", redemption_id, details, now)


def erase_address(caller: callers.Member, redemption_id: str) -> bool:
    """The member has a parcel's address erased; False: it was already. Raises RedemptionUnknown, StillToShip,
    NoParcel."""
    ledger.admit(ledger.load(caller.member_id), caller)
    find(redemption_id, caller.member_id)
    return work.erase_address(redemption_id)


def erase_address_for(operator: callers.Operator, redemption_id: str, reason: str, now: datetime) -> None:
    """The same by an operator, audited when there was one to erase."""
    find(redemption_id)
    record = audit.record(operator.name, "redemption.address_erasure", redemption_id, {"reason": reason}, now)
    work.erase_address(redemption_id, record)


def find(redemption_id: str, member_id: str | None = None) -> tuple[RedemptionRecord, list[Entry]]:
    """A redemption, of that member if one is named, and the entries it is told by: one query. Raises
    RedemptionUnknown."""
    # From a path: DynamoDB takes no key of 3 KB.
    entries = ledger.scope(rules.scope_of(redemption_id)) if rules.REDEMPTION_ID.fullmatch(redemption_id) else []
    record = redemptions.record_of(entries)
    if record is None or member_id not in (None, record.member_id):
        raise RedemptionUnknown
    return record, entries
