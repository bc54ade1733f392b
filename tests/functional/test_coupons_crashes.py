"""Killed at any storage call and sent again, whatever happens to a coupon has happened once."""

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest

from chalicelib.coupons import issue, items
from chalicelib.rulebook import store
from tests.functional.coupons_room import (
    about_coupons,
    cancel,
    check_orders,
    definition,
    deliver,
    given,
    grant,
    held,
    use,
    with_coupons,
)
from tests.functional.redemptions_room import offer, redeemed, rich, step
from tests.functional.test_ledger_crashes import _sweep
from tests.harness import faults
from tests.harness.api import Api, Member, Reply
from tests.harness.faults import Fault


@pytest.fixture(autouse=True)
def _same_every_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Codes and amounts are left to chance, and so is when a container looks at the rulebook again."""
    monkeypatch.setattr(store, "REVALIDATE_SECONDS", float("inf"))
    with patch.object(issue.secrets, "randbelow", lambda most: min(7, most - 1)), faults.no_sleep():
        yield


@pytest.fixture
def ann(api: Api) -> Iterator[Member]:
    api.publish(with_coupons(definition(), definition("post", stacks=True)))
    member = rich(api)
    yield member
    check_orders(member)


def delivering(*facts: Any) -> Callable[[], Reply]:
    def run() -> Reply:
        failed = deliver(*facts)
        return Reply(500 if failed else 200, failed, {})

    return run


def repeated(call: Callable[[], Reply]) -> Callable[[], Reply]:
    """Whether the answer was the first one is told by a header alone."""
    return lambda: Reply((reply := call()).status, reply.body, {})


def test_facts(api: Api, ann: Member) -> None:
    offer(api, "ten_off", coupon="ten")
    redemption = redeemed(api, ann, "ten_off", quantity=2)
    step(api, redemption, "return", quantity=1)
    granted, withdrawn = about_coupons(ann)
    _sweep(delivering(granted), delivering(granted), "a grant", cold=True)
    assert deliver(granted) == []
    _sweep(delivering(withdrawn), delivering(withdrawn), "a withdrawal")


def test_the_surprise_and_its_refund(api: Api, ann: Member) -> None:
    assert api.order(ann, 5_000, "o-1").status == 200
    paid = about_coupons(ann)[-1]
    _sweep(delivering(paid), delivering(paid), "a surprise", cold=True)
    assert deliver(paid) == []
    assert api.refund("o-1", "r-1", 5_000).status == 200
    refunded = about_coupons(ann)[-1]
    _sweep(delivering(refunded), delivering(refunded), "its refund")
    assert deliver(refunded) == []
    assert api.order(ann, 5_000, "o-2").status == 200
    again = about_coupons(ann)[-1]
    _sweep(delivering(again), delivering(again), "the surprise once more")


def test_a_use_a_cancellation_and_a_full_refund(api: Api, ann: Member) -> None:
    (code,) = given(api, ann, "post")

    def using() -> Reply:
        return use(api, code)

    _sweep(repeated(using), repeated(using), "a use", cold=True)
    assert using().status == 200
    _sweep(repeated(lambda: cancel(api, code)), repeated(lambda: cancel(api, code)), "a cancellation")
    assert api.order(ann, 10_000, "o-1").status == 200
    assert api.refund("o-1", "r-1", 10_000).status == 200
    fact = about_coupons(ann)[-1]
    _sweep(delivering(fact), delivering(fact), "a full refund")


def test_an_operators_grant_and_withdrawal(api: Api, ann: Member) -> None:
    token = api.operator()
    (code,) = given(api, ann)
    path = f"/v1/admin/members/{ann.member_id}/coupons"
    body = {"coupon": "ten", "quantity": 1, "reason": "a courtesy"}

    def granting() -> Reply:
        return api.call("POST", path, body, token=token, key="once")

    def withdrawing() -> Reply:
        return api.call("POST", f"/v1/admin/coupons/{code}/withdrawal", {"reason": "a mistake"}, token=token)

    _sweep(repeated(granting), repeated(granting), "goodwill")
    _sweep(repeated(withdrawing), repeated(withdrawing), "an operator's withdrawal")


@pytest.mark.parametrize("fault", [Fault.CUT, Fault.LOST, Fault.THROTTLED, Fault.CONFLICT], ids=lambda one: one.name)
@pytest.mark.parametrize("times", [1, 3, 9])
def test_trouble_on_the_way_to_the_database_leaves_one_use(api: Api, ann: Member, fault: Fault, times: int) -> None:
    (code,) = given(api, ann)
    left = [fault] * times

    def plan(operation: str) -> Fault | None:
        return left.pop() if left and operation == "TransactWriteItems" else None

    with faults.troubled(plan):
        reply = use(api, code)
    assert reply.status in (200, 503)
    assert use(api, code).body["discount_fen"] == 1_000
    assert len(items.order("o-1").uses) == 1


@pytest.mark.parametrize("reason", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_an_item_that_is_throttled_within_a_transaction_is_no_bug(api: Api, ann: Member, reason: str) -> None:
    (code,) = given(api, ann)
    with faults.answering("TransactWriteItems", faults.cancelled("None", reason)):
        assert use(api, code).status == 503
    assert use(api, code).status == 200


def test_trouble_that_lasts_leaves_the_fact_to_the_queue(api: Api, ann: Member) -> None:
    assert grant(api, ann).status == 200
    (fact,) = about_coupons(ann)
    conflict = faults.cancelled("TransactionConflict", "None")
    with faults.answering("TransactWriteItems", *[conflict] * 8):
        assert deliver(fact) == ["m0"]
    assert held(ann) == []
    assert deliver(fact) == []
    assert len(held(ann)) == 1
