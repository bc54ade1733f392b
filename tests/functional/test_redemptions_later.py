"""What may still change of a redemption: the time of a service, and where a parcel went."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.redemption import steps
from chalicelib.redemption.items import ParcelItem
from chalicelib.shared import audit
from tests.functional.mall_room import appoint, erase_address
from tests.functional.redemptions_room import ADDRESS, cancel, claim, left, offer, redeemed, rich, ship, show, step
from tests.harness import faults
from tests.harness.api import Api, Member, Reply

TEN, ELEVEN = "2026-12-01T02:00:00.000Z", "2026-12-01T03:00:00.000Z"


@pytest.fixture
def ann(api: Api) -> Member:
    return rich(api)


@pytest.fixture
def visit(api: Api, ann: Member) -> str:
    """A service wished for at ten in Shanghai on December 1."""
    offer(api, "visit", "service")
    return redeemed(api, ann, "visit", appointment_at=TEN)


def day(api: Api, on: str = "2026-12-01", query: str = "", role: str = "support") -> Reply:
    return api.call("GET", f"/v1/admin/appointments?on={on}{query}", token=api.operator(role))


def listed(api: Api, on: str = "2026-12-01") -> list[tuple[str, str, bool]]:
    found: list[dict[str, Any]] = day(api, on).body["items"]
    return [(one["redemption_id"], one["appointment_at"], one["agreed"]) for one in found]


def shown(api: Api, ann: Member, visit: str) -> tuple[str, str]:
    found = show(api, ann, visit)["redemption"]
    return found["state"], found["appointment_at"]


# Appointments --------------------------------------------------------------------------------------------------------


def test_a_member_asks_for_another_time_and_the_shop_confirms_it(api: Api, ann: Member, visit: str) -> None:
    assert (shown(api, ann, visit), listed(api)) == (("placed", TEN), [(visit, TEN, False)])
    step(api, visit, "reservation", details={"appointment_at": TEN})
    assert (shown(api, ann, visit), listed(api)) == (("reserved", TEN), [(visit, TEN, True)])
    reply = appoint(api, ann, visit, ELEVEN, key="later")
    assert reply.body["state"] == "placed"
    assert (shown(api, ann, visit), listed(api)) == (("placed", ELEVEN), [(visit, ELEVEN, False)])
    assert appoint(api, ann, visit, ELEVEN, key="later").body == reply.body
    step(api, visit, "reservation", details={"appointment_at": ELEVEN})
    assert (shown(api, ann, visit), listed(api)) == (("reserved", ELEVEN), [(visit, ELEVEN, True)])


@pytest.mark.parametrize("ending", ["cancellation", "fulfilment", "failure"])
def test_what_is_over_is_in_nobodys_day(api: Api, ann: Member, visit: str, ending: str) -> None:
    appoint(api, ann, visit, ELEVEN)
    if ending == "cancellation":
        assert cancel(api, ann, visit).status == 200
    else:
        assert step(api, visit, ending).status == 200
    assert listed(api) == []
    assert appoint(api, ann, visit, TEN).code == "STEP_REFUSED"
    assert listed(api) == []


def test_a_service_without_a_wish_is_in_a_day_once_it_has_a_time(api: Api, ann: Member) -> None:
    offer(api, "visit", "service")
    first, second, third = (redeemed(api, ann, "visit") for _ in range(3))
    assert step(api, first, "fulfilment").status == 200
    appoint(api, ann, second, TEN)
    step(api, third, "reservation", details={"appointment_at": ELEVEN})
    assert listed(api) == [(second, TEN, False), (third, ELEVEN, True)]


def test_a_day_is_the_shops_from_midnight_to_midnight(api: Api, ann: Member) -> None:
    offer(api, "visit", "service")
    times = ("2026-11-30T15:59:59.999Z", "2026-11-30T16:00:00.000Z", "2026-12-01T15:59:59.999Z",
             "2026-12-01T16:00:00.000Z")  # fmt: skip
    made = [redeemed(api, ann, "visit", appointment_at=at) for at in times]
    assert [one[0] for one in listed(api)] == made[1:3]
    assert [one[0] for one in listed(api, "2026-11-30")] == made[:1]
    assert [one[0] for one in listed(api, "2026-12-02")] == made[3:]


def test_a_day_is_listed_page_by_page(api: Api, ann: Member) -> None:
    offer(api, "visit", "service")
    made = {redeemed(api, ann, "visit", appointment_at=TEN) for _ in range(3)}
    first = day(api, query="&limit=2").body
    second = day(api, query=f"&limit=2&cursor={first['next_cursor']}").body
    found = [one["redemption_id"] for body in (first, second) for one in body["items"]]
    assert (len(found), set(found), second["next_cursor"]) == (3, made, None)
    # A cursor of another day goes nowhere.
    assert day(api, "2026-11-30", f"&cursor={first['next_cursor']}").body == {"items": [], "next_cursor": None}
    assert day(api, "2026-12-02", f"&cursor={first['next_cursor']}").body["items"] == []
    for query in ("&cursor=mine", "&cursor=IjAi"):
        assert day(api, query=query).status == 400
    assert day(api, "20261201").status == 422
    assert day(api, role="analyst").status == 403


NO_TIMES = ("2026-11-24T04:00:00Z", "2026-11-23T04:00:00Z", "tomorrow", "2026-12-01", "2026-12-01T10:00:00", 1, None)


def test_a_time_that_is_none_or_past_is_refused(api: Api, ann: Member, visit: str) -> None:
    for at in NO_TIMES:
        reply = appoint(api, ann, visit, at)  # type: ignore[arg-type]
        assert (reply.status, reply.body["error"]["details"][0]["field"]) == (422, "appointment_at"), at
    assert shown(api, ann, visit) == ("placed", TEN)


def test_only_a_service_of_ones_own_has_a_time(api: Api, ann: Member, visit: str) -> None:
    offer(api, "mug", "physical")
    assert appoint(api, ann, redeemed(api, ann, address=ADDRESS), TEN).code == "STEP_REFUSED"
    assert appoint(api, rich(api, "bob"), visit, ELEVEN).code == "REDEMPTION_UNKNOWN"


def test_the_time_is_changed_ten_times_at_most(api: Api, ann: Member, visit: str) -> None:
    for number in range(steps.MAX_APPOINTMENTS):
        assert appoint(api, ann, visit, f"2026-12-02T{number:02}:00:00Z").status == 200
    assert appoint(api, ann, visit, TEN).code == "TOO_MANY_APPOINTMENTS"
    assert step(api, visit, "reservation", details={"appointment_at": TEN}).status == 200


# Addresses -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def parcel(api: Api, ann: Member) -> str:
    offer(api, "mug", "physical")
    return redeemed(api, ann, quantity=3, address=ADDRESS)


def for_member(api: Api, redemption_id: str, role: str = "support") -> Reply:
    path = f"/v1/admin/redemptions/{redemption_id}/address-erasure"
    return api.call("POST", path, {"reason": "asked by phone"}, token=api.operator(role))


def erasures(api: Api) -> int:
    records = audit.page(f"{api.clock.now:%Y-%m-%d}", 50, None)
    return sum(record.action == "redemption.address_erasure" for record in records)


def test_an_address_is_erased_once_the_parcel_is_on_its_way(api: Api, ann: Member, parcel: str) -> None:
    assert erase_address(api, ann, parcel).code == "STILL_TO_SHIP"
    assert show(api, ann, parcel)["parcel"]["address"] == ADDRESS
    ship(api, parcel)
    first = erase_address(api, ann, parcel)
    assert (first.status, first.body) == (200, {"redemption_id": parcel, "address": None})
    again = erase_address(api, ann, parcel)
    assert (again.body, again.headers["Idempotency-Replayed"]) == (first.body, "true")
    shown = show(api, ann, parcel)["parcel"]
    assert (shown["address"], shown["company"], shown["number"]) == (None, "", "")
    everything = " ".join(faults.state())
    assert [value for value in (ADDRESS["phone"], "SF1234567890") if value in everything] == []


@pytest.mark.parametrize("ending", ["cancellation", "failure"])
def test_an_address_of_what_will_never_be_shipped_is_erased(api: Api, ann: Member, parcel: str, ending: str) -> None:
    assert step(api, parcel, ending).status == 200
    assert erase_address(api, ann, parcel).status == 200


def test_support_erases_for_a_member_and_is_audited_once(api: Api, parcel: str) -> None:
    assert for_member(api, parcel, "analyst").status == 403
    assert for_member(api, parcel).code == "STILL_TO_SHIP"
    assert erasures(api) == 0
    ship(api, parcel)
    assert for_member(api, parcel).status == 200
    assert for_member(api, parcel).body == {"redemption_id": parcel, "address": None}
    assert erasures(api) == 1


def test_what_has_no_parcel_has_no_address(api: Api, ann: Member, parcel: str) -> None:
    offer(api, "coffee")
    assert erase_address(api, ann, redeemed(api, ann, "coffee")).code == "NO_PARCEL"
    assert erase_address(api, rich(api, "bob"), parcel).code == "REDEMPTION_UNKNOWN"
    assert for_member(api, "R" + "0" * 18).code == "REDEMPTION_UNKNOWN"


def test_without_an_address_nothing_is_replaced_and_a_refund_is_left(api: Api, ann: Member, parcel: str) -> None:
    ship(api, parcel)
    claim(api, ann, parcel)
    erase_address(api, ann, parcel)
    assert step(api, parcel, "replacement").code == "ADDRESS_GONE"
    assert ship(api, parcel).code == "ADDRESS_GONE"
    assert step(api, parcel, "refund").body["state"] == "returned"


def test_an_erasure_and_a_replacement_at_once_do_not_leave_a_parcel_without_an_address(api: Api, ann: Member) -> None:
    offer(api, "mug", "physical")
    token = api.operator("support")
    for _ in range(5):
        redemption_id = redeemed(api, ann, address=ADDRESS)
        ship(api, redemption_id, token=token)
        claim(api, ann, redemption_id)
        with faults.no_sleep(), ThreadPoolExecutor(2) as pool:
            erasing = pool.submit(erase_address, api, ann, redemption_id)
            replacing = pool.submit(step, api, redemption_id, "replacement", token=token)
            codes = (erasing.result().code, replacing.result().code)
        item = ParcelItem.get(redemption_id, "parcel")
        assert (codes, item.work, item.address) in (
            (("", "ADDRESS_GONE"), "shipped", None),
            (("STILL_TO_SHIP", ""), "to_ship", ADDRESS),
        )


def test_a_part_returned_while_replacing_is_not_shipped(api: Api, ann: Member, parcel: str) -> None:
    ship(api, parcel)
    claim(api, ann, parcel)
    step(api, parcel, "replacement")
    assert int(ParcelItem.get(parcel, "parcel").quantity) == 3
    assert step(api, parcel, "return", quantity=1).body["state"] == "replacing"
    assert int(ParcelItem.get(parcel, "parcel").quantity) == 2


def test_a_replacement_that_fails_brings_nothing_back_into_the_stock(api: Api, ann: Member) -> None:
    offer(api, "cup", "physical", stock={"mode": "total", "pieces": 3})
    sent, unsent = (redeemed(api, ann, "cup", address=ADDRESS) for _ in range(2))
    ship(api, sent)
    claim(api, ann, sent)
    assert step(api, sent, "replacement").status == 200
    assert step(api, sent, "failure").body["state"] == "failed"
    assert (left("cup"), api.account(ann).balance) == (1, 990)
    step(api, unsent, "failure")
    assert (left("cup"), api.account(ann).balance) == (2, 1_000)


@pytest.mark.parametrize("reason", ["  ", "\n\n", "a\u0000b", "\u202ebroken", "\u3164\u3164", "a\u001b[31m"])
def test_a_reason_of_blanks_or_controls_is_refused(api: Api, ann: Member, parcel: str, reason: str) -> None:
    ship(api, parcel)
    reply = claim(api, ann, parcel, reason=reason)
    assert (reply.status, reply.body["error"]["details"][0]["field"]) == (422, "reason")


def test_a_reason_may_have_lines(api: Api, ann: Member, parcel: str) -> None:
    ship(api, parcel)
    assert claim(api, ann, parcel, reason=" 第一只碎了\r\n第二只也是 ").status == 200
    assert show(api, ann, parcel)["claims"][0]["reason"] == "第一只碎了\n第二只也是"


def test_one_key_of_an_operator_is_one_step(api: Api, parcel: str) -> None:
    token = api.operator("support")
    assert ship(api, parcel, token=token, key="once").status == 200
    assert step(api, parcel, "completion", token=token, key="once").code == "IDEMPOTENCY_MISMATCH"
