"""The clocks table: test clocks, and which members each of them moves. Empty in a live stage. Private to the room."""

from pynamodb.attributes import JSONAttribute, UnicodeAttribute

from chalicelib.shared import dynamo


class ClockItem(dynamo.Record):
    """A test clock: id = `clock#<clock_id>`. `frozen_at` is the instant it shows, as `rfc3339` writes it."""

    class Meta:
        table_name = dynamo.table("clocks")

    id = UnicodeAttribute(hash_key=True)
    frozen_at = UnicodeAttribute()
    members = JSONAttribute()


class ClaimItem(dynamo.Record):
    """Whose clock a member follows: id = `member#<member_id>`. Written with the clock, once: nobody follows two."""

    class Meta:
        table_name = dynamo.table("clocks")

    id = UnicodeAttribute(hash_key=True)
    clock_id = UnicodeAttribute()
