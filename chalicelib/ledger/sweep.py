"""The jobs over every member who is due: `paging` goes from page to page, `due` takes each member's steps."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chalicelib.ledger import due, paging
from chalicelib.ledger.paging import NotStarted
from chalicelib.rulebook.model import Published
from chalicelib.shared.config import settings

__all__ = ["NotStarted", "handle_batch", "start"]


def start(job: str, shards: Sequence[str] = due.SHARDS) -> None:
    """Asks for a run of the job, over these shards. Raises NotStarted."""
    paging.start(job, _queue_url(job), shards)


def _queue_url(job: str) -> str:
    found = settings()
    urls = {"points": found.points_due_queue_url, "tier": found.tier_due_queue_url, "holds": found.holds_due_queue_url}
    return urls[due.JOBS[job].index]


def handle_batch(records: Sequence[dict[str, Any]], now: datetime, also: due.AlsoFor) -> dict[str, Any]:
    """Lambda's partial batch response (`paging`). `also`: what the room writes beside each entry."""

    def handle(job: str, found: tuple[str, None], published: Published, now: datetime) -> int:
        return len(due.run(due.JOBS[job].index, found[0], published, now, also, due.JOBS[job]))

    return paging.handle_batch(records, now, paging.Run(_queue_url, _through, _page, handle))


def _through(job: str, now: datetime, time_zone: str) -> str:
    return due.through(due.JOBS[job].index, now, time_zone)


def _page(job: str, shard: str, through: str, cursor: Any) -> tuple[list[tuple[str, None]], Any]:
    member_ids, following = due.page(due.JOBS[job].index, shard, through, cursor)
    return [(member_id, None) for member_id in member_ids], following
