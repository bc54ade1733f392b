"""Every table, as data: keys, indexes, stream, TTL. The data stack and the tests' tables are made from this."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Index:
    """A global secondary index."""

    name: str
    hash_key: str
    range_key: str
    projection: str = "ALL"


@dataclass(frozen=True)
class Table:
    """`keys` maps every key attribute, of the table and its indexes, to its type (S or N)."""

    name: str
    hash_key: str
    range_key: str | None
    keys: dict[str, str]
    indexes: tuple[Index, ...] = ()
    stream: str | None = None
    ttl: str | None = None
    tags: dict[str, str] = field(default_factory=dict)


TABLES = (
    Table(
        "accounts",
        "id",
        None,
        {
            "id": "S",
            "points_due_shard": "S",
            "points_due_on": "S",
            "tier_due_shard": "S",
            "tier_due_on": "S",
            "hold_due_shard": "S",
            "hold_due_at": "S",
        },
        (
            Index("by_points_due", "points_due_shard", "points_due_on", "KEYS_ONLY"),
            Index("by_tier_due", "tier_due_shard", "tier_due_on", "KEYS_ONLY"),
            Index("by_hold_due", "hold_due_shard", "hold_due_at", "KEYS_ONLY"),
        ),
        stream="NEW_IMAGE",
    ),
    Table(
        "journal",
        "scope",
        "cause",
        {"scope": "S", "cause": "S", "member_id": "S", "seq": "N", "redeemer": "S", "redemption_seq": "N"},
        (Index("by_seq", "member_id", "seq"), Index("by_redemption", "redeemer", "redemption_seq")),
        stream="NEW_IMAGE",
    ),
    Table("members", "id", "kind", {"id": "S", "kind": "S"}),
    Table("rulebook", "kind", "version", {"kind": "S", "version": "N"}),
    Table("console", "id", "kind", {"id": "S", "kind": "S"}),
    Table("metrics", "day", "kind", {"day": "S", "kind": "S"}),
    Table("clocks", "id", None, {"id": "S"}),
    Table("jobs", "id", "kind", {"id": "S", "kind": "S"}, ttl="expires_at"),
    Table(
        "redemption",
        "id",
        "kind",
        {"id": "S", "kind": "S", "work": "S", "work_at": "S"},
        (Index("by_work", "work", "work_at"),),
    ),
    # Draws are kept for good: no TTL.
    Table(
        "lottery",
        "id",
        "kind",
        {"id": "S", "kind": "S", "drawer": "S"},
        (Index("by_member", "drawer", "kind"),),
    ),
    Table(
        "coupons",
        "id",
        "kind",
        {"id": "S", "kind": "S", "code": "S", "due_shard": "S", "due_on": "S"},
        (
            Index("by_code", "code", "kind", "KEYS_ONLY"),
            Index("by_due", "due_shard", "due_on", "KEYS_ONLY"),
        ),
    ),
    Table("notices", "member_id", "at_id", {"member_id": "S", "at_id": "S"}),
    Table("guard", "id", None, {"id": "S"}, ttl="expires_at"),
    Table("audit", "day", "at_id", {"day": "S", "at_id": "S"}),
)


def create_table_arguments(table: Table, physical_name: str) -> dict[str, object]:
    """Arguments of DynamoDB's CreateTable, shared by CloudFormation and the tests."""
    arguments: dict[str, object] = {
        "TableName": physical_name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": n, "AttributeType": t} for n, t in sorted(table.keys.items())],
        "KeySchema": _schema(table.hash_key, table.range_key),
    }
    if table.indexes:
        arguments["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index.name,
                "KeySchema": _schema(index.hash_key, index.range_key),
                "Projection": {"ProjectionType": index.projection},
            }
            for index in table.indexes
        ]
    if table.stream:
        arguments["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.stream}
    return arguments


def _schema(hash_key: str, range_key: str | None) -> list[dict[str, str]]:
    schema = [{"AttributeName": hash_key, "KeyType": "HASH"}]
    return [*schema, {"AttributeName": range_key, "KeyType": "RANGE"}] if range_key else schema
