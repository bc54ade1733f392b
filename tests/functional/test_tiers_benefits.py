"""Benefits: what a tier gives, uses against a quota that hold whoever asks at once, and what is counted of them."""

import json
import threading
from collections import Counter
from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.engine.events import Cause
from chalicelib.insights.workers import count_facts
from chalicelib.ledger import book
from chalicelib.ledger.codec import entry_of
from chalicelib.ledger.items import EntryItem
from chalicelib.notices.service import fact
from chalicelib.rulebook.presets import preset
from tests.functional.members_room import erase
from tests.functional.tiers_room import get, set_tier, statement, use
from tests.harness.api import Api, Member, Reply

THREADS = 8


def quota(api: Api, member: Member, benefit: str = "daily_uses") -> list[tuple[str, int, int]]:
    """(window, used, limit) of the benefit's quotas."""
    found = {b["code"]: b for b in get(api, member, "/v1/me/benefits")["items"]}[benefit]
    return [(q["window"], q["used"], q["limit"]) for q in found["quotas"]]


def with_benefit(tier: str, **benefit: Any) -> dict[str, Any]:
    """The retail preset, that tier given one benefit more."""
    tiers = preset("retail")["tiers"]
    level = next(level for level in tiers["levels"] if level["code"] == tier)
    level["benefits"].append({"name": {"zh": "权益", "en": "A benefit"}, **benefit})
    return {"tiers": tiers}


def test_a_member_uses_a_benefit_three_times_a_day_and_not_a_fourth(api: Api) -> None:
    ann = api.log_in("ann")
    told = []
    for used in range(3):
        assert quota(api, ann) == [("day", used, 3)]
        reply = use(api, ann)
        assert reply.status == 200
        told.append(reply.body["entry"]["lines"][0]["why_zh"])
    assert told == [f"核心功能：已使用，剩余 {left} 次" for left in (2, 1, 0)]
    fourth = use(api, ann)
    assert (fourth.status, fourth.code) == (409, "QUOTA_EXHAUSTED")
    assert fourth.body["error"]["details"] == [{"field": "benefit", "problem": "3 uses a day"}]
    assert (quota(api, ann), len(statement(api, ann))) == ([("day", 3, 3)], 4)


def test_the_day_is_the_brand_s_own(api: Api) -> None:
    ann = api.log_in("ann")
    assert [use(api, ann).status for _ in range(4)] == [200, 200, 200, 409]
    api.clock.pass_(hours=11, minutes=59)
    ann = api.log_in("ann")
    assert use(api, ann).code == "QUOTA_EXHAUSTED"
    api.clock.pass_(minutes=1)  # midnight in Shanghai, four in the afternoon in UTC
    assert quota(api, ann) == [("day", 0, 3)]
    assert [use(api, ann).status for _ in range(4)] == [200, 200, 200, 409]


def test_a_repeat_of_a_use_is_the_same_use(api: Api) -> None:
    ann = api.log_in("ann")
    first = use(api, ann, key="once")
    uses = [use(api, ann) for _ in range(2)]
    again = use(api, ann, key="once")
    assert [reply.status for reply in uses] == [200, 200]
    # The quota is used up by now, and still the first answer is the answer.
    assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (200, first.body, "true")
    assert quota(api, ann) == [("day", 3, 3)]
    other = use(api, ann, "discount", key="once")
    assert (other.status, other.code) == (409, "IDEMPOTENCY_MISMATCH")


def test_the_last_uses_taken_by_many_at_once_are_given_to_exactly_three(api: Api) -> None:
    ann, replies = api.log_in("ann"), list[Reply]()
    barrier = threading.Barrier(THREADS)

    def ask(number: int) -> None:
        barrier.wait()
        replies.append(use(api, ann, key=f"thread-{number}"))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter((reply.status, reply.code) for reply in replies) == {
        (200, ""): 3,
        (409, "QUOTA_EXHAUSTED"): THREADS - 3,
    }
    assert quota(api, ann) == [("day", 3, 3)]
    assert [entry["kind"] for entry in statement(api, ann)] == ["joined"] + ["benefit_used"] * 3


def test_one_use_sent_by_many_at_once_is_one_use(api: Api) -> None:
    ann, replies = api.log_in("ann"), list[Reply]()
    barrier = threading.Barrier(THREADS)

    def ask() -> None:
        barrier.wait()
        replies.append(use(api, ann, key="once"))

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(reply.status, json.dumps(reply.body)) for reply in replies} == {(200, json.dumps(replies[0].body))}
    assert quota(api, ann) == [("day", 1, 3)]


def test_a_promotion_widens_the_quota_and_what_is_used_stays_used(api: Api) -> None:
    ann = api.log_in("ann")
    assert [use(api, ann).status for _ in range(4)] == [200, 200, 200, 409]
    api.order(ann, 50_000)
    assert quota(api, ann) == [("day", 3, 10)]
    assert [use(api, ann).status for _ in range(8)] == [200] * 7 + [409]
    api.order(ann, 150_000)
    assert quota(api, ann) == []  # gold: without limit
    endless = [use(api, ann) for _ in range(12)]
    assert [reply.status for reply in endless] == [200] * 12
    assert endless[-1].body["entry"]["lines"][0]["why_zh"] == "核心功能：已使用，不限次"


def test_a_lent_tier_s_quota_ends_with_the_loan(api: Api) -> None:
    ann = api.log_in("ann")
    set_tier(api, ann.member_id, "silver", "2026-11-24")
    assert [use(api, ann).status for _ in range(5)] == [200] * 5
    api.clock.pass_(days=1)
    ann = api.log_in("ann")
    assert [use(api, ann).status for _ in range(4)] == [200, 200, 200, 409]


def test_a_use_repeated_when_the_benefit_is_gone_and_its_key_forgotten_is_still_that_use(bare_api: Api) -> None:
    bare_api.publish(with_benefit("gold", code="lounge", kind="service", value={"per_month": 1}))
    ann = bare_api.log_in("ann")
    set_tier(bare_api, ann.member_id, "gold", "2026-11-24")
    first = use(bare_api, ann, "lounge", key="k1")
    assert first.status == 200
    for _ in range(book.REMEMBERED_REQUESTS):
        bare_api.clock.pass_(days=1)
        ann = bare_api.log_in("ann")
        assert use(bare_api, ann).status == 200
    again = use(bare_api, ann, "lounge", key="k1")
    assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (200, first.body, "true")
    assert use(bare_api, ann, "lounge", key="k2").status == 403


def test_two_quotas_of_one_benefit_both_hold(bare_api: Api) -> None:
    value = {"per_day": 2, "per_month": 3}
    bare_api.publish(with_benefit("normal", code="hotline", kind="service", value=value))
    ann = bare_api.log_in("ann")
    assert [use(bare_api, ann, "hotline").status for _ in range(3)] == [200, 200, 409]
    bare_api.clock.pass_(days=1)
    ann = bare_api.log_in("ann")
    assert quota(bare_api, ann, "hotline") == [("day", 0, 2), ("month", 2, 3)]
    assert [use(bare_api, ann, "hotline").status for _ in range(2)] == [200, 409]
    bare_api.clock.pass_(days=7)  # December
    ann = bare_api.log_in("ann")
    assert quota(bare_api, ann, "hotline") == [("day", 0, 2), ("month", 0, 3)]


@pytest.mark.parametrize("benefit", ["discount", "free_shipping", "icon", "daily_useses", "x" * 500, "a b", "%20"])
def test_what_is_not_the_member_s_or_is_not_used_up_is_refused(api: Api, benefit: str) -> None:
    ann = api.log_in("ann")
    for _ in range(2):
        reply = use(api, ann, benefit)
        assert (reply.status, reply.code) == (403, "BENEFIT_NOT_YOURS")
        # Nor as gold, who has the first three: they are honoured by the shop, not used up here.
        set_tier(api, ann.member_id, "gold")
    assert [entry["kind"] for entry in statement(api, ann)] == ["joined", "tier_set", "tier_set"]


def test_a_use_needs_a_key_and_nothing_else(api: Api) -> None:
    ann = api.log_in("ann")
    path = "/v1/me/benefits/daily_uses/uses"
    assert api.call("POST", path, {}, token=ann.token).code == "INVALID_FIELDS"
    assert api.call("POST", path, {"times": 2}, token=ann.token, key="k").code == "INVALID_FIELDS"
    assert api.call("POST", path, {}, key="k").status == 401
    assert quota(api, ann) == [("day", 0, 3)]


def test_the_frozen_look_but_do_not_use_and_the_erased_do_neither(api: Api) -> None:
    ann = api.log_in("ann")
    use(api, ann, key="once")
    freeze = f"/v1/admin/members/{ann.member_id}/freeze"
    api.call("POST", freeze, {"reason": "in doubt"}, token=api.operator(), key="k")
    assert quota(api, ann) == [("day", 1, 3)]
    # A repeat too, like every other write of a frozen member.
    assert [use(api, ann, key=key).code for key in ("again", "once")] == ["MEMBER_FROZEN"] * 2
    erase(api, ann)
    assert use(api, ann).code == "MEMBER_ERASED"
    assert api.call("GET", "/v1/me/benefits", token=ann.token).code == "MEMBER_ERASED"


def test_benefits_are_shown_by_class_with_their_values(api: Api) -> None:
    ann = api.log_in("ann")
    set_tier(api, ann.member_id, "gold")
    found = {benefit["code"]: benefit for benefit in get(api, ann, "/v1/me/benefits")["items"]}
    assert {benefit["kind"] for benefit in found.values()} == {"economic", "service", "feature", "honour"}
    assert found["monthly_coupon"]["value"] == {"amount_fen": 5000, "per_month": 1, "coupon": "monthly_50"}
    assert [code for code, benefit in found.items() if benefit["usable"]] == ["daily_uses"]
    assert {benefit["granted_for"] for benefit in found.values()} == {None}


def test_uses_reach_the_figures_by_benefit_and_tier(api: Api) -> None:
    ann, ben = api.log_in("ann"), api.log_in("ben")
    assert [use(api, ann).status for _ in range(4)] == [200, 200, 200, 409]
    set_tier(api, ben.member_id, "silver", "2026-11-30")
    assert [use(api, ben).status for _ in range(2)] == [200, 200]
    entries = [entry_of(item) for item in EntryItem.scan(EntryItem.seq.exists())]
    for _ in range(2):
        for entry in entries:
            body = json.dumps(fact(entry, "Asia/Shanghai"))
            assert count_facts({"Records": [{"messageId": "m", "body": body}]}, None) == {"batchItemFailures": []}
    query = "/v1/admin/metrics?from=2026-11-24&to=2026-11-24"
    figures = {figure["kind"]: figure for figure in api.call("GET", query, token=api.operator("analyst")).body["items"]}
    assert figures["benefit_used"]["entries"] == 5
    assert figures["benefit_used"]["uses"] == [
        {"benefit": "daily_uses", "tier": "normal", "uses": 3},
        {"benefit": "daily_uses", "tier": "silver", "uses": 2},
    ]
    assert (figures["joined"]["entries"], figures["joined"]["uses"]) == (2, [])


def test_a_use_s_entry_names_the_benefit_for_whoever_evaluates_it_later(api: Api) -> None:
    ann = api.log_in("ann")
    cause = use(api, ann).body["entry"]["cause"]
    entry = ledger.entry(Cause(ann.member_id, cause))
    assert entry is not None
    assert entry.facts == {"benefit": "daily_uses", "tier": "normal"}
