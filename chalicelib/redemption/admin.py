"""HTTP for operators: redemptions that wait for them, what becomes of each, and parcels by file."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from chalice.app import Blueprint

from chalicelib.redemption import shipments, steps, views, work
from chalicelib.redemption.schemas import (
    AppointmentList,
    AppointmentQuery,
    ErasureAnswer,
    MemberRedemptionAnswer,
    ReasonIn,
    ShipmentsAnswer,
    ShipmentsExport,
    ShipmentsIn,
    StepAnswer,
    StepIn,
    TaskList,
    WorkQuery,
)
from chalicelib.rulebook import store
from chalicelib.shared.edge import Answer, Call, endpoint, operators
from chalicelib.shared.schemas import PageQuery

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
    """One redemption, with its parcel and claims; of its codes only the ends"""
    return views.masked(views.whole(steps.find(call.path["redemption_id"])[1]))


@admin.route("/v1/admin/redemptions/{redemption_id}/steps", methods=["POST"])
@endpoint(admin, auth=_SERVICE, body=StepIn, answer=StepAnswer, idempotent=True)
def take_step(call: Call) -> Answer:
    """Take a redemption one step further"""
    redemption_id = call.path["redemption_id"]
    return views.stepped(steps.take_step(call.operator, redemption_id, call.body, call.idempotency_key, call.now))


@admin.route("/v1/admin/redemptions/{redemption_id}/address-erasure", methods=["POST"])
@endpoint(admin, auth=_SERVICE, body=ReasonIn, answer=ErasureAnswer)
def erase_address_for_member(call: Call) -> ErasureAnswer:
    """Erase a parcel's address for its member, once it is not to be shipped any more"""
    redemption_id = call.path["redemption_id"]
    steps.erase_address_for(call.operator, redemption_id, call.body.reason, call.now)
    return ErasureAnswer(redemption_id=redemption_id)


@admin.route("/v1/admin/appointments", methods=["GET"])
@endpoint(admin, auth=_SERVICE, query=AppointmentQuery, answer=AppointmentList)
def appointments(call: Call) -> AppointmentList:
    """The services of a business day, wished for or agreed, in their order"""
    zone = ZoneInfo(store.current(call.now).rulebook.brand.time_zone)
    begins, ends = (
        datetime.combine(call.query.on + timedelta(days=days), time(), zone).astimezone(UTC) for days in (0, 1)
    )
    page, cursor = work.appointments(begins, ends, call.query.limit, call.query.cursor)
    return AppointmentList(items=[views.appointment(found) for found in page], next_cursor=cursor)


@admin.route("/v1/admin/shipments/export", methods=["GET"])
@endpoint(admin, auth=_SERVICE, query=PageQuery, answer=ShipmentsExport)
def export_shipments(call: Call) -> ShipmentsExport:
    """Parcels to ship as a file for a spreadsheet; audited"""
    csv, rows, cursor = shipments.export(call.operator, call.query.limit, call.query.cursor, call.now)
    return ShipmentsExport(csv=csv, rows=rows, next_cursor=cursor)


@admin.route("/v1/admin/shipments/import", methods=["POST"])
@endpoint(admin, auth=_SERVICE, body=ShipmentsIn, answer=ShipmentsAnswer)
def import_shipments(call: Call) -> ShipmentsAnswer:
    """Parcels that are on their way, from a file; each line is answered, and one that fails stops no other"""
    return views.taken_in(shipments.take_in(call.operator, call.body.csv, call.now))
