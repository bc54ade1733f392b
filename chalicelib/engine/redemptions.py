"""Redemptions: points against an offer's pieces, and what becomes of them.

A redemption is the entries of its own scope, as an order is: the first takes the points, each later one is a step, and
their fold is its state. Points go back to the lots they came from, the last taken first, so that a part given back
leaves what redeeming fewer pieces would have left.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import Any

from chalicelib.engine import coupons, lotteries, offers, points
from chalicelib.engine.advance import advance
from chalicelib.engine.decision import Decision, Entry
from chalicelib.engine.draft import Draft
from chalicelib.engine.events import Redeemed, RedemptionRecord, RedemptionStep
from chalicelib.engine.refusals import (
    AtCheckout,
    InsufficientPoints,
    LimitReached,
    LotteryClosed,
    NotOnSale,
    OfferNotYours,
    PriceRose,
    StepRefused,
    TooManyLimitedOffers,
)
from chalicelib.rulebook.model import Words

# Each takes some 40 bytes of the account while its limit counts.
MAX_LIMITED_OFFERS = 20

BEGINS: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("physical", "service", "donation"), "placed")
    | dict.fromkeys(("coupon", "virtual", "privilege", "lottery"), "fulfilled")
)
# Only then does it count for tasks, badges and tiers: until then members can take it back by themselves, and what was
# paid for a redemption would be there for the taking.
_HANDED_OVER, _HANDING_OVER = "fulfilled", ("shipment", "fulfilment")
# What a replacement that failed leaves of the other pieces.
_BEFORE_REPLACING = {"physical": "shipped", "service": "fulfilled"}
# What the member has, or should have by now: what can be claimed, and taken back.
_GIVEN = ("shipped", "fulfilled", "used", "completed", "replacing")
# step → {state before: state after}. Every other pair is refused.
STEPS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "appointment": {"placed": "placed", "reserved": "placed"},
        "reservation": {"placed": "reserved", "reserved": "reserved"},
        "shipment": {"placed": "shipped", "shipped": "shipped", "replacing": "shipped"},
        "fulfilment": {"placed": "fulfilled", "reserved": "fulfilled", "replacing": "fulfilled"},
        "use": {"fulfilled": "used"},
        "completion": {"shipped": "completed", "fulfilled": "completed"},
        "cancellation": {"placed": "cancelled", "reserved": "cancelled"},
        "failure": {"placed": "failed", "reserved": "failed", "replacing": "failed"},
        "return": dict.fromkeys(_GIVEN, "returned"),
        "claim": {state: state for state in _GIVEN},
        "refund": dict.fromkeys(_GIVEN, "returned"),
        "rejection": {state: state for state in _GIVEN},
        "replacement": dict.fromkeys(_GIVEN, "replacing"),
    }
)
# Steps that only some kinds of offer know.
KINDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "appointment": ("service",),
        "reservation": ("service",),
        "shipment": ("physical",),
        "fulfilment": ("service",),
        "use": ("coupon", "virtual", "privilege"),
        "completion": ("physical", "service"),
        "replacement": ("physical", "service"),
    }
)
GIVES_BACK = ("cancellation", "failure", "return", "refund")
# Of these, what may give back a part only.
_IN_PARTS = ("return", "refund")
# What an operator decides on a claim: each needs one, and none else gives back what a claim is about.
RESOLUTIONS = ("refund", "rejection", "replacement")
_SAID = {
    "appointment": ("Another time was asked for", "已申请改约"),
    "reservation": ("An appointment was made", "已预约"),
    "shipment": ("On its way", "已发货"),
    "fulfilment": ("The service was given", "服务已完成"),
    "use": ("Used", "已使用"),
    "completion": ("Completed", "已完成"),
    "cancellation": ("Cancelled", "已取消"),
    "failure": ("It could not be fulfilled", "未能履约"),
    "return": ("Returned", "已退回"),
    "claim": ("After-sales service was asked for", "已申请售后"),
    "refund": ("After-sales claim accepted", "售后申请已通过"),
    "rejection": ("After-sales claim declined", "售后申请未通过"),
    "replacement": ("After-sales claim accepted, a replacement follows", "售后申请已通过，将为您换新"),
}


def redeem(draft: Draft, event: Redeemed) -> Decision:
    """Takes the points. Raises AtCheckout, NotOnSale, OfferNotYours, LimitReached, PriceRose, InsufficientPoints,
    TooManyLimitedOffers, LotteryClosed."""
    offer, today = event.offer, draft.today
    if offer.kind not in BEGINS:
        raise AtCheckout
    _check(draft, event)
    each = offers.price(draft.rulebook, draft.account, offer, today)
    if offer.lottery and lotteries.pays_more(draft, offer.lottery, offer.chances, each):
        raise NotOnSale([{"field": "offer_id", "problem": "its chances win more points than it costs by now"}])
    total = each * event.quantity
    if total > event.expected_points:
        raise PriceRose([{"field": "expected_points", "problem": f"the price is {total} points now", "points": total}])
    draft.purse, missing = points.debit(draft.purse, total)
    if missing:
        raise InsufficientPoints([{"field": "quantity", "problem": f"{missing} points to go", "points": missing}])
    if offer.coupon and not coupons.grant(draft, offer.coupon, event.quantity, _coupon_of(event.redemption_id)):
        raise NotOnSale([{"field": "offer_id", "problem": f"no coupon {offer.coupon} is granted now"}])
    if offer.limits:
        redeemed = offers.counted(draft.account, offer, event.quantity, today)
        if len(redeemed) > MAX_LIMITED_OFFERS:
            raise TooManyLimitedOffers
        draft.account = draft.account.with_(redeemed=redeemed)
    begins = BEGINS[offer.kind]
    if begins == _HANDED_OVER:
        draft.count("redemptions", event.quantity, today)
    sum_ = f"{event.quantity} × {each} = {total}"
    draft.say("redemption", -total, f"{offer.name.en}: {sum_}", f"兑换{offer.name.zh}：{sum_}")
    edition = lotteries.give(draft, offer.lottery, offer.chances * event.quantity) if offer.lottery else ""
    if offer.lottery and not edition:
        raise LotteryClosed([{"field": "offer_id", "problem": "its lottery is over"}])
    advance(draft)
    further = {
        "counted_on": today.isoformat() if begins == _HANDED_OVER else "",
        "limited": list(offer.limits), "period": event.period, "stock": dict(event.stock), "room": dict(event.room),
        "gives": [edition, offer.chances] if edition else [],
    }  # fmt: skip
    return draft.finish("redeemed", event.cause, {
        "redemption_id": event.redemption_id, "redemption_seq": draft.before.seq + 1, "state": begins,
        "offer_id": offer.offer_id, "offer_kind": offer.kind,
        "name": {"zh": offer.name.zh, "en": offer.name.en}, "quantity": event.quantity, "price_points": each,
        "on": today.isoformat(), **_present(further),
    })  # fmt: skip


def _coupon_of(redemption_id: str) -> str:
    """For what reason the coupons of a redemption are granted."""
    return f"redemption#{redemption_id}"


def _present(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Only what is there: an entry is written three times, and each started kilobyte costs."""
    return {name: value for name, value in facts.items() if value}


def _check(draft: Draft, event: Redeemed) -> None:
    offer = event.offer
    if offer.opens_at and draft.now < offer.opens_at:
        raise NotOnSale([{"field": "offer_id", "problem": "not open yet", "opens_at": offer.opens_at.isoformat()}])
    if offer.closes_at and draft.now >= offer.closes_at:
        raise NotOnSale([{"field": "offer_id", "problem": "closed"}])
    if not offers.in_tier(draft.rulebook, draft.account, offer, draft.today):
        raise OfferNotYours([{"field": "offer_id", "problem": f"from {offer.min_tier} on"}])
    if not offers.tagged(draft.account, offer):
        raise OfferNotYours([{"field": "offer_id", "problem": "for members with another tag"}])
    left = offers.left_of_limits(draft.account, offer, draft.today)
    if left is not None and event.quantity > left:
        raise LimitReached([{"field": "quantity", "problem": f"{left} more for you now", "left": left}])


def step(draft: Draft, event: RedemptionStep) -> Decision:
    """One step of a redemption. Raises StepRefused where its state, its kind or its claim does not allow it."""
    record, quantity = event.record, pieces(event.record, event.step, event.quantity)
    after = STEPS[event.step].get(record.state)
    if after is None or record.kind not in KINDS.get(event.step, (record.kind,)):
        raise _refused("step", f"not of a {record.kind} redemption that is {record.state}")
    _check_claim(event)
    told, told_zh = _SAID[event.step]
    of_failed = event.step == "failure" and record.state == "replacing"
    if event.step in GIVES_BACK:
        _give_back(draft, event, quantity)
        # Of a part given back the rest stays what it was.
        after = after if quantity == record.kept else _BEFORE_REPLACING[record.kind] if of_failed else record.state
    else:
        draft.say("redemption", 0, f"{record.name.en}: {told}", f"{record.name.zh}：{told_zh}")
    hands_over = event.step in _HANDING_OVER and not record.counted_on
    if hands_over:
        draft.count("redemptions", record.quantity, draft.today)
        advance(draft)
    return draft.finish(f"redemption_{event.step}", event.cause, {
        "redemption_id": record.redemption_id, "redemption_seq": record.seq, "step": event.step, "state": after,
        **_present({
            "details": dict(event.details),
            "returned": quantity if event.step in GIVES_BACK else 0,
            "claimed": quantity if event.step == "claim" else 0,
            "restocked": dict(event.stock),
            "replacing": quantity if event.step == "replacement" else 0,
            "counted_on": draft.today.isoformat() if hands_over else "",
        }),
    })  # fmt: skip


def pieces(record: RedemptionRecord, step: str, quantity: int | None) -> int:
    """How many pieces a step is about: those asked for, else those of the claim it decides, else all there are. Raises
    StepRefused."""
    # Of a replacement that fails, the pieces that were to be replaced; the others are with the member.
    most = min(record.kept, record.replacing) if step == "failure" and record.replacing else record.kept
    of_claim = record.claim[1] if record.claim and step in RESOLUTIONS else most
    found = of_claim if quantity is None else quantity
    least = 1 if step in (*_IN_PARTS, "claim") else most
    if step in (*GIVES_BACK, "claim") and not least <= found <= most:
        raise _refused("quantity", f"{record.kept} pieces are there to give back")
    return found


def _check_claim(event: RedemptionStep) -> None:
    if event.step in RESOLUTIONS and not event.record.claim:
        raise _refused("step", "there is no claim to decide")
    if event.step in ("claim", "return", "failure") and event.record.claim:
        raise _refused("step", "there is a claim to decide first")


def _refused(field: str, problem: str) -> StepRefused:
    return StepRefused([{"field": field, "problem": problem}])


def _give_back(draft: Draft, event: RedemptionStep, quantity: int) -> None:
    record = event.record
    back = points.last(record.taken, quantity * record.price_points)
    worth = draft.purse.worth
    draft.purse, repaid = points.give_back(draft.purse, back, draft.today, draft.rulebook.expiry.refund_grace_days)
    told, told_zh = _SAID[event.step]
    draft.returned = draft.purse.worth - worth
    draft.say("redemption", draft.returned, f"{record.name.en} × {quantity}: {told}, points go back to their lots",
              f"{record.name.zh} × {quantity}：{told_zh}，积分退回原批次")  # fmt: skip
    draft.repaid(repaid)
    if record.coupon:
        coupons.withdraw(draft, quantity, _coupon_of(record.redemption_id), record.seq)
    if record.counted_on:
        draft.count("redemptions", -quantity, record.counted_on)
    count = record.chances * quantity
    if count and lotteries.take_back(draft, record.lottery, count) < count:
        raise _refused("quantity", "its chances have been used, or the lottery is over")
    if record.limited:
        redeemed = offers.uncounted(draft.account, record.offer_id, record.limited, quantity, record.on)
        draft.account = draft.account.with_(redeemed=redeemed)


def _of_price(moves: points.Moves, amount: int) -> points.Moves:
    """The moves that paid the price: the entry's first, before whatever a task that it completed moved."""
    found: list[tuple[date, int]] = []
    for day, move in moves:
        part = min(amount, -move)
        if part <= 0:
            break
        found.append((day, -part))
        amount -= part
    return tuple(found)


def record_of(entries: Iterable[Entry]) -> RedemptionRecord | None:
    """The redemption as its entries tell it; None when none of them took its points."""
    entries = sorted(entries, key=lambda entry: entry.seq)
    first = next((entry for entry in entries if entry.kind == "redeemed"), None)
    if first is None:
        return None
    facts = first.facts
    lottery, chances = facts.get("gives", ("", 0))
    record = RedemptionRecord(
        redemption_id=facts["redemption_id"],
        member_id=first.member_id,
        offer_id=facts["offer_id"],
        kind=facts["offer_kind"],
        name=Words(**facts["name"]),
        quantity=facts["quantity"],
        price_points=facts["price_points"],
        on=date.fromisoformat(facts["on"]),
        state=facts["state"],
        taken=_of_price(first.moves, facts["quantity"] * facts["price_points"]),
        returned=0,
        limited=tuple(facts.get("limited", ())),
        details=MappingProxyType({}),
        claim=None,
        period=facts.get("period", ""),
        stock=MappingProxyType(facts.get("stock", {})),
        room=MappingProxyType(facts.get("room", {})),
        seq=first.seq,
        counted_on=_day(facts),
        lottery=lottery,
        chances=chances,
        coupon=coupons.of_source(facts.get("coupons", ()), _coupon_of(facts["redemption_id"])),
    )
    for entry in entries:
        if "step" in entry.facts:
            record = _after(record, entry)
    return record


def _day(facts: Mapping[str, Any]) -> date | None:
    return date.fromisoformat(facts["counted_on"]) if "counted_on" in facts else None


def _after(record: RedemptionRecord, entry: Entry) -> RedemptionRecord:
    facts = entry.facts
    step, returned, restocked = facts["step"], facts.get("returned", 0), facts.get("restocked", {})
    claim = (entry.cause.key, facts["claimed"]) if step == "claim" else record.claim
    return replace(
        record,
        state=facts["state"],
        taken=points.without_last(record.taken, returned * record.price_points),
        returned=record.returned + returned,
        details=MappingProxyType({**record.details, **({step: facts["details"]} if "details" in facts else {})}),
        claim=None if step in RESOLUTIONS else claim,
        replacing=facts.get("replacing", record.replacing) if facts["state"] == "replacing" else 0,
        counted_on=_day(facts) or record.counted_on,
        stock=MappingProxyType({shard: pieces - restocked.get(shard, 0) for shard, pieces in record.stock.items()}),
    )
