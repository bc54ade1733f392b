"""PynamoDB's base: lazy table names, explicit time-outs, transactions, cursors.

Time-outs follow the house rule (connect 1 s, read 2 s, 3 attempts): PynamoDB's own defaults, 15 and 30 s, would
let one lost packet eat a whole API Gateway call.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

from pynamodb.connection import Connection, TableConnection
from pynamodb.exceptions import PynamoDBException, TransactWriteError
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.shared.aws import ATTEMPTS, CONNECT_SECONDS, READ_SECONDS
from chalicelib.shared.config import settings
from chalicelib.shared.errors import BadCursor, Unavailable


class _TableName:
    """Resolves a physical table name when it is first used, not when the module is imported."""

    def __init__(self, name: str) -> None:
        self._field = f"{name}_table"

    def __get__(self, *_: object) -> str:
        return cast(str, getattr(settings(), self._field))


def table(name: str) -> str:
    """For `Meta.table_name`: the table of that logical name (`accounts`, `journal`, …)."""
    return cast(str, _TableName(name))


@lru_cache(maxsize=1)
def _connection() -> Connection:
    return Connection(
        connect_timeout_seconds=CONNECT_SECONDS,
        read_timeout_seconds=READ_SECONDS,
        retry_configuration={"total_max_attempts": ATTEMPTS, "mode": "standard"},
    )


class Record(Model):
    """Base of every model: all share one client. PynamoDB would make one for each model, which is most of what a cold
    function's first answer takes, and gives a model's client no retry configuration (6.1.0, `TableConnection`)."""

    @classmethod
    def _get_connection(cls) -> TableConnection:
        table = super()._get_connection()
        table.connection._client = _connection().client
        return table


@contextmanager
def transaction() -> Iterator[TransactWrite]:
    """One all-or-nothing write. botocore adds a ClientRequestToken, so its retry after a lost answer is harmless.

    Raises pynamodb's TransactWriteError when a condition fails or another transaction holds an item.
    """
    with TransactWrite(connection=_connection()) as writes:
        yield writes


class Overtaken(Exception):
    """Somebody else was first. Whoever writes says what that means."""


@contextmanager
def together() -> Iterator[TransactWrite]:
    """The same, where a lost race is an answer. Raises Overtaken when a condition no longer holds, or another write
    holds an item."""
    try:
        with transaction() as writes:
            yield writes
    except TransactWriteError as error:
        reasons = {reason.code for reason in error.cancellation_reasons if reason}
        if reasons & {"ConditionalCheckFailed", "TransactionConflict"}:
            raise Overtaken from error
        raise as_refusal(error) from error


_BUSY_CODES = frozenset(
    (
        "ProvisionedThroughputExceededException ThrottlingException RequestLimitExceeded InternalServerError "
        "TransactionInProgressException TransactionConflictException ServiceUnavailable 500 503"
    ).split()
)


# Reasons of a cancelled transaction that are nobody's mistake.
_BUSY_REASONS = frozenset(("TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"))


def _code(error: PynamoDBException) -> str | None:
    """DynamoDB's error code; None when there was no answer. PynamoDB's own `cause_response_code` fails on a time-out:
    botocore's connection errors carry `response = None`."""
    response = getattr(error.cause, "response", None) or {}
    code: str | None = response.get("Error", {}).get("Code")
    return code


def is_condition_failure(error: PynamoDBException) -> bool:
    """Whether a single conditional write was refused by its condition."""
    return _code(error) == "ConditionalCheckFailedException"


def check_refused(error: TransactWriteError) -> None:
    """Returns when a transaction was refused by a condition; raises what anything else means."""
    reasons = {reason.code for reason in error.cancellation_reasons if reason}
    if "ConditionalCheckFailed" not in reasons:
        raise Unavailable from error if "TransactionConflict" in reasons else as_refusal(error)


def is_busy(error: PynamoDBException) -> bool:
    """Whether the same call may simply be made again: throttled (a transaction through one of its items, too), timed
    out, cut, or DynamoDB's own failure."""
    if isinstance(error, TransactWriteError):
        reasons = {reason.code for reason in error.cancellation_reasons if reason}
        if reasons:
            return reasons <= _BUSY_REASONS
    return _code(error) is None or _code(error) in _BUSY_CODES


def as_refusal(error: PynamoDBException) -> Exception:
    """What the caller should see: a retryable refusal for trouble on the way, else the error itself (our bug)."""
    return Unavailable() if is_busy(error) else error


def encode_cursor(key: Any) -> str | None:
    """An opaque cursor for the last key of a page (any JSON value)."""
    if not key:
        return None
    return base64.urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> Any:
    """The JSON value a cursor carries. Raises BadCursor for anything we did not issue."""
    if not cursor:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        # Half a surrogate pair is read, and could not be looked up.
        json.dumps(key, ensure_ascii=False).encode()
        return key
    except (ValueError, RecursionError) as error:
        raise BadCursor from error
