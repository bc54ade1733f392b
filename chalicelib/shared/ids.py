"""Identifiers. Made once, at the rim or on creation; never inside the engine."""

import hashlib
import re
import secrets

# Crockford's base 32: no I, L, O, U, so that an id read aloud cannot be misheard.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

# What merchants may use in order, refund and event ids. `#` separates the parts of a cause, so it is not among them.
NATURAL_KEY = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._:\-]{0,63}$")


def random_code(length: int) -> str:
    """`length` random characters, 5 bits each."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_member_id() -> str:
    """90 random bits: unguessable, says nothing about when the member joined."""
    return "M" + random_code(18)


def digest(text: str, length: int = 32) -> str:
    """The first `length` hex digits of SHA-256, for keys derived from something long or private."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]
