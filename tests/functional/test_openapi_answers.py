"""What the API answers is what the OpenAPI document promises, for every route."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.console.service import TRIES_PER_NAME
from chalicelib.shared.clock import business_date
from infra.generate import ROOT
from infra.local.wechat_server import FakeWechat
from tests.functional.coupons_room import settle
from tests.functional.lottery_room import player
from tests.functional.lottery_room import publish as in_force
from tests.functional.mall_room import PARTNER
from tests.functional.redemptions_room import ADDRESS, rich
from tests.functional.redemptions_room import document as offer
from tests.functional.redemptions_room import offer as on_sale
from tests.functional.reevaluation_room import JOBS, PREVIEWS, REEVALUATIONS, open_shop
from tests.functional.tiers_room import with_task
from tests.harness.api import Api, Reply
from tests.harness.promises import Promises
from tests.unit.raffle import lottery, prize

PROMISES = Promises(json.loads((ROOT / "docs/openapi.json").read_text(encoding="utf-8")))
ORDER = {"order_id": "o9", "openid": "nobody", "paid_at": "2026-11-24T04:00:00Z", "amount_fen": 1}
GUESS = {"name": "ole", "password": "a guess"}


class Kept:
    """Calls, and holds each answer against the document."""

    def __init__(self, api: Api) -> None:
        self.api, self.succeeded = api, set[str]()

    def call(self, status: int, method: str, path: str, body: Any = None, **how: Any) -> Reply:
        """One call as a member or operator; `merchant=True` signs it instead."""
        signed = how.pop("merchant", False)
        reply = self.api.merchant(method, path, body) if signed else self.api.call(method, path, body, **how)
        assert reply.status == status, reply
        assert PROMISES.broken(method, path, reply) == []
        operation = PROMISES.operation(method, path)
        if operation and status < 300:
            self.succeeded.add(operation["operationId"])
        return reply


@pytest.fixture
def kept(api: Api, monkeypatch: pytest.MonkeyPatch) -> Kept:
    open_shop(api, monkeypatch)
    return Kept(api)


def test_every_route_answers_as_promised(kept: Kept, wechat: FakeWechat) -> None:
    member_calls(kept)
    merchant_calls(kept)
    operator_calls(kept, wechat)
    offer_calls(kept)
    redemption_calls(kept)
    mall_calls(kept)
    hold_calls(kept)
    lottery_calls(kept)
    coupon_calls(kept)
    tier_calls(kept)
    assert kept.succeeded == PROMISES.operation_ids()


def member_calls(kept: Kept) -> None:
    kept.api.log_in("ann")
    kept.api.clock.pass_(days=3)
    pair = kept.call(200, "POST", "/v1/auth/wechat", {"code": "local:ann:1"}).body
    token = pair["access_token"]
    kept.call(200, "GET", "/v1/me", token=token)
    kept.call(200, "GET", "/v1/rules")
    consent = {"name": "privacy_policy", "version": "1", "granted": True}
    kept.call(200, "POST", "/v1/me/consents", consent, token=token, key="a")
    kept.call(200, "PATCH", "/v1/me", {"nickname": "安"}, token=token, key="b")
    kept.call(200, "POST", "/v1/me/check-ins", token=token, key="c")
    replayed = kept.call(200, "POST", "/v1/me/check-ins", token=token, key="c")
    assert replayed.headers["Idempotency-Replayed"] == "true"
    kept.call(200, "POST", "/v1/me/actions", {"action_id": "x", "kind": "browse", "seconds": 300}, token=token, key="d")
    kept.call(200, "POST", "/v1/me/check-ins/make-up", {"on": "2026-11-25"}, token=token, key="f")
    kept.call(200, "POST", "/v1/me/phone", {"code": "phone:13800138000"}, token=token, key="g")
    kept.call(200, "GET", "/v1/me/points", token=token)
    first = kept.call(200, "GET", "/v1/me/points/entries?limit=2", token=token).body
    last = kept.call(200, "GET", f"/v1/me/points/entries?limit=100&cursor={first['next_cursor']}", token=token).body
    assert (len(first["items"]), last["next_cursor"]) == (2, None)
    kept.call(200, "POST", "/v1/auth/refresh", {"refresh_token": pair["refresh_token"]})
    kept.call(200, "POST", "/v1/me/logout-everywhere", token=token, key="e")
    kept.call(200, "POST", "/v1/auth/logout", {"refresh_token": pair["refresh_token"]})


def merchant_calls(kept: Kept) -> None:
    member, now = kept.api.log_in(), kept.api.clock.now.isoformat()
    order = {"order_id": "o1", "member_id": member.member_id, "paid_at": now, "amount_fen": 10_000}
    event = {"event_id": "e1", "member_id": member.member_id, "kind": "review_approved", "occurred_at": now}
    kept.call(200, "POST", "/v1/points/preview", order, merchant=True)
    kept.call(200, "POST", "/v1/points/preview", event, merchant=True)
    kept.call(202, "POST", "/v1/orders/o2/completion", {}, merchant=True)
    kept.call(202, "POST", "/v1/orders/o2/refunds", {"refund_id": "r0", "amount_fen": 1}, merchant=True)
    kept.call(200, "POST", "/v1/orders", order, merchant=True)
    replayed = kept.call(200, "POST", "/v1/orders", order, merchant=True)
    assert replayed.headers["Idempotency-Replayed"] == "true"
    kept.call(200, "POST", "/v1/orders/o1/completion", merchant=True)
    kept.call(200, "POST", "/v1/orders/o1/refunds", {"refund_id": "r1", "amount_fen": 100}, merchant=True)
    kept.call(200, "POST", "/v1/events", event, merchant=True)


def operator_calls(kept: Kept, wechat: FakeWechat) -> None:
    member, token = kept.api.log_in("ann"), kept.api.operator("owner")
    person = f"/v1/admin/members/{member.member_id}"
    document = kept.call(200, "GET", "/v1/admin/rulebook", token=token).body["document"]
    kept.call(200, "POST", "/v1/admin/rulebook/validate", {"document": document}, token=token)
    draft = kept.call(201, "POST", "/v1/admin/rulebook/drafts", {"document": document}, token=token).body["draft"]
    kept.call(200, "GET", "/v1/admin/rulebook/drafts", token=token)
    kept.call(200, "GET", f"/v1/admin/rulebook/drafts/{draft}", token=token)
    change = {"document": document, "revision": 1}
    kept.call(200, "PUT", f"/v1/admin/rulebook/drafts/{draft}", change, token=token)
    kept.call(200, "POST", "/v1/admin/rulebook/publish", {"draft": draft}, token=token)
    kept.call(200, "POST", "/v1/admin/rulebook/rollback", {"version": 1}, token=token)
    kept.call(200, "GET", "/v1/admin/rulebook/versions?limit=1", token=token)
    kept.call(200, "GET", "/v1/admin/rulebook/versions/1", token=token)
    kept.call(200, "GET", f"/v1/admin/members?openid={wechat.rules.openid('ann')}", token=token)
    kept.call(200, "GET", person, token=token)
    kept.call(200, "POST", f"{person}/adjustments", {"points": 5, "reason": "a gift"}, token=token, key="a")
    kept.call(200, "POST", f"{person}/freeze", {"reason": "asked by phone"}, token=token, key="b")
    kept.call(200, "POST", f"{person}/unfreeze", {"reason": "asked by phone"}, token=token, key="c")
    kept.call(200, "GET", f"{person}/entries", token=token)
    kept.call(200, "GET", f"{person}/verification", token=token)
    name = {"name": "bea", "role": "support", "password": "correct horse battery"}
    kept.call(201, "POST", "/v1/admin/operators", name, token=token)
    kept.call(200, "GET", "/v1/admin/operators", token=token)
    bea = kept.call(200, "POST", "/v1/admin/login", {"name": "bea", "password": name["password"]}).body["access_token"]
    passwords = {"current_password": name["password"], "new_password": "another horse battery"}
    kept.call(200, "POST", "/v1/admin/me/password", passwords, token=bea)
    kept.call(200, "PATCH", "/v1/admin/operators/bea", {"disabled": True}, token=token)
    key = kept.call(201, "POST", "/v1/admin/merchant-keys", token=token).body["key_id"]
    kept.call(200, "GET", "/v1/admin/merchant-keys", token=token)
    kept.call(200, "DELETE", f"/v1/admin/merchant-keys/{key}", token=token)
    kept.call(200, "GET", "/v1/admin/audit", token=token)
    kept.call(200, "GET", "/v1/admin/metrics?from=2026-11-01&to=2026-11-30", token=token)


def offer_calls(kept: Kept) -> None:
    member, token, base = kept.api.log_in("ole"), kept.api.operator("operator"), "/v1/admin/offers"
    opens = {"opens_at": kept.api.clock.now.isoformat(), "stock": {"mode": "month", "pieces": 5}, "price_points": 20}
    content = offer("cup", **opens)
    kept.call(201, "POST", base, {"document": content}, token=token)
    kept.call(409, "POST", base, {"document": content}, token=token)
    kept.call(200, "PUT", f"{base}/cup", {"document": content, "revision": 1}, token=token)
    kept.call(409, "PUT", f"{base}/cup", {"document": content, "revision": 1}, token=token)
    kept.call(200, "GET", f"{base}/cup", token=token)
    assert kept.call(200, "POST", f"{base}/cup/validate", token=token).body["findings"]
    kept.call(200, "POST", f"{base}/cup/publish", token=token)
    kept.call(200, "GET", f"{base}?limit=1", token=token)
    kept.call(200, "GET", f"{base}/cup/stock", token=token)
    assert kept.call(200, "PUT", f"{base}/cup/stock", {"pieces": 7}, token=token).body["shards"]
    assert kept.call(200, "GET", "/v1/offers?limit=1", token=member.token).body["items"]
    kept.call(200, "GET", "/v1/offers/cup", token=member.token)
    kept.call(200, "POST", f"{base}/cup/withdraw", {"reason": "the end of it"}, token=token)
    kept.call(409, "POST", f"{base}/cup/withdraw", {"reason": "the end of it"}, token=token)
    kept.call(404, "GET", "/v1/offers/cup", token=member.token)


def tier_calls(kept: Kept) -> None:
    # Last: it puts another rulebook in force, with a task that waits for a tap.
    goal = {"metric": "orders", "window": "day", "at_least": 1, "name": {"zh": "订单", "en": "orders"}}
    kept.api.publish(with_task(id="tapped", kind="daily", claim="tap", points=5, goals=[goal]))
    member, token = kept.api.log_in("tia"), kept.api.operator("operator")
    kept.call(200, "GET", "/v1/tiers")
    kept.call(200, "GET", "/v1/me/tier", token=member.token)
    tier = {"tier": "gold", "reason": "a courtesy", "until": "2027-01-01"}
    kept.call(200, "POST", f"/v1/admin/members/{member.member_id}/tier", tier, token=token, key="a")
    assert kept.api.order(member, 60_000).status == 200
    kept.call(200, "GET", "/v1/me/tier", token=member.token)
    kept.call(200, "GET", "/v1/me/tasks", token=member.token)
    kept.call(200, "POST", "/v1/me/tasks/tapped/claims", token=member.token, key="b")
    kept.call(200, "GET", "/v1/me/benefits", token=member.token)
    kept.call(200, "POST", "/v1/me/benefits/daily_uses/uses", token=member.token, key="c")
    notice = kept.call(200, "GET", "/v1/me/notices", token=member.token).body["items"][0]["notice_id"]
    kept.call(200, "POST", f"/v1/me/notices/{notice}/read", token=member.token, key="d")
    clock = {"frozen_at": kept.api.clock.now.isoformat(), "members": [member.member_id]}
    clock_id = kept.call(200, "POST", "/v1/admin/test-clocks", clock, token=token).body["clock_id"]
    path = f"/v1/admin/test-clocks/{clock_id}"
    assert kept.call(200, "POST", f"{path}/advance", {"to": "2028-01-01T00:00:00Z"}, token=token).body["happened"]
    kept.call(409, "POST", f"{path}/advance", {"to": "2027-01-01T00:00:00Z"}, token=token)
    kept.call(200, "GET", path, token=token)
    job = kept.call(202, "POST", REEVALUATIONS, token=token).body["job_id"]
    kept.call(200, "GET", f"{JOBS}/{job}", token=token)
    document = kept.call(200, "GET", "/v1/admin/rulebook", token=token).body["document"]
    draft = kept.call(201, "POST", "/v1/admin/rulebook/drafts", {"document": document}, token=token).body["draft"]
    kept.call(202, "POST", PREVIEWS, {"draft": draft}, token=token)


def redemption_calls(kept: Kept) -> None:
    on_sale(kept.api, "parcel", "physical")
    member, token = rich(kept.api, "rea"), kept.api.operator("operator")
    body = {"offer_id": "parcel", "quantity": 1, "expected_points": 10, "address": ADDRESS}
    made = [kept.call(200, "POST", "/v1/me/redemptions", body, token=member.token, key=f"r{n}") for n in range(2)]
    sent, cancelled = (reply.body["redemption"]["redemption_id"] for reply in made)
    kept.call(404, "POST", "/v1/me/redemptions", {**body, "offer_id": "none"}, token=member.token, key="none")
    kept.call(200, "POST", f"/v1/me/redemptions/{cancelled}/cancellation", token=member.token, key="c")
    kept.call(409, "POST", f"/v1/me/redemptions/{cancelled}/cancellation", token=member.token, key="d")
    assert kept.call(200, "GET", "/v1/admin/redemptions?work=to_ship", token=token).body["items"]
    shipment = {"step": "shipment", "reason": "packed", "details": {"company": "顺丰速运", "number": "SF1234567890"}}
    kept.call(200, "POST", f"/v1/admin/redemptions/{sent}/steps", shipment, token=token, key="s")
    claim = {"reason": "it came broken", "pictures": ["https://cdn.brand.example/broken.jpg"]}
    kept.call(200, "POST", f"/v1/me/redemptions/{sent}/claims", claim, token=member.token, key="e")
    assert kept.call(200, "GET", "/v1/admin/redemptions?work=claimed", token=token).body["items"]
    assert kept.call(200, "GET", f"/v1/me/redemptions/{sent}", token=member.token).body["claims"]
    assert kept.call(200, "GET", f"/v1/admin/redemptions/{sent}", token=token).body["parcel"]
    assert kept.call(200, "GET", "/v1/me/redemptions?limit=1", token=member.token).body["next_cursor"]


def mall_calls(kept: Kept) -> None:
    member, token, admin = rich(kept.api, "moe"), kept.api.operator("operator"), "/v1/admin/redemptions"
    on_sale(kept.api, "film", "virtual", stock={"mode": "codes"})
    kept.call(200, "POST", "/v1/admin/offers/film/codes", {"codes": ["CODE-1"]}, token=token)
    kept.call(409, "POST", "/v1/admin/offers/parcel/codes", {"codes": ["CODE-1"]}, token=token)
    body = {"offer_id": "film", "quantity": 1, "expected_points": 10}
    film = kept.call(200, "POST", "/v1/me/redemptions", body, token=member.token, key="film").body
    assert film["codes"] == ["CODE-1"]
    path = f"/v1/me/redemptions/{film['redemption']['redemption_id']}"
    kept.call(200, "POST", f"{path}/use", token=member.token, key="use")
    on_sale(kept.api, "visit", "service")
    visit = kept.call(200, "POST", "/v1/me/redemptions", {**body, "offer_id": "visit"}, token=member.token, key="visit")
    later = {"appointment_at": "2026-12-25T02:00:00Z"}
    path = f"/v1/me/redemptions/{visit.body['redemption']['redemption_id']}/appointment"
    kept.call(200, "POST", path, later, token=member.token, key="later")
    assert kept.call(200, "GET", "/v1/admin/appointments?on=2026-12-25", token=token).body["items"]
    box = kept.call(
        200, "POST", "/v1/me/redemptions", {**body, "offer_id": "parcel", "address": ADDRESS}, token=member.token,
        key="box",
    ).body["redemption"]["redemption_id"]  # fmt: skip
    assert kept.call(200, "GET", "/v1/admin/shipments/export?limit=1", token=token).body["rows"] == 1
    rows = f"redemption_id,company,number\n{box},顺丰速运,SF1234567890\nnone,x,y\n"
    assert len(kept.call(200, "POST", "/v1/admin/shipments/import", {"csv": rows}, token=token).body["rows"]) == 2
    kept.call(200, "POST", f"/v1/me/redemptions/{box}/address-erasure", token=member.token, key="erase")
    kept.call(200, "POST", f"{admin}/{box}/address-erasure", {"reason": "asked for"}, token=token)
    on_sale(kept.api, "water", "donation", donation={"partner": PARTNER}, member_day=False)
    gift = {"campaign_id": "water", "points": 10}
    kept.call(200, "POST", "/v1/me/donations", gift, token=member.token, key="gift")
    kept.call(404, "POST", "/v1/me/donations", {**gift, "campaign_id": "none"}, token=member.token, key="none")
    assert kept.call(200, "GET", "/v1/donations?limit=1", token=member.token).body["items"]
    kept.call(200, "POST", "/v1/admin/offers/water/withdraw", {"reason": "the end of it"}, token=token)
    settled = {"reference": "BANK-1", "amount_fen": 10, "reason": "as agreed"}
    kept.call(200, "POST", "/v1/admin/donations/water/settlement", settled, token=token)
    assert kept.call(200, "GET", "/v1/donations/water", token=member.token).body["settlement"]
    assert kept.call(200, "GET", "/v1/me/donations", token=member.token).body["items"]


def hold_calls(kept: Kept) -> None:
    member = rich(kept.api, "hal", 2_000)
    quoted = kept.call(200, "POST", "/v1/me/cash-offsets/quote", {"amount_fen": 10_000}, token=member.token).body
    assert (quoted["points"], quoted["why_nothing"]) == (2_000, None)
    poor = kept.api.log_in("poe")
    assert kept.call(200, "POST", "/v1/me/cash-offsets/quote", {"amount_fen": 1}, token=poor.token).body["why_nothing"]
    body = {"hold_id": "h1", "order_id": "o7", "member_id": member.member_id, "amount_fen": 10_000, "points": 500}
    kept.call(404, "GET", "/v1/holds/h1", merchant=True)
    for hold_id in ("h1", "h2"):
        order_id = body["order_id"] if hold_id == "h1" else "o8"
        kept.call(200, "POST", "/v1/holds", {**body, "hold_id": hold_id, "order_id": order_id}, merchant=True)
    kept.call(409, "POST", "/v1/holds", {**body, "hold_id": "h3"}, merchant=True)
    replayed = kept.call(200, "POST", "/v1/holds", body, merchant=True)
    assert replayed.headers["Idempotency-Replayed"] == "true"
    kept.call(200, "GET", "/v1/holds/h1", merchant=True)
    kept.call(200, "POST", "/v1/holds/h1/capture", {"points": 400}, merchant=True)
    kept.call(409, "POST", "/v1/holds/h1/release", merchant=True)
    kept.call(200, "POST", "/v1/holds/h1/refunds", {"refund_id": "r1", "points": 100}, merchant=True)
    kept.call(200, "POST", "/v1/holds/h2/release", merchant=True)


def lottery_calls(kept: Kept) -> None:
    starts = kept.api.clock.now + timedelta(hours=1)
    mug = prize(odds_ppm=1_000_000, pieces=1)
    times = {"starts_at": starts.isoformat(), "ends_at": (starts + timedelta(days=1)).isoformat()}
    in_force(kept.api, lottery(prizes=[mug], **times))
    member, token, path = player(kept.api, "lou"), kept.api.operator("operator"), "/v1/me/lotteries/winter"
    kept.call(409, "POST", f"{path}/draws", {"expected_points": 10}, token=member.token, key="early")
    kept.api.clock.now = starts
    won, missed = (
        kept.call(200, "POST", f"{path}/draws", {"expected_points": 10}, token=member.token, key=key).body["draw"]
        for key in ("a", "b")
    )
    assert (won["out"], missed["out"]) == (False, True)
    kept.call(404, "POST", "/v1/me/lotteries/none/draws", {}, token=member.token, key="none")
    assert kept.call(200, "GET", f"{path}?limit=1", token=member.token).body["next_cursor"]
    assert kept.call(200, "GET", "/v1/lotteries").body["items"]
    kept.call(200, "GET", "/v1/lotteries/winter")
    kept.call(404, "GET", "/v1/lotteries/none")
    on = business_date(starts, "Asia/Shanghai").isoformat()
    assert kept.call(200, "GET", f"/v1/admin/lotteries/winter/draws?on={on}", token=token).body["items"]
    assert kept.call(200, "GET", f"/v1/admin/lotteries/winter/recount?on={on}", token=token).body["prizes"]
    note = {"note": "at the counter"}
    kept.call(200, "POST", f"/v1/admin/draws/{won['draw_id']}/delivery", note, token=token)
    kept.call(409, "POST", f"/v1/admin/draws/{missed['draw_id']}/delivery", note, token=token)
    kept.call(404, "POST", "/v1/admin/draws/D000000000000000000/delivery", note, token=token)
    # Until its end no rulebook may follow without it.
    kept.api.clock.pass_(days=1)


def coupon_calls(kept: Kept) -> None:
    member, token = kept.api.log_in("cora"), kept.api.operator("support")
    person, body = f"/v1/admin/members/{member.member_id}/coupons", {"coupon": "mall_10", "reason": "a courtesy"}
    kept.call(200, "POST", person, body, token=token, key="g")
    kept.call(422, "POST", person, {**body, "coupon": "none"}, token=token, key="h")
    settle(member)
    code = kept.call(200, "GET", "/v1/me/coupons?limit=1", token=member.token).body["items"][0]["code"]
    kept.call(200, "GET", f"/v1/coupons/{code}", merchant=True)
    kept.call(404, "GET", "/v1/coupons/none", merchant=True)
    uses, order = f"/v1/coupons/{code}/uses", {"order_id": "c1", "amount_fen": 5_000}
    kept.call(200, "POST", uses, order, merchant=True)
    replayed = kept.call(200, "POST", uses, order, merchant=True)
    assert replayed.headers["Idempotency-Replayed"] == "true"
    kept.call(409, "POST", uses, {**order, "order_id": "c2"}, merchant=True)
    kept.call(200, "POST", f"{uses}/c1/cancellation", merchant=True)
    kept.call(200, "GET", f"{person}?state=usable", token=token)
    kept.call(200, "POST", f"/v1/admin/coupons/{code}/withdrawal", {"reason": "a mistake"}, token=token)
    assert kept.call(200, "GET", "/v1/admin/coupons/surprise", token=token).body["on"]


def test_refusals_are_as_promised(kept: Kept) -> None:
    member, token = kept.api.log_in(), kept.api.operator("analyst", "ole")
    kept.call(400, "POST", "/v1/auth/wechat", raw=b"{")
    kept.call(400, "GET", "/v1/me/points/entries?cursor=mine", token=member.token)
    kept.call(401, "GET", "/v1/me")
    kept.call(401, "POST", "/v1/auth/wechat", {"code": "unknown"})
    kept.call(401, "POST", "/v1/admin/login", GUESS)
    kept.call(403, "POST", "/v1/admin/merchant-keys", token=token)
    kept.call(404, "POST", "/v1/orders", ORDER, merchant=True)
    kept.call(404, "GET", "/v1/admin/rulebook/versions/99", token=token)
    kept.call(200, "POST", "/v1/me/check-ins", token=member.token, key="a")
    kept.call(409, "POST", "/v1/me/check-ins", token=member.token, key="b")
    kept.call(413, "POST", "/v1/auth/wechat", raw=b" " * 300_000)
    kept.call(422, "POST", "/v1/me/check-ins", token=member.token)
    kept.call(422, "POST", "/v1/orders", {**ORDER, "amount_fen": -1}, merchant=True)
    for _ in range(TRIES_PER_NAME - 1):
        kept.call(401, "POST", "/v1/admin/login", GUESS)
    limited = kept.call(429, "POST", "/v1/admin/login", GUESS)
    assert int(limited.headers["Retry-After"]) >= 1


def test_a_failure_of_ours_is_as_promised(bare_api: Api) -> None:
    assert Kept(bare_api).call(503, "GET", "/v1/rules").code == "RULEBOOK_NOT_PUBLISHED"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"status": 418}, "answers 418"),
        ({"headers": {}}, "no header X-Request-Id"),
        ({"headers": {"X-Request-Id": "R", "Idempotency-Replayed": "true"}}, "Idempotency-Replayed"),
        ({"body": {}}, "'logged_out' is a required property"),
        ({"body": {"logged_out": "yes"}}, "'yes' is not of type 'boolean'"),
    ],
)
def test_a_broken_promise_is_noticed(changes: dict[str, Any], problem: str) -> None:
    whole = Reply(200, {"logged_out": True}, {"x-request-id": "R"})
    assert PROMISES.broken("POST", "/v1/auth/logout", whole) == []
    (found,) = PROMISES.broken("POST", "/v1/auth/logout", replace(whole, **changes))
    assert problem in found


def test_a_route_without_a_promise_is_noticed() -> None:
    assert PROMISES.broken("GET", "/v1/auth/logout", Reply(200, {}, {})) == [
        "GET /v1/auth/logout is not in the document"
    ]
