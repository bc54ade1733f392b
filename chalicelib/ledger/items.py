"""How accounts and entries lie in DynamoDB. Private to the ledger: nobody else writes these tables."""

from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from chalicelib.shared import dynamo


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


class AccountItem(Model):
    """One member: `id` is the member id, `seq` the version, `state` the rest of the account as compact JSON.
    `balance` and `debt` are repeated outside for operators' eyes and for `verify`."""

    class Meta(dynamo.TableMeta):
        table_name = dynamo.table("accounts")

    id = UnicodeAttribute(hash_key=True)
    seq = NumberAttribute()
    balance = NumberAttribute()
    debt = NumberAttribute()
    state = JSONAttribute()
    points_due_shard = UnicodeAttribute(null=True)
    points_due_on = UnicodeAttribute(null=True)
    tier_due_shard = UnicodeAttribute(null=True)
    tier_due_on = UnicodeAttribute(null=True)
    by_points_due = PointsDue()
    by_tier_due = TierDue()


class IdentityItem(Model):
    """Which member an outside identity is: `id` is `wechat#<openid>`."""

    class Meta(dynamo.TableMeta):
        table_name = dynamo.table("accounts")

    id = UnicodeAttribute(hash_key=True)
    member_id = UnicodeAttribute()


class BySeq(GlobalSecondaryIndex["EntryItem"]):
    class Meta:
        index_name = "by_seq"
        projection = AllProjection()

    member_id = UnicodeAttribute(hash_key=True)
    seq = NumberAttribute(range_key=True)


class EntryItem(Model):
    """One entry; its key is its cause. An item without `seq` is not an entry but a place kept for one (`parked`):
    it is in no index and the stream's filter leaves it out."""

    class Meta(dynamo.TableMeta):
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
    lines = JSONAttribute(null=True)
    moves = JSONAttribute(null=True)
    facts = JSONAttribute(null=True)
    body_hash = UnicodeAttribute(null=True)
    commit_id = UnicodeAttribute(null=True)
    parked = JSONAttribute(null=True)
    revision = NumberAttribute(null=True)
    by_seq = BySeq()
