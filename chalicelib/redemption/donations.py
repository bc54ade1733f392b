"""Campaigns, what each has been given, and a member's donations. A campaign is an offer, and a donation a redemption of
it; what is special about them is here and in `tally` (docs/decisions/0016-codes-and-donations.md)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from chalicelib import ledger
from chalicelib.engine.events import RedemptionRecord
from chalicelib.engine.redemptions import record_of
from chalicelib.redemption import documents, items, offers, tally
from chalicelib.redemption.documents import OfferDocument
from chalicelib.redemption.offers import OfferUnknown
from chalicelib.redemption.tally import Settlement, Totals
from chalicelib.rulebook.model import Words
from chalicelib.shared import audit, callers, dynamo
from chalicelib.shared.errors import Conflict


class CampaignOpen(Conflict):
    code = "CAMPAIGN_OPEN"
    message, message_zh = (
        "The campaign still takes donations; close or withdraw it first.",
        "活动仍在进行，请先结束或下架",
    )


@dataclass(frozen=True)
class Campaign:
    """`takes`: it takes donations now."""

    document: OfferDocument
    takes: bool
    totals: Totals
    settlement: Settlement | None


@dataclass(frozen=True)
class Donation:
    """A donation of a member. `worth_fen`: by the value anchor of that day · `settled`: the partner got it, and it
    cannot be taken back any more."""

    donation_id: str
    campaign_id: str
    name: Words
    partner: Words
    points: int
    worth_fen: int
    on: date
    state: str
    settled: bool


def campaigns(limit: int, cursor: str | None, now: datetime) -> tuple[list[Campaign], str | None]:
    """A page of those in force, in the order of the mall, and the cursor of the next page. A query a campaign, since
    what it shows is exact."""
    after = offers.after(cursor)
    listed = [listed.document for listed in offers.in_force().values() if listed.document.donation]
    listed = [document for document in listed if after is None or offers.place(document) > after]
    shown = listed[:limit]
    more = list(offers.place(shown[-1])) if len(listed) > len(shown) else None
    return [_campaign(document, True, now) for document in shown], dynamo.encode_cursor(more)


def campaign(campaign_id: str, now: datetime) -> Campaign:
    """One campaign, also when it is withdrawn. Raises OfferUnknown."""
    listed = offers.in_force().get(campaign_id)
    return _campaign(listed.document if listed else _newest(campaign_id), listed is not None, now)


def _newest(campaign_id: str) -> OfferDocument:
    draft = offers.draft(campaign_id)
    version = items.read_version(campaign_id, draft.version) if draft.version else None
    if version is None:
        raise OfferUnknown
    return documents.load(version.document)


def _campaign(document: OfferDocument, offered: bool, now: datetime) -> Campaign:
    if not document.donation:
        raise OfferUnknown
    found, settled = tally.totals(document.offer_id)
    opens, closes = document.opens_at, document.closes_at
    takes = offered and not settled and (opens is None or opens <= now) and (closes is None or now < closes)
    return Campaign(document, takes, found, tally.settlement(document.offer_id) if settled else None)


def settle(
    operator: callers.Operator, campaign_id: str, reference: str, amount_fen: int, reason: str, now: datetime
) -> Settlement:
    """Records, once and audited, what the partner of a campaign got that takes no more donations. Raises OfferUnknown,
    CampaignOpen, CampaignSettled."""
    offered = items.read_in_force(campaign_id) if documents.OFFER_ID.fullmatch(campaign_id) else None
    document = documents.load(offered.document) if offered else _newest(campaign_id)
    if not document.donation:
        raise OfferUnknown
    if offered and (document.closes_at is None or document.closes_at > now):
        raise CampaignOpen
    details = {"reference": reference, "amount_fen": amount_fen, "reason": reason}
    record = audit.record(operator.name, "donation.settle", campaign_id, details, now)
    return tally.settle(campaign_id, reference, amount_fen, record, now)


def mine(caller: callers.Member, limit: int, cursor: str | None) -> tuple[list[Donation], str | None]:
    """The donations among a page of the member's redemptions, newest first, and the cursor of the next page: it may be
    there when this page has few of them, or none."""
    ledger.admit_reader(ledger.load(caller.member_id), caller)
    page, further = ledger.redemptions(caller.member_id, limit, cursor)
    records = [record for entries in page if (record := record_of(entries)) and record.kind == "donation"]
    return list(_donations(records)), further


def _donations(records: list[RedemptionRecord]) -> Iterator[Donation]:
    settled = {campaign: tally.settlement(campaign) is not None for campaign in {r.offer_id for r in records}}
    for record in records:
        kept = record.kept > 0
        yield Donation(
            donation_id=record.redemption_id,
            campaign_id=record.offer_id,
            name=record.name,
            partner=Words(**record.room["partner"]),
            points=record.quantity * record.price_points,
            worth_fen=record.room["worth_fen"],
            on=record.on,
            state=record.state,
            settled=kept and settled[record.offer_id],
        )
