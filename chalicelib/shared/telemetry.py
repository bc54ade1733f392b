"""Structured logs: one JSON object a line, personal data and secrets redacted by field name.

Metrics are CloudWatch's embedded metric format, so a count costs a log line and no call.
"""

import json
import sys
import time
import traceback
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

_REDACTED = frozenset(
    (
        "openid unionid session_key phone phone_number code authorization access_token refresh_token token "
        "secret signature password current_password new_password appsecret nickname avatar_url birthday address "
        "js_code e164 phonenumber purephonenumber client_ip"
    ).split()
)


def redact(value: Any) -> Any:
    """The same structure with private fields replaced by `***`, at any depth."""
    if isinstance(value, dict):
        return {k: "***" if str(k).lower() in _REDACTED else redact(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


def log(event: str, **fields: Any) -> None:
    """Writes one line to standard output, which Lambda sends to CloudWatch Logs."""
    line = {"event": event, **redact(fields)}
    sys.stdout.write(json.dumps(line, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: Any) -> str:
    # The text of any other object may hold what its fields hold.
    return str(value) if isinstance(value, date | Decimal | Enum) else type(value).__name__


def count(name: str, value: int = 1, **dimensions: str) -> None:
    """One CloudWatch metric in namespace `membership`."""
    keys = sorted(dimensions)
    definition = {
        "Namespace": "membership",
        "Dimensions": [keys],
        "Metrics": [{"Name": name, "Unit": "Count"}],
    }
    # Without a time stamp CloudWatch keeps the line and ignores the metric.
    metadata = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [definition]}
    log("metric", _aws=metadata, **{name: value}, **dimensions)


def log_failure(error: BaseException, **fields: Any) -> None:
    """An unexpected exception: its type and where. Its message may quote personal data, so it stays out."""
    frames = [
        f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-8:]
    ]
    log("failure", error=type(error).__name__, at=frames, **fields)
