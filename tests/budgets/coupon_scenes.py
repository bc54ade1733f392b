"""Coupons: members' and operators' calls, a merchant's uses, and one delivery of each kind to the workers."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from chalicelib import ledger
from chalicelib.coupons import items
from chalicelib.coupons.items import CouponItem
from chalicelib.coupons.workers import coupon_expiry, coupons_due, issue_coupons
from chalicelib.notices import service
from tests.budgets.due_scenes import EVENT
from tests.budgets.members import Call, Scene, paid, regular
from tests.harness.api import Api, Member, Reply

MINE, USES = "/v1/me/coupons", "/v1/coupons/{code}/uses"
ADMIN = "/v1/admin/members/{member_id}/coupons"
BODY = {"coupon": "mall_10", "quantity": 1, "reason": "a courtesy"}
ORDER = {"order_id": "o-1", "amount_fen": 9_900}


def _grant(api: Api, member: Member, token: str) -> Reply:
    return api.call("POST", ADMIN.replace("{member_id}", member.member_id), BODY, token=token, key="once")


def _last(member: Member) -> str:
    """The member's newest entry as a message of the queue."""
    entries, _ = ledger.statement(member.member_id, 1, None)
    return json.dumps(service.fact(entries[0], "Asia/Shanghai"))


def _deliver(body: str) -> Any:
    return issue_coupons({"Records": [{"messageId": "m-1", "body": body}]}, None)


def _holder(api: Api, member: Member | None = None) -> tuple[Member, str]:
    """A member with one coupon, and its code."""
    member = member or regular(api)
    assert _grant(api, member, api.operator()).status == 200
    assert _deliver(_last(member)) == {"batchItemFailures": []}
    (item,) = CouponItem.query(member.member_id)
    return member, item.code


def _by_merchant(method: str, path: str, body: Any = None, *before: Callable[[Api, str], Reply]) -> Scene:
    """The merchant calls about a coupon, after these calls."""

    def scene(api: Api) -> Call:
        _, code = _holder(api)
        for call in before:
            assert call(api, code).status == 200
        return lambda: api.merchant(method, path.replace("{code}", code), body)

    return scene


def _use(api: Api, code: str) -> Reply:
    return api.merchant("POST", USES.replace("{code}", code), ORDER)


def _mine(api: Api) -> Call:
    member, _ = _holder(api)
    return lambda: api.call("GET", MINE, token=member.token)


def _of_member(method: str) -> Scene:
    def scene(api: Api) -> Call:
        (member, _), token = _holder(api), api.operator()
        path = ADMIN.replace("{member_id}", member.member_id)
        body = {**BODY, "reason": "once more"} if method == "POST" else None
        return lambda: api.call(method, path, body, token=token, key="another")

    return scene


def _granted_again(api: Api) -> Call:
    member, token = regular(api), api.operator()
    assert _grant(api, member, token).status == 200
    return lambda: _grant(api, member, token)


def _withdrawal(api: Api) -> Call:
    (_, code), token = _holder(api), api.operator()
    path = f"/v1/admin/coupons/{code}/withdrawal"
    return lambda: api.call("POST", path, {"reason": "a mistake"}, token=token)


def _surprise(api: Api) -> Call:
    token = api.operator()
    return lambda: api.call("GET", "/v1/admin/coupons/surprise", token=token)


def _issue(api: Api) -> Call:
    member = regular(api)
    assert _grant(api, member, api.operator()).status == 200
    body = _last(member)
    return lambda: _deliver(body)


def _issue_again(api: Api) -> Call:
    call = _issue(api)
    assert call() == {"batchItemFailures": []}
    return call


def _first_purchase(api: Api) -> Call:
    member = api.log_in("ann")
    assert api.order(member, 9_900, "o-1").status == 200
    body = _last(member)
    return lambda: _deliver(body)


def _first_purchase_refunded(api: Api) -> Call:
    assert _first_purchase(api)() == {"batchItemFailures": []}
    assert api.refund("o-1", "r-1", 9_900).status == 200
    body = _last(api.log_in("ann"))
    return lambda: _deliver(body)


def _refunded(api: Api) -> Call:
    """An order with a coupon, of a member of long standing."""
    member, code = _holder(api, paid(api))
    assert _use(api, code).status == 200
    assert api.refund("o-1", "r-1", 9_900).status == 200
    body = _last(member)
    return lambda: _deliver(body)


def _withdrawn(api: Api) -> Call:
    member, _ = _holder(api)
    fact = json.loads(_last(member))
    of = {"coupon": "mall_10", "quantity": 1, "of": fact["facts"]["coupons"][0]["of"], "since": fact["seq"]}
    body = json.dumps({**fact, "seq": fact["seq"] + 1, "facts": {"coupons_withdrawn": [of]}})
    return lambda: _deliver(body)


def _page(days: int, *, coupons: int = 1, page: int = 25) -> Scene:
    """So many days before the last one of the coupon (mall_10: ninety)."""

    def scene(api: Api) -> Call:
        member, _ = _holder(api)
        for number in range(1, coupons):
            path = ADMIN.replace("{member_id}", member.member_id)
            assert api.call("POST", path, BODY, token=api.operator(), key=f"k{number}").status == 200
            assert _deliver(_last(member)) == {"batchItemFailures": []}
        shard = next(iter(CouponItem.query(member.member_id))).due_shard
        api.clock.now += timedelta(days=90 - days)
        body = json.dumps({"job": "coupon_expiry", "shard": shard})

        def call() -> Any:
            with patch.object(items, "PAGE", page):
                return coupons_due({"Records": [{"messageId": "m-1", "body": body}]}, None)

        return call

    return scene


SCENES: dict[str, Scene] = {
    f"GET {MINE}": _mine,
    "GET /v1/coupons/{code}": _by_merchant("GET", "/v1/coupons/{code}"),
    f"POST {USES}": _by_merchant("POST", USES, ORDER),
    f"POST {USES}, replayed": _by_merchant("POST", USES, ORDER, _use),
    f"POST {USES}/{{order_id}}/cancellation": _by_merchant("POST", f"{USES}/o-1/cancellation", {}, _use),
    f"GET {ADMIN}": _of_member("GET"),
    f"POST {ADMIN}": _of_member("POST"),
    f"POST {ADMIN}, replayed": _granted_again,
    "POST /v1/admin/coupons/{code}/withdrawal": _withdrawal,
    "GET /v1/admin/coupons/surprise": _surprise,
    "IssueCoupons": _issue,
    "IssueCoupons, delivered again": _issue_again,
    "IssueCoupons, a withdrawal": _withdrawn,
    "IssueCoupons, a first purchase": _first_purchase,
    "IssueCoupons, a first purchase refunded": _first_purchase_refunded,
    "IssueCoupons, an order with a coupon refunded": _refunded,
    "CouponExpiry": lambda api: lambda: coupon_expiry(EVENT, None),
    "CouponsDue": _page(3),
    "CouponsDue, nobody": _page(4),
    "CouponsDue, followed by another page": _page(3, coupons=2, page=1),
}
