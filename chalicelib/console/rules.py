"""What an operator is called, and passwords: scrypt, its parameters kept beside each hash so that they can grow. Pure:
the salt is an argument."""

import hashlib
import hmac
import re
from base64 import b64decode, b64encode

# 16 MB and five passes: the second of OWASP's equivalent settings, chosen for small functions.
N, R, P, SALT_BYTES, HASH_BYTES = 2**14, 8, 5, 16, 32
MIN_PASSWORD = 12
NAME = re.compile(r"[a-z][a-z0-9._\-]{1,31}")
_MAX_MEMORY = 64 * 1024 * 1024


def hash_password(password: str, salt: bytes) -> str:
    """`scrypt$n$r$p$salt$hash`."""
    digest = _scrypt(password, salt, N, R, P)
    return f"scrypt${N}${R}${P}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def is_password(password: str, stored: str) -> bool:
    """Whether `password` is the one `stored` was made from; takes the same time either way."""
    _, n, r, p, salt, digest = stored.split("$")
    found = _scrypt(password, b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(found, b64decode(digest))


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MAX_MEMORY, dklen=HASH_BYTES)


# Checked when there is no such operator, so that a wrong name costs what a wrong password costs. No password has it.
NOBODY = f"scrypt${N}${R}${P}${b64encode(bytes(SALT_BYTES)).decode()}${b64encode(bytes(HASH_BYTES)).decode()}"
