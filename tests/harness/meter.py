"""Counts calls and capacity units by DynamoDB's published formulas, from what goes over the wire.

A write costs 1 unit a started KB of the item, twice in a transaction, plus 1 a started KB for each index it appears in;
a read costs 0.5 a started 4 KB, twice when consistent. (DynamoDB developer guide, "Read/write capacity mode".)
"""

import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient

from infra.tables import TABLES

_INDEXES = {table.name: table.indexes for table in TABLES}


def item_bytes(item: dict[str, Any]) -> int:
    """The size DynamoDB bills: attribute names plus values."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return math.ceil(len(content.lstrip("-0.")) / 2) + 1
    if kind == "B":
        return len(content)
    if kind == "M":
        return 3 + len(content) + item_bytes(content)
    if kind == "L":
        return 3 + len(content) + sum(_value_bytes(part) for part in content)
    return 1


class Meter:
    """What happened since it was made."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.items = 0
        self.write_units = 0
        self.tokens: list[str] = []

    def record(self, operation: str, body: dict[str, Any]) -> None:
        self.calls[operation] += 1
        if operation == "TransactWriteItems":
            self.tokens.append(body["ClientRequestToken"])
            for part in body["TransactItems"]:
                ((kind, content),) = part.items()
                self.items += 1
                self.write_units += 2 if kind != "Put" else self._put(content)

    def _put(self, content: dict[str, Any]) -> int:
        item = content["Item"]
        units = math.ceil(item_bytes(item) / 1024)
        indexes = _INDEXES[content["TableName"].rsplit("-", 1)[-1]]
        # A keys-only index is written only when its key changes (a new earliest due date): not the usual case.
        indexed = [i for i in indexes if i.projection == "ALL" and i.hash_key in item and i.range_key in item]
        return (2 + len(indexed)) * units


@contextmanager
def metering() -> Iterator[Meter]:
    """Meters every botocore client of this process, also those made before."""
    meter = Meter()
    original = BaseClient._make_request

    def make_request(self: Any, operation: Any, request: dict[str, Any], context: Any) -> Any:
        body = json.loads(request["body"]) if operation.service_model.service_name == "dynamodb" else {}
        meter.record(operation.name, body)
        return original(self, operation, request, context)

    with patch.object(BaseClient, "_make_request", make_request):
        yield meter
