"""A batch of facts from the queue: each is acted on, was before, or is left to the queue."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chalicelib.coupons import issue, surprise, uses
from chalicelib.coupons.schemas import FactIn
from chalicelib.shared import telemetry


def handle_batch(records: Sequence[dict[str, Any]], now: datetime) -> dict[str, Any]:
    """Lambda's partial batch response. A withdrawal that overtook its grant comes again after it; what can never be
    read, or names a coupon that nobody defined, reaches the dead-letter queue."""
    failed = [record["messageId"] for record in records if not _handled(record, now)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _handled(record: dict[str, Any], now: datetime) -> bool:
    try:
        _act(FactIn.model_validate_json(record["body"]), now)
    except issue.NotIssuedYet as early:
        telemetry.log("withdrawal_before_grant", of=str(early), message_id=record["messageId"])
        return False
    except Exception as error:
        telemetry.log_failure(error, message_id=record["messageId"])
        return False
    return True


def _act(fact: FactIn, now: datetime) -> None:
    facts = fact.facts
    issue.issue(fact, now)
    issue.withdraw(fact)
    # The refund first: what refunds that came before the payment took back whole brings no surprise.
    if facts.refunded_in_full:
        uses.refunded(fact, now)
        surprise.refunded(fact)
    if facts.first:
        surprise.draw(fact, now)
