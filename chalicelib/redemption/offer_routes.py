"""HTTP for members: the mall."""

from chalice.app import Blueprint

from chalicelib import ledger
from chalicelib.redemption import levels, offer_views, offers
from chalicelib.redemption.offer_schemas import OffersAnswer, OffersQuery, OfferView
from chalicelib.redemption.offer_views import Looker
from chalicelib.rulebook import store
from chalicelib.shared.edge import Call, endpoint, member

routes = Blueprint(__name__)


def _looker(call: Call) -> Looker:
    account = ledger.load(call.member.member_id)
    ledger.admit_reader(account, call.member)
    return Looker(account, store.current(call.now).rulebook, account.frozen_at or call.now)


@routes.route("/v1/offers", methods=["GET"])
@endpoint(routes, auth=member, query=OffersQuery, answer=OffersAnswer)
def mall(call: Call) -> OffersAnswer:
    """What points can be redeemed for, each with the member's own price"""
    looker, found = _looker(call), [listed.document for listed in offers.in_force().values()]
    return offer_views.page(looker, found, call.query, lambda document: levels.left(document, call.now))


@routes.route("/v1/offers/{offer_id}", methods=["GET"])
@endpoint(routes, auth=member, answer=OfferView)
def offer(call: Call) -> OfferView:
    """One offer, also when it has closed meanwhile"""
    looker, document = _looker(call), offers.find(call.path["offer_id"]).document
    return looker.view(document, levels.left(document, call.now))
