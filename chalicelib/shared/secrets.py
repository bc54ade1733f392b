"""Secrets: JSON objects in Secrets Manager, cached for a minute so that a rotation is seen without a restart."""

import json
import time
from typing import Any

from chalicelib.shared import aws

_CACHE_SECONDS, _RENEW_SECONDS = 60.0, 2.0
_cache: dict[str, tuple[float, dict[str, Any]]] = {}


def read(name: str) -> dict[str, Any]:
    """The secret's JSON object."""
    cached = _cache.get(name)
    if cached and time.monotonic() - cached[0] < _CACHE_SECONDS:
        return cached[1]
    text = aws.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    value: dict[str, Any] = json.loads(text)
    _cache[name] = (time.monotonic(), value)
    return value


def key(name: str, key_id: str) -> Any:
    """One key of the secret; None when there is none. A key not known is looked for anew, since it may have been made a
    moment ago; at most every few seconds, since whoever asks may be anybody."""
    found = read(name).get(key_id)
    if found is None and time.monotonic() - _cache[name][0] >= _RENEW_SECONDS:
        del _cache[name]
        found = read(name).get(key_id)
    return found


def write(name: str, value: dict[str, Any]) -> None:
    """Replaces the secret's value. Other containers see it within a minute."""
    aws.client("secretsmanager").put_secret_value(SecretId=name, SecretString=json.dumps(value))
    _cache[name] = (time.monotonic(), value)


def forget() -> None:
    """Drops the cache: before a secret is shown or changed, and between tests."""
    _cache.clear()
