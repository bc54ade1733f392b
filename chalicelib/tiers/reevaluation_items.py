"""How evaluations of everybody lie in the jobs table: one partition a job. Private to `reevaluation`.

A preview is kept for KEPT. The table's TTL only tidies up: whoever reads compares `expires_at`. The evaluation of a
version is kept for good, since it is what tells the hourly schedule that the version has been evaluated.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import QueryError, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from chalicelib.shared import dynamo
from chalicelib.shared.audit import AuditRecord
from chalicelib.shared.clock import parse_instant

Kind = Literal["reevaluation", "preview"]
State = Literal["running", "done", "superseded"]
JOB = "job"
KEPT = timedelta(days=90)


class JobItem(dynamo.Record):
    """What was asked for; written once. `number` is a version, or a draft with its `revision`."""

    class Meta:
        table_name = dynamo.table("jobs")

    id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True, default=JOB)
    job = UnicodeAttribute(null=True)
    number = NumberAttribute(null=True)
    revision = NumberAttribute(null=True)
    segments = NumberAttribute(null=True)
    actor = UnicodeAttribute(null=True)
    at = UnicodeAttribute(null=True)
    # Of `segment#03`, how far that part of the scan has come: written after each page.
    pages = NumberAttribute(null=True)
    cursor = JSONAttribute(null=True)
    tally = JSONAttribute(null=True)
    state = UnicodeAttribute(null=True)
    # Of a preview, on each of its items: when it is gone, in epoch seconds.
    expires_at = NumberAttribute(null=True)


@dataclass(frozen=True)
class Job:
    """`number` is the version to evaluate everybody under, or the draft to preview, in its `revision` (else 0)."""

    job_id: str
    kind: Kind
    number: int
    revision: int
    segments: int
    started_by: str
    started_at: str

    @property
    def expires_at(self) -> int | None:
        """When it is gone, in epoch seconds; None: never."""
        return int((parse_instant(self.started_at) + KEPT).timestamp()) if self.kind == "preview" else None


@dataclass(frozen=True)
class Tally:
    """Members seen; moved, as `silver->gold` → members; failed (refused for a reason of their own: see the log); of a
    preview, how many would be safe at their next review as things stand, and how many not."""

    seen: int = 0
    moved: dict[str, int] = field(default_factory=dict)
    failed: int = 0
    safe: int = 0
    unsafe: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        moved = {move: self.moved.get(move, 0) + other.moved.get(move, 0) for move in (*self.moved, *other.moved)}
        return Tally(
            self.seen + other.seen,
            moved,
            self.failed + other.failed,
            self.safe + other.safe,
            self.unsafe + other.unsafe,
        )


@dataclass(frozen=True)
class Progress:
    """How far one segment has come: after so many pages, it goes on from `cursor`."""

    segment: int
    pages: int = 0
    cursor: Any = None
    tally: Tally = field(default_factory=Tally)
    state: State = "running"


def read(job_id: str, now: datetime) -> tuple[Job, list[Progress]] | None:
    """The job and the progress of each of its segments, unless it has expired: one read of about 2 KB."""
    try:
        found = list(JobItem.query(job_id, consistent_read=True))
    except QueryError as error:
        raise dynamo.as_refusal(error) from error
    item = next((item for item in found if item.kind == JOB), None)
    if item is None or (item.expires_at is not None and item.expires_at <= now.timestamp()):
        return None
    known = {item.kind: item for item in found}
    segments = range(int(item.segments))
    return _job(item), [_progress(number, known.get(_segment(number))) for number in segments]


def create(job: Job, record: AuditRecord) -> bool:
    """Writes a new job and its audit record. False when it is there already."""
    item = JobItem(
        job.job_id,
        job=job.kind,
        number=job.number,
        revision=job.revision,
        segments=job.segments,
        actor=job.started_by,
        at=job.started_at,
        expires_at=job.expires_at,
    )
    return _write((item, JobItem.id.does_not_exist()), (record, None))


def advance(job: Job, progress: Progress) -> bool:
    """Writes the progress after one more page. False when somebody else has written that page's.

    A transaction, though of one item: the SDK's retry after a lost answer must not look like somebody else.
    """
    item = JobItem(
        job.job_id,
        _segment(progress.segment),
        pages=progress.pages,
        cursor=progress.cursor,
        tally=vars(progress.tally),
        state=progress.state,
        expires_at=job.expires_at,
    )
    before = progress.pages - 1
    return _write((item, (JobItem.pages == before) if before else JobItem.id.does_not_exist()))


def _write(*writes: tuple[Model, Condition | None]) -> bool:
    try:
        with dynamo.transaction() as transaction:
            for model, condition in writes:
                transaction.save(model, condition)
    except TransactWriteError as error:
        dynamo.check_refused(error)
        return False
    return True


def _segment(number: int) -> str:
    return f"segment#{number:02d}"


def _job(item: JobItem) -> Job:
    return Job(
        job_id=item.id,
        kind=item.job,  # type: ignore[arg-type]
        number=int(item.number),
        revision=int(item.revision),
        segments=int(item.segments),
        started_by=str(item.actor),
        started_at=str(item.at),
    )


def _progress(number: int, item: JobItem | None) -> Progress:
    if item is None:
        return Progress(number)
    return Progress(number, int(item.pages), item.cursor, Tally(**item.tally), item.state)  # type: ignore[arg-type]
