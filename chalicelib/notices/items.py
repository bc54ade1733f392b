"""The notices table: a member's inbox, and the receipt of each notice. Private to the room."""

from pynamodb.attributes import JSONAttribute, UnicodeAttribute

from chalicelib.shared import dynamo


class NoticeItem(dynamo.Record):
    """One notice, written with the entry of its cause or not at all. `at_id`, its instant and a digest of `cause`, is
    its id and orders the inbox.

    channels: [{channel, at, outcome}], every attempt to deliver it; the inbox counts as delivered when written.
    """

    class Meta:
        table_name = dynamo.table("notices")

    member_id = UnicodeAttribute(hash_key=True)
    at_id = UnicodeAttribute(range_key=True)
    cause = UnicodeAttribute()
    kind = UnicodeAttribute()
    at = UnicodeAttribute()
    title = JSONAttribute()
    body = JSONAttribute()
    channels = JSONAttribute()
    read_at = UnicodeAttribute(null=True)
