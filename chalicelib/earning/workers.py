"""The queue `orders.fifo`: the same bodies as over HTTP, one member's messages in order."""

from typing import Any

from chalice.app import Blueprint, SQSEvent

from chalicelib.earning import intake
from chalicelib.shared import clock

workers = Blueprint(__name__)


@workers.on_sqs_message(queue="orders.fifo", batch_size=10, name="orders")
def orders(event: SQSEvent) -> dict[str, Any]:
    """Handles a batch; answers which messages are to be delivered again."""
    return intake.handle_batch(event.to_dict()["Records"], clock.now())
