"""The dry run of an order or event, and the rules in words whose examples are real decisions."""

from typing import Any

import pytest

from chalicelib.rulebook.presets import preset
from tests.harness.api import Api, Member


@pytest.fixture
def ann(api: Api) -> Member:
    return api.log_in("ann")


def preview(api: Api, body: dict[str, Any]) -> Any:
    reply = api.merchant("POST", "/v1/points/preview", body)
    assert reply.status == 200, reply
    return reply.body


def written(api: Api, member: Member) -> tuple[int, int]:
    account = api.account(member)
    return account.seq, account.balance


def test_a_preview_writes_nothing_and_is_what_reporting_then_writes(api: Api, ann: Member) -> None:
    order = {
        "order_id": "A-1", "member_id": ann.member_id, "paid_at": api.clock.now.isoformat(), "amount_fen": 60_000,
        "items": [{"category": "featured", "amount_fen": 20_050}],
    }  # fmt: skip
    shown = preview(api, order)
    assert written(api, ann) == (1, 100)
    assert shown["entry"]["tier_after"] == "silver"
    real = api.merchant("POST", "/v1/orders", order).body
    assert shown == real
    api.clock.pass_(days=1)
    assert preview(api, order) == shown  # of what is recorded, the preview is the record
    event = {
        "event_id": "E-1", "member_id": ann.member_id, "kind": "review_approved",
        "occurred_at": api.clock.now.isoformat(), "attributes": {"stars": 5},
    }  # fmt: skip
    shown = preview(api, event)
    assert written(api, ann)[0] == 2
    assert shown == {**api.merchant("POST", "/v1/events", event).body, "status": None, "order_id": None}


def test_a_preview_refuses_what_reporting_would_refuse(api: Api, ann: Member) -> None:
    bob = api.log_in("bob")
    at = api.clock.now.isoformat()
    order = {"order_id": "A-1", "member_id": ann.member_id, "paid_at": at, "amount_fen": 100}
    event = {"event_id": "E-1", "member_id": ann.member_id, "kind": "survey", "occurred_at": at}
    assert api.merchant("POST", "/v1/orders", order).status == 200
    for body, status, code in (
        ({**order, "member_id": bob.member_id}, 409, "IDEMPOTENCY_MISMATCH"),
        ({**order, "order_id": "A-2", "member_id": "M" + "0" * 18}, 404, "MEMBER_UNKNOWN"),
        ({**order, "order_id": "A-2", "paid_at": "2026-11-24T04:05:01Z"}, 422, "FROM_THE_FUTURE"),
        ({**event, "kind": "dance"}, 422, "UNKNOWN_BEHAVIOUR"),
        ({}, 422, "INVALID_FIELDS"),
        ({**order, **event}, 422, "INVALID_FIELDS"),
    ):
        reply = api.merchant("POST", "/v1/points/preview", body)
        assert (reply.status, reply.code) == (status, code), body
    assert (written(api, ann)[0], written(api, bob)[0]) == (2, 1)


def example(api: Api, number: int) -> tuple[str, str]:
    found = api.call("GET", "/v1/rules").body["examples"][number]
    return found["zh"], found["en"]


def told(title_zh: str, title_en: str, entry: dict[str, Any]) -> tuple[str, str]:
    zh, en = ("；".join(line["why_zh"] for line in entry["lines"]), "; ".join(line["why"] for line in entry["lines"]))
    return f"{title_zh}：{zh}。合计 {entry['points']:+d}", f"{title_en}: {en}. Total {entry['points']:+d}"


@pytest.mark.parametrize("days", [0, 21])
def test_the_examples_of_the_rules_are_what_happens_to_a_new_member(api: Api, days: int) -> None:
    api.clock.pass_(days=days)  # an ordinary day, and 15 December
    ann = api.log_in("ann")
    joined = api.call("GET", "/v1/me/points/entries", token=ann.token).body["items"][0]
    checked = api.call("POST", "/v1/me/check-ins", {}, token=ann.token, key="k1").body["entry"]
    bought = api.order(ann, 26_800, "A-1").body["entry"]
    returned = api.refund("A-1", "R-1", 13_400).body["entry"]
    assert [example(api, number) for number in range(4)] == [
        told("注册入会", "Joining", joined),
        told("第一天签到", "First check-in", checked),
        told("首次消费 268 元", "First purchase of 268 yuan", bought),
        told("退回其中 134 元", "Returning 134 yuan of it", returned),
    ]
    assert bought["points"] == (368 if days == 0 else 1002)  # the member-day task is done with it


def test_the_rules_page_tells_every_rule_in_both_languages_and_needs_no_token(api: Api) -> None:
    reply = api.call("GET", "/v1/rules")
    assert (reply.status, reply.body["version"], reply.body["brand"]) == (
        200,
        1,
        {"zh": "示例品牌", "en": "Demo Brand"},
    )
    sections = {section["code"]: section for section in reply.body["sections"]}
    assert list(sections) == [
        "earning", "multipliers", "tiers", "retention", "tasks", "badges", "check_ins", "redemption", "coupons",
        "validity", "refunds",
    ]  # fmt: skip
    rules = {item["rule"] for item in sections["earning"]["items"]}
    assert {"join", "login", "check_in", "browse", "comment", "survey", "purchase", "first_order"} <= rules
    for section in sections.values():
        assert section["title"]["zh"]
        assert section["title"]["en"]
        for item in section["items"]:
            assert item["zh"].endswith("。")
            assert item["en"].endswith(".")
    silver = next(item for item in sections["tiers"]["items"] if item["rule"] == "silver")
    assert "500" in silver["zh"]
    assert "500" in silver["en"]


def test_the_rules_page_follows_what_is_published(api: Api) -> None:
    assert example(api, 0)[0] == "注册入会：注册入会：100。合计 +100"
    rulebook = api.call("GET", "/v1/rules").body
    version = api.publish({"limits": {"max_order_fen": 20_000, "max_points_per_entry": 10**8}})
    now = api.call("GET", "/v1/rules").body
    assert now["version"] == version > rulebook["version"]
    # An order as large as the example is no longer allowed: the page tells what is left.
    assert len(now["examples"]) == 2


def test_without_a_rulebook_the_page_says_so(bare_api: Api) -> None:
    reply = bare_api.call("GET", "/v1/rules")
    assert (reply.status, reply.code) == (503, "RULEBOOK_NOT_PUBLISHED")


def test_the_rules_are_shown_however_long_the_names_of_what_pays_are(api: Api) -> None:
    long = {"zh": "很长的名字" * 20, "en": "a very long name " * 20}
    more = [{"id": f"more_{n}", "name": long, "trigger": "order_paid", "points": {"fixed": 1}} for n in range(6)]
    api.publish({"earning": [*preset("retail")["earning"], *more]})
    shown = api.call("GET", "/v1/rules")
    assert shown.status == 200
    assert len(shown.body["examples"][2]["en"]) > 1_000
