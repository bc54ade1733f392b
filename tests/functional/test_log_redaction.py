"""Nothing private is ever logged: a member's whole life is played, its failures too, and every line is searched."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from chalicelib import ledger
from chalicelib.members import service
from chalicelib.members.schemas import LoginIn
from chalicelib.shared import secrets, telemetry
from chalicelib.shared.config import settings
from infra.local.wechat_server import FakeWechat
from tests.functional.members_room import accept_privacy_policy, act, refresh
from tests.harness.api import Api, Member
from tests.harness.world import MERCHANT_SECRET

NICKNAME, BIRTHDAY, AVATAR = "Unmistakable", "05-06", "https://a.b/portrait-of-ann"
PASSWORD = "a password nobody else has"


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Python's own loggers as a function has them, and those that see URLs at their most talkative."""
    caplog.set_level(logging.INFO)
    for name in ("urllib3", "chalice", "jwt"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def live(api: Api) -> tuple[Member, list[str]]:
    """Everything a member and its shop do; returns the secrets that came up."""
    login = api.call("POST", "/v1/auth/wechat", {"code": "local:ann:login-code", "invite_code": "ABCD"})
    member = Member(login.body["member"]["member_id"], login.body["access_token"], login.body["refresh_token"])
    accept_privacy_policy(api, member)
    profile = {"nickname": NICKNAME, "birthday": BIRTHDAY, "avatar_url": AVATAR}
    assert act(api, member, "PATCH", "/v1/me", profile).status == 200
    assert act(api, member, "POST", "/v1/me/phone", {"code": "phone:13800001111:phone-code"}).status == 200
    assert act(api, member, "POST", "/v1/me/check-ins", {}).status == 200
    assert api.order(member, 12_300, "o-1").status == 200
    assert api.refund("o-1", "r-1", 2_300).status == 200
    assert api.complete("o-1").status == 200
    renewed = refresh(api, member.refresh_token).body
    seen = [login.body["access_token"], login.body["refresh_token"], renewed["access_token"], renewed["refresh_token"]]
    assert api.call("GET", "/v1/me", token=renewed["access_token"]).status == 200
    return member, seen


def fail(api: Api, member: Member, openid: str) -> None:
    """Everything that can be refused about private things."""
    for code in ("error:40029:login-code", "cut:login-code", "garbage:login-code", "status:500:login-code"):
        assert api.call("POST", "/v1/auth/wechat", {"code": code}).status >= 400
        assert act(api, member, "POST", "/v1/me/phone", {"code": code.replace("login", "phone")}).status >= 400
    other = api.log_in("ben")
    accept_privacy_policy(api, other)
    assert act(api, other, "POST", "/v1/me/phone", {"code": "phone:13800001111:phone-code-2"}).code == "PHONE_TAKEN"
    wrong = {"nickname": f"\x00{NICKNAME}", "birthday": BIRTHDAY + "x", "avatar_url": "http://a.b/portrait-of-ann"}
    assert act(api, member, "PATCH", "/v1/me", wrong).status == 422
    assert act(api, member, "PATCH", "/v1/me", {"birthday": "07-08"}).code == "BIRTHDAY_FIXED"
    refresh(api, member.refresh_token[:-4] + "0000")
    assert api.call("GET", "/v1/me", token=member.token + "x").status == 401
    assert api.merchant("POST", "/v1/orders", {"openid": openid, "phone": "13800001111"}).status == 422
    owner = api.operator()
    assert api.call("GET", f"/v1/admin/members?openid={openid}", token=owner).status == 200
    assert api.call("GET", "/v1/admin/members?phone=%2B8613800001111", token=owner).status == 200
    assert api.call("POST", "/v1/admin/login", {"name": "nobody", "password": PASSWORD}).status == 401


def break_down(api: Api, member: Member, monkeypatch: pytest.MonkeyPatch, private: list[str]) -> None:
    """Our own bugs, whose messages quote whatever was at hand."""

    def broken(*arguments: object, **named: object) -> None:
        raise RuntimeError(f"{private} {arguments} {named}") from ValueError(f"{private}")

    breakable: tuple[tuple[object, str, Callable[[], object]], ...] = (
        (service, "log_in", lambda: api.call("POST", "/v1/auth/wechat", {"code": "local:ann:login-code-3"})),
        (ledger, "load", lambda: api.call("GET", "/v1/me", token=member.token)),
        (service, "change_profile", lambda: act(api, member, "PATCH", "/v1/me", {"nickname": NICKNAME})),
    )
    for owner, name, call in breakable:
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, broken)
            assert call().status == 500  # type: ignore[attr-defined]


def test_no_line_of_any_log_holds_anything_private(
    api: Api,
    wechat: FakeWechat,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    everything_logged: pytest.LogCaptureFixture,
) -> None:
    openid = wechat.rules.openid("ann")
    member, seen = live(api)
    private = [
        *seen, *(part for token in seen for part in token.split(".") if len(part) > 20 and part != member.member_id),
        openid, "13800001111", "login-code", "phone-code", NICKNAME, BIRTHDAY, "portrait-of-ann", PASSWORD,
        MERCHANT_SECRET, *secrets.read(settings().wechat_secret).values(), secrets.read(settings().token_secret)["k1"],
        wechat.rules._current_token,
    ]  # fmt: skip
    # The header of a token is no secret: it is the same for all.
    private = [value for value in private if value != seen[0].split(".")[0] and value != "wxtest"]
    fail(api, member, openid)
    break_down(api, member, monkeypatch, private)
    captured = capsys.readouterr()
    text = captured.out + captured.err + everything_logged.text
    # The logs were on, and said what they should.
    for said in (
        '"refused"',
        '"failure"',
        '"wechat_refused"',
        '"wechat_failed"',
        "PHONE_TAKEN",
        "urllib3.connectionpool",
    ):
        assert said in text, said
    assert [value for value in private if value in text] == []
    for line in captured.out.splitlines():
        assert isinstance(json.loads(line), dict), line


@dataclass
class Person:
    openid: str


def test_private_fields_are_redacted_at_any_depth_and_under_any_spelling_of_case(
    capsys: pytest.CaptureFixture[str],
) -> None:
    telemetry.log(
        "probe",
        phone="secret-1",
        Authorization="secret-2",
        query={"js_code": "secret-3", "list": [{"PhoneNumber": "secret-4"}, ({"openid": ["secret-5"]},)]},
        body=LoginIn(code="secret-6"),
        person=Person("secret-7"),
        error=ValueError("secret-8"),
        raw=b"secret-9",
        members={"secret-a"},
        kept="member_id",
        amount_fen=Decimal("5"),
        on=date(2026, 11, 24),
        at=datetime(2026, 11, 24, tzinfo=UTC),
    )
    line = capsys.readouterr().out
    assert "secret" not in line
    found = json.loads(line)
    assert (found["phone"], found["query"]["list"][0]["PhoneNumber"]) == ("***", "***")
    assert (found["kept"], found["amount_fen"], found["on"]) == ("member_id", "5", "2026-11-24")
    assert (found["body"], found["person"], found["error"]) == ("LoginIn", "Person", "ValueError")


def test_a_count_is_one_line_that_cloudwatch_reads_as_a_metric(capsys: pytest.CaptureFixture[str]) -> None:
    before = int(time.time() * 1000)
    telemetry.count("messages_set_aside", 2, reason="MEMBER_UNKNOWN")
    line = json.loads(capsys.readouterr().out)
    assert (line["messages_set_aside"], line["reason"]) == (2, "MEMBER_UNKNOWN")
    assert before <= line["_aws"]["Timestamp"] <= int(time.time() * 1000)
    assert line["_aws"]["CloudWatchMetrics"] == [
        {
            "Namespace": "membership",
            "Dimensions": [["reason"]],
            "Metrics": [{"Name": "messages_set_aside", "Unit": "Count"}],
        }
    ]
