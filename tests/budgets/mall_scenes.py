"""Codes, shipments by file, appointments, erased addresses, donations."""

from typing import Any

from tests.budgets.members import Call, Scene, regular
from tests.budgets.offer_scenes import BASE, on_sale
from tests.budgets.redemption_scenes import ADDRESS, ADMIN, MINE, MUG, PRICE
from tests.budgets.redemption_scenes import member_of as buyer
from tests.harness.api import Api, Member, Reply

CODED, VISIT, WATER = "coffee_code", "pottery_class", "clean_water"
CODES = [f"CODE-{number:04}-ABCD" for number in range(20)]
SETTLED = {"reference": "BANK-1", "amount_fen": 100, "reason": "as agreed"}


def _coded(api: Api) -> Member:
    """The regular member, and an offer with twenty codes in its pool."""
    member = regular(api)
    on_sale(api, CODED, price_points=PRICE)
    assert _load(api, CODES, api.operator()).body["new"] == len(CODES)
    return member


def _load(api: Api, codes: list[str], token: str) -> Reply:
    return api.call("POST", f"{BASE}/{CODED}/codes", {"codes": codes}, token=token)


def _load_first(api: Api) -> Call:
    on_sale(api, CODED)
    token = api.operator()
    assert _load(api, CODES[:1], token).status == 200
    return lambda: _load(api, CODES[1:11], token)


def _load_known(api: Api) -> Call:
    call = _load_first(api)
    assert call().status == 200
    return call


def _redeem(api: Api, member: Member, offer_id: str, key: str = "once", **fields: Any) -> Reply:
    body = {"offer_id": offer_id, "quantity": 1, "expected_points": PRICE, **fields}
    return api.call("POST", MINE, body, token=member.token, key=key)


def _redeem_code(api: Api) -> Call:
    member = _coded(api)
    return lambda: _redeem(api, member, CODED)


def _with_code(api: Api) -> tuple[Member, str]:
    member = _coded(api)
    return member, str(_redeem(api, member, CODED).body["redemption"]["redemption_id"])


def _show_code(api: Api) -> Call:
    member, redemption_id = _with_code(api)
    return lambda: api.call("GET", f"{MINE}/{redemption_id}", token=member.token)


def _use(api: Api) -> Call:
    member, redemption_id = _with_code(api)
    return lambda: api.call("POST", f"{MINE}/{redemption_id}/use", {}, token=member.token, key="use")


def _visit(api: Api) -> tuple[Member, str]:
    """A service wished for next year."""
    member = buyer(api, VISIT, min_tier=None)
    reply = _redeem(api, member, VISIT, appointment_at="2027-06-01T02:00:00Z")
    return member, str(reply.body["redemption"]["redemption_id"])


def _redeem_visit(api: Api) -> Call:
    member = buyer(api, VISIT, min_tier=None)
    return lambda: _redeem(api, member, VISIT, appointment_at="2027-06-01T02:00:00Z")


def _appoint(api: Api) -> Call:
    member, visit = _visit(api)
    body = {"appointment_at": "2027-06-02T02:00:00Z"}
    return lambda: api.call("POST", f"{MINE}/{visit}/appointment", body, token=member.token, key="appoint")


def _appointments(api: Api) -> Call:
    _visit(api)
    token = api.operator()
    return lambda: api.call("GET", "/v1/admin/appointments?on=2027-06-01", token=token)


def _parcel(api: Api) -> tuple[Member, str, str]:
    """A redeemed mug: its member, its id, an operator's token."""
    member, token = buyer(api, MUG), api.operator()
    redemption_id = _redeem(api, member, MUG, address=ADDRESS).body["redemption"]["redemption_id"]
    return member, str(redemption_id), token


def _take_in(api: Api, redemption_id: str, token: str) -> Reply:
    csv = f"redemption_id,company,number\r\n{redemption_id},顺丰速运,SF1234567890\r\n"
    return api.call("POST", "/v1/admin/shipments/import", {"csv": csv}, token=token)


def _export(api: Api) -> Call:
    _, _, token = _parcel(api)
    return lambda: api.call("GET", "/v1/admin/shipments/export", token=token)


def _import(api: Api) -> Call:
    _, redemption_id, token = _parcel(api)
    return lambda: _take_in(api, redemption_id, token)


def _import_again(api: Api) -> Call:
    call = _import(api)
    assert call().body["shipped"] == 1
    return call


def _erase(api: Api) -> Call:
    member, redemption_id, token = _parcel(api)
    assert _take_in(api, redemption_id, token).body["shipped"] == 1
    path = f"{MINE}/{redemption_id}/address-erasure"
    return lambda: api.call("POST", path, {}, token=member.token, key="erase")


def _erase_for_member(api: Api) -> Call:
    _, redemption_id, token = _parcel(api)
    assert _take_in(api, redemption_id, token).body["shipped"] == 1
    path = f"{ADMIN}/{redemption_id}/address-erasure"
    return lambda: api.call("POST", path, {"reason": "asked by phone"}, token=token)


def _donor(api: Api) -> Member:
    member = regular(api)
    on_sale(api, WATER, price_points=10)
    return member


def _give(api: Api, member: Member) -> Reply:
    body = {"campaign_id": WATER, "points": PRICE}
    return api.call("POST", "/v1/me/donations", body, token=member.token, key="once")


def _donate(api: Api) -> Call:
    member = _donor(api)
    return lambda: _give(api, member)


def _get(path: str) -> Scene:
    def scene(api: Api) -> Call:
        member = _donor(api)
        assert _give(api, member).status == 200
        return lambda: api.call("GET", path, token=member.token)

    return scene


def _cancel(api: Api) -> Call:
    member = _donor(api)
    donation_id = _give(api, member).body["redemption"]["redemption_id"]
    return lambda: api.call("POST", f"{MINE}/{donation_id}/cancellation", {}, token=member.token, key="cancel")


def _settle(api: Api) -> Call:
    assert _give(api, _donor(api)).status == 200
    token = api.operator()
    withdrawn = api.call("POST", f"{BASE}/{WATER}/withdraw", {"reason": "over"}, token=token)
    assert withdrawn.status == 200
    return lambda: api.call("POST", f"/v1/admin/donations/{WATER}/settlement", SETTLED, token=token)


SCENES: dict[str, Scene] = {
    f"POST {BASE}/{{offer_id}}/codes": _load_first,
    f"POST {BASE}/{{offer_id}}/codes, all known": _load_known,
    f"POST {MINE}, a code": _redeem_code,
    f"POST {MINE}, an appointment": _redeem_visit,
    f"GET {MINE}/{{redemption_id}}, with a code": _show_code,
    f"POST {MINE}/{{redemption_id}}/use": _use,
    f"POST {MINE}/{{redemption_id}}/appointment": _appoint,
    "GET /v1/admin/appointments": _appointments,
    "GET /v1/admin/shipments/export": _export,
    "POST /v1/admin/shipments/import": _import,
    "POST /v1/admin/shipments/import, again": _import_again,
    f"POST {MINE}/{{redemption_id}}/address-erasure": _erase,
    f"POST {ADMIN}/{{redemption_id}}/address-erasure": _erase_for_member,
    "POST /v1/me/donations": _donate,
    "GET /v1/donations": _get("/v1/donations"),
    "GET /v1/donations/{campaign_id}": _get(f"/v1/donations/{WATER}"),
    "GET /v1/me/donations": _get("/v1/me/donations"),
    f"POST {MINE}/{{redemption_id}}/cancellation, of a donation": _cancel,
    "POST /v1/admin/donations/{campaign_id}/settlement": _settle,
}
