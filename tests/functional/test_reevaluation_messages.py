"""An evaluation of everybody is exact, however its messages are delivered and whatever happens meanwhile."""

import json
from collections import Counter
from itertools import pairwise
from unittest.mock import patch

import pytest

from chalicelib import ledger
from chalicelib.engine import events
from chalicelib.engine.account import Account
from chalicelib.engine.events import Cause
from chalicelib.ledger import book
from chalicelib.ledger.codec import account_item
from chalicelib.ledger.items import text_of
from chalicelib.rulebook import store
from chalicelib.rulebook.presets import preset
from chalicelib.shared import audit
from chalicelib.tiers import reevaluation
from chalicelib.tiers import reevaluation_items as items
from tests.functional.reevaluation_room import (
    EASIER,
    LIVES,
    MOVES,
    Shop,
    in_pages,
    meanwhile,
    member_id,
    open_shop,
    outcome,
    reached_by,
    times,
)
from tests.harness import faults, world
from tests.harness.api import Api


@pytest.fixture
def small(api: Api, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """18 members and half a dozen identities, in several pages."""
    return in_pages(open_shop(api, monkeypatch), monkeypatch, 18, 4)


@pytest.fixture
def tiny(api: Api, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """9 members in a few pages."""
    return in_pages(open_shop(api, monkeypatch), monkeypatch, 9, 3)


EXACT = ("done", 18, times(MOVES, 2), 0)


def test_a_page_is_a_message_and_progress_only_grows(small: Shop) -> None:
    small.start()
    seen: list[tuple[int, int, int]] = []

    def look() -> None:
        job = small.job("reevaluation-2")
        seen.append((job["seen"], sum(move["members"] for move in job["moved"]), job["segments_done"]))

    delivered = small.work(after=look)
    assert delivered == len(seen) >= 24 // 4
    for before, after in pairwise(seen):
        assert all(a <= b for a, b in zip(before, after, strict=True))
    assert (seen[-1], outcome(small)) == ((18, 10, 2), EXACT)


@pytest.mark.parametrize("deliveries", [2, 3])
def test_every_message_delivered_again_counts_nobody_again(small: Shop, deliveries: int) -> None:
    small.start()
    small.work(times=deliveries)
    assert outcome(small) == EXACT
    assert len(small.evaluated()) == 10


def test_a_kill_before_or_after_any_call_ends_as_if_there_had_been_none(tiny: Shop) -> None:
    tiny.start()
    exact, begun = ("done", 9, times(MOVES, 1), 0), faults.snapshot()
    with faults.counted() as calls:
        tiny.work()
    undisturbed, whole = faults.state(), len(calls)
    assert outcome(tiny) == exact
    assert {"Query", "Scan", "GetItem", "TransactWriteItems", "SendMessageBatch"} <= set(calls)
    for number in range(whole):
        faults.restore(begun)
        tiny.lose()
        reevaluation._send("reevaluation-2", [0, 1], 0)
        with faults.killed_after(number), pytest.raises(faults.Killed):
            tiny.work()
        tiny.work()
        assert outcome(tiny) == exact, number
        assert faults.state() == undisturbed, number


def test_of_two_who_work_on_the_same_page_one_counts_and_sends_for_the_next(
    small: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.start()
    message, other = small.waiting()
    meanwhile(monkeypatch, lambda: reevaluation.go_on(**json.loads(message["Body"]), now=small.api.clock.now))
    assert small.deliver(message)
    # The next page of this segment, once, and the other segment's first.
    bodies = [found["Body"] for found in small.waiting()]
    assert sorted(bodies) == sorted([message["Body"], other["Body"]])
    small.work()
    assert outcome(small) == EXACT
    assert len(small.evaluated()) == 10


def test_who_was_moved_by_one_who_then_died_is_counted_by_the_other(
    small: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.start()
    message = json.loads(small.waiting()[0]["Body"])

    def move_and_die() -> None:
        with patch.object(items, "advance", side_effect=faults.Killed), pytest.raises(faults.Killed):
            reevaluation.go_on(**message, now=small.api.clock.now)
        assert small.evaluated()

    meanwhile(monkeypatch, move_and_die)
    small.work()
    assert outcome(small) == EXACT
    assert len(small.evaluated()) == 10


def test_started_twice_it_is_one_job_and_counts_once(small: Shop) -> None:
    assert small.start()["job_id"] == small.start()["job_id"]
    assert len(small.waiting()) == 4
    small.work()
    assert outcome(small) == EXACT
    records = [record for record in audit.page("2026-11-24", 100, None) if record.action == "rulebook.reevaluation"]
    assert [(record.actor, record.target, record.details) for record in records] == [
        ("operator:ada", "reevaluation-2", {"version": 2})
    ]


@pytest.mark.parametrize("by_itself", [True, False])
def test_messages_that_are_lost_are_sent_again_where_the_job_stopped(small: Shop, by_itself: bool) -> None:
    small.start()
    for _ in range(3):
        small.deliver(small.waiting()[0])
    small.lose()
    stopped = small.job("reevaluation-2")
    assert stopped["state"] == "running"
    if by_itself:
        reevaluation.reevaluate_if_new(small.api.clock.now)
    else:
        assert small.start()["seen"] == stopped["seen"]
    small.work()
    assert outcome(small) == EXACT
    assert small.start()["state"] == "done"
    reevaluation.reevaluate_if_new(small.api.clock.now)
    assert small.waiting() == []


def test_a_preview_and_an_evaluation_at_the_same_time_do_not_meet(small: Shop) -> None:
    preview = small.preview(tiers=reached_by(silver=20_000, gold=120_000, diamond=500_000))
    small.start()
    small.work()
    assert outcome(small) == EXACT
    # In whatever order they came: who had not been moved when the preview saw them was counted as to be moved.
    state, seen, moved, failed = outcome(small, preview["job_id"])
    assert (state, seen, failed) == ("done", 18, 0)
    before = Counter({(m["from_tier"], m["to_tier"]): m["members"] for m in moved})
    assert before["normal", "silver"] >= 2


# When the world goes on meanwhile ------------------------------------------------------------------------------------


def test_a_version_that_is_replaced_while_it_is_evaluated_moves_nobody_more(small: Shop) -> None:
    small.start()
    small.deliver(small.waiting()[0])
    small.deliver(small.waiting()[-1])
    moved = len(small.evaluated())
    assert 0 < moved < 10
    counted = outcome(small)[1:]
    assert small.api.publish() == 3
    small.work()
    assert outcome(small) == ("superseded", *counted)
    assert len(small.evaluated()) == moved
    tiers = small.tiers()
    assert small.start()["job_id"] == "reevaluation-3"
    small.work()
    # Nobody is stepped down by a change of the rules.
    assert (outcome(small, "reevaluation-3"), small.tiers()) == (("done", 18, [], 0), tiers)


def test_a_version_that_is_replaced_is_followed_by_the_evaluation_of_the_next(small: Shop) -> None:
    small.start()
    small.deliver(small.waiting()[0])
    moved = len(small.evaluated())
    easiest = reached_by(silver=20_000, gold=120_000, diamond=500_000)
    small.api.publish({"tiers": easiest})
    small.start()
    small.work()
    assert outcome(small)[0] == "superseded"
    state, seen, moves, failed = outcome(small, "reevaluation-3")
    assert (state, seen, failed) == ("done", 18, 0)
    assert sum(move["members"] for move in moves) == 10 + 2 - moved
    assert small.tiers() == Counter({"silver": 4 * 2, "gold": 3 * 2, "diamond": 2 * 2})


def test_a_draft_that_is_changed_while_it_is_counted_ends_the_count(small: Shop) -> None:
    preview = small.preview(tiers=EASIER)
    small.deliver(small.waiting()[0])
    store.change_draft(preview["draft"], preset("retail"), 1, "operator:ada", small.api.clock.now)
    small.work()
    assert outcome(small, preview["job_id"])[0] == "superseded"


@pytest.mark.parametrize(("status", "tier"), [("erased", "normal"), ("frozen", "silver")])
def test_who_is_erased_meanwhile_is_left_alone_and_who_is_frozen_is_not(
    small: Shop, monkeypatch: pytest.MonkeyPatch, status: str, tier: str
) -> None:
    names = [member_id(number) for number, life in enumerate(LIVES) if life[1:] == ("normal", "silver")]

    def change() -> None:
        for name in names:
            small.record(name, events.StatusChanged(Cause(name, f"status#{status}"), status))

    small.start()
    # For those on the first page it comes between the read and the write, for the others before the read.
    meanwhile(monkeypatch, change)
    small.work()
    assert [small.tier(name) for name in names] == [tier] * 2
    assert [small.tier(member_id(number + 9)) for number in (1, 2)] == ["silver"] * 2
    assert small.job("reevaluation-2")["state"] == "done"


def test_who_has_been_erased_is_not_among_the_members(small: Shop) -> None:
    for name in (member_id(1), member_id(7)):
        small.record(name, events.StatusChanged(Cause(name, "erasure"), "erased"))
    preview = small.preview(tiers=EASIER)
    small.start()
    small.work()
    told = small.job("reevaluation-2")
    assert (told["seen"], told["moved"]) == (16, times({"normal->silver": 3, "silver->gold": 4, "gold->diamond": 1}, 1))
    assert small.job(preview["job_id"])["seen"] == 16


def test_an_order_meanwhile_is_not_lost_and_not_counted_as_a_move_of_the_job(
    small: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = small.api.clock.now

    def buy() -> None:
        for name in world.member_ids():
            small.record(name, events.OrderPaid(Cause(f"late#{name}", f"late#{name}"), f"late-{name}", now, 1))

    small.start()
    meanwhile(monkeypatch, buy)
    small.work()
    # Everybody was promoted by the entry of the order.
    assert outcome(small) == ("done", 18, [], 0)
    assert small.tiers()["silver"] == 2 * 4


def test_one_member_s_own_trouble_is_counted_and_keeps_nobody_from_the_new_rules(
    small: Shop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = member_id(1)

    def size(account: Account) -> int:
        return len(text_of(account_item(account).state).encode())

    # A nickname cannot be that long over HTTP; whatever fills an account does it as well.
    room = size(ledger.load(full).with_(profile=ledger.load(full).profile)) + 2_500
    small.record(full, events.ProfileChanged(Cause(full, "name"), {"nickname": "x" * 2_500}))
    monkeypatch.setattr(book, "MAX_ACCOUNT_BYTES", room - 100)
    small.start()
    small.work()
    state, seen, moved, failed = outcome(small)
    assert (state, seen, failed) == ("done", 18, 1)
    assert sum(move["members"] for move in moved) == 9
    assert f'"member_id": "{full}"' in capsys.readouterr().out


@pytest.mark.parametrize("operation", ["Query", "Scan", "GetItem", "TransactWriteItems"])
def test_trouble_on_the_way_to_dynamodb_leaves_the_page_to_be_delivered_again(small: Shop, operation: str) -> None:
    small.start()
    messages = small.waiting()
    store.current(small.api.clock.now)
    with faults.no_sleep(), faults.troubled(lambda name: faults.Fault.THROTTLED if name == operation else None):
        assert [small.deliver(message) for message in messages] == [False, False]
    assert small.job("reevaluation-2")["seen"] == 0
    small.work()
    assert outcome(small) == EXACT


def test_answers_that_are_lost_are_recognised(small: Shop) -> None:
    small.start()
    lost: Counter[str] = Counter()

    def plan(operation: str) -> faults.Fault | None:
        lost[operation] += 1
        return faults.Fault.LOST if operation == "TransactWriteItems" and lost[operation] % 3 == 1 else None

    with faults.no_sleep(), faults.troubled(plan):
        small.work()
    assert lost["TransactWriteItems"] > 10
    assert outcome(small) == EXACT
    assert len(small.evaluated()) == 10
