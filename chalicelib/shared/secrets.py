"""Secrets: JSON objects in Secrets Manager, cached for a minute so that a rotation is seen without a restart."""

import json
import time
from typing import Any

from chalicelib.shared import aws

_CACHE_SECONDS = 60.0
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


def write(name: str, value: dict[str, Any]) -> None:
    """Replaces the secret's value. Other containers see it within a minute."""
    aws.client("secretsmanager").put_secret_value(SecretId=name, SecretString=json.dumps(value))
    _cache[name] = (time.monotonic(), value)


def forget() -> None:
    """Drops the cache: after a key was not found, and between tests."""
    _cache.clear()
