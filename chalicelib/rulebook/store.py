"""Versions of the rulebook: draft → validate → publish (effective at an instant) → roll back.

A published version never changes. Numbers have no gap: a publication is one transaction that must find the number after
the newest one free and the schedule as it was read, so of two publishers at the same moment one is told to look again.
The version in force at an instant is the one with the latest `effective_at` not after it; of two with the same
`effective_at` the higher number, which is also how a planned change is replaced.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from time import monotonic
from typing import Any

from chalicelib.rulebook import items, linter
from chalicelib.rulebook.items import DRAFT, VERSION, DocumentItem, Plan, ScheduleItem
from chalicelib.rulebook.model import Published, Rulebook, load
from chalicelib.rulebook.succession import succession
from chalicelib.shared import audit
from chalicelib.shared.clock import parse_instant, rfc3339
from chalicelib.shared.errors import Conflict, InvalidFields, NotFound, Unavailable, invalid

REVALIDATE_SECONDS = 5.0
# Publications the schedule item remembers, those to come among them; older versions are found by number only.
MAX_PAST, MAX_COMING = 30, 20
_PARSED_VERSIONS = 8
_SAVE_ATTEMPTS = 5


class NothingPublished(Unavailable):
    code = "RULEBOOK_NOT_PUBLISHED"
    message, message_zh = "No rulebook is in force yet.", "规则尚未发布"


class VersionUnknown(NotFound):
    code = "RULEBOOK_VERSION_UNKNOWN"
    message, message_zh = "There is no such version.", "没有这个规则版本"


class DraftUnknown(NotFound):
    code = "DRAFT_UNKNOWN"
    message, message_zh = "There is no such draft.", "没有这个草稿"


class DraftChanged(Conflict):
    code = "DRAFT_CHANGED"
    message, message_zh = "Someone saved this draft after you read it.", "草稿已被他人修改，请刷新后再试"


class DraftPublished(Conflict):
    code = "DRAFT_PUBLISHED"
    message, message_zh = "This draft is already published; start a new one.", "该草稿已发布，请新建草稿"


class PublishedMeanwhile(Conflict):
    code = "RULEBOOK_CHANGED"
    message, message_zh = "Something was saved meanwhile; look again.", "规则刚刚被他人更新，请刷新后再试"


class TooManyPlanned(Conflict):
    code = "TOO_MANY_PLANNED"
    message = "Twenty versions are planned already; wait until one is in force."
    message_zh = "已有 20 个待生效的规则版本，请等待生效后再发布"


class RulebookRefused(InvalidFields):
    code = "RULEBOOK_REFUSED"
    message, message_zh = "The rulebook breaks rules it may not break; see details.", "规则内容未通过检查"


class ConfirmationMissing(InvalidFields):
    code = "CONFIRMATION_MISSING"
    message = "A guard rail is switched off; type the phrases in details to confirm."
    message_zh = "有安全开关被关闭，请逐字输入确认语"


@dataclass(frozen=True)
class Draft:
    """A document being worked on. `revision` grows by one with each save; `published_as` is set once it is published.
    Lists leave `document` empty."""

    draft: int
    document: dict[str, Any]
    revision: int
    saved_by: str
    saved_at: datetime
    published_as: int | None


@dataclass(frozen=True)
class Version:
    """A published version. `origin` is `draft 3` or `version 1` (a roll-back). Lists leave `document` empty."""

    version: int
    document: dict[str, Any]
    effective_at: datetime
    published_by: str
    published_at: datetime
    origin: str


@dataclass(frozen=True)
class Review:
    """What publishing a document would say. `confirmations`: guard rail switched off → the phrase to type."""

    publishable: bool
    findings: Sequence[linter.Finding]
    confirmations: Mapping[str, str]


# Drafts ------------------------------------------------------------------------------------------------------------


def save_draft(document: dict[str, Any], actor: str, now: datetime) -> int:
    """Keeps a new draft, valid or not, and returns its number. Refuses only what cannot be stored."""
    packed = items.pack(document)
    for _ in range(_SAVE_ATTEMPTS):
        newest, _cursor = items.page(DRAFT, 1, None)
        number = int(newest[0].version) + 1 if newest else 1
        item = DocumentItem(DRAFT, number, document=packed, actor=actor, at=rfc3339(now), revision=1)
        record = audit.record(actor, "rulebook.draft.save", f"draft {number}", {"revision": 1}, now)
        if items.write([(item, DocumentItem.version.does_not_exist()), (record, None)]):
            return number
    raise PublishedMeanwhile


def change_draft(number: int, document: dict[str, Any], revision: int, actor: str, now: datetime) -> Draft:
    """Replaces a draft's document, if `revision` is still the one the editor has seen."""
    packed = items.pack(document)
    published_as = draft(number).published_as
    if published_as:
        raise DraftPublished([{"version": published_as}])
    item = DocumentItem(DRAFT, number, document=packed, actor=actor, at=rfc3339(now), revision=revision + 1)
    record = audit.record(actor, "rulebook.draft.save", f"draft {number}", {"revision": revision + 1}, now)
    if not items.write([(item, items.unchanged(revision)), (record, None)]):
        raise DraftChanged
    return _draft_from(item)


def draft(number: int) -> Draft:
    """The draft. Raises DraftUnknown."""
    item = items.read(DRAFT, number)
    if item is None:
        raise DraftUnknown
    return _draft_from(item)


def drafts(limit: int, cursor: str | None) -> tuple[list[Draft], str | None]:
    """Drafts, newest first, and the cursor of the next page. Their documents are left out."""
    found, following = items.page(DRAFT, limit, cursor)
    return [_draft_from(item) for item in found], following


def number_in(text: str) -> int:
    """The number of a version or draft as written in a path. Raises NotFound for what can be none."""
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text) > 0):
        raise NotFound
    return int(text)


# Publishing --------------------------------------------------------------------------------------------------------


def publish(
    draft_number: int, effective_at: datetime | None, actor: str, confirmations: Mapping[str, str], now: datetime
) -> Published:
    """Publishes a draft, in force from `effective_at` (now, when None).

    confirmations: guard rail → the phrase its switching off asks for, typed exactly. Raises RulebookRefused,
    ConfirmationMissing, InvalidFields (an instant in the past), DraftPublished, PublishedMeanwhile.
    """
    source = draft(draft_number)
    if source.published_as:
        raise DraftPublished([{"version": source.published_as}])
    origin = f"draft {draft_number}"
    return _publish(source.document, effective_at, actor, confirmations, now, origin, source)


def rollback(version: int, actor: str, now: datetime, confirmations: Mapping[str, str] | None = None) -> Published:
    """Publishes an older version's document again, as a new version in force at once.

    It passes today's checks, and switched-off guard rails are confirmed again: the linter may have learnt something
    since. Versions planned for later stay planned.
    """
    return _publish(version_record(version).document, None, actor, confirmations or {}, now, f"version {version}", None)


def review(document: dict[str, Any], now: datetime) -> Review:
    """Validates and lints it, also as what would follow the rulebook in force. Nothing is kept."""
    return _review(document, now, now, _schedule())


def _review(document: dict[str, Any], effective_at: datetime, now: datetime, plan: Plan) -> Review:
    findings = linter.lint_document(document, now.date())
    if "INVALID" not in {finding.code for finding in findings}:
        findings = [*_succession(load(document), effective_at, now, plan), *findings]
    publishable = all(finding.severity != "refuse" for finding in findings)
    return Review(publishable, findings, linter.required_confirmations(load(document)) if publishable else {})


def _succession(rulebook: Rulebook, effective_at: datetime, now: datetime, plan: Plan) -> Iterator[linter.Finding]:
    """What it would take from members: after the version that holds until then, and before the one planned next."""
    begun = [(instant, number) for number, instant in plan if instant <= now or instant < effective_at]
    coming = [(instant, -number) for number, instant in plan if instant > effective_at]
    yield from succession(at(max(begun)[1]).rulebook if begun else None, rulebook, effective_at)
    if coming:
        number = -min(coming)[1]
        for finding in succession(rulebook, at(number).rulebook, min(coming)[0]):
            told, told_zh = f"Version {number} is planned after it. ", f"其后已计划版本 {number}："
            yield replace(finding, message=told + finding.message, message_zh=told_zh + finding.message_zh)


def checked(document: dict[str, Any], now: datetime) -> Review:
    """The same of a document that could be published. Raises RulebookRefused for any other."""
    return _publishable(review(document, now))


def _publishable(reviewed: Review) -> Review:
    if not reviewed.publishable:
        raise RulebookRefused(
            [
                {"field": f.path, "problem": f.message, "problem_zh": f.message_zh, "code": f.code}
                for f in reviewed.findings
                if f.severity == "refuse"
            ][:50]
        )
    return reviewed


def _publish(
    document: dict[str, Any],
    effective_at: datetime | None,
    actor: str,
    confirmations: Mapping[str, str],
    now: datetime,
    origin: str,
    source: Draft | None,
) -> Published:
    effective_at = effective_at or now
    if effective_at < now:
        raise invalid("effective_at", "is in the past")
    schedule = items.read_schedule()
    reviewed = _publishable(_review(document, effective_at, now, items.plan_of(schedule)))
    confirmed = _confirmed(reviewed, confirmations)
    number = int(schedule.newest) + 1 if schedule else 1
    at = rfc3339(effective_at)
    item = DocumentItem(
        VERSION, number, document=items.pack(document), actor=actor, at=rfc3339(now), effective_at=at, origin=origin
    )
    plan = [*_planned(schedule, now), [number, at]]
    newest = ScheduleItem.newest == number - 1 if schedule else ScheduleItem.kind.does_not_exist()
    details = {"origin": origin, "effective_at": at, "confirmations": confirmed}
    writes: list[items.Write] = [
        (item, DocumentItem.version.does_not_exist()),
        (ScheduleItem(newest=number, plan=plan), newest),
        (audit.record(actor, "rulebook.publish", f"version {number}", details, now), None),
    ]
    if source:
        # The draft is marked in the same transaction: it is published once, and in the revision that was checked.
        marked = DocumentItem(
            DRAFT, source.draft, document=items.pack(document), actor=source.saved_by, at=rfc3339(source.saved_at),
            revision=source.revision, published_as=number,
        )  # fmt: skip
        writes.append((marked, items.unchanged(source.revision)))
    if not items.write(writes):
        raise PublishedMeanwhile
    _cache.read_at = None
    return _published(number, document)


def _planned(schedule: ScheduleItem | None, now: datetime) -> list[list[Any]]:
    """What the schedule goes on holding: everything to come, the version in force, and the latest of those before it,
    which only a look back in time would need. Raises TooManyPlanned."""
    known = items.plan_of(schedule)
    coming = [number for number, instant in known if instant > now]
    if len(coming) >= MAX_COMING:
        raise TooManyPlanned
    begun = sorted((instant, number) for number, instant in known if instant <= now)
    kept = {number for _, number in begun[-MAX_PAST:]} | set(coming)
    return [[number, rfc3339(instant)] for number, instant in known if number in kept]


def _confirmed(reviewed: Review, confirmations: Mapping[str, str]) -> dict[str, str]:
    """The guard rails switched off and the phrases that confirm it. Raises ConfirmationMissing."""
    missing = [
        {"field": f"confirmations.{name}", "problem": "type this phrase exactly", "phrase": phrase}
        for name, phrase in reviewed.confirmations.items()
        if confirmations.get(name) != phrase
    ]
    if missing:
        raise ConfirmationMissing(missing)
    return dict(reviewed.confirmations)


# Reading -----------------------------------------------------------------------------------------------------------


def current(now: datetime) -> Published:
    """The version in force at `now`. In a warm container: no read, or one small one every 5 seconds."""
    return at(in_force(_schedule(), now))


def planned(now: datetime) -> list[tuple[int, datetime]]:
    """(version, effective_at) of what is planned for after `now`, earliest first."""
    coming = [(number, instant) for number, instant in _schedule() if instant > now]
    return sorted(coming, key=lambda planned: (planned[1], planned[0]))


def in_force(plan: Plan, now: datetime) -> int:
    """The number of the version in force at `now`. Raises NothingPublished."""
    started = [(instant, number) for number, instant in plan if instant <= now]
    if not started:
        raise NothingPublished
    return max(started)[1]


def at(version: int) -> Published:
    """That version, parsed; the last few are kept in the container."""
    known = _cache.parsed.get(version)
    if known:
        _cache.parsed.move_to_end(version)
        return known
    return _published(version, version_record(version).document)


def version_record(version: int) -> Version:
    """That version with its document as it was published. Raises VersionUnknown."""
    item = items.read(VERSION, version)
    if item is None:
        raise VersionUnknown
    return _version_from(item)


def versions(limit: int, cursor: str | None) -> tuple[list[Version], str | None]:
    """Versions, newest first, and the cursor of the next page. Their documents are left out."""
    found, following = items.page(VERSION, limit, cursor)
    return [_version_from(item) for item in found], following


class _Cache:
    """What this container knows: the schedule, when it was read, and the parsed documents."""

    def __init__(self) -> None:
        self.plan: Plan = []
        self.read_at: float | None = None
        self.parsed: OrderedDict[int, Published] = OrderedDict()


_cache = _Cache()


def forget() -> None:
    """Drops what the container knows (between tests)."""
    _cache.__init__()  # type: ignore[misc]


def _schedule() -> Plan:
    # Measured by the machine's clock, not by `now`: a test clock may stand still or jump.
    if _cache.read_at is None or monotonic() - _cache.read_at >= REVALIDATE_SECONDS:
        item = items.read_schedule()
        _cache.plan = items.plan_of(item)
        _cache.read_at = monotonic() if item else None
    return _cache.plan


def _published(number: int, document: dict[str, Any]) -> Published:
    published = Published(version=number, rulebook=load(document))
    _cache.parsed[number] = published
    while len(_cache.parsed) > _PARSED_VERSIONS:
        _cache.parsed.popitem(last=False)
    return published


def _draft_from(item: DocumentItem) -> Draft:
    return Draft(
        draft=int(item.version),
        document=items.unpack(item.document),
        revision=int(item.revision or 0),
        saved_by=item.actor,
        saved_at=parse_instant(item.at),
        published_as=int(item.published_as) if item.published_as else None,
    )


def _version_from(item: DocumentItem) -> Version:
    return Version(
        version=int(item.version),
        document=items.unpack(item.document),
        effective_at=parse_instant(item.effective_at),
        published_by=item.actor,
        published_at=parse_instant(item.at),
        origin=item.origin,
    )
