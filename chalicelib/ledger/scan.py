"""Everybody, a page at a time: for what concerns all members at once, such as a change of the rules."""

from typing import Any

from pynamodb.exceptions import ScanError

from chalicelib.engine.account import Account
from chalicelib.ledger.codec import account_of
from chalicelib.ledger.items import AccountItem
from chalicelib.shared import dynamo

PAGE = 100


def members(segment: int, segments: int, cursor: Any) -> tuple[list[Account], Any]:
    """The members of the next page of a segment (0 … segments − 1), and the key to go on from (JSON); None: the end.

    A page is PAGE items of the table. Outside identities lie there too and are skipped, so it holds about half as many
    members. Read consistently, since nobody looks a second time: 1 read unit a started 4 KB of the whole page, about 10
    a page, 0.2 a member.
    """
    found = AccountItem.scan(
        segment=segment, total_segments=segments, limit=PAGE, last_evaluated_key=cursor, consistent_read=True
    )
    try:
        return [account_of(item) for item in found if "#" not in item.id], found.last_evaluated_key
    except ScanError as error:
        raise dynamo.as_refusal(error) from error
