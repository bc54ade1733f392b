"""The OpenAPI 3.1 document: the app's routes, and what each of them promises at the edge (`edge.CONTRACTS`)."""

import importlib
import re
import tomllib
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from chalice.app import Chalice
from pydantic import BaseModel, Field, StringConstraints, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from chalicelib.console.schemas import OperatorName
from chalicelib.rulebook.conditions import Code
from chalicelib.shared import edge, errors
from chalicelib.shared.schemas import Empty, ErrorAnswer, MemberId, NaturalKey
from infra import openapi_words
from infra.app_stack import room_of

Json = dict[str, Any]
References = dict[type[BaseModel], Json]

SCHEMAS = "#/components/schemas/"
_Number = Annotated[int, Field(ge=1, lt=10**9)]
# A path parameter means the same on every path.
PATH_PARAMETERS: dict[str, Any] = {
    "benefit": Code,
    "campaign_id": Code,
    "code": Annotated[str, StringConstraints(pattern=r"^[2-9A-HJKMNP-Z]{12}$")],
    "draft": _Number,
    "draw_id": Annotated[str, StringConstraints(pattern=r"^D[0-9A-F]{18}$")],
    "hold_id": NaturalKey,
    "job_id": Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9\-]{1,64}$")],
    "clock_id": Annotated[str, StringConstraints(pattern=r"^T[0-9a-f]{24}$")],
    "key_id": Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_\-]{1,64}$")],
    "lottery": Code,
    "member_id": MemberId,
    "name": OperatorName,
    "notice_id": Annotated[str, StringConstraints(pattern=r"^[0-9TZ:.\-]{24}_[0-9a-f]{12}$")],
    "offer_id": Code,
    "order_id": NaturalKey,
    "redemption_id": Annotated[str, StringConstraints(pattern=r"^R[0-9A-F]{18}$")],
    "task": Code,
    "version": _Number,
}
ERRORS: dict[int, type[errors.Refusal]] = {
    400: errors.Malformed,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    409: errors.Conflict,
    413: errors.BodyTooLarge,
    422: errors.InvalidFields,
    429: errors.TooManyRequests,
}


class _Generator(GenerateJsonSchema):
    """Without a title for every field, which would only repeat its name; and every field of an answer is always there,
    whether it has a default or not."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        return self.mode == "serialization" or super().field_is_required(field, total)


def document(app: Chalice) -> Json:
    """The whole document; the same code gives the same document."""
    routes = [
        (path, method, entry.view_function)
        for path, methods in sorted(app.routes.items())
        for method, entry in sorted(methods.items())
    ]
    contracts = {view: edge.CONTRACTS[f"{view.__module__}.{view.__name__}"] for _, _, view in routes}
    references, schemas = _schemas(list(contracts.values()))
    paths: Json = {}
    for path, method, view in routes:
        operation = _operation(view, contracts[view], path, method, references)
        paths.setdefault(path, _path_item(path))[method.lower()] = operation
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "会员系统 API · Membership API",
            "version": project["version"],
            "summary": project["description"],
            "description": openapi_words.description(),
        },
        "servers": [{"url": "/"}],
        "tags": [_tag(room) for room in sorted({room_of(view) for view in contracts})],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": _error_responses(),
            "parameters": {"IdempotencyKey": _idempotency_key()},
            "headers": _headers(),
            "securitySchemes": openapi_words.security_schemes(),
        },
    }


def _schemas(contracts: list[edge.Contract]) -> tuple[References, Json]:
    """Each model's reference, and all the schemas by name. Where two rooms name a model alike, pydantic calls each by
    its whole module path; of that, the room is kept."""
    bodies: set[type[BaseModel]] = {contract.body for contract in contracts if contract.body}
    answers: set[type[BaseModel]] = {ErrorAnswer, *(contract.answer for contract in contracts)}
    modes: list[tuple[type[BaseModel], JsonSchemaMode]] = []
    modes += [(model, "validation") for model in sorted(bodies, key=str)]
    modes += [(model, "serialization") for model in sorted(answers, key=str)]
    found, definitions = models_json_schema(modes, ref_template=SCHEMAS + "{model}", schema_generator=_Generator)
    names = {name: _short(name) for name in definitions["$defs"]}
    if len(set(names.values())) < len(names):
        raise ValueError(f"two schemas would have one name: {sorted(names.values())}")
    references = {model: _named(found[model, mode], names) for model, mode in modes}
    schemas = {names[name]: _named(schema, names) for name, schema in definitions["$defs"].items()}
    for schema in schemas.values():
        schema.pop("title", None)
    return references, dict(sorted(schemas.items()))


def _short(name: str) -> str:
    """`chalicelib__earning__schemas__Text` → `EarningText`; a name that is nobody else's stays as it is."""
    _, *path = name.split("__")
    return path[0].capitalize() + path[-1] if path else name


def _named(schema: Any, names: dict[str, str]) -> Any:
    """The schema with its references following the names."""
    if isinstance(schema, list):
        return [_named(value, names) for value in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: SCHEMAS + names[value.removeprefix(SCHEMAS)] if key == "$ref" else _named(value, names)
        for key, value in schema.items()
    }


def _tag(room: str) -> Json:
    """A room is introduced by the first sentence of its own plaque; the rest of that is about its files."""
    plaque = str(importlib.import_module(f"chalicelib.{room}").__doc__)
    return {"name": room, "description": " ".join(plaque.split("\n\n")[0].split())}


def _path_item(path: str) -> Json:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": TypeAdapter(PATH_PARAMETERS[name]).json_schema()}
        for name in re.findall(r"{(\w+)}", path)
    ]
    return {"parameters": parameters} if parameters else {}


def _operation(view: Any, contract: edge.Contract, path: str, method: str, references: References) -> Json:
    room = room_of(view)
    operation: Json = {"tags": [room], "operationId": f"{room}_{view.__name__}", "summary": contract.summary}
    if isinstance(contract.auth, edge.Operators):
        operation["description"] = f"Operators' roles: {', '.join(contract.auth.roles)}."
    parameters = _query_parameters(contract.query)
    if contract.idempotent:
        parameters.insert(0, {"$ref": "#/components/parameters/IdempotencyKey"})
    if parameters:
        operation["parameters"] = parameters
    if contract.body:
        operation["requestBody"] = {
            "required": not issubclass(contract.body, Empty),
            "content": {"application/json": {"schema": references[contract.body]}},
        }
    operation["responses"] = _responses(contract, path, method, references)
    operation["security"] = [] if contract.auth == edge.anonymous else [{_scheme(contract.auth): []}]
    return operation


def _scheme(auth: edge.Auth) -> str:
    return "operator" if isinstance(auth, edge.Operators) else auth


def _query_parameters(model: type[BaseModel] | None) -> list[Json]:
    if model is None:
        return []
    schema = model.model_json_schema(schema_generator=_Generator)
    required = schema.get("required", [])
    return [_query_parameter(name, field, name in required) for name, field in schema["properties"].items()]


def _query_parameter(name: str, field: Json, required: bool) -> Json:
    """A parameter left out is absent; a query cannot say null."""
    field = dict(field)
    parameter: Json = {"name": name, "in": "query", "required": required}
    if "description" in field:
        parameter["description"] = field.pop("description")
    choices = [choice for choice in field.pop("anyOf", []) if choice != {"type": "null"}]
    if choices:
        (choice,) = choices
        field = {key: value for key, value in field.items() if key != "default"} | choice
    return {**parameter, "schema": field}


def _responses(contract: edge.Contract, path: str, method: str, references: References) -> Json:
    found: Json = {}
    for status in sorted({contract.status, *contract.further, *_refused(contract, path, method)}):
        if status in ERRORS:
            found[str(status)] = {"$ref": f"#/components/responses/{ERRORS[status].__name__}"}
        else:
            found[str(status)] = _success(status, contract, references[contract.answer])
    return {**found, "5XX": {"$ref": "#/components/responses/Failure"}}


def _refused(contract: edge.Contract, path: str, method: str) -> set[int]:
    """The refusals that follow from what the route takes and whom it lets in."""
    signed = contract.auth != edge.anonymous
    writes = signed and method != "GET"
    paged = contract.query is not None and "cursor" in contract.query.model_fields
    # Operators name a member or a document in the path; members and merchants stand for or name one in any case.
    names_something = signed and (not isinstance(contract.auth, edge.Operators) or "{" in path)
    implied = {
        400: contract.body is not None or paged,
        401: signed,
        403: signed and contract.auth != edge.merchant,
        404: names_something,
        409: writes,
        413: contract.body is not None,
        422: bool(contract.body or contract.query or contract.idempotent),
        429: True,
    }
    return {status for status, holds in implied.items() if holds}


def _success(status: int, contract: edge.Contract, schema: Json) -> Json:
    headers = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    # A merchant's writes carry their key in the body or the path.
    reported = contract.auth == edge.merchant and contract.body is not None
    if status == contract.status and (contract.idempotent or reported):
        headers["Idempotency-Replayed"] = {"$ref": "#/components/headers/IdempotencyReplayed"}
    return {
        "description": HTTPStatus(status).phrase,
        "headers": headers,
        "content": {"application/json": {"schema": schema}},
    }


def _error_responses() -> Json:
    content = {"application/json": {"schema": {"$ref": f"{SCHEMAS}{ErrorAnswer.__name__}"}}}
    headers = {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}}
    found: Json = {}
    for status, refusal in ERRORS.items():
        retry = {"Retry-After": {"$ref": "#/components/headers/RetryAfter"}} if status == 429 else {}
        found[refusal.__name__] = {"description": refusal.message, "headers": headers | retry, "content": content}
    failure = "Not your fault; `retryable` says whether the same request is worth sending again."
    found["Failure"] = {"description": failure, "headers": headers, "content": content}
    return found


def _headers() -> Json:
    return {
        "RequestId": {
            "description": "Names this request in our logs; an error repeats it as `request_id`.",
            "required": True,
            "schema": {"type": "string"},
        },
        "IdempotencyReplayed": {
            "description": "`true` when this is the first answer to the same request, given again; else absent.",
            "schema": {"type": "string", "const": "true"},
        },
        "RetryAfter": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
    }


def _idempotency_key() -> Json:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "Made by the caller, one for each intent, printable; kept when the request is sent again.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    }
