"""Access tokens live two hours; refresh tokens are good once, and one that turns up again ends its session."""

import base64
import json

import jwt
import pytest

from chalicelib.console import keys
from chalicelib.members import sessions
from chalicelib.members.items import SessionItem
from chalicelib.shared import callers, secrets
from chalicelib.shared.config import settings
from tests.functional.members_room import REFRESH, act, erase, refresh
from tests.harness.api import Api, Clock, Member, Reply

DAYS_30 = 30 * 86400


def me(api: Api, token: str) -> Reply:
    return api.call("GET", "/v1/me", token=token)


def refused(reply: Reply, code: str = "REFRESH_REFUSED") -> bool:
    return (reply.status, reply.code) == (401, code) and "refresh_token" not in reply.body


def log_out(api: Api, refresh_token: str) -> Reply:
    return api.call("POST", "/v1/auth/logout", {"refresh_token": refresh_token})


def sessions_of(member: Member) -> list[SessionItem]:
    return list(SessionItem.query(member.member_id, SessionItem.kind.startswith("session#")))


def test_an_access_token_is_good_for_two_hours_to_the_second(api: Api, clock: Clock) -> None:
    member = api.log_in()
    clock.pass_(seconds=7199)
    assert me(api, member.token).status == 200
    clock.pass_(seconds=1)
    late = me(api, member.token)
    assert (late.status, late.code) == (401, "TOKEN_EXPIRED")
    renewed = refresh(api, member.refresh_token)
    assert set(renewed.body) == {"access_token", "refresh_token", "expires_in"}
    assert me(api, renewed.body["access_token"]).status == 200


def test_each_refresh_replaces_the_token_and_its_thirty_days_begin_anew(api: Api, clock: Clock) -> None:
    token = api.log_in().refresh_token
    seen = {token}
    for _ in range(3):
        clock.pass_(seconds=DAYS_30 - 1)
        reply = refresh(api, token)
        assert reply.status == 200
        token = reply.body["refresh_token"]
        seen.add(token)
    assert len(seen) == 4
    clock.pass_(seconds=DAYS_30)
    assert refused(refresh(api, token))


def test_a_replaced_token_that_turns_up_again_ends_the_session_for_both_holders(api: Api, clock: Clock) -> None:
    for rotations in (1, 2, 3):
        first = token = api.log_in(f"ann-{rotations}").refresh_token
        for _ in range(rotations):
            clock.pass_(seconds=61)
            token = refresh(api, token).body["refresh_token"]
        clock.pass_(seconds=61)
        assert refused(refresh(api, first)), rotations
        assert refused(refresh(api, token)), rotations


def test_a_lost_answer_may_be_asked_for_again_within_a_minute(api: Api, clock: Clock) -> None:
    old = api.log_in().refresh_token
    refresh(api, old)
    clock.pass_(seconds=60)
    again = refresh(api, old)
    assert again.status == 200
    clock.pass_(seconds=3600)
    assert refresh(api, again.body["refresh_token"]).status == 200


def test_the_minute_of_a_lost_answer_ends_and_is_not_prolonged_by_retries(api: Api, clock: Clock) -> None:
    late, retried = api.log_in("ann").refresh_token, api.log_in("ben").refresh_token
    refresh(api, late)
    refresh(api, retried)
    clock.pass_(seconds=59)
    assert refresh(api, retried).status == 200
    clock.pass_(seconds=2)
    assert refused(refresh(api, late))
    assert refused(refresh(api, retried))


def test_the_pair_that_was_given_up_as_lost_ends_the_session_when_it_turns_up(api: Api, clock: Clock) -> None:
    old = api.log_in().refresh_token
    lost = refresh(api, old).body["refresh_token"]
    kept = refresh(api, old).body["refresh_token"]
    clock.pass_(seconds=10)
    assert refused(refresh(api, lost))
    assert refused(refresh(api, kept))


def test_one_session_s_end_leaves_the_member_s_other_sessions_alone(api: Api, clock: Clock) -> None:
    phone, tablet = api.log_in(), api.log_in()
    clock.pass_(seconds=61)
    assert refresh(api, phone.refresh_token).status == 200
    clock.pass_(seconds=61)
    assert refused(refresh(api, phone.refresh_token))
    assert refresh(api, tablet.refresh_token).status == 200


def test_what_is_not_a_refresh_token_of_ours_is_refused(api: Api) -> None:
    ann, ben = api.log_in("ann"), api.log_in("ben")
    prefix, member_id, session, secret = ann.refresh_token.split(".")
    for text, status in (
        ("x", 401),
        ("R...", 401),
        (ann.token, 422),  # longer than any refresh token
        (ann.refresh_token + "\n", 401),
        (ann.refresh_token.lower(), 401),
        (f"{prefix}.{member_id}.{session[::-1]}.{secret}", 401),
        (f"{prefix}.{ben.member_id}.{session}.{secret}", 401),
        ("", 422),
        ("é" * 40, 401),
        ("R" * 129, 422),
        (None, 422),
        (["R"], 422),
    ):
        reply = api.call("POST", REFRESH, {"refresh_token": text})
        assert (reply.status, "access_token" in reply.body) == (status, False), text
        assert api.call("POST", "/v1/auth/logout", {"refresh_token": text}).status in (200, 422), text
    assert refresh(api, ann.refresh_token).status == 200
    assert refresh(api, ben.refresh_token).status == 200


def test_logging_out_ends_the_session_and_is_the_same_twice(api: Api, clock: Clock) -> None:
    member = api.log_in()
    for _ in range(2):
        reply = log_out(api, member.refresh_token)
        assert (reply.status, reply.body) == (200, {"logged_out": True})
    assert refused(refresh(api, member.refresh_token))
    # The access token has its two hours: it is not stored, so there is nothing to end.
    assert me(api, member.token).status == 200


def test_the_token_before_the_last_still_logs_out_and_one_with_a_wrong_secret_does_not(api: Api) -> None:
    ann, ben = api.log_in("ann"), api.log_in("ben")
    renewed = refresh(api, ann.refresh_token).body["refresh_token"]
    log_out(api, ann.refresh_token)
    assert refused(refresh(api, renewed))
    log_out(api, ben.refresh_token[:-1] + ("0" if ben.refresh_token[-1] != "0" else "1"))
    assert refresh(api, ben.refresh_token).status == 200


def test_logging_out_everywhere_refuses_every_token_issued_before_and_none_after(api: Api, clock: Clock) -> None:
    old = [api.log_in(), api.log_in()]
    reply = act(api, old[0], "POST", "/v1/me/logout-everywhere", key="everywhere")
    assert reply.status == 200
    clock.pass_(milliseconds=1)
    new = api.log_in()
    for member in old:
        assert me(api, member.token).code == "TOKEN_REVOKED"
        assert refused(refresh(api, member.refresh_token), "TOKEN_REVOKED")
        assert act(api, member, "POST", "/v1/me/check-ins").code == "TOKEN_REVOKED"
    assert me(api, new.token).status == 200
    assert refresh(api, new.refresh_token).status == 200
    again = act(api, old[0], "POST", "/v1/me/logout-everywhere", key="everywhere")
    assert (again.status, again.body) == (200, reply.body)
    assert me(api, new.token).status == 200


def test_the_eleventh_session_ends_the_one_unused_for_longest(api: Api, clock: Clock) -> None:
    members = []
    for _ in range(10):
        members.append(api.log_in())
        clock.pass_(minutes=2)
    used = refresh(api, members[0].refresh_token).body["refresh_token"]
    clock.pass_(minutes=2)
    newest = api.log_in()
    assert len(sessions_of(newest)) == 10
    assert refused(refresh(api, members[1].refresh_token))
    for token in (used, newest.refresh_token, *(member.refresh_token for member in members[2:])):
        assert refresh(api, token).status == 200


def test_of_many_sessions_begun_in_one_second_the_newest_is_never_the_one_to_go(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each new session sorts before all others, so that their order alone would drop it.
    numbers = iter(range(10_000, 0, -1))
    monkeypatch.setattr(sessions, "random_code", lambda length: f"{next(numbers):0{length}}")
    newest = [api.log_in() for _ in range(12)][-1]
    assert len(sessions_of(newest)) == 10
    assert refresh(api, newest.refresh_token).status == 200


def test_only_digests_of_refresh_tokens_are_kept(api: Api) -> None:
    member = api.log_in()
    refresh(api, member.refresh_token)
    kept = json.dumps([item.to_simple_dict() for item in sessions_of(member)], default=str)
    assert member.refresh_token.rpartition(".")[2] not in kept


def test_a_frozen_member_may_refresh_and_an_erased_one_may_not(api: Api) -> None:
    ann, ben = api.log_in("ann"), api.log_in("ben")
    path = f"/v1/admin/members/{ann.member_id}/freeze"
    assert api.call("POST", path, {"reason": "asked for"}, token=api.operator(), key=api.fresh()).status == 200
    assert refresh(api, ann.refresh_token).status == 200
    erase(api, ben)
    reply = refresh(api, ben.refresh_token)
    assert (reply.status, reply.code) == (403, "MEMBER_ERASED")


def test_a_token_key_is_accepted_until_it_is_removed(api: Api) -> None:
    old = api.log_in()
    kid = keys.add_token_key("deployment", api.clock.now)
    added = api.log_in()
    keys.use_token_key(kid, "deployment", api.clock.now)
    new = api.log_in()
    assert [jwt.get_unverified_header(one.token)["kid"] for one in (old, added, new)] == ["k1", "k1", kid]
    assert all(me(api, one.token).status == 200 for one in (old, added, new))
    keys.remove_token_key("k1", "deployment", api.clock.now)
    assert [me(api, one.token).status for one in (old, added, new)] == [401, 401, 200]
    # A refresh token is not signed, so a rotation logs nobody out.
    assert me(api, refresh(api, old.refresh_token).body["access_token"]).status == 200


def test_a_token_that_we_did_not_sign_for_this_use_is_refused(api: Api) -> None:
    member, other = api.log_in("ann"), api.log_in("ben")
    long = keys.add_token_key("deployment", api.clock.now)
    now, ours = int(api.clock.now.timestamp()), secrets.read(settings().token_secret)
    key, long_key = ours["k1"], ours[long]
    good = {"typ": "member", "sub": member.member_id, "iat": now, "exp": now + 7200}
    head, body, signature = member.token.split(".")

    def signed(claims: dict[str, object], kid: object = "k1", secret: str = key, algorithm: str = "HS256") -> str:
        return jwt.encode(claims, secret, algorithm=algorithm, headers={"kid": kid} if kid is not None else {})

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    assert me(api, signed(good)).status == me(api, signed(good, kid=long, secret=long_key)).status == 200
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        by_name = signed(good, kid="current", secret="k1")
    for what, token in (
        ("nothing", ""),
        ("not a token", "abc"),
        ("two parts", f"{head}.{body}"),
        ("another's payload", f"{head}.{other.token.split('.')[1]}.{signature}"),
        ("cut short", member.token[:-1]),
        ("no signature", f"{head}.{body}."),
        ("alg none", f"{part({'alg': 'none', 'typ': 'JWT', 'kid': 'k1'})}.{body}."),
        ("alg None", f"{part({'alg': 'None', 'kid': 'k1'})}.{body}.{signature}"),
        ("alg HS512 with our key", signed(good, kid=long, secret=long_key, algorithm="HS512")),
        ("another key", signed(good, secret="f" * 32)),
        ("unknown kid", signed(good, kid="k2")),
        ("the kid that names the signing key", by_name),
        ("no kid", signed(good, kid=None)),
        ("a kid that is no text", f"{part({'alg': 'HS256', 'kid': ['k1']})}.{body}.{signature}"),
        ("a header nested too deeply", f"{base64.urlsafe_b64encode(b'[' * 3000).decode()}.{body}.{signature}"),
        ("a header that is a list", f"{part([])}.{body}.{signature}"),
        ("operator", signed({**good, "typ": "operator", "role": "owner"})),
        ("refresh", signed({**good, "typ": "refresh"})),
        ("no typ", signed({name: value for name, value in good.items() if name != "typ"})),
        ("no exp", signed({name: value for name, value in good.items() if name != "exp"})),
        ("no iat", signed({name: value for name, value in good.items() if name != "iat"})),
        ("no sub", signed({name: value for name, value in good.items() if name != "sub"})),
        ("not ASCII", "é.é.é"),
        ("two tokens", f"{member.token} {member.token}"),
    ):
        reply = me(api, token) if token else api.call("GET", "/v1/me", headers={"Authorization": "Bearer "})
        assert (reply.status, reply.code) == (401, "UNAUTHORIZED"), what


def test_the_scheme_of_the_authorization_header_is_bearer_in_any_case_and_nothing_else(api: Api) -> None:
    token = api.log_in().token
    for header, status in (
        (f"Bearer {token}", 200),
        (f"bearer {token}", 200),
        (f"BEARER {token}", 200),
        (f"Basic {token}", 401),
        (token, 401),
        (f"Bearer{token}", 401),
        ("Bearer", 401),
        ("", 401),
    ):
        assert api.call("GET", "/v1/me", headers={"Authorization": header}).status == status, header[:12]


def test_a_member_who_is_not_in_the_book_is_unknown(api: Api) -> None:
    token = callers.sign_token("member", "M" + "0" * 18, api.clock.now)
    reply = me(api, token)
    assert (reply.status, reply.code) == (404, "MEMBER_UNKNOWN")
