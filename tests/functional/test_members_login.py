"""Logging in through WeChat: one member for one openid, whatever WeChat answers, however often the button is tapped."""

import threading
from types import SimpleNamespace

import pytest

from chalicelib import ledger
from chalicelib.members import service
from chalicelib.members.schemas import LoginIn
from chalicelib.shared import guard, secrets
from chalicelib.shared.config import settings
from chalicelib.shared.ids import digest
from chalicelib.wechat import client as wechat_client
from infra.local.wechat_server import FakeWechat
from tests.functional.members_room import erase
from tests.harness import world
from tests.harness.api import Api, Clock, Reply

JSCODE = "/sns/jscode2session"


def log_in(api: Api, code: str, **body: object) -> Reply:
    return api.call("POST", "/v1/auth/wechat", {"code": code, **body})


def test_the_first_login_creates_the_member_and_every_later_one_finds_it(api: Api, clock: Clock) -> None:
    first = log_in(api, "local:ann:1")
    assert first.status == 200
    assert set(first.body) == {"access_token", "refresh_token", "expires_in", "member"}
    assert first.body["expires_in"] == 7200
    member_id = first.body["member"]["member_id"]
    assert first.body["member"] == {
        "member_id": member_id,
        "is_new": True,
        "nickname": "",
        "tier": "normal",
        "balance": 100,
        "invite_code_accepted": False,
    }
    clock.pass_(days=1)
    again = log_in(api, "local:ann:2")
    assert (again.body["member"]["member_id"], again.body["member"]["is_new"]) == (member_id, False)
    assert again.body["refresh_token"] != first.body["refresh_token"]
    assert log_in(api, "local:ben").body["member"]["member_id"] != member_id
    assert len(world.member_ids()) == 2
    assert [entry.kind for entry in ledger.statement(member_id, 10, None)[0]] == ["joined"]


def test_first_logins_at_the_same_moment_create_one_member(api: Api, clock: Clock) -> None:
    start, found, failed = threading.Barrier(6), [], []

    def tap(number: int) -> None:
        start.wait()
        try:
            found.append(service.log_in(LoginIn(code=f"local:ann:{number}"), clock.now))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=tap, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len({one.account.member_id for one in found}) == len(world.member_ids()) == 1
    assert [one.is_new for one in found].count(True) == 1
    assert found[0].account.balance == 100


def test_a_second_tap_with_the_same_code_logs_in_without_asking_wechat_again(
    api: Api, wechat: FakeWechat, clock: Clock
) -> None:
    first = log_in(api, "local:ann:tap")
    clock.pass_(seconds=299)
    second = log_in(api, "local:ann:tap")
    assert second.status == 200
    assert second.body["member"]["member_id"] == first.body["member"]["member_id"]
    assert list(wechat.rules.calls) == [JSCODE]


def test_a_code_is_forgotten_after_its_five_minutes(
    api: Api, wechat: FakeWechat, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "TWIN_SECONDS", 0)
    log_in(api, "local:ann:tap")
    clock.pass_(seconds=300)
    late = log_in(api, "local:ann:tap")
    assert (late.status, late.code) == (401, "LOGIN_CODE_USED")
    assert list(wechat.rules.calls) == [JSCODE, JSCODE]


def test_a_second_tap_waits_for_its_twin_that_is_still_on_the_way(
    api: Api, wechat: FakeWechat, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    openid, waits = wechat.rules.openid("ann"), []

    def the_twin_arrives(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            guard.remember(f"login#{digest('error:40163:twin')}", openid, clock.now, 300)

    monkeypatch.setattr(service, "time", SimpleNamespace(sleep=the_twin_arrives))
    assert log_in(api, "error:40163:twin").status == 200
    assert len(waits) == 2
    assert ledger.member_of(openid) == world.member_ids()[0]


def test_everything_wechat_can_say_becomes_our_own_code(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "TWIN_SECONDS", 0)
    for said, status, code, retryable in (
        ("error:-1", 503, "WECHAT_BUSY", True),
        ("error:40029", 401, "LOGIN_CODE_INVALID", False),
        ("nonsense", 401, "LOGIN_CODE_INVALID", False),
        ("local:ann:at=1", 401, "LOGIN_CODE_INVALID", False),
        ("error:40163", 401, "LOGIN_CODE_USED", False),
        ("error:40226", 403, "WECHAT_USER_BLOCKED", False),
        ("error:45011", 429, "WECHAT_QUOTA", True),
        ("error:45009", 429, "WECHAT_QUOTA", True),
        ("error:40013", 502, "WECHAT_MISCONFIGURED", False),
        ("error:40125", 502, "WECHAT_MISCONFIGURED", False),
        ("error:12345", 502, "WECHAT_UNAVAILABLE", True),
        ("status:500", 502, "WECHAT_UNAVAILABLE", True),
        ("garbage", 502, "WECHAT_UNAVAILABLE", True),
        ("cut", 502, "WECHAT_UNAVAILABLE", True),
    ):
        reply = log_in(api, said)
        assert (reply.status, reply.code, reply.body["error"]["retryable"]) == (status, code, retryable), said
        assert reply.body["error"]["message_zh"], said
        assert ("Retry-After" in reply.headers) == (status == 429), said
        # What WeChat said stays with us: its numbers mean nothing to a client.
        assert said.rpartition(":")[2] not in str(reply.body["error"]["message"]), said
    assert log_in(api, "error:45011").headers["Retry-After"] == "60"
    assert log_in(api, "error:45009").headers["Retry-After"] == "3600"
    assert world.member_ids() == []


def test_wechat_answering_too_late_is_a_refusal_that_may_be_retried(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wechat_client, "READ_SECONDS", 0.1)
    reply = log_in(api, "slow:5:local:ann")
    assert (reply.status, reply.code, reply.body["error"]["retryable"]) == (502, "WECHAT_UNAVAILABLE", True)
    assert world.member_ids() == []


def test_credentials_that_are_missing_or_wrong_are_the_operator_s_to_mend(api: Api) -> None:
    right = secrets.read(settings().wechat_secret)
    for wrong in ({}, {"appid": "wxtest"}, {**right, "secret": "another"}, {**right, "appid": "wxother"}):
        secrets.write(settings().wechat_secret, wrong)
        reply = log_in(api, "local:ann:1")
        assert (reply.status, reply.code) == (502, "WECHAT_MISCONFIGURED"), wrong
    secrets.write(settings().wechat_secret, right)
    assert log_in(api, "local:ann:1").status == 200


def test_a_login_refused_once_may_succeed_with_the_next_code(api: Api) -> None:
    for said in ("error:-1", "cut", "error:45011"):
        assert log_in(api, said).status >= 429
    assert log_in(api, "local:ann").body["member"]["is_new"]


def test_an_invite_code_is_a_candidate_when_it_looks_like_one_and_is_ignored_when_not(api: Api) -> None:
    for number, (code, accepted) in enumerate(
        (
            ("ABCD", True),
            ("0123456789ABCDEF", True),
            ("ABC", False),
            ("0123456789ABCDEFG", False),
            ("ABCD\n", False),
            ("abcd", False),
            ("ABCD#1", False),
            ("", False),
            ("邀请码邀请码", False),
            ("A" * 5000, False),
            (None, False),
        )
    ):
        reply = log_in(api, f"local:friend-{number}", invite_code=code)
        assert reply.status == 200, code
        assert reply.body["member"]["invite_code_accepted"] is accepted, code
        account = ledger.load(reply.body["member"]["member_id"])
        assert account.invited_by == (code if accepted else ""), code
        assert account.balance == 100, code


def test_an_invite_code_counts_at_the_first_login_only(api: Api) -> None:
    member = api.log_in("ann")
    reply = log_in(api, "local:ann:later", invite_code="ABCD")
    assert reply.body["member"]["invite_code_accepted"] is False
    assert api.account(member).invited_by == ""


def test_a_frozen_member_logs_in_to_look_and_an_erased_one_does_not_log_in(api: Api) -> None:
    ann, ben = api.log_in("ann"), api.log_in("ben")
    reply = api.call(
        "POST",
        f"/v1/admin/members/{ann.member_id}/freeze",
        {"reason": "asked for"},
        token=api.operator(),
        key=api.fresh(),
    )
    assert reply.status == 200
    again = log_in(api, "local:ann:again")
    assert again.status == 200
    assert api.call("GET", "/v1/me", token=again.body["access_token"]).body["status"] == "frozen"
    erase(api, ben)
    refused = log_in(api, "local:ben:again")
    assert (refused.status, refused.code) == (403, "MEMBER_ERASED")
    assert "access_token" not in refused.body


def test_before_a_rulebook_is_published_nobody_is_created(bare_api: Api) -> None:
    reply = log_in(bare_api, "local:ann")
    assert (reply.status, reply.code) == (503, "RULEBOOK_NOT_PUBLISHED")
    assert world.member_ids() == []
    bare_api.publish()
    assert log_in(bare_api, "local:ann").status == 200
