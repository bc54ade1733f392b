"""HTTP for operators: corrections of points."""

from chalice.app import Blueprint

from chalicelib.earning import service, views
from chalicelib.earning.schemas import AdjustmentIn, EntryAnswer
from chalicelib.shared.edge import Answer, Call, endpoint, operators

admin = Blueprint(__name__)


@admin.route("/v1/admin/members/{member_id}/adjustments", methods=["POST"])
@endpoint(admin, auth=operators("operator"), body=AdjustmentIn, answer=EntryAnswer, idempotent=True)
def adjust(call: Call) -> Answer:
    """Correct a member's points, with a reason"""
    key = call.idempotency_key
    return views.entry_answer(service.adjust(call.operator, call.path["member_id"], call.body, key, call.now))
