"""HTTP for operators: a member's tier, and test clocks (in no live stage)."""

from chalice.app import Blueprint

from chalicelib.shared.edge import Answer, Call, endpoint, operators
from chalicelib.tiers import clocks, service, views
from chalicelib.tiers.schemas import AdvanceIn, ClockAnswer, ClockIn, DoneAnswer, TierIn

admin = Blueprint(__name__)


@admin.route("/v1/admin/members/{member_id}/tier", methods=["POST"])
@endpoint(admin, auth=operators("operator"), body=TierIn, answer=DoneAnswer, idempotent=True)
def set_tier(call: Call) -> Answer:
    """Set or lend a member's tier, with a reason"""
    member_id, key = call.path["member_id"], call.idempotency_key
    return views.done(service.set_tier(call.operator, member_id, call.body, key, call.now))


@admin.route("/v1/admin/test-clocks", methods=["POST"])
@endpoint(admin, auth=operators("operator"), body=ClockIn, answer=ClockAnswer, further=(404, 409))
def create_clock(call: Call) -> ClockAnswer:
    """Show some members another instant, from which their time is moved by hand"""
    return views.clock(clocks.create(call.operator, call.body.frozen_at, call.body.members, call.now))


@admin.route("/v1/admin/test-clocks/{clock_id}", methods=["GET"])
@endpoint(admin, auth=operators("operator"), answer=ClockAnswer)
def show_clock(call: Call) -> ClockAnswer:
    """A test clock"""
    return views.clock(clocks.get(call.path["clock_id"]))


@admin.route("/v1/admin/test-clocks/{clock_id}/advance", methods=["POST"])
@endpoint(admin, auth=operators("operator"), body=AdvanceIn, answer=ClockAnswer, further=(409,))
def advance_clock(call: Call) -> ClockAnswer:
    """Move a test clock forward; everything due on the way happens, in order"""
    return views.clock(clocks.advance(call.operator, call.path["clock_id"], call.body.to, call.now))
