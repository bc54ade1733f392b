"""Short-lived records: a nonce used once, a login code's outcome, how often a password was tried.

One table with a DynamoDB TTL. The TTL only tidies up: every reader compares `expires_at` itself.
"""

from datetime import datetime

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError, UpdateError

from chalicelib.shared import dynamo


class Guard(dynamo.Record):
    class Meta:
        table_name = dynamo.table("guard")

    id = UnicodeAttribute(hash_key=True)
    expires_at = NumberAttribute()
    value = UnicodeAttribute(null=True)
    tries = NumberAttribute(default=0)


def use_once(key: str, owner: str, now: datetime, seconds: int) -> bool:
    """True when `key` was not used by anyone else within `seconds`. `owner` is unique to the request, so the SDK's
    retry of this very put, after a lost answer, is recognised as our own."""
    stamp = int(now.timestamp())
    item = Guard(id=key, expires_at=stamp + seconds, value=owner)
    try:
        item.save(Guard.id.does_not_exist() | (Guard.expires_at <= stamp) | (Guard.value == owner))
    except PutError as error:
        if dynamo.is_condition_failure(error):
            return False
        raise dynamo.as_refusal(error) from error
    return True


def memory(key: str, value: str, now: datetime, seconds: int) -> Guard:
    """What `recall` finds under `key` for `seconds` once it is saved."""
    return Guard(id=key, expires_at=int(now.timestamp()) + seconds, value=value)


def remember(key: str, value: str, now: datetime, seconds: int) -> None:
    """Keeps `value` under `key` for `seconds`."""
    try:
        memory(key, value, now, seconds).save()
    except PutError as error:
        raise dynamo.as_refusal(error) from error


def recall(key: str, now: datetime) -> str | None:
    """What `remember` kept, unless it has expired."""
    try:
        item = Guard.get(key, consistent_read=True)
    except Guard.DoesNotExist:
        return None
    return item.value if item.expires_at > now.timestamp() else None


def count_try(key: str, now: datetime, window_seconds: int) -> int:
    """Counts one try in the current fixed window and returns the count so far.

    An ADD repeated after a lost answer counts twice: for a throttle that errs on the strict side, by one.
    """
    window = int(now.timestamp()) // window_seconds
    item = Guard(id=f"{key}#{window}")
    try:
        item.update([Guard.tries.add(1), Guard.expires_at.set((window + 1) * window_seconds)])
    except UpdateError as error:
        raise dynamo.as_refusal(error) from error
    return int(item.tries)
