"""Drawing over HTTP: what it takes and gives, the opening and the end, repeats, limits, who may not."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.earning import service as earning
from chalicelib.earning.schemas import OrderIn
from chalicelib.engine import lotteries
from chalicelib.rulebook import store
from chalicelib.rulebook.model_lotteries import lottery_of
from tests.functional.lottery_room import ENDS, NOTHING, STARTS, draw, fix, left, lottery, opened, player, publish
from tests.functional.members_room import act
from tests.functional.redemptions_room import rich
from tests.harness.api import Api, Member
from tests.unit.raffle import MUG, TEA, TEN, visit

SECOND, TICK = timedelta(seconds=1), timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("number", "prize", "points", "coupons"),
    [
        (TEN, "ten", 10, None),
        (TEA - 1, "ten", 10, None),
        (TEA, "tea", -10, ["mall_10"]),
        (MUG, "mug", -10, None),
        (NOTHING, None, -10, None),
        (999_999, None, -10, None),
    ],
)
def test_a_draw_takes_its_price_and_gives_what_its_number_falls_on(
    api: Api, monkeypatch: pytest.MonkeyPatch, number: int, prize: str | None, points: int, coupons: list[str] | None
) -> None:
    opened(api)
    ann = player(api)
    fix(monkeypatch, number)
    reply = draw(api, ann)
    assert reply.status == 200, reply
    drawn = reply.body["draw"]
    assert (drawn["number"], drawn["prize"], drawn["out"], drawn["paid_points"]) == (number, prize, False, 10)
    assert (reply.body["entry"]["points"], api.account(ann).balance) == (points, 1_000 + points)
    entry = ledger.statement(ann.member_id, 1, None)[0][0]
    found = entry.facts.get("coupons")
    assert (found and [coupon["coupon"] for coupon in found]) == coupons
    assert not found or found[0] == {"coupon": "mall_10", "quantity": 1, "of": f"lottery#{drawn['draw_id']}"}
    kept = lottery_of(store.at(entry.rulebook_version).rulebook.lotteries, "winter")
    assert kept is not None
    assert lotteries.check(entry.facts["draw"], kept, entry.at) == []


@pytest.mark.parametrize(
    ("at", "status", "code"),
    [
        (STARTS - TICK, 409, "LOTTERY_CLOSED"),
        (STARTS, 200, ""),
        (ENDS - TICK, 200, ""),
        (ENDS, 409, "LOTTERY_CLOSED"),
    ],
)
def test_it_opens_and_closes_at_its_very_instant(api: Api, at: Any, status: int, code: str) -> None:
    publish(api)
    api.clock.now = at - timedelta(minutes=1)
    ann = player(api)
    api.clock.now = at
    reply = draw(api, ann)
    assert (reply.status, reply.code) == (status, code)
    assert api.account(ann).balance == (1_000 if code else 1_000 + reply.body["entry"]["points"])


def test_a_repeat_is_answered_with_the_first_draw_for_good(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(api)
    ann = player(api)
    numbers = fix(monkeypatch, MUG, TEN)
    first = draw(api, ann, "k")
    again = draw(api, ann, "k")
    assert (first.status, again.status, again.body) == (200, 200, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    other = draw(api, ann, "k", expected_points=11)
    elsewhere = draw(api, ann, "k", code="summer")
    assert [other.code, elsewhere.code] == ["IDEMPOTENCY_MISMATCH"] * 2
    for _ in range(9):  # more requests than the account remembers
        act(api, ann, "PATCH", "/v1/me", {"nickname": api.fresh("n")})
    consent = {"name": "lottery", "version": "1", "granted": False}
    assert act(api, ann, "POST", "/v1/me/consents", consent).status == 200
    assert (draw(api, ann, "k").body, draw(api, ann).code) == (first.body, "CONSENT_NEEDED")
    api.clock.now = ENDS + timedelta(days=400)
    api.publish()
    ann = api.log_in("ann")
    assert (draw(api, ann, "k").body, draw(api, ann).code) == (first.body, "LOTTERY_UNKNOWN")
    assert (left(), numbers[0], api.account(ann).chances["winter"].drawn) == ((0, 1), MUG, 1)


def test_chances_are_taken_before_points_and_points_only_up_to_what_was_shown(api: Api) -> None:
    opened(api, tasks=[visit(2)])
    ann = player(api)
    assert act(api, ann, "POST", "/v1/me/actions", {"action_id": "a", "kind": "login"}).status == 200
    assert api.account(ann).chances["winter"].left == 2
    paid = [draw(api, ann, expected_points=0).body["draw"]["paid_chances"] for _ in range(2)]
    assert paid == [1, 1]
    refused = draw(api, ann, expected_points=0)
    assert (refused.code, refused.body["error"]["details"][0]["points"]) == ("NO_CHANCE", 10)
    assert draw(api, ann, expected_points=9).code == "PRICE_ROSE"
    assert draw(api, ann).body["draw"]["paid_points"] == 10


@pytest.mark.parametrize("points", [9, 10])
def test_a_draw_needs_its_whole_price_whatever_its_number(
    api: Api, monkeypatch: pytest.MonkeyPatch, points: int
) -> None:
    opened(api)
    ann = player(api, points=points)
    fix(monkeypatch, TEN)
    reply = draw(api, ann)
    assert reply.code == ("" if points == 10 else "INSUFFICIENT_POINTS")


def test_limits_hold_by_the_day_and_for_good(api: Api) -> None:
    opened(api)
    ann = player(api)
    codes = [draw(api, ann).code for _ in range(4)]
    assert codes == ["", "", "", "DRAWS_USED_UP"]
    # Midnight in Shanghai.
    api.clock.now = STARTS.replace(hour=16) - TICK
    ann = api.log_in("ann")
    assert draw(api, ann).code == "DRAWS_USED_UP"
    api.clock.now += TICK
    assert [draw(api, ann).code for _ in range(3)] == ["", "", "DRAWS_USED_UP"]
    api.clock.pass_(days=1)
    ann = api.log_in("ann")
    assert draw(api, ann).code == "DRAWS_USED_UP"
    assert api.account(ann).chances["winter"].drawn == 5


def test_who_has_not_consented_or_is_frozen_draws_nothing(api: Api) -> None:
    opened(api)
    ann = rich(api)
    assert draw(api, ann).code == "CONSENT_NEEDED"
    consent = {"name": "lottery", "version": "1", "granted": True}
    assert act(api, ann, "POST", "/v1/me/consents", consent).status == 200
    freeze = f"/v1/admin/members/{ann.member_id}/freeze"
    assert api.call("POST", freeze, {"reason": "a test"}, token=api.operator(), key="f").status == 200
    assert [draw(api, ann).code, draw(api, ann, code="summer").code] == ["MEMBER_FROZEN"] * 2
    assert api.account(ann).balance == 1_000


def mine(api: Api, member: Member, query: str = "") -> Any:
    reply = api.call("GET", f"/v1/me/lotteries/winter{query}", token=member.token)
    assert reply.status == 200, reply
    return reply.body


def test_members_see_their_own_chances_and_draws_page_by_page(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(api)
    ann, ben = player(api), player(api, "ben")
    assert (mine(api, ann)["draws_left"], mine(api, ann)["items"], mine(api, ann)["consented"]) == (3, [], True)
    fix(monkeypatch, TEN, MUG, NOTHING)
    for member in (ann, ann, ben):
        api.clock.now += SECOND
        assert draw(api, member).status == 200
    first = mine(api, ann, "?limit=1")
    second = mine(api, ann, f"?limit=1&cursor={first['next_cursor']}")
    assert [first["items"][0]["prize"], second["items"][0]["prize"], second["next_cursor"]] == ["mug", "ten", None]
    assert (first["drawn"], first["draws_left"]) == (2, 1)
    assert [item["prize"] for item in mine(api, ben)["items"]] == [None]
    bad = api.call("GET", "/v1/me/lotteries/winter?cursor=WzFd", token=ann.token)
    assert bad.code == "BAD_CURSOR"


def test_a_later_lottery_of_the_same_code_begins_anew(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(api)
    ann = player(api)
    fix(monkeypatch, MUG)
    assert [draw(api, ann).body["draw"]["out"] for _ in range(2)] == [False, True]
    api.clock.now = ENDS
    later = ENDS + timedelta(hours=1)
    again = {"starts_at": later.isoformat(), "ends_at": (later + timedelta(days=1)).isoformat()}
    publish(api, lottery(**again))
    api.clock.now = later
    ann = api.log_in("ann")
    assert mine(api, ann)["drawn"] == 0
    assert [draw(api, ann).body["draw"]["out"] for _ in range(2)] == [False, True]
    assert (left(), left(**again), api.account(ann).chances["winter"].drawn) == ((0, 1), (0, 1), 2)


ORDERS = [{"metric": "orders", "window": "day", "at_least": 1, "name": {"zh": "订单", "en": "orders"}}]


def test_an_order_paid_and_refunded_again_and_again_draws_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(api, tasks=[visit(1, goals=ORDERS)])
    ann = player(api)
    fix(monkeypatch, NOTHING)
    drawn = []
    for number in range(3):
        assert api.order(ann, 10_000, f"A-{number}").status == 200
        drawn.append(draw(api, ann, expected_points=0).code)
        assert api.refund(f"A-{number}", f"R-{number}", 10_000).status == 200
    assert drawn == ["", "NO_CHANCE", "NO_CHANCE"]
    assert act(api, ann, "GET", "/v1/me/lotteries/winter").body["chances"] == 0


@pytest.mark.parametrize(("as_of_payment", "chances"), [(False, {"winter": 2}), (True, {})])
def test_an_order_of_the_past_that_is_brought_in_gives_no_chance_of_today(
    api: Api, as_of_payment: bool, chances: dict[str, int]
) -> None:
    opened(api, tasks=[visit(2, goals=ORDERS)])
    ann, paid_at = player(api), STARTS - timedelta(days=0 if not as_of_payment else 300)
    order = OrderIn(order_id="H-1", member_id=ann.member_id, paid_at=paid_at, amount_fen=10_000)
    entry = earning.report_order(order, STARTS, as_of_payment=as_of_payment).entry
    assert entry.facts["tasks"] == ["visit"]
    assert {code: found.left for code, found in api.account(ann).chances.items()} == chances
