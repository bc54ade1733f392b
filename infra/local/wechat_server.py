"""A fake WeChat server for developers and tests: `python -m infra.local.wechat_server --port 8002`.

What it answers is in `wechat_rules.py` and `wechat_messages.py`. Beside WeChat's own paths:
`GET /_health`, `GET /_sent` (what was sent to it, a JSON list), and `POST /_script {"path", "acts": [...]}` (how the
next calls of a path are answered, e.g. `{"path": "/cgi-bin/message/subscribe/send", "acts": ["error:43101"]}`).
"""

import argparse
import json
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from infra.local.serving import Server, Serving
from infra.local.wechat_messages import Errcode, Reply
from infra.local.wechat_rules import WechatRules

APPID, SECRET = "wx0123456789local0", "a-secret-only-this-machine-knows"
MAX_BODY_BYTES = 1024 * 1024


class _Server(Server):
    def __init__(self, port: int, rules: WechatRules) -> None:
        self.rules, self.stopping = rules, threading.Event()
        super().__init__(port, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is one line."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError):
            print(f"fake WeChat: {type(error).__name__}: {error}", file=sys.stderr)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go out in two writes; held back, each answer would cost 40 ms
    timeout = 60
    server: _Server

    def do_GET(self) -> None:
        self._respond(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            # What follows cannot be told from the next request, so the connection ends here.
            self.close_connection = True
            self._send(Errcode(45002 if length.isdigit() else 44002).reply())
            return
        self._respond(self.rfile.read(int(length)))

    do_PUT = do_PATCH = do_DELETE = do_POST

    def _respond(self, body: bytes) -> None:
        try:
            url = urlsplit(self.path)
            reply = self._answer(url.path, dict(parse_qsl(url.query, max_num_fields=100)), body)
        except ValueError:
            reply = Errcode(47001).reply()
        if reply.wait_seconds:
            self.server.stopping.wait(reply.wait_seconds)
        if not reply.cut:
            self._send(reply)
            return
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, path: str, query: dict[str, str], body: bytes) -> Reply:
        rules = self.server.rules
        if path == "/_health":
            return Reply.json({"status": "ok", "appid": rules.appid})
        if path == "/_sent":
            return Reply.json(rules.sent())
        if path == "/_script":
            return self._script(body)
        return rules.answer(self.command, path, query, body)

    def _script(self, body: bytes) -> Reply:
        try:
            wanted = json.loads(body)
            path, acts = wanted["path"], wanted["acts"]
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError("a script is an object with path and acts") from error
        if not isinstance(path, str) or not isinstance(acts, list) or not all(isinstance(act, str) for act in acts):
            raise ValueError("a script names one path and a list of acts")
        self.server.rules.script(path, *acts)
        return Reply.json({"errcode": 0, "errmsg": "ok"})

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: the URL of every request holds the secret or a token."""


class FakeWechat(Serving):
    """The server on a thread of this process: `with FakeWechat() as wechat: … wechat.url`, `wechat.rules`."""

    def __init__(
        self,
        appid: str = APPID,
        secret: str = SECRET,
        *,
        port: int = 0,
        unionids: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.appid, self.secret = appid, secret
        self.rules = WechatRules(appid, secret, unionids=unionids, clock=clock)
        server = _Server(port, self.rules)
        self._stopping = server.stopping
        super().__init__(server)

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        super().__exit__(*error)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.wechat_server", description="A fake WeChat server.")
    parser.add_argument("--port", type=int, default=8002, help="0 picks a free one")
    parser.add_argument("--appid", default=APPID)
    parser.add_argument("--secret", default=SECRET)
    parser.add_argument("--without-unionids", action="store_true", help="as if not bound to an Open Platform account")
    given = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        fake = FakeWechat(given.appid, given.secret, port=given.port, unionids=not given.without_unionids)
    except (OSError, OverflowError) as error:
        print(f"fake WeChat: cannot listen on 127.0.0.1:{given.port}: {error}", file=sys.stderr)
        return 1
    with fake:
        print(f"fake WeChat: {fake.url} (appid {given.appid})", flush=True)
        stop.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
