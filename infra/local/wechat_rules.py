"""What the fake WeChat knows: credentials, login and phone codes, access tokens. No sockets here.

Login codes      `local:<name>[:at=<unix seconds>][:<anything>]` → the openid of `<name>`
Phone codes      `phone:<11 digits>[:at=…][:app=<appid>][:country=<code>][:<anything>]`
                 `at=` is when the code was issued (default: when first seen); `app=` whose watermark the answer bears.
                 As in life each code works once (40163, phone: 40029) and for five minutes (40029).
Scripted codes   `error:<errcode>`, `status:<http status>`, `garbage` (not JSON), `cut` (no answer at all), each with
                 `[:<anything>]` and as often as you like; `slow:<seconds>[:<code>]` answers that code, late.
                 The same words, without a code, script the next answer of any path: see `script`.

All of it is in memory: after a restart every code is fresh and every access token unknown.
"""

import base64
import hashlib
import json
import re
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from infra.local import wechat_messages
from infra.local.wechat_messages import Errcode, Reply, Visit

CODE_SECONDS, TOKEN_SECONDS, OVERLAP_SECONDS = 300, 7200, 300
FORCED_REFRESH_SECONDS = 30
LONGEST_SLEEP_SECONDS = 30.0
MAX_REMEMBERED, MAX_SENT = 100_000, 10_000

_ACT = re.compile(r"(?:(?P<act>error|status):(?P<value>-?\d{1,9})|(?P<bare>garbage|cut))(?::.*)?", re.DOTALL)
_SLOW = re.compile(r"slow:(?P<seconds>\d{1,4}(?:\.\d{1,3})?)(?::(?P<code>.+))?", re.DOTALL)


@dataclass(frozen=True)
class _Code:
    """A code taken apart: `local:alice:at=1` → kind `local`, subject `alice`, options {at: 1}."""

    kind: str
    subject: str
    options: dict[str, str]


def _parse_code(code: str) -> _Code:
    kind, _, rest = code.partition(":")
    subject, *others = rest.split(":")
    return _Code(kind, subject, dict(part.split("=", 1) for part in others if "=" in part))


class WechatRules:
    """One mini-program as WeChat sees it. Safe to use from several threads."""

    def __init__(
        self, appid: str, secret: str, *, unionids: bool = True, clock: Callable[[], float] = time.time
    ) -> None:
        self.appid, self._secret, self._unionids, self._clock = appid, secret, unionids, clock
        self._lock = threading.Lock()
        self._used_codes: OrderedDict[str, None] = OrderedDict()
        self._visits: OrderedDict[str, float] = OrderedDict()
        self._tokens: OrderedDict[str, float] = OrderedDict()
        self._current_token = ""
        self._forced_at = float("-inf")
        self._scripts: dict[str, deque[str]] = {}
        self._sent: deque[dict[str, Any]] = deque(maxlen=MAX_SENT)
        self.calls: deque[str] = deque(maxlen=MAX_SENT)

    # -- what tests and developers do to it

    def openid(self, name: str) -> str:
        """The openid behind `local:<name>`: the same on every machine and after every restart."""
        return "o" + _derived("openid", self.appid, name)[:27]

    def script(self, path: str, *acts: str) -> None:
        """The next calls of `path` are answered by these acts, one each; then it behaves again. ValueError: no act."""
        if not all(_ACT.fullmatch(act) or _SLOW.fullmatch(act) for act in acts):
            raise ValueError("an act is error:<errcode>, status:<http status>, garbage, cut or slow:<seconds>")
        with self._lock:
            self._scripts.setdefault(path, deque(maxlen=1000)).extend(acts)

    def sent(self) -> list[dict[str, Any]]:
        """Every call that carried a good access token, oldest first: `{at, path, body, errcode}`."""
        with self._lock:
            return list(self._sent)

    def revoke_tokens(self) -> None:
        """Forgets every access token, as a reset AppSecret would."""
        with self._lock:
            self._tokens.clear()
            self._current_token = ""

    # -- what WeChat does

    def answer(self, method: str, path: str, query: dict[str, str], raw: bytes) -> Reply:
        """The reply to one request. Never raises: whatever is wrong becomes an errcode."""
        with self._lock:
            self.calls.append(path)
            try:
                acts = self._scripts.get(path)
                wait_seconds, act = _unwrap(acts.popleft() if acts else "", "")
                reply = _play(act) or self._route(method, path, query, raw)
                return replace(reply, wait_seconds=max(wait_seconds, reply.wait_seconds))
            except Errcode as error:
                return error.reply()

    def _route(self, method: str, path: str, query: dict[str, str], raw: bytes) -> Reply:
        if path == "/sns/jscode2session":
            _require(method == "GET", 43001)
            return self._login(query)
        if path == "/cgi-bin/stable_token":
            _require(method == "POST", 43002)
            return self._stable_token(_parse_body(raw))
        interface = wechat_messages.INTERFACES.get(path)
        if interface is None and path != "/wxa/business/getuserphonenumber":
            return replace(Errcode(40066).reply(), status=404)
        _require(method == "POST", 43002)
        self._check_token(query)
        body = _parse_body(raw)
        record = {"at": self._instant(), "path": path, "body": body, "errcode": 0}
        self._sent.append(record)
        try:
            return interface(body, self._visit_of(body)) if interface else self._phone(body)
        except Errcode as error:
            record["errcode"] = error.errcode
            raise

    # -- login

    def _login(self, query: dict[str, str]) -> Reply:
        self._check_credentials(query)
        _require(query.get("grant_type") == "authorization_code", 40002)
        code = query.get("js_code", "")
        _require(bool(code), 41008)
        wait_seconds, code = _unwrap(code, "local:slow")
        played = _play(code)
        if played is None:
            parsed = _parse_code(code)
            _require(parsed.kind == "local" and 0 < len(parsed.subject) <= 64 and len(code) <= 256, 40029)
            self._use_once(code, parsed, used=40163)
            played = self._session(parsed.subject)
        return replace(played, wait_seconds=wait_seconds)

    def _session(self, name: str) -> Reply:
        openid = self.openid(name)
        _remember(self._visits, openid, self._clock())
        session = {"session_key": base64.b64encode(secrets.token_bytes(16)).decode(), "openid": openid}
        if self._unionids:
            session["unionid"] = "u" + _derived("unionid", "", name)[:27]
        # As WeChat does: text/plain, and no errcode at all on success.
        return Reply(json.dumps(session).encode(), content_type="text/plain")

    def _use_once(self, code: str, parsed: _Code, used: int) -> None:
        issued_at = parsed.options.get("at")
        if issued_at is not None:
            _require(bool(re.fullmatch(r"[0-9]{1,12}", issued_at)), 40029)
            _require(self._clock() - int(issued_at) <= CODE_SECONDS, 40029)
        _require(code not in self._used_codes, used)
        _remember(self._used_codes, code, None)

    def _check_credentials(self, given: dict[str, Any]) -> None:
        _require(bool(given.get("appid")), 41002)
        _require(bool(given.get("secret")), 41004)
        _require(given["appid"] == self.appid, 40013)
        _require(given["secret"] == self._secret, 40125)

    # -- access tokens

    def _stable_token(self, body: dict[str, Any]) -> Reply:
        _require(body.get("grant_type") == "client_credential", 40002)
        self._check_credentials(body)
        now = self._clock()
        if body.get("force_refresh") is True and now - self._forced_at >= FORCED_REFRESH_SECONDS:
            self._forced_at = now
            self._tokens.clear()
            self._current_token = ""
        good_until = self._tokens.get(self._current_token, now)
        if good_until - now <= OVERLAP_SECONDS:
            # The old token keeps its own end, at most five minutes away: that is the overlap.
            self._current_token = f"local_{secrets.token_urlsafe(48)}"
            good_until = now + TOKEN_SECONDS
            _remember(self._tokens, self._current_token, good_until)
        return Reply.json({"access_token": self._current_token, "expires_in": int(good_until - now)})

    def _check_token(self, query: dict[str, str]) -> None:
        token = query.get("access_token", "")
        _require(bool(token), 41001)
        _require(token in self._tokens, 40001)
        _require(self._clock() < self._tokens[token], 42001)

    # -- phone numbers

    def _phone(self, body: dict[str, Any]) -> Reply:
        code = body.get("code")
        if not isinstance(code, str) or len(code) > 256:
            raise Errcode(40029)
        wait_seconds, code = _unwrap(code, "phone:13800000000:slow")
        return replace(_play(code) or self._number(code), wait_seconds=wait_seconds)

    def _number(self, code: str) -> Reply:
        parsed = _parse_code(code)
        digits, country = parsed.subject, parsed.options.get("country", "86")
        shape = r"[0-9]{11}" if country == "86" else r"[0-9]{4,15}"
        _require(parsed.kind == "phone" and bool(re.fullmatch(shape, digits)), 40029)
        _require(bool(re.fullmatch(r"[0-9]{1,4}", country)), 40029)
        self._use_once(code, parsed, used=40029)
        watermark = {"timestamp": int(self._clock()), "appid": parsed.options.get("app", self.appid)}
        info = {
            "phoneNumber": digits if country == "86" else f"+{country}{digits}",
            "purePhoneNumber": digits,
            "countryCode": country,
            "watermark": watermark,
        }
        return Reply.json({"errcode": 0, "errmsg": "ok", "phone_info": info})

    # -- small things

    def _visit_of(self, body: dict[str, Any]) -> Visit:
        openid = body.get("openid") or body.get("touser")
        last = self._visits.get(openid) if isinstance(openid, str) else None
        return Visit(appid=self.appid, seconds_ago=None if last is None else self._clock() - last)

    def _instant(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _unwrap(code: str, default: str) -> tuple[float, str]:
    """How late to answer, and which code: `slow:2:local:alice` → 2 seconds, `local:alice`."""
    slow = _SLOW.fullmatch(code)
    if not slow:
        return 0.0, code
    return min(float(slow["seconds"]), LONGEST_SLEEP_SECONDS), slow["code"] or default


def _play(code: str) -> Reply | None:
    """The scripted answer `code` asks for, or None when it asks for none."""
    act = _ACT.fullmatch(code)
    if not act:
        return None
    if act["act"] == "error":
        raise Errcode(int(act["value"]))
    if act["act"] == "status":
        return Reply(b"<html>no good</html>", status=min(max(int(act["value"]), 200), 599), content_type="text/html")
    return Reply(b'{"openid": "half an ans', cut=act["bare"] == "cut")


def _require(condition: bool, errcode: int) -> None:
    if not condition:
        raise Errcode(errcode)


def _parse_body(raw: bytes) -> dict[str, Any]:
    _require(bool(raw.strip()), 44002)
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise Errcode(47001) from error
    if not isinstance(body, dict):
        raise Errcode(47001)
    return body


def _remember(store: OrderedDict[str, Any], key: str, value: Any) -> None:
    store[key] = value
    if len(store) > MAX_REMEMBERED:
        store.popitem(last=False)


def _derived(purpose: str, appid: str, name: str) -> str:
    digest = hashlib.sha256(f"{purpose}\n{appid}\n{name}".encode(errors="replace")).digest()
    return base64.urlsafe_b64encode(digest).decode()
