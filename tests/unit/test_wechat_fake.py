"""The fake WeChat server itself: the later interfaces' limits, its recording, and that nothing makes it stumble."""

import json
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from infra.local.wechat_rules import WechatRules
from infra.local.wechat_server import FakeWechat, main

SEND, CODE = "/cgi-bin/message/subscribe/send", "/wxa/getwxacodeunlimit"
CHECK, RISK, PHONE = "/wxa/msg_sec_check", "/wxa/getuserriskrank", "/wxa/business/getuserphonenumber"
ROOT = Path(__file__).parents[2]


class Clock:
    """Seconds that move when told to."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


class World:
    """A mini-program whose user `alice` has just logged in, and a good access token."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.rules = WechatRules("wx1", "secret", clock=self.clock)
        self.openid = self.get("/sns/jscode2session", js_code="local:alice", grant_type="authorization_code")["openid"]
        token = {"grant_type": "client_credential", "appid": "wx1", "secret": "secret"}
        reply = self.rules.answer("POST", "/cgi-bin/stable_token", {}, json.dumps(token).encode())
        self.token = json.loads(reply.body)["access_token"]

    def get(self, path: str, **query: str) -> Any:
        full = {"appid": "wx1", "secret": "secret", **query}
        return json.loads(self.rules.answer("GET", path, full, b"").body)

    def raw_post(self, path: str, body: object) -> bytes:
        return self.rules.answer("POST", path, {"access_token": self.token}, json.dumps(body).encode()).body

    def errcode(self, path: str, body: object) -> int:
        return int(json.loads(self.raw_post(path, body))["errcode"])


@pytest.fixture
def world() -> World:
    return World()


def message(world: World, **changed: object) -> dict[str, object]:
    data = {"thing1": {"value": "您的积分即将到期"}, "number2": {"value": "120"}}
    return {"touser": world.openid, "template_id": "T1", "page": "pages/points/index", "data": data, **changed}


def test_a_subscription_message_is_accepted_and_recorded_as_sent(world: World) -> None:
    assert world.errcode(SEND, message(world)) == 0
    (sent,) = world.rules.sent()
    assert (sent["path"], sent["errcode"], sent["at"]) == (SEND, 0, "2026-09-21T14:13:20.000Z")
    assert sent["body"] == message(world)


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"touser": "nobody"}, 40003),
        ({"touser": None}, 40003),
        ({"template_id": ""}, 40037),
        ({"page": "/pages/index"}, 41030),
        ({"miniprogram_state": "production"}, 40097),
        ({"data": {}}, 47003),
        ({"data": {"thing1": "bare"}}, 47003),
        ({"data": {"unknown1": {"value": "x"}}}, 47003),
    ],
)
def test_a_wrong_subscription_message_is_refused_and_recorded_with_its_errcode(
    world: World, changed: dict[str, object], errcode: int
) -> None:
    assert world.errcode(SEND, message(world, **changed)) == errcode
    assert world.rules.sent()[0]["errcode"] == errcode


@pytest.mark.parametrize(
    ("key", "longest", "too_long"),
    [
        ("thing1", "积" * 20, "积" * 21),
        ("number1", "9" * 32, "9" * 33),
        ("number1", "-12.50", "12a"),
        ("letter1", "a" * 32, "a" * 33),
        ("symbol1", "+-*/!", "+-*/!?"),
        ("character_string1", "A-1" * 10 + "XY", "A" * 33),
        ("time1", "2026年11月23日 15:01", "noon"),
        ("time1", "15:01~16:30", "15"),
        ("date1", "2026年11月23日", "11月23日"),
        ("date1", "2026-11-23 15:01", "2026"),
        ("amount1", "¥1234567890.12元", "¥12345678901"),
        ("phone_number1", "+86-0766-66888866", "+86-0766-668888661"),
        ("car_number1", "粤A8Z888挂", "粤A8Z88888挂"),
        ("name1", "王" * 10, "王" * 11),
        ("name1", "a" * 20, "a" * 21),
        ("phrase1", "正在配送中", "正在配送中吗"),
        ("thing1", "x", ""),
    ],
)
def test_each_kind_of_value_has_its_limit(world: World, key: str, longest: str, too_long: str) -> None:
    assert world.errcode(SEND, message(world, data={key: {"value": longest}})) == 0
    assert world.errcode(SEND, message(world, data={key: {"value": too_long}})) == 47003


def test_a_message_refused_by_the_user_can_be_scripted_once(world: World) -> None:
    world.rules.script(SEND, "error:43101")
    assert world.errcode(SEND, message(world)) == 43101
    assert world.errcode(SEND, message(world)) == 0


def test_a_script_that_is_no_act_is_not_accepted(world: World) -> None:
    with pytest.raises(ValueError, match="an act is"):
        world.rules.script(SEND, "explode")


def test_a_mini_program_code_is_a_picture_of_the_width_asked_for(world: World) -> None:
    picture = world.raw_post(CODE, {"scene": "i=ABC123", "page": "pages/invite/index", "width": 280})
    assert picture.startswith(b"\x89PNG")
    assert struct.unpack(">II", picture[16:24]) == (280, 280)


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({}, 40169),
        ({"scene": "x" * 33}, 40169),
        ({"scene": "邀请"}, 40169),
        ({"scene": "a%20b"}, 40169),
        ({"scene": "a", "page": "/pages/index"}, 41030),
        ({"scene": "a", "page": "pages/index?x=1"}, 41030),
        ({"scene": "a", "width": 279}, 40097),
        ({"scene": "a", "width": 1281}, 40097),
        ({"scene": "a", "env_version": "beta"}, 40097),
    ],
)
def test_a_wrong_mini_program_code_request_is_refused(world: World, body: object, errcode: int) -> None:
    assert world.errcode(CODE, body) == errcode


def test_the_longest_scene_may_hold_every_allowed_character(world: World) -> None:
    assert world.raw_post(CODE, {"scene": "aZ9!#$&'()*+,/:;=?@-._~" + "x" * 9}).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("content", "verdict"), [("很好用", "pass"), ("a risky word", "risky"), ("review me", "review")]
)
def test_content_is_judged_by_its_words(world: World, content: str, verdict: str) -> None:
    answer = json.loads(
        world.raw_post(CHECK, {"version": 2, "openid": world.openid, "scene": 2, "content": content})
    )  # fmt: skip
    assert answer["result"]["suggest"] == verdict


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({}, 0),
        ({"version": 1}, 47001),
        ({"content": "x" * 2500}, 0),
        ({"content": "x" * 2501}, 45002),
        ({"scene": 0}, 40129),
        ({"scene": 5}, 40129),
        ({"openid": "nobody"}, 40003),
    ],
)
def test_content_checks_have_their_limits(world: World, changed: dict[str, object], errcode: int) -> None:
    body = {"version": 2, "openid": world.openid, "scene": 1, "content": "hello", **changed}
    assert world.errcode(CHECK, body) == errcode


@pytest.mark.parametrize(("seconds", "errcode"), [(7200, 0), (7201, 61010)])
def test_a_user_can_be_judged_for_two_hours_after_a_visit(world: World, seconds: int, errcode: int) -> None:
    check = {"version": 2, "openid": world.openid, "scene": 1, "content": "hello"}
    risk = {"appid": "wx1", "openid": world.openid, "scene": 1, "client_ip": "192.0.2.1"}
    world.clock.now += seconds
    world.rules._tokens[world.token] = world.clock.now + 1
    assert (world.errcode(CHECK, check), world.errcode(RISK, risk)) == (errcode, errcode)


@pytest.mark.parametrize(("address", "rank"), [("192.0.2.1", 0), ("203.0.113.0", 0), ("203.0.113.4", 4)])
def test_risk_goes_by_the_documentation_addresses(world: World, address: str, rank: int) -> None:
    body = {"appid": "wx1", "openid": world.openid, "scene": 0, "client_ip": address}
    assert json.loads(world.raw_post(RISK, body))["risk_rank"] == rank


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [({"scene": 3}, 40129), ({"appid": "wx2"}, 43104), ({"openid": "nobody"}, 40003), ({"client_ip": ""}, 47001)],
)
def test_a_wrong_risk_request_is_refused(world: World, changed: dict[str, object], errcode: int) -> None:
    body = {"appid": "wx1", "openid": world.openid, "scene": 1, "client_ip": "192.0.2.1", **changed}
    assert world.errcode(RISK, body) == errcode


@pytest.mark.parametrize("path", [SEND, CODE, CHECK, RISK, PHONE])
@pytest.mark.parametrize(
    ("token", "errcode"), [(None, 41001), ("", 41001), ("unknown", 40001), ("the good one, too late", 42001)]
)
def test_every_interface_looks_at_the_token_first(world: World, path: str, token: str | None, errcode: int) -> None:
    if token == "the good one, too late":
        token, world.clock.now = world.token, world.clock.now + 7200
    query = {} if token is None else {"access_token": token}
    answer = json.loads(world.rules.answer("POST", path, query, b"not json").body)
    assert answer["errcode"] == errcode
    assert world.rules.sent() == []


@pytest.mark.parametrize("path", ["/cgi-bin/stable_token", SEND, CODE, CHECK, RISK, PHONE])
@pytest.mark.parametrize(
    ("raw", "errcode"),
    [(b"", 44002), (b"{", 47001), (b"[]", 47001), (b"7", 47001), (b"\xff", 47001), (b"[" * 100_000, 47001)],
    ids=["empty", "half", "list", "number", "not utf-8", "deep"],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_refused(world: World, path: str, raw: bytes, errcode: int) -> None:
    assert json.loads(world.rules.answer("POST", path, {"access_token": world.token}, raw).body)["errcode"] == errcode


@pytest.mark.parametrize(
    ("query", "errcode"),
    [
        ({}, 41002),
        ({"appid": "wx1"}, 41004),
        ({"appid": "wx2", "secret": "secret"}, 40013),
        ({"appid": "wx1", "secret": "other"}, 40125),
        ({"appid": "wx1", "secret": "secret"}, 40002),
        ({"appid": "wx1", "secret": "secret", "grant_type": "authorization_code"}, 41008),
    ],
)
def test_a_login_lacking_something_says_what(world: World, query: dict[str, str], errcode: int) -> None:
    assert json.loads(world.rules.answer("GET", "/sns/jscode2session", query, b"").body)["errcode"] == errcode


def test_the_method_is_checked(world: World) -> None:
    assert json.loads(world.rules.answer("POST", "/sns/jscode2session", {}, b"{}").body)["errcode"] == 43001
    assert json.loads(world.rules.answer("GET", SEND, {}, b"").body)["errcode"] == 43002


# -- over the socket


@pytest.fixture
def fake() -> Iterator[FakeWechat]:
    with FakeWechat() as server:
        yield server


def exchange(fake: FakeWechat, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", int(fake.url.rsplit(":", 1)[1])), timeout=5) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


TOKEN_POST = b"POST /cgi-bin/stable_token HTTP/1.1\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "errcode"),
    [
        (b"GET /nowhere HTTP/1.1\r\n\r\n", 40066),
        (b"GET //[ HTTP/1.1\r\n\r\n", 40066),
        (b"GET http://[ HTTP/1.1\r\n\r\n", 47001),
        (b"GET /sns/jscode2session?" + b"a=1&" * 200 + b" HTTP/1.1\r\n\r\n", 47001),
        (b"POST /_script HTTP/1.1\r\nContent-Length: 1\r\n\r\n{", 47001),
        (b"POST /_script HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]", 47001),
        (b'POST /_script HTTP/1.1\r\nContent-Length: 29\r\n\r\n{"path": "/a", "acts": ["x"]}', 47001),
        (b"PUT /cgi-bin/stable_token HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 43002),
        (TOKEN_POST + b"\r\n", 44002),
        (TOKEN_POST + b"Content-Length: x\r\n\r\n", 44002),
        (TOKEN_POST + b"Content-Length: 99999999\r\n\r\n", 45002),
        (TOKEN_POST + b"Content-Length: 10\r\n\r\n{}", 40002),
    ],
)
def test_bad_input_gets_an_answer_in_wechats_shape_and_no_traceback(
    fake: FakeWechat, request_bytes: bytes, errcode: int, capfd: pytest.CaptureFixture[str]
) -> None:
    head, _, body = exchange(fake, request_bytes).partition(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 404"))
    assert json.loads(body)["errcode"] == errcode
    assert capfd.readouterr().err == ""


def test_what_was_sent_and_how_it_is_can_be_read_and_scripted_over_http(fake: FakeWechat) -> None:
    with urllib3.PoolManager() as http:
        assert http.request("GET", f"{fake.url}/_health").json() == {"status": "ok", "appid": fake.appid}
        script = {"path": "/cgi-bin/stable_token", "acts": ["error:45009"]}
        assert http.request("POST", f"{fake.url}/_script", json=script).json()["errcode"] == 0
        body = {"grant_type": "client_credential", "appid": fake.appid, "secret": fake.secret}
        assert http.request("POST", f"{fake.url}/cgi-bin/stable_token", json=body).json()["errcode"] == 45009
        token = http.request("POST", f"{fake.url}/cgi-bin/stable_token", json=body).json()["access_token"]
        code = {"scene": "邀请"}
        http.request("POST", f"{fake.url}{CODE}?access_token={token}", json=code)
        (sent,) = http.request("GET", f"{fake.url}/_sent").json()
    assert (sent["path"], sent["body"], sent["errcode"]) == (CODE, code, 40169)


def test_a_success_is_text_plain_without_an_errcode_as_in_life(fake: FakeWechat) -> None:
    query = {
        "appid": fake.appid, "secret": fake.secret, "js_code": "local:alice", "grant_type": "authorization_code",
    }  # fmt: skip
    with urllib3.PoolManager() as http:
        response = http.request("GET", f"{fake.url}/sns/jscode2session", fields=query)
    assert response.headers["Content-Type"] == "text/plain"
    assert set(response.json()) == {"openid", "session_key", "unionid"}


def test_a_taken_port_is_one_clear_line(fake: FakeWechat, capsys: pytest.CaptureFixture[str]) -> None:
    port = fake.url.rsplit(":", 1)[1]
    assert main(["--port", port]) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_told_to_stop(signal_number: signal.Signals) -> None:
    command = [sys.executable, "-m", "infra.local.wechat_server", "--port", "0", "--appid", "wx7", "--secret", "s"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        url = line.split()[2]
        with urllib3.PoolManager() as http:
            assert http.request("GET", f"{url}/_health").json()["appid"] == "wx7"
        process.send_signal(signal_number)
        rest, errors = process.communicate(timeout=10)
    assert (process.returncode, rest, errors) == (0, "", "")
