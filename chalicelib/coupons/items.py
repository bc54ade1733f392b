"""The coupons table. Private to the room.

id <member_id>, kind "000000000012#000#000"  a coupon: the entry that granted it, which of its grants, which piece
id <member_id>, kind "000000000000#surprise" the surprise of the first purchase, once in a member's life
id "order#<order_id>", kind "uses"           the coupons used on an order, and those that came back from it
id "surprise", kind <definition>             what was drawn of a surprise's budget
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from pynamodb.attributes import BooleanAttribute, JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.condition import Condition
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.coupons import rules
from chalicelib.ledger.due import SHARDS
from chalicelib.rulebook.model_coupons import CouponDefinition
from chalicelib.shared import dynamo
from chalicelib.shared.ids import digest

SURPRISE, USES = "000000000000#surprise", "uses"
# A query of what is due hands over so many.
PAGE = 25


class ByCode(GlobalSecondaryIndex[Any]):
    """Whose coupon a code is: keys alone, the coupon itself is read consistently."""

    class Meta:
        index_name = "by_code"
        projection = KeysOnlyProjection()

    code = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True)


class ByDue(GlobalSecondaryIndex[Any]):
    """Coupons with something due by a date; what is used, withdrawn or over is not in it."""

    class Meta:
        index_name = "by_due"
        projection = KeysOnlyProjection()

    due_shard = UnicodeAttribute(hash_key=True)
    due_on = UnicodeAttribute(range_key=True)


class CouponItem(dynamo.Record):
    """A coupon. Each write replaces the whole item, under the condition that its revision is the one that was read.

    source: what granted it, "<source>#<id>", by entry number `seq` · terms: the definition as it was then ·
    expires_on: its last day · notice_days: how long before it the member is told, `noticed` when that was done · state:
    usable, used, expired, withdrawn · order_id, discount_fen, used_at: of the use · recalled: by what it was withdrawn;
    while it is used, it is withdrawn once it comes back · returned_on: when it last came back
    """

    class Meta:
        table_name = dynamo.table("coupons")

    id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True)
    revision = NumberAttribute(default=1)
    code = UnicodeAttribute()
    source = UnicodeAttribute()
    seq = NumberAttribute()
    terms = JSONAttribute()
    granted_on = UnicodeAttribute()
    expires_on = UnicodeAttribute()
    notice_days = NumberAttribute()
    noticed = BooleanAttribute(default=False)
    state = UnicodeAttribute(default=rules.USABLE)
    order_id = UnicodeAttribute(null=True)
    discount_fen = NumberAttribute(null=True)
    used_at = UnicodeAttribute(null=True)
    recalled = UnicodeAttribute(null=True)
    returned_on = UnicodeAttribute(null=True)
    due_shard = UnicodeAttribute(null=True)
    due_on = UnicodeAttribute(null=True)
    by_code = ByCode()
    by_due = ByDue()

    @property
    def definition(self) -> CouponDefinition:
        """The terms."""
        return CouponDefinition.model_validate(self.terms)

    def last_day(self, today: date) -> date:
        """The last day on which it may be used, as of today."""
        expires_on, days = date.fromisoformat(self.expires_on), int(self.notice_days)
        return rules.last_day(expires_on, noticed=bool(self.noticed), today=today, notice_days=days)

    def dated(self) -> "CouponItem":
        """Puts it into the index of what is due, or takes it out."""
        expires_on, days = date.fromisoformat(self.expires_on), int(self.notice_days)
        on = rules.due_on(self.state, expires_on, noticed=bool(self.noticed), notice_days=days)
        self.due_on = on.isoformat() if on else None
        self.due_shard = SHARDS[int(digest(self.id, 4), 16) % len(SHARDS)] if on else None
        return self

    def changed(self) -> Condition:
        """The condition under which the item, changed in place, may be written."""
        condition: Condition = CouponItem.revision == self.revision
        self.revision += 1
        self.dated()
        return condition


class OrderItem(dynamo.Record):
    """Guards an order. uses: code → {member_id, kind, content, at, discount_fen, definition, categories, stacks};
    ended: code → {at, given_back}, of its cancellation; refunded: in full, so no coupon is used on it any more."""

    class Meta:
        table_name = dynamo.table("coupons")

    id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True, default=USES)
    revision = NumberAttribute(default=0)
    uses = JSONAttribute(default=dict)
    ended = JSONAttribute(default=dict)
    refunded = BooleanAttribute(null=True)

    def changed(self) -> Condition:
        """The condition under which the item, changed in place, may be written."""
        condition = (OrderItem.revision == self.revision) if self.revision else OrderItem.id.does_not_exist()
        self.revision += 1
        return condition


class BudgetItem(dynamo.Record):
    """What was drawn of a surprise's budget, in fen, and how many coupons that were."""

    class Meta:
        table_name = dynamo.table("coupons")

    id = UnicodeAttribute(hash_key=True, default="surprise")
    kind = UnicodeAttribute(range_key=True)
    drawn_fen = NumberAttribute(default=0)
    drawn = NumberAttribute(default=0)


def kind_of(seq: int, grant: int, piece: int) -> str:
    """A coupon's id within its member: the same fact makes the same coupons, and later grants come later."""
    return f"{seq:012d}#{grant:03d}#{piece:03d}"


def coupon(member_id: str, kind: str) -> CouponItem | None:
    """One coupon, as it lies there now."""
    try:
        return CouponItem.get(member_id, kind, consistent_read=True)
    except CouponItem.DoesNotExist:
        return None
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error


def by_code(code: str) -> CouponItem | None:
    """The coupon of a code: the index, which trails by a moment, and the coupon itself."""
    try:
        found = next(iter(CouponItem.by_code.query(code, limit=1)), None)
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error
    return coupon(found.id, found.kind) if found else None


def of_member(member_id: str, before: str | None, limit: int) -> list[CouponItem]:
    """Coupons of a member, newest first, granted before the one of that kind."""
    condition = CouponItem.kind < before if before else None
    try:
        return list(CouponItem.query(member_id, condition, scan_index_forward=False, limit=limit))
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error


def since(member_id: str, seq: int, until: int) -> Iterator[CouponItem]:
    """Coupons granted by the entries from number `seq` up to before `until`, the oldest first."""
    span = CouponItem.kind.between(kind_of(seq, 0, 0), kind_of(until - 1, 999, 999))
    try:
        yield from CouponItem.query(member_id, span, consistent_read=True)
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error


def order(order_id: str) -> OrderItem:
    """The order's item; an empty one, of revision 0, when nothing is known of it."""
    key = f"order#{order_id}"
    try:
        return OrderItem.get(key, USES, consistent_read=True)
    except OrderItem.DoesNotExist:
        return OrderItem(key)
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error


def budget(definition: str) -> BudgetItem:
    """What was drawn; nothing at first."""
    try:
        return BudgetItem.get("surprise", definition, consistent_read=True)
    except BudgetItem.DoesNotExist:
        return BudgetItem(kind=definition)
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error


def due(shard: str, through: str, cursor: Any) -> tuple[list[tuple[str, str]], Any]:
    """(member, kind) of a page of what is due by `through`, and the key to go on from (JSON)."""
    found = CouponItem.by_due.query(shard, CouponItem.due_on <= through, limit=PAGE, last_evaluated_key=cursor)
    try:
        return [(item.id, item.kind) for item in found], found.last_evaluated_key
    except PynamoDBException as error:
        raise dynamo.as_refusal(error) from error
