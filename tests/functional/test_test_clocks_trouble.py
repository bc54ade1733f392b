"""Test clocks in trouble: members erased on the way, calls killed or made twice at once, and a live stage."""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from app import app
from chalicelib import ledger
from chalicelib.engine.account import Account
from chalicelib.ledger import codec
from chalicelib.shared.config import settings
from chalicelib.tiers import clocks
from infra.app_stack import template
from infra.tables import TABLES
from tests.functional.members_room import act, erase
from tests.functional.tiers_room import TestClock, statement
from tests.harness import faults
from tests.harness.api import NOON, Api, Member
from tests.harness.faults import Killed
from tests.harness.meter import Meter

A_YEAR_ON = "2027-11-24T04:00:00Z"


# Members who are erased or frozen meanwhile


def test_a_member_erased_meanwhile_is_passed_over_and_the_others_go_on(api: Api) -> None:
    ann, ben = api.log_in("ann"), api.log_in("ben")
    clock = TestClock.for_(api, ann, ben)
    erase(api, ann)
    before = api.account(ann)
    clock.to("2027-12-02T00:00:00Z")
    assert {thing["member_id"] for thing in clock.last["happened"]} == {ben.member_id}
    assert api.account(ann) == before
    assert api.account(ben).balance == 0


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Between the reading of the accounts and the steps of the next call that moves a clock."""
    steps = clocks._Walk.steps

    def interrupted(walk: Any, to: datetime) -> bool:
        monkeypatch.setattr(clocks._Walk, "steps", steps)
        happens()
        return steps(walk, to)

    monkeypatch.setattr(clocks._Walk, "steps", interrupted)


@pytest.mark.parametrize("to", ["2026-11-25T00:00:00Z", "2027-12-02T00:00:00Z"])
def test_a_member_erased_while_the_clock_is_moving_is_left_there(
    api: Api, monkeypatch: pytest.MonkeyPatch, to: str
) -> None:
    """Whether something is due on the way or not: the erasure is seen when the step, or the move, is committed."""
    ann, ben = api.log_in("ann"), api.log_in("ben")
    clock = TestClock.for_(api, ann, ben)
    meanwhile(monkeypatch, lambda: erase(api, ann))
    clock.to(to)
    assert {thing["member_id"] for thing in clock.last["happened"]} <= {ben.member_id}
    left = api.account(ann)
    assert (left.status, left.balance, left.frozen_at) == ("erased", 100, NOON)
    assert api.account(ben).frozen_at == datetime.fromisoformat(to)


def test_a_call_that_is_overtaken_by_one_that_goes_further_does_not_set_the_clock_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = api.log_in("ann")
    clock = TestClock.for_(api, ann)
    meanwhile(monkeypatch, lambda: clock.to(A_YEAR_ON))
    slow = clock.ask("2027-01-01T00:00:00Z")
    assert (slow.status, slow.body["frozen_at"], slow.body["happened"]) == (200, "2027-11-24T04:00:00.000Z", [])
    assert (clock.shows, api.account(ann).frozen_at) == (
        "2027-11-24T04:00:00.000Z",
        datetime.fromisoformat(A_YEAR_ON),
    )


def test_the_erased_get_no_clock(api: Api) -> None:
    ann, ben = api.log_in("ann"), api.log_in("ben")
    erase(api, ben)
    reply = TestClock.asked(api, NOON, ann.member_id, ben.member_id)
    assert (reply.status, reply.code) == (403, "MEMBER_ERASED")
    assert api.account(ann).frozen_at is None
    TestClock.for_(api, ann)


def test_a_frozen_member_s_points_expire_like_everybody_s(api: Api) -> None:
    ann = api.log_in("ann")
    freeze = f"/v1/admin/members/{ann.member_id}/freeze"
    api.call("POST", freeze, {"reason": "in doubt"}, token=api.operator(), key="k")
    happened = TestClock.for_(api, ann).to("2027-12-02T00:00:00Z")
    assert [kind for _, kind in happened] == ["expiry_noticed", "expiry_noticed", "lots_expired"]


# Killed, and several at once


def story(api: Api, members: list[Member]) -> list[list[tuple[Any, ...]]]:
    return [[(e["seq"], e["at"], e["kind"], e["cause"]) for e in statement(api, member)] for member in members]


@pytest.mark.parametrize("what", ["made", "moved"])
def test_a_clock_killed_at_any_storage_call_goes_on_when_asked_again(api: Api, what: str) -> None:
    pair = [api.log_in("ann"), api.log_in("ben")]
    api.order(pair[0], 50_000)
    token = api.operator("operator")
    to = "2027-12-01T00:00:00Z"

    def make() -> Any:
        # Far on, so that making it has steps to do as well.
        at = "2027-10-31T12:00:00Z" if what == "made" else NOON
        return TestClock.asked(api, at, *(member.member_id for member in pair), token=token)

    def move() -> Any:
        path = f"/v1/admin/test-clocks/{clock_id}/advance"
        return api.call("POST", path, {"to": to}, token=token)

    run: Callable[[], Any] = make
    if what == "moved":
        clock_id, run = make().body["clock_id"], move
    start = faults.snapshot()
    with faults.counted() as calls:
        wanted_answer = run().body
    wanted, number = story(api, pair), len(calls)
    assert number > 8
    for killed in range(number):
        faults.restore(start)
        with faults.killed_after(killed), pytest.raises(Killed):
            run()
        answer = run()
        assert answer.status == 200
        assert story(api, pair) == wanted, f"killed after {calls[:killed]}"
        assert answer.body["frozen_at"] == wanted_answer["frozen_at"]
        for member in pair:
            assert ledger.verify(member.member_id) == []


def test_a_clock_moved_by_several_calls_at_once_moves_once(api: Api) -> None:
    pair = [api.log_in("ann"), api.log_in("ben")]
    for member in pair:
        api.order(member, 200_000)
    clock, token = TestClock.for_(api, *pair), api.operator("operator")
    made, statuses = clock.last["happened"], list[int]()
    happened: list[Any] = []
    barrier = threading.Barrier(4)

    def move(number: int) -> None:
        barrier.wait()
        path = f"/v1/admin/test-clocks/{clock.clock_id}/advance"
        reply = api.call("POST", path, {"to": A_YEAR_ON if number else "2027-06-01T00:00:00Z"}, token=token)
        statuses.append(reply.status)
        happened.extend(reply.body.get("happened", ()))

    threads = [threading.Thread(target=move, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The one that asked for less may have come when the clock was past it.
    assert set(statuses) <= {200, 409}
    assert statuses.count(200) >= 3
    assert clock.to(A_YEAR_ON) == []
    entries = [(t["member_id"], t["entry"]["seq"]) for t in happened + made]
    assert len(entries) == len(set(entries))
    for member in pair:
        own = [e for e in statement(api, member) if e["kind"] not in ("joined", "order_paid", "clock_moved")]
        assert {e["seq"] for e in own} == {seq for member_id, seq in entries if member_id == member.member_id}
        instants = [e["at"] for e in own]
        assert instants == sorted(instants)
    assert clock.shows == "2027-11-24T04:00:00.000Z"


# Never in a live stage


@pytest.fixture
def live(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The same brand, in a stage called `live` whose template was told to have test clocks."""
    for table in TABLES:
        monkeypatch.setenv(f"{table.name.upper()}_TABLE", f"membership-test-{table.name}")
    for variable, name in (("TOKEN_SECRET", "tokens"), ("MERCHANT_SECRET", "merchants"), ("WECHAT_SECRET", "wechat")):
        monkeypatch.setenv(variable, f"membership/test/{name}")
    monkeypatch.setenv("STAGE", "live")
    settings.cache_clear()
    return api


def asks(api: Api, ann: Member, clock_id: str) -> list[tuple[str, str, Any]]:
    path = f"/v1/admin/test-clocks/{clock_id}"
    return [
        ("POST", "/v1/admin/test-clocks", {"frozen_at": A_YEAR_ON, "members": [ann.member_id]}),
        ("GET", path, None),
        ("POST", f"{path}/advance", {"to": A_YEAR_ON}),
    ]


def test_a_live_stage_refuses_every_call_before_anything_is_read(live: Api, meter: Meter) -> None:
    ann, token = live.log_in("ann"), live.operator()
    for method, path, body in asks(live, ann, "T" + "0" * 24):
        meter.uses.clear()
        reply = live.call(method, path, body, token=token)
        assert (reply.status, reply.code) == (403, "TEST_CLOCKS_OFF")
        # Only whether the operator's token is still good.
        assert meter.uses <= {("dynamodb:GetItem", "guard"), ("secretsmanager:GetSecretValue", "tokens")}
        assert live.call(method, path, body).status == 401


def test_a_live_stage_ignores_a_clock_that_an_account_brought_along(
    api: Api, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    ann = api.log_in("ann")
    TestClock.for_(api, ann, at="2027-03-01T00:00:00Z")
    request.getfixturevalue("live")
    assert api.account(ann).frozen_at is None
    assert act(api, ann, "POST", "/v1/me/check-ins", {}).body["on"] == "2026-11-24"


@pytest.mark.parametrize("value", ["off", "", "yes", None])
def test_a_stage_that_was_not_told_to_has_no_clocks(
    api: Api, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    ann, token = api.log_in("ann"), api.operator()
    monkeypatch.setenv("TEST_CLOCKS", value) if value is not None else monkeypatch.delenv("TEST_CLOCKS")
    settings.cache_clear()
    for method, path, body in asks(api, ann, "T" + "0" * 24):
        assert api.call(method, path, body, token=token).code == "TEST_CLOCKS_OFF"


def test_the_template_refuses_test_clocks_in_a_live_stage() -> None:
    found = template(app)

    def accepted(stage: str, **given: str) -> bool:
        values = {"Stage": stage, "TestClocks": found["Parameters"]["TestClocks"]["Default"], **given}

        def equal(test: dict[str, Any]) -> bool:
            one, other = (values[x["Ref"]] if isinstance(x, dict) else x for x in test["Fn::Equals"])
            return bool(one == other)

        return all(
            equal(assertion["Assert"])
            for rule in found["Rules"].values() if equal(rule["RuleCondition"])
            for assertion in rule["Assertions"]
        )  # fmt: skip

    assert accepted("live")
    assert not accepted("live", TestClocks="on")
    assert accepted("dev", TestClocks="on")
    told = {
        function for function, resource in found["Resources"].items()
        if "TEST_CLOCKS" in resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
    }  # fmt: skip
    assert told == {"TiersHttp"}


def test_an_account_s_clock_survives_storage() -> None:
    account = Account("M" + "0" * 18, frozen_at=NOON)
    assert codec.account_of(codec.account_item(account)).frozen_at == NOON
