"""HTTP for members: redeeming, and their redemptions."""

from chalice.app import Blueprint

from chalicelib import ledger
from chalicelib.redemption import service, steps, views
from chalicelib.redemption.schemas import (
    AppointmentIn,
    ClaimIn,
    ErasureAnswer,
    RedeemedAnswer,
    RedeemIn,
    RedemptionAnswer,
    RedemptionList,
    StepAnswer,
)
from chalicelib.shared.edge import Answer, Call, endpoint, member
from chalicelib.shared.schemas import Empty, PageQuery

routes = Blueprint(__name__)


@routes.route("/v1/me/redemptions", methods=["POST"])
@endpoint(routes, auth=member, body=RedeemIn, answer=RedeemedAnswer, idempotent=True, further=(404,))
def redeem(call: Call) -> Answer:
    """Redeem an offer"""
    return views.redeemed(service.redeem(call.member, call.body, call.idempotency_key, call.now))


@routes.route("/v1/me/redemptions", methods=["GET"])
@endpoint(routes, auth=member, query=PageQuery, answer=RedemptionList)
def redemptions(call: Call) -> RedemptionList:
    """The member's redemptions, newest first"""
    ledger.admit_reader(ledger.load(call.member.member_id), call.member)
    page, cursor = ledger.redemptions(call.member.member_id, call.query.limit, call.query.cursor)
    return RedemptionList(items=views.listed(page), next_cursor=cursor)


@routes.route("/v1/me/redemptions/{redemption_id}", methods=["GET"])
@endpoint(routes, auth=member, answer=RedemptionAnswer)
def redemption(call: Call) -> RedemptionAnswer:
    """One redemption, with its codes, parcel and claims"""
    ledger.admit_reader(ledger.load(call.member.member_id), call.member)
    _, entries = steps.find(call.path["redemption_id"], call.member.member_id)
    return RedemptionAnswer(**views.whole(entries).model_dump(exclude={"member_id"}))


@routes.route("/v1/me/redemptions/{redemption_id}/cancellation", methods=["POST"])
@endpoint(routes, auth=member, body=Empty, answer=StepAnswer, idempotent=True)
def cancel(call: Call) -> Answer:
    """Take a redemption back before it is fulfilled"""
    redemption_id = call.path["redemption_id"]
    return views.stepped(steps.cancel(call.member, redemption_id, call.idempotency_key, call.now))


@routes.route("/v1/me/redemptions/{redemption_id}/claims", methods=["POST"])
@endpoint(routes, auth=member, body=ClaimIn, answer=StepAnswer, idempotent=True)
def claim(call: Call) -> Answer:
    """Ask for something to be put right"""
    redemption_id = call.path["redemption_id"]
    return views.stepped(steps.claim(call.member, redemption_id, call.body, call.idempotency_key, call.now))


@routes.route("/v1/me/redemptions/{redemption_id}/use", methods=["POST"])
@endpoint(routes, auth=member, body=Empty, answer=StepAnswer, idempotent=True)
def use(call: Call) -> Answer:
    """Mark the codes of a redemption as used"""
    redemption_id = call.path["redemption_id"]
    return views.stepped(steps.use(call.member, redemption_id, call.idempotency_key, call.now))


@routes.route("/v1/me/redemptions/{redemption_id}/appointment", methods=["POST"])
@endpoint(routes, auth=member, body=AppointmentIn, answer=StepAnswer, idempotent=True)
def appoint(call: Call) -> Answer:
    """Ask for another time of a service"""
    redemption_id = call.path["redemption_id"]
    return views.stepped(steps.appoint(call.member, redemption_id, call.body, call.idempotency_key, call.now))


@routes.route("/v1/me/redemptions/{redemption_id}/address-erasure", methods=["POST"])
@endpoint(routes, auth=member, body=Empty, answer=ErasureAnswer, idempotent=True)
def erase_address(call: Call) -> Answer:
    """Have a parcel's address erased, once it is not to be shipped any more"""
    redemption_id = call.path["redemption_id"]
    return views.erased(redemption_id, steps.erase_address(call.member, redemption_id))
