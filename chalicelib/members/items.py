"""The members table: everything about a member that is not the account. Private to the room."""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.shared import dynamo


class SessionItem(dynamo.Record):
    """One logged-in device. Only digests of its refresh tokens are kept: the current one and the one before."""

    class Meta:
        table_name = dynamo.table("members")

    id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True)
    created_at = UnicodeAttribute()
    current = UnicodeAttribute()
    previous = UnicodeAttribute(null=True)
    rotated_at = NumberAttribute()
    expires_at = NumberAttribute()


class PhoneItem(dynamo.Record):
    """A member's phone number: id = member id, kind = `phone`."""

    class Meta:
        table_name = dynamo.table("members")

    id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True, default="phone")
    e164 = UnicodeAttribute()
    bound_at = UnicodeAttribute()


class PhoneOwnerItem(dynamo.Record):
    """Whose a phone number is: id = `phone#<digest>`, kind = `owner`. An empty member_id: given up."""

    class Meta:
        table_name = dynamo.table("members")

    id = UnicodeAttribute(hash_key=True)
    kind = UnicodeAttribute(range_key=True, default="owner")
    member_id = UnicodeAttribute(default="")
