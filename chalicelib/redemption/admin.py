"""HTTP for operators: redemptions that wait for them, and what becomes of each."""

from chalice.app import Blueprint

from chalicelib.redemption import service, views, work
from chalicelib.redemption.schemas import (
    MemberRedemptionAnswer,
    StepAnswer,
    StepIn,
    TaskList,
    WorkQuery,
)
from chalicelib.shared.edge import Answer, Call, endpoint, operators

admin = Blueprint(__name__)

_SERVICE = operators("operator", "support")


@admin.route("/v1/admin/redemptions", methods=["GET"])
@endpoint(admin, auth=_SERVICE, query=WorkQuery, answer=TaskList)
def waiting(call: Call) -> TaskList:
    """Parcels to ship or claims to decide, the oldest first"""
    page, cursor = work.waiting(call.query.work, call.query.limit, call.query.cursor)
    return TaskList(items=[views.task(task) for task in page], next_cursor=cursor)


@admin.route("/v1/admin/redemptions/{redemption_id}", methods=["GET"])
@endpoint(admin, auth=_SERVICE, answer=MemberRedemptionAnswer)
def show(call: Call) -> MemberRedemptionAnswer:
    """One redemption, with its parcel and claims"""
    return views.whole(service.find(call.path["redemption_id"])[1])


@admin.route("/v1/admin/redemptions/{redemption_id}/steps", methods=["POST"])
@endpoint(admin, auth=_SERVICE, body=StepIn, answer=StepAnswer, idempotent=True)
def take_step(call: Call) -> Answer:
    """Take a redemption one step further"""
    redemption_id = call.path["redemption_id"]
    return views.stepped(service.take_step(call.operator, redemption_id, call.body, call.idempotency_key, call.now))
