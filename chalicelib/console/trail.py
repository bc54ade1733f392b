"""Reading the audit trail."""

from datetime import date

from pynamodb.exceptions import QueryError

from chalicelib.shared import audit, dynamo
from chalicelib.shared.audit import AuditRecord
from chalicelib.shared.errors import BadCursor


def page(day: date, limit: int, cursor: str | None) -> tuple[list[AuditRecord], str | None]:
    """The UTC day's records, newest first, and the cursor of the next page."""
    key = dynamo.decode_cursor(cursor)
    before = key.get("before") if isinstance(key, dict) else None
    if key is not None and not (isinstance(before, str) and before.startswith(f"{day}T") and len(before) < 64):
        raise BadCursor
    try:
        found = audit.page(day.isoformat(), limit + 1, before)
    except QueryError as error:
        raise dynamo.as_refusal(error) from error
    more = {"before": found[limit - 1].at_id} if len(found) > limit else None
    return found[:limit], dynamo.encode_cursor(more)
