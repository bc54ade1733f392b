"""Keys in Secrets Manager: the merchants' signing keys, the keys that sign our tokens, and those that seal codes.

Secrets Manager has no conditional write, so a change is made under a short lock: two at once would lose one. The audit
record is written first; better a record of something that then failed than a key nobody accounts for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.exceptions import PutError

from chalicelib.shared import audit, dynamo, guard, secrets
from chalicelib.shared.clock import rfc3339
from chalicelib.shared.config import settings
from chalicelib.shared.errors import Conflict, NotFound
from chalicelib.shared.ids import random_code

MAX_MERCHANT_KEYS = 2
_LOCK_SECONDS = 60


class TooManyKeys(Conflict):
    code = "TOO_MANY_KEYS"
    message, message_zh = "Two keys are valid already; delete one first.", "最多同时存在两个密钥，请先删除一个"


class KeyUnknown(NotFound):
    code = "KEY_UNKNOWN"
    message, message_zh = "There is no such key.", "没有这个密钥"


class KeyInUse(Conflict):
    code = "KEY_IN_USE"
    message, message_zh = "This key is signing tokens now; let another take over first.", "该密钥正在使用"


class KeysBusy(Conflict):
    code, retryable = "KEYS_BUSY", True
    message, message_zh = "Someone else is changing keys; try again.", "他人正在修改密钥，请稍后重试"


@dataclass(frozen=True)
class MerchantKey:
    """`secret` is filled once, in the answer to its creation."""

    key_id: str
    created_at: str
    secret: str = ""


def merchant_keys() -> list[MerchantKey]:
    """The valid keys, oldest first, without their secrets."""
    secrets.forget()
    keys = secrets.read(settings().merchant_secret)
    found = [MerchantKey(key_id, str(key.get("created_at", ""))) for key_id, key in keys.items()]
    return sorted(found, key=lambda key: (key.created_at, key.key_id))


def add_merchant_key(actor: str, now: datetime) -> MerchantKey:
    """A new key; running functions accept it within a minute. Raises TooManyKeys when two are valid."""
    key = MerchantKey(f"mk_{random_code(12)}", rfc3339(now), random_code(40))
    with _editing(settings().merchant_secret, now) as keys:
        if len(keys) >= MAX_MERCHANT_KEYS:
            raise TooManyKeys
        _record(actor, "merchant-key.create", key.key_id, now)
        keys[key.key_id] = {"secret": key.secret, "created_at": key.created_at}
    return key


def delete_merchant_key(key_id: str, actor: str, now: datetime) -> None:
    """Ends a key; running functions refuse it within a minute. Raises KeyUnknown."""
    with _editing(settings().merchant_secret, now) as keys:
        if key_id not in keys:
            raise KeyUnknown
        _record(actor, "merchant-key.delete", key_id, now)
        del keys[key_id]


# Token keys are rotated by whoever deploys, in three steps with a wait after each: add (a minute, until every function
# knows the key), use (as long as a token lives), remove.


def add_token_key(actor: str, now: datetime) -> str:
    """A new key that verifies tokens but signs none yet. Returns its id."""
    return _add(settings().token_secret, "token-key.add", actor, now)


def use_token_key(kid: str, actor: str, now: datetime) -> None:
    """Makes `kid` the key that signs. Raises KeyUnknown."""
    _use(settings().token_secret, "token-key.use", kid, actor, now)


def remove_token_key(kid: str, actor: str, now: datetime) -> None:
    """Ends a key and every token it signed. Raises KeyUnknown, or KeyInUse while it is the one that signs."""
    with _editing(settings().token_secret, now) as keys:
        _known(keys, kid)
        if keys["current"] == kid:
            raise KeyInUse
        _record(actor, "token-key.remove", kid, now)
        del keys[kid]


# Keys that seal codes are rotated in two steps: add, use. None is removed: it opens what it has sealed.


def add_codes_key(actor: str, now: datetime) -> str:
    """A new key that seals nothing yet. Returns its id."""
    return _add(settings().codes_secret, "codes-key.add", actor, now)


def use_codes_key(kid: str, actor: str, now: datetime) -> None:
    """Makes `kid` the key that seals. Raises KeyUnknown."""
    _use(settings().codes_secret, "codes-key.use", kid, actor, now)


def _add(secret: str, action: str, actor: str, now: datetime) -> str:
    kid = f"k{rfc3339(now)[:10].replace('-', '')}-{random_code(6)}"
    with _editing(secret, now) as keys:
        _record(actor, action, kid, now)
        keys[kid] = random_code(64)
    return kid


def _use(secret: str, action: str, kid: str, actor: str, now: datetime) -> None:
    with _editing(secret, now) as keys:
        _known(keys, kid)
        _record(actor, action, kid, now)
        keys["current"] = kid


def _known(keys: dict[str, Any], kid: str) -> None:
    if kid == "current" or kid not in keys:
        raise KeyUnknown


@contextmanager
def _editing(secret: str, now: datetime) -> Iterator[dict[str, Any]]:
    """The secret's present value, for one editor at a time; written back when the block ends well."""
    lock = f"lock#{secret}"
    if not guard.use_once(lock, random_code(16), now, _LOCK_SECONDS):
        raise KeysBusy
    try:
        secrets.forget()
        value = dict(secrets.read(secret))
        yield value
        secrets.write(secret, value)
    finally:
        guard.remember(lock, "", now, 0)  # expired at once: the next editor may enter


def _record(actor: str, action: str, target: str, now: datetime) -> None:
    try:
        audit.record(actor, action, target, {}, now).save()
    except PutError as error:
        raise dynamo.as_refusal(error) from error
