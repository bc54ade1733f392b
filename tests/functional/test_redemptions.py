"""Redeeming over HTTP: what it takes, what it refuses, and that a repeat is only a repeat."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.redemption import items, offers
from tests.functional.redemptions_room import (
    ADDRESS,
    ONE_PIECE,
    cancel,
    left,
    offer,
    redeem,
    redeemed,
    restocked_by_somebody_else,
    rich,
    show,
)
from tests.functional.tiers_room import TestClock, set_tier
from tests.harness.api import Api, Member
from tests.harness.meter import metering


@pytest.fixture
def ann(api: Api) -> Member:
    return rich(api)


def test_points_become_pieces_in_one_entry(api: Api, ann: Member) -> None:
    offer(api, stock={"mode": "total", "pieces": 5, "shards": 1})
    reply = redeem(api, ann, quantity=2)
    assert reply.status == 200
    found = reply.body["redemption"]
    assert (found["offer_id"], found["kind"], found["state"], found["quantity"]) == ("mug", "coupon", "fulfilled", 2)
    assert (found["price_points"], found["returned"], found["steps"]) == (10, 0, [])
    entry = reply.body["entry"]
    assert (entry["kind"], entry["points"], entry["balance_after"]) == ("redeemed", -20, 980)
    assert entry["lines"][0]["why_zh"] == "兑换马克杯：2 × 10 = 20"
    assert left() == 3
    assert show(api, ann, found["redemption_id"])["redemption"] == found


NONSENSE: tuple[tuple[dict[str, Any], str], ...] = (
    ({"quantity": 0}, "quantity"),
    ({"quantity": -1}, "quantity"),
    ({"quantity": 101}, "quantity"),
    ({"quantity": 10**30}, "quantity"),
    ({"quantity": 1.5}, "quantity"),
    ({"quantity": "1"}, "quantity"),
    ({"quantity": True}, "quantity"),
    ({"expected_points": 0}, "expected_points"),
    ({"expected_points": -10}, "expected_points"),
    ({"expected_points": 10**13}, "expected_points"),
    ({"offer_id": "no such"}, "offer_id"),
    ({"address": ADDRESS}, "address"),
    ({"appointment_at": "2026-12-01T02:00:00Z"}, "appointment_at"),
    ({"colour": "red"}, "colour"),
)


def test_a_body_that_makes_no_sense_is_refused(api: Api, ann: Member) -> None:
    offer(api, stock=ONE_PIECE)
    for fields, field in NONSENSE:
        reply = redeem(api, ann, **{"offer_id": "mug", **fields})
        assert (reply.status, reply.body["error"]["details"][0]["field"]) == (422, field), fields
    assert api.account(ann).balance == 1_000
    assert redeem(api, ann).status == 200  # the only piece


def test_a_hundred_pieces_at_once_are_the_most(api: Api, ann: Member) -> None:
    offer(api)
    assert redeem(api, ann, quantity=100).status == 200
    assert api.account(ann).balance == 0


def test_an_offer_nobody_knows_is_not_found(api: Api, ann: Member) -> None:
    reply = redeem(api, ann, "nothing")
    assert (reply.status, reply.code) == (404, "OFFER_UNKNOWN")


def test_points_that_are_missing_are_named_and_no_piece_is_taken(api: Api, ann: Member) -> None:
    offer(api, price_points=501, stock={"mode": "total", "pieces": 5, "shards": 1})
    reply = redeem(api, ann, quantity=2, expected_points=1_002)
    assert (reply.status, reply.code) == (409, "INSUFFICIENT_POINTS")
    assert reply.body["error"]["details"][0]["points"] == 2
    assert left() == 5


@pytest.mark.parametrize(("expected", "status"), [(29, 409), (30, 200), (31, 200)])
def test_nobody_pays_more_than_was_shown(api: Api, ann: Member, expected: int, status: int) -> None:
    offer(api, price_points=9)
    offer(api, price_points=10)
    reply = redeem(api, ann, quantity=3, expected_points=expected)
    assert reply.status == status
    if status == 409:
        assert (reply.code, reply.body["error"]["details"][0]["points"]) == ("PRICE_ROSE", 30)
    assert api.account(ann).balance == (970 if status == 200 else 1_000)


def test_what_opens_at_an_instant_opens_then_by_the_shops_clock(api: Api, ann: Member) -> None:
    opens = api.clock.now.replace(hour=5)
    closes = api.clock.now.replace(hour=6)
    offer(api, opens_at=opens.isoformat(), closes_at=closes.isoformat())
    seen = []
    for minute in (59, 60, 119, 120):
        api.clock.now = opens.replace(hour=4 + minute // 60, minute=minute % 60)
        seen.append(redeem(api, api.log_in("ann")).code)
    assert seen == ["NOT_ON_SALE", "", "", "NOT_ON_SALE"]


def test_a_tier_may_be_asked_for(api: Api, ann: Member) -> None:
    offer(api, min_tier="silver")
    assert redeem(api, ann).code == "OFFER_NOT_YOURS"
    set_tier(api, ann.member_id, "silver")
    assert redeem(api, ann).status == 200


def test_a_limit_holds_and_a_cancellation_gives_it_back(api: Api, ann: Member) -> None:
    offer(api, "mug", "service", limits={"month": 2})
    first = redeemed(api, ann)
    redeemed(api, ann)
    refused = redeem(api, ann)
    assert (refused.code, refused.body["error"]["details"][0]["left"]) == ("LIMIT_REACHED", 0)
    assert cancel(api, ann, first).status == 200
    assert redeem(api, ann).status == 200
    assert redeem(api, ann).code == "LIMIT_REACHED"
    api.clock.pass_(days=7)
    assert redeem(api, api.log_in("ann")).status == 200


def test_a_frozen_member_redeems_nothing(api: Api, ann: Member) -> None:
    offer(api)
    path = f"/v1/admin/members/{ann.member_id}/freeze"
    assert api.call("POST", path, {"reason": "suspicious"}, token=api.operator(), key="f").status == 200
    assert redeem(api, ann).code == "MEMBER_FROZEN"
    assert api.account(ann).balance == 1_000


def test_a_repeat_is_answered_as_the_first_time_whatever_has_become_of_the_offer(api: Api, ann: Member) -> None:
    offer(api, stock=ONE_PIECE)
    first = redeem(api, ann, key="tap")

    def repeated() -> None:
        again = redeem(api, ann, key="tap")
        assert (again.status, again.body) == (200, first.body)
        assert again.headers["Idempotency-Replayed"] == "true"

    repeated()
    assert redeem(api, ann).code == "SOLD_OUT"  # now the container knows
    repeated()
    for number in range(10):  # the account remembers the keys of its last few requests only
        assert api.call("POST", "/v1/me/check-ins", token=ann.token, key=f"c{number}").status in (200, 409)
        api.clock.pass_(minutes=1)
        adjust = f"/v1/admin/members/{ann.member_id}/adjustments"
        body = {"points": 1, "reason": "a gift"}
        assert api.call("POST", adjust, body, token=api.operator(), key=api.fresh()).status == 200
    repeated()
    offer(api, stock=ONE_PIECE, min_tier="gold")
    restocked_by_somebody_else()
    repeated()
    offers.withdraw("mug", "over", "test", api.clock.now)
    repeated()
    assert redeem(api, ann, key="another").code == "OFFER_UNKNOWN"
    assert redeem(api, ann, key="tap", quantity=2).code == "IDEMPOTENCY_MISMATCH"
    assert len([e for e in entries(api, ann) if e["kind"] == "redeemed"]) == 1


def test_a_repeat_is_answered_when_what_it_asks_for_makes_no_sense_any_more(api: Api, ann: Member) -> None:
    offer(api, "massage", "service")
    at = (api.clock.now + timedelta(hours=1)).isoformat()
    first = redeem(api, ann, "massage", key="tap", appointment_at=at)
    api.clock.pass_(hours=1)
    assert redeem(api, ann, "massage", key="tap", appointment_at=at).body == first.body
    assert redeem(api, ann, "massage", appointment_at=at).status == 422
    offer(api, "massage", "physical")
    assert redeem(api, ann, "massage", key="tap", appointment_at=at).body == first.body
    assert redeem(api, ann, "massage", key="tap").code == "IDEMPOTENCY_MISMATCH"


def test_a_repeat_by_somebody_frozen_meanwhile_is_refused(api: Api, ann: Member) -> None:
    offer(api, stock=ONE_PIECE)
    redeem(api, ann, key="tap")
    path = f"/v1/admin/members/{ann.member_id}/freeze"
    assert api.call("POST", path, {"reason": "suspicious"}, token=api.operator(), key="f").status == 200
    assert redeem(api, ann, key="tap").code == "MEMBER_FROZEN"
    offers.withdraw("mug", "over", "test", api.clock.now)
    assert redeem(api, ann, key="tap").code == "MEMBER_FROZEN"


def test_the_same_key_of_two_members_is_two_redemptions(api: Api, ann: Member) -> None:
    offer(api)
    bob = rich(api, "bob")
    both = {redeemed(api, ann, key="tap"), redeemed(api, bob, key="tap")}
    assert len(both) == 2


def entries(api: Api, member: Member) -> list[Any]:
    reply = api.call("GET", "/v1/me/points/entries?limit=100", token=member.token)
    return list(reply.body["items"])


def test_nobody_sees_or_touches_anothers_redemption(api: Api, ann: Member) -> None:
    offer(api, "mug", "physical")
    redemption_id = redeemed(api, ann, address=ADDRESS)
    bob = rich(api, "bob")
    for method, path, body in (
        ("GET", "", None),
        ("POST", "/cancellation", {}),
        ("POST", "/claims", {"reason": "mine"}),
    ):
        reply = api.call(method, f"/v1/me/redemptions/{redemption_id}{path}", body, token=bob.token, key="k")
        assert (reply.status, reply.code) == (404, "REDEMPTION_UNKNOWN")
    assert api.call("GET", "/v1/me/redemptions", token=bob.token).body["items"] == []


def test_what_is_no_redemption_is_not_found(api: Api, ann: Member) -> None:
    token = api.operator()
    for redemption_id in ("R" + "0" * 18, "R", "none", "redemption", "R" + "g" * 18, "x" * 3_000):
        assert api.call("GET", f"/v1/me/redemptions/{redemption_id}", token=ann.token).code == "REDEMPTION_UNKNOWN"
        assert cancel(api, ann, redemption_id).code == "REDEMPTION_UNKNOWN"
        assert api.call("GET", f"/v1/admin/redemptions/{redemption_id}", token=token).code == "REDEMPTION_UNKNOWN"


def test_redemptions_are_listed_newest_first_page_by_page(api: Api, ann: Member) -> None:
    offer(api, "mug", "service")
    made = [redeemed(api, ann) for _ in range(5)]
    cancel(api, ann, made[1])
    first = api.call("GET", "/v1/me/redemptions?limit=2", token=ann.token).body
    second = api.call("GET", f"/v1/me/redemptions?limit=2&cursor={first['next_cursor']}", token=ann.token).body
    third = api.call("GET", f"/v1/me/redemptions?limit=2&cursor={second['next_cursor']}", token=ann.token).body
    listed = [*first["items"], *second["items"], *third["items"]]
    assert [found["redemption_id"] for found in listed] == made[::-1]
    assert [found["state"] for found in listed] == ["placed", "placed", "placed", "cancelled", "placed"]
    assert third["next_cursor"] is None
    for query in ("cursor=nonsense!", "cursor=MA", "cursor=e30"):
        assert api.call("GET", f"/v1/me/redemptions?{query}", token=ann.token).status == 400


# Stock ---------------------------------------------------------------------------------------------------------------


def test_the_last_piece_is_sold_and_no_more(api: Api, ann: Member) -> None:
    offer(api, stock={"mode": "total", "pieces": 3, "shards": 1})
    assert redeem(api, ann, quantity=2).status == 200
    refused = redeem(api, ann, quantity=2)
    assert (refused.code, refused.body["error"]["details"][0]["left"]) == ("SOLD_OUT", 1)
    assert redeem(api, ann).status == 200
    assert redeem(api, ann).code == "SOLD_OUT"
    assert (left(), api.account(ann).balance) == (0, 970)


def test_leftovers_in_several_shards_are_found(api: Api, ann: Member) -> None:
    offer(api, stock={"mode": "total", "pieces": 10, "shards": 8})
    assert redeem(api, ann, quantity=9).status == 200
    assert redeem(api, ann, quantity=2).code == "SOLD_OUT"
    assert redeem(api, ann, quantity=1).status == 200
    assert left() == 0


def test_what_comes_back_goes_to_the_shards_it_came_from(api: Api, ann: Member) -> None:
    offer(api, "mug", "service", stock={"mode": "total", "pieces": 10, "shards": 8})
    redemption_id = redeemed(api, ann, quantity=7)
    assert left() == 3
    assert cancel(api, ann, redemption_id).status == 200
    assert [int(shard.left) for shard in items.shards("mug", "all")] == [2, 2, 1, 1, 1, 1, 1, 1]
    assert redeem(api, ann, quantity=10).status == 200


def test_each_business_month_begins_with_its_own_pieces(api: Api, ann: Member) -> None:
    offer(api, stock={"mode": "month", "pieces": 1, "shards": 1})
    assert redeem(api, ann).status == 200
    assert redeem(api, ann).code == "SOLD_OUT"
    api.clock.now = api.clock.now.replace(day=30, hour=15, minute=59)  # 23:59 in Shanghai
    ann = api.log_in("ann")
    assert redeem(api, ann).code == "SOLD_OUT"
    api.clock.pass_(minutes=1)
    assert redeem(api, ann).status == 200
    assert redeem(api, ann).code == "SOLD_OUT"
    assert (left(period="2026-11"), left(period="2026-12")) == (0, 0)


def test_what_is_cancelled_next_month_goes_back_to_its_own(api: Api, ann: Member) -> None:
    offer(api, "mug", "service", stock={"mode": "month", "pieces": 2, "shards": 1})
    redemption_id = redeemed(api, ann)
    api.clock.pass_(days=10)
    ann = api.log_in("ann")
    redeemed(api, ann)
    cancel(api, ann, redemption_id)
    assert (left(period="2026-11"), left(period="2026-12")) == (2, 1)


def test_the_stock_is_of_the_shops_month_whatever_a_test_clock_shows(api: Api, ann: Member) -> None:
    offer(api, stock={"mode": "month", "pieces": 1, "shards": 1})
    TestClock.for_(api, ann).to("2027-02-10T00:00:00Z")
    assert redeem(api, ann).status == 200
    assert redeem(api, ann).code == "SOLD_OUT"
    assert left(period="2026-11") == 0


def test_sold_out_is_known_for_a_second_only(api: Api, ann: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(api, stock=ONE_PIECE)
    redeemed(api, ann)
    passed = [100.0]
    monkeypatch.setattr("chalicelib.redemption.stock.monotonic", lambda: passed[0])
    assert redeem(api, ann).code == "SOLD_OUT"
    shard = items.shards("mug", "all")[0]
    shard.left = 1
    shard.save()
    passed[0] += 0.99
    assert redeem(api, ann).code == "SOLD_OUT"
    passed[0] += 0.01
    assert redeem(api, ann).status == 200


def test_sold_out_costs_one_read(api: Api, ann: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.redemption.offers.REVALIDATE_SECONDS", float("inf"))
    monkeypatch.setattr("chalicelib.redemption.stock.SOLD_OUT_SECONDS", float("inf"))
    offer(api, stock=ONE_PIECE)
    redeemed(api, ann)
    assert redeem(api, ann).code == "SOLD_OUT"
    with metering() as counted:
        assert redeem(api, ann).code == "SOLD_OUT"
    assert (dict(counted.calls), counted.read_units, counted.write_units) == ({"GetItem": 1}, 1.0, 0)
