"""HTTP for operators: logging in and accounts."""

from chalice.app import Blueprint

from chalicelib.console import service
from chalicelib.console.schemas import (
    Done,
    LoginIn,
    LoginOut,
    OperatorChangeIn,
    OperatorIn,
    OperatorList,
    OperatorOut,
    PasswordIn,
)
from chalicelib.shared.edge import Call, anonymous, endpoint, operators
from chalicelib.shared.schemas import PageQuery

routes = Blueprint(__name__)


@routes.route("/v1/admin/login", methods=["POST"])
@endpoint(routes, auth=anonymous, body=LoginIn, answer=LoginOut, further=(401,))
def log_in(call: Call) -> LoginOut:
    """Log in as an operator"""
    return LoginOut.of(service.log_in(call.body.name, call.body.password, call.client_ip, call.now))


@routes.route("/v1/admin/me/password", methods=["POST"])
@endpoint(routes, auth=operators("operator", "analyst", "support"), body=PasswordIn, answer=Done)
def change_password(call: Call) -> Done:
    """Change one's own password"""
    name, body = call.operator.operator_id, call.body
    service.change_own_password(name, body.current_password, body.new_password, call.client_ip, call.now)
    return Done()


@routes.route("/v1/admin/operators", methods=["GET"])
@endpoint(routes, auth=operators(), query=PageQuery, answer=OperatorList)
def list_operators(call: Call) -> OperatorList:
    """Operators, by name"""
    page, cursor = service.operators(call.query.limit, call.query.cursor)
    return OperatorList(items=[OperatorOut.of(account) for account in page], next_cursor=cursor)


@routes.route("/v1/admin/operators", methods=["POST"])
@endpoint(routes, auth=operators(), body=OperatorIn, answer=OperatorOut, status=201)
def create_operator(call: Call) -> OperatorOut:
    """Create an operator"""
    actor = call.operator.name
    return OperatorOut.of(service.create(call.body.name, call.body.role, call.body.password, actor, call.now))


@routes.route("/v1/admin/operators/{name}", methods=["PATCH"])
@endpoint(routes, auth=operators(), body=OperatorChangeIn, answer=OperatorOut)
def change_operator(call: Call) -> OperatorOut:
    """Change an operator's role or password, disable or enable"""
    actor, body = call.operator.name, call.body
    return OperatorOut.of(service.change(call.path["name"], body.role, body.disabled, body.password, actor, call.now))
