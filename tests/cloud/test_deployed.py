"""The stack as deployed: every room's function answers, through the front address, in the one shape."""

import json
from typing import Any

import pytest

from app import app
from infra.app_stack import QUEUE_WORKERS, handlers, http_rooms
from tests.cloud.brand import STAGE, Brand, Stack, entries, kinds
from tests.harness.api import Reply

PUBLIC, MEMBER, MERCHANT, OPERATOR = "public", "member", "merchant", "operator"
# One reading call a room, and who makes it. Nobody has made a hold: the room that answers says so.
READS = {
    "members": ("/v1/me", MEMBER),
    "earning": ("/v1/rules", PUBLIC),
    "tiers": ("/v1/me/tier", MEMBER),
    "notices": ("/v1/me/notices", MEMBER),
    "redemption": ("/v1/offers", MEMBER),
    "coupons": ("/v1/me/coupons", MEMBER),
    "lottery": ("/v1/lotteries", PUBLIC),
    "holds": ("/v1/holds/none", MERCHANT),
    "console": ("/v1/admin/rulebook", OPERATOR),
    "insights": ("/v1/admin/metrics?from=2026-11-01&to=2026-11-30", OPERATOR),
}


def is_refusal(reply: Reply, status: int, code: str) -> None:
    assert (reply.status, reply.code) == (status, code)
    assert set(reply.body["error"]) == {"code", "message", "message_zh", "request_id", "retryable", "details"}
    assert reply.body["error"]["request_id"] == reply.headers["X-Request-Id"]


def test_a_member_joins_checks_in_buys_gives_back_and_reads_an_exact_statement(brand: Brand) -> None:
    member = brand.newcomer()
    check_in = brand.call("POST", "/v1/me/check-ins", key=brand.fresh(), token=member.token)
    order = {"order_id": brand.fresh("order"), "member_id": member.member_id, "amount_fen": 26_800}
    order["paid_at"] = brand.clock.now.isoformat()
    promised = brand.merchant("POST", "/v1/points/preview", order)
    paid = brand.merchant("POST", "/v1/orders", order)
    refunded = brand.refund(order["order_id"], brand.fresh("refund"), 26_800)
    assert [reply.status for reply in (check_in, promised, paid, refunded)] == [200] * 4

    assert paid.body["entry"]["lines"] == promised.body["entry"]["lines"]
    assert paid.body["entry"]["points"] >= 268
    assert refunded.body["entry"]["points"] == -paid.body["entry"]["points"]
    first = brand.call("GET", "/v1/me/points/entries?limit=3", token=member.token).body
    cursor = first["next_cursor"]
    rest = brand.call("GET", f"/v1/me/points/entries?limit=3&cursor={cursor}", token=member.token).body
    statement = [*first["items"], *rest["items"]]
    assert rest["next_cursor"] is None
    assert [line["kind"] for line in statement] == ["order_refunded", "order_paid", "check_in", "joined"]
    assert statement[:3] == [refunded.body["entry"], paid.body["entry"], check_in.body["entry"]]
    home = brand.call("GET", "/v1/me", token=member.token).body
    assert home["points"]["balance"] == sum(line["points"] for line in statement) == statement[0]["balance_after"]


@pytest.mark.parametrize("room", http_rooms(app))
def test_every_rooms_function_answers(brand: Brand, room: str) -> None:
    path, caller = READS[room]
    token = {PUBLIC: lambda: None, MEMBER: lambda: brand.newcomer().token, OPERATOR: brand.operator}
    reply = brand.merchant("GET", path) if caller == MERCHANT else brand.call("GET", path, token=token[caller]())
    assert (reply.status, reply.code) == ((404, "HOLD_UNKNOWN") if caller == MERCHANT else (200, ""))
    assert reply.headers["X-Request-Id"]


def test_the_functions_deployed_are_those_of_the_code_and_each_can_be_loaded(stack: Stack) -> None:
    client = stack.client("lambda")
    deployed = {found["FunctionName"]: found["Handler"] for found in client.list_functions()["Functions"]}
    assert deployed == {f"membership-{STAGE}-{name}": handler for name, handler in handlers(app).items()}
    for worker in QUEUE_WORKERS:
        answer = client.invoke(FunctionName=f"membership-{STAGE}-{worker}", Payload=json.dumps({"Records": []}))
        assert "FunctionError" not in answer
        assert json.loads(answer["Payload"].read()) == {"batchItemFailures": []}


def test_refusals_have_one_shape_wherever_they_come_from(brand: Brand) -> None:
    token = brand.newcomer().token
    is_refusal(brand.call("GET", "/v1/nowhere"), 404, "NOT_FOUND")
    is_refusal(brand.call("GET", "/elsewhere"), 404, "NOT_FOUND")
    is_refusal(brand.call("GET", "/v1/me"), 401, "UNAUTHORIZED")
    is_refusal(brand.call("GET", "/v1/admin/rulebook", token=token), 401, "UNAUTHORIZED")
    is_refusal(brand.call("POST", "/v1/auth/wechat", raw=b"{"), 400, "MALFORMED")
    is_refusal(brand.call("POST", "/v1/me/check-ins", token=token), 422, "INVALID_FIELDS")


@pytest.mark.parametrize(("size", "status"), [(256 * 1024, 400), (256 * 1024 + 1, 413), (10 * 1024 * 1024 + 1, 413)])
def test_a_body_too_large_is_refused(brand: Brand, size: int, status: int) -> None:
    reply = brand.call("POST", "/v1/auth/wechat", raw=b"x" * size)
    is_refusal(reply, status, {400: "MALFORMED", 413: "BODY_TOO_LARGE"}[status])


def test_every_answer_has_a_request_id_of_its_own(brand: Brand) -> None:
    replies = [brand.call("GET", path) for path in ("/v1/rules", "/v1/rules", "/v1/me", "/v1/me")]
    assert len({reply.headers["X-Request-Id"] for reply in replies}) == 4


def test_an_operators_correction_is_entered_and_audited(brand: Brand) -> None:
    member, owner = brand.newcomer(), brand.operator()
    body: dict[str, Any] = {"points": -30, "reason": "a broken parcel"}
    reply = brand.call("POST", f"/v1/admin/members/{member.member_id}/adjustments", body, token=owner, key="once")
    assert (reply.status, reply.body["entry"]["balance_after"]) == (200, 70)
    assert kinds(member) == ["joined", "points_adjusted"]
    trail = brand.call("GET", "/v1/admin/audit?limit=100", token=owner).body["items"]
    assert [record["target"] for record in trail].count(member.member_id) == 1
    assert entries(member)[-1].points == -30
