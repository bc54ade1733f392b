"""The access token: fetched once, kept, renewed before its end, dropped when WeChat rejects it."""

import json
from collections.abc import Iterator

import pytest

from chalicelib.wechat import client, refusals, tokens
from chalicelib.wechat.client import Wechat
from chalicelib.wechat.tokens import access_token, post_with_token
from infra.local.wechat_server import FakeWechat
from tests.unit.test_wechat_client import http_answer, raw_server

STABLE_TOKEN, RISK = "/cgi-bin/stable_token", "/wxa/getuserriskrank"


class Clock:
    """Seconds that move when told to."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWechat]:
    monkeypatch.setattr(client, "PAUSE_SECONDS", 0.0)
    with FakeWechat(clock=clock) as server:
        yield server


@pytest.fixture
def wechat(fake: FakeWechat, clock: Clock) -> Iterator[Wechat]:
    made = Wechat(fake.url, fake.appid, fake.secret, clock=clock)
    yield made
    made.pool.clear()


def call(wechat: Wechat) -> None:
    """Any call that carries a token; its body is refused only after the token was accepted."""
    with pytest.raises(refusals.PhoneCodeInvalid):
        post_with_token(wechat, RISK, {"x": 1}, {47001: refusals.PhoneCodeInvalid})


def test_the_token_is_fetched_once_and_kept(fake: FakeWechat, wechat: Wechat) -> None:
    assert access_token(wechat) == access_token(wechat)
    assert list(fake.rules.calls) == [STABLE_TOKEN]


def test_two_containers_get_the_same_token(fake: FakeWechat, wechat: Wechat, clock: Clock) -> None:
    other = Wechat(fake.url, fake.appid, fake.secret, clock=clock)
    assert access_token(wechat) == access_token(other)
    other.pool.clear()


@pytest.mark.parametrize(("seconds_left", "calls"), [(60.5, 1), (60.0, 2), (0.0, 2)])
def test_a_token_near_its_end_is_replaced_before_it_ends(
    fake: FakeWechat, wechat: Wechat, clock: Clock, seconds_left: float, calls: int
) -> None:
    first = access_token(wechat)
    clock.now += 7200 - seconds_left
    second = access_token(wechat)
    assert len(fake.rules.calls) == calls
    assert (second != first) is (calls == 2)


def test_near_the_end_old_and_new_token_both_work(fake: FakeWechat, wechat: Wechat, clock: Clock) -> None:
    other = Wechat(fake.url, fake.appid, fake.secret, clock=clock)
    old = access_token(wechat)
    clock.now += 7200 - 299
    assert access_token(other) != old
    call(wechat)
    call(other)
    assert fake.rules.calls.count(STABLE_TOKEN) == 2
    assert access_token(wechat) == old
    other.pool.clear()


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_a_rejected_token_is_dropped_and_the_call_made_once_more(
    fake: FakeWechat, wechat: Wechat, errcode: int
) -> None:
    fake.rules.script(RISK, f"error:{errcode}")
    call(wechat)
    assert list(fake.rules.calls) == [STABLE_TOKEN, RISK, STABLE_TOKEN, RISK]


def test_a_token_rejected_twice_is_unavailable_and_not_tried_a_third_time(fake: FakeWechat, wechat: Wechat) -> None:
    fake.rules.script(RISK, "error:40001", "error:40001", "error:40001")
    with pytest.raises(refusals.WechatUnavailable):
        post_with_token(wechat, RISK, {"x": 1}, {})
    assert fake.rules.calls.count(RISK) == 2
    assert wechat.token is None


def test_tokens_revoked_at_wechat_heal_by_themselves(fake: FakeWechat, wechat: Wechat) -> None:
    old = access_token(wechat)
    fake.rules.revoke_tokens()
    call(wechat)
    assert access_token(wechat) != old


def test_an_expired_token_in_a_container_with_a_slow_clock_heals_by_itself(
    fake: FakeWechat, wechat: Wechat, clock: Clock
) -> None:
    access_token(wechat)
    assert wechat.token
    wechat.token = client.AccessToken(wechat.token.value, good_until=float("inf"))
    clock.now += 7200
    call(wechat)
    assert list(fake.rules.calls) == [STABLE_TOKEN, RISK, STABLE_TOKEN, RISK]


def test_the_token_is_never_refreshed_by_force(wechat: Wechat, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: list[dict[str, object]] = []
    post = wechat.post

    def spy(path: str, body: dict[str, object], *args: object, **named: object) -> object:
        bodies.append(dict(body))
        return post(path, body, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(wechat, "post", spy)
    access_token(wechat)
    wechat.token = None
    access_token(wechat)
    assert [body["force_refresh"] for body in bodies] == [False, False]


@pytest.mark.parametrize(
    ("act", "refusal"),
    [
        ("error:-1", refusals.WechatBusy),
        ("error:40001", refusals.WechatMisconfigured),
        ("error:40125", refusals.WechatMisconfigured),
        ("error:45009", refusals.WechatDailyQuota),
        ("error:0", refusals.WechatUnavailable),
        ("garbage", refusals.WechatUnavailable),
    ],
)
def test_no_token_no_call(fake: FakeWechat, wechat: Wechat, act: str, refusal: type[refusals.Refusal]) -> None:
    fake.rules.script(STABLE_TOKEN, act)
    with pytest.raises(refusals.Refusal) as caught:
        post_with_token(wechat, RISK, {}, {})
    assert type(caught.value) is refusal
    assert RISK not in fake.rules.calls
    assert wechat.token is None


@pytest.mark.parametrize(
    "answer", [{"access_token": "t"}, {"access_token": "t", "expires_in": "7200"}, {"access_token": 1, "expires_in": 1}]
)
def test_a_token_answer_lacking_something_is_unavailable(answer: dict[str, object]) -> None:
    listening, url = raw_server(http_answer(json.dumps(answer).encode()), [])
    with listening, pytest.raises(refusals.WechatUnavailable):
        access_token(Wechat(url, "wx1", "s"))


def test_the_fakes_forced_refresh_kills_the_old_token_but_not_twice_in_thirty_seconds(
    fake: FakeWechat, wechat: Wechat, clock: Clock
) -> None:
    body = {"grant_type": "client_credential", "appid": fake.appid, "secret": fake.secret, "force_refresh": True}
    old = access_token(wechat)
    first = wechat.post(STABLE_TOKEN, body, {})["access_token"]
    assert first != old
    assert wechat.post(STABLE_TOKEN, body, {})["access_token"] == first
    with pytest.raises(refusals.LoginCodeUsed):
        wechat.post(RISK, {"x": 1}, {40001: refusals.LoginCodeUsed}, query={"access_token": old})
    clock.now += 30
    assert wechat.post(STABLE_TOKEN, body, {})["access_token"] != first


def test_the_margin_lies_within_the_five_minutes_in_which_both_tokens_work() -> None:
    assert 0 < tokens.MARGIN_SECONDS < 300
