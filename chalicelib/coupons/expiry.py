"""What happens to coupons by themselves: the notice before the last day, and the end after it.

A notice and its mark on the coupon are one transaction, and so is a last day that moves because the notice came late.
A page handled twice finds nothing due the second time.
"""

from datetime import datetime
from typing import Any

from chalicelib.coupons import items, notes, rules
from chalicelib.ledger import paging
from chalicelib.rulebook.model import Published
from chalicelib.shared import dynamo
from chalicelib.shared.clock import business_date
from chalicelib.shared.config import settings

JOB = "coupon_expiry"


def start() -> None:
    """Asks for a run. Raises NotStarted."""
    paging.start(JOB, _queue_url(JOB))


def _queue_url(_: str) -> str:
    return settings().coupons_due_queue_url


def _through(_: str, now: datetime, time_zone: str) -> str:
    return business_date(now, time_zone).isoformat()


def _page(_: str, shard: str, through: str, cursor: Any) -> tuple[list[tuple[str, str]], Any]:
    return items.due(shard, through, cursor)


def handle_batch(records: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    """Lambda's partial batch response (`ledger.paging`)."""
    return paging.handle_batch(records, now, paging.Run(_queue_url, _through, _page, _handle))


def _handle(_: str, due: tuple[str, str], published: Published, now: datetime) -> int:
    """One coupon's step, if it is still due; how many steps that were."""
    today = business_date(now, published.rulebook.brand.time_zone)
    item = items.coupon(*due)
    if item is None or not item.due_on or item.due_on > today.isoformat():
        return 0
    notice = None
    if item.noticed:
        item.state = rules.EXPIRED
    else:
        item.expires_on = item.last_day(today).isoformat()
        item.noticed = True
        notice = notes.expiring(item, now)
    try:
        with dynamo.together() as writes:
            writes.save(item, item.changed())
            if notice:
                notice.write(writes)
    except dynamo.Overtaken:
        # Somebody else has written it; if it is still due, the index names it again.
        return 0
    return 1
