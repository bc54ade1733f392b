"""HTTP for members: campaigns, donating, and their donations."""

from chalice.app import Blueprint

from chalicelib import ledger
from chalicelib.redemption import donation_views, donations, service, views
from chalicelib.redemption.donation_schemas import CampaignList, CampaignView, DonationIn, DonationList
from chalicelib.redemption.schemas import RedeemedAnswer
from chalicelib.shared.edge import Answer, Call, endpoint, member
from chalicelib.shared.schemas import PageQuery

routes = Blueprint(__name__)


@routes.route("/v1/donations", methods=["GET"])
@endpoint(routes, auth=member, query=PageQuery, answer=CampaignList)
def campaigns(call: Call) -> CampaignList:
    """What points can be donated to, and what has been given"""
    ledger.admit_reader(ledger.load(call.member.member_id), call.member)
    page, cursor = donations.campaigns(call.query.limit, call.query.cursor, call.now)
    return CampaignList(items=[donation_views.campaign(found) for found in page], next_cursor=cursor)


@routes.route("/v1/donations/{campaign_id}", methods=["GET"])
@endpoint(routes, auth=member, answer=CampaignView)
def campaign(call: Call) -> CampaignView:
    """One campaign, also when it is withdrawn"""
    ledger.admit_reader(ledger.load(call.member.member_id), call.member)
    return donation_views.campaign(donations.campaign(call.path["campaign_id"], call.now))


@routes.route("/v1/me/donations", methods=["POST"])
@endpoint(routes, auth=member, body=DonationIn, answer=RedeemedAnswer, idempotent=True, further=(404,))
def donate(call: Call) -> Answer:
    """Donate points to a campaign; until it is settled the redemption can be cancelled"""
    body = call.body
    return views.redeemed(service.donate(call.member, body.campaign_id, body.points, call.idempotency_key, call.now))


@routes.route("/v1/me/donations", methods=["GET"])
@endpoint(routes, auth=member, query=PageQuery, answer=DonationList)
def my_donations(call: Call) -> DonationList:
    """The donations among a page of the member's redemptions, newest first, with their certificates"""
    page, cursor = donations.mine(call.member, call.query.limit, call.query.cursor)
    return DonationList(items=[donation_views.donation(found) for found in page], next_cursor=cursor)
