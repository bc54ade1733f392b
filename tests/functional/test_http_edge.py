"""The HTTP rim: one error shape, bodies read strictly, repeats made harmless by their key, nothing private echoed."""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pynamodb.exceptions import GetError

from chalicelib import ledger
from chalicelib.members import service
from chalicelib.shared import edge
from tests.functional.members_room import act
from tests.harness.api import Api, Reply

ERROR_FIELDS = {"code", "message", "message_zh", "request_id", "retryable", "details"}
LOGIN = "/v1/auth/wechat"


def check_error(reply: Reply, status: int, code: str) -> None:
    """The one shape, and nothing beside it."""
    assert (reply.status, reply.code) == (status, code), reply
    assert set(reply.body) == {"error"}
    error = reply.body["error"]
    assert set(error) == ERROR_FIELDS
    assert re.fullmatch(r"[A-Z][A-Z_]+", error["code"])
    assert re.search(r"[a-z]", error["message"])
    assert re.search(r"[\u4e00-\u9fff]", error["message_zh"])
    assert error["request_id"] == reply.headers["X-Request-Id"] != ""
    assert isinstance(error["retryable"], bool)
    assert isinstance(error["details"], list)
    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    assert ("Retry-After" in reply.headers) == (status == 429)


def test_every_refusal_has_one_shape_whatever_its_status(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    member, owner = api.log_in(), api.operator()
    monkeypatch.setattr(service, "TWIN_SECONDS", 0)
    me: dict[str, Any] = {"token": member.token}
    check_error(api.call("POST", LOGIN, raw=b"{"), 400, "MALFORMED")
    check_error(api.call("GET", "/v1/me/points/entries?cursor=x", **me), 400, "BAD_CURSOR")
    check_error(api.call("GET", "/v1/me"), 401, "UNAUTHORIZED")
    check_error(api.call("POST", LOGIN, {"code": "error:40226"}), 403, "WECHAT_USER_BLOCKED")
    check_error(api.call("GET", "/v1/admin/metrics", token=api.operator("support")), 403, "FORBIDDEN")
    check_error(api.call("GET", "/v1/admin/members/none", token=owner), 404, "MEMBER_UNKNOWN")
    check_error(api.call("PATCH", "/v1/me", {"nickname": "Ann"}, key="k", **me), 409, "CONSENT_REQUIRED")
    check_error(api.call("POST", LOGIN, raw=b" " * (256 * 1024 + 1)), 413, "BODY_TOO_LARGE")
    check_error(api.call("POST", LOGIN, {}), 422, "INVALID_FIELDS")
    check_error(api.call("POST", LOGIN, {"code": "error:45011"}), 429, "WECHAT_QUOTA")
    check_error(api.call("POST", LOGIN, {"code": "error:40013"}), 502, "WECHAT_MISCONFIGURED")
    check_error(api.call("POST", LOGIN, {"code": "error:-1"}), 503, "WECHAT_BUSY")


def test_a_failure_of_ours_says_nothing_of_itself_and_may_be_retried(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    member = api.log_in()

    def broken(member_id: str) -> None:
        raise RuntimeError(f"could not find +8613800001111 of {member_id}")

    monkeypatch.setattr(ledger, "load", broken)
    reply = api.call("GET", "/v1/me", token=member.token)
    check_error(reply, 500, "INTERNAL")
    assert reply.body["error"]["retryable"] is True
    line = next(json.loads(text) for text in capsys.readouterr().out.splitlines() if '"failure"' in text)
    assert (line["error"], line["request_id"]) == ("RuntimeError", reply.headers["X-Request-Id"])
    assert "13800001111" not in json.dumps([line, reply.body])


def test_dynamodb_in_trouble_is_a_refusal_that_may_be_retried_and_our_own_mistake_is_not_hidden(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = api.log_in()
    for code, status, expected in (
        ("ThrottlingException", 503, "UNAVAILABLE"),
        ("ProvisionedThroughputExceededException", 503, "UNAVAILABLE"),
        ("InternalServerError", 503, "UNAVAILABLE"),
        ("ValidationException", 500, "INTERNAL"),
        ("AccessDeniedException", 500, "INTERNAL"),
    ):
        cause = Exception(code)
        cause.response = {"Error": {"Code": code}}  # type: ignore[attr-defined]

        def refuse(member_id: str, cause: Exception = cause) -> None:
            raise GetError("no", cause)

        monkeypatch.setattr(ledger, "load", refuse)
        check_error(api.call("GET", "/v1/me", token=member.token), status, expected)


def test_every_answer_bears_a_request_id_of_its_own(api: Api) -> None:
    member = api.log_in()
    replies = [api.call("GET", path, token=member.token) for path in ("/v1/rules", "/v1/me", "/v1/admin/rulebook") * 2]
    ids = [reply.headers["X-Request-Id"] for reply in replies]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9-]{8,64}", one) for one in ids)


# -- bodies


def test_a_body_that_is_not_json_is_malformed(api: Api) -> None:
    code = b'{"code": "local:ann"'
    for raw in (
        b"", b"  ", b"{", b"}", code, b"{'code': 'local:ann'}", code + b",}", code + b"}}", b"code=local:ann",
        b"\x00", code + b"}\x00", b"\xff\xfe{\x00}\x00", b'{"code": "\xff"}', b'{"code": "\xed\xa0\x80"}',
        '{"code": "local:ann"}'.encode("utf-16"), b'{"code": "a\nb"}',
        b'{"code": NaN}', b'{"code": Infinity}', b'{"code": -Infinity}', b'{"code": 1e999}', b'{"x": [-1e999]}',
        b'{"code": ' + b"9" * 5000 + b"}", b'{"code": 01}', b'{"code": "local:ann", "code": "local:ben"}',
        b'{"x": {"a": 1, "\\u0061": 2}}', b"[" * 100_000, b'{"a":' * 40_000, b'"' + b"\\u0000" * 10,
    ):  # fmt: skip
        reply = api.call("POST", LOGIN, raw=raw)
        assert (reply.status, reply.code) == (400, "MALFORMED"), raw[:60]


def test_json_that_is_unusual_but_right_is_read(api: Api) -> None:
    for number, raw in enumerate(
        (
            b'\xef\xbb\xbf{"code": "local:ann:bom"}',
            b'\r\n\t {"code"\n:"local:ann:space"} ',
            b'{"c\\u006fde": "\\u006cocal:ann:escaped"}',
            '{"code": "local:ann:😀"}'.encode(),
            b'{"code": "local:ann:\\ud83d\\ude00 pair"}',
            b'{"code": "local:ann:\\u0000"}',
            b'{"code": "local:ann:\\\\ud800"}',
        )
    ):
        reply = api.call("POST", LOGIN, raw=raw, headers={"Content-Type": ("text/plain", "")[number % 2]})
        assert reply.status == 200, raw


def test_json_that_no_text_or_stack_could_hold_is_refused_and_nothing_breaks(api: Api) -> None:
    owner = api.operator()
    lone, deep = (
        (b'"\\ud800"', b'["\\udc00\\ud800"]', b'{"\\uDC00": 1}'),
        (b"[" * 400 + b"]" * 400, b'{"a":' * 300 + b"1" + b"}" * 300),
    )
    for value in (*lone, *deep):
        for raw in (value, b'{"code": ' + value + b"}", b'{"code": "local:ann", "x": ' + value + b"}"):
            assert api.call("POST", LOGIN, raw=raw).code == "INVALID_FIELDS", raw[:40]
        for path in ("/v1/admin/rulebook/validate", "/v1/admin/rulebook/drafts"):
            reply = api.call("POST", path, raw=b'{"document": {"x": ' + value + b"}}", token=owner)
            assert reply.status == 422 or reply.body["publishable"] is False, (path, value[:40], reply)
            assert json.dumps(reply.body, ensure_ascii=False).encode()


def test_a_body_may_be_256_kb_and_no_larger(api: Api) -> None:
    body = b'{"code": "local:ann"}'
    full = body + b" " * (edge.MAX_BODY_BYTES - len(body))
    assert api.call("POST", LOGIN, raw=full).status == 200
    assert api.call("POST", LOGIN, raw=full + b" ").code == "BODY_TOO_LARGE"
    assert edge.MAX_BODY_BYTES == 256 * 1024


def test_fields_of_the_wrong_kind_are_named_one_by_one(api: Api) -> None:
    for body, fields in (
        ([], {"body"}),
        ("text", {"body"}),
        (None, {"body"}),
        (7, {"body"}),
        ({}, {"code"}),
        ({"code": None}, {"code"}),
        ({"code": 7}, {"code"}),
        ({"code": ["a"]}, {"code"}),
        ({"code": {"a": 1}}, {"code"}),
        ({"code": ""}, {"code"}),
        ({"code": "x" * 129}, {"code"}),
        ({"code": "local:ann", "invite_code": 7}, {"invite_code"}),
        ({"Code": "local:ann", "code": "local:ann"}, {"Code"}),
        ({"cod": "a", "invite_code": []}, {"cod", "code", "invite_code"}),
        ({"code": "a", "": 1}, {"body"}),
        ({"code": "a", "名": 1}, {"名"}),
    ):
        reply = api.call("POST", LOGIN, raw=json.dumps(body).encode())
        check_error(reply, 422, "INVALID_FIELDS")
        details = reply.body["error"]["details"]
        assert {detail["field"] for detail in details} == fields, body
        assert all(set(detail) == {"field", "problem"} for detail in details)


def test_numbers_that_are_not_whole_fen_are_refused(api: Api) -> None:
    member = api.log_in()
    for amount in (-1, 1.5, "100", True, None, 10**12 + 1, 10**30, 1e30, [1], {"fen": 1}):
        order = {"order_id": "o-1", "member_id": member.member_id, "paid_at": "2026-11-24T03:00:00Z"}
        reply = api.merchant("POST", "/v1/orders", {**order, "amount_fen": amount})
        assert (reply.status, reply.code) == (422, "INVALID_FIELDS"), amount
        assert reply.body["error"]["details"][0]["field"] == "amount_fen"
    assert api.account(member).balance == 100


def test_a_refusal_does_not_repeat_what_was_sent_and_stays_small(api: Api) -> None:
    member, marker = api.log_in(), "13800001111"
    long, many = "x" * 200_000, {f"field-{number}": 1 for number in range(5_000)}
    sent: tuple[tuple[str, str, Any], ...] = (
        ("POST", LOGIN, {"code": [marker]}),
        ("POST", LOGIN, {"code": marker * 20}),
        ("POST", LOGIN, marker),
        ("POST", "/v1/auth/refresh", {"refresh_token": marker * 20}),
        ("PATCH", "/v1/me", {"nickname": f"\x00{marker}", "avatar_url": f"http://{marker}", "birthday": marker}),
        ("POST", "/v1/me/phone", {"code": {"phone": marker}}),
        ("POST", "/v1/me/consents", {"name": marker, "version": f" {marker}", "granted": marker}),
        ("POST", "/v1/me/check-ins/make-up", {"on": marker}),
        ("POST", "/v1/me/actions", {"action_id": f"#{marker}", "kind": marker * 5, "seconds": marker}),
    )
    for method, path, body in sent:
        reply = act(api, member, method, path, body)
        assert reply.status == 422, path
        assert marker not in json.dumps(reply.body), path
    for body in ({"code": "a", long: 1}, {"code": "a", **many}):
        reply = api.call("POST", LOGIN, body)
        assert reply.status == 422
        assert len(json.dumps(reply.body)) < 16_000


def test_a_body_is_not_needed_where_it_has_no_fields(api: Api) -> None:
    token = api.log_in().token
    assert api.call("POST", "/v1/me/check-ins", token=token, key="a").status == 200
    for raw, status in ((b"", 409), (b"  ", 409), (b"{}", 409), (b"null", 422), (b"[]", 422), (b'{"a":1}', 422)):
        assert api.call("POST", "/v1/me/check-ins", raw=raw, token=token, key=api.fresh()).status == status, raw
    assert api.call("POST", "/v1/me/check-ins", raw=b"{", token=token, key="c").status == 400


def test_documents_that_are_json_but_no_rulebook_are_told_so(api: Api) -> None:
    owner = api.operator()
    for raw, statuses in (
        (b'{"document": {"a": 1e308, "b": [[[]]], "\\u0000": "\\u0000"}}', {200, 422}),
        (b'{"document": {"points_per_yuan_value": ' + b"9" * 4000 + b"}}", {200, 422}),
        (b'{"document": {"schema_version": {}, "brand": [], "earning": {"a": 1}, "tiers": "x"}}', {200, 422}),
        (b'{"document": {"x": 1e999}}', {400}),
    ):
        for path in ("/v1/admin/rulebook/validate", "/v1/admin/rulebook/drafts"):
            reply = api.call("POST", path, raw=raw, token=owner)
            assert reply.status in statuses | ({201} if 200 in statuses else set()), (path, raw[:60], reply)


# -- queries, cursors


def cursor_of(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def cursors() -> Iterator[str]:
    """Cursors nobody issued."""
    yield from ("x", "a b", "%FF", "%00", "!!!!", "=", "é", "A" * 5)
    values: tuple[Any, ...] = (
        0, -1, 1.5, True, "1", [], [1], {}, {"after": 1}, {"before": 1}, {"seq": 1}, 10**40, 2**53, 1e300,
        {"after": ["x"]}, {"before": "2020-01-01T"}, {"number": -1}, {"a": {"b": "c"}},
    )  # fmt: skip
    for value in values:
        yield cursor_of(json.dumps(value).encode())
    for raw in (b"[" * 1400, b"9" * 1400, b"NaN", b"1e999", b'"\\ud800"', b"\xff"):
        yield cursor_of(raw)


def test_a_cursor_we_did_not_issue_is_refused_on_every_list(api: Api) -> None:
    member, owner = api.log_in(), api.operator()
    lists = {
        "/v1/me/points/entries": member.token,
        f"/v1/admin/members/{member.member_id}/entries": owner,
        "/v1/admin/operators": owner,
        "/v1/admin/audit": owner,
        "/v1/admin/rulebook/versions": owner,
        "/v1/admin/rulebook/drafts": owner,
    }
    for path, token in lists.items():
        assert api.call("GET", path, token=token).status == 200, path
        for cursor in cursors():
            reply = api.call("GET", f"{path}?cursor={cursor}", token=token)
            # One that happens to be readable is a page like any other; it never is our bug.
            assert (reply.status, reply.code) in ((400, "BAD_CURSOR"), (200, "")), (path, cursor[:40], reply)
        # Among them numbers that DynamoDB could not even be asked about.
        for cursor in ("eA", cursor_of(b"9" * 40)):
            assert api.call("GET", f"{path}?cursor={cursor}", token=token).code == "BAD_CURSOR", path
        assert api.call("GET", f"{path}?cursor={'A' * 2049}", token=token).status == 422, path


def test_a_query_is_read_as_strictly_as_a_body(api: Api) -> None:
    token, path = api.log_in().token, "/v1/me/points/entries"
    for query, status in (
        ("", 200),
        ("limit=1", 200),
        ("limit=100", 200),
        ("limit=%31%30", 200),
        ("limit=0", 422),
        ("limit=101", 422),
        ("limit=-1", 422),
        ("limit=1.5", 422),
        ("limit=", 422),
        ("limit=ten", 422),
        ("limit=%E5%8D%81", 422),
        (f"limit={'9' * 5000}", 422),
        ("limit=1&limit=2", 422),
        ("limit=1&limit=1", 422),
        ("Limit=1", 422),
        ("offset=1", 422),
        ("%E9%A1%B5=1", 422),
        ("limit=1&%E9%A1%B5=1&%E9%A1%B5=2", 422),
        ("cursor=", 200),
    ):
        reply = api.call("GET", f"{path}?{query}", token=token)
        assert reply.status == status, (query[:40], reply)
    twice = api.call("GET", f"{path}?limit=1&limit=2", token=token)
    assert twice.body["error"]["details"] == [{"field": "limit", "problem": "given more than once"}]


def test_pages_follow_one_another_without_a_gap(api: Api) -> None:
    member = api.log_in()
    for _ in range(6):
        api.order(member, 1_000)
    seen, cursor = [], ""
    for _ in range(4):
        page = api.call("GET", f"/v1/me/points/entries?limit=2{cursor}", token=member.token)
        assert set(page.body) == {"items", "next_cursor"}
        seen += [item["seq"] for item in page.body["items"]]
        cursor = f"&cursor={page.body['next_cursor']}"
    assert (seen, page.body["next_cursor"]) == ([7, 6, 5, 4, 3, 2, 1], None)
