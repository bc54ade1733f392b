"""What members do by themselves: actions, check-ins, make-ups; what they read: points and statement; what merchants
report of them: events."""

from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.rulebook.presets import preset
from tests.harness.api import Api, Member, Reply


@pytest.fixture
def ann(api: Api) -> Member:
    return api.log_in("ann")


def act(
    api: Api, member: Member, kind: str, action_id: str | None = None, key: str | None = None, **more: Any
) -> Reply:
    body = {"action_id": action_id or api.fresh("action"), "kind": kind, **more}
    return api.call("POST", "/v1/me/actions", body, token=member.token, key=key or api.fresh())


def check_in(api: Api, member: Member, key: str | None = None) -> Reply:
    return api.call("POST", "/v1/me/check-ins", {}, token=member.token, key=key or api.fresh())


def make_up(api: Api, member: Member, on: str, key: str | None = None) -> Reply:
    return api.call("POST", "/v1/me/check-ins/make-up", {"on": on}, token=member.token, key=key or api.fresh())


def event(api: Api, member: Member, kind: str, event_id: str | None = None, **more: Any) -> Reply:
    body = {
        "event_id": event_id or api.fresh("event"), "member_id": member.member_id, "kind": kind,
        "occurred_at": api.clock.now.isoformat(), **more,
    }  # fmt: skip
    return api.merchant("POST", "/v1/events", body)


def points(reply: Reply) -> int:
    assert reply.status == 200, reply
    return int(reply.body["entry"]["points"])


def lot(points: int, expires_on: str) -> dict[str, Any]:
    """A lot as it is shown while no notice of its expiry was given."""
    notices = [{"days_before": days, "given_on": None, "points": None} for days in (30, 7)]
    return {"points": points, "expires_on": expires_on, "notices": notices}


def replayed(reply: Reply) -> bool:
    return reply.status == 200 and reply.headers.get("Idempotency-Replayed") == "true"


def test_actions_pay_under_their_caps_and_merchants_behaviours_are_refused(api: Api, ann: Member) -> None:
    assert [points(act(api, ann, "login")) for _ in range(2)] == [10, 0]
    assert [points(act(api, ann, "comment")) for _ in range(6)] == [5, 5, 5, 5, 5, 0]
    assert [points(act(api, ann, "browse", seconds=seconds)) for seconds in (299, 300, 300)] == [50, 10, 0]
    # 50: logged in, browsed and commented, which is the daily pack.
    assert points(act(api, ann, "survey")) == 50  # both may report it
    for kind in ("review_approved", "service_finished"):
        refused = act(api, ann, kind)
        assert (refused.status, refused.code) == (403, "BEHAVIOUR_NOT_FOR_CLIENTS")
        assert refused.body["error"]["message_zh"] == "该行为只能由商家上报"
    unknown = act(api, ann, "dance")
    assert (unknown.status, unknown.code) == (422, "UNKNOWN_BEHAVIOUR")
    assert api.account(ann).balance == 100 + 10 + 25 + 10 + 50 + 50
    api.clock.pass_(hours=12)  # midnight in Shanghai
    again = api.log_in("ann")
    assert [points(act(api, again, kind)) for kind in ("login", "comment", "survey")] == [10, 5, 0]


def test_an_action_counts_once_by_its_key_and_by_its_own_id(api: Api, ann: Member) -> None:
    first = act(api, ann, "comment", "a1", "k1")
    for repeat in (act(api, ann, "comment", "a1", "k1"), act(api, ann, "comment", "a1", "k2")):
        assert replayed(repeat)
        assert repeat.body == first.body
    for changed in (act(api, ann, "like", "a1", "k3"), act(api, ann, "like", "a2", "k1")):
        assert (changed.status, changed.code) == (409, "IDEMPOTENCY_MISMATCH")
    bob = api.log_in("bob")
    assert points(act(api, bob, "comment", "a1", "k1")) == 5  # another member's ids are his own
    assert (api.account(ann).seq, api.account(bob).seq) == (2, 2)


def test_member_requests_that_cannot_be_are_refused(api: Api, ann: Member) -> None:
    for path, body in (
        ("/v1/me/actions", {"action_id": "a", "kind": "browse", "seconds": -1}),
        ("/v1/me/actions", {"action_id": "a", "kind": "browse", "seconds": 86_401}),
        ("/v1/me/actions", {"action_id": "a", "kind": "browse", "seconds": "300"}),
        ("/v1/me/actions", {"action_id": "a#b", "kind": "browse"}),
        ("/v1/me/actions", {"action_id": "a", "kind": ""}),
        ("/v1/me/actions", {"action_id": "a", "kind": "login", "points": 1_000}),
        ("/v1/me/check-ins", {"on": "2026-11-24"}),
        ("/v1/me/check-ins/make-up", {}),
        ("/v1/me/check-ins/make-up", {"on": "24.11.2026"}),
        ("/v1/me/check-ins/make-up", {"on": "2026-02-30"}),
    ):
        assert api.call("POST", path, body, token=ann.token, key=api.fresh()).status == 422, (path, body)
    for path, body in (("/v1/me/actions", {"action_id": "a", "kind": "login"}), ("/v1/me/check-ins", {})):
        without_key = api.call("POST", path, body, token=ann.token)
        assert (without_key.status, without_key.body["error"]["details"][0]["field"]) == (422, "Idempotency-Key")
        assert api.call("POST", path, body, key="k").status == 401
    assert api.account(ann).seq == 1


def test_a_week_of_check_ins_and_the_day_after(api: Api, ann: Member) -> None:
    answers = []
    for _ in range(8):
        member = api.log_in("ann")
        answers.append(check_in(api, member).body)
        api.clock.pass_(days=1)
    assert [answer["entry"]["points"] for answer in answers] == [5, 7, 9, 12, 15, 18, 20, 5]
    assert (answers[7]["on"], answers[7]["streak"]) == ("2026-12-01", 8)


def test_a_second_check_in_on_one_day_is_refused_and_a_repeat_of_the_first_is_not(api: Api, ann: Member) -> None:
    first = check_in(api, ann, "k1")
    assert (first.body["on"], first.body["streak"], points(first)) == ("2026-11-24", 1, 5)
    assert check_in(api, ann, "k1").body == first.body
    refused = check_in(api, ann, "k2")
    assert (refused.status, refused.code) == (409, "ALREADY_CHECKED_IN")
    api.clock.now = api.clock.now.replace(hour=15, minute=59)
    assert check_in(api, api.log_in("ann"), "k3").code == "ALREADY_CHECKED_IN"
    api.clock.pass_(minutes=1)  # midnight in Shanghai, 16:00 UTC
    second = check_in(api, api.log_in("ann"), "k4")
    assert (second.body["on"], second.body["streak"]) == ("2026-11-25", 2)


def test_a_check_in_s_key_is_known_long_after_and_a_rule_that_went_does_not_undo_what_it_recorded(
    api: Api, ann: Member
) -> None:
    first = check_in(api, ann, "morning")
    survey = event(api, ann, "survey", "E-1")
    for _ in range(10):
        act(api, ann, "like")
    again = check_in(api, ann, "morning")
    assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (200, first.body, "true")
    assert check_in(api, ann).code == "ALREADY_CHECKED_IN"
    rules = preset("retail")
    kept = [rule for rule in rules["earning"] if rule["trigger"] != "survey"]
    behaviours = [each for each in rules["behaviours"] if each["code"] != "survey"]
    multipliers = [
        {**each, "triggers": [trigger for trigger in each.get("triggers", ["order_paid"]) if trigger != "survey"]}
        for each in rules["multipliers"]
    ]
    api.publish({"earning": kept, "behaviours": behaviours, "multipliers": multipliers})
    assert event(api, ann, "survey").code == "UNKNOWN_BEHAVIOUR"
    repeated = event(api, ann, "survey", "E-1")
    assert (repeated.status, repeated.body) == (200, survey.body)


def test_a_make_up_joins_two_runs_over_http(api: Api, ann: Member) -> None:
    for days in (1, 2, 0):
        assert check_in(api, api.log_in("ann")).status == 200
        api.clock.pass_(days=days)
    ann = api.log_in("ann")  # checked in on the 24th, 25th and 27th; it is the 27th
    made = make_up(api, ann, "2026-11-26", "k1")
    assert (made.status, made.body["on"], made.body["streak"], points(made)) == (200, "2026-11-26", 4, 0)
    assert made.body["entry"]["lines"][0]["why_zh"] == "补签 2026-11-26，连续签到 4 天"
    assert make_up(api, ann, "2026-11-26", "k1").body == made.body
    assert make_up(api, ann, "2026-11-26").code == "ALREADY_CHECKED_IN"
    refused = make_up(api, ann, "2026-11-23")
    assert (refused.status, refused.code) == (409, "MAKE_UP_REFUSED")
    assert refused.body["error"]["details"] == [{"field": "on", "problem": "before the member joined"}]
    assert make_up(api, ann, "2026-11-28").code == "MAKE_UP_REFUSED"


def test_events_of_the_merchant_pay_once_each(api: Api, ann: Member) -> None:
    at = api.clock.now.isoformat()
    first = event(api, ann, "review_approved", "E1", occurred_at=at)
    assert (points(first), first.body["member_id"], first.body["entry"]["cause"]) == (50, ann.member_id, "event#E1")
    api.clock.pass_(days=3)
    again = event(api, ann, "review_approved", "E1", occurred_at=at)
    assert replayed(again)
    assert again.body == first.body
    bob = api.log_in("bob")
    for changed in (
        event(api, ann, "survey", "E1", occurred_at=at),
        event(api, ann, "review_approved", "E1"),
        event(api, ann, "review_approved", "E1", occurred_at=at, attributes={"stars": 5}),
        event(api, bob, "review_approved", "E1", occurred_at=at),
    ):
        assert (changed.status, changed.code) == (409, "IDEMPOTENCY_MISMATCH")
    # A merchant may report what phones report; the seconds are an attribute.
    assert [
        points(event(api, ann, "browse", attributes={"seconds": seconds})) for seconds in (299, 300, True, -1, "300")
    ] == [0, 10, 0, 0, 0]


def test_events_that_cannot_be_are_refused(api: Api, ann: Member) -> None:
    nobody = Member("M" + "0" * 18, "", "")
    later = api.clock.now.replace(minute=5, second=1).isoformat()
    for reply, status, code in (
        (event(api, ann, "dance"), 422, "UNKNOWN_BEHAVIOUR"),
        (event(api, nobody, "review_approved"), 404, "MEMBER_UNKNOWN"),
        (event(api, ann, "review_approved", occurred_at=later), 422, "FROM_THE_FUTURE"),
        (event(api, ann, "review_approved", occurred_at="1969-12-31T23:59:59Z"), 422, "INVALID_FIELDS"),
        (event(api, ann, "review_approved", "E#1"), 422, "INVALID_FIELDS"),
        (event(api, ann, "k" * 33), 422, "INVALID_FIELDS"),
        (event(api, ann, "survey", attributes={"a": [1]}), 422, "INVALID_FIELDS"),
        (event(api, ann, "survey", attributes={str(n): n for n in range(21)}), 422, "INVALID_FIELDS"),
    ):
        assert (reply.status, reply.code) == (status, code)
    assert points(event(api, ann, "review_approved", occurred_at=later.replace(":01+", ":00+"))) == 50
    assert api.account(ann).seq == 2


def test_points_are_shown_lot_by_lot_with_their_worth(bare_api: Api) -> None:
    api = bare_api
    api.publish({"pending": {"mode": "days", "days": 3}})
    ann = api.log_in()
    api.clock.pass_(days=10)  # December
    api.order(ann, 12_300)
    shown = api.call("GET", "/v1/me/points", token=api.log_in().token)
    assert (shown.status, shown.body) == (
        200,
        {
            "balance": 100, "held": 0, "pending": 223, "debt": 0, "value_fen": 100,
            "lots": [lot(100, "2027-11-30")],
            "pending_lots": [{"points": 223, "releases_on": "2026-12-07", "expires_on": "2027-12-31"}],
        },
    )  # fmt: skip
    api.complete("order-unknown")
    api.clock.pass_(days=40)
    assert points(act(api, api.log_in(), "login")) == 10
    lots = api.call("GET", "/v1/me/points", token=api.log_in().token).body["lots"]
    assert lots == [lot(100, "2027-11-30"), lot(10, "2028-01-31")]


def test_the_statement_is_paged_newest_first_and_its_balances_chain(api: Api, ann: Member) -> None:
    for number in range(4):
        api.order(ann, 10_000, f"A-{number}")
        api.refund(f"A-{number}", "R", 2_550)
    pages, cursor = [], ""
    while cursor is not None:
        page = api.call("GET", f"/v1/me/points/entries?limit=4{cursor and f'&cursor={cursor}'}", token=ann.token)
        assert page.status == 200, page
        pages.append(page.body["items"])
        cursor = page.body["next_cursor"]
    assert [[entry["seq"] for entry in page] for page in pages] == [[9, 8, 7, 6], [5, 4, 3, 2], [1]]
    oldest_first = [entry for page in reversed(pages) for entry in reversed(page)]
    worth = 0
    for entry in oldest_first:
        assert sum(line["points"] for line in entry["lines"]) == entry["points"]
        worth += entry["points"]
        assert entry["balance_after"] - entry["debt_after"] == worth
        assert all(line["why"] and line["why_zh"] and line["rule"] for line in entry["lines"])
    assert worth == api.account(ann).balance
    assert [entry["cause"] for entry in oldest_first[:3]] == ["joined", "order#A-0", "refund#R"]
    whole = api.call("GET", "/v1/me/points/entries", token=ann.token).body
    assert (len(whole["items"]), whole["next_cursor"]) == (9, None)


def test_a_page_ends_where_the_entries_do(api: Api, ann: Member) -> None:
    for _ in range(2):
        act(api, ann, "comment")
    for limit, cursor in ((2, True), (3, False), (4, False)):
        page = api.call("GET", f"/v1/me/points/entries?limit={limit}", token=ann.token).body
        assert (page["next_cursor"] is not None) == cursor
    for query, status in (
        ("limit=0", 422), ("limit=101", 422), ("limit=x", 422), ("colour=red", 422), ("cursor=nonsense!", 400),
        ("cursor=e30", 400), ("cursor=MA", 400), ("limit=100", 200),
    ):  # fmt: skip
        assert api.call("GET", f"/v1/me/points/entries?{query}", token=ann.token).status == status, query


def test_a_statement_shows_the_members_own_entries_only(api: Api, ann: Member) -> None:
    bob = api.log_in("bob")
    api.order(bob, 10_000, "B-1")
    shown = api.call("GET", "/v1/me/points/entries", token=ann.token)
    assert [entry["cause"] for entry in shown.body["items"]] == ["joined"]
    assert bob.member_id not in str(shown.body)
    assert api.call("GET", "/v1/me/points/entries").status == 401
    assert ledger.load(bob.member_id).balance == 300
