"""Holds expire by themselves: a scheduled function asks for a run, and the queue `holds-due` carries it, page by page.

Every minute, since members wait for their points; and only of the shards in which something has expired, since in most
minutes there is none.
"""

from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, SQSEvent

from chalicelib import ledger
from chalicelib.shared import clock

workers = Blueprint(__name__)


@workers.schedule("cron(* * * * ? *)", name="hold_expiry")
def hold_expiry(event: CloudWatchEvent) -> None:
    """Holds whose time is over."""
    ledger.sweep.start("hold_expiry", ledger.due.holding(clock.now()))


@workers.on_sqs_message(queue="holds-due", batch_size=1, name="holds_due")
def holds_due(event: SQSEvent) -> dict[str, Any]:
    """Handles a page of members; answers whether it is to be delivered again."""
    return ledger.sweep.handle_batch(event.to_dict()["Records"], clock.now(), lambda decision: ())
