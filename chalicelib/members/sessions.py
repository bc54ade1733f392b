"""Access and refresh tokens.

An access token lives two hours and is not stored. A refresh token lives 30 days, is good once, and only its digest is
kept. Using one that was already replaced means that two parties hold it: the session ends, for both. The exception is
the minute after a rotation, when the holder of the replaced token is most likely the member whose answer was lost: it
gets a new pair, and the pair it never received is replaced too, so whoever turns up with it ends the session.
"""

from dataclasses import dataclass
from datetime import datetime

from pynamodb.exceptions import DeleteError, PutError, QueryError

from chalicelib import ledger
from chalicelib.members.items import SessionItem
from chalicelib.members.rules import RefreshToken, parse_refresh
from chalicelib.shared import callers, dynamo, telemetry
from chalicelib.shared.clock import rfc3339
from chalicelib.shared.errors import Unauthorized
from chalicelib.shared.ids import digest, random_code

REFRESH_SECONDS = 30 * 86400
RETRY_SECONDS = 60
MAX_SESSIONS = 10


class RefreshRefused(Unauthorized):
    code = "REFRESH_REFUSED"
    message, message_zh = "This refresh token is not valid; log in again.", "登录已失效，请重新登录"


@dataclass(frozen=True)
class Tokens:
    access_token: str
    refresh_token: str
    expires_in: int = callers.ACCESS_SECONDS


def _digest(token: RefreshToken) -> str:
    return digest(token.secret, 64)


def _new_secret(member_id: str, session_id: str) -> RefreshToken:
    return RefreshToken(member_id, session_id, random_code(32))


def _save(item: SessionItem, condition: object = None) -> bool:
    try:
        item.save(condition)  # type: ignore[arg-type]
    except PutError as error:
        if dynamo.is_condition_failure(error):
            return False
        raise dynamo.as_refusal(error) from error
    return True


def start(member_id: str, now: datetime) -> Tokens:
    """A new session; the oldest go when there are too many."""
    token = _new_secret(member_id, random_code(12))
    stamp = int(now.timestamp())
    _save(
        SessionItem(
            member_id,
            f"session#{token.session_id}",
            created_at=rfc3339(now),
            current=_digest(token),
            rotated_at=stamp,
            expires_at=stamp + REFRESH_SECONDS,
        )
    )
    _drop_oldest(member_id, token.session_id)
    return Tokens(callers.sign_token("member", member_id, now), str(token))


def _drop_oldest(member_id: str, newest: str) -> None:
    try:
        found = list(SessionItem.query(member_id, SessionItem.kind.startswith("session#"), consistent_read=True))
        # The newest is named: others may have been used in the very same second.
        found.sort(key=lambda session: (session.kind == f"session#{newest}", session.rotated_at))
        for item in found[:-MAX_SESSIONS]:
            item.delete()
    except (QueryError, DeleteError) as error:
        raise dynamo.as_refusal(error) from error


def _find(text: str) -> tuple[RefreshToken, SessionItem]:
    token = parse_refresh(text)
    if token is None:
        raise RefreshRefused
    try:
        return token, SessionItem.get(token.member_id, f"session#{token.session_id}", consistent_read=True)
    except SessionItem.DoesNotExist as error:
        raise RefreshRefused from error


def refresh(text: str, now: datetime) -> Tokens:
    """A new pair for a refresh token. Raises RefreshRefused, and what the account says (erased, logged out)."""
    token, item = _find(text)
    stamp, known = int(now.timestamp()), _digest(token)
    if item.expires_at <= stamp:
        raise RefreshRefused
    is_retry = known == item.previous and stamp - item.rotated_at <= RETRY_SECONDS
    if known != item.current and not is_retry:
        # However long ago it was replaced: a session's id is known to nobody but those who held one of its tokens.
        telemetry.count("refresh_tokens_reused")
        item.delete()
        raise RefreshRefused
    session_began = datetime.fromisoformat(item.created_at)
    ledger.admit_reader(ledger.load(token.member_id), callers.Member(token.member_id, session_began))
    renewed = _new_secret(token.member_id, token.session_id)
    seen = item.current
    item.previous, item.current, item.expires_at = known, _digest(renewed), stamp + REFRESH_SECONDS
    if not is_retry:
        # A retry does not prolong its own minute.
        item.rotated_at = stamp
    if not _save(item, SessionItem.current == seen):
        # Another call with the same token was faster: this one is its retry, and comes again within the minute.
        return refresh(text, now)
    return Tokens(callers.sign_token("member", token.member_id, now), str(renewed))


def end(text: str) -> None:
    """Ends the session a refresh token belongs to. A token that is not valid any more ends nothing, without error."""
    try:
        token, item = _find(text)
    except RefreshRefused:
        return
    if _digest(token) in (item.current, item.previous):
        item.delete()
