"""Everybody evaluated when a rulebook comes into force, and the same for a draft with nothing written: the preview.

The accounts are scanned in segments, a page a message. A message names a segment, not a page: whoever takes it goes on
from the segment's progress and writes the new progress under the condition that nobody else has meanwhile. So a page
that is delivered twice, or worked on by two, counts once, and whatever is killed where, the redelivery goes on from the
last page that counted. Who loses that race stops: the winner sends the next message.

A member's entry has the cause `rules#<version>`: however often a page is handled, there is one.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib import ledger
from chalicelib.engine import retention
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision, Entry
from chalicelib.engine.events import Cause, RulesChanged
from chalicelib.engine.process import process
from chalicelib.engine.refusals import NothingDue
from chalicelib.notices import inbox
from chalicelib.rulebook import store
from chalicelib.rulebook.model import Published, Rulebook, load
from chalicelib.shared import audit, aws, telemetry
from chalicelib.shared.clock import business_date, parse_instant, rfc3339
from chalicelib.shared.config import settings
from chalicelib.shared.errors import NotFound, Refusal, Unavailable
from chalicelib.shared.ids import random_code
from chalicelib.tiers import reevaluation_items as items
from chalicelib.tiers.reevaluation_items import Job, Kind, Progress, Tally

SEGMENTS = 8
# Containers may hold to the version of before for a few seconds (store.REVALIDATE_SECONDS): what they decide meanwhile
# is to be seen by the scan, and the scan's own container is to know the version it is asked to evaluate.
START_DELAY_SECONDS = 15


class JobUnknown(NotFound):
    code = "JOB_UNKNOWN"
    message, message_zh = "There is no such job.", "没有这个任务"


@dataclass(frozen=True)
class Report:
    """A job and the sum of what its segments have done."""

    job: Job
    segments: Sequence[Progress]

    @property
    def tally(self) -> Tally:
        return sum((progress.tally for progress in self.segments), Tally())

    @property
    def segments_done(self) -> int:
        return sum(progress.state == "done" for progress in self.segments)

    @property
    def state(self) -> str:
        """`superseded`: meanwhile another version is in force, or the draft was changed; the job has stopped."""
        if any(progress.state == "superseded" for progress in self.segments):
            return "superseded"
        return "done" if self.segments_done == len(self.segments) else "running"


# Starting ----------------------------------------------------------------------------------------------------------


def reevaluate(actor: str, now: datetime) -> Report:
    """Evaluates everybody under the version in force: once for each version. Asked for again, what is not done yet is
    taken up again where it stopped. Raises NothingPublished."""
    version = store.current(now).version
    return _start(f"reevaluation-{version}", "reevaluation", version, 0, actor, now)


def preview(draft: int, actor: str, now: datetime) -> Report:
    """Counts what publishing the draft would do, as it is now. Raises DraftUnknown, RulebookRefused."""
    found = store.draft(draft)
    store.checked(found.document, now)
    return _start(f"preview-{random_code(12)}", "preview", draft, found.revision, actor, now)


def reevaluate_if_new(now: datetime) -> None:
    """What the hourly schedule calls: a version that came into force is evaluated by itself, once. A job whose messages
    were lost is taken up again."""
    try:
        version = store.current(now).version
    except store.NothingPublished:
        return
    found = items.read(f"reevaluation-{version}", now)
    if found is None or Report(*found).state == "running":
        reevaluate("schedule", now)


def report(job_id: str, now: datetime) -> Report:
    """The job's progress: one read. Raises JobUnknown."""
    found = items.read(job_id[:64], now)
    if found is None:
        raise JobUnknown
    return Report(*found)


def _start(job_id: str, kind: Kind, number: int, revision: int, actor: str, now: datetime) -> Report:
    job = Job(job_id, kind, number, revision, SEGMENTS, actor, rfc3339(now))
    details = {"draft": number, "revision": revision} if kind == "preview" else {"version": number}
    new = items.create(job, audit.record(actor, f"rulebook.{kind}", job_id, details, now))
    found = Report(job, [Progress(segment) for segment in range(SEGMENTS)]) if new else report(job_id, now)
    unfinished = [progress.segment for progress in found.segments if progress.state == "running"]
    if unfinished:
        _send(job_id, unfinished, START_DELAY_SECONDS)
    return found


def _send(job_id: str, segments: Sequence[int], delay_seconds: int) -> None:
    """One message a segment: at most 10, as many as SQS takes at once. Raises Unavailable."""
    messages = [
        {
            "Id": str(segment),
            "MessageBody": json.dumps({"job_id": job_id, "segment": segment}),
            "DelaySeconds": delay_seconds,
        }
        for segment in segments
    ]
    try:
        answer = aws.client("sqs").send_message_batch(QueueUrl=settings().reevaluation_queue_url, Entries=messages)
    except (BotoCoreError, ClientError) as error:
        telemetry.log_failure(error, job_id=job_id)
        raise Unavailable from error
    if answer.get("Failed"):
        raise Unavailable


# One page ----------------------------------------------------------------------------------------------------------


def go_on(job_id: str, segment: int, now: datetime) -> None:
    """Handles the next page of a segment and sends for the one after it. Safe to repeat, at any point.

    Raises JobUnknown, and whatever reading and committing raise: then the page is delivered again.
    """
    found = report(job_id, now)
    job, progress = found.job, found.segments[segment]
    if progress.state != "running":
        return
    published = _rulebook(job, now)
    if published is None:
        items.advance(job, replace(progress, pages=progress.pages + 1, state="superseded"))
        return
    accounts, cursor = ledger.members(segment, job.segments, progress.cursor)
    tally = sum((_evaluated(job, published, account, now) for account in accounts), progress.tally)
    after = Progress(segment, progress.pages + 1, cursor, tally, "running" if cursor else "done")
    if items.advance(job, after) and cursor:
        _send(job_id, [segment], 0)


def _rulebook(job: Job, now: datetime) -> Published | None:
    """What to evaluate under; None when it no longer holds: nobody is promoted by rules that were taken back."""
    if job.kind == "reevaluation":
        current = store.current(now)
        return current if current.version == job.number else None
    draft = store.draft(job.number)
    return Published(version=0, rulebook=load(draft.document)) if draft.revision == job.revision else None


def _evaluated(job: Job, published: Published, account: Account, now: datetime) -> Tally:
    if account.status == "erased":
        return Tally()
    try:
        if job.kind == "preview":
            return _foreseen(published, account, now)
        entry = _entry(job, published, account, now)
    except Refusal as refusal:
        if refusal.retryable:
            raise
        # One member's own trouble (an account at its limit) does not keep the rules from everybody else.
        telemetry.log_failure(refusal, job_id=job.job_id, member_id=account.member_id)
        return Tally(seen=1, failed=1)
    return Tally(seen=1, moved=_move(published.rulebook, account, entry))


def _entry(job: Job, published: Published, account: Account, now: datetime) -> Entry | None:
    """The member's entry under this version, written now or by an earlier delivery; None when nothing changes."""
    event = RulesChanged(Cause(account.member_id, f"rules#{published.version}"))

    def decide(found: Account) -> Decision:
        return process(published, found, event, now)

    if _decision(decide, account) is None:
        # Only who stands where they do since the job began can have been moved by an earlier delivery of this page;
        # nobody else's journal is asked, which would be a read a member.
        return ledger.entry(event.cause) if _moved_since(job, published, account) else None
    try:
        return ledger.execute(
            account.member_id, decide, cause=event.cause, body_hash="rules-changed", also=inbox.requests
        ).entry
    except (NothingDue, ledger.MemberUnknown):
        return None


def _decision(decide: Callable[[Account], Decision], account: Account) -> Decision | None:
    try:
        return decide(account)
    except NothingDue:
        return None


def _moved_since(job: Job, published: Published, account: Account) -> bool:
    began_on = business_date(parse_instant(job.started_at), published.rulebook.brand.time_zone)
    return account.frozen_at is not None or (account.standing is not None and account.standing.since >= began_on)


def _foreseen(published: Published, account: Account, now: datetime) -> Tally:
    """The same decision, not committed."""
    event = RulesChanged(Cause(account.member_id, "preview"))
    decision = _decision(lambda found: process(published, found, event, now), account)
    rulebook, after = published.rulebook, decision.account if decision else account
    today: date = business_date(account.frozen_at or now, rulebook.brand.time_zone)
    kept = retention.progress(rulebook, after, today) >= retention.SAFE
    to_keep = after.standing is not None and after.standing.valid_until is not None
    moved = _move(rulebook, account, decision.entry if decision else None)
    return Tally(seen=1, moved=moved, safe=int(to_keep and kept), unsafe=int(to_keep and not kept))


def _move(rulebook: Rulebook, account: Account, entry: Entry | None) -> dict[str, int]:
    """`{"silver->gold": 1}`; empty for who stays. Who holds a tier the rulebook no longer has is where it puts them."""
    first = rulebook.tiers.levels[0].code
    held = entry.tier_after if entry else account.standing.tier if account.standing else first
    moved = entry.facts.get("moved") if entry else None
    before, after = (moved["from"], moved["to"]) if moved else (held, held)
    after = rulebook.tier(after).code
    return {f"{before}->{after}": 1} if before != after else {}
