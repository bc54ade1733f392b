"""Logging in through WeChat: every documented answer, over a real socket to the fake server."""

from collections.abc import Iterator

import pytest

from chalicelib.shared.errors import Refusal
from chalicelib.wechat import refusals
from chalicelib.wechat.client import Wechat
from chalicelib.wechat.login import code_to_session
from infra.local.wechat_server import FakeWechat

NOON = 1_790_000_000


@pytest.fixture
def fake() -> Iterator[FakeWechat]:
    with FakeWechat(clock=lambda: NOON) as server:
        yield server


@pytest.fixture
def wechat(fake: FakeWechat) -> Iterator[Wechat]:
    client = Wechat(fake.url, fake.appid, fake.secret)
    yield client
    client.pool.clear()


def test_a_code_becomes_the_openid_of_its_name_whatever_follows_the_name(fake: FakeWechat, wechat: Wechat) -> None:
    plain, suffixed = code_to_session(wechat, "local:alice"), code_to_session(wechat, "local:alice:second phone")
    assert plain == suffixed
    assert plain.openid == fake.rules.openid("alice")
    assert plain.unionid
    assert code_to_session(wechat, "local:bob").openid != plain.openid


def test_an_openid_survives_a_restart_of_the_fake_server(wechat: Wechat, fake: FakeWechat) -> None:
    before = code_to_session(wechat, "local:alice")
    with FakeWechat() as restarted:
        client = Wechat(restarted.url, restarted.appid, restarted.secret)
        assert code_to_session(client, "local:alice") == before
        client.pool.clear()


def test_an_openid_looks_like_one(fake: FakeWechat) -> None:
    openid = fake.rules.openid("小明")
    assert len(openid) == 28
    assert openid.startswith("o")
    assert openid.replace("-", "a").replace("_", "a").isalnum()


def test_without_an_open_platform_account_there_is_no_unionid() -> None:
    with FakeWechat(unionids=False) as fake:
        client = Wechat(fake.url, fake.appid, fake.secret)
        assert code_to_session(client, "local:alice").unionid is None
        client.pool.clear()


@pytest.mark.parametrize(
    ("errcode", "refusal", "status", "code", "retryable"),
    [
        (-1, refusals.WechatBusy, 503, "WECHAT_BUSY", True),
        (40029, refusals.LoginCodeInvalid, 401, "LOGIN_CODE_INVALID", False),
        (40163, refusals.LoginCodeUsed, 401, "LOGIN_CODE_USED", False),
        (40226, refusals.WechatUserBlocked, 403, "WECHAT_USER_BLOCKED", False),
        (45011, refusals.WechatQuota, 429, "WECHAT_QUOTA", True),
        (45009, refusals.WechatDailyQuota, 429, "WECHAT_QUOTA", True),
        (40164, refusals.WechatMisconfigured, 502, "WECHAT_MISCONFIGURED", False),
        (50002, refusals.WechatMisconfigured, 502, "WECHAT_MISCONFIGURED", False),
        (99999, refusals.WechatUnavailable, 502, "WECHAT_UNAVAILABLE", True),
    ],
)
def test_each_documented_errcode_is_one_refusal(
    wechat: Wechat, errcode: int, refusal: type[Refusal], status: int, code: str, retryable: bool
) -> None:
    with pytest.raises(Refusal) as caught:
        code_to_session(wechat, f"error:{errcode}:and more")
    assert type(caught.value) is refusal
    assert (caught.value.status, caught.value.code, caught.value.retryable) == (status, code, retryable)
    assert caught.value.message
    assert any("\u4e00" <= character <= "\u9fff" for character in caught.value.message_zh)


@pytest.mark.parametrize(("errcode", "seconds"), [(45011, 60), (45009, 3600)])
def test_a_spent_quota_says_how_long_to_wait(wechat: Wechat, errcode: int, seconds: int) -> None:
    with pytest.raises(refusals.WechatQuota) as caught:
        code_to_session(wechat, f"error:{errcode}")
    assert caught.value.retry_after_seconds == seconds


def test_a_code_works_once(wechat: Wechat) -> None:
    code_to_session(wechat, "local:alice:1")
    with pytest.raises(refusals.LoginCodeUsed):
        code_to_session(wechat, "local:alice:1")
    assert code_to_session(wechat, "local:alice:2").openid


@pytest.mark.parametrize(("age_seconds", "accepted"), [(0, True), (300, True), (301, False)])
def test_a_code_works_for_five_minutes(wechat: Wechat, age_seconds: int, accepted: bool) -> None:
    code = f"local:alice:at={NOON - age_seconds}"
    if accepted:
        assert code_to_session(wechat, code).openid
    else:
        with pytest.raises(refusals.LoginCodeInvalid):
            code_to_session(wechat, code)


@pytest.mark.parametrize(
    "code", ["nonsense", "local:", "phone:13800000000", "local:" + "x" * 65, "中文", "\ud800", "a&b=c", "local:a:at=²"]
)
def test_a_code_that_was_never_issued_is_invalid(wechat: Wechat, code: str) -> None:
    with pytest.raises(refusals.LoginCodeInvalid):
        code_to_session(wechat, code)


def test_a_lost_answer_is_not_asked_for_again_because_the_code_is_spent(fake: FakeWechat, wechat: Wechat) -> None:
    with pytest.raises(refusals.WechatUnavailable):
        code_to_session(wechat, "cut")
    assert list(fake.rules.calls) == ["/sns/jscode2session"]


@pytest.mark.parametrize("wrong", ["appid", "secret"])
def test_wrong_credentials_are_the_operators_to_correct(fake: FakeWechat, wrong: str) -> None:
    given = {"appid": fake.appid, "secret": fake.secret, wrong: "wrong"}
    client = Wechat(fake.url, **given)
    with pytest.raises(refusals.WechatMisconfigured):
        code_to_session(client, "local:alice")
    client.pool.clear()


def test_an_answer_without_an_openid_is_no_login(wechat: Wechat, fake: FakeWechat) -> None:
    with pytest.raises(refusals.WechatUnavailable):
        code_to_session(wechat, "error:0")


def test_neither_identity_nor_client_shows_private_values_when_printed(wechat: Wechat, fake: FakeWechat) -> None:
    identity = code_to_session(wechat, "local:alice")
    printed = f"{identity} {identity!r} {wechat} {wechat!r}"
    assert identity.openid not in printed
    assert str(identity.unionid) not in printed
    assert fake.secret not in printed
