"""A wire between PynamoDB and DynamoDB that loses answers: the request arrives, is carried out, and the connection is
cut before the answer reaches the caller. Plain TCP, so the SDK's own retries are part of what is tested."""

import json
import random
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

import urllib3

from infra.local.serving import Server, Serving

WRITES = {"TransactWriteItems", "PutItem", "UpdateItem", "DeleteItem"}


@dataclass(frozen=True)
class Passage:
    """One request that was carried out: what it was, its ClientRequestToken, DynamoDB's status, and whether the caller
    never heard of it."""

    operation: str
    token: str
    status: int
    cut: bool


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: "_Server"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        # Host goes on unchanged: it is signed.
        answer = self.server.pool.request("POST", self.server.target + self.path, body=body, headers=dict(self.headers))
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        cut = operation in WRITES and self.server.lost()
        token = json.loads(body).get("ClientRequestToken", "")
        self.server.passages.append(Passage(operation, token, answer.status, cut))
        if cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(answer.data)))
        self.end_headers()
        self.wfile.write(answer.data)

    def log_message(self, *_: Any) -> None:
        """Silent."""


class _Server(Server):
    def __init__(self, target: str, lost: Callable[[], bool]) -> None:
        self.target, self.lost, self.passages = target, lost, list[Passage]()
        self.pool = urllib3.PoolManager(retries=False, timeout=30, maxsize=32)
        super().__init__(0, _Handler)


class LossyWire(Serving):
    """`with LossyWire(cloud_url, share=0.1, seed=1) as wire: … wire.url, wire.passages`."""

    def __init__(self, target: str, share: float, seed: int) -> None:
        dice, lock = random.Random(seed), threading.Lock()

        def lost() -> bool:
            with lock:
                return dice.random() < share

        server = _Server(target, lost)
        self.passages = server.passages
        super().__init__(server)
