"""HTTP for merchants (orders, events) and members (actions, check-ins, points, statement), and the public rules."""

from chalice.app import Blueprint

from chalicelib import ledger
from chalicelib.earning import service, views
from chalicelib.earning.schemas import (
    ActionIn,
    CheckInAnswer,
    EntryAnswer,
    EventIn,
    MakeUpIn,
    OrderAnswer,
    OrderIn,
    PointsAnswer,
    PreviewAnswer,
    PreviewIn,
    RefundIn,
    RulesAnswer,
    StatementAnswer,
)
from chalicelib.ledger.views import entry_view
from chalicelib.rulebook import store
from chalicelib.shared.edge import Answer, Call, anonymous, endpoint, member, merchant
from chalicelib.shared.schemas import Empty, PageQuery

routes = Blueprint(__name__)


@routes.route("/v1/orders", methods=["POST"])
@endpoint(routes, auth=merchant, body=OrderIn, answer=OrderAnswer)
def report_order(call: Call) -> Answer:
    """Report a paid order"""
    return views.order_answer(call.body.order_id, service.report_order(call.body, call.now))


@routes.route("/v1/orders/{order_id}/completion", methods=["POST"])
@endpoint(routes, auth=merchant, body=Empty, answer=OrderAnswer, further=(202,))
def complete_order(call: Call) -> Answer:
    """Report that an order is completed"""
    order_id = views.natural_key(call.path["order_id"])
    return views.order_answer(order_id, service.complete_order(order_id, call.now))


@routes.route("/v1/orders/{order_id}/refunds", methods=["POST"])
@endpoint(routes, auth=merchant, body=RefundIn, answer=OrderAnswer, further=(202,))
def refund_order(call: Call) -> Answer:
    """Report a refund of an order"""
    order_id = views.natural_key(call.path["order_id"])
    return views.order_answer(order_id, service.refund_order(order_id, call.body, call.now))


@routes.route("/v1/events", methods=["POST"])
@endpoint(routes, auth=merchant, body=EventIn, answer=EntryAnswer)
def report_event(call: Call) -> Answer:
    """Report a behaviour of a member"""
    return views.entry_answer(service.report_event(call.body, call.now))


@routes.route("/v1/points/preview", methods=["POST"])
@endpoint(routes, auth=merchant, body=PreviewIn, answer=PreviewAnswer)
def preview(call: Call) -> PreviewAnswer:
    """What an order or event would earn; nothing is written"""
    return views.preview_answer(call.body.root, service.preview(call.body.root, call.now))


@routes.route("/v1/me/actions", methods=["POST"])
@endpoint(routes, auth=member, body=ActionIn, answer=EntryAnswer, idempotent=True)
def act(call: Call) -> Answer:
    """Report what the member just did"""
    return views.entry_answer(service.act(call.member, call.body, call.idempotency_key, call.now))


@routes.route("/v1/me/check-ins", methods=["POST"])
@endpoint(routes, auth=member, body=Empty, answer=CheckInAnswer, idempotent=True)
def check_in(call: Call) -> Answer:
    """Check in for today"""
    return views.check_in_answer(service.check_in(call.member, call.idempotency_key, call.now))


@routes.route("/v1/me/check-ins/make-up", methods=["POST"])
@endpoint(routes, auth=member, body=MakeUpIn, answer=CheckInAnswer, idempotent=True)
def make_up(call: Call) -> Answer:
    """Make up a missed check-in"""
    return views.check_in_answer(service.make_up(call.member, call.body.on, call.idempotency_key, call.now))


@routes.route("/v1/me/points", methods=["GET"])
@endpoint(routes, auth=member, answer=PointsAnswer)
def points(call: Call) -> PointsAnswer:
    """The member's points, lot by lot"""
    account = ledger.load(call.member.member_id)
    ledger.admit_reader(account, call.member)
    return views.points_answer(account, store.current(call.now).rulebook)


@routes.route("/v1/me/points/entries", methods=["GET"])
@endpoint(routes, auth=member, query=PageQuery, answer=StatementAnswer)
def entries(call: Call) -> StatementAnswer:
    """The member's statement, newest first"""
    ledger.admit_reader(ledger.load(call.member.member_id), call.member)
    page, cursor = ledger.statement(call.member.member_id, call.query.limit, call.query.cursor)
    return StatementAnswer(items=[entry_view(entry) for entry in page], next_cursor=cursor)


@routes.route("/v1/rules", methods=["GET"])
@endpoint(routes, auth=anonymous, answer=RulesAnswer)
def rules(call: Call) -> RulesAnswer:
    """The rules in words, with worked examples"""
    return views.rules_answer(store.current(call.now), call.now)
