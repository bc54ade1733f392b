"""Reading the journal: one entry, one scope, a member's statement."""

from typing import Any

from pynamodb.exceptions import QueryError

from chalicelib.engine.decision import Entry
from chalicelib.engine.events import Cause
from chalicelib.ledger.book import stored
from chalicelib.ledger.codec import entry_of
from chalicelib.ledger.items import EntryItem
from chalicelib.ledger.refusals import ScopeTooLarge
from chalicelib.shared import dynamo
from chalicelib.shared.errors import BadCursor, IdempotencyMismatch

MAX_SCOPE = 1000


def entry(cause: Cause) -> Entry | None:
    """The entry of that cause."""
    item = stored(cause)
    return entry_of(item) if item and item.seq is not None else None


def look(cause: Cause, body_hash: str) -> tuple[Entry | None, dict[str, Any]]:
    """The entry of that cause, if it is recorded, and else what waits in its place. Raises IdempotencyMismatch when it
    was recorded with other content."""
    item = stored(cause)
    if item is None or item.seq is None:
        return None, dict(item.parked or {}) if item else {}
    if item.body_hash != body_hash:
        raise IdempotencyMismatch
    return entry_of(item), {}


def scope(name: str) -> list[Entry]:
    """Every entry of a scope (an order with its refunds), by one consistent query, in the order they happened.

    Raises ScopeTooLarge at MAX_SCOPE: a part of them would be a wrong answer to how much of an order is left.
    """
    try:
        items = list(EntryItem.query(name, consistent_read=True, limit=MAX_SCOPE))
    except QueryError as error:
        raise dynamo.as_refusal(error) from error
    if len(items) == MAX_SCOPE:
        raise ScopeTooLarge
    return sorted((entry_of(item) for item in items if item.seq is not None), key=lambda found: found.seq)


def statement(member_id: str, limit: int, cursor: str | None) -> tuple[list[Entry], str | None]:
    """A page of the member's entries, newest first, and the cursor of the next page. One query.

    The index is eventually consistent: an entry may appear a moment after the answer of the write that made it.
    """
    before = dynamo.decode_cursor(cursor)
    if before is not None and (not isinstance(before, int) or isinstance(before, bool) or not 1 <= before < 2**53):
        raise BadCursor
    condition = EntryItem.seq < before if before else None
    try:
        items = list(EntryItem.by_seq.query(member_id, condition, scan_index_forward=False, limit=limit))
    except QueryError as error:
        raise dynamo.as_refusal(error) from error
    entries = [entry_of(item) for item in items]
    more = len(entries) == limit and entries[-1].seq > 1
    return entries, dynamo.encode_cursor(entries[-1].seq) if more else None


def redemptions(member_id: str, limit: int, cursor: str | None) -> tuple[list[list[Entry]], str | None]:
    """A page of the member's redemptions, newest first, each as its entries in order, and the cursor of the next page.

    One query for most pages: a redemption has two or three entries. The index trails by a moment, as the statement's.
    """
    before = dynamo.decode_cursor(cursor)
    if before is not None and (not isinstance(before, int) or isinstance(before, bool) or not 1 <= before < 2**53):
        raise BadCursor
    condition = EntryItem.redemption_seq < before if before else None
    groups: dict[int, list[Entry]] = {}
    try:
        for item in EntryItem.by_redemption.query(member_id, condition, scan_index_forward=False, page_size=3 * limit):
            number = int(item.redemption_seq or 0)
            if number not in groups and len(groups) == limit:
                return _in_order(groups), dynamo.encode_cursor(min(groups))
            groups.setdefault(number, []).append(entry_of(item))
    except QueryError as error:
        raise dynamo.as_refusal(error) from error
    return _in_order(groups), None


def _in_order(groups: dict[int, list[Entry]]) -> list[list[Entry]]:
    return [sorted(entries, key=lambda entry: entry.seq) for entries in groups.values()]
