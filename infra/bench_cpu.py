"""Processor time of a whole request, from API Gateway's event to the answer, against botocore making the same calls.

Each request is made once on moto, and what goes over the wire is recorded. Then both sides run against the recording:
the application with everything it does, and botocore alone with the parameters the application had passed. Neither
waits for anything, so the ratio is what the application adds to the least it could do.
"""

import gc
import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSResponse
from botocore.client import BaseClient
from botocore.httpsession import URLLib3Session

from app import app
from chalicelib.earning.workers import orders
from chalicelib.rulebook import store
from chalicelib.shared import aws, callers, secrets
from chalicelib.shared.config import settings
from infra.bench_world import Brand
from tests.harness.world import MERCHANT_KEY, MERCHANT_SECRET

RUNS = 150
Request = Callable[[], Any]


def ratios(brand: Brand) -> list[tuple[str, int, float]]:
    """(request, its calls to AWS, CPU ÷ raw botocore) for each, medians of interleaved runs in a warm container."""
    store.current(brand.now)
    for secret in (settings().token_secret, settings().merchant_secret):
        secrets.read(secret)
    return [(name, *_ratio(request)) for name, request in _requests(brand).items()]


def _requests(brand: Brand) -> dict[str, Request]:
    paid_at = brand.now.isoformat()
    order = {"order_id": "bench-1", "member_id": brand.member_id, "paid_at": paid_at, "amount_fen": 9_900}
    delivery = {"messageId": "m-1", "attributes": {"MessageGroupId": brand.member_id}}
    queued = json.dumps({**order, "order_id": "bench-2"})
    return {
        "home screen": _http(brand, "GET", "/v1/me"),
        "statement page": _http(brand, "GET", "/v1/me/points/entries"),
        "check-in": _http(brand, "POST", "/v1/me/check-ins", {"Idempotency-Key": "bench"}),
        "order, over HTTP": _http(brand, "POST", "/v1/orders", body=json.dumps(order)),
        "order, from the queue": lambda: orders({"Records": [{**delivery, "body": queued}]}, None),
    }


def _http(
    brand: Brand, method: str, path: str, headers: dict[str, str] | None = None, body: str | None = None
) -> Request:
    """The request as API Gateway hands it to the function: the member's own, or signed when it has a body."""
    authorization = f"Bearer {brand.token}"
    if body:
        stamp, nonce = str(int(brand.now.timestamp())), f"bench-nonce-{time.monotonic_ns():016}"
        signature = callers.signature(MERCHANT_SECRET, method, path, stamp, nonce, body.encode())
        authorization = f"HMAC-SHA256 key_id={MERCHANT_KEY},timestamp={stamp},nonce={nonce},signature={signature}"
    event = {
        "resource": path, "path": path, "httpMethod": method, "body": body, "isBase64Encoded": False,
        "headers": {"Authorization": authorization, **(headers or {})}, "pathParameters": None, "stageVariables": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"resourcePath": path, "httpMethod": method, "requestId": "bench", "identity": {}},
    }  # fmt: skip
    return lambda: app(event, None)


def _ratio(request: Request) -> tuple[int, float]:
    request_calls, answers = _recorded(request)
    clients = {service: aws.client(service) for service, _, _ in request_calls}

    def raw() -> None:
        for service, operation, parameters in request_calls:
            clients[service]._make_api_call(operation, parameters)

    ours: list[float] = []
    theirs: list[float] = []
    with _replaying(answers):
        for run in range(RUNS + 10):
            for side, work in ((ours, request), (theirs, raw)):
                started = time.process_time()
                work()
                if run >= 10:
                    side.append(time.process_time() - started)
    gc.collect()
    return len(request_calls), median(ours) / median(theirs)


def _recorded(request: Request) -> tuple[list[tuple[str, str, Any]], list[AWSResponse]]:
    """What the request asks of AWS: (service, operation, parameters), and the answers it gets."""
    calls: list[tuple[str, str, Any]] = []
    answers: list[AWSResponse] = []
    make, send = BaseClient._make_api_call, BaseClient._make_request

    def make_api_call(self: Any, operation: str, parameters: Any) -> Any:
        calls.append((self.meta.service_model.service_name, operation, dict(parameters)))
        return make(self, operation, parameters)

    def make_request(self: Any, *arguments: Any) -> Any:
        http, parsed = send(self, *arguments)
        answers.append(http)
        return http, parsed

    with (
        patch.object(BaseClient, "_make_api_call", make_api_call),
        patch.object(BaseClient, "_make_request", make_request),
    ):
        answer = request()
    if answer.get("batchItemFailures") or answer.get("statusCode", 200) != 200:
        raise SystemExit(f"bench: unexpected answer {answer}")
    return calls, answers


@contextmanager
def _replaying(answers: list[AWSResponse]) -> Iterator[None]:
    """Every request gets the next recorded answer, without a socket and without moto."""
    following = itertools.cycle(answers)

    def send(_session: Any, request: Any) -> AWSResponse:
        answer = next(following)
        return AWSResponse(request.url, answer.status_code, answer.headers, _Raw(answer.content))

    # moto answers in a `before-send` handler; without one the request goes on to the session.
    with (
        patch("moto.core.botocore_stubber.BotocoreStubber.__call__", lambda *_, **__: None),
        patch.object(URLLib3Session, "send", send),
    ):
        yield


class _Raw:
    """A response's body as urllib3 would stream it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._content
