"""What operators send and get about evaluations of everybody, and the queue's message."""

from typing import Literal, Self

from pydantic import Field

from chalicelib.shared.schemas import Request, Response
from chalicelib.tiers.reevaluation import Report


class PreviewIn(Request):
    draft: int = Field(strict=True, ge=1, lt=10**9)


class SegmentMessage(Request):
    """A message of the queue: go on with this part of that job."""

    job_id: str = Field(min_length=1, max_length=64)
    segment: int = Field(ge=0, lt=100)


class MoveView(Response):
    from_tier: str
    to_tier: str
    members: int


class JobAnswer(Response):
    """Progress so far. Figures grow until `state` is `done`; `superseded`: stopped, since another version is in force
    or the draft was changed. `draft` and `revision`, `safe` and `unsafe` are a preview's: how many members have already
    what keeps their tier at the next review, and how many not. `failed`: members refused for a reason of their own,
    which is in the log."""

    job_id: str
    kind: Literal["reevaluation", "preview"]
    state: Literal["running", "done", "superseded"]
    version: int | None
    draft: int | None
    revision: int | None
    started_by: str
    started_at: str
    segments: int
    segments_done: int
    seen: int
    moved: list[MoveView]
    failed: int
    safe: int | None
    unsafe: int | None

    @classmethod
    def of(cls, report: Report) -> Self:
        job, tally, foreseen = report.job, report.tally, report.job.kind == "preview"
        moves = [(*move.split("->"), members) for move, members in sorted(tally.moved.items())]
        return cls(
            job_id=job.job_id,
            kind=job.kind,
            state=report.state,
            version=None if foreseen else job.number,
            draft=job.number if foreseen else None,
            revision=job.revision if foreseen else None,
            started_by=job.started_by,
            started_at=job.started_at,
            segments=len(report.segments),
            segments_done=report.segments_done,
            seen=tally.seen,
            moved=[MoveView(from_tier=before, to_tier=after, members=members) for before, after, members in moves],
            failed=tally.failed,
            safe=tally.safe if foreseen else None,
            unsafe=tally.unsafe if foreseen else None,
        )
