"""The room's own pure rules: what a refresh token looks like, what a profile may hold."""

import re
import unicodedata
from calendar import monthrange
from dataclasses import dataclass

MAX_NICKNAME = 32
INVITE_CODE = re.compile(r"[0-9A-Z]{4,16}")
_REFRESH = re.compile(r"R\.(M[0-9A-Z]{18})\.([0-9A-Z]{12})\.([0-9A-Z]{32})")


@dataclass(frozen=True)
class RefreshToken:
    """`R.<member>.<session>.<secret>`: says which session it belongs to, proves it by the secret."""

    member_id: str
    session_id: str
    secret: str

    def __str__(self) -> str:
        return f"R.{self.member_id}.{self.session_id}.{self.secret}"


def parse_refresh(text: str) -> RefreshToken | None:
    """The token, if it has the shape of one."""
    found = _REFRESH.fullmatch(text)
    return RefreshToken(*found.groups()) if found else None


def clean_nickname(text: str) -> str | None:
    """The nickname trimmed and normalised; None when nothing of it can be seen, when it holds characters that control
    the text around it, or when it is longer than 32."""
    text = unicodedata.normalize("NFC", text).strip()
    # Not Cn: to this Python an emoji newer than its Unicode tables is unassigned.
    controlling = any(unicodedata.category(letter) in ("Cc", "Cs", "Co", "Zl", "Zp") for letter in text)
    overriding = any(letter in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069" for letter in text)
    visible = any(unicodedata.category(letter)[0] in "LNPSC" and not _is_blank(letter) for letter in text)
    return text if visible and not controlling and not overriding and len(text) <= MAX_NICKNAME else None


def _is_blank(letter: str) -> bool:
    """Format characters, and letters and symbols that are drawn as nothing."""
    return unicodedata.category(letter) == "Cf" or letter in "\u115f\u1160\u2800\u3164\uffa0"


def is_birthday(text: str) -> bool:
    """`MM-DD` of some year (29 February is)."""
    if not re.fullmatch(r"\d{2}-\d{2}", text, re.ASCII):
        return False
    month, day = int(text[:2]), int(text[3:])
    return 1 <= month <= 12 and 1 <= day <= monthrange(2024, month)[1]
