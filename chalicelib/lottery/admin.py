"""HTTP for operators and auditors: the record of draws, a day counted anew, prizes handed over."""

from chalice.app import Blueprint

from chalicelib.lottery import service, views
from chalicelib.lottery.schemas import DayQuery, DeliveryIn, DrawList, RecordedDraw, RecountAnswer, RecountQuery
from chalicelib.shared.edge import Call, endpoint, operators

admin = Blueprint(__name__)

_READERS = operators("operator", "analyst")


@admin.route("/v1/admin/lotteries/{lottery}/draws", methods=["GET"])
@endpoint(admin, auth=_READERS, query=DayQuery, answer=DrawList)
def draws(call: Call) -> DrawList:
    """The draws of a business day, in their order"""
    page, cursor = service.draws_of_day(call.path["lottery"], call.query.on, call.query.limit, call.query.cursor)
    return DrawList(items=[views.recorded(item) for item in page], next_cursor=cursor)


@admin.route("/v1/admin/lotteries/{lottery}/recount", methods=["GET"])
@endpoint(admin, auth=_READERS, query=RecountQuery, answer=RecountAnswer)
def recount(call: Call) -> RecountAnswer:
    """The draws of a business day counted and checked anew"""
    return views.recount(*service.recount(call.path["lottery"], call.query.on, call.query.cursor, call.now))


@admin.route("/v1/admin/draws/{draw_id}/delivery", methods=["POST"])
@endpoint(admin, auth=operators("operator", "support"), body=DeliveryIn, answer=RecordedDraw)
def deliver(call: Call) -> RecordedDraw:
    """A prize was handed over"""
    return views.recorded(service.deliver(call.operator, call.path["draw_id"], call.body, call.now))
