"""The OpenAPI document says what the routes are, all of it and nothing else."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import create_model

from app import app
from chalicelib.shared import edge
from chalicelib.shared.schemas import Response
from infra import generate, openapi
from tests.harness.promises import Promises

DOCUMENT = openapi.document(app)
RESOLVED = Promises(DOCUMENT).resolved
ROUTES = [
    (path, method, edge.CONTRACTS[f"{entry.view_function.__module__}.{entry.view_function.__name__}"])
    for path, methods in app.routes.items()
    for method, entry in methods.items()
]


def operation(path: str, method: str) -> dict[str, Any]:
    return DOCUMENT["paths"][path][method.lower()]


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def parameters(path: str, method: str, where: str) -> dict[str, dict[str, Any]]:
    every = [*DOCUMENT["paths"][path].get("parameters", []), *operation(path, method).get("parameters", [])]
    return {found["name"]: found for found in map(RESOLVED, every) if found["in"] == where}


def test_every_route_is_in_the_document_and_nothing_else_is() -> None:
    documented = {
        (path, method.upper()) for path, item in DOCUMENT["paths"].items() for method in item if method != "parameters"
    }
    assert documented == {(path, method) for path, method, _ in ROUTES}
    assert len(documented) == len(ROUTES)


def test_the_committed_document_is_the_generated_one() -> None:
    committed = (generate.ROOT / "docs/openapi.json").read_text(encoding="utf-8")
    assert committed == generate.documents()["docs/openapi.json"]


def test_the_document_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_every_reference_resolves_and_every_component_is_referred_to() -> None:
    used = set(references(DOCUMENT))
    kinds = ("schemas", "responses", "parameters", "headers")
    assert used == {f"#/components/{kind}/{name}" for kind in kinds for name in DOCUMENT["components"][kind]}


def test_operation_ids_are_unique_and_every_operation_belongs_to_a_tag_with_words() -> None:
    operations = [operation(path, method) for path, method, _ in ROUTES]
    assert len({found["operationId"] for found in operations}) == len(operations)
    assert all(found["summary"] for found in operations)
    introduced = {tag["name"]: tag["description"] for tag in DOCUMENT["tags"]}
    assert {found["tags"][0] for found in operations} == set(introduced)
    assert all(introduced.values())


def test_every_route_declares_who_may_call_it() -> None:
    for path, method, contract in ROUTES:
        expected = {
            edge.anonymous: [],
            edge.member: [{"member": []}],
            edge.merchant: [{"merchant": []}],
        }.get(str(contract.auth), [{"operator": []}])
        assert operation(path, method)["security"] == expected, path
    assert set(DOCUMENT["components"]["securitySchemes"]) == {"member", "operator", "merchant"}


def test_exactly_the_idempotent_routes_ask_for_the_key() -> None:
    asking = {(path, method) for path, method, _ in ROUTES if "Idempotency-Key" in parameters(path, method, "header")}
    assert asking == {(path, method) for path, method, contract in ROUTES if contract.idempotent}
    assert ("/v1/me/check-ins", "POST") in asking


def test_every_member_s_write_is_idempotent() -> None:
    writes = [(path, contract) for path, method, contract in ROUTES if contract.auth == edge.member and method != "GET"]
    assert writes
    # A quote asks, and writes nothing.
    assert [path for path, contract in writes if not contract.idempotent] == ["/v1/me/cash-offsets/quote"]


def test_every_path_parameter_is_declared_with_a_schema_that_refuses_something() -> None:
    for path, method, _ in ROUTES:
        declared = parameters(path, method, "path")
        assert sorted(declared) == sorted(re.findall(r"{(\w+)}", path))
        assert all({"pattern", "exclusiveMaximum"} & set(found["schema"]) for found in declared.values()), path


def test_query_parameters_are_the_fields_of_the_query_and_never_null() -> None:
    for path, method, contract in ROUTES:
        fields = contract.query.model_fields if contract.query else {}
        declared = parameters(path, method, "query")
        assert set(declared) == {field.alias or name for name, field in fields.items()}, path
        assert "null" not in json.dumps(list(declared.values())), path
    limit = parameters("/v1/me/points/entries", "GET", "query")["limit"]
    assert limit["schema"] == {"default": 20, "maximum": 100, "minimum": 1, "type": "integer"}


def test_every_error_has_the_one_shape_and_every_answer_names_its_request() -> None:
    for path, method, contract in ROUTES:
        responses = operation(path, method)["responses"]
        for status, reference in responses.items():
            response = RESOLVED(reference)
            schema = response["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            assert (schema == "ErrorAnswer") == (status[0] in "45"), (path, status)
            assert "X-Request-Id" in response["headers"], (path, status)
        assert {str(contract.status), "429", "5XX"} <= set(responses)
    assert "Retry-After" in DOCUMENT["components"]["responses"]["TooManyRequests"]["headers"]


@pytest.mark.parametrize(
    ("method", "path", "statuses"),
    [
        ("GET", "/v1/rules", "200 429 5XX"),
        ("POST", "/v1/auth/wechat", "200 400 401 403 413 422 429 5XX"),
        ("POST", "/v1/auth/logout", "200 400 413 422 429 5XX"),
        ("GET", "/v1/me", "200 401 403 404 429 5XX"),
        ("GET", "/v1/me/points/entries", "200 400 401 403 404 422 429 5XX"),
        ("POST", "/v1/me/check-ins", "200 400 401 403 404 409 413 422 429 5XX"),
        ("POST", "/v1/orders", "200 400 401 404 409 413 422 429 5XX"),
        ("POST", "/v1/orders/{order_id}/completion", "200 202 400 401 404 409 413 422 429 5XX"),
        ("POST", "/v1/orders/{order_id}/refunds", "200 202 400 401 404 409 413 422 429 5XX"),
        ("GET", "/v1/admin/members", "200 401 403 404 422 429 5XX"),
        ("POST", "/v1/admin/rulebook/drafts", "201 400 401 403 409 413 422 429 5XX"),
        ("DELETE", "/v1/admin/merchant-keys/{key_id}", "200 401 403 404 409 429 5XX"),
    ],
)
def test_the_statuses_of_a_route_follow_from_its_contract(method: str, path: str, statuses: str) -> None:
    assert list(operation(path, method)["responses"]) == statuses.split()


def test_a_body_without_fields_may_be_left_out_and_no_other() -> None:
    for path, method, contract in ROUTES:
        body = operation(path, method).get("requestBody")
        assert (body is None) == (contract.body is None)
        assert body is None or body["required"] == (contract.body is not openapi.Empty), path


def contract_answering(name: str, module: str, **fields: Any) -> edge.Contract:
    model = create_model(name, __base__=Response, __module__=module, **fields)
    return edge.Contract(edge.anonymous, None, None, model, 200, False, "")


def test_two_rooms_that_name_a_schema_alike_get_a_schema_each() -> None:
    here = contract_answering("Twin", "chalicelib.earning.schemas", points=(int, ...))
    there = contract_answering("Twin", "chalicelib.members.schemas", nickname=(str, ...))
    references_, schemas = openapi._schemas([here, there])
    assert references_[here.answer] == {"$ref": "#/components/schemas/EarningTwin"}
    assert list(schemas["EarningTwin"]["properties"]) == ["points"]
    assert list(schemas["MembersTwin"]["properties"]) == ["nickname"]


def test_one_room_may_not_name_two_schemas_alike() -> None:
    here = contract_answering("Twin", "chalicelib.earning.schemas", points=(int, ...))
    beside = contract_answering("Twin", "chalicelib.earning.views", nickname=(str, ...))
    with pytest.raises(ValueError, match="one name"):
        openapi._schemas([here, beside])


def test_the_example_of_a_signature_can_be_computed_from_what_the_page_says() -> None:
    words = DOCUMENT["components"]["securitySchemes"]["merchant"]["description"]
    example = re.findall(r"`([^`]+)`", words.rpartition("Example:")[2])
    secret, request, stamp, nonce, body, signature = example
    method, path = request.split()
    text = f"{method}\n{path}\n{stamp}\n{nonce}\n{hashlib.sha256(body.encode()).hexdigest()}"
    assert hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest() == signature


def test_every_code_an_error_can_carry_is_listed_once() -> None:
    codes = re.findall(r"^\| (\d{3}) \| `(\w+)` \|", DOCUMENT["info"]["description"], re.MULTILINE)
    assert len(codes) == len(set(codes)) > 50
    assert codes == sorted(codes)
    assert {("401", "TOKEN_EXPIRED"), ("409", "IDEMPOTENCY_MISMATCH"), ("500", "INTERNAL")} <= set(codes)


def test_the_document_names_no_host() -> None:
    assert DOCUMENT["servers"] == [{"url": "/"}]
    # A pattern of an address is no address.
    assert re.findall(r"https?://\w[\w.]+", json.dumps(DOCUMENT)) == []
