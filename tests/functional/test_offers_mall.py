"""The mall as members see it, over HTTP: their own prices, what is left, and what a look costs."""

from datetime import timedelta

import pytest

from chalicelib.redemption import levels, offers
from infra.seeds import demo
from infra.seeds import offers as demo_offers
from tests.functional.redemptions_room import cancel, offer, redeem, redeemed, restocked_by_somebody_else, rich
from tests.functional.tiers_room import TestClock, get, set_tier
from tests.harness.api import Api, Member
from tests.harness.meter import Meter


@pytest.fixture
def ann(api: Api) -> Member:
    return rich(api, points=1_000)


def test_a_member_sees_what_each_offer_is_for_them(api: Api, ann: Member) -> None:
    offer(api, "bag", sort=2, price_points=1_500, tier_prices={"gold": 900}, limits={"month": 2})
    offer(api, "mug", sort=1, price_points=800, stock={"mode": "total", "pieces": 3}, min_tier="gold")
    mall = get(api, ann, "/v1/offers")
    assert (mall["balance"], mall["member_day"], mall["next_cursor"]) == (1_000, False, None)
    mug, bag = mall["items"]
    assert (mug["offer_id"], mug["stock_left"], mug["affordable"], mug["for_tier"]) == ("mug", 3, True, False)
    assert (bag["offer_id"], bag["stock_left"], bag["affordable"], bag["points_to_go"]) == ("bag", None, False, 500)
    assert (bag["limit_left"], mug["limit_left"], bag["band"], mug["band"]) == (2, None, 2, 1)
    set_tier(api, ann.member_id, "gold")
    mug, bag = get(api, ann, "/v1/offers")["items"]
    assert (mug["for_tier"], bag["price_points"], bag["base_points"], bag["affordable"]) == (True, 900, 1_500, True)
    assert get(api, ann, "/v1/offers/bag") == bag


def test_the_price_that_is_shown_is_the_price_that_is_taken(api: Api, ann: Member) -> None:
    offer(api, price_points=799)
    clock = TestClock.for_(api, ann)
    clock.to("2026-12-15T04:00:00Z")
    shown = get(api, ann, "/v1/offers/mug")
    # A test clock shows this member a member day: 799 × 0.8 = 639.2.
    assert (shown["price_points"], get(api, ann, "/v1/offers")["member_day"]) == (640, True)
    assert redeem(api, ann, expected_points=639).code == "PRICE_ROSE"
    assert redeem(api, ann, expected_points=640).body["entry"]["points"] == -640
    other = rich(api, "bob")
    assert get(api, other, "/v1/offers/mug")["price_points"] == 799


def test_what_a_member_has_had_and_what_is_left_is_seen_at_once(api: Api, ann: Member) -> None:
    offer(api, stock={"mode": "total", "pieces": 3, "shards": 2}, limits={"day": 2})
    first = redeemed(api, ann)
    levels.forget()
    shown = get(api, ann, "/v1/offers/mug")
    assert (shown["stock_left"], shown["limit_left"]) == (2, 1)
    assert cancel(api, ann, first).status == 409  # a coupon is fulfilled at once
    redeemed(api, ann)
    restocked_by_somebody_else()
    levels.forget()
    shown = get(api, ann, "/v1/offers/mug")
    assert (shown["stock_left"], shown["limit_left"]) == (1, 0)
    assert redeem(api, ann).code == "LIMIT_REACHED"


def test_an_offer_is_announced_opens_closes_and_is_gone(api: Api, ann: Member) -> None:
    opens, closes = api.clock.now + timedelta(minutes=5), api.clock.now + timedelta(minutes=10)
    offer(api, opens_at=opens.isoformat(), closes_at=closes.isoformat())
    second = timedelta(seconds=1)
    for now, on_sale, listed in (
        (opens - second, False, 1), (opens, True, 1), (closes - second, True, 1), (closes, False, 0),
    ):  # fmt: skip
        api.clock.now = now
        shown = get(api, ann, "/v1/offers/mug")
        assert (shown["on_sale"], len(get(api, ann, "/v1/offers")["items"])) == (on_sale, listed), now
        assert redeem(api, ann).code == ("" if on_sale else "NOT_ON_SALE")


def test_a_month_s_stock_begins_by_itself(api: Api, ann: Member) -> None:
    offer(api, stock={"mode": "month", "pieces": 2})
    redeemed(api, ann)
    levels.forget()
    assert get(api, ann, "/v1/offers/mug")["stock_left"] == 1
    # Midnight of December in Shanghai.
    api.clock.pass_(days=6, hours=11, minutes=59)
    ann = api.log_in("ann")
    assert get(api, ann, "/v1/offers/mug")["stock_left"] == 1
    api.clock.pass_(minutes=1)
    assert get(api, ann, "/v1/offers/mug")["stock_left"] == 2


def test_a_look_costs_one_query_for_each_counted_stock_and_the_next_ones_none(
    api: Api, ann: Member, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [100.0]
    monkeypatch.setattr(levels, "monotonic", lambda: moment[0])
    monkeypatch.setattr(offers, "monotonic", lambda: 100.0)
    for name in ("bag", "cup", "hat", "mug"):
        offer(api, name, stock={"mode": "total", "pieces": 5} if name != "hat" else {"mode": "none"})
    get(api, ann, "/v1/offers?kind=service")
    for moment[0], path, queries in (
        (100.0, "/v1/offers?limit=2", 2), (100.75, "/v1/offers?limit=2", 0), (100.75, "/v1/offers", 1),
        (100.75, "/v1/offers/mug", 0), (100.75, "/v1/offers/hat", 0), (101.0, "/v1/offers/bag", 1),
        # The cup's is a second and a half old; a quarter later the mug's is a second old.
        (101.5, "/v1/offers", 1), (101.75, "/v1/offers", 1), (103.0, "/v1/offers", 3),
    ):  # fmt: skip
        before = meter.calls["Query"]
        get(api, ann, path)
        assert meter.calls["Query"] - before == queries, (moment, path)


@pytest.mark.parametrize(("query", "status", "code"), [
    ("?kind=raffle", 422, "INVALID_FIELDS"), ("?limit=0", 422, "INVALID_FIELDS"),
    ("?limit=101", 422, "INVALID_FIELDS"),
    ("?affordable=no", 422, "INVALID_FIELDS"), ("?band=11", 422, "INVALID_FIELDS"), ("?cursor=mine", 400, "BAD_CURSOR"),
    ("?cursor=WzFd", 400, "BAD_CURSOR"), ("?member_id=M", 422, "INVALID_FIELDS"), ("/none", 404, "OFFER_UNKNOWN"),
    ("/%20", 404, "OFFER_UNKNOWN"),
])  # fmt: skip
def test_a_bad_question_has_a_clear_answer(api: Api, ann: Member, query: str, status: int, code: str) -> None:
    reply = api.call("GET", f"/v1/offers{query}", token=ann.token)
    assert (reply.status, reply.code) == (status, code)


def test_the_demo_brand_has_a_mall_and_may_be_seeded_again(bare_api: Api) -> None:
    api, wechat = bare_api, {"appid": "wxtest", "secret": "wechat-secret"}
    demo.seed(wechat, api.clock.now)
    ann = api.log_in("ann")
    mall = get(api, ann, "/v1/offers")["items"]
    assert [item["offer_id"] for item in mall] == [one["offer_id"] for one in demo_offers.documents(api.clock.now)]
    # An operator has taken one out of it: it stays out.
    offers.withdraw("mug", "sold at the fair", "operator:ada", api.clock.now)
    demo.seed(wechat, api.clock.now)
    assert len(get(api, ann, "/v1/offers")["items"]) == len(mall) - 1


def test_an_offer_of_the_demo_that_does_not_fit_the_brand_s_tiers_stays_a_draft(bare_api: Api) -> None:
    bare_api.publish(base="content")
    demo_offers.seed(bare_api.clock.now)
    found = {draft.offer_id: draft.offered for draft in offers.drafts(100, None)[0]}
    # Without a diamond tier, and without the mall's coupon.
    assert {name for name, offered in found.items() if not offered} == {"mug", "coupon_10", "pottery_class", "speaker"}
