"""Operators look at an offer's stock and change it: never below what is sold."""

from time import monotonic
from typing import Any

import pytest

from chalicelib.redemption import levels, offers
from tests.functional.redemptions_room import left, offer, redeem, redeemed, rich
from tests.harness.api import Api, Reply


def look(api: Api, offer_id: str = "mug") -> Any:
    reply = api.call("GET", f"/v1/admin/offers/{offer_id}/stock", token=api.operator("analyst"))
    assert reply.status == 200, reply
    return reply.body


def put(api: Api, pieces: Any, offer_id: str = "mug", role: str = "operator") -> Reply:
    path = f"/v1/admin/offers/{offer_id}/stock"
    return api.call("PUT", path, {"pieces": pieces}, token=api.operator(role))


@pytest.mark.parametrize(("mode", "period"), [("total", "all"), ("month", "2026-11")])
def test_a_stock_nobody_has_touched_is_what_the_offer_says(api: Api, mode: str, period: str) -> None:
    offer(api, stock={"mode": mode, "pieces": 7, "shards": 2})
    assert look(api) == {
        "offer_id": "mug", "mode": mode, "period": period, "pieces": 7, "sold": 0, "left": 7, "shards": [],
    }  # fmt: skip
    redeemed(api, rich(api))
    found = look(api)
    assert (found["pieces"], found["sold"], found["left"]) == (7, 1, 6)
    assert sorted(shard["total"] for shard in found["shards"]) == [3, 4]


@pytest.mark.parametrize(("pieces", "status"), [(2, 409), (3, 200), (4, 200), (10, 200), (11, 200), (1_000, 200)])
def test_a_stock_is_set_to_what_is_sold_or_more(api: Api, pieces: int, status: int) -> None:
    offer(api, stock={"mode": "total", "pieces": 10, "shards": 4})
    ann = rich(api)
    redeemed(api, ann, quantity=3)
    reply = put(api, pieces)
    assert reply.status == status
    found = look(api)
    if status == 409:
        assert (reply.code, reply.body["error"]["details"][0]["sold"]) == ("STOCK_BELOW_SOLD", 3)
        assert (found["pieces"], found["left"]) == (10, 7)
        return
    assert reply.body == found
    assert (found["pieces"], found["sold"], found["left"]) == (pieces, 3, pieces - 3)
    assert left() == pieces - 3
    assert all(0 <= shard["left"] <= shard["total"] for shard in found["shards"])
    more = redeem(api, ann, quantity=min(90, pieces - 2))
    assert more.code == ("SOLD_OUT" if pieces - 2 <= 90 else "")


def test_a_stock_begins_as_the_newest_version_says_also_where_an_older_one_is_known(api: Api) -> None:
    stock = {"mode": "total", "pieces": 7, "shards": 1}
    known = offers.find(offer(api, stock=stock))
    offer(api, stock={**stock, "pieces": 5})
    offers._cache.known, offers._cache.read_at = {"mug": known}, monotonic()
    redeemed(api, rich(api))
    assert left() == 4


def test_a_stock_that_has_not_begun_is_set_too_and_every_change_is_audited(api: Api) -> None:
    offer(api, stock={"mode": "month", "pieces": 5})
    assert put(api, 0).body["left"] == 0
    ann = rich(api)
    assert redeem(api, ann).code == "SOLD_OUT"
    api.clock.pass_(seconds=1)
    assert put(api, 2).body["left"] == 2
    redeemed(api, ann)
    trail = api.call("GET", "/v1/admin/audit", token=api.operator()).body["items"]
    changes = [record["details"] for record in trail if record["action"] == "offer.stock"]
    assert changes == [{"period": "2026-11", "pieces": 2}, {"period": "2026-11", "pieces": 0}]
    assert {record["target"] for record in trail if record["action"] == "offer.stock"} == {"mug"}


def test_this_month_s_stock_says_nothing_of_the_next(api: Api) -> None:
    offer(api, stock={"mode": "month", "pieces": 5})
    put(api, 50)
    api.clock.pass_(days=7)
    found = look(api)
    assert (found["period"], found["pieces"], found["shards"]) == ("2026-12", 5, [])


def test_publishing_leaves_the_stock_on_sale_and_says_so(api: Api) -> None:
    offer(api, stock={"mode": "total", "pieces": 5})
    redeemed(api, rich(api), quantity=2)
    offer(api, stock={"mode": "total", "pieces": 5}, price_points=11)
    offer(api, stock={"mode": "total", "pieces": 9})
    assert look(api)["pieces"] == 5
    found = api.call("POST", "/v1/admin/offers/mug/validate", {}, token=api.operator()).body
    assert found["publishable"] is True
    assert "STOCK_STAYS" in {finding["code"] for finding in found["findings"]}


def test_a_member_sees_a_stock_that_was_set_at_once_in_the_same_container(api: Api) -> None:
    offer(api, stock={"mode": "total", "pieces": 5})
    ann = rich(api)
    assert api.call("GET", "/v1/offers/mug", token=ann.token).body["stock_left"] == 5
    put(api, 8)
    assert api.call("GET", "/v1/offers/mug", token=ann.token).body["stock_left"] == 8


@pytest.mark.parametrize("pieces", [-1, 10_000_001, 1.5, "many", None])
def test_a_stock_is_a_number_of_pieces(api: Api, pieces: Any) -> None:
    offer(api, stock={"mode": "total", "pieces": 5})
    reply = put(api, pieces)
    assert (reply.status, reply.code) == (422, "INVALID_FIELDS")
    assert look(api)["pieces"] == 5


def test_an_offer_that_never_runs_out_has_no_stock_to_set(api: Api) -> None:
    offer(api)
    found = look(api)
    assert (found["mode"], found["period"], found["pieces"], found["left"], found["shards"]) == ("none", "", 0, 0, [])
    reply = put(api, 5)
    assert (reply.status, reply.code) == (409, "STOCK_NOT_COUNTED")
    assert levels.level("mug", api.clock.now).shards == ()
