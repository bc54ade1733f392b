"""Redemptions as answers. What a write answers is rendered from its stored entry, and the codes that it names, which
never change: a repeat gets it again."""

from collections.abc import Sequence

from chalicelib import ledger
from chalicelib.engine.decision import Entry
from chalicelib.engine.events import RedemptionRecord
from chalicelib.engine.redemptions import STEPS, record_of
from chalicelib.ledger.views import entry_view
from chalicelib.redemption import codes, rules, schemas, shipments, tally, work
from chalicelib.shared.clock import rfc3339
from chalicelib.shared.edge import Answer
from chalicelib.shared.errors import Unavailable
from chalicelib.shared.schemas import Text


def redeemed(outcome: ledger.Outcome) -> Answer:
    """The redemption as it began."""
    shown = redemption([outcome.entry])
    body = schemas.RedeemedAnswer(redemption=shown, codes=_codes(outcome.entry), entry=entry_view(outcome.entry))
    return Answer(body, replayed=outcome.replayed)


def stepped(outcome: ledger.Outcome) -> Answer:
    """One step, and the state after it."""
    entry, facts = outcome.entry, outcome.entry.facts
    body = schemas.StepAnswer(
        redemption_id=facts["redemption_id"], step=facts["step"], state=facts["state"], entry=entry_view(entry)
    )
    return Answer(body, replayed=outcome.replayed)


def _codes(entry: Entry) -> list[str | None]:
    """The codes of a redemption whose first entry this is."""
    return codes.texts(entry.facts["offer_id"], entry.facts.get("room", {}).get("codes", ()))


def redemption(entries: Sequence[Entry]) -> schemas.RedemptionView:
    """A redemption from its entries, in their order. Raises Unavailable when the one that took the points is not among
    them, which the index may show a moment later."""
    record = record_of(entries)
    if record is None:
        raise Unavailable
    agreed = [entry.facts["details"] for entry in entries if "appointment_at" in entry.facts.get("details", {})]
    appointment = (agreed[-1] if agreed else record.room).get("appointment_at")
    return schemas.RedemptionView(
        redemption_id=record.redemption_id,
        offer_id=record.offer_id,
        kind=record.kind,
        name=Text.of(record.name),
        quantity=record.quantity,
        returned=record.returned,
        price_points=record.price_points,
        state=record.state,
        claimed=record.claim[1] if record.claim else 0,
        cancellable=_cancellable(record),
        appointment_at=appointment,
        placed_at=rfc3339(next(entry.at for entry in entries if entry.kind == "redeemed")),
        steps=[_step(entry) for entry in entries if "step" in entry.facts],
    )


def listed(page: Sequence[Sequence[Entry]]) -> list[schemas.RedemptionView]:
    """Redemptions as they are now: a donation cannot be taken back once its campaign is settled. One read a campaign
    of those that otherwise could."""
    shown = [redemption(entries) for entries in page]
    campaigns = {one.offer_id for one in shown if one.kind == "donation" and one.cancellable}
    settled = {campaign for campaign in campaigns if tally.settlement(campaign)}
    return [one.model_copy(update={"cancellable": one.cancellable and one.offer_id not in settled}) for one in shown]


def _cancellable(record: RedemptionRecord) -> bool:
    return record.state in STEPS["cancellation"] and not record.room.get("final")


def _step(entry: Entry) -> schemas.StepView:
    facts = entry.facts
    return schemas.StepView(
        step=facts["step"],
        at=rfc3339(entry.at),
        points=entry.points,
        quantity=facts.get("returned", 0) or facts.get("claimed", 0),
        details=facts.get("details", {}),
    )


def whole(entries: Sequence[Entry]) -> schemas.MemberRedemptionAnswer:
    """A redemption with its codes, its parcel and its claims, which are read only where there can be any."""
    (shown,) = listed([entries])
    first = next(entry for entry in entries if entry.kind == "redeemed")
    parcel = work.parcel(shown.redemption_id) if shown.kind == "physical" else None
    claims = work.claims(shown.redemption_id) if any(step.step == "claim" for step in shown.steps) else []
    return schemas.MemberRedemptionAnswer(
        redemption=shown,
        codes=_codes(first),
        parcel=_parcel(parcel),
        claims=[_claim(claim) for claim in claims],
        member_id=entries[0].member_id,
    )


def masked(answer: schemas.MemberRedemptionAnswer) -> schemas.MemberRedemptionAnswer:
    """The same for operators, who see enough of a code to compare it with what the member reads out."""
    return answer.model_copy(update={"codes": [rules.masked(code) if code else None for code in answer.codes]})


def _parcel(parcel: work.Parcel | None) -> schemas.ParcelView | None:
    if parcel is None:
        return None
    address = schemas.AddressView(**parcel.address) if parcel.address else None
    return schemas.ParcelView(address=address, company=parcel.company, number=parcel.number, work=parcel.work)


def _claim(claim: work.Claim) -> schemas.ClaimView:
    return schemas.ClaimView(
        reason=claim.reason, pictures=list(claim.pictures), quantity=claim.quantity, waits=claim.waits
    )


def task(task: work.Task) -> schemas.TaskView:
    """What waits for an operator."""
    return schemas.TaskView(
        redemption_id=task.redemption_id,
        member_id=task.member_id,
        offer_id=task.offer_id,
        quantity=task.quantity,
        since=task.since,
        parcel=_parcel(task.parcel),
        claim=_claim(task.claim) if task.claim else None,
    )


def erased(redemption_id: str, now: bool) -> Answer:
    """An address is gone; `now`: this call has erased it."""
    return Answer(schemas.ErasureAnswer(redemption_id=redemption_id), replayed=not now)


def appointment(found: work.Appointment) -> schemas.AppointmentView:
    """A service that is to come."""
    return schemas.AppointmentView(
        redemption_id=found.redemption_id,
        member_id=found.member_id,
        offer_id=found.offer_id,
        quantity=found.quantity,
        appointment_at=found.at,
        agreed=found.agreed,
    )


def taken_in(rows: Sequence[shipments.Row]) -> schemas.ShipmentsAnswer:
    """What became of a file, line by line."""
    outcomes = [row.outcome for row in rows]
    return schemas.ShipmentsAnswer(
        shipped=outcomes.count("shipped"),
        repeated=outcomes.count("repeated"),
        refused=outcomes.count("refused"),
        rows=[
            schemas.ShippedRow(
                row=row.number,
                redemption_id=row.redemption_id[: rules.MAX_LINE],
                outcome=row.outcome,
                code=row.refusal.code if row.refusal else "",
                problem=row.refusal.message if row.refusal else "",
                problem_zh=row.refusal.message_zh if row.refusal else "",
            )
            for row in rows
        ],
    )
