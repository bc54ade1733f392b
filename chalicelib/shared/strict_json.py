"""JSON from outside, read strictly: what two readers could understand differently is refused, not guessed at."""

import json
import math
from typing import Any

from chalicelib.shared.errors import Malformed


def read(raw: bytes) -> Any:
    """The JSON value of a body. Raises Malformed: not UTF-8 or not JSON, NaN and the infinities (also as 1e999), a name
    twice in one object."""
    try:
        # A leading byte order mark is ignored, as RFC 8259 allows.
        text = raw.decode("utf-8-sig")
        return json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise Malformed from error


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("too large a number")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        # An order with two amounts has none.
        raise ValueError("a name twice in one object")
    return found
