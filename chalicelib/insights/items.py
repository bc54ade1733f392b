"""Daily figures in the metrics table. Private to this room."""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.shared import dynamo


class MetricItem(dynamo.Record):
    """One shard of one figure: `day` is the business date, `kind` is `<kind>#<shard>`; of a benefit's uses
    `<kind>/<benefit>/<tier>#<shard>`."""

    class Meta:
        table_name = dynamo.table("metrics")

    day = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True)
    entries = NumberAttribute(default=0)
    points = NumberAttribute(default=0)
