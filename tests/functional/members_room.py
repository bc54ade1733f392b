"""What the members' tests share: erasing a member, reading what WeChat was asked, telling what was issued where."""

from chalicelib import ledger
from chalicelib.engine.events import Cause, StatusChanged
from chalicelib.engine.process import process
from chalicelib.rulebook import store
from tests.harness.api import Api, Member, Reply

REFRESH = "/v1/auth/refresh"


def erase(api: Api, member: Member) -> None:
    """Marks the member's account erased."""
    event = StatusChanged(Cause(member.member_id, "erasure"), status="erased")
    published = store.current(api.clock.now)
    ledger.execute(
        member.member_id,
        lambda account: process(published, account, event, api.clock.now),
        cause=event.cause,
        body_hash="erasure",
    )


def refresh(api: Api, refresh_token: str) -> Reply:
    """A new pair for that token, or the refusal."""
    return api.call("POST", REFRESH, {"refresh_token": refresh_token})


def act(api: Api, member: Member, method: str, path: str, body: object = None, key: str | None = None) -> Reply:
    """One write of a member, under a fresh Idempotency-Key unless told."""
    return api.call(method, path, body, token=member.token, key=key or api.fresh())


def accept_privacy_policy(api: Api, member: Member) -> None:
    reply = act(api, member, "POST", "/v1/me/consents", {"name": "privacy_policy", "version": "1.0", "granted": True})
    assert reply.status == 200, reply
