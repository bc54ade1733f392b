"""A batch of facts from the queue: each is counted, was counted before, or is left to the queue."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chalicelib.insights import service
from chalicelib.insights.schemas import FactIn
from chalicelib.shared import telemetry


def handle_batch(records: Sequence[dict[str, Any]], now: datetime) -> dict[str, Any]:
    """Lambda's partial batch response. A message that can never be read reaches the dead-letter queue by itself, after
    the queue's own number of tries; its neighbours are counted meanwhile."""
    failed = [record["messageId"] for record in records if not _handled(record, now)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _handled(record: dict[str, Any], now: datetime) -> bool:
    try:
        fact = FactIn.model_validate_json(record["body"])
        counted = service.count(fact, now)
    except Exception as error:
        telemetry.log_failure(error, message_id=record["messageId"])
        return False
    if not counted:
        telemetry.log("fact_redelivered", member_id=fact.member_id, seq=fact.seq)
    return True
