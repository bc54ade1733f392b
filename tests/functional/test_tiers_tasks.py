"""Tasks over HTTP: progress, completion in the entry of the action, and rewards by themselves or by a tap."""

import threading
from typing import Any

import pytest

from tests.functional.members_room import accept_privacy_policy, erase
from tests.functional.tiers_room import claim, get, statement, with_task
from tests.harness.api import Api, Member, Reply

TAP = {
    "id": "three_orders",
    "kind": "weekly",
    "claim": "tap",
    "points": 40,
    "goals": [{"metric": "orders", "window": "week", "at_least": 2, "name": {"zh": "订单", "en": "orders"}}],
}


@pytest.fixture
def tapping(bare_api: Api) -> Api:
    """The API of a brand with a weekly task whose reward waits for a tap."""
    bare_api.publish(with_task(**TAP))
    return bare_api


def task(api: Api, member: Member, task_id: str) -> Any:
    found = {view["task"]: view for view in get(api, member, "/v1/me/tasks")["items"]}
    return found.get(task_id)


def progress(api: Api, member: Member, task_id: str) -> tuple[str, list[tuple[int, int]]]:
    """(state, (have, need) of each goal)."""
    view = task(api, member, task_id)
    return view["state"], [(goal["have"], goal["need"]) for goal in view["goals"]]


def act(api: Api, member: Member, kind: str) -> Any:
    body = {"action_id": api.fresh("action"), "kind": kind}
    return api.call("POST", "/v1/me/actions", body, token=member.token, key=api.fresh()).body["entry"]


def test_a_task_is_completed_and_paid_in_the_entry_of_the_action_that_completed_it(api: Api) -> None:
    ann = api.log_in("ann")
    assert progress(api, ann, "daily") == ("active", [(0, 1), (0, 1), (0, 1)])
    act(api, ann, "login")
    act(api, ann, "browse")
    assert progress(api, ann, "daily") == ("active", [(1, 1), (1, 1), (0, 1)])
    entry = act(api, ann, "like")
    assert [(line["rule"], line["points"], line["why_zh"]) for line in entry["lines"]] == [
        ("like", 5, "点赞：5"),
        ("daily", 50, "每日任务：50"),
    ]
    assert progress(api, ann, "daily")[0] == "done"
    assert [line["rule"] for line in act(api, ann, "vote")["lines"]] == ["vote"]
    api.clock.pass_(days=1)
    ann = api.log_in("ann")
    assert progress(api, ann, "daily") == ("active", [(0, 1), (0, 1), (0, 1)])


def test_newcomer_tasks_pay_a_hundred_and_bring_silver_two_uses_nearer(api: Api) -> None:
    ann = api.log_in("ann")
    orders = get(api, ann, "/v1/me/tier")["progress"][1]
    assert (orders["have"], orders["need"]) == (0, 3)
    accept_privacy_policy(api, ann)
    profile = {"nickname": "小安", "avatar_url": "https://img.example/a.png", "birthday": "05-06"}
    api.call("PATCH", "/v1/me", profile, token=ann.token, key="profile")
    entry = api.call("POST", "/v1/me/check-ins", {}, token=ann.token, key="check-in").body["entry"]
    assert ("newcomer", 100) in [(line["rule"], line["points"]) for line in entry["lines"]]
    orders = get(api, ann, "/v1/me/tier")["progress"][1]
    assert (orders["have"], orders["words"]["zh"]) == (2, "再有 1 次订单可升级银卡")
    assert api.order(ann, 100).body["entry"]["tier_after"] == "silver"


def test_the_member_day_s_own_task_is_there_on_that_day_alone(api: Api) -> None:
    ann = api.log_in("ann")
    assert task(api, ann, "member_day") is None
    api.clock.pass_(days=21)  # the 15th of December
    ann = api.log_in("ann")
    assert progress(api, ann, "member_day") == ("active", [(0, 1)])
    entry = api.order(ann, 100).body["entry"]
    assert ("member_day", 500) in [(line["rule"], line["points"]) for line in entry["lines"]]
    assert progress(api, ann, "member_day") == ("done", [(1, 1)])


def test_a_campaign_shows_its_end_and_counts_from_its_start(bare_api: Api) -> None:
    goal = {"metric": "orders", "window": "lifetime", "at_least": 2, "name": {"zh": "订单", "en": "orders"}}
    campaign = {"starts_on": "2026-11-25", "ends_on": "2026-11-26", "kind": "campaign", "id": "sale", "points": 30}
    bare_api.publish(with_task(goals=[goal], **campaign))
    ann = bare_api.log_in("ann")
    bare_api.order(ann, 100)
    assert task(bare_api, ann, "sale") is None
    bare_api.clock.pass_(days=1)
    ann = bare_api.log_in("ann")
    assert (progress(bare_api, ann, "sale"), task(bare_api, ann, "sale")["ends_on"]) == (
        ("active", [(0, 2)]),
        "2026-11-26",
    )
    bare_api.order(ann, 100)
    assert ("sale", 30) in [(line["rule"], line["points"]) for line in bare_api.order(ann, 100).body["entry"]["lines"]]
    bare_api.clock.pass_(days=2)
    ann = bare_api.log_in("ann")
    assert task(bare_api, ann, "sale") is None


def test_a_reward_by_tap_waits_and_is_paid_once(tapping: Api) -> None:
    ann = tapping.log_in("ann")
    early = claim(tapping, ann, "three_orders")
    assert (early.status, early.code) == (409, "NOTHING_TO_CLAIM")
    tapping.order(ann, 100)
    done = tapping.order(ann, 100).body["entry"]
    assert ("three_orders", 0, "任务：已完成，待领取") in [
        (line["rule"], line["points"], line["why_zh"]) for line in done["lines"]
    ]
    assert progress(tapping, ann, "three_orders") == ("open", [(2, 2)])
    tapped = claim(tapping, ann, "three_orders", key="tap")
    assert (tapped.status, tapped.body["member_id"]) == (200, ann.member_id)
    entry = tapped.body["entry"]
    assert (entry["kind"], entry["points"], entry["lines"][0]["why_zh"]) == ("task_claimed", 40, "任务：40")
    assert progress(tapping, ann, "three_orders")[0] == "done"
    again = claim(tapping, ann, "three_orders", key="tap")
    assert (again.body, again.headers["Idempotency-Replayed"]) == (tapped.body, "true")
    assert claim(tapping, ann, "three_orders").code == "NOTHING_TO_CLAIM"
    assert claim(tapping, ann, "daily", key="tap").code == "IDEMPOTENCY_MISMATCH"


def test_what_is_not_claimed_in_its_week_is_gone_with_it(tapping: Api) -> None:
    ann = tapping.log_in("ann")
    tapping.order(ann, 100)
    tapping.order(ann, 100)
    tapping.clock.pass_(days=6)  # Monday
    ann = tapping.log_in("ann")
    assert progress(tapping, ann, "three_orders") == ("active", [(0, 2)])
    assert claim(tapping, ann, "three_orders").code == "NOTHING_TO_CLAIM"


def test_taps_of_many_fingers_at_once_pay_once(tapping: Api) -> None:
    ann, replies = tapping.log_in("ann"), list[Reply]()
    tapping.order(ann, 100)
    tapping.order(ann, 100)
    before, barrier = tapping.account(ann).balance, threading.Barrier(8)

    def tap(number: int) -> None:
        barrier.wait()
        replies.append(claim(tapping, ann, "three_orders", key=f"finger-{number}"))

    threads = [threading.Thread(target=tap, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(reply.code for reply in replies) == ["", *["NOTHING_TO_CLAIM"] * 7]
    assert tapping.account(ann).balance == before + 40


@pytest.mark.parametrize("task_id", ["no_such_task", "daily", "growth", "x" * 300])
def test_a_task_that_is_unknown_or_pays_by_itself_has_nothing_to_claim(api: Api, task_id: str) -> None:
    ann = api.log_in("ann")
    for kind in ("login", "browse", "like"):
        act(api, ann, kind)
    before = statement(api, ann)
    reply = claim(api, ann, task_id)
    assert (reply.status, reply.code) == (409, "NOTHING_TO_CLAIM")
    assert statement(api, ann) == before


def test_the_frozen_and_the_erased_claim_nothing(tapping: Api) -> None:
    ann = tapping.log_in("ann")
    tapping.order(ann, 100)
    tapping.order(ann, 100)
    freeze = f"/v1/admin/members/{ann.member_id}/freeze"
    tapping.call("POST", freeze, {"reason": "in doubt"}, token=tapping.operator(), key="k")
    assert claim(tapping, ann, "three_orders").code == "MEMBER_FROZEN"
    assert progress(tapping, ann, "three_orders")[0] == "open"
    erase(tapping, ann)
    assert claim(tapping, ann, "three_orders").code == "MEMBER_ERASED"
