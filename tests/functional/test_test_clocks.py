"""Test clocks: everything that happens by itself happens as of the clock's instant, in order; what the member does and
reads follows it; nobody else is touched; time never goes back; and none of it in a live stage."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.earning import service as earning
from chalicelib.earning.schemas import OrderMessage
from chalicelib.ledger import codec
from chalicelib.notices import inbox
from chalicelib.rulebook import store
from chalicelib.rulebook.presets import preset
from chalicelib.shared import audit
from chalicelib.tiers import clocks
from tests.functional.members_room import accept_privacy_policy, act
from tests.functional.tiers_room import TestClock, get, notices, set_tier, statement, use
from tests.harness.api import NOON, Api, Member

A_YEAR_ON = "2027-11-24T04:00:00Z"


def kinds(api: Api, member: Member) -> list[str]:
    return [entry["kind"] for entry in statement(api, member)]


def audited(api: Api) -> list[tuple[str, str]]:
    day = api.clock.now.date().isoformat()
    return [(r.action, r.target) for r in audit.page(day, 100, None) if r.action.startswith("test-clock")]


# What the clock does


def test_a_clock_shows_its_members_another_instant_and_nobody_else(api: Api) -> None:
    ann, ben = api.log_in("ann"), api.log_in("ben")
    clock = TestClock.for_(api, ann, at="2027-03-01T01:00:00+08:00")
    assert clock.last == {
        "clock_id": clock.clock_id,
        "frozen_at": "2027-02-28T17:00:00.000Z",
        "members": [ann.member_id],
        "happened": [],
        "finished": True,
    }
    assert clock.shows == "2027-02-28T17:00:00.000Z"
    assert api.account(ann).frozen_at == datetime(2027, 2, 28, 17, tzinfo=UTC)
    assert (api.account(ben).frozen_at, kinds(api, ben)) == (None, ["joined"])
    last = statement(api, ann)[-1]
    assert (last["kind"], last["at"], last["points"]) == ("clock_moved", "2027-02-28T17:00:00.000Z", 0)
    assert [line["why_zh"] for line in last["lines"]] == ["测试时钟：2027-02-28T17:00:00+00:00"]


def test_what_is_due_happens_at_the_start_of_its_day_in_order(api: Api) -> None:
    """Points of one day of November, a tier earned on it: announced 30 and 7 days before, warned 30 days before."""
    ann = api.log_in("ann")
    api.order(ann, 50_000)
    clock = TestClock.for_(api, ann)
    assert clock.to("2027-12-01T00:00:00+08:00") == [
        ("2027-05-23T16:00", "tier_early_warning"),
        ("2027-10-24T16:00", "tier_warned"),
        ("2027-10-30T16:00", "expiry_noticed"),
        ("2027-11-22T16:00", "expiry_noticed"),
        ("2027-11-24T16:00", "tier_grace"),
        ("2027-11-30T16:00", "lots_expired"),
    ]
    assert [thing["member_id"] for thing in clock.last["happened"]] == [ann.member_id] * 6
    assert clock.last["happened"][-1]["entry"] == statement(api, ann)[-1]
    assert (clock.shows, api.account(ann).balance) == ("2027-11-30T16:00:00.000Z", 0)
    assert [kind for kind, _ in notices(api, ann)] == [
        "lots_expired", "tier_grace", "expiry_noticed", "expiry_noticed", "tier_warned", "tier_early_warning",
    ]  # fmt: skip


def test_a_second_before_its_day_nothing_has_happened_yet(api: Api) -> None:
    ann = api.log_in("ann")
    api.order(ann, 50_000)
    clock = TestClock.for_(api, ann)
    assert clock.to("2027-05-23T15:59:59Z") == []
    assert clock.to("2027-05-23T16:00:00Z") == [("2027-05-23T16:00", "tier_early_warning")]
    assert clock.to("2027-05-23T16:00:00Z") == []


def test_the_day_begins_in_the_brand_s_own_zone_summer_time_included(bare_api: Api) -> None:
    bare_api.publish({"brand": {**preset("retail")["brand"], "time_zone": "America/New_York"}})
    ann = bare_api.log_in("ann")
    bare_api.order(ann, 50_000)
    happened = TestClock.for_(bare_api, ann).to("2027-12-02T00:00:00Z")
    assert [at for at, _ in happened] == [
        "2027-05-23T04:00", "2027-10-24T04:00", "2027-10-31T04:00", "2027-11-23T05:00", "2027-11-24T05:00",
        "2027-12-01T05:00",
    ]  # fmt: skip


def test_members_of_one_clock_move_together_each_at_its_own_time(api: Api) -> None:
    ann, ben = api.log_in("ann"), api.log_in("ben")
    set_tier(api, ann.member_id, "silver", "2026-12-05")
    set_tier(api, ben.member_id, "silver", "2026-12-04")
    clock = TestClock.for_(api, ann, ben)
    clock.to("2026-12-07T00:00:00Z")
    happened = [(t["entry"]["at"][:10], t["member_id"]) for t in clock.last["happened"]]
    assert happened == [("2026-12-04", ben.member_id), ("2026-12-05", ann.member_id)]
    assert api.account(ann).frozen_at == api.account(ben).frozen_at == datetime(2026, 12, 7, tzinfo=UTC)


def test_what_is_overdue_when_the_clock_is_made_happens_at_its_instant(api: Api) -> None:
    """A late run loses nobody anything: the notice comes late, so the points stay."""
    ann = api.log_in("ann")
    clock = TestClock.for_(api, ann, at="2027-11-30T12:00:00Z")
    assert [(t["entry"]["kind"], t["entry"]["at"]) for t in clock.last["happened"]] == [
        ("expiry_noticed", "2027-11-30T12:00:00.000Z")
    ]
    assert clock.to("2027-12-30T15:59:59Z") == [("2027-12-22T16:00", "expiry_noticed")]
    assert get(api, ann, "/v1/me/points")["lots"][0]["expires_on"] == "2027-12-30"
    assert clock.to("2027-12-30T16:00:00Z") == [("2027-12-30T16:00", "lots_expired")]
    assert api.account(ann).balance == 0


def test_a_step_at_a_time_comes_to_the_same_as_one_leap(api: Api) -> None:
    pair = [api.log_in("ann"), api.log_in("ben")]
    for member in pair:
        api.order(member, 200_000)
    leap, walk = (TestClock.for_(api, member) for member in pair)
    at_once = leap.to(A_YEAR_ON)
    by_weeks = [step for week in range(1, 53) for step in walk.to(NOON + timedelta(weeks=week))]
    by_weeks += walk.to(A_YEAR_ON)
    assert by_weeks == at_once
    assert len(at_once) > 12
    one, other = ([kind for kind in kinds(api, member) if kind != "clock_moved"] for member in pair)
    assert one == other


def test_a_call_makes_so_many_steps_and_the_next_goes_on(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = [api.log_in("ann"), api.log_in("ben")]
    for member in pair:
        api.order(member, 200_000)
    clock, whole = TestClock.for_(api, *pair), []
    monkeypatch.setattr(clocks, "MAX_STEPS", 5)
    while True:
        answer = clock.ask(A_YEAR_ON).body
        whole += answer["happened"]
        # Wherever the call ends, everybody is there.
        assert {codec.rfc3339(api.account(member).frozen_at or NOON) for member in pair} == {answer["frozen_at"]}
        if answer["finished"]:
            break
        assert len(answer["happened"]) == 5
        assert answer["frozen_at"] == answer["happened"][-1]["entry"]["at"] == clock.shows
    assert clock.shows == "2027-11-24T04:00:00.000Z"
    assert [thing["entry"]["at"] for thing in whole] == sorted(thing["entry"]["at"] for thing in whole)
    monkeypatch.setattr(clocks, "MAX_STEPS", 150)
    assert clock.to(A_YEAR_ON) == []


def test_a_repeat_of_making_and_moving_a_clock_changes_nothing(api: Api) -> None:
    ann = api.log_in("ann")
    api.order(ann, 50_000)
    first = TestClock.for_(api, ann)
    again = TestClock.for_(api, ann)
    assert again.last == first.last
    assert first.to(A_YEAR_ON) != []
    before = statement(api, ann)
    assert first.to(A_YEAR_ON) == []
    late = TestClock.asked(api, NOON, ann.member_id)
    assert (late.body["clock_id"], late.body["frozen_at"]) == (first.clock_id, "2027-11-24T04:00:00.000Z")
    assert statement(api, ann) == before
    assert audited(api).count(("test-clock.create", f"test-clock:{first.clock_id}")) == 1


def test_making_and_moving_a_clock_is_audited_with_its_operator(api: Api) -> None:
    ann = api.log_in("ann")
    clock = TestClock.for_(api, ann)
    clock.to(A_YEAR_ON)
    target = f"test-clock:{clock.clock_id}"
    records = [r for r in audit.page("2026-11-24", 100, None) if r.target == target]
    assert {r.action: r.details for r in records} == {
        "test-clock.create": {"frozen_at": "2026-11-24T04:00:00.000Z", "members": [ann.member_id]},
        "test-clock.advance": {"to": "2027-11-24T04:00:00.000Z"},
    }
    assert (len(records), {r.actor.partition("#")[0].partition("-")[0] for r in records}) == (2, {"operator:operator"})


# What the member does and reads follows the clock


def test_everything_a_member_does_is_dated_by_the_clock(api: Api) -> None:
    ann = api.log_in("ann")
    clock = TestClock.for_(api, ann)
    clock.to("2027-01-01T00:30:00+08:00")
    checked = act(api, ann, "POST", "/v1/me/check-ins", {})
    assert (checked.body["on"], checked.body["entry"]["cause"]) == ("2027-01-01", "check-in#2027-01-01")
    assert act(api, ann, "POST", "/v1/me/check-ins", {}).code == "ALREADY_CHECKED_IN"
    assert act(api, ann, "POST", "/v1/me/check-ins/make-up", {"on": "2027-01-01"}).status == 409
    assert act(api, ann, "POST", "/v1/me/check-ins/make-up", {"on": "2026-12-31"}).body["streak"] == 2
    login = act(api, ann, "POST", "/v1/me/actions", {"action_id": "a-1", "kind": "login"}).body["entry"]
    assert (login["points"], login["at"]) == (10, "2026-12-31T16:30:00.000Z")
    assert act(api, ann, "POST", "/v1/me/actions", {"action_id": "a-2", "kind": "login"}).body["entry"]["points"] == 0
    accept_privacy_policy(api, ann)
    assert api.account(ann).profile.consents == {"privacy_policy": "1.0@2027-01-01"}
    assert get(api, ann, "/v1/me")["streak"] == {"length": 2, "checked_in_today": True}
    assert get(api, ann, "/v1/me/points")["lots"][-1]["expires_on"] == "2028-01-31"
    clock.to("2027-01-02T00:00:00+08:00")
    assert get(api, ann, "/v1/me")["streak"] == {"length": 2, "checked_in_today": False}
    assert act(api, ann, "POST", "/v1/me/actions", {"action_id": "a-3", "kind": "login"}).body["entry"]["points"] == 10
    # In truth it is still November: nothing of this is there for anybody else.
    assert act(api, api.log_in("ben"), "POST", "/v1/me/check-ins", {}).body["on"] == "2026-11-24"


def test_a_repeated_check_in_is_recognised_though_the_clock_has_gone_on(api: Api) -> None:
    ann = api.log_in("ann")
    clock = TestClock.for_(api, ann)
    path = "/v1/me/check-ins"
    first = act(api, ann, "POST", path, {}, key="once")
    clock.to(NOON + timedelta(days=1))
    again = act(api, ann, "POST", path, {}, key="once")
    assert (again.body, again.headers["Idempotency-Replayed"]) == (first.body, "true")
    assert act(api, ann, "POST", path, {}).body["streak"] == 2


def test_a_member_may_be_shown_the_past_too(api: Api) -> None:
    ann = api.log_in("ann")
    TestClock.for_(api, ann, at="2026-02-01T04:00:00Z")
    login = act(api, ann, "POST", "/v1/me/actions", {"action_id": "a-1", "kind": "login"})
    assert (login.status, login.body["entry"]["at"]) == (200, "2026-02-01T04:00:00.000Z")
    assert act(api, ann, "POST", "/v1/me/check-ins", {}).body["on"] == "2026-02-01"
    # Its orders are of its own time: today's lies in its future.
    assert api.order(ann, 100).code == "FROM_THE_FUTURE"
    assert api.order(ann, 100, paid_at="2026-02-01T04:04:00Z").status == 200


def test_quotas_tasks_and_lent_tiers_follow_the_clock(api: Api) -> None:
    ann = api.log_in("ann")
    clock = TestClock.for_(api, ann)
    assert [use(api, ann).status for _ in range(4)] == [200, 200, 200, 409]
    clock.to("2026-12-15T00:00:00+08:00")
    assert use(api, ann).status == 200
    assert "member_day" in [task["task"] for task in get(api, ann, "/v1/me/tasks")["items"]]
    assert set_tier(api, ann.member_id, "silver", "2026-12-14").code == "INVALID_FIELDS"
    assert set_tier(api, ann.member_id, "silver", "2026-12-15").status == 200
    assert get(api, ann, "/v1/me")["tier"]["code"] == get(api, ann, "/v1/me/tier")["code"] == "silver"
    assert clock.to("2026-12-16T00:00:00+08:00") == [("2026-12-15T16:00", "temporary_tier_ended")]
    assert get(api, ann, "/v1/me")["tier"]["code"] == get(api, ann, "/v1/me/tier")["code"] == "normal"
    home = f"/v1/admin/members/{ann.member_id}"
    assert api.call("GET", home, token=api.operator("support")).body["tier"]["code"] == "normal"


def test_a_shop_s_orders_are_measured_by_the_clock(api: Api) -> None:
    ann = api.log_in("ann")
    TestClock.for_(api, ann).to("2027-06-01T04:00:00Z")
    assert api.order(ann, 50_000, "o-1", paid_at="2027-06-01T04:05:01Z").code == "FROM_THE_FUTURE"
    entry = api.order(ann, 50_000, "o-1", paid_at="2027-06-01T04:05:00Z").body["entry"]
    assert (entry["at"], entry["tier_after"]) == ("2027-06-01T04:00:00.000Z", "silver")
    assert get(api, ann, "/v1/me/tier")["valid_until"] == "2028-06-01"
    # Paid in truth's own now: half a year ago by the clock, a late report like any other.
    late = api.order(ann, 100, "o-2")
    assert (late.status, late.body["entry"]["at"]) == (200, "2027-06-01T04:00:00.000Z")
    assert api.refund("o-1", "r-1", 50_000).body["entry"]["tier_after"] == "normal"
    event = {"event_id": "e-1", "member_id": ann.member_id, "kind": "review_approved"}
    assert api.merchant("POST", "/v1/events", {**event, "occurred_at": "2027-05-31T00:00:00Z"}).status == 200


def test_a_past_order_brought_in_is_decided_as_of_its_payment_and_leaves_the_clock_alone(api: Api) -> None:
    ann = api.log_in("ann")
    TestClock.for_(api, ann).to("2027-06-01T04:00:00Z")
    paid = {"type": "order", "as_of": "paid", "member_id": ann.member_id, "amount_fen": 50_000}

    def bring_in(order_id: str, paid_at: str) -> ledger.Outcome:
        message = OrderMessage.model_validate({**paid, "order_id": order_id, "paid_at": paid_at})
        return earning.report_order(message, api.clock.now, as_of_payment=True)

    entry = bring_in("o-1", "2027-05-01T04:00:00Z").entry
    assert entry.at == datetime(2027, 5, 1, 4, tzinfo=UTC)
    assert entry.facts["recorded_at"] == "2027-06-01T04:00:00.000Z"
    assert entry.lines[-1].why_zh == "历史订单，2027-06-01 导入，按付款时间计算"
    assert api.account(ann).frozen_at == datetime(2027, 6, 1, 4, tzinfo=UTC)
    with pytest.raises(earning.FutureInstant):
        bring_in("o-2", "2027-06-01T04:06:00Z")


def test_tokens_live_in_real_time(api: Api) -> None:
    ann = api.log_in("ann")
    TestClock.for_(api, ann).to("2029-01-01T00:00:00Z")
    get(api, ann, "/v1/me")
    api.clock.pass_(hours=2)
    assert api.call("GET", "/v1/me", token=ann.token).code == "TOKEN_EXPIRED"
    ann = api.log_in("ann")
    api.clock.pass_(seconds=2)
    assert act(api, ann, "POST", "/v1/me/logout-everywhere", {}).status == 200
    assert api.call("GET", "/v1/me", token=ann.token).code == "TOKEN_REVOKED"
    api.clock.pass_(seconds=1)
    get(api, api.log_in("ann"), "/v1/me")


def test_the_nightly_run_in_real_time_leaves_the_clock_s_members_alone(api: Api) -> None:
    ann = api.log_in("ann")
    clock = TestClock.for_(api, ann)
    before = api.account(ann)
    late = NOON + timedelta(days=800)
    published = store.current(late)
    for index in ("points", "tier"):
        assert ledger.due.run(index, ann.member_id, published, late, inbox.requests) == []
    assert (api.account(ann), clock.shows) == (before, "2026-11-24T04:00:00.000Z")


# What is refused


def test_a_clock_does_not_go_back(api: Api) -> None:
    ann = api.log_in("ann")
    clock = TestClock.for_(api, ann)
    clock.to("2027-01-01T00:00:00Z")
    before = api.account(ann), audited(api)
    back = clock.ask("2026-12-31T23:59:59.999Z")
    assert (back.status, back.code) == (409, "CLOCK_BACKWARDS")
    assert back.body["error"]["details"] == [
        {"field": "to", "problem": "the clock shows 2027-01-01T00:00:00.000Z already"}
    ]
    assert (api.account(ann), audited(api)) == before
    assert clock.to("2027-01-01T00:00:00Z") == []


def test_a_member_follows_one_clock_for_good(api: Api) -> None:
    ann, ben = api.log_in("ann"), api.log_in("ben")
    TestClock.for_(api, ann)
    before = api.account(ann), api.account(ben)
    second = TestClock.asked(api, A_YEAR_ON, ben.member_id, ann.member_id)
    assert (second.status, second.code) == (409, "UNDER_ANOTHER_CLOCK")
    assert second.body["error"]["details"] == [{"field": "members", "problem": f"{ann.member_id} follows another"}]
    assert (api.account(ann), api.account(ben)) == before
    assert TestClock.for_(api, ben, at=A_YEAR_ON).last["frozen_at"] == "2027-11-24T04:00:00.000Z"


def test_two_clocks_made_for_one_member_at_once_are_one(api: Api) -> None:
    ann, tokens = api.log_in("ann"), [api.operator("operator") for _ in range(4)]
    replies: list[tuple[int, str]] = []
    barrier = threading.Barrier(4)

    def ask(number: int) -> None:
        barrier.wait()
        reply = TestClock.asked(api, NOON + timedelta(days=number), ann.member_id, token=tokens[number])
        replies.append((reply.status, reply.code))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(replies) == [(200, ""), *[(409, "UNDER_ANOTHER_CLOCK")] * 3]
    assert kinds(api, ann) == ["joined", "clock_moved"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"frozen_at": A_YEAR_ON, "members": []}, 422, "INVALID_FIELDS"),
        ({"frozen_at": A_YEAR_ON, "members": ["M" + "0" * 18] * 2}, 422, "INVALID_FIELDS"),
        ({"frozen_at": A_YEAR_ON, "members": [f"M{n:018}" for n in range(11)]}, 422, "INVALID_FIELDS"),
        ({"frozen_at": A_YEAR_ON, "members": ["ann"]}, 422, "INVALID_FIELDS"),
        ({"frozen_at": "2027-11-24", "members": ["M" + "0" * 18]}, 422, "INVALID_FIELDS"),
        ({"frozen_at": "20271124", "members": ["M" + "0" * 18]}, 422, "INVALID_FIELDS"),
        ({"members": ["M" + "0" * 18]}, 422, "INVALID_FIELDS"),
        ({"frozen_at": A_YEAR_ON, "members": ["M" + "0" * 18]}, 404, "MEMBER_UNKNOWN"),
    ],
)
def test_a_bad_clock_is_not_made(api: Api, body: dict[str, Any], status: int, code: str) -> None:
    reply = api.call("POST", "/v1/admin/test-clocks", body, token=api.operator())
    assert (reply.status, reply.code) == (status, code)
    assert audited(api) == []


def test_ten_members_may_follow_one_clock(api: Api) -> None:
    members = [api.log_in(f"member-{number}") for number in range(10)]
    clock = TestClock.for_(api, *members)
    assert clock.last["members"] == [member.member_id for member in members]
    assert [kind for _, kind in clock.to("2027-10-31T04:00:00Z")] == ["expiry_noticed"] * 10


def test_nobody_moves_a_clock_that_is_not_there_or_with_a_bad_instant(api: Api) -> None:
    clock = TestClock.for_(api, api.log_in("ann"))
    token = api.operator()
    for clock_id in ("T" + "0" * 24, "none", "x" * 300, "member#M"):
        path = f"/v1/admin/test-clocks/{clock_id.replace('#', '%23')}"
        assert api.call("GET", path, token=token).code == "TEST_CLOCK_UNKNOWN"
        assert api.call("POST", f"{path}/advance", {"to": A_YEAR_ON}, token=token).code == "TEST_CLOCK_UNKNOWN"
    for to in ("tomorrow", "2027-11-24", "20271124", "9999-12-31T23:59:59Z", "1969-01-01T00:00:00Z"):
        assert clock.ask(to).code == "INVALID_FIELDS"
    assert clock.shows == "2026-11-24T04:00:00.000Z"


@pytest.mark.parametrize("role", ["analyst", "support"])
def test_clocks_are_the_operators_matter(api: Api, role: str) -> None:
    ann = api.log_in("ann")
    clock, token = TestClock.for_(api, ann), api.operator(role)
    assert TestClock.asked(api, NOON, ann.member_id, token=token).code == "FORBIDDEN"
    path = f"/v1/admin/test-clocks/{clock.clock_id}"
    assert api.call("GET", path, token=token).code == "FORBIDDEN"
    assert api.call("POST", f"{path}/advance", {"to": A_YEAR_ON}, token=token).code == "FORBIDDEN"
