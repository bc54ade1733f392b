"""A coupon's end: announced before, never without the full notice, once, whatever is killed or late."""

import json
from datetime import date
from typing import Any
from unittest.mock import patch

import pytest

from chalicelib.coupons import items, rules
from chalicelib.coupons.workers import coupon_expiry, coupons_due
from chalicelib.ledger import paging
from chalicelib.ledger.due import SHARDS
from chalicelib.notices import inbox
from chalicelib.rulebook import store
from chalicelib.shared import aws
from chalicelib.shared.config import settings
from tests.functional.coupons_room import (
    about_coupons,
    definition,
    deliver,
    given,
    grant,
    held,
    mine,
    states,
    sweep,
    told,
    use,
    with_coupons,
)
from tests.functional.due_room import EVENT, at, before_midnight
from tests.functional.test_ledger_crashes import _sweep
from tests.harness import faults
from tests.harness.api import Api, Member, Reply


@pytest.fixture
def ann(api: Api) -> Member:
    api.publish(with_coupons(definition(), definition("short", valid_days=2), definition("post", stacks=True)))
    return api.log_in("ann")


def days(member: Member) -> list[tuple[str, bool, str | None]]:
    """(last day, whether its notice was given, when something is due next) of each coupon."""
    return [(item.expires_on, bool(item.noticed), item.due_on) for item in held(member)]


def test_the_calendar_of_a_coupon(api: Api, ann: Member) -> None:
    (code,) = given(api, ann)
    assert days(ann) == [("2026-12-24", False, "2026-12-21")]
    api.clock.now = before_midnight(date(2026, 12, 21))
    assert sweep() == []
    assert told(ann) == ["coupon_granted"]
    api.clock.now = at(date(2026, 12, 21))
    assert sweep(times=2) == []
    assert told(ann) == ["coupon_granted", "coupon_expiring"]
    assert days(ann) == [("2026-12-24", True, "2026-12-25")]
    (notice,) = [n for n in inbox.page(ann.member_id, 9, None)[0] if n.kind == "coupon_expiring"]
    assert notice.body["zh"] == "券将于 2026-12-24 到期，请尽快使用。"
    api.clock.now = before_midnight(date(2026, 12, 25))
    assert sweep() == []
    assert mine(api, api.log_in("ann"))["items"][0]["state"] == "usable"
    api.clock.now = at(date(2026, 12, 25))
    # Over, though nobody has marked it yet.
    assert mine(api, api.log_in("ann"))["items"][0]["state"] == "expired"
    assert use(api, code).code == "COUPON_EXPIRED"
    assert sweep(times=2) == []
    assert (states(ann), days(ann)) == ([rules.EXPIRED], [("2026-12-24", True, None)])
    assert told(ann) == ["coupon_granted", "coupon_expiring"]


def test_a_notice_that_came_late_moves_the_last_day(api: Api, ann: Member) -> None:
    (code,) = given(api, ann)
    api.clock.now = at(date(2027, 1, 10))
    # Nobody was told: it has not ended, and would be told today.
    assert mine(api, api.log_in("ann"))["items"][0]["expires_on"] == "2027-01-13"
    assert sweep() == []
    assert days(ann) == [("2027-01-13", True, "2027-01-14")]
    api.clock.now = before_midnight(date(2027, 1, 14))
    assert use(api, code).status == 200


def test_of_a_coupon_that_is_short_lived_the_grant_is_the_notice(api: Api, ann: Member) -> None:
    given(api, ann, "short")
    assert days(ann) == [("2026-11-26", True, "2026-11-27")]
    api.clock.now = at(date(2026, 11, 27))
    assert sweep() == []
    assert (states(ann), told(ann)) == ([rules.EXPIRED], ["coupon_granted"])


def test_what_is_used_or_withdrawn_is_not_looked_at_and_what_comes_back_is(api: Api, ann: Member) -> None:
    codes = given(api, ann, "ten", 2)
    use(api, codes[0], "o-1")
    path = f"/v1/admin/coupons/{codes[1]}/withdrawal"
    assert api.call("POST", path, {"reason": "a mistake"}, token=api.operator()).status == 200
    assert [due for _, _, due in days(ann)] == [None, None]
    api.clock.now = at(date(2026, 12, 23))
    assert api.merchant("POST", f"/v1/coupons/{codes[0]}/uses/o-1/cancellation", {}).status == 200
    # Nobody was told of its last day: the notice that it has come back tells of one three days off.
    assert days(ann)[0] == ("2026-12-26", True, "2026-12-27")
    assert sweep() == []
    assert days(ann)[0] == ("2026-12-26", True, "2026-12-27")


def test_a_coupon_issued_late_still_has_its_notice(api: Api, ann: Member) -> None:
    grant(api, ann)
    (fact,) = about_coupons(ann)
    api.clock.now = at(date(2026, 12, 30))
    assert deliver(fact) == []
    assert days(ann) == [("2027-01-02", True, "2027-01-03")]


def test_a_members_test_clock_moves_the_grant_and_nothing_else(api: Api, ann: Member) -> None:
    body = {"frozen_at": "2027-06-01T04:00:00Z", "members": [ann.member_id]}
    assert api.call("POST", "/v1/admin/test-clocks", body, token=api.operator()).status == 200
    (code,) = given(api, ann)
    assert days(ann) == [("2027-07-01", False, "2027-06-28")]
    # Its end goes by the shop's own time.
    assert sweep() == []
    assert use(api, code).status == 200


# Pages --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def queue(aws: None, monkeypatch: pytest.MonkeyPatch) -> str:
    url = _make_queue()
    monkeypatch.setenv("COUPONS_DUE_QUEUE_URL", url)
    settings.cache_clear()
    return url


def _make_queue() -> str:
    made = {"QueueName": "membership-test-coupons-due", "Attributes": {"VisibilityTimeout": "0"}}
    return str(aws.client("sqs").create_queue(**made)["QueueUrl"])


def drain(url: str, times: int = 1) -> int:
    """Message after message until there is none, each delivered so often; how many."""
    sqs, count = aws.client("sqs"), 0
    while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages"):
        for _ in range(times):
            assert coupons_due({"Records": [{"messageId": "m", "body": found[0]["Body"]}]}, None) == {
                "batchItemFailures": []
            }
        sqs.delete_message(QueueUrl=url, ReceiptHandle=found[0]["ReceiptHandle"])
        count += 1
        assert count < 500
    return count


@pytest.mark.parametrize("times", [1, 2])
def test_a_run_goes_through_every_page_of_every_shard(
    api: Api, queue: str, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    api.publish(with_coupons(definition()))
    monkeypatch.setattr(items, "PAGE", 2)
    members = [api.log_in(f"m{number}") for number in range(6)]
    for member in members:
        given(api, member, "ten", 3)
    api.clock.now = at(date(2026, 12, 22))
    coupon_expiry(EVENT, None)
    assert drain(queue, times) > len(SHARDS)
    assert [told(member).count("coupon_expiring") for member in members] == [3] * 6
    coupon_expiry(EVENT, None)
    assert drain(queue) == len(SHARDS)
    assert [told(member).count("coupon_expiring") for member in members] == [3] * 6


def test_a_page_killed_at_any_call_and_delivered_again_has_happened_once(
    api: Api, ann: Member, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "REVALIDATE_SECONDS", float("inf"))
    given(api, ann, "ten", 3)
    shard = held(ann)[0].due_shard
    record = {"messageId": "m", "body": json.dumps({"job": "coupon_expiry", "shard": shard})}

    def page() -> Reply:
        answer = coupons_due({"Records": [record]}, None)
        return Reply(200 if answer == {"batchItemFailures": []} else 500, answer, {})

    for day in (date(2026, 12, 21), date(2026, 12, 28)):
        api.clock.now = at(day)
        with faults.no_sleep():
            _sweep(page, page, f"a page of {day}")
        page()
    assert states(ann) == [rules.EXPIRED] * 3


def test_a_coupon_that_cannot_be_decided_stops_nobody_and_is_told_of(
    api: Api, ann: Member, capsys: pytest.CaptureFixture[str]
) -> None:
    given(api, ann, "ten", 2)
    broken, whole = held(ann)
    broken.expires_on = "someday"
    broken.save()
    api.clock.now = at(date(2026, 12, 21))
    assert sweep() == []
    assert [item.noticed for item in held(ann)] == [False, True]
    said = capsys.readouterr().out
    assert '"members_not_decided": 1' in said
    assert f'"member_id": "{ann.member_id}"' in said
    assert whole.kind


POISON: list[Any] = [
    "not json",
    "[]",
    {"job": "coupon_expiry"},
    {"shard": "00"},
    {"shard": "00", "job": "x", "more": 1},
]


@pytest.mark.parametrize("number", range(len(POISON)))
def test_a_poison_page_is_given_back(api: Api, number: int) -> None:
    body = POISON[number] if isinstance(POISON[number], str) else json.dumps(POISON[number])
    answer = coupons_due({"Records": [{"messageId": "m", "body": body}]}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m"}]}


def test_a_queue_that_takes_no_messages_fails_the_schedule(queue: str) -> None:
    answer = {"Failed": [{"Id": "00", "Code": "InternalError", "SenderFault": False}]}
    with (
        patch.object(aws.client("sqs"), "send_message_batch", lambda **_: answer),
        pytest.raises(paging.NotStarted, match="InternalError"),
    ):
        coupon_expiry(EVENT, None)
