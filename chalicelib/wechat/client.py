"""One HTTP call to WeChat: time-outs, the only safe retries, the errcode turned into a refusal.

Facts relied upon: an answer is HTTP 200 with a JSON body, whatever its Content-Type says; `errcode` may be absent on
success; `errmsg` ends with a request id (`rid: …`, formerly `hints: [ req_id: … ]`) that WeChat's support asks for.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import urllib3
from urllib3.exceptions import ClosedPoolError, ConnectTimeoutError, HTTPError, NewConnectionError

from chalicelib.shared import secrets, telemetry
from chalicelib.shared.config import settings
from chalicelib.wechat.refusals import COMMON, Refusals, WechatMisconfigured, WechatUnavailable

CONNECT_SECONDS, READ_SECONDS = 1.0, 2.0
ATTEMPTS, PAUSE_SECONDS = 2, 0.1
IDLE_SECONDS = 10.0
MAX_ANSWER_BYTES = 1024 * 1024

_NOTHING_WAS_SENT = (ConnectTimeoutError, NewConnectionError, ClosedPoolError)


@dataclass(frozen=True)
class AccessToken:
    """`good_until` is on the client's clock."""

    value: str = field(repr=False)
    good_until: float


def _new_pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(
        num_pools=1, maxsize=1, timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    )


@dataclass(eq=False)
class Wechat:
    """The mini-program's credentials, its connections, and the access token it holds; lives as long as a container.

    `clock` gives seconds that only grow; tests replace it to let a token grow old.
    """

    base_url: str
    appid: str
    secret: str = field(repr=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    token: AccessToken | None = field(default=None, repr=False)
    pool: urllib3.PoolManager = field(default_factory=_new_pool, repr=False)
    last_used: float = field(default_factory=time.monotonic, repr=False)

    def get(self, path: str, query: Mapping[str, str], refusals: Refusals) -> dict[str, Any]:
        """A GET's JSON answer. An errcode raises what `refusals`, or else the common table, says it means."""
        target = f"{path}?{urlencode(query, errors='replace')}"
        return _read(path, self._send("GET", target, None, repeatable=False), refusals)

    def post(
        self,
        path: str,
        body: Mapping[str, Any],
        refusals: Refusals,
        *,
        query: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> dict[str, Any]:
        """A POST's JSON answer, like `get`. `repeatable`: a lost answer may be asked for again without harm."""
        target = f"{path}?{urlencode(query)}" if query else path
        # Some interfaces would show an escaped \u4f60 to the member as such, so Chinese goes out as itself.
        sent = json.dumps(body, ensure_ascii=False).encode(errors="replace")
        return _read(path, self._send("POST", target, sent, repeatable), refusals)

    def _send(self, method: str, target: str, body: bytes | None, repeatable: bool) -> bytes:
        for attempt in range(1, ATTEMPTS + 1):
            started = time.monotonic()
            try:
                status, raw = self._exchange(method, target, body)
                problem = "" if status == 200 else f"HTTP {status}"
                may_repeat = repeatable and status >= 500
            except HTTPError as error:
                # Once something was sent WeChat may have acted on it, and a code works only once.
                problem = type(error).__name__
                may_repeat = repeatable or isinstance(error, _NOTHING_WAS_SENT)
            if not problem:
                return raw
            telemetry.log(
                "wechat_failed",
                path=target.partition("?")[0],
                problem=problem,
                attempt=attempt,
                milliseconds=round((time.monotonic() - started) * 1000),
            )
            if not may_repeat:
                break
            if attempt < ATTEMPTS:
                time.sleep(PAUSE_SECONDS)
        # Raised here and not in the handler: chained to it would go the transport's error, whose text may hold the URL.
        raise WechatUnavailable

    def _exchange(self, method: str, target: str, body: bytes | None) -> tuple[int, bytes]:
        # A container that slept may hold a connection the other side has long dropped, and a login code lost on it
        # cannot be sent again. A new connection costs a round trip; a lost code costs the member the login.
        if time.monotonic() - self.last_used > IDLE_SECONDS:
            self.pool.clear()
        # No retries of urllib3's own: it cannot know what is safe, and it logs the URL, which holds the secret.
        # No redirects: they would carry the secret to wherever they point.
        response = self.pool.request(
            method,
            self.base_url.rstrip("/") + target,
            body=body,
            headers={"Content-Type": "application/json; charset=utf-8"} if body is not None else {},
            retries=False,
            redirect=False,
            preload_content=False,
        )
        raw = response.read(MAX_ANSWER_BYTES + 1)
        if len(raw) > MAX_ANSWER_BYTES:
            response.close()
            raise HTTPError
        response.release_conn()
        self.last_used = time.monotonic()
        return response.status, raw


def from_settings() -> Wechat:
    """The container's client. A rotated secret (seen within a minute) makes a new one, which starts without a token."""
    credentials = secrets.read(settings().wechat_secret)
    appid, secret = credentials.get("appid"), credentials.get("secret")
    if not appid or not secret:
        telemetry.log("wechat_not_configured", secret_name=settings().wechat_secret)
        raise WechatMisconfigured
    return _client(settings().wechat_url, str(appid), str(secret))


@lru_cache(maxsize=1)
def _client(base_url: str, appid: str, secret: str) -> Wechat:
    return Wechat(base_url, appid, secret)


def _read(path: str, raw: bytes, refusals: Refusals) -> dict[str, Any]:
    answer = _json_object(raw)
    errcode = answer.get("errcode", 0) if answer is not None else None
    if answer is None or not isinstance(errcode, int):
        telemetry.log("wechat_failed", path=path, problem="unreadable answer", size=len(raw))
        raise WechatUnavailable
    if errcode == 0:
        return answer
    # The rest of errmsg may quote what we sent, so only its request id is kept.
    rid = re.search(r"\b(?:rid|req_id): ?([\w-]{1,64})", str(answer.get("errmsg", "")))
    telemetry.log("wechat_refused", path=path, errcode=errcode, rid=rid[1] if rid else None)
    raise (refusals.get(errcode) or COMMON.get(errcode) or WechatUnavailable)()


def _json_object(raw: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


class _WithoutQueries(logging.Filter):
    """urllib3 logs URLs (each request at DEBUG, odd headers at WARNING), and WeChat wants secrets in the query."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = re.sub(r"\?\S*", "?***", record.getMessage()), ()
        return True


for _name in ("urllib3.connectionpool", "urllib3.connection"):
    logging.getLogger(_name).addFilter(_WithoutQueries())
