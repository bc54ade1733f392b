"""Holds expire by themselves: the schedule looks, the queue carries, the worker gives the points back, once."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.engine.account import Account, Hold
from chalicelib.engine.refusals import NothingDue
from chalicelib.holds.workers import hold_expiry
from chalicelib.ledger import due as ledger_due
from chalicelib.ledger.codec import account_item
from chalicelib.ledger.due import SHARDS
from chalicelib.ledger.items import AccountItem
from chalicelib.rulebook import store
from tests.functional.due_room import EVENT, Due, handle, kinds, shard_of
from tests.functional.holds_room import capture, held, open_till, points_of, release, show
from tests.functional.members_room import erase
from tests.functional.redemptions_room import rich
from tests.harness import faults, world
from tests.harness.api import NOON, Api, Member
from tests.harness.faults import Killed


@pytest.fixture
def due(api: Api, monkeypatch: pytest.MonkeyPatch) -> Due:
    open_till(api)
    return Due(monkeypatch)


@pytest.fixture
def ann(api: Api, due: Due) -> Member:
    return rich(api)


def test_a_hold_expires_at_its_time_and_not_a_second_before(api: Api, due: Due, ann: Member) -> None:
    held(api, ann, expires_in_seconds=90)
    api.clock.pass_(seconds=89)
    assert due.run("hold_expiry") == 0
    assert points_of(api, ann) == (900, 100)
    api.clock.pass_(seconds=1)
    assert due.run("hold_expiry") == 1
    assert points_of(api, ann) == (1_000, 0)
    assert show(api).body["hold"]["state"] == "expired"
    assert capture(api).code == "HOLD_EXPIRED"
    assert due.run("hold_expiry") == 0


def test_the_entry_says_why_and_is_the_hold_s_own(api: Api, due: Due, ann: Member) -> None:
    held(api, ann)
    api.clock.pass_(minutes=30)
    due.run("hold_expiry")
    (entry,) = api.call("GET", "/v1/me/points/entries?limit=1", token=ann.token).body["items"]
    assert (entry["kind"], entry["cause"], entry["points"]) == ("hold_expired", "expiry#h-1", 100)
    assert entry["lines"][0]["why_zh"] == "订单 o-1：预占已过期，100 积分退回原批次"


def test_what_was_captured_or_released_never_expires(api: Api, due: Due, ann: Member) -> None:
    for hold_id in ("a", "b"):
        held(api, ann, hold_id=hold_id)
    capture(api, hold_id="a")
    release(api, "b")
    api.clock.pass_(days=1)
    assert due.run("hold_expiry") == 0
    assert AccountItem.by_hold_due.count(shard_of(ann.member_id)) == 0


def test_all_that_is_over_expires_in_one_run_the_earliest_first(api: Api, due: Due, ann: Member) -> None:
    for number, seconds in enumerate((300, 60, 1_800, 200)):
        held(api, ann, 10, f"h{number}", expires_in_seconds=seconds)
    api.clock.pass_(seconds=300)
    assert due.run("hold_expiry") == 1
    journal = ledger.statement(ann.member_id, 3, None)[0]
    assert [entry.facts["hold_id"] for entry in reversed(journal)] == ["h1", "h3", "h0"]
    assert points_of(api, ann) == (990, 10)


def test_only_shards_in_which_something_is_over_are_asked_for(api: Api, due: Due, ann: Member) -> None:
    bob = rich(api, "bob")
    held(api, ann, hold_id="a", expires_in_seconds=60)
    held(api, bob, hold_id="b", expires_in_seconds=120)
    with faults.counted() as calls:
        due.start("hold_expiry")
    assert calls == ["Query"] * len(SHARDS), "sixteen looks, and no message"
    api.clock.pass_(seconds=60)
    due.start("hold_expiry")
    (message,) = due.take("holds")
    assert f'"shard":"{shard_of(ann.member_id)}"' in message


def test_a_message_delivered_twice_or_late_does_what_it_does_once(api: Api, due: Due, ann: Member) -> None:
    held(api, ann)
    api.clock.pass_(minutes=30)
    due.run("hold_expiry", times=3)
    seq = api.account(ann).seq
    # Two minutes' schedules asked while the first message waited.
    due.start("hold_expiry")
    assert handle("holds", f'{{"job":"hold_expiry","shard":"{shard_of(ann.member_id)}"}}') == []
    assert api.account(ann).seq == seq
    assert kinds(ann.member_id).count("hold_expired") == 1


def test_what_was_dealt_with_since_the_account_was_read_is_no_failure(
    api: Api, due: Due, ann: Member, capsys: pytest.CaptureFixture[str]
) -> None:
    held(api, ann)
    early = ledger.load(ann.member_id)
    api.clock.pass_(minutes=30)
    release(api)
    published, now = store.current(api.clock.now), api.clock.now
    with pytest.raises(NothingDue):
        ledger_due.event("holds", early, now)
    assert ledger_due.run("holds", ann.member_id, published, now, lambda decision: ()) == []
    assert "failure" not in capsys.readouterr().out


def test_killed_at_any_call_a_run_goes_on_where_it_stopped(api: Api, due: Due, ann: Member) -> None:
    for number in range(3):
        held(api, ann, 10, f"h{number}")
    api.clock.pass_(minutes=30)
    body = f'{{"job":"hold_expiry","shard":"{shard_of(ann.member_id)}"}}'
    before = faults.snapshot()
    with faults.counted() as calls:
        assert handle("holds", body) == []
    undisturbed = faults.state()
    assert calls.count("TransactWriteItems") == 3
    for number in range(len(calls) + 1):
        faults.restore(before)
        with faults.killed_after(number), pytest.raises(Killed):
            handle("holds", body)
        assert handle("holds", body) == []
        assert faults.state() == undisturbed, f"killed after {calls[:number]}"
        assert world.broken_invariants() == {}


def test_more_members_than_a_page_holds_are_all_reached(api: Api, due: Due, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_due, "PAGE", 2)
    ids = [member_id for n in range(200) if shard_of(member_id := f"M{n:018}") == "07"][:5]
    for member_id in ids:
        world.join(member_id, store.current(api.clock.now), api.clock.now)
        held(api, Member(member_id, "", ""), 50, f"of-{member_id}")
    api.clock.pass_(minutes=30)
    assert due.run("hold_expiry") == 3
    assert [(ledger.load(member_id).balance, ledger.load(member_id).held) for member_id in ids] == [(100, 0)] * 5


def test_who_cannot_be_decided_stops_nobody_and_is_tried_again(
    api: Api, due: Due, ann: Member, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bob = rich(api, "bob")
    held(api, ann, hold_id="a"), held(api, bob, hold_id="b")
    api.clock.pass_(minutes=30)
    scope = ledger_due.scope
    with monkeypatch.context() as broken:
        broken.setattr(ledger_due, "scope", lambda name: {}[name] if name == "hold#a" else scope(name))
        due.run("hold_expiry")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (metric,) = [line for line in lines if line["event"] == "metric"]
    assert (metric["members_not_decided"], metric["job"]) == (1, "hold_expiry")
    assert (api.account(ann).held, api.account(bob).held) == (100, 0)
    due.run("hold_expiry")
    assert api.account(ann).held == 0


@pytest.mark.parametrize(
    "body",
    ["", "{}", '{"job": "hold_expiry"}', '{"job": "hold_expiry", "shard": "01", "through": "soon"}'],
)
def test_a_message_that_is_none_is_given_back(api: Api, due: Due, body: str) -> None:
    assert handle("holds", body) == ["m0"]


def test_a_brand_without_rules_has_nothing_to_expire(bare_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    Due(monkeypatch)
    hold_expiry(EVENT, None)
    assert handle("holds", '{"job": "hold_expiry", "shard": "01"}') == []


def test_a_frozen_member_s_hold_expires_and_an_erased_one_s_is_left(api: Api, due: Due, ann: Member) -> None:
    bob = rich(api, "bob")
    held(api, ann, hold_id="a"), held(api, bob, hold_id="b")
    path = f"/v1/admin/members/{ann.member_id}/freeze"
    assert api.call("POST", path, {"reason": "a test"}, token=api.operator(), key="f").status == 200
    erase(api, bob)
    api.clock.pass_(minutes=30)
    due.run("hold_expiry")
    assert (api.account(ann).held, api.account(bob).held) == (0, 100)
    assert AccountItem.by_hold_due.count(shard_of(bob.member_id)) == 0


# Test clocks ----------------------------------------------------------------------------------------------------------


def clock(api: Api, member: Member) -> Callable[..., Any]:
    """Puts the member under a clock that shows now; the answer moves it on."""
    token = api.operator()
    body = {"frozen_at": api.clock.now.isoformat(), "members": [member.member_id]}
    made = api.call("POST", "/v1/admin/test-clocks", body, token=token)
    assert made.status == 200, made
    path = f"/v1/admin/test-clocks/{made.body['clock_id']}/advance"
    return lambda **to: api.call("POST", path, {"to": (NOON + timedelta(**to)).isoformat()}, token=token).body


def test_a_test_clock_shows_a_hold_expiring(api: Api, due: Due, ann: Member) -> None:
    go = clock(api, ann)
    held(api, ann, hold_id="a", expires_in_seconds=600)
    held(api, ann, hold_id="b", expires_in_seconds=1_800)
    assert go(minutes=9, seconds=59)["happened"] == []
    (entry,) = (thing["entry"] for thing in go(minutes=10)["happened"])
    assert (entry["kind"], entry["at"]) == ("hold_expired", "2026-11-24T04:10:00.000Z")
    assert api.account(ann).held == 100
    # In the order of their instants, between the days on which something else happens.
    happened = [thing["entry"] for thing in go(days=400)["happened"]]
    assert (happened[0]["kind"], happened[0]["at"]) == ("hold_expired", "2026-11-24T04:30:00.000Z")
    assert len(happened) > 1
    assert [entry["at"] for entry in happened] == sorted(entry["at"] for entry in happened)
    assert api.account(ann).holds == {}


def test_for_a_member_under_a_test_clock_real_time_does_not_count(api: Api, due: Due, ann: Member) -> None:
    clock(api, ann)
    held(api, ann)
    api.clock.pass_(days=1)
    due.run("hold_expiry")
    assert api.account(ann).held == 100
    assert capture(api).status == 200


# The book -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"hold_due_at": "2026-11-24T04:30:00.001Z"},
        {"hold_due_at": None, "hold_due_shard": None},
        {"hold_due_shard": "99"},
    ],
    ids=["another instant", "none", "another shard"],
)
def test_the_book_is_checked_for_when_something_is_due(api: Api, due: Due, ann: Member, wrong: dict[str, Any]) -> None:
    held(api, ann)
    right = AccountItem.get(ann.member_id)
    for name, value in wrong.items():
        assert getattr(right, name) != value
    item = AccountItem.get(ann.member_id)
    for name, value in wrong.items():
        setattr(item, name, value)
    item.save()
    assert [problem for problem in ledger.verify(ann.member_id) if "hold_due" in problem]
    right.save()


def test_what_is_held_lies_in_the_account_and_comes_back_as_it_was() -> None:
    holds = {"a" * 64: Hold(NOON, 70, "a" * 8), "b": Hold(NOON + timedelta(milliseconds=1), 9, "b" * 8)}
    item = account_item(Account("M1", holds=holds))
    assert item.state["holds"] == {
        "a" * 64: ["2026-11-24T04:00:00.000Z", 70, "a" * 8],
        "b": ["2026-11-24T04:00:00.001Z", 9, "b" * 8],
    }
    assert (item.hold_due_at, item.hold_due_shard) == ("2026-11-24T04:00:00.000Z", shard_of("M1"))
