"""The inbox: written with the entry or not at all, read page by page, each notice with its receipt."""

from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from chalicelib import ledger
from chalicelib.engine.events import Cause, TierSet
from chalicelib.ledger.refusals import AlsoRefused
from chalicelib.notices import inbox
from chalicelib.notices.items import NoticeItem
from chalicelib.rulebook import store
from chalicelib.shared.clock import rfc3339
from tests.functional.due_room import at, happen
from tests.functional.members_room import act, erase
from tests.harness import faults
from tests.harness.api import Api, Member

LIFE = date(2027, 11, 30)
FIRST, SECOND = LIFE - timedelta(days=30), LIFE - timedelta(days=7)


def told(api: Api, *days: date) -> Member:
    """A member whose points of November 2026 are looked at on these days, at noon in the brand's zone."""
    member = api.log_in("ann")
    for day in days:
        api.clock.now = at(day, 12)
        ledger.due.run("points", member.member_id, store.current(api.clock.now), api.clock.now, inbox.requests)
    return api.log_in("ann")


def notices(api: Api, member: Member, query: str = "") -> Any:
    reply = api.call("GET", f"/v1/me/notices{query}", token=member.token)
    assert reply.status == 200, reply
    return reply.body


def test_a_notice_says_what_it_is_about_and_how_it_was_delivered(api: Api) -> None:
    member = told(api, FIRST)
    (notice,) = notices(api, member)["items"]
    entry = ledger.statement(member.member_id, 1, None)[0][0]
    assert notice.pop("notice_id").startswith("2027-10-31T04:00:00.000Z_")
    assert notice == {
        "kind": "expiry_noticed",
        "cause": entry.cause.key,
        "at": "2027-10-31T04:00:00.000Z",
        "title": {"zh": "积分即将到期", "en": "Points are about to expire"},
        "body": {"zh": "100 积分将于 2027-11-30 后过期", "en": "100 points expire after 2027-11-30"},
        "channels": [{"channel": "inbox", "at": "2027-10-31T04:00:00.000Z", "outcome": "delivered"}],
        "read_at": None,
    }


def test_the_inbox_is_read_newest_first_page_by_page(api: Api) -> None:
    member = told(api, FIRST, SECOND, LIFE + timedelta(days=1))
    whole = notices(api, member)
    assert [notice["kind"] for notice in whole["items"]] == ["lots_expired", "expiry_noticed", "expiry_noticed"]
    assert whole["next_cursor"] is None
    first = notices(api, member, "?limit=2")
    second = notices(api, member, f"?limit=2&cursor={first['next_cursor']}")
    assert first["items"] + second["items"] == whole["items"]
    assert second["next_cursor"] is None
    exact = notices(api, member, "?limit=3")
    assert (exact["items"], exact["next_cursor"]) == (whole["items"], None)


@pytest.mark.parametrize("cursor", ["x", "e30", "W10", "MQ", "eyJiZWZvcmUiOjF9", "eyJiZWZvcmUiOiIifQ"])
def test_a_cursor_that_nobody_gave_out_is_refused(api: Api, cursor: str) -> None:
    reply = api.call("GET", f"/v1/me/notices?cursor={cursor}", token=api.log_in("ann").token)
    assert (reply.status, reply.code) == (400, "BAD_CURSOR")


def test_a_notice_is_read_once_and_the_first_instant_stays(api: Api) -> None:
    member = told(api, FIRST)
    (notice,) = notices(api, member)["items"]
    path = f"/v1/me/notices/{notice['notice_id']}/read"
    read = act(api, member, "POST", path, key="once")
    assert (read.status, read.body) == (200, {**notice, "read_at": rfc3339(api.clock.now)})
    assert "Idempotency-Replayed" not in read.headers
    api.clock.pass_(minutes=5)
    again = act(api, member, "POST", path, key="once")
    assert (again.status, again.body) == (200, read.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert notices(api, member)["items"] == [read.body]


def test_of_two_taps_at_the_same_time_the_first_instant_stays(api: Api) -> None:
    member = told(api, FIRST)
    (notice,) = notices(api, member)["items"]
    unread = NoticeItem.get(member.member_id, notice["notice_id"])
    first, _ = inbox.read(member.member_id, notice["notice_id"], api.clock.now)
    api.clock.pass_(seconds=1)
    with patch.object(NoticeItem, "get", lambda *_, **__: unread):
        second, _ = inbox.read(member.member_id, notice["notice_id"], api.clock.now)
    assert second.read_at == first.read_at


@pytest.mark.parametrize("notice_id", ["none", "x" * 300, "%23", "2027-10-31T04:00:00.000Z_"])
def test_a_notice_that_is_not_there_cannot_be_read(api: Api, notice_id: str) -> None:
    reply = act(api, told(api, FIRST), "POST", f"/v1/me/notices/{notice_id}/read")
    assert (reply.status, reply.code) == (404, "NOTICE_UNKNOWN")


def test_nobody_reads_the_notice_of_another(api: Api) -> None:
    ann = told(api, FIRST)
    (notice,) = notices(api, ann)["items"]
    ben = api.log_in("ben")
    assert notices(api, ben)["items"] == []
    reply = act(api, ben, "POST", f"/v1/me/notices/{notice['notice_id']}/read")
    assert (reply.status, reply.code) == (404, "NOTICE_UNKNOWN")
    assert notices(api, ann)["items"] == [notice]


def test_an_erased_member_has_no_inbox(api: Api) -> None:
    member = told(api, FIRST)
    erase(api, member)
    assert api.call("GET", "/v1/me/notices", token=member.token).code == "MEMBER_ERASED"


def test_an_entry_and_its_notice_are_written_both_or_neither(api: Api) -> None:
    member = api.log_in("ann")
    api.clock.now = at(FIRST, 12)
    before, notice_id = api.account(member), _id_of(api, member)
    # Something already lies where the notice would.
    NoticeItem(member.member_id, notice_id, cause="c", kind="k", at="a", title={}, body={}, channels=[]).save()
    with pytest.raises(AlsoRefused), faults.no_sleep():
        _run(api, member)
    assert api.account(member) == before
    NoticeItem.get(member.member_id, notice_id).delete()
    _run(api, member)
    assert api.account(member).seq == before.seq + 1


def _run(api: Api, member: Member) -> None:
    ledger.due.run("points", member.member_id, store.current(api.clock.now), api.clock.now, inbox.requests)


def _id_of(api: Api, member: Member) -> str:
    """The id the member's next notice will have, found by trying it out."""
    before = faults.snapshot()
    _run(api, member)
    (notice,) = inbox.page(member.member_id, 1, None)[0]
    faults.restore(before)
    return notice.notice_id


def test_most_entries_ask_for_no_notice(api: Api) -> None:
    member = api.log_in("ann")
    assert api.order(member, 12_300).status == 200
    assert act(api, member, "POST", "/v1/me/check-ins").status == 200
    assert notices(api, member)["items"] == []


def test_an_operator_s_word_on_a_tier_is_told_to_the_member(api: Api) -> None:
    member = api.log_in("ann")
    body = {"tier": "gold", "reason": "a loyal friend"}
    path = f"/v1/admin/members/{member.member_id}/tier"
    assert api.call("POST", path, body, token=api.operator(), key="k").status == 200
    (notice,) = notices(api, member)["items"]
    assert notice["kind"] == "tier_set"
    assert "a loyal friend" in notice["body"]["zh"]


def lots(api: Api, member: Member) -> Any:
    return api.call("GET", "/v1/me/points", token=member.token).body["lots"]


def test_each_lot_says_when_each_notice_was_given_and_of_how_much(api: Api) -> None:
    member = told(api)
    none = {"given_on": None, "points": None}
    assert lots(api, member) == [
        {
            "points": 100,
            "expires_on": "2027-11-30",
            "notices": [{"days_before": 30, **none}, {"days_before": 7, **none}],
        }
    ]
    member = told(api, FIRST)
    given = {"days_before": 30, "given_on": "2027-10-31", "points": 100}
    assert [lot["notices"] for lot in lots(api, member)] == [[given, {"days_before": 7, **none}]]
    member = told(api, SECOND)
    both = [given, {"days_before": 7, "given_on": "2027-11-23", "points": 100}]
    assert [lot["notices"] for lot in lots(api, member)] == [both]


def test_a_lot_whose_notice_came_late_shows_its_new_date_and_the_notice(api: Api) -> None:
    member = told(api, FIRST + timedelta(days=5))
    (lot,) = lots(api, member)
    assert (lot["expires_on"], lot["notices"][0]["given_on"]) == ("2027-12-05", "2027-11-05")


def test_a_rulebook_that_asks_for_other_notices_shows_them_beside_those_given(api: Api) -> None:
    member = told(api, FIRST)
    api.publish({"expiry": {"valid_months": 12, "refund_grace_days": 30, "notice_days": [45, 30, 7]}})
    store.forget()
    (lot,) = lots(api, member)
    assert [(notice["days_before"], notice["given_on"]) for notice in lot["notices"]] == [
        (45, None), (30, "2027-10-31"), (7, None),
    ]  # fmt: skip


def test_a_tier_lent_is_told_of_when_it_ends(api: Api) -> None:
    member = api.log_in("ann")
    account = api.account(member)
    lent = TierSet(Cause(member.member_id, "lent"), "silver", "a return", "test", until=date(2026, 12, 1))
    happen(account, lent, api.clock.now)
    api.clock.now = at(date(2026, 12, 2))
    ledger.due.run("tier", member.member_id, store.current(api.clock.now), api.clock.now, inbox.requests)
    assert [notice.kind for notice in inbox.page(member.member_id, 5, None)[0]] == ["temporary_tier_ended"]
