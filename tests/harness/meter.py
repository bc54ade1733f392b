"""Counts calls and request units by DynamoDB's published formulas, from what goes over the wire and what lies stored.

A read costs 1 unit a started 4 KB, half when eventually consistent; a page of a query counts as one item of their sum.
A write costs 1 unit a started KB of the larger of the item before and after, twice in a transaction, and as much for
every index entry it puts, replaces (twice when its key moves) or removes. A refused write costs the item as it lies.
(DynamoDB developer guide, "Read and write operations" and "Write considerations for global secondary indexes".)
"""

import json
import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType

from infra.tables import TABLES, Index, Table

Item = dict[str, Any]
_TABLES = {table.name: table for table in TABLES}
_WRITES = {"PutItem": "Put", "UpdateItem": "Update", "DeleteItem": "Delete"}


def item_bytes(item: Item) -> int:
    """The size DynamoDB bills: attribute names plus values."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Item) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return math.ceil(len(content.lstrip("-0.")) / 2) + 1
    if kind == "B":
        # Base64 on the wire.
        return len(content) * 3 // 4
    if kind == "M":
        return 3 + len(content) + item_bytes(content)
    if kind == "L":
        return 3 + len(content) + sum(_value_bytes(part) for part in content)
    return 1


def table_of(physical_name: str) -> Table:
    """`membership-test-accounts` → the table it is."""
    return _TABLES[physical_name.rsplit("-", 1)[-1]]


def _started(size: int, block: int) -> int:
    return max(1, math.ceil(size / block))


def stored(physical_name: str, source: Item) -> Item | None:
    """The item as it lies in the test cloud; `source` holds its key."""
    (regions,) = dynamodb_backends.values()
    (found,) = [backend.tables[physical_name] for backend in regions.values() if physical_name in backend.tables]
    table = table_of(physical_name)
    range_value = DynamoType(source[table.range_key]) if table.range_key else None
    item = found.get_item(DynamoType(source[table.hash_key]), range_value)
    return item.to_json()["Attributes"] if item else None


def _projected(table: Table, index: Index, item: Item | None) -> Item | None:
    """The item's entry in the index, if it has one."""
    if item is None or index.hash_key not in item or index.range_key not in item:
        return None
    keys = (table.hash_key, table.range_key, index.hash_key, index.range_key)
    return item if index.projection == "ALL" else {name: item[name] for name in keys if name}


def _index_units(table: Table, index: Index, before: Item | None, after: Item | None) -> int:
    old, new = _projected(table, index, before), _projected(table, index, after)
    if old == new:
        return 0
    if old and new and all(old[name] == new[name] for name in (index.hash_key, index.range_key)):
        return _started(max(item_bytes(old), item_bytes(new)), 1024)
    return sum(_started(item_bytes(entry), 1024) for entry in (old, new) if entry)


def write_units(physical_name: str, before: Item | None, after: Item | None, transactional: bool) -> int:
    """What one write costs."""
    table = table_of(physical_name)
    size = max(item_bytes(before or {}), item_bytes(after or {}))
    indexes = sum(_index_units(table, index, before, after) for index in table.indexes)
    return _started(size, 1024) * (2 if transactional else 1) + indexes


class Meter:
    """What happened since it was made. `uses`: (action, resource) of everything IAM would have been asked about.
    `largest`: bytes of the largest item written."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.items = 0
        self.read_units = 0.0
        self.write_units = 0
        self.largest = 0
        self.tokens: list[str] = []
        self.uses: set[tuple[str, str]] = set()

    def writes_of(self, operation: str, body: Item) -> list[tuple[str, Item]]:
        """(physical table, the item's key or the item) of everything the call writes."""
        if operation in _WRITES:
            return [(body["TableName"], body.get("Item") or body["Key"])]
        parts = [part for action in body.get("TransactItems", ()) for part in action.values()]
        return [(part["TableName"], part.get("Item") or part["Key"]) for part in parts]

    def record(self, operation: str, body: Item, answer: Item, before: list[Item | None]) -> None:
        """One DynamoDB call; `before`: the items it writes, as they lay before it."""
        self.calls[operation] += 1
        writes = self.writes_of(operation, body)
        for (name, key), old in zip(writes, before, strict=True):
            new = stored(name, key)
            self.largest = max(self.largest, item_bytes(new or {}))
            self.write_units += write_units(name, old, new, operation == "TransactWriteItems")
        if operation == "TransactWriteItems":
            self.items += len(writes)
            self.tokens.append(body["ClientRequestToken"])
            for ((kind, part),) in (action.items() for action in body["TransactItems"]):
                self.uses.add((f"dynamodb:{kind}Item", table_of(part["TableName"]).name))
        elif operation in ("GetItem", "Query", "Scan"):
            self._read(operation, body, answer)
        elif operation not in _WRITES:
            raise NotImplementedError(f"{operation} is not metered")
        if operation != "TransactWriteItems":
            index = f"/{body['IndexName']}" if "IndexName" in body else ""
            self.uses.add((f"dynamodb:{operation}", table_of(body["TableName"]).name + index))

    def _read(self, operation: str, body: Item, answer: Item) -> None:
        if "FilterExpression" in body:
            raise NotImplementedError("what a filter drops is read too, and not metered")
        found = [answer.get("Item", {})] if operation == "GetItem" else answer.get("Items", [])
        if "ProjectionExpression" in body:
            # Attributes not asked for are read and paid for all the same.
            found = [stored(body["TableName"], item) for item in found]
        units = _started(sum(item_bytes(item) for item in found), 4096)
        self.read_units += units if body.get("ConsistentRead") else units / 2

    def record_other(self, service: str, operation: str, body: Item) -> None:
        """One call of another service."""
        self.calls[operation] += 1
        named = ("SecretId", "QueueUrl", "TopicArn")
        resource = next((str(body[name]) for name in named if name in body), "")
        self.uses.add((f"{service}:{operation.replace('Batch', '')}", resource.replace("/", ":").rsplit(":", 1)[-1]))


@contextmanager
def metering() -> Iterator[Meter]:
    """Meters every botocore client of this process, also those made before."""
    meter = Meter()
    original = BaseClient._make_request

    def make_request(self: Any, operation: Any, request: dict[str, Any], context: Any) -> Any:
        service, sent = operation.service_model.service_name, request["body"]
        body = sent if isinstance(sent, dict) else json.loads(sent)
        if service != "dynamodb":
            meter.record_other(service, operation.name, body)
            return original(self, operation, request, context)
        before = [stored(*write) for write in meter.writes_of(operation.name, body)]
        http, answer = original(self, operation, request, context)
        meter.record(operation.name, body, answer, before)
        return http, answer

    with patch.object(BaseClient, "_make_request", make_request):
        yield meter
