"""Coupons on the stack as deployed: a redeemed offer becomes a coupon through stream, relay, topic and queue, and of
many merchants who use it at the same moment, on threads against a database that runs apart, one succeeds."""

from collections import Counter
from typing import Any

from chalicelib.coupons import items, uses
from chalicelib.coupons.schemas import UseIn
from chalicelib.notices import inbox
from chalicelib.shared import clock
from chalicelib.shared.errors import Refusal
from tests.cloud.brand import Brand, at_once, eventually
from tests.harness.api import Member

MERCHANTS = 20


def enriched(brand: Brand) -> Member:
    """A newcomer who can pay for the mall's coupon."""
    member = brand.newcomer("coupons")
    path = f"/v1/admin/members/{member.member_id}/adjustments"
    body = {"points": 1_000, "reason": "for a test"}
    assert brand.call("POST", path, body, token=brand.operator(), key=brand.fresh()).status == 200
    return member


def coupons(brand: Brand, member: Member) -> list[Any]:
    reply = brand.call("GET", "/v1/me/coupons", token=member.token)
    assert reply.status == 200, reply
    return list(reply.body["items"])


def test_a_redeemed_coupon_arrives_and_one_of_many_merchants_uses_it(brand: Brand) -> None:
    member = enriched(brand)
    body = {"offer_id": "coupon_10", "quantity": 1, "expected_points": 1_000}
    assert brand.call("POST", "/v1/me/redemptions", body, token=member.token, key=brand.fresh()).status == 200
    eventually(lambda: [one["coupon"] for one in coupons(brand, member)], ["mall_10"])
    code = coupons(brand, member)[0]["code"]
    orders = [brand.fresh("order") for _ in range(MERCHANTS)]

    def use(number: int) -> str:
        """The code of the refusal; empty for a success."""
        try:
            uses.use(code, UseIn(order_id=orders[number], amount_fen=9_900), clock.now())
        except Refusal as refused:
            return refused.code
        return ""

    answers = at_once(MERCHANTS, use)
    assert Counter(answers) == {"": 1, "COUPON_USED": MERCHANTS - 1}
    won = answers.index("")
    by_http = {"order_id": orders[won], "amount_fen": 9_900}
    replayed = brand.merchant("POST", f"/v1/coupons/{code}/uses", by_http)
    assert (replayed.status, replayed.body["discount_fen"]) == (200, 1_000)
    assert [bool(items.order(order_id).uses) for order_id in orders] == [n == won for n in range(MERCHANTS)]
    # The order is paid and refunded in full: the coupon comes back by itself, and the first purchase's surprise goes.
    assert brand.order(member, 9_900, orders[won]).status == 200
    eventually(lambda: sorted(one["coupon"] for one in coupons(brand, member)), ["mall_10", "surprise"])
    assert brand.refund(orders[won], brand.fresh("refund"), 9_900).status == 200
    eventually(lambda: [(one["coupon"], one["state"]) for one in coupons(brand, member)], [("mall_10", "usable")])
    assert use(won) == "COUPON_USE_ENDED"
    kinds = Counter(notice.kind for notice in inbox.page(member.member_id, 50, None)[0])
    assert {kind: kinds[kind] for kind in ("coupon_granted", "coupon_surprise", "coupon_returned")} == {
        "coupon_granted": 1, "coupon_surprise": 1, "coupon_returned": 1,
    }  # fmt: skip
