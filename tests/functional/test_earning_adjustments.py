"""Corrections by an operator: with a reason, audited, once; and their reversal to the very lots they came from."""

from typing import Any

import pytest

from chalicelib.shared import audit
from tests.harness.api import Api, Member, Reply


@pytest.fixture
def ann(api: Api) -> Member:
    return api.log_in("ann")


def adjust(api: Api, token: str, member: Member, points: Any, key: str | None = None, **more: Any) -> Reply:
    body = {"points": points, "reason": "a correction", **more}
    path = f"/v1/admin/members/{member.member_id}/adjustments"
    return api.call("POST", path, body, token=token, key=key or api.fresh())


def trail(day: str = "2026-11-24") -> list[tuple[str, str, str, Any]]:
    """The day's adjustments in the audit trail, oldest first."""
    records = [found for found in audit.page(day, 100, None) if found.action == "points.adjust"]
    return [(found.actor, found.target, found.details["cause"], found.details["points"]) for found in records[::-1]]


def test_an_adjustment_is_recorded_with_its_reason_and_audited(api: Api, ann: Member) -> None:
    token = api.operator("operator", "olga")
    reply = adjust(api, token, ann, 40, reason="商品破损补偿")
    assert reply.status == 200
    entry = reply.body["entry"]
    assert (entry["kind"], entry["points"], entry["balance_after"]) == ("points_adjusted", 40, 140)
    assert entry["lines"] == [
        {"rule": "adjustment", "points": 40, "why": "Adjustment: 商品破损补偿", "why_zh": "人工调整：商品破损补偿"}
    ]
    assert adjust(api, token, ann, -140).body["entry"]["balance_after"] == 0
    assert sorted((actor, target, points) for actor, target, _, points in trail()) == [
        ("operator:olga", ann.member_id, -140), ("operator:olga", ann.member_id, 40),
    ]  # fmt: skip


def test_a_repeat_changes_nothing_and_other_content_under_its_key_is_refused(api: Api, ann: Member) -> None:
    olga, owen = api.operator("operator", "olga"), api.operator("owner", "owen")
    first = adjust(api, olga, ann, 40, "k1")
    again = adjust(api, olga, ann, 40, "k1")
    assert (again.status, again.headers["Idempotency-Replayed"], again.body) == (200, "true", first.body)
    assert adjust(api, olga, ann, 41, "k1").code == "IDEMPOTENCY_MISMATCH"
    assert adjust(api, owen, ann, 40, "k1").body["entry"]["balance_after"] == 180  # another operator's key is his own
    assert len(trail()) == 2


def test_corrections_that_cannot_be_are_refused_and_leave_no_trace(api: Api, ann: Member) -> None:
    token = api.operator("operator")
    for points, more, status, code in (
        (0, {}, 422, "INVALID_FIELDS"),
        ("5", {}, 422, "INVALID_FIELDS"),
        (1.5, {}, 422, "INVALID_FIELDS"),
        (10**9 + 1, {}, 422, "INVALID_FIELDS"),
        (5, {"reason": "n"}, 422, "INVALID_FIELDS"),
        (5, {"reason": "x" * 201}, 422, "INVALID_FIELDS"),
        (-101, {}, 409, "INSUFFICIENT_POINTS"),
        (5, {"reverses": "adjustment#unknown"}, 404, "NOTHING_TO_REVERSE"),
        (100, {"reverses": "joined"}, 404, "NOTHING_TO_REVERSE"),
        (-100, {"reverses": "joined"}, 404, "NOTHING_TO_REVERSE"),
    ):
        refused = adjust(api, token, ann, points, **more)
        assert (refused.status, refused.code) == (status, code), (points, more, refused)
    assert adjust(api, token, Member("M" + "0" * 18, "", ""), 5).code == "MEMBER_UNKNOWN"
    assert (api.account(ann).seq, trail()) == (1, [])


@pytest.mark.parametrize(("role", "status"), [("owner", 200), ("operator", 200), ("analyst", 403), ("support", 403)])
def test_only_owners_and_operators_correct_points(api: Api, ann: Member, role: str, status: int) -> None:
    assert adjust(api, api.operator(role), ann, 5).status == status
    assert adjust(api, ann.token, ann, 5).status == 401
    assert adjust(api, "", ann, 5).status == 401
    assert api.account(ann).balance == (105 if status == 200 else 100)


def test_a_reversal_gives_back_the_lots_the_correction_took(api: Api, ann: Member) -> None:
    api.clock.pass_(days=10)  # December: other lots
    api.order(ann, 10_000)
    lots = dict(api.account(ann).lots)
    token = api.operator()
    taken = adjust(api, token, ann, -150).body["entry"]
    assert adjust(api, token, ann, 149, reverses=taken["cause"]).code == "NOTHING_TO_REVERSE"
    back = adjust(api, token, ann, 150, "k1", reverses=taken["cause"])
    assert (back.body["entry"]["points"], back.body["entry"]["cause"]) == (150, f"reversal#{taken['cause']}")
    assert back.body["entry"]["lines"][0]["why_zh"] == "退回原批次：a correction"
    assert dict(api.account(ann).lots) == lots
    # Once, whoever asks: the same words are the same request, other words another.
    assert adjust(api, api.operator("operator"), ann, 150, "k2", reverses=taken["cause"]).body == back.body
    assert adjust(api, token, ann, 150, "k3", reverses=taken["cause"], reason="again").code == "IDEMPOTENCY_MISMATCH"
    assert dict(api.account(ann).lots) == lots
    assert len(trail("2026-12-04")) == 2


def test_a_reversal_after_the_lots_last_day_comes_back_with_thirty_days_grace(api: Api, ann: Member) -> None:
    token = api.operator()
    taken = adjust(api, token, ann, -60).body["entry"]
    api.clock.pass_(days=371)  # 30 November 2027, the lot's last day
    token = api.operator()
    on_the_last_day = adjust(api, token, ann, 60, reverses=taken["cause"])
    assert on_the_last_day.status == 200
    assert {day.isoformat(): points for day, points in api.account(ann).lots.items()} == {"2027-11-30": 100}
    taken = adjust(api, token, ann, -60).body["entry"]
    api.clock.pass_(days=1)
    assert adjust(api, api.operator(), ann, 60, reverses=taken["cause"]).status == 200
    lots = {day.isoformat(): points for day, points in api.account(ann).lots.items()}
    assert lots == {"2027-11-30": 40, "2027-12-31": 60}


def test_a_positive_correction_is_reversed_by_taking_it_again(api: Api, ann: Member) -> None:
    token = api.operator()
    given = adjust(api, token, ann, 60).body["entry"]
    back = adjust(api, token, ann, -60, reverses=given["cause"]).body["entry"]
    assert (back["points"], back["balance_after"]) == (-60, 100)
