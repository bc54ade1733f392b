"""The audit trail: what operators, and jobs on their behalf, did. Written by any room, read by the console."""

from datetime import datetime
from typing import Any

from pynamodb.attributes import JSONAttribute, UnicodeAttribute

from chalicelib.shared import dynamo
from chalicelib.shared.clock import rfc3339
from chalicelib.shared.ids import random_code


class AuditRecord(dynamo.Record):
    """One action. `day` is the UTC date; `at_id` orders the day's records and makes each one unique."""

    class Meta:
        table_name = dynamo.table("audit")

    day = UnicodeAttribute(hash_key=True)
    at_id = UnicodeAttribute(range_key=True)
    actor = UnicodeAttribute()
    action = UnicodeAttribute()
    target = UnicodeAttribute()
    details = JSONAttribute(default=dict)


def record(actor: str, action: str, target: str, details: dict[str, Any], now: datetime) -> AuditRecord:
    """The record, to be saved alone or inside the transaction of what it is about. Details carry no personal data."""
    at = rfc3339(now)
    return AuditRecord(at[:10], f"{at}#{random_code(8)}", actor=actor, action=action, target=target, details=details)


def page(day: str, limit: int, before: str | None) -> list[AuditRecord]:
    """The day's records, newest first, older than `before` (an `at_id`)."""
    condition = AuditRecord.at_id < before if before else None
    return list(AuditRecord.query(day, condition, scan_index_forward=False, limit=limit, consistent_read=True))
