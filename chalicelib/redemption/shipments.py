"""Parcels by file: those to ship as CSV, and what a carrier's numbers say, read back line by line.

A line is known by what it says, so the same file twice changes nothing; one that fails does not stop the others."""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import ValidationError
from pynamodb.exceptions import PynamoDBException

from chalicelib.redemption import steps, work
from chalicelib.redemption.schemas import StepIn
from chalicelib.shared import audit, callers, dynamo
from chalicelib.shared.errors import Conflict, InvalidFields, Refusal, invalid

MAX_ROWS = 100
# By this mark Excel knows the text for UTF-8.
BOM = "\ufeff"
ADDRESS = ("name", "phone", "province", "city", "district", "street")
HEADS = ("redemption_id", "offer_id", "quantity", "since", *ADDRESS, "company", "number")
NEEDED = ("redemption_id", "company", "number")
# What a spreadsheet would take for a formula at the beginning of a cell.
_FORMULA = re.compile(r"^[\s]*[=+\-@]|^[\t\r\n]")


class BadRow(InvalidFields):
    code = "BAD_ROW"
    message = (
        "The row lacks a company or a number, or has one that is none; long numbers must be text in the spreadsheet."
    )
    message_zh = "该行快递公司或单号缺失或格式不正确；请将单号列设为文本格式"


class RowTwice(Conflict):
    code = "ROW_TWICE"
    message, message_zh = (
        "An earlier row of the file has shipped this redemption; that one counts.",
        "文件中该兑换单重复，以先发货的一行为准",
    )


@dataclass(frozen=True)
class Row:
    """What became of a line, `number` in the file (the heads are 1). `refusal`: why it was refused."""

    number: int
    redemption_id: str
    outcome: Literal["shipped", "repeated", "refused"]
    refusal: Refusal | None = None


def export(operator: callers.Operator, limit: int, cursor: str | None, now: datetime) -> tuple[str, int, str | None]:
    """A page of the parcels to ship, the oldest first, as the text of a file; how many; and the cursor of the next
    page. Audited: it carries personal data."""
    page, further = work.waiting("to_ship", limit, cursor)
    audit.record(operator.name, "shipments.export", "to_ship", {"rows": len(page)}, now).save()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADS)
    for task in page:
        address: Mapping[str, str] = (task.parcel.address if task.parcel else None) or {}
        where = [address.get(name, "") for name in ADDRESS]
        writer.writerow(
            map(_harmless, [task.redemption_id, task.offer_id, str(task.quantity), task.since, *where, "", ""])
        )
    return BOM + text.getvalue(), len(page), further


def _harmless(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def take_in(operator: callers.Operator, text: str, now: datetime) -> list[Row]:
    """Ships what the file says, each line by itself and audited. Raises InvalidFields when it is no such file, or too
    long: then nothing was done."""
    found, seen = [], set[str]()
    for number, cells in list(_rows(text)):
        redemption_id = cells.get("redemption_id", "").strip()
        try:
            if redemption_id in seen:
                raise RowTwice
            outcome = steps.ship(operator, redemption_id, _step(cells), now)
            seen.add(redemption_id)
            found.append(Row(number, redemption_id, "repeated" if outcome.replayed else "shipped"))
        except Refusal as refusal:
            found.append(Row(number, redemption_id, "refused", refusal))
        except PynamoDBException as error:
            trouble = dynamo.as_refusal(error)
            if not isinstance(trouble, Refusal):
                raise
            found.append(Row(number, redemption_id, "refused", trouble))
    return found


def _rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(io.StringIO(text.removeprefix(BOM), newline=""), strict=True)
    try:
        lines = [(number, line) for number, line in enumerate(reader, 1) if any(cell.strip() for cell in line)]
    except csv.Error as error:
        raise invalid("csv", f"not CSV: {error}") from error
    heads = [cell.strip() for cell in lines[0][1]] if lines else []
    missing = [name for name in NEEDED if name not in heads]
    if missing:
        raise invalid("csv", f"no column {', '.join(missing)}; is it saved as CSV in UTF-8?")
    if len(lines) - 1 > MAX_ROWS:
        raise invalid("csv", f"{len(lines) - 1} rows; at most {MAX_ROWS}")
    for number, line in lines[1:]:
        yield number, dict(zip(heads, line, strict=False))


def _step(cells: Mapping[str, str]) -> StepIn:
    details = {name: cells.get(name, "").strip() for name in ("company", "number")}
    # A letter that stands for what could not be decoded: the file was saved in another encoding.
    if "\ufffd" in "".join(details.values()):
        raise BadRow
    try:
        return StepIn.model_validate({"step": "shipment", "details": details, "reason": "by file"})
    except ValidationError as error:
        raise BadRow from error
