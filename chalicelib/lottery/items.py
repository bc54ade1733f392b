"""The lottery table: prizes' pieces, and the record of all draws, kept for good. Private to the room.

id "prizes#<lottery>#<starts_at>", kind <prize>   its pieces; a code may serve again once its lottery has ended
id "draws#<lottery>#<day>", kind "<at>#<draw_id>" a draw, by the business day on which it was made
"""

from datetime import date
from typing import Any

from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.engine.decision import Entry
from chalicelib.rulebook.model_lotteries import Lottery
from chalicelib.shared import dynamo
from chalicelib.shared.clock import rfc3339


class PrizeItem(dynamo.Record):
    """`left` of `total` pieces of a prize, never below 0."""

    class Meta:
        table_name = dynamo.table("lottery")

    id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True)
    left = NumberAttribute()
    total = NumberAttribute()


class ByMember(GlobalSecondaryIndex[Any]):
    """A member's draws of one lottery."""

    class Meta:
        index_name = "by_member"
        projection = AllProjection()

    drawer = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True)


class DrawItem(dynamo.Record):
    """`draw`: the fact of that name in the draw's entry. `version`: of the rulebook. What is delivered is told by who
    handed it over, when, and a note."""

    class Meta:
        table_name = dynamo.table("lottery")

    id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True)
    member_id = UnicodeAttribute()
    drawer = UnicodeAttribute()
    version = NumberAttribute()
    draw = JSONAttribute()
    delivered_at = UnicodeAttribute(null=True)
    delivered_by = UnicodeAttribute(null=True)
    note = UnicodeAttribute(null=True)
    by_member = ByMember()


def prizes_id(lottery: Lottery) -> str:
    """The hash key of a lottery's pieces. Its start is frozen, and no two of one code have the same."""
    return f"prizes#{lottery.code}#{rfc3339(lottery.starts_at)}"


def draws_id(code: str, on: date) -> str:
    """The hash key of a day's draws."""
    return f"draws#{code}#{on}"


def drawer(member_id: str, code: str) -> str:
    """The index key of a member's draws of a lottery."""
    return f"{member_id}#{code}"


def draw_item(entry: Entry) -> DrawItem:
    """The record of a draw, from its entry."""
    draw = entry.facts["draw"]
    code = draw["lottery"]
    return DrawItem(
        draws_id(code, date.fromisoformat(draw["on"])),
        f"{rfc3339(entry.at)}#{draw['draw_id']}",
        member_id=entry.member_id,
        drawer=drawer(entry.member_id, code),
        version=entry.rulebook_version,
        draw=dict(draw),
    )


def read_draw(item: DrawItem) -> DrawItem:
    """The draw as it lies at the key of `item`."""
    try:
        return DrawItem.get(item.id, item.kind, consistent_read=True)
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error


def read_prizes(lottery: Lottery) -> list[PrizeItem]:
    """The pieces of every prize that somebody has asked for: one query of at most 20 small items."""
    try:
        return list(PrizeItem.query(prizes_id(lottery), consistent_read=True))
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error


def of_day(code: str, on: date, limit: int, after: str | None) -> list[DrawItem]:
    """The next draws of a day, in their order: one query."""
    condition = DrawItem.kind > after if after else None
    try:
        return list(DrawItem.query(draws_id(code, on), condition, limit=limit, consistent_read=True))
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error


def of_member(member_id: str, code: str, limit: int, before: str | None) -> list[DrawItem]:
    """The next of a member's draws, newest first: one query of an index, which trails by a moment."""
    condition = DrawItem.kind < before if before else None
    try:
        found = DrawItem.by_member.query(drawer(member_id, code), condition, scan_index_forward=False, limit=limit)
        return list(found)
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error
