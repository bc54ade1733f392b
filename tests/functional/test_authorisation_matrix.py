"""Every route of the app against every kind of caller, read from the route table: a new route is covered by itself.

Only two things are written by hand: which routes are open to anyone, and one valid body for each request model.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from app import app
from chalicelib.console import schemas as console
from chalicelib.coupons import schemas as coupons
from chalicelib.earning import schemas as earning
from chalicelib.holds import schemas as holds
from chalicelib.lottery import schemas as lotteries
from chalicelib.members import schemas as members
from chalicelib.redemption import donation_schemas as donations
from chalicelib.redemption import offer_schemas as offers
from chalicelib.redemption import schemas as redemptions
from chalicelib.shared import callers
from chalicelib.shared.edge import CONTRACTS, Contract, Operators, anonymous, member, merchant
from chalicelib.shared.schemas import Empty
from chalicelib.tiers import reevaluation_schemas as reevaluation
from chalicelib.tiers import schemas as tiers
from tests.functional.members_room import accept_privacy_policy, act, erase
from tests.harness.api import Api, Member, Reply
from tests.harness.world import MERCHANT_KEY

OPEN = {
    "POST /v1/auth/wechat", "POST /v1/auth/refresh", "POST /v1/auth/logout", "POST /v1/admin/login", "GET /v1/rules",
    "GET /v1/tiers", "GET /v1/lotteries", "GET /v1/lotteries/{lottery}",
}  # fmt: skip

# What is there for everybody, but at each member's own price, or after a look at who asks.
PRICED = {"GET /v1/offers", "GET /v1/offers/{offer_id}", "GET /v1/donations", "GET /v1/donations/{campaign_id}"}

ORDER = {"order_id": "o-9", "paid_at": "2026-11-24T03:00:00Z", "amount_fen": 100}
BODIES: dict[type[BaseModel], dict[str, Any]] = {
    Empty: {},
    console.DocumentIn: {"document": {}},
    console.DraftChangeIn: {"document": {}, "revision": 1},
    console.LoginIn: {"name": "nobody", "password": "not the password"},
    console.OperatorChangeIn: {"role": "support"},
    console.OperatorIn: {"name": "newcomer", "role": "support", "password": "correct horse battery"},
    console.PasswordIn: {"current_password": "not the password", "new_password": "correct horse staple"},
    console.PublishIn: {"draft": 99},
    console.RollbackIn: {"version": 99},
    coupons.GrantIn: {"coupon": "mall_10", "reason": "a matrix"},
    coupons.UseIn: {"order_id": "o-9", "amount_fen": 100},
    coupons.WithdrawalIn: {"reason": "a matrix"},
    earning.ActionIn: {"action_id": "a-9", "kind": "browse", "seconds": 300},
    earning.AdjustmentIn: {"points": 1, "reason": "a matrix"},
    earning.EventIn: {
        "event_id": "e-9",
        "member_id": "M" + "0" * 18,
        "kind": "browse",
        "occurred_at": ORDER["paid_at"],
    },
    earning.MakeUpIn: {"on": "2026-11-23"},
    earning.OrderIn: {**ORDER, "member_id": "M" + "0" * 18},
    earning.PreviewIn: {**ORDER, "member_id": "M" + "0" * 18},
    earning.RefundIn: {"refund_id": "r-9", "amount_fen": 1},
    holds.CaptureIn: {},
    holds.HoldIn: {
        "hold_id": "h-9",
        "order_id": "o-9",
        "member_id": "M" + "0" * 18,
        "amount_fen": 9_000,
        "points": 100,
    },
    holds.HoldRefundIn: {"refund_id": "r-9", "points": 1},
    holds.QuoteIn: {"amount_fen": 9_000},
    lotteries.DeliveryIn: {"note": "a matrix"},
    lotteries.DrawIn: {"expected_points": 10},
    members.ConsentIn: {"name": "marketing", "version": "1", "granted": True},
    members.LoginIn: {"code": "error:40029"},
    members.PhoneIn: {"code": "phone:13800009999"},
    members.ProfileIn: {"nickname": "Matrix"},
    members.ReasonIn: {"reason": "a matrix"},
    members.RefreshIn: {"refresh_token": "none"},
    donations.DonationIn: {"campaign_id": "none", "points": 1},
    donations.SettlementIn: {"reference": "a matrix", "amount_fen": 1, "reason": "a matrix"},
    offers.CodesIn: {"codes": ["MATRIX"]},
    offers.OfferChangeIn: {"document": {"offer_id": "none"}, "revision": 1},
    offers.OfferIn: {"document": {}},
    offers.StockIn: {"pieces": 1},
    offers.WithdrawIn: {"reason": "a matrix"},
    redemptions.AppointmentIn: {"appointment_at": "2027-01-01T00:00:00Z"},
    redemptions.ClaimIn: {"reason": "a matrix"},
    redemptions.ReasonIn: {"reason": "a matrix"},
    redemptions.RedeemIn: {"offer_id": "none", "quantity": 1, "expected_points": 1},
    redemptions.ShipmentsIn: {"csv": "redemption_id,company,number\r\n"},
    redemptions.StepIn: {"step": "completion", "reason": "a matrix"},
    reevaluation.PreviewIn: {"draft": 99},
    tiers.AdvanceIn: {"to": ORDER["paid_at"]},
    tiers.ClockIn: {"frozen_at": ORDER["paid_at"], "members": ["M" + "0" * 18]},
    tiers.TierIn: {"tier": "silver", "reason": "a matrix"},
}


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    contract: Contract

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def ask(
        self, api: Api, token: str | None = None, header: str | None = None, subject: str = "", **fields: Any
    ) -> Reply:
        """A valid request but for its credentials. `subject` stands for each path parameter, `fields` join the body."""
        path = "/".join(subject or "none" if part.startswith("{") else part for part in self.path.split("/"))
        model = self.contract.body
        body = {**BODIES[model], **fields} if model else None
        headers = {"Authorization": header} if header is not None else None
        return api.call(self.method, path, body, token=token, key=api.fresh(), headers=headers)


def routes() -> Iterator[Route]:
    """Every route of the app. A KeyError: a route without `endpoint`, so nothing says who may call it."""
    for path, methods in app.routes.items():
        for method, entry in methods.items():
            view = entry.view_function
            yield Route(method, path, CONTRACTS[f"{view.__module__}.{view.__name__}"])


def routes_for(*kinds: object) -> list[Route]:
    found = [route for route in routes() if route.contract.auth in kinds]
    assert found
    return found


def operators_routes() -> list[Route]:
    return [route for route in routes() if isinstance(route.contract.auth, Operators)]


def refused(reply: Reply, status: int, code: str) -> bool:
    return (reply.status, reply.code) == (status, code) and set(reply.body) == {"error"}


def tampered(token: str) -> str:
    """The same token, claiming one thing more."""
    head, body, signature = token.split(".")
    return f"{head}.{body[:-2]}{'AA' if body[-2:] != 'AA' else 'BB'}.{signature}"


def signature_of(api: Api, secret: str) -> str:
    stamp = str(int(api.clock.now.timestamp()))
    signed = callers.signature(secret, "GET", "/v1/me", stamp, "nonce-of-a-matrix", b"")
    return f"HMAC-SHA256 key_id={MERCHANT_KEY},timestamp={stamp},nonce=nonce-of-a-matrix,signature={signed}"


def test_every_route_says_who_may_call_it_and_every_promise_has_a_route() -> None:
    found = list(routes())
    assert len(found) == len({str(route) for route in found}) == len(CONTRACTS)
    assert {str(route) for route in found if route.contract.auth == anonymous} == OPEN
    for route in found:
        auth = route.contract.auth
        assert auth in (anonymous, member, merchant) or isinstance(auth, Operators), route
        assert route.path.startswith("/v1/admin/") == (
            isinstance(auth, Operators) or str(route) == "POST /v1/admin/login"
        )
        if isinstance(auth, Operators):
            assert "owner" in auth.roles, route
            assert set(auth.roles) <= set(callers.ROLES), route
        if auth == member:
            own = route.path == "/v1/me" or route.path.startswith("/v1/me/")
            assert own or str(route) in PRICED, route
            # A quote asks, and writes nothing.
            writes = route.method != "GET" and route.path != "/v1/me/cash-offsets/quote"
            assert route.contract.idempotent == writes, route


def test_every_request_model_has_a_body_in_this_matrix() -> None:
    models = {route.contract.body for route in routes() if route.contract.body}
    assert models - set(BODIES) == set()
    for model, body in BODIES.items():
        assert model.model_validate(body) is not None


def test_without_good_credentials_of_the_right_kind_nobody_gets_in(api: Api) -> None:
    ann = api.log_in("ann")
    old = {"member": ann.token, "operator": api.operator("owner")}
    api.clock.pass_(hours=2)
    ann = api.log_in("ann")
    new = {"member": ann.token, "operator": api.operator("owner")}
    strangers = {
        "no header": None,
        "an empty one": "",
        "no token": "Bearer ",
        "not a token": "Bearer abc",
        "a refresh token": f"Bearer {ann.refresh_token}",
        "a name and a password": "Basic bWU6bWU=",
        "a signature with a wrong secret": signature_of(api, "another"),
        "an unsigned token": f"Bearer {callers.sign_token('member', 'x', api.clock.now).rpartition('.')[0]}.",
        "a token of no kind": f"Bearer {callers.sign_token('', ann.member_id, api.clock.now, role='owner')}",
    }
    for route in routes():
        auth = route.contract.auth
        if auth == anonymous:
            continue
        kind = "operator" if isinstance(auth, Operators) else str(auth)
        for what, header in strangers.items():
            reply = route.ask(api, header=header, subject=ann.member_id)
            assert refused(reply, 401, "UNAUTHORIZED"), (str(route), what, reply)
        for issued, token in new.items():
            reply = route.ask(api, tampered(token), subject=ann.member_id)
            assert refused(reply, 401, "UNAUTHORIZED"), (str(route), f"tampered {issued}", reply)
            if issued != kind:
                reply = route.ask(api, token, subject=ann.member_id)
                assert refused(reply, 401, "UNAUTHORIZED"), (str(route), issued, reply)
        if kind in old:
            reply = route.ask(api, old[kind], subject=ann.member_id)
            assert refused(reply, 401, "TOKEN_EXPIRED"), (str(route), reply)
    assert api.account(ann).seq == 1


def test_a_merchant_s_signature_opens_its_own_routes_and_no_other(api: Api) -> None:
    ann = api.log_in("ann")
    for route in routes():
        path = "/".join(ann.member_id if part.startswith("{") else part for part in route.path.split("/"))
        model = route.contract.body
        reply = api.merchant(route.method, path, BODIES[model] if model else None)
        if route.contract.auth == merchant:
            assert reply.status not in (401, 403, 500), (str(route), reply)
        elif route.contract.auth != anonymous:
            assert refused(reply, 401, "UNAUTHORIZED"), (str(route), reply)


def test_an_operator_s_role_opens_what_it_should_and_nothing_else(api: Api) -> None:
    ann = api.log_in("ann")
    tokens = {role: api.operator(role) for role in callers.ROLES}
    nobody = [callers.sign_token("operator", "x", api.clock.now, role=role) for role in ("root", "", None, ["owner"])]
    nobody.append(callers.sign_token("operator", "x", api.clock.now))
    for route in operators_routes():
        auth = route.contract.auth
        assert isinstance(auth, Operators)
        for role, token in tokens.items():
            # A subject nobody has: what is allowed here must not change what comes next.
            reply = route.ask(api, token, subject="nobody" if role in auth.roles else ann.member_id)
            if role not in auth.roles:
                assert refused(reply, 403, "FORBIDDEN"), (str(route), role, reply)
            elif reply.code != "WRONG_CREDENTIALS":  # the password route: the caller is known, the password is not
                assert reply.status not in (401, 403, 500), (str(route), role, reply)
        for token in nobody:
            assert refused(route.ask(api, token, subject=ann.member_id), 403, "FORBIDDEN"), str(route)
    assert api.account(ann).seq == 1


@pytest.mark.parametrize("how", ["erased", "logged out everywhere"])
def test_a_member_who_is_gone_reads_nothing_and_does_nothing(api: Api, how: str) -> None:
    ann = api.log_in("ann")
    accept_privacy_policy(api, ann)
    api.clock.pass_(seconds=2)
    if how == "erased":
        erase(api, ann)
        status, code = 403, "MEMBER_ERASED"
    else:
        assert act(api, ann, "POST", "/v1/me/logout-everywhere", {}).status == 200
        status, code = 401, "TOKEN_REVOKED"
    before = api.account(ann)
    for route in routes_for(member):
        reply = route.ask(api, ann.token, subject=ann.member_id)
        assert refused(reply, status, code), (str(route), reply)
    assert api.account(ann) == before


def test_a_frozen_member_reads_everything_and_changes_only_its_consents(api: Api) -> None:
    ann = api.log_in("ann")
    accept_privacy_policy(api, ann)
    freeze = f"/v1/admin/members/{ann.member_id}/freeze"
    assert api.call("POST", freeze, {"reason": "a matrix"}, token=api.operator(), key="k").status == 200
    for route in routes_for(member):
        reply = route.ask(api, ann.token, subject=ann.member_id)
        if route.method == "GET" or route.path == "/v1/me/consents":
            # No thing has a member's id for its own.
            assert reply.status == (404 if "{" in route.path else 200), (str(route), reply)
        else:
            assert refused(reply, 403, "MEMBER_FROZEN"), (str(route), reply)


def secrets_of(api: Api, owner: Member) -> list[str]:
    """What nobody but the member, its shop and its operators may read."""
    accept_privacy_policy(api, owner)
    assert act(api, owner, "PATCH", "/v1/me", {"nickname": "Unmistakable", "birthday": "05-06"}).status == 200
    assert act(api, owner, "POST", "/v1/me/phone", {"code": "phone:13800001111"}).status == 200
    assert api.order(owner, 12_300, "order-of-ann").status == 200
    return [owner.member_id, "Unmistakable", "05-06", "13800001111", "order-of-ann"]


def test_no_member_reads_or_touches_another_by_any_route(api: Api) -> None:
    ann, ben = api.log_in("ann"), api.log_in("ben")
    private = secrets_of(api, ann)
    before = api.account(ann)
    for route in routes_for(member, anonymous):
        for named in (ann.member_id, "order-of-ann"):
            replies = [route.ask(api, ben.token, subject=named)]
            if route.contract.body and route.contract.auth != anonymous:
                replies.append(route.ask(api, ben.token, subject=named, member_id=ann.member_id))
                assert refused(replies[-1], 422, "INVALID_FIELDS"), (str(route), replies[-1])
            if route.method == "GET":
                query = f"?member_id={ann.member_id}"
                replies.append(api.call("GET", route.path + query, token=ben.token))
                replies.append(api.call("GET", route.path, token=ben.token, headers={"X-Member-Id": ann.member_id}))
            for reply in replies:
                assert reply.status != 500, (str(route), reply)
                text = json.dumps([reply.body, reply.headers])
                assert [value for value in private if value in text] == [], (str(route), reply)
    assert api.account(ann) == before


def test_one_member_s_cursor_shows_another_only_its_own(api: Api) -> None:
    ann, ben = api.log_in("ann"), api.log_in("ben")
    private = secrets_of(api, ann)
    api.order(ben, 1_000)
    api.order(ben, 2_000)
    cursor = api.call("GET", "/v1/me/points/entries?limit=2", token=ann.token).body["next_cursor"]
    assert cursor
    reply = api.call("GET", f"/v1/me/points/entries?cursor={cursor}", token=ben.token)
    assert (reply.status, [item["seq"] for item in reply.body["items"]]) == (200, [3, 2, 1])
    assert [value for value in private if value in json.dumps(reply.body)] == []
