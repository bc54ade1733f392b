"""What the linter finds, as a table: one row or more for every code it can emit, and the neighbour that is fine."""

import ast
from pathlib import Path
from typing import Any

import pytest

from chalicelib import rulebook as room
from chalicelib.rulebook.linter import MAX_FINDINGS, lint_document, shortest_days
from tests.unit import (
    test_rulebook_cash,
    test_rulebook_coupons,
    test_rulebook_guards,
    test_rulebook_linter_tiers,
    test_rulebook_lotteries,
)
from tests.unit.documents import GONE, Row, behaviour, changed, check, findings, multiplier, rule

WORDS = {"zh": "名", "en": "name"}
CLIENT = behaviour(reported_by="client")
TIMED = behaviour(counts_seconds=True, max_seconds=600)


def extra(caps: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """A rule of ten points for something merchants report, under these caps."""
    return {"behaviours.+": behaviour(), "earning.+": rule(trigger="extra", caps=caps, **changes)}


def capped(per: str, **limit: int) -> dict[str, Any]:
    return {"per": per, **limit}


def when(tree: dict[str, Any], trigger: str = "order_paid", **act: Any) -> dict[str, Any]:
    """A rule with this condition."""
    return {"behaviours.+": behaviour(**act), "earning.+": rule(trigger=trigger, when=tree)}


MONTHS = [
    Row("VALIDITY_TOO_SHORT", "expiry.valid_months", {"expiry.valid_months": 5}, {"expiry.valid_months": 6}),
    Row("VALIDITY_TOO_SHORT", "expiry.valid_months", {"expiry.valid_months": 1}, {"expiry.valid_months": 12}),
    Row("VALIDITY_TOO_SHORT", "earning.11.valid_months", {"earning.11.valid_months": 5},
        {"earning.11.valid_months": 6}),
    Row("VALIDITY_SHORT", "expiry.valid_months", {"expiry.valid_months": 11}, {"expiry.valid_months": 12}, "warn"),
    Row("VALIDITY_SHORT", "expiry.valid_months", {"expiry.valid_months": 6}, {"expiry.valid_months": 5}, "warn"),
    Row("VALIDITY_SHORT", "earning.11.valid_months", {"earning.11.valid_months": 11},
        {"earning.11.valid_months": 12}, "warn"),
    *(
        Row("NOTICE_MISSING", "expiry.notice_days", {"expiry.notice_days": days}, {"expiry.notice_days": [7, 14, 30]})
        for days in ([30], [7], [30, 6], [29, 7])
    ),
]  # fmt: skip

TWICE = [
    Row("DUPLICATE_ID", "behaviours.10", {"behaviours.+": behaviour(code="login")}, {"behaviours.+": behaviour()}),
    Row("DUPLICATE_ID", "multipliers.3", {"multipliers.+": multiplier(id="tier")}, {"multipliers.+": multiplier()}),
    Row("DUPLICATE_ID", "tasks.5", {"tasks.+": {"id": "daily", "name": WORDS, "kind": "growth"}},
        {"tasks.+": {"id": "daily_2", "name": WORDS, "kind": "growth"}}),
    Row("DUPLICATE_ID", "badges.4", {"badges.+": {"id": "regular", "name": WORDS}},
        {"badges.+": {"id": "regular_2", "name": WORDS}}),
    *(
        Row("RESERVED_NAME", "behaviours.10.code", {"behaviours.+": behaviour(code=code)},
            {"behaviours.+": behaviour(code=f"{code}_s")})
        for code in ("order_paid", "joined", "orders", "spend_fen", "tasks", "rule_join", "paid_join", "tip_fen")
    ),
    Row("RESERVED_NAME", "behaviours.10.metrics.0", {"behaviours.+": behaviour(metrics=["check_ins"])},
        {"behaviours.+": behaviour(metrics=["visits"])}),
    Row("RESERVED_NAME", "behaviours.10.metrics.1", {"behaviours.+": behaviour(metrics=["visits", "browse_seconds"])},
        {"behaviours.+": behaviour(metrics=["visits", "seconds"])}),
    # A merchant may count invites that qualified; a phone may not.
    Row("RESERVED_NAME", "behaviours.10.metrics.0", {"behaviours.+": {**CLIENT, "metrics": ["qualified_invites"]}},
        {"behaviours.+": behaviour(metrics=["qualified_invites"])}),
    Row("COUNTED_TWICE", "behaviours.10.metrics.0", {"behaviours.+": behaviour(metrics=["extra"])},
        {"behaviours.+": behaviour(metrics=["extras"])}),
    Row("COUNTED_TWICE", "behaviours.10.metrics.1", {"behaviours.+": behaviour(metrics=["visits", "visits"])},
        {"behaviours.+": behaviour(metrics=["visits", "uses"])}),
]  # fmt: skip

FORMULAS = [
    Row("PAYS_NOTHING", "earning.0", {"earning.0.points": {"fixed": 0}}, {"earning.0.points": {"fixed": 1}}, "warn"),
    Row("PAYS_NOTHING", "earning.3", {"earning.3.points": {"by_streak_day": [0, 0]}},
        {"earning.3.points": {"by_streak_day": [0, 1]}}, "warn"),
    Row("PAYS_NOTHING", "earning.11", {"earning.11.points": {"per_yuan": "0.0"}},
        {"earning.11.points": {"per_yuan": "0", "category_rates": {"featured": "0.0001"}}}, "warn"),
    Row("GRANT_ABOVE_LIMIT", "earning.0.points", {"tasks": [], "limits": {"max_points_per_entry": 99}},
        {"tasks": [], "limits": {"max_points_per_entry": 100}}),
    # In the sprint a task pays double; at least it pays what it says.
    Row("GRANT_ABOVE_LIMIT", "tasks.3.points", {"limits": {"max_points_per_entry": 999}},
        {"limits": {"max_points_per_entry": 1000}}),
    Row("GRANT_ABOVE_LIMIT", "tasks.3.points", {"limits": {"max_points_per_entry": 499},
        "tiers.retention.sprint.task_points_factor": "0.5"}, {"limits": {"max_points_per_entry": 500},
        "tiers.retention.sprint.task_points_factor": "0.5"}),
    Row("STREAK_ELSEWHERE", "earning.0", {"earning.0.points": {"by_streak_day": [5]}},
        {"earning.3.points": {"by_streak_day": [5]}}),
    Row("STREAK_TABLE_TOO_LONG", "earning.3.points.by_streak_day", {"earning.3.points.by_streak_day": [5] * 8},
        {"earning.3.points.by_streak_day": [5] * 7}, "warn"),
    Row("MONEY_ELSEWHERE", "earning.0", {"earning.0.points": {"per_yuan": "1"}},
        {"earning.+": rule(points={"per_yuan": "1"})}),
    Row("TIER_LEFT_OUT", "earning.2.points.by_tier", {"earning.2.points.by_tier.diamond": GONE},
        {"earning.2.points.by_tier.diamond": 0}, "warn"),
    Row("NEVER_MULTIPLIED", "earning.0.multiplied", {"earning.0.multiplied": True},
        {"earning.0.multiplied": True, "multipliers.+": multiplier(triggers=["joined"])}, "warn"),
    # At best × 6 on member day × 2 on a birthday: 9 a yuan is 108 for 100.
    Row("EARNS_WHAT_WAS_PAID", "earning.11.points", {"earning.11.points": {"per_yuan": "9"}},
        {"earning.11.points": {"per_yuan": "8.3333"}}, "warn"),
    Row("EARNS_WHAT_WAS_PAID", "earning.11.points",
        {"earning.11.points": {"per_yuan": "1", "category_rates": {"featured": "8.3334"}}},
        {"earning.11.points": {"per_yuan": "1", "category_rates": {"featured": "8.3333"}}}, "warn"),
    Row("EARNS_WHAT_WAS_PAID", "earning.13.points", {"earning.+": rule(points={"per_yuan": "100"})},
        {"earning.+": rule(points={"per_yuan": "99.9999"})}, "warn"),
]  # fmt: skip

TRUST = [
    *(
        Row("UNCAPPED_CLIENT_RULE", "earning.13.caps",
            {"behaviours.+": {**CLIENT, "reported_by": by}, "earning.+": rule(trigger="extra", caps=caps)},
            {"behaviours.+": {**CLIENT, "reported_by": by}, "earning.+": rule(trigger="extra", caps=near)})
        for by, caps, near in (
            ("client", [], [capped("day", times=9)]),
            ("client", [capped("week", times=2)], [capped("week", times=1)]),
            ("client", [capped("month", points=50)], [capped("month", points=50), capped("day", points=50)]),
            ("both", [], [capped("lifetime", times=1)]),
        )
    ),
    Row("UNCAPPED_CLIENT_RULE", "earning.13.caps",
        {"behaviours.+": CLIENT, "earning.+": rule(trigger="extra")}, extra([])),
    Row("UNCAPPED_PROFILE_RULE", "earning.1.caps", {"earning.1.caps": [capped("month", times=1)]},
        {"earning.1.caps": [capped("lifetime", times=2)]}),
    # Even the first time: a profile is completed for the first time each time, so the cap is not idle either.
    Row("UNCAPPED_PROFILE_RULE", "earning.1.caps", {"earning.1.caps": [], "earning.1.when": {"first_time": True}},
        {"earning.1.when": {"first_time": True}}),
]  # fmt: skip

# The idle cap comes first; beside it the same cap one lower, which can be hit.
CAPS = [
    *(
        Row("CAP_NEVER_HIT", "earning.13.caps.0", extra([idle, bound]), extra([busy, bound]), "warn")
        for idle, busy, bound in (
            (capped("day", times=5), capped("day", times=4), capped("lifetime", times=5)),
            (capped("day", times=5), capped("day", times=4), capped("month", times=5)),
            (capped("week", times=14), capped("week", times=13), capped("day", times=2)),
            (capped("month", times=31), capped("month", times=30), capped("day", times=1)),
            (capped("month", times=6), capped("month", times=5), capped("week", times=1)),
            (capped("week", times=8), capped("week", times=7), capped("month", times=4)),
            (capped("day", points=20), capped("day", points=19), capped("day", times=2)),
            (capped("week", points=70), capped("week", points=69), capped("day", times=1)),
            (capped("month", points=310), capped("month", points=309), capped("day", points=10)),
        )
    ),
    Row("CAP_NEVER_HIT", "earning.13.caps.1", extra([capped("day", times=5)] * 2), extra([capped("day", times=5)]),
        "warn"),
    Row("CAP_NEVER_HIT", "earning.3.caps.0", {"earning.3.caps": [capped("week", times=7)]},
        {"earning.3.caps": [capped("week", times=6)]}, "warn"),
    Row("CAP_NEVER_HIT", "earning.0.caps.0", {"earning.0.caps": [capped("lifetime", times=1)]}, {}, "warn"),
    Row("CAP_NEVER_HIT", "earning.13.caps.0", extra([capped("lifetime", times=1)], when={"first_time": True}),
        extra([capped("lifetime", times=1)]), "warn"),
    # After a refund the next order is the first again.
    Row("CAP_NEVER_HIT", "earning.13.caps.0", extra([capped("lifetime", times=1)], when={"first_time": True}),
        {"earning.12.caps": [capped("lifetime", times=1)]}, "warn"),
    # And a profile is always completed for the first time.
    Row("CAP_NEVER_HIT", "earning.13.caps.0", extra([capped("lifetime", times=1)], when={"first_time": True}),
        {"earning.1.when": {"first_time": True}}, "warn"),
    # Twenty points are within reach when a multiplier doubles ten.
    Row("CAP_NEVER_HIT", "earning.13.caps.0", extra([capped("day", points=10), capped("day", times=1)]),
        {**extra([capped("day", points=10), capped("day", times=1)], multiplied=True),
         "multipliers.+": multiplier(triggers=["extra"])}, "warn"),
    Row("CAP_BELOW_ONE_GRANT", "earning.13.caps.0", extra([capped("day", points=9)]),
        extra([capped("day", points=10)]), "warn"),
    Row("CAP_BELOW_ONE_GRANT", "earning.3.caps.0", {"earning.3.caps": [capped("month", points=19)]},
        {"earning.3.caps": [capped("month", points=20)]}, "warn"),
    Row("UNKNOWN_TIER", "redemption.member_day_factors.platinum", {"redemption.member_day_factors.platinum": "0.5"},
        {"redemption.member_day_factors.platinum": "0.5", "tiers.levels.3.formerly": ["platinum"]}),
]  # fmt: skip

CHECK_INS: dict[str, Any] = {"metric": "check_ins", "window": "week"}
LEAVES = [
    Row("UNKNOWN_TIER", "earning.13.when", when({"tier": ["platinum"]}), when({"tier": ["gold"]})),
    Row("UNKNOWN_TIER", "multipliers.0.when.any.1", {"multipliers.0.when": {"any": [
        {"member_day": True}, {"tier": ["platinum"]}]}}, {"multipliers.0.when": {"tier": ["gold", "diamond"]}}),
    Row("UNKNOWN_METRIC", "earning.13.when.not", when({"not": {"counter": {"metric": "naps", "at_least": 1}}}),
        when({"not": {"counter": {"metric": "extra", "at_least": 1}}})),
    *(
        Row("NEVER_TRUE", path, when(tree, trigger, **act), when(near, trigger, **act), "warn")
        for path, tree, near, trigger, act in (
            ("earning.13.when.all.0", {"all": [{"counter": {**CHECK_INS, "at_least": 8}}]},
             {"all": [{"counter": {**CHECK_INS, "at_least": 7}}]}, "order_paid", {}),
            ("earning.13.when", {"counter": {**CHECK_INS, "window": "month", "at_least": 32}},
             {"counter": {**CHECK_INS, "window": "month", "at_least": 31}}, "order_paid", {}),
            ("earning.13.when", {"counter": {**CHECK_INS, "window": "day", "at_least": 2}},
             {"counter": {**CHECK_INS, "window": "day", "at_least": 1}}, "order_paid", {}),
            ("earning.13.when", {"amount": {"at_least_fen": 101, "at_most_fen": 100}},
             {"amount": {"at_least_fen": 100, "at_most_fen": 100}}, "order_paid", {}),
            ("earning.13.when", {"amount": {"at_least_fen": 1, "at_most_fen": 0}},
             {"amount": {"at_least_fen": 0, "at_most_fen": 0}}, "order_paid", {}),
            ("earning.13.when", {"time_of_day": {"starts_at": "09:00", "ends_at": "09:00"}},
             {"time_of_day": {"starts_at": "09:01", "ends_at": "09:00"}}, "order_paid", {}),
            ("earning.13.when", {"seconds_at_least": 601}, {"seconds_at_least": 600}, "extra", TIMED),
            ("earning.13.when", {"seconds_at_least": 1}, {"first_time": True}, "extra", {}),
            ("earning.13.when", {"category": ["featured"]}, {"tier": ["gold"]}, "extra", {}),
            ("earning.13.when", {"amount": {"at_least_fen": 1}}, {"member_day": True}, "extra", {}),
            ("earning.13.when", {"first_time": False}, {"first_time": True}, "joined", {}),
            ("earning.13.when", {"first_time": False}, {"birthday": False}, "joined", {}),
        )
    ),
    Row("NEVER_TRUE", "earning.1.when", {"earning.1.when": {"first_time": False}},
        {"earning.1.when": {"first_time": True}}, "warn"),
    Row("NEVER_TRUE", "multipliers.2.when", {"multipliers.2.when": {"category": ["x"]}, "multipliers.2.triggers":
        ["check_in"]}, {"multipliers.2.when": {"category": ["x"]}}, "warn"),
]  # fmt: skip

SMALL, LARGE = multiplier(id="small", factor="1.5"), multiplier(id="large", factor="2")
FACTORS = [
    Row("UNKNOWN_TRIGGER", "multipliers.3.triggers", {"multipliers.+": multiplier(triggers=["order_paid", "nap"])},
        {"multipliers.+": multiplier(triggers=["order_paid", "login"])}),
    Row("MULTIPLIER_IDLE", "multipliers.3", {"multipliers.+": multiplier(triggers=["joined"])},
        {"multipliers.+": multiplier(triggers=["joined"]), "earning.0.multiplied": True}, "warn"),
    Row("MULTIPLIER_ZERO", "multipliers.3", {"multipliers.+": multiplier(factor="0.0")},
        {"multipliers.+": multiplier(factor="0.1")}, "warn"),
    Row("MULTIPLIER_SHADOWED", "multipliers.0", {"multipliers": [SMALL, LARGE]},
        {"multipliers": [SMALL, {**LARGE, "when": {"member_day": True}}]}, "warn"),
    Row("MULTIPLIER_SHADOWED", "multipliers.1", {"multipliers": [LARGE, {**LARGE, "id": "same"}]},
        {"multipliers": [LARGE, {**LARGE, "id": "same", "group": "other"}]}, "warn"),
    Row("MULTIPLIER_SHADOWED", "multipliers.1", {"multipliers": [LARGE, SMALL]},
        {"multipliers": [LARGE, {**SMALL, "triggers": ["order_paid", "login"]}]}, "warn"),
    Row("MULTIPLIERS_STACK", "multipliers.1", {"multipliers.1.group": "member_day"}, {"multipliers.1.group": "tier"},
        "warn"),
    Row("MULTIPLIERS_STACK", "multipliers.1", {"multipliers.1.group": "member_day"},
        {"multipliers.1.group": "member_day", "multipliers.1.triggers": ["login"]}, "warn"),
]  # fmt: skip

# The size against real accounts is tests/unit/test_rulebook_size.py.
WAITING = {"pending": {"mode": "days", "days": 30}}
LONG = {
    f"{part}.name": {"zh": "长" * 500, "en": "l" * 500}
    for part in ("earning.11", "earning.12", "tasks.0", "tasks.1", "tasks.2")
}
SIZES = [
    Row("ACCOUNT_TOO_LARGE", "", WAITING, {"pending": {"mode": "days", "days": 3}}),
    Row("ENTRY_TOO_LARGE", "", LONG, {**LONG, "tasks.2.name": WORDS}),
]

ROWS = [*MONTHS, *TWICE, *FORMULAS, *TRUST, *CAPS, *LEAVES, *FACTORS, *SIZES]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_linter_finds_this_and_not_its_neighbour(row: Row) -> None:
    check(row)


def test_every_code_the_linter_can_emit_has_a_row() -> None:
    folder = Path(str(room.__file__)).parent
    pages = [folder / "linter.py", folder / "guards.py", *folder.glob("lint_*.py")]
    literals = [node.value for page in pages for node in ast.walk(ast.parse(page.read_text("utf-8")))
                if isinstance(node, ast.Constant) and isinstance(node.value, str)]  # fmt: skip
    emitted = {text for text in literals if text.isupper() and text.isascii() and text.replace("_", "").isalpha()}
    assert {"INVALID", "GIFTS_ON", "POINTS_FOR_SHARING"} < emitted
    # What does not load is tested with the model; NFKC is a form of Unicode.
    others = (
        test_rulebook_cash,
        test_rulebook_coupons,
        test_rulebook_guards,
        test_rulebook_linter_tiers,
        test_rulebook_lotteries,
    )
    rows = [*ROWS, *(row for page in others for row in page.ROWS)]
    assert emitted - {"INVALID", "NFKC"} == {row.code for row in rows}


@pytest.mark.parametrize(("months", "days"), [(5, 150), (6, 181), (11, 334), (12, 365), (24, 730)])
def test_validity_is_measured_by_the_shortest_life_of_a_lot(months: int, days: int) -> None:
    assert shortest_days(months) == days


def test_the_grave_findings_come_first() -> None:
    found = findings({"expiry.valid_months": 11, "expiry.notice_days": [30], "guard_rails": {"no_gifts": False}})
    assert [finding.severity for finding in found] == ["refuse", "confirm", "warn"]


def test_a_hopeless_document_is_answered_with_a_bounded_list() -> None:
    assert len(lint_document(changed({"capabilities.x": {str(n): "币" for n in range(5000)}}))) == MAX_FINDINGS
    assert len(lint_document(changed({f"key_{n}": 1 for n in range(5000)}))) == MAX_FINDINGS
