"""Redeeming, and what becomes of a redemption."""

from collections.abc import Callable
from typing import Any

from chalicelib.redemption import offers, stock
from tests.budgets.members import Call, Scene, regular
from tests.budgets.offer_scenes import on_sale
from tests.harness.api import Api, Member, Reply

MINE, ADMIN = "/v1/me/redemptions", "/v1/admin/redemptions"
FILMS, MUG = "video_month", "mug"
# Less than the earliest lot: a lot spent to its end would also move the due date, 2 units in its index.
PRICE = 50
ADDRESS = {
    "name": "安然", "phone": "13800138000", "province": "浙江省", "city": "杭州市", "district": "西湖区",
    "street": "文三路 100 号 3-201",
}  # fmt: skip
SHIPMENT = {"company": "顺丰速运", "number": "SF1234567890"}


def member_of(api: Api, offer_id: str, **fields: Any) -> Member:
    """The regular member; the offer is on sale for what they have, and its stock has begun."""
    member = regular(api)
    on_sale(api, offer_id, **{"price_points": PRICE, "tier_prices": {}, **fields})
    offer = offers.find(offer_id).document
    stock.look(offer, stock.period(offer, api.clock.now))
    return member


def _redeem(api: Api, member: Member, offer_id: str = FILMS, key: str = "once") -> Reply:
    address = {"address": ADDRESS} if offer_id == MUG else {}
    body = {"offer_id": offer_id, "quantity": 1, "expected_points": PRICE, **address}
    return api.call("POST", MINE, body, token=member.token, key=key)


def _redeeming(offer_id: str, **fields: Any) -> Scene:
    def scene(api: Api) -> Call:
        member = member_of(api, offer_id, **fields)
        return lambda: _redeem(api, member, offer_id)

    return scene


def _first_of_a_month(api: Api) -> Call:
    member = regular(api)
    on_sale(api, FILMS, price_points=PRICE)
    return lambda: _redeem(api, member)


def _again(api: Api) -> Call:
    call = _redeeming(FILMS)(api)
    assert call().status == 200
    return call


def _sold_out(api: Api) -> Call:
    member = member_of(api, FILMS, stock={"mode": "total", "pieces": 1})
    assert _redeem(api, member, key="the last one").status == 200
    return lambda: _redeem(api, member)


def _of_a_parcel(
    make: Callable[[Api, Member, str, str], Reply], *before: Callable[[Api, Member, str, str], Reply]
) -> Scene:
    """A redeemed mug: its member, its id, an operator's token."""

    def scene(api: Api) -> Call:
        member, token = member_of(api, MUG), api.operator()
        redemption_id = _redeem(api, member, MUG).body["redemption"]["redemption_id"]
        for step in before:
            assert step(api, member, redemption_id, token).status == 200
        return lambda: make(api, member, redemption_id, token)

    return scene


def _step(step: str, **fields: Any) -> Callable[[Api, Member, str, str], Reply]:
    body = {"step": step, "reason": "as agreed", **fields}
    return lambda api, _, redemption_id, token: api.call(
        "POST", f"{ADMIN}/{redemption_id}/steps", body, token=token, key=f"once-{step}"
    )


def _claim(api: Api, member: Member, redemption_id: str, _: str) -> Reply:
    return api.call("POST", f"{MINE}/{redemption_id}/claims", {"reason": "broken"}, token=member.token, key="claim")


_ship = _step("shipment", details=SHIPMENT)

SCENES: dict[str, Scene] = {
    f"POST {MINE}": _redeeming(FILMS),
    f"POST {MINE}, without a stock": _redeeming("coupon_10"),
    f"POST {MINE}, a parcel": _redeeming(MUG),
    f"POST {MINE}, the first of a month": _first_of_a_month,
    f"POST {MINE}, replayed": _again,
    f"POST {MINE}, sold out": _sold_out,
    f"GET {MINE}": _of_a_parcel(lambda api, member, _, __: api.call("GET", MINE, token=member.token)),
    f"GET {MINE}/{{redemption_id}}": _of_a_parcel(
        lambda api, member, redemption_id, _: api.call("GET", f"{MINE}/{redemption_id}", token=member.token)
    ),
    f"POST {MINE}/{{redemption_id}}/cancellation": _of_a_parcel(
        lambda api, member, redemption_id, _: api.call(
            "POST", f"{MINE}/{redemption_id}/cancellation", {}, token=member.token, key="cancel"
        )
    ),
    f"POST {MINE}/{{redemption_id}}/claims": _of_a_parcel(_claim, _ship),
    f"GET {ADMIN}": _of_a_parcel(lambda api, _, __, token: api.call("GET", f"{ADMIN}?work=to_ship", token=token)),
    f"GET {ADMIN}/{{redemption_id}}": _of_a_parcel(
        lambda api, _, redemption_id, token: api.call("GET", f"{ADMIN}/{redemption_id}", token=token), _ship, _claim
    ),
    f"POST {ADMIN}/{{redemption_id}}/steps": _of_a_parcel(_ship),
    f"POST {ADMIN}/{{redemption_id}}/steps, a refund": _of_a_parcel(_step("refund", restock=True), _ship, _claim),
}
