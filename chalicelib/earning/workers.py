"""The queue `orders.fifo` (the same bodies as over HTTP, one member's messages in order), and what happens to points by
themselves: two scheduled functions ask for a run, and the queue `points-due` carries it, page by page.

Hourly, so that every time zone's day begins within the hour. Releases come first: what is released may be due to be
announced. Why these are four functions on two indexes: docs/decisions.
"""

from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, SQSEvent

from chalicelib import ledger
from chalicelib.earning import intake
from chalicelib.notices import inbox
from chalicelib.shared import clock

workers = Blueprint(__name__)


@workers.on_sqs_message(queue="orders.fifo", batch_size=10, name="orders")
def orders(event: SQSEvent) -> dict[str, Any]:
    """Handles a batch; answers which messages are to be delivered again."""
    return intake.handle_batch(event.to_dict()["Records"], clock.now())


@workers.schedule("cron(0 * * * ? *)", name="pending_release")
def pending_release(event: CloudWatchEvent) -> None:
    """Pending points whose day has come."""
    ledger.sweep.start("pending_release")


@workers.schedule("cron(10 * * * ? *)", name="points_expiry")
def points_expiry(event: CloudWatchEvent) -> None:
    """Notices of expiry, and the expiry of lots whose notices were given in time."""
    ledger.sweep.start("points_expiry")


@workers.on_sqs_message(queue="points-due", batch_size=1, name="points_due")
def points_due(event: SQSEvent) -> dict[str, Any]:
    """Handles a page of members; answers whether it is to be delivered again."""
    return ledger.sweep.handle_batch(event.to_dict()["Records"], clock.now(), inbox.requests)
