"""HTTP for operators: offers with their stock and codes, and the settlement of campaigns."""

from chalice.app import Blueprint

from chalicelib.redemption import codes, donation_views, donations, levels, offer_views, offers
from chalicelib.redemption.donation_schemas import SettlementIn, SettlementView
from chalicelib.redemption.offer_schemas import (
    CodesIn,
    CodesOut,
    OfferChangeIn,
    OfferDraftList,
    OfferDraftOut,
    OfferFindingsOut,
    OfferIn,
    StockIn,
    StockOut,
    WithdrawIn,
)
from chalicelib.shared.edge import Call, endpoint, operators
from chalicelib.shared.schemas import Empty, PageQuery

admin = Blueprint(__name__)

_READERS = operators("operator", "analyst", "support")
_EDITORS = operators("operator")


@admin.route("/v1/admin/offers", methods=["GET"])
@endpoint(admin, auth=_READERS, query=PageQuery, answer=OfferDraftList)
def all_offers(call: Call) -> OfferDraftList:
    """Every offer as it is being worked on, by id"""
    page, cursor = offers.drafts(call.query.limit, call.query.cursor)
    return OfferDraftList(items=[offer_views.summary(draft) for draft in page], next_cursor=cursor)


@admin.route("/v1/admin/offers", methods=["POST"])
@endpoint(admin, auth=_EDITORS, body=OfferIn, answer=OfferDraftOut, status=201, further=(409,))
def create_offer(call: Call) -> OfferDraftOut:
    """Save a new offer, valid or not"""
    return offer_views.summary(offers.create(call.body.document, call.operator.name, call.now))


@admin.route("/v1/admin/offers/{offer_id}", methods=["GET"])
@endpoint(admin, auth=_READERS, answer=OfferDraftOut)
def show_offer(call: Call) -> OfferDraftOut:
    """One offer as it is being worked on"""
    return offer_views.summary(offers.draft(call.path["offer_id"]))


@admin.route("/v1/admin/offers/{offer_id}", methods=["PUT"])
@endpoint(admin, auth=_EDITORS, body=OfferChangeIn, answer=OfferDraftOut, further=(409,))
def change_offer(call: Call) -> OfferDraftOut:
    """Save an offer again; what is in force stays as it is until it is published"""
    actor, body = call.operator.name, call.body
    return offer_views.summary(offers.change(call.path["offer_id"], body.document, body.revision, actor, call.now))


@admin.route("/v1/admin/offers/{offer_id}/validate", methods=["POST"])
@endpoint(admin, auth=_READERS, body=Empty, answer=OfferFindingsOut)
def validate_offer(call: Call) -> OfferFindingsOut:
    """What publishing the offer would say; nothing is kept"""
    return offer_views.findings(offers.review(call.path["offer_id"], call.now))


@admin.route("/v1/admin/offers/{offer_id}/publish", methods=["POST"])
@endpoint(admin, auth=_EDITORS, body=Empty, answer=OfferDraftOut, further=(409,))
def publish_offer(call: Call) -> OfferDraftOut:
    """Publish the offer as its next version, in force at once"""
    return offer_views.summary(offers.publish(call.path["offer_id"], call.operator.name, call.now))


@admin.route("/v1/admin/offers/{offer_id}/withdraw", methods=["POST"])
@endpoint(admin, auth=_EDITORS, body=WithdrawIn, answer=OfferDraftOut, further=(409,))
def withdraw_offer(call: Call) -> OfferDraftOut:
    """Take the offer out of the mall, with a reason"""
    actor, reason = call.operator.name, call.body.reason
    return offer_views.summary(offers.withdraw(call.path["offer_id"], reason, actor, call.now))


@admin.route("/v1/admin/offers/{offer_id}/stock", methods=["GET"])
@endpoint(admin, auth=_READERS, answer=StockOut)
def show_stock(call: Call) -> StockOut:
    """The pieces on sale now"""
    return offer_views.stock(levels.level(call.path["offer_id"], call.now))


@admin.route("/v1/admin/offers/{offer_id}/stock", methods=["PUT"])
@endpoint(admin, auth=_EDITORS, body=StockIn, answer=StockOut, further=(409,))
def set_stock(call: Call) -> StockOut:
    """Set how many pieces the present period has altogether; never fewer than are sold"""
    offer_id, pieces = call.path["offer_id"], call.body.pieces
    return offer_views.stock(levels.set_pieces(offer_id, pieces, call.operator.name, call.now))


@admin.route("/v1/admin/offers/{offer_id}/codes", methods=["POST"])
@endpoint(admin, auth=_EDITORS, body=CodesIn, answer=CodesOut, further=(409,))
def load_codes(call: Call) -> CodesOut:
    """Load codes of a virtual offer, which raises its stock; those loaded before are not loaded again"""
    return offer_views.loaded(codes.load(call.path["offer_id"], call.body.codes, call.operator.name, call.now))


@admin.route("/v1/admin/donations/{campaign_id}/settlement", methods=["POST"])
@endpoint(admin, auth=_EDITORS, body=SettlementIn, answer=SettlementView, further=(409,))
def settle(call: Call) -> SettlementView:
    """Record what a campaign's partner got, once; from then on no donation can be taken back"""
    body, campaign_id = call.body, call.path["campaign_id"]
    found = donations.settle(call.operator, campaign_id, body.reference, body.amount_fen, body.reason, call.now)
    return donation_views.settlement(found)
