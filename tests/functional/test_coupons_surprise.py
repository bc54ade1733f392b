"""The surprise of the first purchase: once in a member's life, never above the budget, gone with a refund."""

import threading
from itertools import permutations
from typing import Any
from unittest.mock import patch

import pytest

from chalicelib.coupons import items, rules, surprise
from tests.functional.coupons_room import about_coupons, cancel, deliver, held, mine, settle, told, use, with_coupons
from tests.harness.api import Api, Member

PATH = "/v1/admin/coupons/surprise"


def budgeted(api: Api, budget_fen: int, low: int = 100, high: int = 1_000) -> None:
    drawn = {"coupon": "surprise", "min_fen": low, "max_fen": high, "budget_fen": budget_fen}
    api.publish(with_coupons(surprise=drawn))


def buy(api: Api, member: Member, order_id: str, amount_fen: int = 5_000) -> Any:
    """A paid order; its fact."""
    assert api.order(member, amount_fen, order_id).status == 200
    return about_coupons(member)[-1]


def refund(api: Api, member: Member, order_id: str, amount_fen: int = 5_000) -> Any:
    assert api.refund(order_id, f"r-{order_id}", amount_fen).status == 200
    return about_coupons(member)[-1]


def drawn(member: Member) -> int:
    """The amount of the member's surprise."""
    item = items.coupon(member.member_id, items.SURPRISE)
    return (item.definition.amount_off_fen or 0) if item else 0


def test_a_first_purchase_draws_whole_steps_between_the_bounds_and_the_inbox_tells(api: Api) -> None:
    amounts = set()
    for number in range(12):
        member = api.log_in(f"m{number}")
        assert deliver(buy(api, member, f"o-{number}")) == []
        amounts.add(drawn(member))
        (item,) = mine(api, member)["items"]
        assert (item["coupon"], item["state"], item["expires_on"]) == ("surprise", "usable", "2026-12-24")
        assert item["worth"]["amount_off_fen"] == drawn(member)
        assert told(member) == ["coupon_surprise"]
    assert all(100 <= amount <= 1_000 and amount % 10 == 0 for amount in amounts)
    assert len(amounts) > 3


@pytest.mark.parametrize("steps", [0, 90])
def test_both_bounds_can_be_drawn(api: Api, steps: int) -> None:
    member = api.log_in()
    with patch.object(surprise.secrets, "randbelow", lambda most: min(steps, most - 1)):
        assert deliver(buy(api, member, "o-1")) == []
    assert drawn(member) == 100 + 10 * steps


def test_it_is_drawn_once_however_often_the_fact_comes(api: Api) -> None:
    member = api.log_in()
    fact = buy(api, member, "o-1")
    assert deliver(fact, fact) == []
    amount = drawn(member)
    api.clock.pass_(days=1)
    assert deliver(fact) == []
    assert (drawn(member), len(held(member)), told(member)) == (amount, 1, ["coupon_surprise"])
    state = api.call("GET", PATH, token=api.operator("analyst")).body
    assert state == {
        "on": True, "coupon": "surprise", "budget_fen": 10_000_000, "drawn_fen": amount,
        "left_fen": 10_000_000 - amount, "drawn": 1,
    }  # fmt: skip


def test_a_second_purchase_draws_nothing_and_neither_does_a_free_one(api: Api) -> None:
    member, other = api.log_in("ann"), api.log_in("ben")
    buy(api, member, "o-1")
    api.order(member, 5_000, "o-2")
    settle(member)
    assert len(held(member)) == 1
    assert deliver(buy(api, other, "o-3", 0)) == []
    assert held(other) == []


def test_without_a_surprise_in_the_rulebook_nothing_is_drawn(api: Api) -> None:
    api.publish(with_coupons(surprise=None))
    member = api.log_in()
    assert deliver(buy(api, member, "o-1")) == []
    assert held(member) == []
    state = api.call("GET", PATH, token=api.operator()).body
    assert state == {"on": False, "coupon": None, "budget_fen": 0, "drawn_fen": 0, "left_fen": 0, "drawn": 0}


def test_an_order_of_the_past_that_is_brought_in_draws_nothing(api: Api) -> None:
    member = api.log_in()
    fact = buy(api, member, "o-1")
    assert deliver({**fact, "facts": {**fact["facts"], "as_of": "paid"}}) == []
    assert held(member) == []
    assert deliver(fact) == []
    assert len(held(member)) == 1


# The budget ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("budget", "wanted"), [(999, [500, 499, 0]), (600, [500, 100, 0]), (599, [500, 0, 0])])
def test_the_rest_of_a_budget_is_given_as_far_as_it_reaches_for_the_least(
    api: Api, capsys: pytest.CaptureFixture[str], budget: int, wanted: list[int]
) -> None:
    budgeted(api, budget)
    with patch.object(surprise.secrets, "randbelow", lambda most: 40 if most == 91 else 0):
        for number, amount in enumerate(wanted):
            member = api.log_in(f"m{number}")
            assert deliver(buy(api, member, f"o-{number}")) == []
            assert drawn(member) == amount
    assert "surprise_without_budget" in capsys.readouterr().out
    assert int(items.budget("surprise").drawn_fen) == sum(wanted)


def test_a_larger_budget_goes_on_where_the_smaller_one_ended(api: Api) -> None:
    budgeted(api, 500, 500, 500)
    assert [self_drawn(api, f"m{n}") for n in range(2)] == [500, 0]
    budgeted(api, 1_000, 500, 500)
    assert [self_drawn(api, f"n{n}") for n in range(2)] == [500, 0]


def self_drawn(api: Api, name: str) -> int:
    member = api.log_in(name)
    assert deliver(buy(api, member, f"o-{name}")) == []
    return drawn(member)


def test_two_workers_at_once_draw_the_budget_to_the_fen_and_not_beyond(api: Api) -> None:
    budgeted(api, 5_230)
    members = [api.log_in(f"m{number}") for number in range(24)]
    facts = [buy(api, member, f"o-{number}") for number, member in enumerate(members)]
    barrier, failures = threading.Barrier(4), list[list[str]]()

    def consume(share: int) -> None:
        barrier.wait()
        # Every fact reaches two of the four.
        for fact in facts[share % 2 :: 2]:
            failures.append(deliver(fact))

    threads = [threading.Thread(target=consume, args=(share,)) for share in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not any(failures)
    amounts = [drawn(member) for member in members]
    left = 5_230 - sum(amounts)
    assert int(items.budget("surprise").drawn_fen) == sum(amounts)
    assert int(items.budget("surprise").drawn) == sum(amount > 0 for amount in amounts)
    assert 0 <= left < 100


# Refunds ------------------------------------------------------------------------------------------------------------


def test_a_full_refund_takes_it_back_and_a_later_first_order_brings_the_same_one(api: Api) -> None:
    member = api.log_in()
    assert deliver(buy(api, member, "o-1")) == []
    amount, (code,) = drawn(member), [item.code for item in held(member)]
    assert deliver(refund(api, member, "o-1")) == []
    assert mine(api, member)["items"] == []
    assert use(api, code, "o-9").code == "COUPON_NOT_USABLE"
    api.clock.pass_(days=60)
    assert deliver(buy(api, member, "o-2")) == []
    (item,) = held(member)
    assert (item.code, drawn(member), item.state, item.expires_on) == (code, amount, rules.USABLE, "2027-02-22")
    assert int(items.budget("surprise").drawn_fen) == amount
    assert told(member) == ["coupon_surprise", "coupon_surprise"]
    assert use(api, code, "o-9").body["discount_fen"] == amount


def test_what_an_operator_has_withdrawn_does_not_come_back_with_another_first_order(api: Api) -> None:
    member = api.log_in()
    assert deliver(buy(api, member, "o-1")) == []
    (code,) = [item.code for item in held(member)]
    path = f"/v1/admin/coupons/{code}/withdrawal"
    assert api.call("POST", path, {"reason": "fraud"}, token=api.operator()).status == 200
    assert deliver(refund(api, member, "o-1")) == []
    assert deliver(buy(api, member, "o-2")) == []
    assert [item.state for item in held(member)] == [rules.WITHDRAWN]


def test_a_partial_refund_leaves_it(api: Api) -> None:
    member = api.log_in()
    buy(api, member, "o-1")
    refund(api, member, "o-1", 4_999)
    settle(member)
    assert [item.state for item in held(member)] == [rules.USABLE]


def test_used_already_it_is_gone_once_it_comes_back(api: Api) -> None:
    member = api.log_in()
    assert deliver(buy(api, member, "o-1")) == []
    (code,) = [item.code for item in held(member)]
    assert use(api, code, "o-2").status == 200
    assert deliver(refund(api, member, "o-1")) == []
    assert held(member)[0].state == rules.USED
    assert cancel(api, code, "o-2").body["given_back"] is True
    assert held(member)[0].state == rules.WITHDRAWN


def test_a_refund_that_came_before_its_payment_leaves_nothing_to_draw(api: Api) -> None:
    member = api.log_in()
    assert api.refund("o-1", "r-1", 5_000).status == 202
    fact = buy(api, member, "o-1")
    assert fact["facts"]["refunded_in_full"] is True
    assert deliver(fact) == []
    assert held(member) == []


@pytest.mark.parametrize("last", ["refunded", "kept"])
def test_in_whatever_order_the_facts_come_the_end_is_the_same(api: Api, last: str) -> None:
    ends = set()
    for number, order in enumerate(permutations(range(3 + (last == "refunded")))):
        member = api.log_in(f"m{number}")
        facts = [buy(api, member, f"a{number}"), refund(api, member, f"a{number}"), buy(api, member, f"b{number}")]
        if last == "refunded":
            facts.append(refund(api, member, f"b{number}"))
        for index in (*order, order[0]):
            assert deliver(facts[index]) == []
        ends.add(tuple(item["state"] for item in mine(api, member)["items"]))
    assert ends == ({()} if last == "refunded" else {("usable",)})
