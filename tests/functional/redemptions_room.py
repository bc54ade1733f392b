"""What the tests of redemptions share: offers on sale, members with points, and everybody's calls."""

from typing import Any

from chalicelib.redemption import items, offers, stock
from tests.harness.api import Api, Member, Reply

ADDRESS = {
    "name": "安然", "phone": "13800138000", "province": "浙江省", "city": "杭州市", "district": "西湖区",
    "street": "文三路 100 号 3-201",
}  # fmt: skip
ONE_PIECE: dict[str, Any] = {"mode": "total", "pieces": 1, "shards": 1}


def document(offer_id: str = "mug", kind: str = "coupon", **fields: Any) -> dict[str, Any]:
    """An offer of 10 points; with a stock only if one is named."""
    words = {"zh": "马克杯", "en": "Mug"}
    return {"offer_id": offer_id, "kind": kind, "name": words, "words": words, "price_points": 10, **fields}


def offer(api: Api, offer_id: str = "mug", kind: str = "coupon", **fields: Any) -> str:
    """Puts one in force, or its next version; returns its id."""
    content, now = document(offer_id, kind, **fields), api.clock.now
    if items.read_draft(offer_id):
        offers.change(offer_id, content, offers.draft(offer_id).revision, "test", now)
    else:
        offers.create(content, "test", now)
    offers.publish(offer_id, "test", now)
    return offer_id


def rich(api: Api, name: str = "ann", points: int = 1_000) -> Member:
    """A member with so many points."""
    member = api.log_in(name)
    missing = points - api.account(member).balance
    body = {"points": missing, "reason": "for a test"}
    path = f"/v1/admin/members/{member.member_id}/adjustments"
    assert api.call("POST", path, body, token=api.operator(), key=api.fresh()).status == 200
    return member


def redeem(api: Api, member: Member, offer_id: str = "mug", key: str | None = None, **fields: Any) -> Reply:
    """One piece unless told; expecting 10 points a piece."""
    quantity = fields.get("quantity", 1)
    expected = 10 * quantity if isinstance(quantity, int) else 10
    body = {"offer_id": offer_id, "quantity": 1, "expected_points": max(1, expected), **fields}
    return api.call("POST", "/v1/me/redemptions", body, token=member.token, key=key or api.fresh("redeem"))


def redeemed(api: Api, member: Member, offer_id: str = "mug", **fields: Any) -> str:
    """The id of a redemption that went well."""
    reply = redeem(api, member, offer_id, **fields)
    assert reply.status == 200, reply
    return str(reply.body["redemption"]["redemption_id"])


def cancel(api: Api, member: Member, redemption_id: str, key: str | None = None) -> Reply:
    path = f"/v1/me/redemptions/{redemption_id}/cancellation"
    return api.call("POST", path, {}, token=member.token, key=key or api.fresh("cancel"))


def claim(api: Api, member: Member, redemption_id: str, key: str | None = None, **fields: Any) -> Reply:
    path, body = f"/v1/me/redemptions/{redemption_id}/claims", {"reason": "it came broken", **fields}
    return api.call("POST", path, body, token=member.token, key=key or api.fresh("claim"))


def step(api: Api, redemption_id: str, name: str, key: str | None = None, token: str = "", **fields: Any) -> Reply:
    """A step by an operator."""
    body = {"step": name, "reason": "as agreed", **fields}
    path = f"/v1/admin/redemptions/{redemption_id}/steps"
    return api.call("POST", path, body, token=token or api.operator("support"), key=key or api.fresh("step"))


def ship(api: Api, redemption_id: str, **fields: Any) -> Reply:
    return step(api, redemption_id, "shipment", details={"company": "顺丰速运", "number": "SF1234567890"}, **fields)


def show(api: Api, member: Member, redemption_id: str) -> Any:
    """What the member reads of it."""
    reply = api.call("GET", f"/v1/me/redemptions/{redemption_id}", token=member.token)
    assert reply.status == 200, reply
    return reply.body


def left(offer_id: str = "mug", period: str = "all") -> int:
    """Pieces in the stock; the sold ones and these are all there are, in each shard."""
    found = items.shards(offer_id, period)
    assert all(0 <= shard.left <= shard.total for shard in found)
    return sum(int(shard.left) for shard in found)


def restocked_by_somebody_else() -> None:
    """This container no longer knows what was sold out."""
    stock.forget()
