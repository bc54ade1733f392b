"""The redemption table: offers, their stock, and the work that redemptions leave. Private to the room.

id "offers", kind <offer_id>               an offer in force: all of them are one query
id "offer-drafts", kind <offer_id>         its draft; `revision` counts the saves, `version` is the newest published
id "offer#<offer_id>", kind "v000001"      what was published, for good
id "stock#<offer_id>#<period>", kind "00"  a shard of the pieces of a period: "all", or a business month "2026-11"
id "codes#<offer_id>", kind <mark>         a code of a virtual offer, sealed, for good
id "free-codes#<offer_id>", kind <mark>    the same, as long as nobody has it
id "donations#<campaign_id>", kind "00"    a shard of what was donated
id "settlement", kind <campaign_id>        what the partner got
id <redemption_id>, kind "parcel"          where a physical offer goes, and how
id <redemption_id>, kind "claim#<claim>"   what a member wants put right
id <redemption_id>, kind "appointment"     when a service is wished for, or agreed
"""

from typing import Any

from pynamodb.attributes import BooleanAttribute, JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.shared import dynamo

IN_FORCE, DRAFTS, PARCEL, CLAIM, APPOINTMENT = "offers", "offer-drafts", "parcel", "claim", "appointment"
SETTLEMENT = "settlement"
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


class CodeItem(dynamo.Record):
    """A code. `sealed`: its text under the key `key` (`sealing`). Each lies twice, under `codes_id` and, until it is
    given, under `free_codes_id`."""

    class Meta:
        table_name = dynamo.table("redemption")

    id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True)
    sealed = UnicodeAttribute()
    key = UnicodeAttribute()


class TallyItem(dynamo.Record):
    """A shard of what was donated to a campaign and not taken back. `settled`: nothing of it changes any more."""

    class Meta:
        table_name = dynamo.table("redemption")

    id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True)
    points = NumberAttribute(default=0)
    donations = NumberAttribute(default=0)
    settled = BooleanAttribute(null=True)


class SettlementItem(dynamo.Record):
    """What the partner of a campaign got: once, and for good. `points`, `donations`: of the campaign, altogether."""

    class Meta:
        table_name = dynamo.table("redemption")

    id = UnicodeAttribute(hash_key=True, default=SETTLEMENT)
    kind = UnicodeAttribute(range_key=True)
    reference = UnicodeAttribute()
    amount_fen = NumberAttribute()
    points = NumberAttribute()
    donations = NumberAttribute()
    at = UnicodeAttribute()


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


class AppointmentItem(dynamo.Record):
    """The appointment of a service. `work`: appointment, as long as it is to come; `work_at`: the instant itself.
    `agreed`: the shop has confirmed it."""

    class Meta:
        table_name = dynamo.table("redemption")

    id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True, default=APPOINTMENT)
    member_id = UnicodeAttribute()
    offer_id = UnicodeAttribute()
    quantity = NumberAttribute()
    agreed = BooleanAttribute()
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


def codes_id(offer_id: str) -> str:
    """The hash key of every code of an offer."""
    return f"codes#{offer_id}"


def free_codes_id(offer_id: str) -> str:
    """The hash key of the codes that nobody has yet."""
    return f"free-codes#{offer_id}"


def code(offer_id: str, mark: str) -> CodeItem | None:
    """A code of the offer, given or not."""
    try:
        return CodeItem.get(codes_id(offer_id), mark, consistent_read=True)
    except CodeItem.DoesNotExist:
        return None
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error


def free_codes(offer_id: str, begin: str, limit: int) -> list[CodeItem]:
    """At most so many codes that nobody has, from the mark `begin` on and then from the first: one consistent query,
    two when it came to the end."""
    place = free_codes_id(offer_id)
    try:
        found = list(CodeItem.query(place, CodeItem.kind >= begin, limit=limit, consistent_read=True))
        if len(found) < limit:
            rest = limit - len(found)
            found += CodeItem.query(place, CodeItem.kind < begin, limit=rest, consistent_read=True)
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error
    return found


def tally_id(campaign_id: str) -> str:
    """The hash key of what was donated to a campaign."""
    return f"donations#{campaign_id}"


def tallies(campaign_id: str) -> list[TallyItem]:
    """The shards of what was donated, those of no donation left out: one consistent query of a few small items."""
    try:
        return list(TallyItem.query(tally_id(campaign_id), consistent_read=True))
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error


def settlement(campaign_id: str) -> SettlementItem | None:
    """What the campaign's partner got, once it is settled."""
    try:
        return SettlementItem.get(SETTLEMENT, campaign_id, consistent_read=True)
    except SettlementItem.DoesNotExist:
        return None
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error
