"""The room's own pure rules: what a draw is called, and where it stands in its day."""

import re

from chalicelib.shared.ids import digest

DRAW_ID = re.compile(r"D[0-9A-F]{18}")
LOTTERY = re.compile(r"[a-z][a-z0-9_]{0,31}")
# A place in a list of draws: its instant and its id.
PLACE = re.compile(r"[0-9TZ:.\-]{20,27}#" + DRAW_ID.pattern)


def draw_id(member_id: str, key: str) -> str:
    """A draw is called by who drew and under which Idempotency-Key, so that a repeat finds it."""
    return "D" + digest(f"{member_id}#{key}", 18).upper()
