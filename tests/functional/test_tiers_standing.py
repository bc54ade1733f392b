"""Where a member stands: promotion in the entry that earned it, what is missing in words, what a refund undoes, what an
operator sets or lends. The rules themselves are tested as tables beside the engine; here is what people read."""

from datetime import date, timedelta

import pytest

from chalicelib.rulebook.presets import preset
from chalicelib.shared import audit
from tests.functional.members_room import erase
from tests.functional.tiers_room import get, notices, set_tier, statement, use
from tests.harness.api import Api, Member
from tests.harness.meter import Meter


def lines(entry: dict) -> list[tuple[str, str]]:  # type: ignore[type-arg]
    return [(line["why_zh"], line["why"]) for line in entry["lines"]]


def words(api: Api, member: Member) -> list[tuple[str, str]]:
    return [(step["words"]["zh"], step["words"]["en"]) for step in get(api, member, "/v1/me/tier")["progress"]]


def tier(api: Api, member: Member) -> tuple[str, str]:
    """(the tier of today, the one held), the same on both screens."""
    found = get(api, member, "/v1/me/tier")
    assert get(api, member, "/v1/me")["tier"] == found
    return found["code"], found["held"]


@pytest.mark.parametrize("name", ["retail", "content", "tool"])
def test_everybody_reads_every_tier_with_its_ways_up_its_keeping_and_its_benefits(bare_api: Api, name: str) -> None:
    bare_api.publish(base=name)
    reply = bare_api.call("GET", "/v1/tiers")
    assert reply.status == 200
    document = preset(name)["tiers"]
    assert [level["code"] for level in reply.body["items"]] == [level["code"] for level in document["levels"]]
    for level, written in zip(reply.body["items"], document["levels"], strict=True):
        assert [way[0]["at_least"] for way in level["promotion"]] == [
            goal["at_least"] for goal in written.get("promotion", [])
        ]
        assert [b["code"] for b in level["benefits"]] == [b["code"] for b in written.get("benefits", [])]
        assert bool(level["retention"]) == bool(level["promotion"])


def test_a_tier_without_goals_of_its_own_is_kept_by_four_fifths_of_what_reaches_it(api: Api) -> None:
    silver = api.call("GET", "/v1/tiers").body["items"][1]
    assert [(need["metric"], need["at_least"]) for need in silver["retention"]] == [
        ("spend_fen", 40_000),
        ("orders", 3),
    ]


def test_a_newcomer_reads_what_is_missing_for_silver_in_words(api: Api) -> None:
    ann = api.log_in("ann")
    found = get(api, ann, "/v1/me/tier")
    assert (found["code"], found["held"], found["valid_until"], found["retention"]) == ("normal", "normal", None, None)
    assert words(api, ann) == [
        ("再消费 500 元可升级银卡", "500 yuan to Silver"),
        ("再有 3 次订单可升级银卡", "3 more orders to Silver"),
        ("再有 5 次成功邀请可升级金卡", "5 more qualified invites to Gold"),
    ]


def test_promotion_is_in_the_entry_that_earned_it_and_the_next_step_in_words(api: Api) -> None:
    ann = api.log_in("ann")
    below = api.order(ann, 49_999).body["entry"]
    assert (below["tier_after"], tier(api, ann)) == ("normal", ("normal", "normal"))
    reached = api.order(ann, 1).body["entry"]
    assert reached["tier_after"] == "silver"
    assert ("升级为银卡，有效期至 2027-11-24", "Promoted to Silver, held until 2027-11-24") in lines(reached)
    api.order(ann, 70_000)
    found = get(api, ann, "/v1/me/tier")
    assert (found["code"], found["since"], found["valid_until"]) == ("silver", "2026-11-24", "2027-11-24")
    assert words(api, ann)[0] == ("再消费 800 元可升级金卡", "800 yuan to Gold")
    step = found["progress"][0]
    assert (step["have"], step["need"], step["way"]) == (120_000, 200_000, 0)


def test_several_steps_at_once_when_earned(api: Api) -> None:
    ann = api.log_in("ann")
    entry = api.order(ann, 1_000_000).body["entry"]
    assert entry["tier_after"] == "diamond"
    found = get(api, ann, "/v1/me/tier")
    assert (found["code"], found["progress"]) == ("diamond", [])


def test_retention_is_shown_beside_points_in_percent_and_in_parts(api: Api) -> None:
    ann = api.log_in("ann")
    api.order(ann, 200_000)
    api.order(ann, 60_000)
    home = get(api, ann, "/v1/me")
    kept = home["tier"]["retention"]
    assert home["points"]["balance"] > 0
    assert (kept["stage"], kept["safe"], kept["warned_on"], kept["grace_until"]) == ("held", False, None, None)
    parts = {share["metric"]: share for share in kept["shares"]}
    assert (parts["spend_fen"]["have"], parts["spend_fen"]["percent"]) == (60_000, 60)
    assert kept["percent"] == 60 + parts["tasks"]["percent"]
    api.order(ann, 40_000)
    kept = get(api, ann, "/v1/me")["tier"]["retention"]
    assert (kept["safe"], kept["percent"] >= 100) == (True, True)


def test_the_tier_is_one_read_of_the_account(api: Api, meter: Meter) -> None:
    ann = api.log_in("ann")
    get(api, ann, "/v1/me/tier")
    meter.calls.clear()
    get(api, ann, "/v1/me/tier")
    assert meter.calls == {"GetItem": 1}


def test_a_refund_undoes_the_promotion_it_paid_for_and_says_so(api: Api) -> None:
    ann = api.log_in("ann")
    api.order(ann, 50_000, "first")
    api.order(ann, 150_000, "second")
    assert tier(api, ann) == ("gold", "gold")
    entry = api.refund("second", "r-1", 1).body["entry"]
    assert entry["tier_after"] == "silver"
    undone = ("退款后不再满足金卡的升级条件，恢复为银卡", "The refund undoes the promotion to Gold: Silver again")
    assert undone in lines(entry)
    found = get(api, ann, "/v1/me/tier")
    assert (found["code"], found["since"]) == ("silver", "2026-11-24")
    assert words(api, ann)[0] == ("再消费 0.01 元可升级金卡", "0.01 yuan to Gold")
    # Reported again, the refund is the same entry; bought again, gold is back at once.
    assert api.refund("second", "r-1", 1).body["entry"] == entry
    assert api.order(ann, 1).body["entry"]["tier_after"] == "gold"


def test_a_refund_of_money_the_promotion_did_not_need_leaves_it(api: Api) -> None:
    ann = api.log_in("ann")
    api.order(ann, 250_000, "first")
    assert api.refund("first", "r-1", 50_000).body["entry"]["tier_after"] == "gold"
    assert api.refund("first", "r-2", 1).body["entry"]["tier_after"] == "silver"


def test_an_operator_sets_a_tier_with_a_reason_an_audit_record_and_a_notice(api: Api) -> None:
    ann = api.log_in("ann")
    reply = set_tier(api, ann.member_id, "gold", key="once")
    assert reply.status == 200
    entry = reply.body["entry"]
    assert (reply.body["member_id"], entry["kind"], entry["tier_after"]) == (ann.member_id, "tier_set", "gold")
    assert lines(entry) == [("等级调整为金卡：a matter of courtesy", "Gold: a matter of courtesy")]
    assert tier(api, ann) == ("gold", "gold")
    assert notices(api, ann)[0] == ("tier_set", "等级调整为金卡：a matter of courtesy")
    records = [r for r in audit.page("2026-11-24", 100, None) if r.action == "member.tier"]
    assert [(r.target, r.details["tier"], r.details["reason"]) for r in records] == [
        (ann.member_id, "gold", "a matter of courtesy")
    ]
    assert records[0].actor.startswith("operator:")


def test_an_operator_s_word_repeated_is_one_word(api: Api) -> None:
    ann, token = api.log_in("ann"), api.operator("operator")
    path, body = f"/v1/admin/members/{ann.member_id}/tier", {"tier": "gold", "reason": "a courtesy"}
    first, again = (api.call("POST", path, body, token=token, key="once") for _ in range(2))
    assert (again.body, again.headers["Idempotency-Replayed"]) == (first.body, "true")
    assert len(statement(api, ann)) == 2
    assert len([r for r in audit.page("2026-11-24", 100, None) if r.action == "member.tier"]) == 1
    assert len(notices(api, ann)) == 1
    other = api.call("POST", path, {**body, "tier": "silver"}, token=token, key="once")
    assert (other.status, other.code) == (409, "IDEMPOTENCY_MISMATCH")


def test_a_lent_tier_is_the_tier_of_today_to_its_last_day_and_not_longer(api: Api) -> None:
    ann = api.log_in("ann")
    assert set_tier(api, ann.member_id, "silver", "2026-11-30").status == 200
    assert tier(api, ann) == ("silver", "normal")
    found = get(api, ann, "/v1/me/tier")
    assert found["temporary"] == {"code": "silver", "until": "2026-11-30"}
    assert (found["name"]["zh"], found["valid_until"]) == ("银卡", None)
    assert get(api, ann, "/v1/me/benefits")["tier"] == "silver"
    assert notices(api, ann)[0] == ("tier_lent", "体验银卡至 2026-11-30：a matter of courtesy")
    # Its points too: 1.5 for a yuan.
    assert api.order(ann, 10_000).body["entry"]["lines"][0]["points"] == 150
    api.clock.pass_(days=6, hours=11, minutes=59)
    ann = api.log_in("ann")
    assert tier(api, ann) == ("silver", "normal")
    api.clock.pass_(minutes=1)  # midnight in Shanghai
    assert tier(api, ann) == ("normal", "normal")
    assert get(api, ann, "/v1/me/tier")["temporary"] is None
    assert get(api, ann, "/v1/me/benefits")["tier"] == "normal"


def test_a_tier_earned_above_the_lent_one_counts_at_once(api: Api) -> None:
    ann = api.log_in("ann")
    set_tier(api, ann.member_id, "silver", "2026-11-30")
    api.order(ann, 200_000)
    assert tier(api, ann) == ("gold", "gold")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"tier": "platinum", "reason": "a courtesy"}, "UNKNOWN_TIER"),
        ({"tier": "silver", "reason": "a courtesy", "until": "2026-11-23"}, "INVALID_FIELDS"),
        ({"tier": "silver", "reason": "a courtesy", "until": "soon"}, "INVALID_FIELDS"),
        ({"tier": "silver"}, "INVALID_FIELDS"),
        ({"tier": "silver", "reason": "  "}, "INVALID_FIELDS"),
        ({"tier": "", "reason": "a courtesy"}, "INVALID_FIELDS"),
        ({"tier": "silver", "reason": "a courtesy", "points": 1}, "INVALID_FIELDS"),
    ],
)
def test_a_bad_word_of_an_operator_changes_nothing(api: Api, body: dict[str, str], code: str) -> None:
    ann = api.log_in("ann")
    path = f"/v1/admin/members/{ann.member_id}/tier"
    reply = api.call("POST", path, body, token=api.operator("operator"), key="k")
    assert (reply.status, reply.code) == (422, code)
    assert api.account(ann).seq == 1
    assert [r for r in audit.page("2026-11-24", 100, None) if r.action == "member.tier"] == []


def test_a_tier_may_be_lent_for_today_alone_by_the_brand_s_own_date(api: Api) -> None:
    ann = api.log_in("ann")
    api.clock.pass_(hours=13)  # one in the morning of the 25th in Shanghai, the 24th in UTC
    ann = api.log_in("ann")
    assert set_tier(api, ann.member_id, "silver", "2026-11-24").code == "INVALID_FIELDS"
    assert set_tier(api, ann.member_id, "silver", "2026-11-25").status == 200


def test_a_tier_is_set_for_the_frozen_but_not_for_the_erased_or_the_unknown(api: Api) -> None:
    ann = api.log_in("ann")
    freeze = f"/v1/admin/members/{ann.member_id}/freeze"
    assert api.call("POST", freeze, {"reason": "in doubt"}, token=api.operator(), key="k").status == 200
    assert set_tier(api, ann.member_id, "silver").status == 200
    assert tier(api, ann) == ("silver", "silver")
    refused = use(api, ann)
    assert (refused.status, refused.code) == (403, "MEMBER_FROZEN")
    erase(api, ann)
    before = api.account(ann)
    gone = set_tier(api, ann.member_id, "gold")
    assert (gone.status, gone.code) == (403, "MEMBER_ERASED")
    assert api.account(ann) == before
    assert set_tier(api, "M" + "0" * 18, "gold").code == "MEMBER_UNKNOWN"


def test_the_tier_of_a_year_ends_on_its_day_in_words(api: Api) -> None:
    ann = api.log_in("ann")
    api.order(ann, 50_000)
    found = get(api, ann, "/v1/me")["tier"]
    assert date.fromisoformat(found["valid_until"]) - date.fromisoformat(found["since"]) == timedelta(days=365)
