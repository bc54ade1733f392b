"""The redemption table: offers, their stock, and the work that redemptions leave. Private to the room.

id "offers", kind <offer_id>               an offer in force: all of them are one query
id "offer-drafts", kind <offer_id>         its draft; `revision` counts the saves, `version` is the newest published
id "offer#<offer_id>", kind "v000001"      what was published, for good
id "stock#<offer_id>#<period>", kind "00"  a shard of the pieces of a period: "all", or a business month "2026-11"
id <redemption_id>, kind "parcel"          where a physical offer goes, and how
id <redemption_id>, kind "claim#<claim>"   what a member wants put right
"""

from typing import Any

from pynamodb.attributes import BooleanAttribute, JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.shared import dynamo

IN_FORCE, DRAFTS, PARCEL, CLAIM = "offers", "offer-drafts", "parcel", "claim"
MAX_SHARDS = 16


class OfferItem(dynamo.Record):
    """An offer in force, a draft, or a published version: a document, and who wrote it when."""

    class Meta:
        table_name = dynamo.table("redemption")

    id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True)
    document = JSONAttribute()
    # The version: of a draft the newest published one, 0 when there is none.
    version = NumberAttribute()
    actor = UnicodeAttribute()
    at = UnicodeAttribute()
    # Of drafts; `offered`: a version of it is in force.
    revision = NumberAttribute(null=True)
    offered = BooleanAttribute(null=True)


class StockItem(dynamo.Record):
    """A shard of an offer's pieces in one period: `left` of `total`, none of them below 0."""

    class Meta:
        table_name = dynamo.table("redemption")

    id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True)
    left = NumberAttribute()
    total = NumberAttribute()


class ByWork(GlobalSecondaryIndex[Any]):
    """What waits for an operator, the oldest first; what is done has no `work` and is not in it."""

    class Meta:
        index_name = "by_work"
        projection = AllProjection()

    work = UnicodeAttribute(hash_key=True)
    work_at = UnicodeAttribute(range_key=True)


class ParcelItem(dynamo.Record):
    """The parcel of a redemption. `address`: personal data, so it lies here and nowhere else, and can be erased.
    `work`: to_ship, then shipped; `work_at`: since when."""

    class Meta:
        table_name = dynamo.table("redemption")

    id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True, default=PARCEL)
    member_id = UnicodeAttribute()
    offer_id = UnicodeAttribute()
    quantity = NumberAttribute()
    address = JSONAttribute(null=True)
    company = UnicodeAttribute(null=True)
    number = UnicodeAttribute(null=True)
    work = UnicodeAttribute(null=True)
    work_at = UnicodeAttribute(null=True)
    by_work = ByWork()


class ClaimItem(dynamo.Record):
    """What a member claims of a redemption. `work`: claimed, until an operator has decided; `work_at`: since when."""

    class Meta:
        table_name = dynamo.table("redemption")

    id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True)
    member_id = UnicodeAttribute()
    offer_id = UnicodeAttribute()
    reason = UnicodeAttribute()
    pictures = JSONAttribute()
    quantity = NumberAttribute()
    work = UnicodeAttribute(null=True)
    work_at = UnicodeAttribute(null=True)
    by_work = ByWork()


def read_draft(offer_id: str) -> OfferItem | None:
    """The draft of that offer."""
    return _read(DRAFTS, offer_id)


def read_in_force(offer_id: str) -> OfferItem | None:
    """The offer as it is in force this moment."""
    return _read(IN_FORCE, offer_id)


def read_version(offer_id: str, version: int) -> OfferItem | None:
    """A version of that offer as it was published."""
    return _read(versions_id(offer_id), version_kind(version))


def _read(id_: str, kind: str) -> OfferItem | None:
    try:
        return OfferItem.get(id_, kind, consistent_read=True)
    except OfferItem.DoesNotExist:
        return None
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error


def versions_id(offer_id: str) -> str:
    """The hash key of an offer's versions."""
    return f"offer#{offer_id}"


def version_kind(version: int) -> str:
    """The range key of a version."""
    return f"v{version:06d}"


def all_in_force() -> list[OfferItem]:
    """Every offer in force, by one query of some 2 KB an offer."""
    try:
        return list(OfferItem.query(IN_FORCE, consistent_read=True))
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error


def drafts(limit: int, after: str | None) -> list[OfferItem]:
    """The next drafts after that offer id, by offer id: one query."""
    condition = OfferItem.kind > after if after else None
    try:
        return list(OfferItem.query(DRAFTS, condition, limit=limit, consistent_read=True))
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error


def stock_id(offer_id: str, period: str) -> str:
    """The hash key of the pieces of an offer in a period."""
    return f"stock#{offer_id}#{period}"


def shards(offer_id: str, period: str) -> list[StockItem]:
    """The shards of a period, in their order: one consistent query of at most 16 small items. Empty: not made yet."""
    try:
        return list(StockItem.query(stock_id(offer_id, period), consistent_read=True))
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error
