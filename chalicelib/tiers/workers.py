"""What happens to tiers by themselves: two scheduled functions ask for a run, and the queue `tier-due` carries it, page
by page.

Hourly, so that every time zone's day begins within the hour. Grants come first: what a tier grants until its last day
is not lost with it. Why these are four functions on two indexes: docs/decisions.
"""

from typing import Any

from chalice.app import Blueprint, CloudWatchEvent, SQSEvent

from chalicelib import ledger
from chalicelib.notices import inbox
from chalicelib.shared import clock
from chalicelib.tiers import reevaluation

workers = Blueprint(__name__)


@workers.schedule("cron(30 * * * ? *)", name="tier_review")
def tier_review(event: CloudWatchEvent) -> None:
    """Early warnings, warnings, reviews, the ends of grace and of tiers lent; a rulebook that is newly in force."""
    ledger.sweep.start("tier_review")
    reevaluation.reevaluate_if_new(clock.now())


@workers.schedule("cron(20 * * * ? *)", name="benefit_grants")
def benefit_grants(event: CloudWatchEvent) -> None:
    """What a tier gives each month and on the birthday."""
    ledger.sweep.start("benefit_grants")


@workers.on_sqs_message(queue="tier-due", batch_size=1, name="tier_due")
def tier_due(event: SQSEvent) -> dict[str, Any]:
    """Handles a page of members; answers whether it is to be delivered again."""
    return ledger.sweep.handle_batch(event.to_dict()["Records"], clock.now(), inbox.requests)
