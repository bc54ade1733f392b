"""The local front address: http://127.0.0.1:8000/v1/… → the emulated API Gateway; `/docs`, `/openapi.json` beside."""

import json
from http.server import BaseHTTPRequestHandler
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import urllib3

from infra.local.serving import Server, Serving

ROOT = Path(__file__).parent.parent.parent
PAGES = Path(__file__).parent / "pages"
REDOC = "drf_spectacular_sidecar/static/drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js"
# API Gateway's own limit.
MAX_BODY_BYTES = 10 * 1024 * 1024
# Sent by the connection, not by the caller or the function.
HOP_HEADERS = {"connection", "content-length", "host", "keep-alive", "transfer-encoding", "date", "server"}


def _error(status: int, code: str, message: str, message_zh: str) -> tuple[int, bytes]:
    error = {"code": code, "message": message, "message_zh": message_zh, "request_id": "front"}
    return status, json.dumps({"error": {**error, "retryable": status >= 500, "details": []}}).encode()


def redoc() -> bytes:
    """Redoc's script, out of a package that ships it; the package itself is never imported."""
    return Path(str(distribution("drf-spectacular-sidecar").locate_file(REDOC))).read_bytes()


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"
    protocol_version = "HTTP/1.1"

    def _handle(self) -> None:
        path = self.path.split("?")[0]
        if path == "/openapi.json":
            self._answer(200, (ROOT / "docs/openapi.json").read_bytes(), {"Content-Type": "application/json"})
        elif path == "/docs":
            self._answer(200, (PAGES / "redoc.html").read_bytes(), {"Content-Type": "text/html; charset=utf-8"})
        elif path == "/redoc.standalone.js":
            self._answer(200, redoc(), {"Content-Type": "text/javascript; charset=utf-8"})
        elif path.startswith("/v1/"):
            self._forward()
        else:
            self._refuse(*_error(404, "NOT_FOUND", "There is nothing here.", "没有找到"))

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = _handle

    def _forward(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            return self._refuse(*_error(413, "BODY_TOO_LARGE", "The body is too large.", "请求内容过大"))
        body = self.rfile.read(int(length))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_HEADERS}
        try:
            answer = self.server.pool.request(
                self.command, self.server.target + self.path, body=body or None, headers=headers
            )
        except urllib3.exceptions.HTTPError:
            return self._refuse(*_error(503, "UNAVAILABLE", "Temporarily unavailable.", "系统繁忙，请稍后重试"))
        if answer.status == 403 and answer.headers.get("x-amzn-errortype", "").startswith("MissingAuthenticationToken"):
            # The template's gateway response says this in AWS; MiniStack answers its own.
            return self._refuse(*_error(404, "NOT_FOUND", "There is nothing here.", "没有找到"))
        if answer.status >= 500 and "X-Request-Id" not in answer.headers:
            # Not from a room: a function that did not answer in time. The template's gateway response says it in AWS.
            return self._refuse(*_error(503, "UNAVAILABLE", "Temporarily unavailable.", "系统繁忙，请稍后重试"))
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_HEADERS}
        return self._answer(answer.status, answer.data, kept)

    def _refuse(self, status: int, body: bytes) -> None:
        headers = {"Content-Type": "application/json; charset=utf-8", "X-Request-Id": "front"}
        self._answer(status, body, headers)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Silent: the functions log for themselves."""


class _Server(Server):
    def __init__(self, port: int, target: str) -> None:
        self.target = target
        self.pool = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(connect=2, read=35), maxsize=32, num_pools=2
        )
        super().__init__(port, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class Front(Serving):
    """The proxy on a thread: `with Front(8000, cloud.url, api_id) as front: front.url`."""

    def __init__(self, port: int, cloud_url: str, api_id: str) -> None:
        super().__init__(_Server(port, f"{cloud_url}/restapis/{api_id}/api/_user_request_"))
