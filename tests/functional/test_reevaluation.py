"""Everybody evaluated when a rulebook comes into force, and the preview of it: who is moved, who is not, and when."""

import json
from collections import Counter
from datetime import timedelta

import pytest

from chalicelib import ledger
from chalicelib.engine.events import Cause
from chalicelib.ledger.items import AccountItem
from chalicelib.notices.items import NoticeItem
from chalicelib.rulebook import store
from chalicelib.rulebook.presets import preset
from chalicelib.shared import audit
from chalicelib.shared.config import settings
from chalicelib.tiers import reevaluation
from chalicelib.tiers.reevaluation_workers import reevaluate
from tests.functional.reevaluation_room import (
    EASIER,
    JOBS,
    LIVES,
    MOVES,
    PREVIEWS,
    REEVALUATIONS,
    Shop,
    member_id,
    open_shop,
    reached_by,
    times,
)
from tests.harness import faults, world
from tests.harness.api import Api
from tests.harness.meter import metering


@pytest.fixture
def shop(api: Api, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A brand with its queue."""
    return open_shop(api, monkeypatch)


# Everybody, once -----------------------------------------------------------------------------------------------------


def test_a_preview_says_what_then_happens_to_each_member(shop: Shop) -> None:
    shop.populate(90)
    before = faults.snapshot()
    foreseen = shop.preview(tiers=EASIER)
    assert (foreseen["state"], foreseen["seen"], foreseen["version"], foreseen["draft"]) == ("running", 0, None, 2)
    shop.work()
    told = shop.job(foreseen["job_id"])
    assert (told["state"], told["seen"], told["moved"], told["failed"]) == ("done", 90, times(MOVES, 10), 0)
    # All of today: nobody has begun to keep a tier, and one in nine has none to keep.
    assert (told["safe"], told["unsafe"]) == (0, 80)
    for table in ("accounts", "journal"):
        assert faults.snapshot()[f"membership-test-{table}"] == before[f"membership-test-{table}"]

    assert shop.api.publish({"tiers": EASIER}) == 2
    started = shop.start()
    assert (started["job_id"], started["kind"], started["version"]) == ("reevaluation-2", "reevaluation", 2)
    shop.work()
    done = shop.job("reevaluation-2")
    assert (done["state"], done["seen"], done["moved"], done["failed"]) == ("done", 90, told["moved"], 0)
    assert (done["segments"], done["segments_done"], done["safe"]) == (8, 8, None)
    assert [shop.tier(member_id(n)) for n in range(9)] == [after for *_, after in LIVES]
    assert shop.tiers() == Counter([after for *_, after in LIVES] * 10)
    assert len(shop.evaluated()) == 50


def test_who_is_moved_is_told_and_nobody_else_is(shop: Shop) -> None:
    shop.populate(9)
    shop.api.publish({"tiers": EASIER})
    shop.start()
    shop.work()
    told = {name: [notice.cause for notice in NoticeItem.query(name)] for name in world.member_ids()}
    moved = {member_id(n) for n, (_, before, after) in enumerate(LIVES) if before != after}
    assert {name for name, causes in told.items() if "rules#2" in causes} == moved
    entry = ledger.entry(Cause(member_id(4), "rules#2"))
    assert entry is not None
    assert (entry.kind, entry.points >= 0, entry.rulebook_version) == ("rules_changed", True, 2)


def test_nothing_is_written_to_anybody_when_the_new_rules_are_harder(shop: Shop) -> None:
    shop.populate(18)
    before = shop.tiers()
    shop.api.publish({"tiers": reached_by(silver=90_000, gold=900_000, diamond=9_000_000)})
    shop.start()
    shop.work()
    done = shop.job("reevaluation-2")
    assert (done["seen"], done["moved"], shop.tiers(), shop.evaluated()) == (18, [], before, [])


def test_due_dates_that_come_nearer_are_corrected_and_lots_stay_as_they_are(shop: Shop) -> None:
    shop.populate(9)
    before = {name: ledger.load(name) for name in world.member_ids()}
    shop.api.publish({"expiry": {"valid_months": 12, "refund_grace_days": 30, "notice_days": [60, 30, 7]}})
    shop.start()
    shop.work()
    for name, account in before.items():
        after = ledger.load(name)
        assert account.points_due_on is not None
        assert after.points_due_on == account.points_due_on - timedelta(days=30)
        assert after.lots == account.lots
    assert shop.job("reevaluation-2")["moved"] == []


def test_a_page_of_members_who_stay_costs_no_read_or_write_a_member(shop: Shop) -> None:
    shop.populate(90)
    shop.api.clock.pass_(days=1)
    shop.start()
    (message, *_) = shop.waiting()
    with metering() as meter:
        assert shop.deliver(message)
    assert meter.calls == {"Query": 1, "Scan": 1, "TransactWriteItems": 1, "DeleteMessage": 1}
    assert meter.write_units == 2


# By itself -----------------------------------------------------------------------------------------------------------


def jobs_in_audit() -> list[tuple[str, str]]:
    records = [r for r in audit.page("2026-11-24", 100, None) if r.action == "rulebook.reevaluation"]
    return sorted((record.actor, record.target) for record in records)


def test_a_version_in_force_is_evaluated_by_itself_exactly_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reevaluation, "SEGMENTS", 2)
    shop.populate(9)
    now = shop.api.clock.now
    for _ in range(3):
        reevaluation.reevaluate_if_new(now)
        shop.work()
    assert jobs_in_audit() == [("schedule", "reevaluation-1")]
    soon = now + timedelta(hours=1)
    draft = store.save_draft({**preset("retail"), "tiers": EASIER}, "operator:ada", now)
    store.publish(draft, soon, "operator:ada", {}, now)
    shop.api.clock.now = soon - timedelta(milliseconds=1)
    reevaluation.reevaluate_if_new(shop.api.clock.now)
    assert shop.waiting() == []
    shop.api.clock.now = soon
    for _ in range(2):
        # The second hour comes before the first one's messages are handled.
        reevaluation.reevaluate_if_new(soon)
    shop.work()
    reevaluation.reevaluate_if_new(soon)
    assert shop.waiting() == []
    assert jobs_in_audit() == [("schedule", "reevaluation-1"), ("schedule", "reevaluation-2")]
    assert (shop.job("reevaluation-2")["moved"], len(shop.evaluated())) == (times(MOVES, 1), 5)


def test_before_anything_is_published_nothing_is_evaluated(bare_api: Api) -> None:
    reevaluation.reevaluate_if_new(bare_api.clock.now)
    assert jobs_in_audit() == []


def test_a_queue_that_does_not_answer_is_a_refusal_to_repeat_and_the_repeat_starts_the_job(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.populate(9)
    known = settings().reevaluation_queue_url
    monkeypatch.setenv("REEVALUATION_QUEUE_URL", f"{known}-gone")
    settings.cache_clear()
    reply = shop.call("POST", REEVALUATIONS)
    assert (reply.status, reply.code, reply.body["error"]["retryable"]) == (503, "UNAVAILABLE", True)
    monkeypatch.setenv("REEVALUATION_QUEUE_URL", known)
    settings.cache_clear()
    shop.start()
    shop.work()
    assert shop.job("reevaluation-1")["state"] == "done"


# What is refused -----------------------------------------------------------------------------------------------------


def test_a_preview_of_what_could_not_be_published_is_refused(shop: Shop) -> None:
    assert shop.call("POST", PREVIEWS, {"draft": 7}).code == "DRAFT_UNKNOWN"
    draft = store.save_draft({**preset("retail"), "tiers": {}}, "operator:ada", shop.api.clock.now)
    assert (reply := shop.call("POST", PREVIEWS, {"draft": draft})).code == "RULEBOOK_REFUSED", reply
    assert shop.call("POST", PREVIEWS, {"draft": 0}).status == 422
    assert shop.call("POST", PREVIEWS, {}).status == 422
    assert shop.waiting() == []


def test_an_unknown_job_is_not_found_and_only_operators_start_one(shop: Shop) -> None:
    assert shop.call("GET", f"{JOBS}/reevaluation-9").code == "JOB_UNKNOWN"
    job_id = shop.start()["job_id"]
    for role, may_start in (("analyst", 403), ("support", 403), ("owner", 202)):
        token = shop.api.operator(role)
        assert shop.api.call("POST", REEVALUATIONS, token=token).status == may_start
        assert shop.api.call("GET", f"{JOBS}/{job_id}", token=token).status == 200


@pytest.mark.parametrize(
    "body", ["", "{}", '{"job_id": "reevaluation-1", "segment": -1}', '{"job_id": "none", "segment": 0}']
)
def test_a_message_that_means_nothing_is_left_to_the_dead_letter_queue(shop: Shop, body: str) -> None:
    record = {"messageId": "m1", "body": body}
    assert reevaluate({"Records": [record]}, None) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}


def test_members_are_read_once_each_and_identities_are_not_members(shop: Shop) -> None:
    shop.populate(30)
    found = []
    for segment in range(4):
        cursor = None
        while True:
            accounts, cursor = ledger.members(segment, 4, json.loads(json.dumps(cursor)))
            found += [account.member_id for account in accounts]
            if cursor is None:
                break
    assert sorted(found) == sorted(member_id(number) for number in range(30))
    assert AccountItem.count() == 40
