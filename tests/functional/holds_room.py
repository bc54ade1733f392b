"""What the tests of holds share: a brand whose points pay for half of an order, and the merchant's calls."""

from typing import Any

from chalicelib.rulebook.presets import preset
from tests.harness.api import Api, Member, Reply

CASH: dict[str, Any] = {"max_percent": 50, "step_points": 10}
ALL = 10_000
"""An order that takes any of the points of these tests, in fen."""


def open_till(api: Api, **cash: Any) -> None:
    """Puts the retail preset in force, with these rules for points as cash."""
    api.publish({"redemption": {**preset("retail")["redemption"], "cash": {**CASH, **cash}}})


def hold(api: Api, member: Member, points: int = 100, hold_id: str = "h-1", **fields: Any) -> Reply:
    body = {
        "hold_id": hold_id, "order_id": hold_id.replace("h", "o", 1), "member_id": member.member_id,
        "amount_fen": ALL, "points": points, **fields,
    }  # fmt: skip
    return api.merchant("POST", "/v1/holds", {name: value for name, value in body.items() if value is not None})


def held(api: Api, member: Member, points: int = 100, hold_id: str = "h-1", **fields: Any) -> Any:
    """The hold of a call that went well."""
    reply = hold(api, member, points, hold_id, **fields)
    assert reply.status == 200, reply
    return reply.body["hold"]


def capture(api: Api, points: int | None = None, hold_id: str = "h-1") -> Reply:
    body = {} if points is None else {"points": points}
    return api.merchant("POST", f"/v1/holds/{hold_id}/capture", body)


def release(api: Api, hold_id: str = "h-1") -> Reply:
    return api.merchant("POST", f"/v1/holds/{hold_id}/release", {})


def refund(api: Api, points: int, refund_id: str = "r-1", hold_id: str = "h-1") -> Reply:
    return api.merchant("POST", f"/v1/holds/{hold_id}/refunds", {"refund_id": refund_id, "points": points})


def show(api: Api, hold_id: str = "h-1") -> Reply:
    return api.merchant("GET", f"/v1/holds/{hold_id}")


def quote(api: Api, member: Member, amount_fen: int) -> Reply:
    return api.call("POST", "/v1/me/cash-offsets/quote", {"amount_fen": amount_fen}, token=member.token)


def points_of(api: Api, member: Member) -> tuple[int, int]:
    """(balance, held) as the member reads them, the same on the home screen and on the page of points."""
    home = api.call("GET", "/v1/me", token=member.token).body["points"]
    page = api.call("GET", "/v1/me/points", token=member.token).body
    assert (home["balance"], home["held"]) == (page["balance"], page["held"])
    return page["balance"], page["held"]
