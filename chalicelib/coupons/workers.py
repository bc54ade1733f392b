"""The queue `coupons`, subscribed to the facts that are about coupons; the hourly look at what expires, and the queue
`coupons-due`, which carries it page by page."""

from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, SQSEvent

from chalicelib.coupons import expiry, intake
from chalicelib.shared import clock

workers = Blueprint(__name__)


@workers.on_sqs_message(queue="coupons", batch_size=10, name="issue_coupons")
def issue_coupons(event: SQSEvent) -> dict[str, Any]:
    """Acts on a batch of facts; answers which messages are to be delivered again."""
    return intake.handle_batch(event.to_dict()["Records"], clock.now())


@workers.schedule("cron(40 * * * ? *)", name="coupon_expiry")
def coupon_expiry(event: CloudWatchEvent) -> None:
    """Notices before a coupon's last day, and its end after it."""
    expiry.start()


@workers.on_sqs_message(queue="coupons-due", batch_size=1, name="coupons_due")
def coupons_due(event: SQSEvent) -> dict[str, Any]:
    """Handles a page of coupons; answers whether it is to be delivered again."""
    return expiry.handle_batch(event.to_dict()["Records"], clock.now())
