"""The HTTP rim: one decorator that authenticates, parses, calls, answers, and turns every refusal into one shape.

Chalice middleware is not used: in a room's own function `app.py` is never imported, so middleware would run in the
test client and nowhere else. A plain decorator below Chalice's runs in both.
"""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote, unquote, urlencode

from chalice.app import Blueprint, Chalice
from chalice.app import Response as HttpResponse
from pydantic import BaseModel, ValidationError
from pynamodb.exceptions import PynamoDBException

from chalicelib.shared import callers, clock, dynamo, errors, strict_json, telemetry
from chalicelib.shared.ids import random_code
from chalicelib.shared.schemas import Empty, Request, Response

MAX_BODY_BYTES = 256 * 1024
# Unknown fields are named in the answer, and a name may be as long as the body.
MAX_FIELD_LENGTH = 100

anonymous, member, merchant = "anonymous", "member", "merchant"


@dataclass(frozen=True)
class Operators:
    """Operators whose role is one of `roles`."""

    roles: tuple[str, ...]


def operators(*roles: str) -> Operators:
    """Who may call an admin route; owners always may."""
    return Operators(tuple(dict.fromkeys(("owner", *roles))))


Auth = str | Operators


@dataclass(frozen=True)
class Call:
    """One parsed, authenticated request. `now` was read once, here; nothing below reads the clock."""

    now: datetime
    request_id: str
    caller: callers.Caller
    body: Any = None
    query: Any = None
    path: dict[str, str] = field(default_factory=dict)
    idempotency_key: str = ""
    client_ip: str = ""

    @property
    def member(self) -> callers.Member:
        """The calling member; only for routes with `auth=member`."""
        return cast(callers.Member, self.caller)

    @property
    def operator(self) -> callers.Operator:
        """The calling operator; only for routes with `auth=operators(…)`."""
        return cast(callers.Operator, self.caller)


@dataclass(frozen=True)
class Answer:
    """An answer with other than the route's usual status, or to a request that had been answered before (`replayed`:
    the header `Idempotency-Replayed` says so)."""

    body: BaseModel
    status: int | None = None
    replayed: bool = False


@dataclass(frozen=True)
class Contract:
    """What a route promises; the OpenAPI document is generated from it."""

    auth: Auth
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: type[BaseModel]
    status: int
    idempotent: bool
    summary: str
    further: tuple[int, ...] = ()


CONTRACTS: dict[str, Contract] = {}


def front(*rooms: Blueprint) -> Chalice:
    """A Chalice app of these blueprints. Chalice would answer a body without a JSON content type in its own shape, and
    a curl line without a header is no reason to refuse: bodies are read as JSON whatever their label."""
    app = Chalice(app_name="membership")
    for room in rooms:
        app.register_blueprint(room)
    for methods in app.routes.values():
        for route in methods.values():
            route.content_types = []
    return app


def endpoint(
    blueprint: Blueprint,
    *,
    auth: Auth,
    answer: type[Response],
    body: type[BaseModel] | None = None,
    query: type[Request] | None = None,
    status: int = 200,
    idempotent: bool = False,
    further: tuple[int, ...] = (),
) -> Callable[[Callable[[Call], Response | Answer]], Callable[..., HttpResponse]]:
    """Wraps a view `(Call) -> Response | Answer`. `idempotent` asks for the Idempotency-Key header; `further` are the
    statuses it may answer that nothing else here implies (2xx with `answer`, the rest with the error shape)."""

    def decorate(view: Callable[[Call], Response | Answer]) -> Callable[..., HttpResponse]:
        summary = (view.__doc__ or "").strip()
        contract = Contract(auth, body, query, answer, status, idempotent, summary, further)
        CONTRACTS[f"{view.__module__}.{view.__name__}"] = contract

        @functools.wraps(view)
        def handle(**path: str) -> HttpResponse:
            request = blueprint.current_request
            request_id = _request_id(request)
            try:
                result = view(_parse(contract, request, request_id, path))
                reply = result if isinstance(result, Answer) else Answer(result)
                headers = {"Idempotency-Replayed": "true"} if reply.replayed else {}
                return _respond(reply.status or contract.status, reply.body.model_dump_json(), request_id, headers)
            except Exception as error:
                refusal = dynamo.as_refusal(error) if isinstance(error, PynamoDBException) and error.cause else error
                if isinstance(refusal, errors.Refusal):
                    telemetry.log("refused", refusal=refusal.code, request_id=request_id, view=view.__name__)
                    return _refuse(refusal, request_id)
                telemetry.log_failure(error, request_id=request_id, view=view.__name__)
                return _refuse(_Bug(), request_id)

        return handle

    return decorate


class _Bug(errors.Refusal):
    status, code, retryable = 500, "INTERNAL", True
    message = "Something went wrong on our side; the same request may be sent again."
    message_zh = "系统出了点问题，请稍后重试"


def _parse(contract: Contract, request: Any, request_id: str, path: dict[str, str]) -> Call:
    now = clock.now()
    raw = request.raw_body or b""
    if len(raw) > MAX_BODY_BYTES:
        raise errors.BodyTooLarge
    caller = _authenticate(contract.auth, request, raw, now)
    key = request.headers.get("idempotency-key", "")
    if contract.idempotent and not (1 <= len(key) <= 255 and key.isprintable()):
        raise errors.invalid("Idempotency-Key", "required, 1–255 printable characters")
    identity = request.context.get("identity") or {}
    return Call(
        now=now,
        request_id=request_id,
        caller=caller,
        body=_parse_body(contract.body, raw) if contract.body else None,
        query=_parse_query(contract.query, request.query_params) if contract.query else None,
        # API Gateway hands path parameters over as the client encoded them.
        path={name: unquote(value) for name, value in path.items()},
        idempotency_key=key,
        client_ip=str(identity.get("sourceIp") or ""),
    )


def _authenticate(auth: Auth, request: Any, raw: bytes, now: datetime) -> callers.Caller:
    header = request.headers.get("authorization")
    if isinstance(auth, Operators):
        return callers.operator_from(header, now, auth.roles)
    if auth == member:
        return callers.member_from(header, now)
    if auth == merchant:
        return callers.merchant_from(header, request.method, _signed_paths(request), raw, now)
    return callers.Anonymous()


def _signed_paths(request: Any) -> list[str]:
    """What the merchant may have signed: the path with its query, as the client sent them. What stands between us and
    the client decodes parts of it, so each way of writing the same request is tried: parameters as they arrive or
    encoded, a space in the query as `+` or `%20`."""
    parameters = request.uri_params or {}
    written = [parameters, {name: quote(unquote(value), safe="") for name, value in parameters.items()}]
    paths = [_route_path(request, values) for values in written]
    query = request.query_params
    pairs = [(name, value) for name in query or {} for value in query.getlist(name)]
    queries = [f"?{urlencode(pairs)}", f"?{urlencode(pairs, quote_via=quote)}"] if pairs else [""]
    return list(dict.fromkeys(path + text for path in paths for text in queries))


def _route_path(request: Any, parameters: dict[str, str]) -> str:
    path = str(request.context.get("resourcePath", ""))
    for name, value in parameters.items():
        path = path.replace("{" + name + "}", value)
    return path


def _parse_body(model: type[BaseModel], raw: bytes) -> BaseModel:
    if not raw.strip() and issubclass(model, Empty):
        return model()
    return parse(model, strict_json.read(raw))


def _parse_query(model: type[BaseModel], query: Any) -> BaseModel:
    given = {name: query.getlist(name) for name in query or {}}
    for name, values in given.items():
        if len(values) > 1:
            raise errors.invalid(name[:MAX_FIELD_LENGTH], "given more than once")
    return parse(model, {name: values[0] for name, values in given.items()})


def parse(model: type[BaseModel], value: Any) -> BaseModel:
    """Validates outside input. Raises InvalidFields with one detail a field (values are never echoed)."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise errors.InvalidFields(
            [
                {"field": ".".join(map(str, item["loc"]))[:MAX_FIELD_LENGTH] or "body", "problem": item["msg"]}
                for item in error.errors(include_url=False, include_context=False, include_input=False)[:50]
            ]
        ) from error


def _request_id(request: Any) -> str:
    return str(request.context.get("requestId") or f"R{random_code(16)}")


def _respond(status: int, body: str, request_id: str, headers: dict[str, str]) -> HttpResponse:
    return HttpResponse(
        body=body,
        status_code=status,
        headers={"Content-Type": "application/json; charset=utf-8", "X-Request-Id": request_id, **headers},
    )


def _refuse(refusal: errors.Refusal, request_id: str) -> HttpResponse:
    error = {
        "code": refusal.code,
        "message": refusal.message,
        "message_zh": refusal.message_zh,
        "request_id": request_id,
        "retryable": refusal.retryable,
        "details": refusal.details,
    }
    headers = {}
    if refusal.status == 429:
        headers["Retry-After"] = str(refusal.retry_after_seconds or 1)
    return _respond(refusal.status, json.dumps({"error": error}, ensure_ascii=False), request_id, headers)
