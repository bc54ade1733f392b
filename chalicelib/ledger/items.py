"""How accounts and entries lie in DynamoDB. Private to the ledger: nobody else writes these tables."""

import json
from typing import Any

from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.shared import dynamo


def text_of(value: Any) -> str:
    """JSON as it is stored: no spaces, Chinese as it is. PynamoDB's own writes 6 bytes for each 3 of Chinese."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class CompactJSON(JSONAttribute):
    def serialize(self, value: Any) -> str | None:
        return None if value is None else text_of(value)


class PointsDue(GlobalSecondaryIndex["AccountItem"]):
    class Meta:
        index_name = "by_points_due"
        projection = KeysOnlyProjection()

    points_due_shard = UnicodeAttribute(hash_key=True)
    points_due_on = UnicodeAttribute(range_key=True)


class TierDue(GlobalSecondaryIndex["AccountItem"]):
    class Meta:
        index_name = "by_tier_due"
        projection = KeysOnlyProjection()

    tier_due_shard = UnicodeAttribute(hash_key=True)
    tier_due_on = UnicodeAttribute(range_key=True)


class HoldDue(GlobalSecondaryIndex["AccountItem"]):
    class Meta:
        index_name = "by_hold_due"
        projection = KeysOnlyProjection()

    hold_due_shard = UnicodeAttribute(hash_key=True)
    hold_due_at = UnicodeAttribute(range_key=True)


class AccountItem(dynamo.Record):
    """One member: `id` is the member id, `seq` the version, `state` the rest of the account as compact JSON.
    `balance` and `debt` are repeated outside for operators' eyes and for `verify`."""

    class Meta:
        table_name = dynamo.table("accounts")

    id = UnicodeAttribute(hash_key=True)
    seq = NumberAttribute()
    balance = NumberAttribute()
    debt = NumberAttribute()
    state = CompactJSON()
    points_due_shard = UnicodeAttribute(null=True)
    points_due_on = UnicodeAttribute(null=True)
    tier_due_shard = UnicodeAttribute(null=True)
    tier_due_on = UnicodeAttribute(null=True)
    hold_due_shard = UnicodeAttribute(null=True)
    hold_due_at = UnicodeAttribute(null=True)
    by_points_due = PointsDue()
    by_tier_due = TierDue()
    by_hold_due = HoldDue()


class IdentityItem(dynamo.Record):
    """Which member an outside identity is: `id` is `wechat#<openid>`."""

    class Meta:
        table_name = dynamo.table("accounts")

    id = UnicodeAttribute(hash_key=True)
    member_id = UnicodeAttribute()


class BySeq(GlobalSecondaryIndex["EntryItem"]):
    class Meta:
        index_name = "by_seq"
        projection = AllProjection()

    member_id = UnicodeAttribute(hash_key=True)
    seq = NumberAttribute(range_key=True)


class ByRedemption(GlobalSecondaryIndex["EntryItem"]):
    """Only what became of redemptions is in it: a member's redemptions, each with its steps."""

    class Meta:
        index_name = "by_redemption"
        projection = AllProjection()

    redeemer = UnicodeAttribute(hash_key=True)
    redemption_seq = NumberAttribute(range_key=True)


class EntryItem(dynamo.Record):
    """One entry; its key is its cause. `body_hash`: digest of the request's content; `request`: of the member's
    Idempotency-Key; `commit_id` tells our own write from another's after a lost answer.

    An item without `seq` is not an entry but a place kept for one (`parked`): it is in no index and the stream's filter
    leaves it out.
    """

    class Meta:
        table_name = dynamo.table("journal")

    scope = UnicodeAttribute(hash_key=True)
    cause = UnicodeAttribute(range_key=True)
    member_id = UnicodeAttribute(null=True)
    seq = NumberAttribute(null=True)
    at = UnicodeAttribute(null=True)
    kind = UnicodeAttribute(null=True)
    points = NumberAttribute(null=True)
    balance_after = NumberAttribute(null=True)
    debt_after = NumberAttribute(null=True)
    pending = NumberAttribute(null=True)
    pending_after = NumberAttribute(null=True)
    tier_after = UnicodeAttribute(null=True)
    rulebook_version = NumberAttribute(null=True)
    lines = CompactJSON(null=True)
    moves = CompactJSON(null=True)
    facts = CompactJSON(null=True)
    body_hash = UnicodeAttribute(null=True)
    commit_id = UnicodeAttribute(null=True)
    request = UnicodeAttribute(null=True)
    redeemer = UnicodeAttribute(null=True)
    redemption_seq = NumberAttribute(null=True)
    parked = CompactJSON(null=True)
    revision = NumberAttribute(null=True)
    by_seq = BySeq()
    by_redemption = ByRedemption()
