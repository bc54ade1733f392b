"""What the tests of codes, shipments, appointments and donations share: everybody's calls."""

from typing import Any

from chalicelib.redemption import items
from tests.functional.redemptions_room import offer
from tests.harness.api import Api, Member, Reply

CODED: dict[str, Any] = {"mode": "codes"}
PARTNER = {"zh": "清水基金会", "en": "Clear Water"}


def coded(api: Api, *codes: str, offer_id: str = "films", **fields: Any) -> str:
    """A virtual offer on sale with these codes in its pool."""
    offer(api, offer_id, "virtual", **{"stock": CODED, **fields})
    if codes:
        assert load(api, *codes, offer_id=offer_id).status == 200
    return offer_id


def load(api: Api, *codes: str, offer_id: str = "films", token: str = "") -> Reply:
    path = f"/v1/admin/offers/{offer_id}/codes"
    return api.call("POST", path, {"codes": list(codes)}, token=token or api.operator("operator"))


def free(offer_id: str = "films") -> int:
    """How many codes nobody has; as many as the stock has left."""
    found = len(items.free_codes(offer_id, "0", 1_000))
    assert found == sum(int(shard.left) for shard in items.shards(offer_id, "all"))
    return found


def use(api: Api, member: Member, redemption_id: str, key: str | None = None) -> Reply:
    path = f"/v1/me/redemptions/{redemption_id}/use"
    return api.call("POST", path, {}, token=member.token, key=key or api.fresh("use"))


def appoint(api: Api, member: Member, redemption_id: str, at: str, key: str | None = None) -> Reply:
    path, body = f"/v1/me/redemptions/{redemption_id}/appointment", {"appointment_at": at}
    return api.call("POST", path, body, token=member.token, key=key or api.fresh("appoint"))


def erase_address(api: Api, member: Member, redemption_id: str) -> Reply:
    path = f"/v1/me/redemptions/{redemption_id}/address-erasure"
    return api.call("POST", path, {}, token=member.token, key=api.fresh("erase"))


def export(api: Api, query: str = "", token: str = "") -> Reply:
    return api.call("GET", f"/v1/admin/shipments/export{query}", token=token or api.operator("support"))


def take_in(api: Api, csv: str, token: str = "") -> Reply:
    body = {"csv": csv}
    return api.call("POST", "/v1/admin/shipments/import", body, token=token or api.operator("support"))


def campaign(api: Api, campaign_id: str = "water", **fields: Any) -> str:
    """A campaign in force, of 10 points a piece."""
    donation = {"partner": PARTNER, "goal_points": 1_000}
    return offer(api, campaign_id, "donation", **{"donation": donation, "member_day": False, **fields})


def donate(api: Api, member: Member, points: int = 50, campaign_id: str = "water", key: str | None = None) -> Reply:
    body = {"campaign_id": campaign_id, "points": points}
    return api.call("POST", "/v1/me/donations", body, token=member.token, key=key or api.fresh("donate"))


def donated(api: Api, member: Member, points: int = 50, campaign_id: str = "water") -> str:
    """The id of a donation that went well."""
    reply = donate(api, member, points, campaign_id)
    assert reply.status == 200, reply
    return str(reply.body["redemption"]["redemption_id"])


def settle(api: Api, campaign_id: str = "water", token: str = "", **fields: Any) -> Reply:
    body = {"reference": "BANK-2026-1", "amount_fen": 5_000, "reason": "as agreed", **fields}
    path = f"/v1/admin/donations/{campaign_id}/settlement"
    return api.call("POST", path, body, token=token or api.operator("operator"))


def given(api: Api, member: Member, campaign_id: str = "water") -> tuple[int, int]:
    """Points and donations, as anybody sees them."""
    reply = api.call("GET", f"/v1/donations/{campaign_id}", token=member.token)
    assert reply.status == 200, reply
    return reply.body["points"], reply.body["donations"]
