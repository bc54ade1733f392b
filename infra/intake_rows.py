"""The rows of an order file: each physical line becomes a queue message, or is refused with a reason.

A file is read line by line and never as a whole, so its size does not matter, a broken quote spoils one row and not the
rest of the file, and a byte offset is all a resumed import needs. No column needs a line break within a cell.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import model_validator

from chalicelib.earning.schemas import OrderMessage, message_model
from chalicelib.engine.orders import SKEW
from chalicelib.shared.edge import parse
from chalicelib.shared.errors import InvalidFields, invalid
from chalicelib.shared.schemas import MemberId, OpenId, Request

COLUMNS = frozenset("type order_id refund_id openid member_id paid_at amount_fen amount_yuan offset_fen items".split())
KINDS = ("order", "refund", "completion")
MAX_LINE_BYTES = 128 * 1024
MAX_BODY_BYTES = 200_000
SHOWN_CHARACTERS = 500

# Years 1900–2099, seconds, an offset. The message model would read bare digits, 20260101, as Unix seconds.
_INSTANT = re.compile(r"(19|20)\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_FEN = re.compile(r"-?[0-9]{1,15}")
_YUAN = re.compile(r"-?[0-9]{1,13}(\.[0-9]{1,2})?")


class BadFile(SystemExit):
    """The file as a whole cannot be imported; the message says why."""


@dataclass(frozen=True)
class Row:
    """One line. `number` counts lines from 1, the header's; `end` is the offset behind it; `cells` is None when
    `problem` says why the line is no row."""

    number: int
    end: int
    text: str
    cells: dict[str, str] | None = None
    problem: str = ""


@dataclass(frozen=True)
class Message:
    """What goes to the queue. `group` is the member's id, however the row named the member."""

    group: str
    body: str


class _Owner(Request):
    member_id: MemberId | None = None
    openid: OpenId | None = None

    @model_validator(mode="after")
    def _one(self) -> "_Owner":
        if (self.member_id is None) == (self.openid is None):
            raise ValueError("exactly one of member_id and openid is needed")
        return self


class OrderFile:
    """An order file whose header has been understood. Raises BadFile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            line, _ = _line(file)
            self.header_end = file.tell()
        cells, problem = _cells(line.removeprefix(b"\xef\xbb\xbf"))
        self.columns = [name.strip() for name in cells or ()]
        problem = problem or self._header_problem()
        if problem:
            raise BadFile(f"{path.name}: the first line must name the columns: {problem}")

    def _header_problem(self) -> str:
        named = set(self.columns)
        if len(named) < len(self.columns):
            return "a column is named twice"
        if named - COLUMNS:
            unknown = ", ".join(sorted(repr(name[:40]) for name in named - COLUMNS)[:10])
            return f"unknown {unknown}; known are {', '.join(sorted(COLUMNS))}"
        if "order_id" not in named or not named & {"openid", "member_id"}:
            return "order_id is needed, and openid or member_id"
        return ""

    def rows(self, offset: int, number: int) -> Iterator[Row]:
        """The rows behind `offset`, which is the end of line `number`. Blank lines are passed over."""
        with self.path.open("rb") as file:
            file.seek(offset)
            while True:
                line, too_long = _line(file)
                if not line:
                    return
                number += 1
                if line.strip():
                    yield self._row(number, file.tell(), line, too_long)

    def _row(self, number: int, end: int, line: bytes, too_long: bool) -> Row:
        text = line[: 4 * SHOWN_CHARACTERS].decode(errors="replace").rstrip("\r\n")[:SHOWN_CHARACTERS]
        if too_long:
            return Row(number, end, text, problem=f"the line is longer than {MAX_LINE_BYTES} bytes")
        values, problem = _cells(line)
        if values is None:
            return Row(number, end, text, problem=problem)
        if len(values) != len(self.columns):
            return Row(number, end, text, problem=f"{len(values)} cells where the header has {len(self.columns)}")
        cells = {name: value.strip() for name, value in zip(self.columns, values, strict=True) if value.strip()}
        return Row(number, end, text, cells)


def _line(file: BinaryIO) -> tuple[bytes, bool]:
    """The next line, at most MAX_LINE_BYTES of it, and whether there was more of it. Empty at the end of the file."""
    line = tail = file.readline(MAX_LINE_BYTES)
    too_long = False
    while tail and not tail.endswith(b"\n"):
        tail = file.readline(MAX_LINE_BYTES)
        too_long = too_long or bool(tail)
    return line, too_long


def _cells(line: bytes) -> tuple[list[str] | None, str]:
    """The cells of a line, or why there are none."""
    try:
        text = line.decode().rstrip("\r\n")
        return next(csv.reader([text], strict=True), []), ""
    except UnicodeDecodeError:
        return None, "not UTF-8; save the file as CSV UTF-8"
    except csv.Error as error:
        return None, f"not CSV: {error}"


def message(cells: dict[str, str], as_of: str | None, member_of: Callable[[str], str | None], now: datetime) -> Message:
    """The queue message of a row, checked by the models the queue's worker reads it with.

    `member_of` finds the member of an openid. Raises InvalidFields.
    """
    value: dict[str, Any] = {"type": "order", **cells}
    if value["type"] not in KINDS:
        raise invalid("type", f"one of {', '.join(KINDS)}")
    owner = parse(_Owner, {name: value.pop(name, None) for name in ("member_id", "openid")})
    assert isinstance(owner, _Owner)  # noqa: S101
    value |= _converted(value)
    value.pop("amount_yuan", None)
    if value["type"] == "order":
        # Until the member has been looked up any id will do: a row with other faults costs no read.
        value |= {"member_id": owner.member_id or "M" + "0" * 18, **({"as_of": as_of} if as_of else {})}
    found = parse(message_model(value), value)
    if isinstance(found, OrderMessage) and found.paid_at > now + SKEW:
        raise invalid("paid_at", "in the future")
    member_id = owner.member_id or member_of(str(owner.openid))
    if member_id is None:
        raise invalid("openid", "no member has it")
    content = found.model_dump(mode="json", exclude_none=True)
    if isinstance(found, OrderMessage):
        content["member_id"] = member_id
    body = json.dumps(content, separators=(",", ":"))
    if len(body) > MAX_BODY_BYTES:
        raise invalid("items", "more than the queue can carry")
    return Message(member_id, body)


def _converted(value: dict[str, Any]) -> dict[str, Any]:
    """The cells that are not text: amount, items, and the instant's form. Raises InvalidFields."""
    found: dict[str, Any] = {}
    if "paid_at" in value and not _INSTANT.fullmatch(value["paid_at"]):
        raise invalid("paid_at", "not like 2026-01-31T12:00:00+08:00")
    if "amount_fen" in value and "amount_yuan" in value:
        raise invalid("amount_yuan", "amount_fen is given too")
    for name in ("amount_fen", "offset_fen"):
        if name in value:
            if not _FEN.fullmatch(value[name]):
                raise invalid(name, "not a whole number of fen")
            found[name] = int(value[name])
    if "amount_yuan" in value:
        if not _YUAN.fullmatch(value["amount_yuan"]):
            raise invalid("amount_yuan", "not an amount of yuan with at most two decimals")
        found["amount_fen"] = int(Decimal(value["amount_yuan"]) * 100)
    if "items" in value:
        try:
            found["items"] = json.loads(value["items"])
        except (ValueError, RecursionError) as error:
            raise invalid("items", "not a JSON list") from error
    return found


def reason(refusal: InvalidFields) -> str:
    """The refusal in one line."""
    return "; ".join(f"{detail['field']}: {detail['problem']}" for detail in refusal.details)
