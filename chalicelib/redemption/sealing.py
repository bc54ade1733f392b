"""Codes at rest: sealed with AES-256-GCM, and known again by a keyed digest (docs/decisions/0016).

The secret holds keys by their ids, and under `current` the id of the one that seals. Each code tells which key sealed
it, so an older key still opens what it has sealed. A digest has to be the same for ever: it is keyed by the first key.
"""

import base64
import hmac
import os
from hashlib import sha256
from typing import Any

from chalicelib.shared import secrets
from chalicelib.shared.config import settings

FIRST_KEY = "k1"
NONCE_BYTES = 12
MARK_LENGTH = 24


def mark(offer_id: str, code: str) -> str:
    """What a code is called: the same code of the same offer has the same mark, and none tells the code."""
    secret = str(secrets.read(settings().codes_secret)[FIRST_KEY])
    return hmac.new(_derived(secret, "mark"), f"{offer_id}#{code}".encode(), sha256).hexdigest()[:MARK_LENGTH]


def seal(offer_id: str, mark: str, code: str) -> tuple[str, str]:
    """The id of the key, and the sealed code, which opens under this offer and mark alone."""
    found = secrets.read(settings().codes_secret)
    key_id, nonce = str(found["current"]), os.urandom(NONCE_BYTES)
    sealed = nonce + _cipher(str(found[key_id])).encrypt(nonce, code.encode(), _bound(offer_id, mark))
    return key_id, base64.b64encode(sealed).decode()


def unseal(offer_id: str, mark: str, key_id: str, sealed: str) -> str | None:
    """The code; None when it was changed, moved, or sealed by a key that is gone."""
    # Only here: whoever gives no codes does not wait for it in a cold start.
    from cryptography.exceptions import InvalidTag

    secret = secrets.key(settings().codes_secret, key_id)
    if not secret:
        return None
    try:
        content = base64.b64decode(sealed, validate=True)
        opened = _cipher(str(secret)).decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], _bound(offer_id, mark))
        return bytes(opened).decode()
    except (InvalidTag, ValueError):
        return None


def _cipher(secret: str) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(_derived(secret, "seal"))


def _derived(secret: str, purpose: str) -> bytes:
    """A key of 256 bits for one purpose alone."""
    return hmac.new(secret.encode(), purpose.encode(), sha256).digest()


def _bound(offer_id: str, mark: str) -> bytes:
    return f"{offer_id}#{mark}".encode()
