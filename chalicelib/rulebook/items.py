"""How versions, drafts and the schedule lie in the rulebook table. Private to the store.

kind "version", version n   an immutable published document, n = 1, 2, 3, … without a gap
kind "draft",   version n   a document being worked on; `revision` counts its saves
kind "schedule", version 0  one small item: the newest version's number and which version holds from when
"""

import json
import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pynamodb.attributes import BinaryAttribute, JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from chalicelib.shared import dynamo
from chalicelib.shared.clock import parse_instant
from chalicelib.shared.errors import BadCursor, invalid

VERSION, DRAFT, SCHEDULE = "version", "draft", "schedule"

# JSON as UTF-8. Even one that does not compress stays under half of DynamoDB's 400 KB an item.
MAX_DOCUMENT_BYTES = 200_000
# Far above what the model nests, far below where a JSON reader or writer gives up.
MAX_DEPTH = 50


class DocumentItem(dynamo.Record):
    """A version or a draft. The document is deflated JSON: a typical one fits one read unit."""

    class Meta:
        table_name = dynamo.table("rulebook")

    kind = UnicodeAttribute(hash_key=True)
    version = NumberAttribute(range_key=True)
    document = BinaryAttribute(legacy_encoding=False, null=True)
    actor = UnicodeAttribute()
    at = UnicodeAttribute()
    # Of versions: from when it holds, and where it came from (`draft 3`, `version 1`).
    effective_at = UnicodeAttribute(null=True)
    origin = UnicodeAttribute(null=True)
    # Of drafts.
    revision = NumberAttribute(null=True)
    published_as = NumberAttribute(null=True)


class ScheduleItem(dynamo.Record):
    """`plan`: [[version, effective_at], …], oldest version first."""

    class Meta:
        table_name = dynamo.table("rulebook")

    kind = UnicodeAttribute(hash_key=True, default=SCHEDULE)
    version = NumberAttribute(range_key=True, default=0)
    newest = NumberAttribute()
    plan = JSONAttribute()


def pack(document: dict[str, Any]) -> bytes:
    """The document as stored. Refuses what could not be stored or given back as JSON."""
    if _depth(document) > MAX_DEPTH:
        raise invalid("document", f"nested deeper than {MAX_DEPTH} levels")
    try:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except ValueError as error:  # infinite numbers (1e999) and halves of surrogate pairs
        raise invalid("document", "not representable as JSON in UTF-8") from error
    if len(text) > MAX_DOCUMENT_BYTES:
        raise invalid("document", f"{len(text)} bytes of JSON; at most {MAX_DOCUMENT_BYTES}")
    return zlib.compress(text)


def unpack(packed: bytes | None) -> dict[str, Any]:
    """Reads what `pack` wrote; an item read without its document has an empty one."""
    if packed is None:
        return {}
    document: dict[str, Any] = json.loads(zlib.decompress(packed))
    return document


def _depth(value: Any) -> int:
    """How deep objects and lists nest; walked without recursion, since the depth is the sender's choice."""
    depth, level = 0, [value]
    while level:
        inside = [child for part in level for child in _children(part)]
        depth, level = depth + 1, inside
        if depth > MAX_DEPTH:
            break
    return depth


def _children(part: Any) -> list[Any]:
    if isinstance(part, dict):
        return list(part.values())
    return part if isinstance(part, list) else []


Write = tuple[Model, Condition | None]
Plan = Sequence[tuple[int, datetime]]
"""(version, effective_at), oldest version first."""


def unchanged(revision: int) -> Condition:
    """The draft is still the one that was read, and not published."""
    condition: Condition = (DocumentItem.revision == revision) & DocumentItem.published_as.does_not_exist()
    return condition


def write(writes: Sequence[Write]) -> bool:
    """All of it or nothing. False when a condition no longer holds or someone else was writing the same item."""
    try:
        with dynamo.together() as transaction:
            for model, condition in writes:
                transaction.save(model, condition)
    except dynamo.Overtaken:
        return False
    return True


def read(kind: str, number: int) -> DocumentItem | None:
    """A version or draft with its document."""
    try:
        return DocumentItem.get(kind, number, consistent_read=True)
    except DocumentItem.DoesNotExist:
        return None
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error


def read_schedule() -> ScheduleItem | None:
    """The schedule: half a kilobyte, one read unit."""
    try:
        return ScheduleItem.get(SCHEDULE, 0, consistent_read=True)
    except ScheduleItem.DoesNotExist:
        return None
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error


def plan_of(schedule: ScheduleItem | None) -> Plan:
    """What the schedule says, its instants parsed."""
    return [(number, parse_instant(instant)) for number, instant in schedule.plan] if schedule else []


_WITHOUT_DOCUMENT = ["kind", "version", "actor", "at", "effective_at", "origin", "revision", "published_as"]


def page(kind: str, limit: int, cursor: str | None) -> tuple[list[DocumentItem], str | None]:
    """Newest first, without documents, and the cursor of the next page."""
    before = _before(cursor)
    older = DocumentItem.version < before if before else None
    try:
        found = list(
            DocumentItem.query(
                kind, older, scan_index_forward=False, limit=limit + 1, consistent_read=True,
                attributes_to_get=_WITHOUT_DOCUMENT,
            )
        )  # fmt: skip
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error
    more = {"before": int(found[limit - 1].version)} if len(found) > limit else None
    return found[:limit], dynamo.encode_cursor(more)


def _before(cursor: str | None) -> int | None:
    key = dynamo.decode_cursor(cursor)
    if key is None:
        return None
    number = key.get("before") if isinstance(key, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 10**9:
        raise BadCursor
    return number
