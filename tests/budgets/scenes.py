"""One typical call of every route, prepared, and the workers' own: what the budgets measure and the grants are held
against."""

from collections.abc import Callable
from typing import Any

from chalicelib.members import sessions
from chalicelib.rulebook.presets import preset
from infra.local.wechat_rules import WechatRules
from tests.budgets import (
    coupon_scenes,
    due_scenes,
    hold_scenes,
    lottery_scenes,
    mall_scenes,
    offer_scenes,
    redemption_scenes,
    reevaluation_scenes,
    tier_scenes,
    worker_scenes,
)
from tests.budgets.members import Call, Scene, paid, regular
from tests.harness.api import Api, Member, Reply

PASSWORD = "correct horse battery"
OPENID = WechatRules("wxtest", "wechat-secret").openid("ann")


def _by_member(method: str, path: str, body: Any = None, *, key: bool = False) -> Scene:
    """The regular member calls; `key`: with an Idempotency-Key."""

    def scene(api: Api) -> Call:
        member = regular(api)
        return lambda: api.call(method, path, body, token=member.token, key=api.fresh() if key else None)

    return scene


def _by_operator(method: str, path: str, body: Any = None, *, key: bool = False) -> Scene:
    """The owner calls; `{member}` in the path is the regular member."""

    def scene(api: Api) -> Call:
        member, token = regular(api), api.operator()
        target = path.replace("{member}", member.member_id)
        return lambda: api.call(method, target, body, token=token, key=api.fresh() if key else None)

    return scene


def _by_owner(method: str, path: str, body: Any = None) -> Scene:
    """The owner calls a brand that has no members yet."""

    def scene(api: Api) -> Call:
        token = api.operator()
        return lambda: api.call(method, path, body, token=token)

    return scene


def _check_in_again(api: Api) -> Call:
    member = regular(api)

    def check_in() -> Reply:
        return api.call("POST", "/v1/me/check-ins", token=member.token, key="once")

    assert check_in().status == 200
    return check_in


def _order(api: Api) -> Call:
    member = regular(api)
    return lambda: api.order(member, 9_900)


def _order_by_openid(api: Api) -> Call:
    regular(api)
    body = {"order_id": "o-1", "openid": OPENID, "paid_at": api.clock.now.isoformat(), "amount_fen": 9_900}
    return lambda: api.merchant("POST", "/v1/orders", body)


def _order_again(api: Api) -> Call:
    member = regular(api)
    body = {"paid_at": api.clock.now.isoformat()}
    assert api.order(member, 9_900, "o-1", **body).status == 200
    return lambda: api.order(member, 9_900, "o-1", **body)


def _completion(api: Api) -> Call:
    paid(api)
    return lambda: api.complete("o-1")


def _refund(api: Api) -> Call:
    paid(api)
    return lambda: api.refund("o-1", "r-1", 3_300)


def _refund_again(api: Api) -> Call:
    paid(api)
    assert api.refund("o-1", "r-1", 3_300).status == 200
    return lambda: api.refund("o-1", "r-1", 3_300)


def _refund_first(api: Api) -> Call:
    regular(api)
    return lambda: api.refund("o-1", "r-1", 3_300)


def _order_after_refund(api: Api) -> Call:
    member = regular(api)
    assert api.refund("o-1", "r-1", 3_300).body["status"] == "awaiting_order"
    return lambda: api.order(member, 9_900, "o-1")


def _event_body(api: Api, member: Member) -> dict[str, Any]:
    occurred_at = api.clock.now.isoformat()
    return {"event_id": "e-1", "member_id": member.member_id, "kind": "review_approved", "occurred_at": occurred_at}


def _event(api: Api) -> Call:
    member = regular(api)
    return lambda: api.merchant("POST", "/v1/events", _event_body(api, member))


def _preview(api: Api) -> Call:
    member = regular(api)
    return lambda: api.merchant("POST", "/v1/points/preview", _event_body(api, member))


def _make_up(api: Api) -> Call:
    member = regular(api)
    missed = {"on": api.clock.now.date().replace(day=api.clock.now.day - 1).isoformat()}
    return lambda: api.call("POST", "/v1/me/check-ins/make-up", missed, token=member.token, key=api.fresh())


def _first_login(api: Api) -> Call:
    return lambda: api.call("POST", "/v1/auth/wechat", {"code": "local:bob:1"})


def _next_login(api: Api) -> Call:
    regular(api)
    return lambda: api.call("POST", "/v1/auth/wechat", {"code": "local:ann:next"})


def _eleventh_login(api: Api) -> Call:
    call = _next_login(api)
    for _ in range(sessions.MAX_SESSIONS):
        api.log_in("ann")
    return call


def _double_tap(api: Api) -> Call:
    call = _next_login(api)
    assert call().status == 200
    return call


def _refresh(path: str) -> Scene:
    def scene(api: Api) -> Call:
        token = regular(api).refresh_token
        return lambda: api.call("POST", path, {"refresh_token": token})

    return scene


def _refresh_twice(api: Api) -> Call:
    """A refresh token that was replaced long ago turns up again."""
    call = _refresh("/v1/auth/refresh")(api)
    assert call().status == 200
    api.clock.pass_(seconds=sessions.RETRY_SECONDS + 1)
    return call


def _phone(api: Api) -> Call:
    member = regular(api)
    body = {"code": "phone:13800000000:1"}
    return lambda: api.call("POST", "/v1/me/phone", body, token=member.token, key=api.fresh())


def _new_phone(api: Api) -> Call:
    member = regular(api)

    def bind(number: str) -> Reply:
        body = {"code": f"phone:{number}:1"}
        return api.call("POST", "/v1/me/phone", body, token=member.token, key=api.fresh())

    assert bind("13800000000").status == 200
    return lambda: bind("13800000001")


def _search_phone(api: Api) -> Call:
    assert _phone(api)().status == 200
    token = api.operator()
    return lambda: api.call("GET", "/v1/admin/members?phone=%2B8613800000000", token=token)


def _search_openid(api: Api) -> Call:
    regular(api)
    token = api.operator()
    return lambda: api.call("GET", f"/v1/admin/members?openid={OPENID}", token=token)


def _drafted(make: Callable[[Api, str, int], Reply]) -> Scene:
    """A draft of the owner lies there."""

    def scene(api: Api) -> Call:
        token = api.operator()
        saved = api.call("POST", "/v1/admin/rulebook/drafts", {"document": preset("retail")}, token=token)
        return lambda: make(api, token, saved.body["draft"])

    return scene


def _change_draft(api: Api, token: str, draft: int) -> Reply:
    body = {"document": preset("retail"), "revision": 1}
    return api.call("PUT", f"/v1/admin/rulebook/drafts/{draft}", body, token=token)


def _operator(make: Callable[[Api, str, str], Reply]) -> Scene:
    """Another operator, by name, and the owner's token."""

    def scene(api: Api) -> Call:
        token = api.operator()
        api.operator("operator", "eve")
        return lambda: make(api, token, "eve")

    return scene


def _own_password(api: Api) -> Call:
    token = api.operator("operator", "eve")
    body = {"current_password": PASSWORD, "new_password": PASSWORD + "!"}
    return lambda: api.call("POST", "/v1/admin/me/password", body, token=token)


def _metrics(api: Api) -> Call:
    token = api.operator()
    return lambda: api.call("GET", "/v1/admin/metrics?from=2026-11-24&to=2026-11-24", token=token)


_DRAFTS, _ROLE = "/v1/admin/rulebook/drafts", {"role": "support"}
_NEW_OPERATOR = {"name": "eve", "role": "operator", "password": PASSWORD}


def _login(api: Api) -> Call:
    api.operator("operator", "eve")
    return lambda: api.call("POST", "/v1/admin/login", {"name": "eve", "password": PASSWORD})


def _merchant_key(api: Api) -> Call:
    token = api.operator()
    (key,) = api.call("GET", "/v1/admin/merchant-keys", token=token).body["items"]
    return lambda: api.call("DELETE", f"/v1/admin/merchant-keys/{key['key_id']}", token=token)


SCENES: dict[str, Scene] = {
    "POST /v1/auth/wechat": _next_login,
    "POST /v1/auth/wechat, the first time": _first_login,
    "POST /v1/auth/wechat, tapped twice": _double_tap,
    "POST /v1/auth/wechat, on an eleventh device": _eleventh_login,
    "POST /v1/auth/refresh": _refresh("/v1/auth/refresh"),
    "POST /v1/auth/refresh, used twice": _refresh_twice,
    "POST /v1/auth/logout": _refresh("/v1/auth/logout"),
    "POST /v1/me/logout-everywhere": _by_member("POST", "/v1/me/logout-everywhere", key=True),
    "GET /v1/me": _by_member("GET", "/v1/me"),
    "PATCH /v1/me": _by_member("PATCH", "/v1/me", {"nickname": "安"}, key=True),
    "POST /v1/me/phone": _phone,
    "POST /v1/me/phone, another number": _new_phone,
    "POST /v1/me/consents": _by_member(
        "POST", "/v1/me/consents", {"name": "marketing", "version": "1", "granted": True}, key=True
    ),
    "GET /v1/me/points": _by_member("GET", "/v1/me/points"),
    "GET /v1/me/points/entries": _by_member("GET", "/v1/me/points/entries"),
    "GET /v1/rules": _by_member("GET", "/v1/rules"),
    "POST /v1/me/check-ins": _by_member("POST", "/v1/me/check-ins", key=True),
    "POST /v1/me/check-ins, replayed": _check_in_again,
    "POST /v1/me/check-ins/make-up": _make_up,
    "POST /v1/me/actions": _by_member("POST", "/v1/me/actions", {"action_id": "a-1", "kind": "login"}, key=True),
    "POST /v1/orders": _order,
    "POST /v1/orders, by openid": _order_by_openid,
    "POST /v1/orders, replayed": _order_again,
    "POST /v1/orders, refunded before": _order_after_refund,
    "POST /v1/orders/{order_id}/completion": _completion,
    "POST /v1/orders/{order_id}/refunds": _refund,
    "POST /v1/orders/{order_id}/refunds, replayed": _refund_again,
    "POST /v1/orders/{order_id}/refunds, before the order": _refund_first,
    "POST /v1/events": _event,
    "POST /v1/points/preview": _preview,
    "GET /v1/admin/members": _search_openid,
    "GET /v1/admin/members, by phone": _search_phone,
    "GET /v1/admin/members/{member_id}": _by_operator("GET", "/v1/admin/members/{member}"),
    "GET /v1/admin/members/{member_id}/entries": _by_operator("GET", "/v1/admin/members/{member}/entries"),
    "GET /v1/admin/members/{member_id}/verification": _by_operator("GET", "/v1/admin/members/{member}/verification"),
    "POST /v1/admin/members/{member_id}/freeze": _by_operator(
        "POST", "/v1/admin/members/{member}/freeze", {"reason": "fraud"}, key=True
    ),
    "POST /v1/admin/members/{member_id}/unfreeze": _by_operator(
        "POST", "/v1/admin/members/{member}/unfreeze", {"reason": "cleared"}, key=True
    ),
    "POST /v1/admin/members/{member_id}/adjustments": _by_operator(
        "POST", "/v1/admin/members/{member}/adjustments", {"points": 5, "reason": "goodwill"}, key=True
    ),
    "POST /v1/admin/login": _login,
    "POST /v1/admin/me/password": _own_password,
    "GET /v1/admin/operators": _by_owner("GET", "/v1/admin/operators"),
    "POST /v1/admin/operators": _by_owner("POST", "/v1/admin/operators", _NEW_OPERATOR),
    "PATCH /v1/admin/operators/{name}": _operator(
        lambda api, token, name: api.call("PATCH", f"/v1/admin/operators/{name}", _ROLE, token=token)
    ),
    "GET /v1/admin/rulebook": _by_owner("GET", "/v1/admin/rulebook"),
    "GET /v1/admin/rulebook/versions": _by_owner("GET", "/v1/admin/rulebook/versions"),
    "GET /v1/admin/rulebook/versions/{version}": _by_owner("GET", "/v1/admin/rulebook/versions/1"),
    "GET /v1/admin/rulebook/drafts": _by_owner("GET", _DRAFTS),
    "POST /v1/admin/rulebook/drafts": _by_owner("POST", _DRAFTS, {"document": preset("retail")}),
    "GET /v1/admin/rulebook/drafts/{draft}": _drafted(
        lambda api, token, draft: api.call("GET", f"{_DRAFTS}/{draft}", token=token)
    ),
    "PUT /v1/admin/rulebook/drafts/{draft}": _drafted(_change_draft),
    "POST /v1/admin/rulebook/validate": _by_owner(
        "POST", "/v1/admin/rulebook/validate", {"document": preset("retail")}
    ),
    "POST /v1/admin/rulebook/publish": _drafted(
        lambda api, token, draft: api.call("POST", "/v1/admin/rulebook/publish", {"draft": draft}, token=token)
    ),
    "POST /v1/admin/rulebook/rollback": _by_owner("POST", "/v1/admin/rulebook/rollback", {"version": 1}),
    "GET /v1/admin/merchant-keys": _by_owner("GET", "/v1/admin/merchant-keys"),
    "POST /v1/admin/merchant-keys": _by_owner("POST", "/v1/admin/merchant-keys"),
    "DELETE /v1/admin/merchant-keys/{key_id}": _merchant_key,
    "GET /v1/admin/audit": _by_owner("GET", "/v1/admin/audit"),
    "GET /v1/admin/metrics": _metrics,
    **tier_scenes.SCENES,
    **offer_scenes.SCENES,
    **redemption_scenes.SCENES,
    **mall_scenes.SCENES,
    **hold_scenes.SCENES,
    **lottery_scenes.SCENES,
    **coupon_scenes.SCENES,
    **reevaluation_scenes.SCENES,
    **due_scenes.SCENES,
    **worker_scenes.SCENES,
}
