"""What the linter finds."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["refuse", "confirm", "warn"]


@dataclass(frozen=True)
class Finding:
    """One remark. `refuse` stops publishing, `confirm` needs the typed phrase `confirm`, `warn` is advice.
    `path` leads to the place in the document, e.g. `earning.3.caps.0`."""

    code: str
    severity: Severity
    path: str
    message: str
    message_zh: str
    confirm: str = ""


def refuse(code: str, path: str, message: str, message_zh: str) -> Finding:
    """A finding that stops publishing."""
    return Finding(code, "refuse", path, message, message_zh)


def warn(code: str, path: str, message: str, message_zh: str) -> Finding:
    """Advice."""
    return Finding(code, "warn", path, message, message_zh)
