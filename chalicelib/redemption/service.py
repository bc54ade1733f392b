"""Load, decide, commit: redeeming, and donating, which is redeeming a campaign. What becomes of it: `steps`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib import ledger
from chalicelib.engine.events import Cause, Redeemed
from chalicelib.engine.refusals import OfferNotYours
from chalicelib.ledger import Also
from chalicelib.redemption import codes, offers, rules, stock, tally, work
from chalicelib.redemption.codes import CodesUnreadable
from chalicelib.redemption.documents import OfferDocument
from chalicelib.redemption.schemas import RedeemIn
from chalicelib.redemption.stock import SoldOut
from chalicelib.redemption.tally import CampaignSettled
from chalicelib.rulebook import store
from chalicelib.shared import callers
from chalicelib.shared.clock import rfc3339
from chalicelib.shared.errors import InvalidFields, Unavailable, invalid

# How often other pieces are chosen when those chosen first have been taken meanwhile.
ATTEMPTS = 8
MAX_CODES = 5
# What a repeat may be told instead of its first answer, because nothing of it could be done any more.
_REFUSALS = (offers.OfferUnknown, OfferNotYours, SoldOut, InvalidFields, CampaignSettled, CodesUnreadable)


@dataclass(frozen=True)
class _Wish:
    """What a member taps: so many pieces of an offer for at most so many points, under their Idempotency-Key.
    `content`: what makes two requests the same."""

    caller: callers.Member
    offer: OfferDocument
    quantity: int
    expected_points: int
    key: str
    content: dict[str, Any]
    address: dict[str, str] | None = None
    appointment_at: str = ""

    @property
    def redemption_id(self) -> str:
        return rules.redemption_id(self.caller.member_id, self.key)

    def room(self, marks: Sequence[str], worth_fen: int) -> dict[str, Any]:
        """What was agreed when the offer was redeemed, whatever the offer says later."""
        agreed: dict[str, Any] = {} if self.offer.cancellable else {"final": True}
        if self.appointment_at:
            agreed["appointment_at"] = self.appointment_at
        if marks:
            agreed["codes"] = list(marks)
        if self.offer.donation:
            partner = self.offer.donation.partner
            agreed |= {"partner": {"zh": partner.zh, "en": partner.en}, "worth_fen": worth_fen}
        return agreed

    def also(self, period: str, pieces: Mapping[str, int], marks: Sequence[str], now: datetime) -> list[Also]:
        """The room's own writes."""
        offer, member_id = self.offer, self.caller.member_id
        about = (self.redemption_id, member_id, offer.offer_id, self.quantity)
        found = [*stock.taking(offer.offer_id, period, pieces), *codes.taking(offer.offer_id, marks)]
        if self.address:
            found.append(work.ordered(*about, self.address, now))
        if self.appointment_at:
            found.append(work.wished(*about, self.appointment_at))
        if offer.donation:
            found.append(tally.given(offer.offer_id, member_id, self.expected_points, 1))
        return found


def redeem(caller: callers.Member, body: RedeemIn, key: str, now: datetime) -> ledger.Outcome:
    """Points for pieces, in one transaction. Raises OfferUnknown, SoldOut, InvalidFields, and whatever the law refuses.

    A repeat is a repeat, also when nothing of it could be done any more.
    """
    # With the key: of the digest alone, which stays in the journal, nobody can tell an address by guessing.
    content = {"operation": "redeem", "key": key, **body.model_dump(mode="json", exclude_none=True)}

    def wish() -> _Wish:
        offer = offers.find(body.offer_id).document
        _check_fits(body, offer, now)
        address = body.address.model_dump() if body.address else None
        at = rfc3339(body.appointment_at) if body.appointment_at else ""
        return _Wish(caller, offer, body.quantity, body.expected_points, key, content, address, at)

    return _redeem(caller, wish, content, key, now)


def donate(caller: callers.Member, campaign_id: str, points: int, key: str, now: datetime) -> ledger.Outcome:
    """Points for a campaign, as a redemption of it. Raises OfferUnknown, InvalidFields, CampaignSettled, and whatever
    the law refuses."""
    content = {"operation": "donate", "key": key, "campaign_id": campaign_id, "points": points}

    def wish() -> _Wish:
        offer = offers.find(campaign_id).document
        if not offer.donation:
            raise offers.OfferUnknown
        if points % offer.price_points:
            raise invalid("points", f"not a multiple of {offer.price_points}")
        return _Wish(caller, offer, points // offer.price_points, points, key, content)

    return _redeem(caller, wish, content, key, now)


def _redeem(
    caller: callers.Member, wish: Callable[[], _Wish], content: dict[str, Any], key: str, now: datetime
) -> ledger.Outcome:
    try:
        return _commit(wish(), now)
    except _REFUSALS as refused:
        found, _ = ledger.look(_cause(rules.redemption_id(caller.member_id, key)), ledger.body_hash(content))
        if found is None and isinstance(refused, SoldOut):
            # Most of a rush is told this, and whoever asks may know: the account is not read for it.
            raise
        ledger.admit(ledger.load(caller.member_id), caller)
        if found is None:
            raise
        return ledger.Outcome(found, None, True)


def _cause(redemption_id: str) -> Cause:
    return Cause(rules.scope_of(redemption_id), f"redemption#{redemption_id}")


def _commit(wish: _Wish, now: datetime) -> ledger.Outcome:
    offer, rulebook = wish.offer, store.current(now).rulebook
    period = stock.period(offer, now)
    # What the points are worth is for whoever reads the certificate; whole fen, never rounded up.
    worth_fen = wish.expected_points * 100 // rulebook.points_per_yuan_value
    for _ in range(ATTEMPTS):
        chosen = stock.choose(offer, period, wish.caller.member_id, wish.quantity)
        marks = codes.choose(offer, wish.quantity) if offer.coded else []
        if marks is None:
            continue
        event = Redeemed(
            cause=_cause(wish.redemption_id),
            redemption_id=wish.redemption_id,
            offer=offer.for_engine(rulebook.brand.time_zone),
            quantity=wish.quantity,
            expected_points=wish.expected_points,
            period=period,
            stock=chosen.pieces,
            room=wish.room(marks, worth_fen),
        )
        also = wish.also(period, chosen.pieces, marks, now)
        try:
            outcome = ledger.command(wish.caller, event, wish.content, wish.key, now, also=also)
        except ledger.AlsoRefused as refused:
            if offer.donation:
                raise CampaignSettled from refused
            # Others took them meanwhile; there may be more elsewhere.
            continue
        if offer.coded and not outcome.replayed:
            codes.notice_low(offer, chosen.left, chosen.total)
        return outcome
    raise Unavailable


def _check_fits(body: RedeemIn, offer: OfferDocument, now: datetime) -> None:
    if offer.donation:
        raise invalid("offer_id", "a campaign is donated to")
    if (body.address is None) == (offer.kind == "physical"):
        raise invalid("address", "a physical offer needs one, and no other kind")
    if body.appointment_at and (offer.kind != "service" or body.appointment_at <= now):
        raise invalid("appointment_at", "only of a service, and in the future")
    if offer.coded and body.quantity > MAX_CODES:
        raise invalid("quantity", f"at most {MAX_CODES} codes at once")
