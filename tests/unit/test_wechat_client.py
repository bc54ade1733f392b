"""The HTTP client under every interface: time-outs, safe retries, unreadable answers, what is never written down."""

import json
import logging
import socket
import threading
import time
import traceback
from collections.abc import Iterator

import pytest

from chalicelib.shared import secrets
from chalicelib.shared.config import settings
from chalicelib.wechat import client, refusals, tokens
from chalicelib.wechat.client import Wechat
from chalicelib.wechat.login import code_to_session
from chalicelib.wechat.phone import phone_number
from infra.local.wechat_server import FakeWechat

STABLE_TOKEN = "/cgi-bin/stable_token"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWechat]:
    monkeypatch.setattr(client, "PAUSE_SECONDS", 0.0)
    with FakeWechat() as server:
        yield server


@pytest.fixture
def wechat(fake: FakeWechat) -> Iterator[Wechat]:
    made = Wechat(fake.url, fake.appid, fake.secret)
    yield made
    made.pool.clear()


def raw_server(answer: bytes, accepted: list[int]) -> tuple[socket.socket, str]:
    """A socket that answers every connection's first request with these bytes and closes."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                accepted.append(1)
                connection.recv(65536)
                connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return listening, f"http://127.0.0.1:{listening.getsockname()[1]}"


def http_answer(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Connection: close", *headers]
    if not any(line.startswith(b"Content-Length") for line in headers):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def test_an_answer_that_does_not_come_in_time_is_unavailable_and_not_repeated(fake: FakeWechat, wechat: Wechat) -> None:
    started = time.monotonic()
    with pytest.raises(refusals.WechatUnavailable):
        code_to_session(wechat, "slow:6")
    assert client.READ_SECONDS <= time.monotonic() - started < 2 * client.READ_SECONDS
    assert list(fake.rules.calls) == ["/sns/jscode2session"]


def test_an_answer_that_comes_late_but_in_time_is_used(fake: FakeWechat, wechat: Wechat) -> None:
    assert code_to_session(wechat, "slow:0.2:local:alice").openid == fake.rules.openid("alice")


def test_nobody_listening_is_tried_twice_even_for_a_login(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "PAUSE_SECONDS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(refusals.WechatUnavailable):
        code_to_session(Wechat(f"http://127.0.0.1:{port}", "wx1", "s"), "local:alice")
    attempts = [json.loads(line)["attempt"] for line in capsys.readouterr().out.splitlines()]
    assert attempts == [1, 2]


def test_the_token_is_asked_for_again_after_a_lost_answer(fake: FakeWechat, wechat: Wechat) -> None:
    fake.rules.script(STABLE_TOKEN, "cut")
    assert tokens.access_token(wechat)
    assert list(fake.rules.calls) == [STABLE_TOKEN, STABLE_TOKEN]


def test_the_token_is_asked_for_again_after_a_server_error_but_only_once(fake: FakeWechat, wechat: Wechat) -> None:
    fake.rules.script(STABLE_TOKEN, "status:503", "status:503", "status:503")
    with pytest.raises(refusals.WechatUnavailable):
        tokens.access_token(wechat)
    assert list(fake.rules.calls) == [STABLE_TOKEN, STABLE_TOKEN]


@pytest.mark.parametrize("act", ["garbage", "status:500", "status:502", "status:404", "status:204", "cut"])
def test_a_login_with_no_usable_answer_is_unavailable_after_one_call(
    fake: FakeWechat, wechat: Wechat, act: str
) -> None:
    with pytest.raises(refusals.WechatUnavailable):
        code_to_session(wechat, act)
    assert len(fake.rules.calls) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe\x00",
        b'{"errcode": "40029"}',
        b'{"errcode": null}',
        b'{"errcode": []}',
        b'{"openid": 7}',
        b'{"openid": ""}',
        b"[" * 100_000,
        b'{"openid": "o1"}' + b" " * client.MAX_ANSWER_BYTES,
    ],
    ids=[
        "empty", "list", "null", "text", "not utf-8", "errcode text", "errcode null", "errcode list",
        "openid number", "openid empty", "deep", "huge",
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_read_is_unavailable(body: bytes) -> None:
    listening, url = raw_server(http_answer(body), [])
    with listening, pytest.raises(refusals.WechatUnavailable):
        code_to_session(Wechat(url, "wx1", "s"), "local:alice")


def test_an_answer_cut_in_the_middle_is_unavailable() -> None:
    listening, url = raw_server(http_answer(b'{"openid": "o1"}', b"Content-Length: 500"), [])
    with listening, pytest.raises(refusals.WechatUnavailable):
        code_to_session(Wechat(url, "wx1", "s"), "local:alice")


def test_json_is_read_whatever_the_content_type_says() -> None:
    listening, url = raw_server(http_answer(b'{"errcode": 0, "openid": "o1"}', b"Content-Type: text/html"), [])
    with listening:
        assert code_to_session(Wechat(url, "wx1", "s"), "c").openid == "o1"


def test_a_redirect_is_not_followed_because_it_would_carry_the_secret_away() -> None:
    visited: list[int] = []
    elsewhere, elsewhere_url = raw_server(http_answer(b'{"openid": "o1"}'), visited)
    answer = http_answer(b"", b"Location: " + elsewhere_url.encode() + b"/", status=b"302 Found")
    listening, url = raw_server(answer, [])
    with elsewhere, listening, pytest.raises(refusals.WechatUnavailable):
        code_to_session(Wechat(url, "wx1", "s"), "c")
    assert visited == []


def test_connections_are_kept_between_calls_but_not_across_a_long_sleep(wechat: Wechat) -> None:
    def connections_made() -> int:
        return wechat.pool.connection_from_url(wechat.base_url).num_connections

    code_to_session(wechat, "local:alice:1")
    code_to_session(wechat, "local:alice:2")
    assert connections_made() == 1
    first_pool = wechat.pool.connection_from_url(wechat.base_url)
    wechat.last_used -= client.IDLE_SECONDS + 1
    code_to_session(wechat, "local:alice:3")
    second_pool = wechat.pool.connection_from_url(wechat.base_url)
    assert second_pool is not first_pool
    code_to_session(wechat, "local:alice:4")
    assert wechat.pool.connection_from_url(wechat.base_url) is second_pool


def test_secrets_codes_tokens_and_identities_are_never_written_down(
    fake: FakeWechat, wechat: Wechat, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    printed: list[str] = []
    identity = code_to_session(wechat, "local:alice:private-code")
    token = tokens.access_token(wechat)
    for code in ("error:40029:private-code", "garbage:private-code", "cut:private-code", "local:alice:private-code"):
        try:
            code_to_session(wechat, code)
        except refusals.Refusal:
            printed.append(traceback.format_exc())
    for code in ("error:40029:private-code", "phone:13812345678:private-code", "phone:13812345678:private-code"):
        try:
            phone_number(wechat, code)
        except refusals.Refusal:
            printed.append(traceback.format_exc())
    fake.rules.script("/wxa/business/getuserphonenumber", "cut")
    with pytest.raises(refusals.WechatUnavailable):
        phone_number(wechat, "phone:13812345678:private-code:2")
    everything = "\n".join([capsys.readouterr().out, caplog.text, *printed])
    assert len(printed) == 6
    assert "wechat_refused" in everything
    assert "/sns/jscode2session?***" in everything, "urllib3's own log was not captured, so this test shows nothing"
    for private in (fake.secret, "private-code", token, identity.openid, str(identity.unionid), "13812345678"):
        assert private not in everything


def test_a_header_urllib3_cannot_parse_does_not_bring_the_url_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    listening, url = raw_server(http_answer(b'{"openid": "o1"}', b"Content-Length: 16", b"no colon here", b": x"), [])
    with listening:
        code_to_session(Wechat(url, "wx1", "the-secret"), "c")
    assert "Failed to parse headers" in caplog.text, "urllib3 was silent, so this test shows nothing"
    assert "the-secret" not in caplog.text


def test_a_refusal_is_logged_with_its_errcode_and_request_id(
    wechat: Wechat, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(refusals.LoginCodeInvalid):
        code_to_session(wechat, "error:40029")
    line = json.loads(capsys.readouterr().out)
    assert line == {
        "event": "wechat_refused",
        "path": "/sns/jscode2session",
        "errcode": 40029,
        "rid": "65f0c0de-00000000-00040029",
    }


def test_the_older_form_of_the_request_id_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    body = b'{"errcode": 40163, "errmsg": "code been used, hints: [ req_id: AbC-123_x ]"}'
    listening, url = raw_server(http_answer(body), [])
    with listening, pytest.raises(refusals.LoginCodeUsed):
        code_to_session(Wechat(url, "wx1", "s"), "c")
    assert json.loads(capsys.readouterr().out)["rid"] == "AbC-123_x"


class TestFromSettings:
    @pytest.fixture(autouse=True)
    def credentials(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
        kept = {"appid": "wx1", "secret": "first"}
        monkeypatch.setattr(secrets, "read", lambda name: {settings().wechat_secret: kept}[name])
        return kept

    def test_a_container_has_one_client(self) -> None:
        made = client.from_settings()
        assert client.from_settings() is made
        assert (made.base_url, made.appid, made.secret) == (settings().wechat_url, "wx1", "first")

    def test_a_rotated_secret_makes_a_new_client_without_the_old_token(self, credentials: dict[str, str]) -> None:
        before = client.from_settings()
        before.token = client.AccessToken("old", good_until=float("inf"))
        credentials["secret"] = "second"
        after = client.from_settings()
        assert (after.secret, after.token) == ("second", None)

    def test_a_secret_that_was_never_filled_in_is_named_and_refused(
        self, credentials: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        credentials.clear()
        with pytest.raises(refusals.WechatMisconfigured):
            client.from_settings()
        assert json.loads(capsys.readouterr().out)["secret_name"] == settings().wechat_secret
