"""Makes moto's TransactWriteItems atomic and isolated in one process.

moto deep-copies every table for each transaction and lets threads interleave. Here one lock covers every write,
and a transaction that fails restores only the items it named.
"""

import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from moto.core.common_types import TYPE_RESPONSE
from moto.core.responses import ActionContext, ActionResult
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

LOCK = threading.RLock()
_SHALLOW = SimpleNamespace(
    copy=copy.copy, deepcopy=lambda value: value if isinstance(value, Table) else copy.deepcopy(value)
)


def _locked(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        with LOCK:
            return original(*args, **kwargs)

    return call


def _key(table: Any, part: dict[str, Any]) -> tuple[Any, Any]:
    ((_, body),) = part.items()
    source = body.get("Item") or body["Key"]
    hash_value = DynamoType(source[table.hash_key_attr])
    return hash_value, DynamoType(source[table.range_key_attr]) if table.range_key_attr else None


def _undoing(original: Callable[..., Any]) -> Callable[..., Any]:
    def transact(backend: Any, items: list[dict[str, Any]], *args: Any, **kwargs: Any) -> Any:
        with LOCK:
            before = []
            for part in items:
                ((_, body),) = part.items()
                table = backend.get_table(body["TableName"])
                key = _key(table, part)
                before.append((table, key, copy.deepcopy(table.get_item(*key))))
            try:
                # moto's own undo is a deep copy of whole tables: unaffordable, and wrong under threads.
                with patch("moto.dynamodb.models.copy", _SHALLOW):
                    return original(backend, items, *args, **kwargs)
            except BaseException:
                for table, key, item in before:
                    _restore(table, key, item)
                raise

    return transact


def _restore(table: Any, key: tuple[Any, Any], item: Any) -> None:
    hash_value, range_value = key
    if table.range_key_attr:
        rows = table.items[hash_value]
        if item is None:
            rows.pop(range_value, None)
        else:
            rows[range_value] = item
    elif item is None:
        table.items.pop(hash_value, None)
    else:
        table.items[hash_value] = item


_execute_result = ActionResult.execute_result


def _as_it_is(result: ActionResult, context: ActionContext) -> TYPE_RESPONSE:
    """DynamoDB's answers are JSON already: to look each part up in the service's model is a fifth of a call's time.
    What JSON cannot say (binary values, times) goes moto's own way."""
    if context.service_model.service_name == "dynamodb" and isinstance(result.result, dict):
        with suppress(TypeError):
            return 200, {}, json.dumps(result.result)
    return _execute_result(result, context)


@contextmanager
def atomic_moto() -> Iterator[None]:
    """While open, moto's DynamoDB behaves as DynamoDB does within this process."""
    names = ["put_item", "update_item", "delete_item", "get_item"]
    patches = [patch.object(DynamoDBBackend, name, _locked(getattr(DynamoDBBackend, name))) for name in names]
    patches.append(
        patch.object(DynamoDBBackend, "transact_write_items", _undoing(DynamoDBBackend.transact_write_items))
    )
    patches.append(patch.object(ActionResult, "execute_result", _as_it_is))
    for one in patches:
        one.start()
    try:
        yield
    finally:
        for one in patches:
            one.stop()
