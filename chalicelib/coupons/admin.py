"""HTTP for operators: a member's coupons, coupons in goodwill, a withdrawal, the surprise's budget."""

from chalice.app import Blueprint

from chalicelib import ledger
from chalicelib.coupons import rules, service, views
from chalicelib.coupons.schemas import (
    CouponsQuery,
    GrantAnswer,
    GrantIn,
    HeldList,
    HeldView,
    SurpriseAnswer,
    WithdrawalIn,
)
from chalicelib.shared.edge import Answer, Call, endpoint, operators

admin = Blueprint(__name__)

_SERVICE = operators("operator", "support")
_READERS = operators("operator", "analyst", "support")
_ALL = (rules.USABLE, rules.USED, rules.EXPIRED, rules.WITHDRAWN)


@admin.route("/v1/admin/members/{member_id}/coupons", methods=["GET"])
@endpoint(admin, auth=_SERVICE, query=CouponsQuery, answer=HeldList)
def held(call: Call) -> HeldList:
    """A member's coupons, newest first, those withdrawn included"""
    query, states = call.query, (call.query.state,) if call.query.state else _ALL
    ledger.load(call.path["member_id"])
    page = service.page(call.path["member_id"], states, service.today(call.now), query.limit, query.cursor)
    return views.held(page, call.now)


@admin.route("/v1/admin/members/{member_id}/coupons", methods=["POST"])
@endpoint(admin, auth=_SERVICE, body=GrantIn, answer=GrantAnswer, idempotent=True)
def grant(call: Call) -> Answer:
    """Grant a member coupons, with a reason; they follow within moments"""
    member_id = call.path["member_id"]
    return views.granted(service.grant(call.operator, member_id, call.body, call.idempotency_key, call.now))


@admin.route("/v1/admin/coupons/{code}/withdrawal", methods=["POST"])
@endpoint(admin, auth=_SERVICE, body=WithdrawalIn, answer=HeldView)
def withdraw(call: Call) -> HeldView:
    """Take a coupon that is not used from its member, with a reason"""
    found = service.withdraw(call.operator, call.path["code"], call.body.reason, call.now)
    return views.one_held(found, call.now)


@admin.route("/v1/admin/coupons/surprise", methods=["GET"])
@endpoint(admin, auth=_READERS, answer=SurpriseAnswer)
def surprise(call: Call) -> SurpriseAnswer:
    """How much of the surprise's budget is drawn and left"""
    return views.budget(service.budget(call.now))
