"""What becomes of a redemption, over HTTP: operators' steps, parcels, claims, and who may know what."""

import json
from typing import Any

import pytest

from chalicelib.redemption.items import ClaimItem, ParcelItem
from tests.functional.redemptions_room import (
    ADDRESS,
    cancel,
    claim,
    left,
    offer,
    redeem,
    redeemed,
    rich,
    ship,
    show,
    step,
)
from tests.harness import faults
from tests.harness.api import Api, Member, Reply

FIVE = {"mode": "total", "pieces": 5, "shards": 2}


@pytest.fixture
def ann(api: Api) -> Member:
    return rich(api)


@pytest.fixture
def parcel(api: Api, ann: Member) -> str:
    """Three pieces on their way to being shipped, of five."""
    offer(api, "mug", "physical", stock=FIVE)
    return redeemed(api, ann, quantity=3, address=ADDRESS)


def waiting(api: Api, work: str, query: str = "") -> Any:
    reply = api.call("GET", f"/v1/admin/redemptions?work={work}{query}", token=api.operator("support"))
    assert reply.status == 200, reply
    return reply.body


def state(api: Api, member: Member, redemption_id: str) -> str:
    return str(show(api, member, redemption_id)["redemption"]["state"])


def field(reply: Reply) -> str:
    return str(reply.body["error"]["details"][0]["field"])


# Parcels -------------------------------------------------------------------------------------------------------------


def test_a_parcel_is_ordered_shipped_and_received(api: Api, ann: Member, parcel: str) -> None:
    (task,) = waiting(api, "to_ship")["items"]
    assert (task["redemption_id"], task["member_id"], task["offer_id"], task["quantity"]) == (
        parcel, ann.member_id, "mug", 3,
    )  # fmt: skip
    assert task["parcel"]["address"] == ADDRESS
    assert show(api, ann, parcel)["parcel"] == {"address": ADDRESS, "company": "", "number": "", "work": "to_ship"}

    assert ship(api, parcel).body["state"] == "shipped"
    assert waiting(api, "to_ship")["items"] == []
    shown = show(api, ann, parcel)
    assert (shown["parcel"]["company"], shown["parcel"]["number"]) == ("顺丰速运", "SF1234567890")
    assert cancel(api, ann, parcel).code == "STEP_REFUSED"
    assert step(api, parcel, "completion").body["state"] == "completed"
    assert show(api, ann, parcel)["parcel"]["work"] == ""
    assert [done["step"] for done in show(api, ann, parcel)["redemption"]["steps"]] == ["shipment", "completion"]


NO_ADDRESSES = (
    {"phone": "12800138000"}, {"phone": "+8613800138000"}, {"phone": "1380013800"}, {"phone": "138001380000"},
    {"phone": "1380013800\n"}, {"name": ""}, {"name": "  "}, {"name": "安" * 33}, {"street": "路" * 101},
    {"street": "文三路\n100 号"}, {"street": "<script>alert(1)</script>"}, {"street": "=HYPERLINK(1)"},
    {"street": "@SUM(A1)"}, {"street": "\u202e文三路"}, {"street": "a\u0000b"}, {"street": "\u3164"},
    {"city": "${jndi:ldap}"}, {"district": "西湖区'; DROP TABLE"}, {"province": None}, {"country": "中国"},
)  # fmt: skip


def test_an_address_that_is_none_is_refused(api: Api, ann: Member) -> None:
    offer(api, "mug", "physical")
    for change in NO_ADDRESSES:
        reply = redeem(api, ann, address={**ADDRESS, **change})
        assert (reply.status, field(reply)) == (422, f"address.{next(iter(change))}"), change
    assert api.account(ann).balance == 1_000


def test_an_address_is_kept_clean_and_missing_it_is_refused(api: Api, ann: Member) -> None:
    offer(api, "mug", "physical")
    reply = redeem(api, ann)
    assert (reply.status, field(reply)) == (422, "address")
    redemption_id = redeemed(api, ann, address={**ADDRESS, "street": "  文三路１００号 "})
    assert show(api, ann, redemption_id)["parcel"]["address"]["street"] == "文三路100号"


def test_where_a_parcel_goes_stands_in_the_parcel_and_nowhere_else(
    api: Api, ann: Member, capsys: pytest.CaptureFixture[str]
) -> None:
    offer(api, "mug", "physical")
    redemption_id = redeemed(api, ann, address=ADDRESS)
    ship(api, redemption_id)
    claim(api, ann, redemption_id, reason="call me at 13900139000")
    redeem(api, ann, address={**ADDRESS, "phone": "13700137000x"})
    secrets = [*ADDRESS.values(), "SF1234567890", "13900139000", "13700137000"]
    mine, others = [], []
    for item in faults.state():
        (mine if item.startswith("membership-test-redemption:") else others).append(item)
    assert [secret for secret in secrets if not found_in(mine, secret)] == ["13700137000"]
    assert [secret for secret in secrets if found_in(others, secret)] == []
    logged = capsys.readouterr()
    assert [secret for secret in secrets if secret in logged.out + logged.err] == []


def found_in(items: list[str], secret: str) -> bool:
    """Whether it stands there, plain or as the JSON of an attribute that is JSON itself."""
    once = json.dumps(secret)[1:-1]
    return any(form in item for item in items for form in (once, json.dumps(once)[1:-1]))


def test_an_erased_address_is_gone_and_cannot_be_shipped_to(api: Api, ann: Member, parcel: str) -> None:
    ParcelItem(parcel).update([ParcelItem.address.remove()])
    assert show(api, ann, parcel)["parcel"]["address"] is None
    assert ship(api, parcel).code == "ADDRESS_GONE"
    assert state(api, ann, parcel) == "placed"
    assert cancel(api, ann, parcel).status == 200


def test_a_cancelled_or_failed_parcel_waits_for_nobody(api: Api, ann: Member, parcel: str) -> None:
    other = redeemed(api, ann, address=ADDRESS)
    assert len(waiting(api, "to_ship")["items"]) == 2
    assert cancel(api, ann, parcel).body["state"] == "cancelled"
    assert step(api, other, "failure").body["state"] == "failed"
    assert waiting(api, "to_ship")["items"] == []
    assert (left(), api.account(ann).balance) == (5, 1_000)


def test_what_waits_is_listed_oldest_first_page_by_page(api: Api, ann: Member) -> None:
    offer(api, "mug", "physical")
    made = []
    for _ in range(5):
        made.append(redeemed(api, ann, address=ADDRESS))
        api.clock.pass_(seconds=1)
    first = waiting(api, "to_ship", "&limit=2")
    second = waiting(api, "to_ship", f"&limit=2&cursor={first['next_cursor']}")
    third = waiting(api, "to_ship", f"&limit=2&cursor={second['next_cursor']}")
    listed = [*first["items"], *second["items"], *third["items"]]
    assert ([task["redemption_id"] for task in listed], third["next_cursor"]) == (made, None)
    for cursor in ("nonsense!", "MA", "e30", "ImEi", "Ilx1ZDgwMCI"):
        path = f"/v1/admin/redemptions?work=to_ship&cursor={cursor}"
        assert api.call("GET", path, token=api.operator()).status == 400
    assert api.call("GET", "/v1/admin/redemptions?work=shipped", token=api.operator()).status == 422


# Steps ---------------------------------------------------------------------------------------------------------------


def test_a_cancellation_gives_back_points_pieces_and_limits_once(api: Api, ann: Member) -> None:
    offer(api, "mug", "service", limits={"day": 3}, stock=FIVE)
    redemption_id = redeemed(api, ann, quantity=3)
    first = cancel(api, ann, redemption_id, key="once")
    again = cancel(api, ann, redemption_id, key="once")
    assert (first.status, again.status, again.body) == (200, 200, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert cancel(api, ann, redemption_id, key="twice").code == "STEP_REFUSED"
    assert step(api, redemption_id, "cancellation").code == "STEP_REFUSED"
    assert (left(), api.account(ann).balance, dict(api.account(ann).redeemed)) == (5, 1_000, {})


def test_what_is_agreed_to_be_final_is_final_whatever_the_offer_says_later(api: Api, ann: Member) -> None:
    offer(api, "mug", "service", cancellable=False)
    final = redeemed(api, ann)
    assert show(api, ann, final)["redemption"]["cancellable"] is False
    offer(api, "mug", "service", cancellable=True)
    assert cancel(api, ann, final).code == "NOT_CANCELLABLE"
    other = redeemed(api, ann)
    assert show(api, ann, other)["redemption"]["cancellable"] is True
    offer(api, "mug", "service", cancellable=False)
    assert cancel(api, ann, other).status == 200
    assert show(api, ann, other)["redemption"]["cancellable"] is False
    assert step(api, final, "cancellation").status == 200


@pytest.mark.parametrize(("restock", "pieces"), [(False, 2), (True, 3)])
def test_a_return_in_parts_brings_pieces_back_only_when_told(
    api: Api, ann: Member, parcel: str, restock: bool, pieces: int
) -> None:
    ship(api, parcel)
    reply = step(api, parcel, "return", quantity=1, restock=restock)
    assert (reply.body["state"], reply.body["entry"]["points"], left()) == ("shipped", 10, pieces)
    assert show(api, ann, parcel)["redemption"]["returned"] == 1
    assert step(api, parcel, "return", quantity=3).code == "STEP_REFUSED"
    assert step(api, parcel, "return", restock=True).body["state"] == "returned"
    # Of a part that was not put back nothing is put back later either.
    assert (left(), api.account(ann).balance) == (pieces + 2, 1_000)


def test_an_appointment_is_wished_for_and_made(api: Api, ann: Member) -> None:
    offer(api, "mug", "service")
    past = redeem(api, ann, appointment_at=api.clock.now.isoformat())
    assert (past.status, field(past)) == (422, "appointment_at")
    redemption_id = redeemed(api, ann, appointment_at="2026-12-01T02:00:00Z")
    assert show(api, ann, redemption_id)["redemption"]["appointment_at"] == "2026-12-01T02:00:00.000Z"
    details = {"appointment_at": "2026-12-02T02:00:00Z"}
    assert step(api, redemption_id, "reservation", details=details).body["state"] == "reserved"
    shown = show(api, ann, redemption_id)["redemption"]
    assert (shown["appointment_at"], shown["cancellable"]) == ("2026-12-02T02:00:00.000Z", True)
    assert step(api, redemption_id, "fulfilment").body["state"] == "fulfilled"
    assert step(api, redemption_id, "reservation", details=details).code == "STEP_REFUSED"


NO_STEPS: tuple[dict[str, Any], ...] = (
    {"step": "claim"}, {"step": "sale"}, {"step": "shipment"}, {"step": "shipment", "details": {"company": "顺丰"}},
    {"step": "completion", "details": {"company": "顺丰", "number": "SF123456"}},
    {"step": "shipment", "details": {"company": "顺丰", "number": "SF 1"}}, {"step": "completion", "quantity": 1},
    {"step": "cancellation", "restock": True}, {"step": "return", "quantity": 0}, {"step": "reservation"},
    {"step": "return", "quantity": -1}, {"step": "completion", "reason": ""},
)  # fmt: skip


def test_a_step_that_makes_no_sense_is_refused(api: Api, ann: Member, parcel: str) -> None:
    token = api.operator()
    for body in NO_STEPS:
        sent = {"reason": "as agreed", **body}
        reply = api.call("POST", f"/v1/admin/redemptions/{parcel}/steps", sent, token=token, key="k")
        assert reply.status == 422, body
    assert state(api, ann, parcel) == "placed"


def test_a_step_is_taken_once_and_audited(api: Api, ann: Member, parcel: str) -> None:
    token = api.operator("support", "sue")
    first, again = (ship(api, parcel, key="once", token=token) for _ in range(2))
    assert (first.status, again.body, again.headers.get("Idempotency-Replayed")) == (200, first.body, "true")
    other = step(api, parcel, "shipment", key="once", token=token, details={"company": "圆通", "number": "YT12345678"})
    assert other.code == "IDEMPOTENCY_MISMATCH"
    trail = api.call("GET", "/v1/admin/audit", token=api.operator()).body["items"]
    found = [record for record in trail if record["action"] == "redemption.step"]
    assert [(record["actor"], record["target"], record["details"]) for record in found] == [
        ("operator:sue", parcel, {"step": "shipment", "reason": "as agreed"})
    ]
    shown = api.call("GET", f"/v1/admin/redemptions/{parcel}", token=token).body
    assert (shown["member_id"], shown["redemption"]["state"]) == (ann.member_id, "shipped")


@pytest.mark.parametrize("role", ["analyst"])
def test_who_only_analyses_sees_no_address_and_takes_no_step(api: Api, parcel: str, role: str) -> None:
    token = api.operator(role)
    for path in ("?work=to_ship", f"/{parcel}"):
        assert api.call("GET", f"/v1/admin/redemptions{path}", token=token).status == 403
    assert ship(api, parcel, token=token).status == 403


def test_a_coupon_is_used_once(api: Api, ann: Member) -> None:
    offer(api)
    redemption_id = redeemed(api, ann)
    assert step(api, redemption_id, "use").body["state"] == "used"
    assert step(api, redemption_id, "use").code == "STEP_REFUSED"
    assert show(api, ann, redemption_id)["parcel"] is None


# Claims --------------------------------------------------------------------------------------------------------------


def test_a_claim_is_made_with_pictures_seen_and_refunded(api: Api, ann: Member, parcel: str) -> None:
    assert claim(api, ann, parcel).code == "STEP_REFUSED"
    ship(api, parcel)
    pictures = ["https://cdn.brand.example/broken.jpg"]
    first, again = (claim(api, ann, parcel, key="once", quantity=2, pictures=pictures) for _ in range(2))
    assert (first.status, again.body, again.headers.get("Idempotency-Replayed")) == (200, first.body, "true")
    assert claim(api, ann, parcel, key="another").code == "STEP_REFUSED"
    (task,) = waiting(api, "claimed")["items"]
    assert (task["redemption_id"], task["quantity"], task["parcel"]) == (parcel, 2, None)
    assert task["claim"] == {"reason": "it came broken", "pictures": pictures, "quantity": 2, "waits": True}
    assert show(api, ann, parcel)["redemption"]["claimed"] == 2

    decided = step(api, parcel, "refund")
    assert (decided.body["state"], decided.body["entry"]["points"], left()) == ("shipped", 20, 2)
    assert waiting(api, "claimed")["items"] == []
    shown = show(api, ann, parcel)
    assert (shown["redemption"]["claimed"], shown["redemption"]["returned"]) == (0, 2)
    assert [found["waits"] for found in shown["claims"]] == [False]
    assert step(api, parcel, "refund").code == "STEP_REFUSED"
    # The rest may be claimed again, and both claims are there to read.
    assert claim(api, ann, parcel, quantity=2).code == "STEP_REFUSED"
    assert claim(api, ann, parcel).status == 200
    assert step(api, parcel, "refund", restock=True).body["state"] == "returned"
    assert (left(), api.account(ann).balance, len(show(api, ann, parcel)["claims"])) == (3, 1_000, 2)


def test_a_replacement_is_shipped_again_and_cannot_be_cancelled(api: Api, ann: Member, parcel: str) -> None:
    ship(api, parcel)
    claim(api, ann, parcel, quantity=1)
    assert step(api, parcel, "replacement").body["state"] == "replacing"
    (task,) = waiting(api, "to_ship")["items"]
    assert (task["quantity"], task["parcel"]["work"]) == (1, "to_ship")
    assert cancel(api, ann, parcel).code == "STEP_REFUSED"
    assert ship(api, parcel).body["state"] == "shipped"
    assert waiting(api, "to_ship")["items"] == []
    assert (api.account(ann).balance, left()) == (970, 2)


def test_a_claim_declined_changes_nothing(api: Api, ann: Member, parcel: str) -> None:
    ship(api, parcel)
    claim(api, ann, parcel)
    assert step(api, parcel, "rejection").body["state"] == "shipped"
    assert (api.account(ann).balance, waiting(api, "claimed")["items"]) == (970, [])


NO_CLAIMS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"reason": "x"}, "reason"), ({"reason": "x" * 501}, "reason"), ({"quantity": 0}, "quantity"),
    ({"quantity": -1}, "quantity"), ({"pictures": ["http://a.example/b"]}, "pictures.0"),
    ({"pictures": ["javascript:alert(1)"]}, "pictures.0"), ({"pictures": ["https://a.example/b"] * 10}, "pictures"),
)  # fmt: skip


def test_a_claim_that_makes_no_sense_is_refused(api: Api, ann: Member, parcel: str) -> None:
    ship(api, parcel)
    for fields, named in NO_CLAIMS:
        reply = claim(api, ann, parcel, **fields)
        assert (reply.status, field(reply)) == (422, named), fields
    assert list(ClaimItem.scan(ClaimItem.kind.startswith("claim#"))) == []
