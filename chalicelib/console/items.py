"""Operators in the console table. Private to this room."""

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from chalicelib.shared import dynamo

OPERATORS = "operators"


class OperatorItem(dynamo.Record):
    """One operator. All lie under one hash key, since there are few and they are listed together; `kind` is the name.

    Operators are disabled, never deleted: the audit trail names them forever, so a name is never given to another.
    """

    class Meta:
        table_name = dynamo.table("console")

    id = UnicodeAttribute(hash_key=True, default=OPERATORS)
    kind = UnicodeAttribute(range_key=True)
    role = UnicodeAttribute()
    password = UnicodeAttribute()
    disabled = BooleanAttribute(default=False)
    created_at = UnicodeAttribute()
    created_by = UnicodeAttribute()
    password_changed_at = UnicodeAttribute()
