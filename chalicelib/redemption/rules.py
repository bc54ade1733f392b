"""The room's own pure rules: how pieces lie in shards, what a redemption is called, what an address may hold."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

from chalicelib.shared.ids import digest

Mode = Literal["none", "total", "month", "codes"]
REDEMPTION_ID = re.compile(r"R[0-9A-F]{18}")
MAX_LINE = 100
# Letters that are drawn as nothing.
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"
# What a page, a label printer or a spreadsheet would take for more than text.
_ACTIVE = frozenset("<>\"'`{}$\\|")
_FORMULA = ("=", "+", "-", "@")


# What stands for the part of a code that support does not see, however long it is.
_MASK = "••••"
# Joins the parts of one picture; every other letter that is drawn as nothing could hide what a text says.
_JOINER = "\u200d"


def period(mode: Mode, today: date) -> str:
    """Which stock an offer sells from on that business day: a month's own, or the one of all time."""
    return f"{today:%Y-%m}" if mode == "month" else "all"


def redemption_id(member_id: str, key: str) -> str:
    """A redemption is called by who asked for it and under which Idempotency-Key, so that a repeat finds it."""
    return "R" + digest(f"{member_id}#{key}", 18).upper()


def scope_of(redemption_id: str) -> str:
    """Where the entries of a redemption lie."""
    return f"redemption#{redemption_id}"


def split(pieces: int, shards: int) -> list[int]:
    """So many pieces over so many shards, the remainder on the first ones."""
    each, rest = divmod(pieces, shards)
    return [each + (shard < rest) for shard in range(shards)]


def chosen(left: Sequence[int], home: int, pieces: int) -> dict[int, int] | None:
    """shard → pieces to take: from the home shard on, round the ring, as many as each has; None when all of them
    together have too few."""
    taken: dict[int, int] = {}
    for step in range(len(left)):
        shard = (home + step) % len(left)
        part = min(left[shard], pieces - sum(taken.values()))
        if part > 0:
            taken[shard] = part
    return taken if sum(taken.values()) == pieces else None


def spread(left: Sequence[int], change: int) -> list[int]:
    """By how much each shard changes when there are `change` more pieces, or fewer: then the fullest give first.
    `left` has at least as many as are taken away."""
    if change >= 0:
        return split(change, len(left))
    after = list(left)
    missing = -change
    while missing:
        fullest = max(range(len(after)), key=lambda shard: after[shard])
        # Down to the second fullest in one go, or to what is missing.
        others = max((n for shard, n in enumerate(after) if shard != fullest), default=0)
        part = min(missing, max(1, after[fullest] - others))
        after[fullest] -= part
        missing -= part
    return [now - before for now, before in zip(after, left, strict=True)]


def going_back(stock: Mapping[str, int], pieces: int) -> dict[str, int]:
    """shard → pieces that go back there, the last taken first, of those that have not gone back yet."""
    found: dict[str, int] = {}
    for shard, taken in sorted(stock.items(), reverse=True):
        part = min(taken, pieces - sum(found.values()))
        if part > 0:
            found[shard] = part
    return found


def clean_line(text: str, most: int = MAX_LINE) -> str | None:
    """A line of an address, trimmed and normalised; None when it is empty or too long, or holds what would be more than
    text on a page, a label or in a spreadsheet."""
    text = unicodedata.normalize("NFKC", text).strip()
    # Not Cn: to this Python a rare character of somebody's name may be newer than its Unicode tables.
    controlling = any(unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") for letter in text)
    visible = any(unicodedata.category(letter)[0] in "LNC" and letter not in _BLANK for letter in text)
    active = text.startswith(_FORMULA) or any(letter in _ACTIVE for letter in text)
    return text if visible and not (controlling or active) and len(text) <= most else None


def clean_text(text: str) -> str | None:
    """What a member wrote, with lines as they are, trimmed; None when there is nothing to be seen in it, or something
    that controls how it is shown."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    controlling = any(
        unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") and letter not in ("\n", _JOINER)
        for letter in text
    )
    visible = any(
        unicodedata.category(letter)[0] in "LNPSC" and letter not in (*_BLANK, "\n", _JOINER) for letter in text
    )
    return text if visible and not controlling else None


def masked(code: str) -> str:
    """A code as support sees it: enough of its end to compare it with what a member reads out."""
    return _MASK + code[len(code) - min(4, len(code) // 4) :]


def home(member_id: str, shards: int) -> int:
    """The shard a member begins at, always the same one."""
    return int(digest(member_id, 8), 16) % shards
