"""Who is calling: members and operators by signed token, merchants by HMAC signature.

Tokens are JWTs (HS256) whose header names the key (`kid`); the secret holds every key still accepted and which one
signs, so a rotation adds a key, waits out the longest life, and removes the old one.
"""

import hashlib
import hmac
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.shared import guard, secrets
from chalicelib.shared.config import settings
from chalicelib.shared.errors import Forbidden, TokenExpired, Unauthorized
from chalicelib.shared.ids import random_code

ACCESS_SECONDS = 2 * 3600
FRESH_SECONDS = 300
# A request stamped 300 seconds ahead is still fresh 600 seconds later, to the second.
NONCE_SECONDS = 2 * FRESH_SECONDS + 1
ROLES = ("owner", "operator", "analyst", "support")


@dataclass(frozen=True)
class Anonymous:
    """No credentials were asked for."""

    name: str = "anonymous"


@dataclass(frozen=True)
class Member:
    """A logged-in member; `issued_at` lets a command refuse tokens older than the member's last log-out everywhere."""

    member_id: str
    issued_at: datetime

    @property
    def name(self) -> str:
        return f"member:{self.member_id}"


@dataclass(frozen=True)
class Merchant:
    key_id: str

    @property
    def name(self) -> str:
        return f"merchant:{self.key_id}"


@dataclass(frozen=True)
class Operator:
    operator_id: str
    role: str

    @property
    def name(self) -> str:
        return f"operator:{self.operator_id}"


Caller = Anonymous | Member | Merchant | Operator


def _stamp(now: datetime) -> float:
    """When a token was issued, to the millisecond: what ended all tokens a moment later must find it older."""
    return int(now.timestamp() * 1000) / 1000


def _jwt() -> Any:
    """PyJWT, imported by whoever needs it first. Without `cryptography`, which it loads, where it is installed, for
    algorithms that are not used here, and which takes nearly as long again: only codes need that, and load it later."""
    hidden = not {"jwt", "cryptography"} & set(sys.modules)
    if hidden:
        sys.modules["cryptography"] = None  # type: ignore[assignment]
    try:
        import jwt
    finally:
        if hidden:
            del sys.modules["cryptography"]
    return jwt


def sign_token(kind: str, subject: str, now: datetime, seconds: int = ACCESS_SECONDS, **claims: Any) -> str:
    """A signed token of `kind` (`member` or `operator`) for `subject`."""
    keys = secrets.read(settings().token_secret)
    kid = keys["current"]
    body = {
        "typ": kind, "sub": subject, "iat": _stamp(now),
        "exp": int((now + timedelta(seconds=seconds)).timestamp()), **claims,
    }  # fmt: skip
    return str(_jwt().encode(body, keys[kid], algorithm="HS256", headers={"kid": kid}))


def _claims(kind: str, authorization: str | None, now: datetime) -> dict[str, Any]:
    jwt = _jwt()
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthorized
    try:
        kid = str(jwt.get_unverified_header(token).get("kid", ""))
        key = secrets.key(settings().token_secret, kid) if kid != "current" else None
        if not key:
            raise Unauthorized
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=["HS256"],
            options={"require": ["exp", "iat", "sub"], "verify_exp": False, "verify_iat": False},
        )  # fmt: skip
    except jwt.PyJWTError as error:
        raise Unauthorized from error
    if claims.get("typ") != kind:
        raise Unauthorized
    # Compared with our own clock argument rather than the library's, so that tests can move time.
    if claims["exp"] <= now.timestamp():
        raise TokenExpired
    return claims


def member_from(authorization: str | None, now: datetime) -> Member:
    """The member a bearer token names. Raises Unauthorized or TokenExpired."""
    claims = _claims("member", authorization, now)
    return Member(claims["sub"], datetime.fromtimestamp(claims["iat"], now.tzinfo))


class OperatorDisabled(Unauthorized):
    code = "OPERATOR_DISABLED"
    message, message_zh = "This login has ended; log in again.", "账号已停用或权限已变更，请重新登录"


def tokens_ended(operator_id: str, now: datetime) -> guard.Guard:
    """The mark that ends every token the operator holds, to be saved with what ended them: a change of role or
    password, or disabling."""
    return guard.memory(f"operator#{operator_id}", str(_stamp(now)), now, ACCESS_SECONDS)


def operator_from(authorization: str | None, now: datetime, roles: tuple[str, ...]) -> Operator:
    """The operator a bearer token names: one read, since a disabled operator stops at once and not when the token runs
    out. Raises Unauthorized, Forbidden when the role may not do this, OperatorDisabled."""
    claims = _claims("operator", authorization, now)
    operator = Operator(claims["sub"], str(claims.get("role")))
    if operator.role not in roles:
        raise Forbidden
    ended = guard.recall(f"operator#{operator.operator_id}", now)
    if ended and claims["iat"] <= float(ended):
        raise OperatorDisabled
    return operator


_SIGNED = re.compile(
    r"HMAC-SHA256 key_id=(?P<key_id>[A-Za-z0-9_\-]{1,64}),timestamp=(?P<timestamp>[0-9]{1,12}),"
    r"nonce=(?P<nonce>[!-+\--~]{16,64}),signature=(?P<signature>[0-9A-Fa-f]{64})"
)


def signature(secret: str, method: str, path_and_query: str, timestamp: str, nonce: str, body: bytes) -> str:
    """Hex HMAC-SHA256 over METHOD, PATH?QUERY, TIMESTAMP, NONCE and hex(sha256(body)), one a line."""
    text = "\n".join([method, path_and_query, timestamp, nonce, hashlib.sha256(body).hexdigest()])
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def merchant_from(authorization: str | None, method: str, paths: Sequence[str], body: bytes, now: datetime) -> Merchant:
    """The merchant whose key signed this very request; `paths` are the ways its path and query may have been written.
    Raises Unauthorized: stale, replayed, tampered, unknown key."""
    found = _SIGNED.fullmatch(re.sub(r",\s+", ",", authorization or ""))
    if not found:
        raise Unauthorized
    key_id, stamp, nonce = found["key_id"], found["timestamp"], found["nonce"]
    if abs(now.timestamp() - int(stamp)) > FRESH_SECONDS:
        raise Unauthorized([{"field": "timestamp", "problem": "further than 300 seconds from our clock"}])
    key = secrets.key(settings().merchant_secret, key_id)
    # Compute before looking at the key, so that an unknown key takes as long as a wrong signature.
    secret, given = key["secret"] if key else "-", found["signature"].lower()
    signed = [hmac.compare_digest(signature(secret, method, path, stamp, nonce, body), given) for path in paths]
    if not any(signed) or not key:
        raise Unauthorized
    if not guard.use_once(f"nonce#{key_id}#{nonce}", random_code(16), now, NONCE_SECONDS):
        raise Unauthorized([{"field": "nonce", "problem": "already used"}])
    return Merchant(key_id)
