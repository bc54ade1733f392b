"""Offers: draft → validate → publish → withdraw. A published version never changes.

What is in force is a handful of documents that every container reads again after a few seconds, as the rulebook's
schedule is: a publication or a withdrawal is everywhere within them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.redemption import documents, items, stock
from chalicelib.redemption.documents import Before, OfferDocument
from chalicelib.redemption.items import DRAFTS, IN_FORCE, OfferItem
from chalicelib.rulebook import linter, store
from chalicelib.rulebook.findings import Finding
from chalicelib.shared import audit, dynamo
from chalicelib.shared.clock import parse_instant, rfc3339
from chalicelib.shared.errors import BadCursor, Conflict, InvalidFields, NotFound, Unavailable, invalid

REVALIDATE_SECONDS = 5.0
# All of those in force are read together.
MAX_IN_FORCE = 300
MAX_DOCUMENT_BYTES = 16_000


class OfferUnknown(NotFound):
    code = "OFFER_UNKNOWN"
    message, message_zh = "There is no such offer.", "没有这个兑换商品"


class OfferExists(Conflict):
    code = "OFFER_EXISTS"
    message, message_zh = "There is an offer of this id already.", "该商品编号已存在"


class OfferChanged(Conflict):
    code = "OFFER_CHANGED"
    message, message_zh = "Someone changed this offer after you read it.", "商品已被他人修改，请刷新后再试"


class OfferNotInForce(Conflict):
    code = "OFFER_NOT_IN_FORCE"
    message, message_zh = "The offer is not published, or withdrawn already.", "商品尚未发布或已下架"


class OfferRefused(InvalidFields):
    code = "OFFER_REFUSED"
    message, message_zh = "The offer breaks rules it may not break; see details.", "商品内容未通过检查"


class TooManyOffers(Conflict):
    code = "TOO_MANY_OFFERS"
    message = f"{MAX_IN_FORCE} offers are in force already; withdraw one first."
    message_zh = f"已发布 {MAX_IN_FORCE} 个商品，请先下架其他商品"


@dataclass(frozen=True)
class Listed:
    """An offer in force, in that version."""

    document: OfferDocument
    version: int


@dataclass(frozen=True)
class Draft:
    """What is being worked on; `revision` grows by one with each save. `version`: the newest published one, 0: none;
    `offered`: it is in force."""

    offer_id: str
    document: Mapping[str, Any]
    revision: int
    saved_by: str
    saved_at: datetime
    version: int
    offered: bool


# What is in force ----------------------------------------------------------------------------------------------------


class _Cache:
    """What this container knows, and since when."""

    def __init__(self) -> None:
        self.known: Mapping[str, Listed] = {}
        self.read_at: float | None = None


_cache = _Cache()


def forget() -> None:
    """Drops what the container knows (after a change, and between tests)."""
    _cache.__init__()  # type: ignore[misc]


def in_force() -> Mapping[str, Listed]:
    """offer id → the offer, in the order they are listed. In a warm container: no read, or one query every 5 s."""
    # Measured by the machine's clock, not by `now`: a test clock may stand still or jump.
    if _cache.read_at is None or monotonic() - _cache.read_at >= REVALIDATE_SECONDS:
        found = [Listed(documents.load(item.document), int(item.version)) for item in items.all_in_force()]
        found.sort(key=lambda listed: place(listed.document))
        _cache.known = {listed.document.offer_id: listed for listed in found}
        _cache.read_at = monotonic()
    return _cache.known


def place(document: OfferDocument) -> tuple[int, str]:
    """Where it stands in the list."""
    return document.sort, document.offer_id


def after(cursor: str | None) -> tuple[int, str] | None:
    """The place in the list after which a page begins. Raises BadCursor."""
    key: Any = dynamo.decode_cursor(cursor)
    match key:
        case None:
            return None
        case [int(sort), str(offer_id)] if not isinstance(sort, bool):
            return sort, offer_id
    raise BadCursor


def find(offer_id: str) -> Listed:
    """The offer in force. Raises OfferUnknown."""
    listed = in_force().get(offer_id)
    if listed is None:
        raise OfferUnknown
    return listed


# Drafts --------------------------------------------------------------------------------------------------------------


def create(document: Mapping[str, Any], actor: str, now: datetime) -> Draft:
    """Keeps a new offer's draft, valid or not. Raises InvalidFields for what cannot be stored, OfferExists."""
    offer_id = str(document.get("offer_id", ""))
    _check_storable(document)
    if not documents.OFFER_ID.fullmatch(offer_id):
        raise invalid("document.offer_id", f"does not match {documents.OFFER_ID.pattern}")
    item = OfferItem(
        DRAFTS, offer_id, document=dict(document), version=0, actor=actor, at=rfc3339(now), revision=1, offered=False
    )
    try:
        with dynamo.together() as writes:
            writes.save(item, OfferItem.id.does_not_exist())
            writes.save(audit.record(actor, "offer.save", offer_id, {"revision": 1}, now))
    except dynamo.Overtaken as overtaken:
        raise OfferExists from overtaken
    return _draft_from(item)


def change(offer_id: str, document: Mapping[str, Any], revision: int, actor: str, now: datetime) -> Draft:
    """Replaces the draft, if `revision` is still the one the editor has seen; what is in force stays as it is. Raises
    OfferUnknown, OfferChanged, InvalidFields."""
    _check_storable(document)
    if document.get("offer_id") != offer_id:
        raise invalid("document.offer_id", "is not the id in the path")
    item = _draft_item(offer_id)
    if int(item.revision or 0) != revision:
        # Before it is written: DynamoDB takes no number of 40 digits.
        raise OfferChanged
    actions: list[Action] = [
        OfferItem.document.set(dict(document)),
        OfferItem.revision.set(revision + 1),
        OfferItem.actor.set(actor),
        OfferItem.at.set(rfc3339(now)),
    ]
    try:
        with dynamo.together() as writes:
            writes.update(item, actions, OfferItem.revision == revision)
            writes.save(audit.record(actor, "offer.save", offer_id, {"revision": revision + 1}, now))
    except dynamo.Overtaken as overtaken:
        raise OfferChanged from overtaken
    return draft(offer_id)


def draft(offer_id: str) -> Draft:
    """The offer as it is being worked on. Raises OfferUnknown."""
    return _draft_from(_draft_item(offer_id))


def drafts(limit: int, cursor: str | None) -> tuple[list[Draft], str | None]:
    """A page of all offers, published or not, by id, and the cursor of the next page."""
    after = dynamo.decode_cursor(cursor)
    if after is not None and not (isinstance(after, str) and documents.OFFER_ID.fullmatch(after)):
        raise BadCursor
    found = items.drafts(limit + 1, after)
    more = found[limit - 1].kind if len(found) > limit else None
    return [_draft_from(item) for item in found[:limit]], dynamo.encode_cursor(more)


def _check_storable(document: Mapping[str, Any]) -> None:
    wrong = linter.storable(dict(document))
    if wrong:
        raise invalid("document", wrong.message)
    size = len(json.dumps(document, ensure_ascii=False).encode())
    if size > MAX_DOCUMENT_BYTES:
        raise invalid("document", f"{size} bytes of JSON; at most {MAX_DOCUMENT_BYTES}")


def _draft_item(offer_id: str) -> OfferItem:
    # From an operator's path: DynamoDB takes no empty key and none of 2 KB.
    item = items.read_draft(offer_id) if documents.OFFER_ID.fullmatch(offer_id) else None
    if item is None:
        raise OfferUnknown
    return item


def _draft_from(item: OfferItem) -> Draft:
    return Draft(
        offer_id=item.kind,
        document=item.document,
        revision=int(item.revision or 0),
        saved_by=item.actor,
        saved_at=parse_instant(item.at),
        version=int(item.version),
        offered=bool(item.offered),
    )


# Publishing ----------------------------------------------------------------------------------------------------------


def review(offer_id: str, now: datetime) -> Sequence[Finding]:
    """What publishing the draft would say. Nothing is kept. Raises OfferUnknown."""
    return _review(draft(offer_id), now)[1]


def publish(offer_id: str, actor: str, now: datetime) -> Draft:
    """Puts the draft in force as the next version. Raises OfferUnknown, OfferRefused, OfferChanged, TooManyOffers."""
    source = draft(offer_id)
    document, found = _review(source, now)
    refused = [finding for finding in found if finding.severity == "refuse"]
    if document is None or refused:
        raise OfferRefused(
            [{"field": f.path, "problem": f.message, "problem_zh": f.message_zh, "code": f.code} for f in refused][:50]
        )
    if not source.offered and len(items.all_in_force()) >= MAX_IN_FORCE:
        raise TooManyOffers
    version, at = source.version + 1, rfc3339(now)
    content: dict[str, Any] = {"document": document.model_dump(mode="json"), "version": version, "actor": actor}
    kept = OfferItem(items.versions_id(offer_id), items.version_kind(version), at=at, **content)
    unchanged = (OfferItem.revision == source.revision) & (OfferItem.version == source.version)
    try:
        with dynamo.together() as writes:
            writes.update(
                OfferItem(DRAFTS, offer_id), [OfferItem.version.set(version), OfferItem.offered.set(True)], unchanged
            )
            writes.save(kept, OfferItem.id.does_not_exist())
            writes.save(OfferItem(IN_FORCE, offer_id, at=at, **content))
            details = {"version": version, "revision": source.revision}
            writes.save(audit.record(actor, "offer.publish", offer_id, details, now))
    except dynamo.Overtaken as overtaken:
        raise OfferChanged from overtaken
    forget()
    return draft(offer_id)


def withdraw(offer_id: str, reason: str, actor: str, now: datetime) -> Draft:
    """Takes the offer out of the mall; what has been redeemed goes its way, and it may be published again. Raises
    OfferUnknown, OfferNotInForce."""
    source = draft(offer_id)
    try:
        with dynamo.together() as writes:
            writes.update(OfferItem(DRAFTS, offer_id), [OfferItem.offered.set(False)], OfferItem.offered == True)  # noqa: E712
            writes.delete(OfferItem(IN_FORCE, offer_id))
            details = {"version": source.version, "reason": reason}
            writes.save(audit.record(actor, "offer.withdraw", offer_id, details, now))
    except dynamo.Overtaken as overtaken:
        raise OfferNotInForce if not draft(offer_id).offered else Unavailable from overtaken
    forget()
    return draft(offer_id)


def _review(source: Draft, now: datetime) -> tuple[OfferDocument | None, Sequence[Finding]]:
    document, wrong = documents.read(dict(source.document))
    if document is None:
        return None, wrong
    newest = items.read_version(source.offer_id, source.version) if source.version else None
    period = stock.period(document, now)
    shards = items.shards(source.offer_id, period) if period else []
    before = Before(
        document=documents.load(newest.document) if newest else None,
        pieces=sum(int(shard.total) for shard in shards) if shards else None,
        sold=sum(int(shard.total - shard.left) for shard in shards),
    )
    return document, documents.findings(document, store.current(now).rulebook, before, now)
