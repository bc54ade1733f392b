"""HTTP for operators: find, read, freeze and verify members."""

from chalice.app import Blueprint

from chalicelib import ledger
from chalicelib.ledger.views import entry_view
from chalicelib.members import service, views
from chalicelib.members.schemas import (
    EntriesQuery,
    MeAnswer,
    MemberSearch,
    ReasonIn,
    StatementAnswer,
    StatusAnswer,
    VerificationAnswer,
)
from chalicelib.rulebook import store
from chalicelib.shared.edge import Answer, Call, endpoint, operators

admin = Blueprint(__name__)


def _show(member_id: str, call: Call) -> MeAnswer:
    return views.me(ledger.load(member_id), store.current(call.now).rulebook, call.now)


@admin.route("/v1/admin/members", methods=["GET"])
@endpoint(admin, auth=operators("operator", "support"), query=MemberSearch, answer=MeAnswer, further=(404,))
def search(call: Call) -> MeAnswer:
    """Find a member by openid or phone number"""
    return _show(service.find(call.query.openid, call.query.phone), call)


@admin.route("/v1/admin/members/{member_id}", methods=["GET"])
@endpoint(admin, auth=operators("operator", "support"), answer=MeAnswer)
def show(call: Call) -> MeAnswer:
    """A member as the member sees it"""
    return _show(call.path["member_id"], call)


@admin.route("/v1/admin/members/{member_id}/entries", methods=["GET"])
@endpoint(admin, auth=operators("operator", "support"), query=EntriesQuery, answer=StatementAnswer)
def entries(call: Call) -> StatementAnswer:
    """A member's statement, newest first"""
    member_id = ledger.load(call.path["member_id"]).member_id
    page, cursor = ledger.statement(member_id, call.query.limit, call.query.cursor)
    return StatementAnswer(items=[entry_view(entry) for entry in page], next_cursor=cursor)


@admin.route("/v1/admin/members/{member_id}/verification", methods=["GET"])
@endpoint(admin, auth=operators("operator", "analyst", "support"), answer=VerificationAnswer)
def verification(call: Call) -> VerificationAnswer:
    """Check every entry of a member against the account"""
    member_id = call.path["member_id"]
    return VerificationAnswer(member_id=member_id, problems=ledger.verify(member_id))


@admin.route("/v1/admin/members/{member_id}/freeze", methods=["POST"])
@endpoint(admin, auth=operators("operator"), body=ReasonIn, answer=StatusAnswer, idempotent=True)
def freeze(call: Call) -> Answer:
    """Stop a member's commands"""
    return _set(call, "frozen")


@admin.route("/v1/admin/members/{member_id}/unfreeze", methods=["POST"])
@endpoint(admin, auth=operators("operator"), body=ReasonIn, answer=StatusAnswer, idempotent=True)
def unfreeze(call: Call) -> Answer:
    """Let a member act again"""
    return _set(call, "active")


def _set(call: Call, status: str) -> Answer:
    member_id, key = call.path["member_id"], call.idempotency_key
    return views.status(service.set_status(call.operator, member_id, status, call.body.reason, key, call.now))
