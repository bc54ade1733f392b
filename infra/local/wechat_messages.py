"""The fake WeChat's interfaces that send or judge something, each with its documented limits.

Pure: body and last visit in, reply out, an Errcode for what WeChat would refuse. To hear other verdicts: content with
the word `risky` or `review` is judged so, and the addresses 203.0.113.1 to .4 have that risk rank.
"""

import json
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

RECENT_SECONDS = 2 * 3600

_MESSAGES = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40013: "invalid appid",
    40014: "invalid access_token",
    40029: "invalid code",
    40037: "invalid template_id",
    40066: "invalid url",
    40097: "invalid args",
    40125: "invalid appsecret",
    40129: "invalid scene",
    40163: "code been used",
    40164: "invalid ip, not in whitelist",
    40169: "invalid length for scene, or the data is not json string",
    40226: "code blocked",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    41030: "invalid page",
    42001: "access_token expired",
    43001: "require GET method",
    43002: "require POST method",
    43101: "user refuse to accept the msg",
    43104: "appid and openid do not match",
    44002: "empty post data",
    45002: "content size out of limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    47001: "data format error",
    47003: "argument invalid!",
    48001: "api unauthorized",
    61010: "code is expired",
}


@dataclass(frozen=True)
class Reply:
    """What goes back. `cut`: nothing does, the connection is closed instead."""

    body: bytes
    status: int = 200
    content_type: str = "application/json; encoding=utf-8"
    wait_seconds: float = 0.0
    cut: bool = False

    @classmethod
    def json(cls, value: Any) -> "Reply":
        return cls(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


class Errcode(Exception):
    """A refusal the way WeChat words it."""

    def __init__(self, errcode: int, detail: str = "") -> None:
        super().__init__(errcode)
        self.errcode, self.detail = errcode, detail

    def reply(self) -> Reply:
        text = " ".join(filter(None, [_MESSAGES.get(self.errcode, "scripted error"), self.detail]))
        return Reply.json({"errcode": self.errcode, "errmsg": f"{text} rid: 65f0c0de-00000000-{abs(self.errcode):08d}"})


@dataclass(frozen=True)
class Visit:
    """When the user named in a request last logged in (None: never), and our appid."""

    appid: str
    seconds_ago: float | None


def _ok(**fields: Any) -> Reply:
    return Reply.json({"errcode": 0, "errmsg": "ok", **fields})


# -- POST /cgi-bin/message/subscribe/send

_HAN = "\u4e00-\u9fff"
_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?"
_DAY = r"\d{4}(?:年\d{1,2}月\d{1,2}日|-\d{1,2}-\d{1,2}|/\d{1,2}/\d{1,2})"
_VALUE_SHAPES = {
    "thing": r".{1,20}",
    "number": r"(?=.{1,32}$)-?\d+(?:\.\d+)?",
    "letter": r"[A-Za-z]{1,32}",
    "symbol": rf"[^\sA-Za-z0-9{_HAN}]{{1,5}}",
    "character_string": r"[!-~]{1,32}",
    "time": rf"(?:{_DAY} ?)?{_CLOCK}(?: ?~ ?(?:{_DAY} ?)?{_CLOCK})?",
    "date": rf"{_DAY}(?: {_CLOCK})?(?: ?~ ?{_DAY}(?: {_CLOCK})?)?",
    "amount": r"[^\s\d]?\d{1,10}(?:\.\d+)?元?",
    "phone_number": r"[\d+\-() ]{1,17}",
    "car_number": rf"[A-Z0-9{_HAN}]{{1,8}}",
    "name": rf"(?:[{_HAN}·]{{1,10}}|[A-Za-z .'\-]{{1,20}})",
    "phrase": rf"[{_HAN}]{{1,5}}",
}


def _subscribe_send(body: dict[str, Any], visit: Visit) -> Reply:
    if not isinstance(body.get("touser"), str) or visit.seconds_ago is None:
        raise Errcode(40003)
    template_id = body.get("template_id")
    if not isinstance(template_id, str) or not template_id:
        raise Errcode(40037)
    page = body.get("page", "")
    if not isinstance(page, str) or page.startswith("/"):
        raise Errcode(41030)
    if body.get("miniprogram_state", "formal") not in ("developer", "trial", "formal"):
        raise Errcode(40097)
    data = body.get("data")
    if not isinstance(data, dict) or not data:
        raise Errcode(47003, "data is empty")
    for key, cell in data.items():
        shape = _VALUE_SHAPES.get(re.sub(r"\d+$", "", key))
        value = cell.get("value") if isinstance(cell, dict) else None
        if shape is None or not isinstance(value, str) or not re.fullmatch(shape, value):
            raise Errcode(47003, f"data.{key}.value invalid")
    return _ok(msgid=zlib.crc32(json.dumps(body, sort_keys=True).encode()))


# -- POST /wxa/getwxacodeunlimit

_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")


def _unlimited_code(body: dict[str, Any], _: Visit) -> Reply:
    scene, page, width = body.get("scene"), body.get("page", ""), body.get("width", 430)
    if not isinstance(scene, str) or not _SCENE.fullmatch(scene):
        raise Errcode(40169)
    if not isinstance(page, str) or page.startswith("/") or "?" in page:
        raise Errcode(41030)
    if type(width) is not int or not 280 <= width <= 1280:
        raise Errcode(40097, "width")
    if body.get("env_version", "release") not in ("release", "trial", "develop"):
        raise Errcode(40097, "env_version")
    return Reply(_grey_square(width), content_type="image/png")


def _grey_square(width: int) -> bytes:
    """A valid picture of the right size; a real code would need WeChat to read it anyway."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, width, 8, 0, 0, 0, 0)
    pixels = zlib.compress((b"\0" + b"\x80" * width) * width)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


# -- POST /wxa/msg_sec_check, POST /wxa/getuserriskrank


def _require_recent(openid: Any, visit: Visit) -> None:
    if not isinstance(openid, str) or visit.seconds_ago is None:
        raise Errcode(40003)
    if visit.seconds_ago > RECENT_SECONDS:
        raise Errcode(61010)


def _check_text(body: dict[str, Any], visit: Visit) -> Reply:
    content = body.get("content")
    if body.get("version") != 2 or not isinstance(content, str) or not content:
        raise Errcode(47001)
    if len(content) > 2500:
        raise Errcode(45002)
    if type(body.get("scene")) is not int or not 1 <= body["scene"] <= 4:
        raise Errcode(40129)
    _require_recent(body.get("openid"), visit)
    text = " ".join(str(body.get(field, "")) for field in ("content", "nickname", "title", "signature"))
    suggest = next((word for word in ("risky", "review") if word in text), "pass")
    label = 100 if suggest == "pass" else 21000
    trace_id = f"local-{zlib.crc32(text.encode(errors='replace')):08x}"
    verdict = {"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label, "prob": 90}
    return _ok(result={"suggest": suggest, "label": label}, detail=[verdict], trace_id=trace_id)


def _risk_rank(body: dict[str, Any], visit: Visit) -> Reply:
    if not isinstance(body.get("client_ip"), str) or not body["client_ip"]:
        raise Errcode(47001)
    if type(body.get("scene")) is not int or not 0 <= body["scene"] <= 2:
        raise Errcode(40129)
    if body.get("appid") != visit.appid:
        raise Errcode(43104)
    _require_recent(body.get("openid"), visit)
    ranked = re.fullmatch(r"203\.0\.113\.([0-4])", body["client_ip"])
    number = zlib.crc32(json.dumps(body, sort_keys=True).encode())
    # `unoin_id` is how WeChat spells it.
    return Reply.json(
        {
            "errcode": 0,
            "errmsg": "getuserriskrank succ",
            "risk_rank": int(ranked[1]) if ranked else 0,
            "unoin_id": number,
        }
    )


INTERFACES: dict[str, Callable[[dict[str, Any], Visit], Reply]] = {
    "/cgi-bin/message/subscribe/send": _subscribe_send,
    "/wxa/getwxacodeunlimit": _unlimited_code,
    "/wxa/msg_sec_check": _check_text,
    "/wxa/getuserriskrank": _risk_rank,
}
