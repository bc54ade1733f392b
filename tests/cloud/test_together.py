"""Many at once, exact every time: the conditions of the transactions hold where threads, functions and the database run
apart from each other. HTTP where the edge is part of the claim, in this process where only the book is.

`SPENDS_EACH=200` makes the double spend the long run."""

import os
from collections import Counter
from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.earning import service
from chalicelib.earning.schemas import AdjustmentIn
from chalicelib.engine.refusals import InsufficientPoints
from chalicelib.shared import clock
from chalicelib.shared.callers import Operator
from chalicelib.shared.errors import Unavailable
from tests.cloud.brand import Brand, at_once, entries, kinds
from tests.harness import world
from tests.harness.api import Member, Reply

THREADS = 8
SPENDS_EACH = int(os.environ.get("SPENDS_EACH", "40"))
# Functions that start up come one after the other; only those that run already meet each other.
ROUNDS = ("starting", "running", "running again")
OPERATOR = Operator("somebody", "owner")


def one_new_the_rest_replayed(replies: list[Reply]) -> None:
    """The same answer for everybody, recorded by one of them."""
    assert {reply.status for reply in replies} == {200}
    assert len({str(reply.body) for reply in replies}) == 1
    marks = Counter(reply.headers.get("Idempotency-Replayed") for reply in replies)
    assert marks == {None: 1, "true": len(replies) - 1}


@pytest.mark.parametrize("round_", ROUNDS)
def test_first_logins_of_one_person_at_once_make_one_member_welcomed_once(brand: Brand, round_: str) -> None:
    name, before = brand.fresh("bob"), len(world.member_ids())
    codes = [f"local:{name}:{number}" for number in range(THREADS)]
    replies = at_once(THREADS, lambda n: brand.call("POST", "/v1/auth/wechat", {"code": codes[n]}))

    assert {reply.status for reply in replies} == {200}
    assert len({reply.body["member"]["member_id"] for reply in replies}) == 1
    assert [reply.body["member"]["is_new"] for reply in replies].count(True) == 1
    assert {reply.body["member"]["balance"] for reply in replies} == {100}
    assert len(world.member_ids()) == before + 1
    assert kinds(brand.log_in(name)) == ["joined"]


def test_a_double_tap_logs_the_same_person_in_twice(brand: Brand) -> None:
    for _ in range(5):
        code = f"local:{brand.fresh('cat')}:tap"
        twins = at_once(2, lambda _, code=code: brand.call("POST", "/v1/auth/wechat", {"code": code}))
        assert [twin.status for twin in twins] == [200, 200]
        assert len({twin.body["member"]["member_id"] for twin in twins}) == 1
        assert sorted(twin.body["member"]["is_new"] for twin in twins) == [False, True]
        assert len({twin.body["refresh_token"] for twin in twins}) == 2


@pytest.mark.parametrize("round_", ROUNDS)
def test_the_same_order_posted_at_once_is_entered_once_and_answered_alike(brand: Brand, round_: str) -> None:
    member, order_id, paid_at = brand.newcomer(), brand.fresh("order"), brand.clock.now.isoformat()
    replies = at_once(THREADS, lambda _: brand.order(member, 12_300, order_id, paid_at=paid_at))
    one_new_the_rest_replayed(replies)
    assert kinds(member) == ["joined", "order_paid"]


def test_one_order_claimed_for_two_members_at_once_belongs_to_one(brand: Brand) -> None:
    pair, order_id, paid_at = [brand.newcomer(), brand.newcomer()], brand.fresh("order"), brand.clock.now.isoformat()
    replies = at_once(THREADS, lambda n: brand.order(pair[n % 2], 12_300, order_id, paid_at=paid_at))
    assert Counter((reply.status, reply.code) for reply in replies) == {
        (200, ""): THREADS // 2,
        (409, "IDEMPOTENCY_MISMATCH"): THREADS // 2,
    }
    assert sorted(len(kinds(member)) for member in pair) == [1, 2]


@pytest.mark.parametrize("round_", ROUNDS)
def test_a_day_is_checked_in_once_however_many_ask(brand: Brand, round_: str) -> None:
    member, keys = brand.newcomer(), [brand.fresh() for _ in range(THREADS)]
    replies = at_once(THREADS, lambda n: brand.call("POST", "/v1/me/check-ins", token=member.token, key=keys[n]))
    assert Counter((reply.status, reply.code) for reply in replies) == {
        (200, ""): 1,
        (409, "ALREADY_CHECKED_IN"): THREADS - 1,
    }
    assert kinds(member) == ["joined", "check_in"]


def test_one_check_in_sent_many_times_at_once_is_one_check_in(brand: Brand) -> None:
    member, key = brand.newcomer(), brand.fresh()
    replies = at_once(THREADS, lambda _: brand.call("POST", "/v1/me/check-ins", token=member.token, key=key))
    one_new_the_rest_replayed(replies)
    assert kinds(member) == ["joined", "check_in"]


def test_refunds_of_two_merchants_at_once_never_exceed_the_order(brand: Brand) -> None:
    member, order_id = brand.newcomer(), brand.fresh("order")
    before = brand.account(member).balance
    assert brand.order(member, 10_000, order_id).status == 200
    merchants, refunds = list(brand.stack.merchants), [brand.fresh("refund") for _ in range(THREADS)]
    assert len(merchants) == 2

    def refund(number: int) -> Reply:
        body = {"refund_id": refunds[number], "amount_fen": 3_000}
        return brand.merchant("POST", f"/v1/orders/{order_id}/refunds", body, key_id=merchants[number % 2])

    replies = at_once(THREADS, refund)
    assert Counter((reply.status, reply.code) for reply in replies) == {
        (200, ""): 3,
        (409, "REFUND_EXCEEDS_ORDER"): THREADS - 3,
    }
    assert brand.refund(order_id, brand.fresh("refund"), 1_001).code == "REFUND_EXCEEDS_ORDER"
    assert brand.refund(order_id, brand.fresh("refund"), 1_000).status == 200
    assert brand.account(member).balance == before


def spend(member: Member, points: int, key: str) -> bool:
    """Takes points; False when there are too few. As a client does, asks again when it is told to."""
    while True:
        try:
            service.adjust(OPERATOR, member.member_id, AdjustmentIn(points=-points, reason="spent"), key, clock.now())
        except Unavailable:
            continue
        except InsufficientPoints:
            return False
        return True


def test_a_balance_spent_by_many_at_once_is_spent_exactly_and_never_below_zero(brand: Brand) -> None:
    member = brand.newcomer()
    gift = AdjustmentIn(points=900, reason="a thousand in all")
    service.adjust(OPERATOR, member.member_id, gift, brand.fresh(), clock.now())

    def shop(thread: int) -> list[tuple[int, bool]]:
        prices = [1 + (thread * 7 + number * 5) % 9 for number in range(SPENDS_EACH)]
        return [(price, spend(member, price, f"{thread}-{number}")) for number, price in enumerate(prices)]

    spent = [one for some in at_once(THREADS, shop) for one in some]
    taken = [price for price, paid in spent if paid]
    account = ledger.load(member.member_id)
    assert account.balance == 1_000 - sum(taken) == 0
    assert len(spent) == THREADS * SPENDS_EACH > len(taken)
    journal: list[Any] = entries(member)
    assert len(journal) == 2 + len(taken)
    assert Counter(-item.points for item in journal[2:]) == Counter(taken)
    assert min(item.balance_after for item in journal) == 0


def test_operators_correcting_one_member_at_once_over_http_lose_nothing(brand: Brand) -> None:
    member, owner = brand.newcomer(), brand.operator()
    path = f"/v1/admin/members/{member.member_id}/adjustments"

    def correct(thread: int) -> list[tuple[int, str]]:
        body = {"points": -7, "reason": "spent"}
        replies = [brand.call("POST", path, body, token=owner, key=f"{thread}-{number}") for number in range(3)]
        return [(reply.status, reply.code) for reply in replies]

    outcomes = Counter(one for some in at_once(THREADS, correct) for one in some)
    assert outcomes[200, ""] == 100 // 7
    assert set(outcomes) <= {(200, ""), (409, "INSUFFICIENT_POINTS"), (503, "UNAVAILABLE")}
    assert brand.account(member).balance == 100 % 7
