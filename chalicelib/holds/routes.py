"""HTTP for members (what points may pay) and merchants (holds)."""

from chalice.app import Blueprint

from chalicelib.holds import service, views
from chalicelib.holds.schemas import (
    CaptureIn,
    HoldAnswer,
    HoldIn,
    HoldRefundIn,
    HoldStepAnswer,
    QuoteAnswer,
    QuoteIn,
)
from chalicelib.shared.edge import Answer, Call, endpoint, member, merchant
from chalicelib.shared.schemas import Empty

routes = Blueprint(__name__)


@routes.route("/v1/me/cash-offsets/quote", methods=["POST"])
@endpoint(routes, auth=member, body=QuoteIn, answer=QuoteAnswer)
def quote(call: Call) -> QuoteAnswer:
    """How many points may pay for an order; nothing is written"""
    return views.quoted(*service.quote(call.member, call.body.amount_fen, call.now))


@routes.route("/v1/holds", methods=["POST"])
@endpoint(routes, auth=merchant, body=HoldIn, answer=HoldStepAnswer, further=(403,))
def hold(call: Call) -> Answer:
    """Set points aside for an order that is being paid"""
    return views.stepped(service.place(call.body, call.now))


@routes.route("/v1/holds/{hold_id}", methods=["GET"])
@endpoint(routes, auth=merchant, answer=HoldAnswer)
def show(call: Call) -> HoldAnswer:
    """One hold, as it is now"""
    return HoldAnswer(hold=views.view(service.find(call.path["hold_id"])))


@routes.route("/v1/holds/{hold_id}/capture", methods=["POST"])
@endpoint(routes, auth=merchant, body=CaptureIn, answer=HoldStepAnswer, further=(403,))
def capture(call: Call) -> Answer:
    """Take the points held, or a part of them: the order is paid"""
    return views.stepped(service.capture(call.path["hold_id"], call.body.points, call.now))


@routes.route("/v1/holds/{hold_id}/release", methods=["POST"])
@endpoint(routes, auth=merchant, body=Empty, answer=HoldStepAnswer, further=(403,))
def release(call: Call) -> Answer:
    """Give the points held back: the order is not paid with them"""
    return views.stepped(service.release(call.path["hold_id"], call.now))


@routes.route("/v1/holds/{hold_id}/refunds", methods=["POST"])
@endpoint(routes, auth=merchant, body=HoldRefundIn, answer=HoldStepAnswer, further=(403,))
def refund(call: Call) -> Answer:
    """Give captured points back, all of them or a part"""
    return views.stepped(service.refund(call.path["hold_id"], call.body, call.now))
