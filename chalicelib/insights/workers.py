"""The queue `metrics`, subscribed to the topic of facts with raw message delivery."""

from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib.insights import intake
from chalicelib.shared import clock

workers = Blueprint(__name__)


@workers.on_sqs_message(queue="metrics", batch_size=10, name="count_facts")
def count_facts(event: SQSEvent) -> dict[str, Any]:
    """Counts a batch; answers which messages are to be delivered again."""
    return intake.handle_batch(event.to_dict()["Records"], clock.now())
