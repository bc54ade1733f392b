"""What operators do with members: find one, look, freeze with a reason, check its book."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.ledger.items import AccountItem
from chalicelib.shared import audit
from infra.local.wechat_server import FakeWechat
from tests.functional.members_room import accept_privacy_policy, act, erase
from tests.harness.api import Api, Member, Reply

SEARCH = "/v1/admin/members"


@pytest.fixture
def ann(api: Api) -> Member:
    """A member with a phone number."""
    member = api.log_in("ann")
    accept_privacy_policy(api, member)
    assert act(api, member, "POST", "/v1/me/phone", {"code": "phone:13800001111"}).status == 200
    return member


def look(api: Api, token: str, path: str) -> Reply:
    return api.call("GET", path, token=token)


def set_status(api: Api, token: str, member_id: str, step: str, reason: object = "asked for", key: str = "") -> Reply:
    path = f"{SEARCH}/{member_id}/{step}"
    return api.call("POST", path, {"reason": reason}, token=token, key=key or api.fresh())


def audited(api: Api, target: str) -> list[tuple[str, str, dict[str, Any]]]:
    """(actor, action, details) of the day's records about `target`, oldest first."""
    records = audit.page(api.clock.now.date().isoformat(), 100, None)[::-1]
    return [(r.actor, r.action, dict(r.details)) for r in records if r.target == target]


def test_a_member_is_found_by_openid_or_by_phone_number(api: Api, ann: Member, wechat: FakeWechat) -> None:
    support, openid = api.operator("support"), wechat.rules.openid("ann")
    api.log_in("ben")
    for query in (f"openid={quote(openid)}", "phone=%2B8613800001111"):
        reply = look(api, support, f"{SEARCH}?{query}")
        assert (reply.status, reply.body["member_id"]) == (200, ann.member_id), query
        assert "13800001111" not in json.dumps(reply.body)
        assert openid not in json.dumps(reply.body)
    for query, status, code in (
        ("", 422, "INVALID_FIELDS"),
        ("openid=a&phone=%2B8613800001111", 422, "INVALID_FIELDS"),
        ("phone=13800001111", 422, "INVALID_FIELDS"),
        ("phone=%2B861380000", 404, "MEMBER_UNKNOWN"),
        ("phone=%2B8613800001111&phone=%2B8613800001111", 422, "INVALID_FIELDS"),
        ("openid=nobody", 404, "MEMBER_UNKNOWN"),
        ("openid=%E5%BC%A0%E4%B8%89", 404, "MEMBER_UNKNOWN"),
        ("openid=" + "o" * 65, 422, "INVALID_FIELDS"),
        ("openid=", 422, "INVALID_FIELDS"),
        ("name=ann", 422, "INVALID_FIELDS"),
    ):
        reply = look(api, support, f"{SEARCH}?{query}")
        assert (reply.status, reply.code) == (status, code), query


def test_a_number_given_up_finds_nobody(api: Api, ann: Member) -> None:
    act(api, ann, "POST", "/v1/me/phone", {"code": "phone:13900002222"})
    support = api.operator("support")
    assert look(api, support, f"{SEARCH}?phone=%2B8613800001111").code == "MEMBER_UNKNOWN"
    assert look(api, support, f"{SEARCH}?phone=%2B8613900002222").body["member_id"] == ann.member_id


def test_support_sees_what_the_member_sees(api: Api, ann: Member) -> None:
    api.order(ann, 5_000)
    support = api.operator("support")
    own = api.call("GET", "/v1/me", token=ann.token)
    assert look(api, support, f"{SEARCH}/{ann.member_id}").body == own.body
    statement = api.call("GET", "/v1/me/points/entries?limit=2", token=ann.token)
    assert statement.body["next_cursor"]
    shown = look(api, support, f"{SEARCH}/{ann.member_id}/entries?limit=2")
    assert shown.body == statement.body
    rest = look(api, support, f"{SEARCH}/{ann.member_id}/entries?limit=2&cursor={shown.body['next_cursor']}")
    assert [item["seq"] for item in shown.body["items"] + rest.body["items"]] == [4, 3, 2, 1]


def test_an_id_that_is_no_member_s_is_unknown_whatever_it_looks_like(api: Api, ann: Member, wechat: FakeWechat) -> None:
    owner, openid = api.operator(), wechat.rules.openid("ann")
    for member_id in (
        "M" + "0" * 18, ann.member_id.lower(), "nobody", f"wechat%23{openid}", "%00", "%E5%BC%A0", "a%2Fb", "%ff", "..",
        "M" * 3000, "%7B%7D", f"{ann.member_id}%0A",
    ):  # fmt: skip
        for path in ("", "/entries", "/verification"):
            reply = look(api, owner, f"{SEARCH}/{member_id}{path}")
            assert (reply.status, reply.code) == (404, "MEMBER_UNKNOWN"), (member_id[:40], path)
        for step, body in (("freeze", {"reason": "why"}), ("adjustments", {"points": 1, "reason": "why"})):
            reply = api.call("POST", f"{SEARCH}/{member_id}/{step}", body, token=owner, key=api.fresh())
            assert (reply.status, reply.code) == (404, "MEMBER_UNKNOWN"), (member_id[:40], step)


def test_a_frozen_member_reads_and_does_not_act_until_released(api: Api, ann: Member) -> None:
    api.order(ann, 5_000)
    operator = api.operator("operator", "lee")
    reply = set_status(api, operator, ann.member_id, "freeze", "unusual orders")
    assert reply.status == 200
    assert reply.body["member_id"] == ann.member_id
    assert (reply.body["entry"]["kind"], reply.body["entry"]["points"]) == ("status_changed", 0)
    for path in ("/v1/me", "/v1/me/points", "/v1/me/points/entries"):
        assert api.call("GET", path, token=ann.token).status == 200, path
    assert api.call("GET", "/v1/me", token=ann.token).body["status"] == "frozen"
    acts = (
        ("PATCH", "/v1/me", {"nickname": "Ann"}),
        ("POST", "/v1/me/phone", {"code": "phone:13900002222"}),
        ("POST", "/v1/me/check-ins", {}),
        ("POST", "/v1/me/check-ins/make-up", {"on": "2026-11-23"}),
        ("POST", "/v1/me/actions", {"action_id": "a-1", "kind": "browse", "seconds": 300}),
        ("POST", "/v1/me/logout-everywhere", {}),
    )
    for method, path, body in acts:
        refused = act(api, ann, method, path, body)
        assert (refused.status, refused.code) == (403, "MEMBER_FROZEN"), path
    # A consent is the member's to withdraw at any time.
    withdrawn = {"name": "privacy_policy", "version": "1.0", "granted": False}
    assert act(api, ann, "POST", "/v1/me/consents", withdrawn).status == 200
    accept_privacy_policy(api, ann)
    api.clock.pass_(seconds=1)
    released = set_status(api, operator, ann.member_id, "unfreeze", "cleared up")
    assert released.status == 200
    assert act(api, ann, "PATCH", "/v1/me", {"nickname": "Ann"}).status == 200
    assert audited(api, ann.member_id) == [
        ("operator:lee", "member.frozen", {"reason": "unusual orders"}),
        ("operator:lee", "member.active", {"reason": "cleared up"}),
    ]


def test_freezing_twice_with_one_key_is_one_act(api: Api, ann: Member) -> None:
    lee, kim = api.operator("operator", "lee"), api.operator("operator", "kim")
    first = set_status(api, lee, ann.member_id, "freeze", key="k")
    again = set_status(api, lee, ann.member_id, "freeze", key="k")
    assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (200, first.body, "true")
    for step, reason in (("freeze", "another"), ("unfreeze", "asked for")):
        other = set_status(api, lee, ann.member_id, step, reason, key="k")
        assert (other.status, other.code) == (409, "IDEMPOTENCY_MISMATCH"), step
    assert len(audited(api, ann.member_id)) == 1
    # Another operator's key is another key.
    assert set_status(api, kim, ann.member_id, "unfreeze", key="k").status == 200
    assert api.account(ann).status == "active"


def test_freezing_asks_for_a_reason_and_a_key(api: Api, ann: Member) -> None:
    lee, path = api.operator("operator"), f"{SEARCH}/{ann.member_id}/freeze"
    for reason in ("", "n", "x" * 201, None, 5):
        assert set_status(api, lee, ann.member_id, "freeze", reason).status == 422, reason
    assert api.call("POST", path, {}, token=lee, key="k").status == 422
    assert api.call("POST", path, {"reason": "asked for"}, token=lee).status == 422
    assert (api.account(ann).status, audited(api, ann.member_id)) == ("active", [])


def test_nobody_brings_an_erased_member_back_by_releasing_it(api: Api, ann: Member) -> None:
    erase(api, ann)
    for step in ("freeze", "unfreeze"):
        reply = set_status(api, api.operator(), ann.member_id, step)
        assert (reply.status, reply.code) == (403, "MEMBER_ERASED"), step
    assert api.account(ann).status == "erased"
    assert audited(api, ann.member_id) == []


def test_verification_finds_nothing_wrong_with_a_right_book_and_names_what_is_wrong(api: Api, ann: Member) -> None:
    api.order(ann, 12_345)
    analyst, path = api.operator("analyst"), f"{SEARCH}/{ann.member_id}/verification"
    assert look(api, analyst, path).body == {"member_id": ann.member_id, "problems": []}
    item = AccountItem.get(ann.member_id)
    right = item.to_simple_dict()
    item.state = {**item.state, "lots": {day: points + 1 for day, points in item.state["lots"].items()}}
    item.save()
    assert any(problem.startswith("I1") for problem in look(api, analyst, path).body["problems"])
    item.state = right["state"] if isinstance(right["state"], dict) else json.loads(right["state"])
    item.save()
    assert look(api, analyst, path).body["problems"] == []
