"""What redemptions leave for people to do: parcels to ship, claims to decide. Written in the transaction of the step
that makes or ends the work. Personal data, and what members write in their own words, lies here and nowhere else."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.update import Action

from chalicelib.engine.events import RedemptionRecord
from chalicelib.ledger import Also
from chalicelib.redemption import rules
from chalicelib.redemption.items import APPOINTMENT, CLAIM, PARCEL, AppointmentItem, ClaimItem, ParcelItem
from chalicelib.shared import dynamo
from chalicelib.shared.audit import AuditRecord
from chalicelib.shared.clock import rfc3339
from chalicelib.shared.errors import BadCursor, Conflict, Unavailable

Kind = Literal["to_ship", "claimed"]


class StillToShip(Conflict):
    code = "STILL_TO_SHIP"
    message, message_zh = (
        "The parcel is still to be shipped; its address is needed.",
        "包裹尚未发出，暂不能删除收货地址",
    )


class NoParcel(Conflict):
    code = "NO_PARCEL"
    message, message_zh = "This redemption has no parcel.", "该兑换单没有收货信息"


# A place in the list, as `_since` writes it.
_PLACE = re.compile(r"[0-9TZ:.\-]{20,27}#" + rules.REDEMPTION_ID.pattern)
_AHEAD = ("placed", "reserved")
_OVER = ("completed", "cancelled", "failed", "returned")


@dataclass(frozen=True)
class Parcel:
    """`work`: to_ship or shipped; empty: nothing to do any more. `address` is None once it has been erased."""

    address: Mapping[str, str] | None
    company: str
    number: str
    work: str


@dataclass(frozen=True)
class Claim:
    """`reason`, `pictures`: as the member sent them. `waits`: nobody has decided it yet."""

    claim_id: str
    reason: str
    pictures: tuple[str, ...]
    quantity: int
    waits: bool


@dataclass(frozen=True)
class Task:
    """One redemption that waits, since when, and what for."""

    redemption_id: str
    member_id: str
    offer_id: str
    quantity: int
    since: str
    parcel: Parcel | None
    claim: Claim | None


def _since(redemption_id: str, now: datetime) -> str:
    # The id makes each place in the list its own, so that a page can begin after it.
    return f"{rfc3339(now)}#{redemption_id}"


def ordered(redemption_id: str, member_id: str, offer_id: str, quantity: int, address: Mapping[str, str],
            now: datetime) -> Also:  # fmt: skip
    """A parcel to ship."""
    item = ParcelItem(
        redemption_id,
        PARCEL,
        member_id=member_id,
        offer_id=offer_id,
        quantity=quantity,
        address=dict(address),
        work="to_ship",
        work_at=_since(redemption_id, now),
    )
    return Also(item)


def claimed(record: RedemptionRecord, claim_id: str, reason: str, pictures: tuple[str, ...], quantity: int,
            now: datetime) -> Also:  # fmt: skip
    """A claim to decide. `claim_id`: the key of its cause."""
    item = ClaimItem(
        record.redemption_id,
        claim_id,
        member_id=record.member_id,
        offer_id=record.offer_id,
        reason=reason,
        pictures=list(pictures),
        quantity=quantity,
        work="claimed",
        work_at=_since(record.redemption_id, now),
    )
    return Also(item)


def decided(record: RedemptionRecord) -> list[Also]:
    """The claim that waited is decided."""
    if record.claim is None:
        return []
    item = ClaimItem(record.redemption_id, record.claim[0])
    return [Also(item, ClaimItem.id.exists(), (ClaimItem.work.remove(), ClaimItem.work_at.remove()))]


def shipped(record: RedemptionRecord, company: str, number: str, now: datetime) -> Also:
    """The parcel is on its way; refused when its address has been erased."""
    actions = (
        ParcelItem.company.set(company),
        ParcelItem.number.set(number),
        ParcelItem.work.set("shipped"),
        ParcelItem.work_at.set(_since(record.redemption_id, now)),
    )
    return _on_parcel(record, actions, address=True)


def follows(record: RedemptionRecord, step: str, state: str, returned: int, now: datetime) -> list[Also]:
    """What a step other than a shipment, which gave back so many pieces, means for the parcel of a physical offer and
    the appointment of a service. A replacement is refused when the parcel's address has been erased."""
    if record.kind == "service" and record.state in _AHEAD and state not in _AHEAD:
        return _kept(record)
    if record.kind != "physical":
        return []
    if step == "replacement":
        pieces = record.claim[1] if record.claim else record.kept
        waits = (ParcelItem.work.set("to_ship"), ParcelItem.work_at.set(_since(record.redemption_id, now)))
        return [_on_parcel(record, (*waits, ParcelItem.quantity.set(pieces)), address=True)]
    # A replacement that failed is not to be shipped any more, whatever becomes of the rest.
    if state in _OVER or step == "failure":
        return [_on_parcel(record, (ParcelItem.work.remove(), ParcelItem.work_at.remove()))]
    if returned and state == "replacing":
        return [_on_parcel(record, (ParcelItem.quantity.set(min(record.replacing, record.kept - returned)),))]
    return []


def wished(redemption_id: str, member_id: str, offer_id: str, quantity: int, at: str, *, agreed: bool = False) -> Also:
    """The appointment of a service at the instant `at`, which the member wishes for or the shop has agreed to."""
    item = AppointmentItem(
        redemption_id,
        APPOINTMENT,
        member_id=member_id,
        offer_id=offer_id,
        quantity=quantity,
        agreed=agreed,
        work="appointment",
        work_at=f"{at}#{redemption_id}",
    )
    return Also(item)


def _kept(record: RedemptionRecord) -> list[Also]:
    """The appointment, if there was one, is not to come any more."""
    if "appointment_at" not in record.room and not {"appointment", "reservation"} & set(record.details):
        return []
    item = AppointmentItem(record.redemption_id, APPOINTMENT)
    return [Also(item, None, (AppointmentItem.work.remove(), AppointmentItem.work_at.remove()))]


def _on_parcel(record: RedemptionRecord, actions: tuple[Action, ...], *, address: bool = False) -> Also:
    there = ParcelItem.address.exists() if address else ParcelItem.id.exists()
    return Also(ParcelItem(record.redemption_id, PARCEL), there, actions)


def parcel(redemption_id: str) -> Parcel | None:
    """The parcel of a redemption."""
    try:
        return _parcel(ParcelItem.get(redemption_id, PARCEL, consistent_read=True))
    except ParcelItem.DoesNotExist:
        return None
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error


def erase_address(redemption_id: str, record: AuditRecord | None = None) -> bool:
    """Erases where the parcel went, and its number, which leads there. False: that was done before. With the audit
    record of an operator, who did it. Raises StillToShip, NoParcel, Unavailable."""
    erased = (ParcelItem.address.remove(), ParcelItem.company.remove(), ParcelItem.number.remove())
    may = ParcelItem.address.exists() & (ParcelItem.work.does_not_exist() | (ParcelItem.work != "to_ship"))
    try:
        with dynamo.together() as writes:
            writes.update(ParcelItem(redemption_id, PARCEL), list(erased), may)
            if record:
                writes.save(record)
    except dynamo.Overtaken as overtaken:
        found = parcel(redemption_id)
        if found is None:
            raise NoParcel from overtaken
        if found.address is None:
            return False
        raise StillToShip if found.work == "to_ship" else Unavailable from overtaken
    return True


def claims(redemption_id: str) -> list[Claim]:
    """Every claim of a redemption."""
    try:
        found = ClaimItem.query(redemption_id, ClaimItem.kind.startswith(f"{CLAIM}#"), consistent_read=True)
        return [_claim(item) for item in found]
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error


def waiting(kind: Kind, limit: int, cursor: str | None) -> tuple[list[Task], str | None]:
    """A page of what waits, the oldest first, and the cursor of the next page: one query of an index, which may trail
    behind the last writes by a moment."""
    after = dynamo.decode_cursor(cursor)
    if after is not None and not (isinstance(after, str) and _PLACE.fullmatch(after)):
        raise BadCursor
    model: Any = ParcelItem if kind == "to_ship" else ClaimItem
    try:
        found = list(model.by_work.query(kind, model.work_at > after if after else None, limit=limit + 1))
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error
    more = found[limit - 1].work_at if len(found) > limit else None
    return [_task(item) for item in found[:limit]], dynamo.encode_cursor(more)


@dataclass(frozen=True)
class Appointment:
    """A service that is wished for, or agreed, at an instant."""

    redemption_id: str
    member_id: str
    offer_id: str
    quantity: int
    at: str
    agreed: bool


def appointments(
    begins: datetime, ends: datetime, limit: int, cursor: str | None
) -> tuple[list[Appointment], str | None]:
    """A page of those from `begins` on and before `ends`, in their order, as `waiting` has it."""
    after = dynamo.decode_cursor(cursor)
    if after is not None and not (isinstance(after, str) and _PLACE.fullmatch(after)):
        raise BadCursor
    # Without its last letter a bound stands before every place of that instant, and after the one before.
    first, last = rfc3339(begins)[:-1], rfc3339(ends)[:-1]
    if after and after > last:
        return [], None
    bounds = AppointmentItem.work_at.between(f"{after}#" if after and after > first else first, last)
    try:
        found = list(AppointmentItem.by_work.query("appointment", bounds, limit=limit + 1))
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error
    more = found[limit - 1].work_at if len(found) > limit else None
    return [_appointment(item) for item in found[:limit]], dynamo.encode_cursor(more)


def _appointment(item: AppointmentItem) -> Appointment:
    at = str(item.work_at).partition("#")[0]
    return Appointment(item.id, item.member_id, item.offer_id, int(item.quantity), at, bool(item.agreed))


def _task(item: Any) -> Task:
    return Task(
        redemption_id=item.id,
        member_id=item.member_id,
        offer_id=item.offer_id,
        quantity=int(item.quantity),
        since=item.work_at.partition("#")[0],
        parcel=_parcel(item) if isinstance(item, ParcelItem) else None,
        claim=_claim(item) if isinstance(item, ClaimItem) else None,
    )


def _parcel(item: ParcelItem) -> Parcel:
    return Parcel(item.address, item.company or "", item.number or "", item.work or "")


def _claim(item: ClaimItem) -> Claim:
    return Claim(item.kind, item.reason, tuple(item.pictures), int(item.quantity), bool(item.work))
