"""HTTP for members, who hold coupons, and for merchants, who use them on orders."""

from chalice.app import Blueprint

from chalicelib import ledger
from chalicelib.coupons import rules, service, uses, views
from chalicelib.coupons.schemas import (
    CancellationAnswer,
    CouponList,
    CouponsQuery,
    QuoteAnswer,
    QuoteQuery,
    UseAnswer,
    UseIn,
)
from chalicelib.shared.edge import Answer, Call, endpoint, member, merchant
from chalicelib.shared.schemas import Empty

routes = Blueprint(__name__)

_SHOWN = (rules.USABLE, rules.USED, rules.EXPIRED)


@routes.route("/v1/me/coupons", methods=["GET"])
@endpoint(routes, auth=member, query=CouponsQuery, answer=CouponList)
def my_coupons(call: Call) -> CouponList:
    """The member's coupons, newest first"""
    member_id, query = call.member.member_id, call.query
    ledger.admit_reader(ledger.load(member_id), call.member)
    states = (query.state,) if query.state else _SHOWN
    page = service.page(member_id, states, service.today(call.now), query.limit, query.cursor)
    return views.coupons(page, call.now)


@routes.route("/v1/coupons/{code}", methods=["GET"])
@endpoint(routes, auth=merchant, query=QuoteQuery, answer=QuoteAnswer)
def quote(call: Call) -> QuoteAnswer:
    """What a coupon is and would take off an order; nothing is written"""
    return views.quote(service.find(call.path["code"]), call.query, call.now)


@routes.route("/v1/coupons/{code}/uses", methods=["POST"])
@endpoint(routes, auth=merchant, body=UseIn, answer=UseAnswer, further=(403,))
def use(call: Call) -> Answer:
    """Use a coupon on an order, once"""
    return views.used(uses.use(call.path["code"], call.body, call.now))


@routes.route("/v1/coupons/{code}/uses/{order_id}/cancellation", methods=["POST"])
@endpoint(routes, auth=merchant, body=Empty, answer=CancellationAnswer)
def cancel_use(call: Call) -> Answer:
    """The order was given up: its coupon comes back"""
    return views.ended(uses.cancel(call.path["code"], call.path["order_id"], call.now))
