"""The queue `reevaluation`: a message is one page of one segment."""

from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib.shared import clock, telemetry
from chalicelib.tiers import reevaluation
from chalicelib.tiers.reevaluation_schemas import SegmentMessage

workers = Blueprint(__name__)


@workers.on_sqs_message(queue="reevaluation", batch_size=1, name="reevaluate")
def reevaluate(event: SQSEvent) -> dict[str, Any]:
    """Handles the page; answers whether it is to be delivered again."""
    records = event.to_dict()["Records"]
    failed = [record["messageId"] for record in records if not _handled(record)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _handled(record: dict[str, Any]) -> bool:
    try:
        message = SegmentMessage.model_validate_json(record["body"])
        reevaluation.go_on(message.job_id, message.segment, clock.now())
    except Exception as error:
        telemetry.log_failure(error, message_id=record["messageId"])
        return False
    return True
