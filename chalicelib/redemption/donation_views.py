"""Campaigns and donations as answers."""

from chalicelib.redemption import donation_schemas as schemas
from chalicelib.redemption.donations import Campaign, Donation
from chalicelib.redemption.tally import Settlement
from chalicelib.shared.schemas import Text

_TAKEN_BACK = ("cancelled", "failed")


def campaign(found: Campaign) -> schemas.CampaignView:
    """A campaign with what it has been given."""
    document, donation = found.document, found.document.donation
    if donation is None:
        raise TypeError("not a campaign")
    return schemas.CampaignView(
        campaign_id=document.offer_id,
        name=Text.of(document.name),
        words=Text.of(document.words),
        partner=Text.of(donation.partner),
        pictures=list(document.pictures),
        piece_points=document.price_points,
        points=found.totals.points,
        donations=found.totals.donations,
        goal_points=donation.goal_points,
        takes_donations=found.takes,
        opens_at=document.opens_at,
        closes_at=document.closes_at,
        settlement=settlement(found.settlement) if found.settlement else None,
    )


def settlement(found: Settlement) -> schemas.SettlementView:
    """What the partner got."""
    return schemas.SettlementView(
        reference=found.reference,
        amount_fen=found.amount_fen,
        points=found.totals.points,
        donations=found.totals.donations,
        settled_at=found.at,
    )


def donation(found: Donation) -> schemas.DonationView:
    """A member's donation, and its certificate unless it was taken back."""
    return schemas.DonationView(
        redemption_id=found.donation_id,
        campaign_id=found.campaign_id,
        name=Text.of(found.name),
        points=found.points,
        state=found.state,
        certificate=None if found.state in _TAKEN_BACK else _certificate(found),
    )


def _certificate(found: Donation) -> schemas.CertificateView:
    yuan = f"{found.worth_fen // 100}.{found.worth_fen % 100:02d}"
    zh = (
        f"感谢您通过“{found.name.zh}”向{found.partner.zh}捐赠 {found.points} 积分（约合 {yuan} 元）。"
        f"证书编号 {found.donation_id}。本证书不作为税务凭证。"
    )
    en = (
        f"Thank you for donating {found.points} points (worth about {yuan} yuan) to {found.partner.en} through "
        f"“{found.name.en}”. Certificate {found.donation_id}. This is no receipt for tax."
    )
    return schemas.CertificateView(
        number=found.donation_id,
        donated_on=found.on,
        partner=Text.of(found.partner),
        points=found.points,
        worth_fen=found.worth_fen,
        settled=found.settled,
        words=Text(zh=zh, en=en),
    )
