"""A run is finished whatever happens to it: killed at any call, delivered twice, met by poison, racing with members;
and what is not due is left alone."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from chalicelib import ledger
from chalicelib.engine.account import Account
from chalicelib.engine.events import Cause, ClockMoved, PointsAdjusted, StatusChanged, TierSet
from chalicelib.ledger import book, sweep
from chalicelib.ledger import due as ledger_due
from chalicelib.ledger.items import AccountItem
from chalicelib.rulebook import store
from chalicelib.shared import aws
from tests.functional.due_room import WORKERS, Due, at, handle, happen, join, kinds, shard_of, timeline, told
from tests.harness import faults
from tests.harness.api import Api
from tests.harness.faults import Killed
from tests.harness.meter import Meter, metering

JOINED = date(2026, 11, 24)
NOTICE_ON = date(2027, 10, 31)  # 30 days before the last day of points of November 2026
POINTS, TIERS = ("points_expiry",), ("benefit_grants", "tier_review")
SHARD = "07"


@pytest.fixture
def due(api: Api, monkeypatch: pytest.MonkeyPatch) -> Due:
    # Whether the rulebook is looked up again depends on seconds gone by, and calls must be the same every time.
    monkeypatch.setattr(store, "REVALIDATE_SECONDS", float("inf"))
    return Due(monkeypatch)


def members_of_a_shard(count: int) -> list[str]:
    """Members with a notice due on NOTICE_ON, all in the same shard."""
    found: list[str] = []
    number = 0
    while len(found) < count:
        number += 1
        if shard_of(f"M{number:018}") == SHARD:
            found.append(join(number, at(JOINED, 12)).member_id)
    return found


@contextmanager
def pages_of(members: int) -> Iterator[None]:
    with patch.object(ledger_due, "PAGE", members):
        yield


def wrecked(account: Account) -> tuple[AccountItem, AccountItem]:
    """The member's item as it was, and as no program can read it; stored is the latter."""
    good, bad = AccountItem.get(account.member_id), AccountItem.get(account.member_id)
    bad.state = {**good.state, "lots": {"no date": 1}}
    bad.save()
    return good, bad


def test_a_run_killed_at_any_call_goes_on_from_its_message_and_ends_the_same(api: Api, due: Due) -> None:
    members_of_a_shard(5)
    api.clock.now = at(NOTICE_ON)
    job, index = "points_expiry", "points"
    first = json.dumps({"job": job, "shard": SHARD})
    before = faults.snapshot()

    def finish(body: str) -> None:
        """The killed message comes again, and whatever it and those before it sent."""
        assert handle(index, body) == []
        due.drain(job)

    def pages() -> Iterator[str]:
        """Every message of an undisturbed run."""
        yield first
        while following := due.take(index):
            yield from following

    with pages_of(2):
        undisturbed = [handle(index, body) or body for body in pages()]
        wanted = faults.state()
        assert len(undisturbed) == 3
        for page in range(len(undisturbed)):
            for calls in range(100):
                faults.restore(before)
                for body in undisturbed[:page]:
                    assert handle(index, body) == []
                    due.take(index)
                try:
                    with faults.killed_after(calls + 1):
                        handle(index, undisturbed[page])
                except Killed:
                    finish(undisturbed[page])
                    assert faults.state() == wanted, (page, calls)
                    continue
                break
            # A query, a read and a write for each of two members (one on the last page), and the next message.
            assert calls == (6, 6, 3)[page]
            due.take(index)
    faults.restore(before)
    due.run(job)
    assert faults.state() == wanted


def test_every_message_delivered_twice_does_what_it_does_once(api: Api, due: Due) -> None:
    ids = members_of_a_shard(5)
    for number, member_id in enumerate(ids[:2]):
        gold = TierSet(Cause(member_id, "gold"), "gold", "a test", "test")
        happen(ledger.load(member_id), gold, at(JOINED, 13 + number))
    before = faults.snapshot()
    api.clock.now = at(NOTICE_ON)
    with pages_of(2):
        due.run()
        once = faults.state()
        faults.restore(before)
        due.run(times=2)
    assert faults.state() == once
    assert [kinds(member_id)[-1] for member_id in ids[2:]] == ["expiry_noticed"] * 3
    assert {"benefits_granted", "tier_warned"} <= set(kinds(ids[0]))


def test_a_second_run_writes_nothing_and_reads_nobody(api: Api, due: Due, meter: Meter) -> None:
    for number in range(3):
        join(number, at(JOINED, 12))
    api.clock.now = at(NOTICE_ON)
    due.run()
    with metering() as second:
        due.run()
    assert second.write_units == 0
    assert second.calls["TransactWriteItems"] == 0
    # Both jobs of both indexes look at every shard once, and at no member.
    assert second.calls["Query"] >= 4 * len(ledger_due.SHARDS)
    assert ("dynamodb:GetItem", "accounts") not in second.uses


def test_a_member_who_cannot_be_decided_stops_nobody_and_is_tried_again(
    api: Api, due: Due, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = members_of_a_shard(5)
    api.clock.now = at(NOTICE_ON)
    good, _ = wrecked(ledger.load(ids[2]))
    with pages_of(2):
        due.run(*POINTS)
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        others = [member_id for member_id in ids if member_id != ids[2]]
        assert {kinds(member_id)[-1] for member_id in others} == {"expiry_noticed"}
        assert kinds(ids[2]) == ["joined"]
        (failure,) = [line for line in lines if line["event"] == "failure"]
        assert (failure["member_id"], failure["job"], failure["error"]) == (ids[2], "points_expiry", "ValueError")
        (metric,) = [line for line in lines if line["event"] == "metric"]
        assert (metric["members_not_decided"], metric["job"], metric["stage"]) == (1, "points_expiry", "test")
        assert metric["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["job", "stage"]]
        # Mended, the next run decides it.
        good.save()
        due.run(*POINTS)
    assert kinds(ids[2]) == ["joined", "expiry_noticed"]


def test_a_whole_page_of_members_who_cannot_be_decided_does_not_hold_up_those_behind_it(api: Api, due: Due) -> None:
    ids = members_of_a_shard(3)
    api.clock.now = at(NOTICE_ON)
    good = [wrecked(ledger.load(member_id))[0] for member_id in ids[:2]]
    with pages_of(1):
        # A page for each member; as the last one is full, one more look may be needed to learn that.
        assert due.run(*POINTS) - len(ledger_due.SHARDS) in (2, 3)
    assert [kinds(member_id)[-1] for member_id in ids] == ["joined", "joined", "expiry_noticed"]
    for item in good:
        item.save()


def test_a_step_that_never_ends_is_given_up_with_the_member(api: Api, due: Due) -> None:
    member = join(1, at(JOINED, 12)).member_id
    api.clock.now = at(NOTICE_ON)
    with (
        patch.object(ledger_due, "MAX_STEPS", 0),
        pytest.raises(RuntimeError, match="more than 0 steps"),
    ):
        ledger_due.run("points", member, store.current(api.clock.now), api.clock.now, lambda decision: ())
    assert kinds(member) == ["joined"]


def test_real_time_does_not_touch_a_member_under_a_test_clock(api: Api, due: Due) -> None:
    frozen, free = join(1, at(JOINED, 12)), join(2, at(JOINED, 12))
    moved = ClockMoved(Cause(frozen.member_id, "clock"), at(NOTICE_ON + timedelta(days=90)))
    happen(frozen, moved, at(JOINED, 13))
    before = ledger.load(frozen.member_id)
    assert before.points_due_on
    assert before.points_due_on <= NOTICE_ON
    api.clock.now = at(NOTICE_ON)
    due.run()
    assert ledger.load(frozen.member_id) == before
    assert kinds(free.member_id) == ["joined", "expiry_noticed"]
    # Its clock does.
    ledger_due.run("points", frozen.member_id, store.current(api.clock.now), api.clock.now, lambda decision: ())
    assert kinds(frozen.member_id)[-1] == "expiry_noticed"


def erase(account: Account) -> None:
    happen(account, StatusChanged(Cause(account.member_id, "erasure"), status="erased"), at(JOINED, 14))


def test_an_erased_member_is_not_looked_at_again_and_nothing_happens_to_it_even_when_the_index_still_names_it(
    api: Api, due: Due
) -> None:
    member = join(1, at(JOINED, 12))
    gold = happen(member, TierSet(Cause(member.member_id, "gold"), "gold", "a test", "test"), at(JOINED, 13))
    erase(gold)
    api.clock.now = at(NOTICE_ON)
    with metering() as meter:
        due.run()
    assert ("dynamodb:GetItem", "accounts") not in meter.uses
    with the_index_names(member.member_id):
        due.run()
    assert kinds(member.member_id) == ["joined", "tier_set", "status_changed"]


@contextmanager
def the_index_names(member_id: str) -> Iterator[None]:
    """The index is behind: every first page of the member's shard has the member still."""
    original = ledger_due.page

    def page(index: Any, shard: str, through: date, cursor: Any) -> tuple[list[str], Any]:
        found, following = original(index, shard, through, cursor)
        return ([member_id] if shard == shard_of(member_id) else found), following

    with patch.object(ledger_due, "page", page):
        yield


def test_an_index_that_is_behind_costs_one_read(api: Api, due: Due) -> None:
    member = join(1, at(JOINED, 12)).member_id
    api.clock.now = at(NOTICE_ON)
    due.run(*POINTS)
    message = json.dumps({"job": "points_expiry", "shard": shard_of(member)})
    with the_index_names(member), metering() as meter:
        assert handle("points", message) == []
    assert dict(meter.calls) == {"Query": 1, "GetItem": 1}
    assert (meter.read_units, meter.write_units) == (1.5, 0)


def test_a_frozen_account_s_time_goes_on(api: Api, due: Due) -> None:
    """An operator's freeze stops what the member does, not the calendar."""
    member = join(1, at(JOINED, 12))
    happen(member, StatusChanged(Cause(member.member_id, "freeze"), status="frozen"), at(JOINED, 14))
    assert timeline(due, api.clock, member.member_id, at(NOTICE_ON), POINTS) == ["expiry_noticed"]


def test_a_member_s_own_command_in_between_is_kept_and_the_step_decided_anew(api: Api, due: Due) -> None:
    member = join(1, at(JOINED, 12))
    api.clock.now = at(NOTICE_ON)
    original, racing = book.load_item, [True]

    def load_item(member_id: str) -> AccountItem:
        item = original(member_id)
        if racing.pop() if racing else False:
            adjusted = PointsAdjusted(Cause(member_id, "gift"), 50, "a gift", "test")
            happen(member, adjusted, api.clock.now)
        return item

    with patch.object(book, "load_item", load_item), faults.no_sleep():
        due.run(*POINTS)
    assert kinds(member.member_id) == ["joined", "points_adjusted", "expiry_noticed"]


def test_two_runs_at_once_give_each_step_once(api: Api, due: Due) -> None:
    member = join(1, at(JOINED, 12)).member_id
    api.clock.now = at(NOTICE_ON)
    message = json.dumps({"job": "points_expiry", "shard": shard_of(member)})
    with other_run_first(message):
        assert handle("points", message) == []
    assert kinds(member) == ["joined", "expiry_noticed"]
    assert told(member) == ["expiry_noticed"]


@contextmanager
def other_run_first(message: str) -> Iterator[None]:
    """Between the first read of an account and its decision, another run does everything."""
    original, waiting = book.load_item, [message]

    def load_item(member_id: str) -> AccountItem:
        item = original(member_id)
        if waiting:
            assert handle("points", waiting.pop()) == []
        return item

    with patch.object(book, "load_item", load_item):
        yield


def test_before_a_brand_opens_there_is_nobody_to_look_for(bare_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    due = Due(monkeypatch)
    with metering() as meter:
        for job in ("pending_release", "points_expiry", "benefit_grants"):
            assert due.run(job) == len(ledger_due.SHARDS)
    assert meter.calls["Query"] == 0


@pytest.mark.parametrize(
    "poison",
    [
        "not json", "[]", "null", "{}", '{"job": "points_expiry"}', '{"job": "no_such", "shard": "01"}',
        '{"job": "points_expiry", "shard": "01", "through": "today"}',
        '{"job": "points_expiry", "shard": "01", "more": 1}',
    ],
)  # fmt: skip
def test_a_message_that_is_none_is_given_back_alone(api: Api, due: Due, poison: str) -> None:
    good = json.dumps({"job": "points_expiry", "shard": "01"})
    assert handle("points", good, poison, good) == ["m1"]


def test_a_page_that_cannot_be_read_or_followed_is_given_back(api: Api, due: Due) -> None:
    members_of_a_shard(3)
    api.clock.now = at(NOTICE_ON)
    message = json.dumps({"job": "points_expiry", "shard": SHARD})
    with faults.no_sleep(), faults.troubled(lambda name: faults.Fault.CUT if name == "Query" else None):
        assert handle("points", message) == ["m0"]
    with pages_of(2), patch.object(aws, "client", side_effect=OSError):
        assert handle("points", message) == ["m0"]
    with pages_of(2):
        assert handle("points", message) == []
        assert due.drain("points_expiry") == 0  # nobody was left for the second page


# What expires by the minute asks only where there is something.
@pytest.mark.parametrize("job", [name for name, job in ledger_due.JOBS.items() if job.index != "holds"])
def test_a_schedule_sends_a_message_for_every_shard_to_its_own_queue(api: Api, due: Due, job: str) -> None:
    due.start(job)
    index = ledger_due.JOBS[job].index
    found = [json.loads(body) for body in due.take(index)]
    assert sorted(body["shard"] for body in found) == list(ledger_due.SHARDS)
    assert {body["job"] for body in found} == {job}
    assert [due.next(other) for other in WORKERS] == [None] * len(WORKERS)


def test_a_schedule_whose_messages_are_refused_fails_so_that_it_is_started_again(api: Api, due: Due) -> None:
    refused = {"Failed": [{"Id": "01", "Code": "InternalError", "SenderFault": False}], "Successful": []}
    with (
        patch.object(
            aws, "client", lambda service: type("Sqs", (), {"send_message_batch": lambda *_, **__: refused})()
        ),
        pytest.raises(sweep.NotStarted, match="InternalError"),
    ):
        due.start("points_expiry")
