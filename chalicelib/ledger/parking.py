"""A place kept for an entry that has not come yet: what arrived before it waits there, at the entry's own key.

So the usual order of arrival pays nothing for the unusual one: the payment's put simply finds its place taken.
"""

from collections.abc import Callable
from typing import Any

from pynamodb.exceptions import PutError

from chalicelib.engine.events import Cause
from chalicelib.ledger.book import ATTEMPTS, stored, wait
from chalicelib.ledger.items import EntryItem, text_of
from chalicelib.ledger.refusals import AlreadyRecorded, EntryTooLarge
from chalicelib.shared import dynamo
from chalicelib.shared.errors import Unavailable

MAX_PARKED_BYTES = 128 * 1024


def park(cause: Cause, update: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Changes what waits at `cause` by `update`, which must be safe to repeat. Raises AlreadyRecorded when the entry is
    there already, EntryTooLarge, Unavailable."""
    for attempt in range(ATTEMPTS):
        wait(attempt)
        item = stored(cause)
        if item and item.seq is not None:
            raise AlreadyRecorded
        before = dict(item.parked or {}) if item else {}
        after = update(before)
        if item and after == before:
            return
        if len(text_of(after).encode()) > MAX_PARKED_BYTES:
            raise EntryTooLarge
        revision = int(item.revision or 0) if item else 0
        new = EntryItem(cause.scope, cause.key, parked=after, revision=revision + 1)
        condition = (EntryItem.revision == revision) if item else EntryItem.cause.does_not_exist()
        try:
            new.save(condition)
        except PutError as error:
            if not dynamo.is_condition_failure(error) and not dynamo.is_busy(error):
                raise
            # Taken by another, or unknown after a lost answer: read again; `update` is safe to repeat.
            continue
        return
    raise Unavailable
