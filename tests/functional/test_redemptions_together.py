"""Redemptions that are killed, meet each other, or meet trouble on the way: it has happened once, or not at all."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chalicelib.redemption import items, offers, stock
from chalicelib.rulebook import store
from tests.functional.redemptions_room import (
    ADDRESS,
    ONE_PIECE,
    cancel,
    claim,
    left,
    offer,
    redeem,
    redeemed,
    rich,
    ship,
    step,
)
from tests.functional.test_ledger_crashes import _sweep
from tests.harness import faults
from tests.harness.api import Api, Member, Reply
from tests.harness.faults import Fault

STOCK = {"mode": "month", "pieces": 9, "shards": 4}


@pytest.fixture(autouse=True)
def _no_revalidation(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whether rules and offers are looked up again depends on seconds gone by; calls must be the same every time."""
    monkeypatch.setattr(store, "REVALIDATE_SECONDS", float("inf"))
    monkeypatch.setattr(offers, "REVALIDATE_SECONDS", float("inf"))
    with faults.no_sleep():
        yield


@pytest.fixture
def ann(api: Api) -> Member:
    return rich(api)


def at_once(*work: Callable[[], Reply]) -> list[Reply]:
    """Each on a thread of its own, let go at the same moment."""
    barrier = threading.Barrier(len(work))

    def run(call: Callable[[], Reply]) -> Reply:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


def test_a_command_killed_at_any_storage_call_and_sent_again_has_happened_once(api: Api, ann: Member) -> None:
    offer(api, "mug", "physical", stock=STOCK, limits={"month": 9})
    parcel, sent, broken = (redeemed(api, ann, address=ADDRESS) for _ in range(3))
    token = api.operator("operator")
    for redemption_id in (sent, broken):
        ship(api, redemption_id, token=token)
    claim(api, ann, broken)
    commands: dict[str, Callable[[], Reply]] = {
        "a redemption": lambda: redeem(api, ann, quantity=3, address=ADDRESS, key="key"),
        "a cancellation": lambda: cancel(api, ann, parcel, key="key"),
        "a claim": lambda: claim(api, ann, sent, key="key"),
        "a shipment": lambda: ship(api, parcel, token=token, key="key"),
        "a return": lambda: step(api, sent, "return", token=token, key="key", restock=True),
        "a refund": lambda: step(api, broken, "refund", token=token, key="key", restock=True),
        "a replacement": lambda: step(api, broken, "replacement", token=token, key="key"),
    }
    for name, command in commands.items():
        _sweep(command, command, name)


def test_the_first_redemption_of_a_month_killed_anywhere_leaves_one_stock(api: Api, ann: Member) -> None:
    offer(api, stock=STOCK)
    for number in range(9):
        before = faults.snapshot()
        try:
            with faults.killed_after(number):
                redeem(api, ann, key="key")
        except faults.Killed:
            pass
        else:
            break
        assert redeem(api, ann, key="key").status == 200
        assert (left(period="2026-11"), api.account(ann).balance) == (8, 990)
        faults.restore(before)
    assert number > 4  # the query, the shards, the query again, the account, the transaction


def test_two_taps_at_once_do_not_pass_a_members_limit(api: Api, ann: Member) -> None:
    offer(api, limits={"day": 1}, stock={"mode": "total", "pieces": 10, "shards": 2})
    for day in range(5):
        replies = at_once(*(lambda: redeem(api, ann) for _ in range(2)))  # noqa: B023
        assert Counter(reply.code for reply in replies) == {"": 1, "LIMIT_REACHED": 1}
        assert left() == 9 - day
        api.clock.pass_(days=1)
        ann = api.log_in("ann")


def test_one_tap_sent_twice_at_once_is_one_redemption(api: Api, ann: Member) -> None:
    offer(api, stock={"mode": "total", "pieces": 10, "shards": 2})
    for number in range(5):
        replies = at_once(*(lambda: redeem(api, ann, key=f"tap-{number}") for _ in range(2)))  # noqa: B023
        assert [reply.status for reply in replies] == [200, 200]
        assert replies[0].body == replies[1].body
        assert sorted("Idempotency-Replayed" in reply.headers for reply in replies) == [False, True]
    assert (left(), api.account(ann).balance) == (5, 950)


def test_the_last_piece_goes_to_one_of_two_members(api: Api, ann: Member) -> None:
    bob = rich(api, "bob")
    for number in range(5):
        offer_id = offer(api, f"mug_{number}", stock=ONE_PIECE)
        replies = at_once(*(lambda who=who: redeem(api, who, offer_id) for who in (ann, bob)))  # noqa: B023
        assert Counter(reply.code for reply in replies) == {"": 1, "SOLD_OUT": 1}
    assert api.account(ann).balance + api.account(bob).balance == 1_950


def test_a_cancellation_and_a_shipment_at_once_end_in_one_of_them(api: Api, ann: Member) -> None:
    offer(api, "mug", "physical", stock={"mode": "total", "pieces": 5, "shards": 1})
    token = api.operator()
    for _ in range(5):
        redemption_id = redeemed(api, ann, address=ADDRESS)
        pair = at_once(lambda: cancel(api, ann, redemption_id), lambda: ship(api, redemption_id, token=token))  # noqa: B023
        assert Counter(reply.code for reply in pair) == {"": 1, "STEP_REFUSED": 1}
    sold = 5 - left()
    assert api.account(ann).balance == 1_000 - 10 * sold


def test_a_shard_emptied_between_the_look_and_the_transaction_is_chosen_around(api: Api, ann: Member) -> None:
    offer(api, stock={"mode": "total", "pieces": 8, "shards": 8})
    with faults.answering("TransactWriteItems", faults.cancelled("None", "None", "ConditionalCheckFailed")) as made:
        assert redeem(api, ann, quantity=1).code == ""
    # The first makes the shards: that one was refused, as if somebody else had made them; then they were made.
    assert (len(made), left()) == (3, 7)
    with faults.answering("TransactWriteItems", faults.cancelled("None", "None", "ConditionalCheckFailed")) as made:
        assert redeem(api, ann, quantity=1).code == ""
    assert (len(made), left()) == (2, 6)


def test_whoever_always_comes_too_late_is_told_to_try_again(api: Api, ann: Member) -> None:
    offer(api, stock={"mode": "total", "pieces": 8, "shards": 1})
    redeemed(api, ann)
    refused = [faults.cancelled("None", "None", "ConditionalCheckFailed")] * 8
    with faults.answering("TransactWriteItems", *refused) as made:
        reply = redeem(api, ann)
    assert (reply.status, reply.code, len(made)) == (503, "UNAVAILABLE", 8)
    assert (left(), api.account(ann).balance) == (7, 990)


@pytest.mark.parametrize(("share", "most"), [(0.1, 1.3), (0.3, 1.8)])
def test_conflicts_cost_further_transactions_and_nothing_else(api: Api, ann: Member, share: float, most: float) -> None:
    offer(api, stock={"mode": "total", "pieces": 50, "shards": 1})
    chance = random.Random(11)

    def plan(operation: str) -> Fault | None:
        return Fault.CONFLICT if operation == "TransactWriteItems" and chance.random() < share else None

    redeemed(api, ann)
    with faults.troubled(plan) as made:
        assert {redeem(api, ann).status for _ in range(40)} == {200}
    transactions = made.count("TransactWriteItems")
    assert 40 < transactions < 40 * most
    assert (left(), api.account(ann).balance) == (9, 590)


def test_a_lost_answer_is_found_again(api: Api, ann: Member) -> None:
    offer(api, stock={"mode": "total", "pieces": 8, "shards": 2})
    redeemed(api, ann)
    lost = iter([Fault.LOST] * 3)

    def plan(operation: str) -> Fault | None:
        return next(lost, None) if operation == "TransactWriteItems" else None

    with faults.troubled(plan):
        assert redeem(api, ann).status == 200
    assert (left(), api.account(ann).balance) == (6, 980)


def test_the_condition_on_a_shard_is_what_keeps_it_from_being_oversold(
    api: Api, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the control: without its condition, whoever looked too early takes a piece that is not there."""
    offer(api, stock=ONE_PIECE)
    early = stock.look(offers.find("mug").document, "all")
    redeemed(api, ann)
    monkeypatch.setattr(stock, "look", lambda *_: early)
    assert redeem(api, ann).code == "UNAVAILABLE"
    assert left() == 0
    taking = stock.taking
    monkeypatch.setattr(stock, "taking", lambda *a: [replace(also, condition=None) for also in taking(*a)])
    assert redeem(api, ann).status == 200
    assert int(items.shards("mug", "all")[0].left) == -1
