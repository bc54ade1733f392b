"""HTTP for operators: the daily figures."""

from chalice.app import Blueprint

from chalicelib.insights import service
from chalicelib.insights.schemas import FigureOut, MetricsOut, MetricsQuery
from chalicelib.shared.edge import Call, endpoint, operators

admin = Blueprint(__name__)


@admin.route("/v1/admin/metrics", methods=["GET"])
@endpoint(admin, auth=operators("operator", "analyst"), query=MetricsQuery, answer=MetricsOut)
def metrics(call: Call) -> MetricsOut:
    """Entries and points by day and kind; uses of benefits by benefit and tier"""
    found = service.figures(call.query.from_, call.query.to)
    return MetricsOut(items=[FigureOut.model_validate(figure, from_attributes=True) for figure in found])
