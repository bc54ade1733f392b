"""Trouble on the way to DynamoDB, on demand: killed processes, lost answers, DynamoDB's own refusals, an index that is
behind, a condition left out. And the test cloud's contents: kept, put back, compared."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient
from botocore.endpoint import Endpoint
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from moto.dynamodb.models import dynamodb_backends

Body = dict[str, Any]


class Killed(BaseException):
    """The process ended here. Nothing catches it."""


def _body(request: Any) -> Body:
    sent = request["body"] if isinstance(request, dict) else request.body
    return sent if isinstance(sent, dict) else json.loads(sent)


@contextmanager
def _calls(wrapper: Callable[[Callable[[], Any], str, Any], Any]) -> Iterator[None]:
    """Wraps every API call to DynamoDB and SQS of this process: `wrapper(call, operation, request)`."""
    original = BaseClient._make_request

    def make_request(self: Any, operation: Any, request: Any, context: Any) -> Any:
        def call() -> Any:
            return original(self, operation, request, context)

        if operation.service_model.service_name not in ("dynamodb", "sqs"):
            return call()
        return wrapper(call, operation.name, request)

    with patch.object(BaseClient, "_make_request", make_request):
        yield


@contextmanager
def counted() -> Iterator[list[str]]:
    """The names of the calls made, in order."""
    names: list[str] = []

    def wrapper(call: Callable[[], Any], operation: str, request: Any) -> Any:
        names.append(operation)
        return call()

    with _calls(wrapper):
        yield names


@contextmanager
def killed_after(number: int) -> Iterator[None]:
    """Kills the process after that many calls; 0: before the first."""
    seen = [0]

    def wrapper(call: Callable[[], Any], operation: str, request: Any) -> Any:
        if seen[0] == number:
            raise Killed
        answer = call()
        seen[0] += 1
        if seen[0] == number:
            raise Killed
        return answer

    with _calls(wrapper):
        yield


@contextmanager
def arriving_late() -> Iterator[None]:
    """The first transaction is given up as lost, and arrives when the account is read the next time."""
    late: list[Callable[[], Any]] = []
    sent = [0]

    def wrapper(call: Callable[[], Any], operation: str, request: Any) -> Any:
        if operation == "TransactWriteItems":
            sent[0] += 1
            if sent[0] == 1:
                late.append(call)
                raise ReadTimeoutError(endpoint_url="late")
        elif operation == "GetItem" and late and _body(request)["TableName"].endswith("-accounts"):
            late.pop()()
        return call()

    with _calls(wrapper):
        yield


@contextmanager
def index_behind(seq: int, queries: int = 10**9) -> Iterator[None]:
    """For that many queries, the index `by_seq` has no entry above `seq` yet."""
    left = [queries]

    def wrapper(call: Callable[[], Any], operation: str, request: Any) -> Any:
        http, answer = call()
        if operation == "Query" and "IndexName" in _body(request) and left[0] > 0:
            left[0] -= 1
            answer["Items"] = [item for item in answer["Items"] if int(item["seq"]["N"]) <= seq]
            answer["Count"] = len(answer["Items"])
        return http, answer

    with _calls(wrapper):
        yield


@contextmanager
def without_condition(chosen: Callable[[Body], bool]) -> Iterator[list[str]]:
    """Leaves out the conditions of the puts for which `chosen(put)`; collects the conditions left out."""
    dropped: list[str] = []

    def wrapper(call: Callable[[], Any], operation: str, request: Any) -> Any:
        if operation not in ("PutItem", "TransactWriteItems"):
            return call()
        body = _body(request)
        puts = [part["Put"] for part in body["TransactItems"]] if operation != "PutItem" else [body]
        for put in puts:
            if "ConditionExpression" in put and chosen(put):
                dropped.append(put.pop("ConditionExpression"))
                put.pop("ExpressionAttributeNames", None)
                put.pop("ExpressionAttributeValues", None)
        request["body"] = json.dumps(body).encode()
        return call()

    with _calls(wrapper):
        yield dropped


class Fault(Enum):
    """What can happen to one HTTP request."""

    CUT = "the connection breaks before DynamoDB has it"
    LOST = "DynamoDB does it, and the answer never arrives"
    THROTTLED = "ThrottlingException"
    EXCEEDED = "ProvisionedThroughputExceededException"
    INTERNAL = "InternalServerError"
    INVALID = "ValidationException"
    CONFLICT = "another transaction holds the item"


Plan = Callable[[str], Fault | None]
"""Operation → what happens to this request."""


@contextmanager
def troubled(plan: Plan) -> Iterator[list[str]]:
    """Meets every HTTP request with what the plan says, below the SDK's own retries. Collects the requests made."""
    original, made = Endpoint._do_get_response, []

    def respond(self: Any, request: Any, operation: Any, context: Any) -> Any:
        if operation.service_model.service_name != "dynamodb":
            return original(self, request, operation, context)
        made.append(operation.name)
        fault = plan(operation.name)
        if fault is None:
            return original(self, request, operation, context)
        if fault is Fault.CUT:
            return None, ConnectionClosedError(endpoint_url=request.url)
        if fault is Fault.LOST:
            original(self, request, operation, context)
            return None, ReadTimeoutError(endpoint_url=request.url)
        return _refusal(fault, operation.name, _body(request)), None

    with patch.object(Endpoint, "_do_get_response", respond):
        yield made


def cancelled(*codes: str) -> tuple[Any, Body]:
    """The answer to a transaction that was cancelled for these reasons, one for each of its items."""
    return _answer(400, "TransactionCanceledException", {"CancellationReasons": [{"Code": code} for code in codes]})


def _refusal(fault: Fault, operation: str, body: Body) -> tuple[Any, Body]:
    if fault is not Fault.CONFLICT:
        return _answer(500 if fault is Fault.INTERNAL else 400, fault.value)
    if operation != "TransactWriteItems":
        return _answer(400, "TransactionConflictException")
    return cancelled("None", "TransactionConflict", *["None"] * (len(body["TransactItems"]) - 2))


def _answer(status: int, code: str, further: Body | None = None) -> tuple[Any, Body]:
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": {}}
    parsed = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": metadata, **(further or {})}
    return SimpleNamespace(status_code=status, headers={}, content=b"", raw=None), parsed


@contextmanager
def answering(operation: str, *answers: tuple[Any, Body]) -> Iterator[list[str]]:
    """The next calls of that operation are not made but get these answers, one each."""
    made: list[str] = []
    waiting = list(answers)
    original = BaseClient._make_request

    def make_request(self: Any, model: Any, request: Any, context: Any) -> Any:
        if model.name == operation:
            made.append(model.name)
            if waiting:
                return waiting.pop(0)
        return original(self, model, request, context)

    with patch.object(BaseClient, "_make_request", make_request):
        yield made


@contextmanager
def no_sleep() -> Iterator[list[float]]:
    """Nobody sleeps; collects for how long they would have."""
    slept: list[float] = []
    with patch("time.sleep", slept.append):
        yield slept


def _tables() -> dict[str, Any]:
    (regions,) = dynamodb_backends.values()
    return {name: table for backend in regions.values() for name, table in backend.tables.items()}


def snapshot() -> dict[str, Any]:
    """The contents of every table."""
    return {name: copy.deepcopy(table.items) for name, table in _tables().items()}


def restore(contents: dict[str, Any]) -> None:
    """Puts every table back to what it was at the snapshot."""
    for name, table in _tables().items():
        table.items = copy.deepcopy(contents[name])


_CHANCE = re.compile(r"M[0-9A-Z]{18}|#[0-9A-Z]{8}(?=\")|\"(commit_id|body_hash|\w+_shard)\": {\"S\": \"\w+\"}")


def state() -> list[str]:
    """Every lasting item outside the rulebook, but for what chance decides (new ids and what follows from them)."""
    found = []
    for name, table in _tables().items():
        if not name.endswith(("-guard", "-rulebook")):
            items = [item.to_json()["Attributes"] for item in table.all_items()]
            found += [_CHANCE.sub("", f"{name}: {json.dumps(item, sort_keys=True)}") for item in items]
    return sorted(text for text in found if '"session#' not in text)
