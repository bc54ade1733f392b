"""The jobs over every member who is due: `paging` goes from page to page, `due` takes each member's steps."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from chalicelib.ledger import due, paging
from chalicelib.ledger.paging import NotStarted
from chalicelib.rulebook.model import Published
from chalicelib.shared.config import settings

__all__ = ["NotStarted", "handle_batch", "start"]


def start(job: str) -> None:
    """Asks for a run of the job. Raises NotStarted."""
    paging.start(job, _queue_url(job))


def _queue_url(job: str) -> str:
    found = settings()
    return found.points_due_queue_url if due.JOBS[job].index == "points" else found.tier_due_queue_url


def handle_batch(records: Sequence[dict[str, Any]], now: datetime, also: due.AlsoFor) -> dict[str, Any]:
    """Lambda's partial batch response (`paging`). `also`: what the room writes beside each entry."""

    def handle(job: str, found: tuple[str, None], published: Published, now: datetime) -> int:
        return len(due.run(due.JOBS[job].index, found[0], published, now, also, due.JOBS[job]))

    return paging.handle_batch(records, now, paging.Run(_queue_url, _page, handle))


def _page(job: str, shard: str, through: date, cursor: Any) -> tuple[list[tuple[str, None]], Any]:
    member_ids, following = due.page(due.JOBS[job].index, shard, through, cursor)
    return [(member_id, None) for member_id in member_ids], following
