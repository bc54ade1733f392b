"""What the linter finds in tiers and how they are kept, in tasks, badges and benefits, as a table of both sides."""

from typing import Any

import pytest

from chalicelib.rulebook.metrics import most_in, within
from chalicelib.rulebook.model import load
from tests.unit.documents import GONE, Row, behaviour, changed, check, goal, task

WORDS = {"zh": "名", "en": "name"}
SILVER, GOLD, DIAMOND = (f"tiers.levels.{number}" for number in (1, 2, 3))
ORDERS: dict[str, Any] = {f"{SILVER}.promotion.1.plus": []}
LADDER = [
    Row("UNKNOWN_METRIC", f"{GOLD}.retention.1.metric", {f"{GOLD}.retention.1.metric": "naps"},
        {f"{GOLD}.retention.1.metric": "visits"}, "warn"),
    Row("UNKNOWN_METRIC", "tasks.0.goals.0.metric", {"tasks.0.goals.0.metric": "naps"},
        {"tasks.0.goals.0.metric": "rule_join"}, "warn"),
    Row("UNKNOWN_METRIC", "badges.0.goal.metric", {"badges.0.goal.metric": "naps"},
        {"badges.0.goal.metric": "browse_seconds"}, "warn"),
    Row("GOAL_OUT_OF_REACH", "badges.0.goal.at_least", {"badges.0.goal": goal("check_ins", 8, "week")},
        {"badges.0.goal": goal("check_ins", 7, "week")}, "warn"),
    Row("GOAL_OUT_OF_REACH", f"{GOLD}.retention.0.at_least", {f"{GOLD}.retention.0": goal("check_ins", 94, "months:3")},
        {f"{GOLD}.retention.0": goal("check_ins", 93, "months:3")}, "warn"),
    Row("UNREACHABLE_TIER", f"{SILVER}.promotion", {f"{SILVER}.promotion": [goal("naps", 1)]},
        {f"{SILVER}.promotion": [goal("naps", 1), goal("visits", 1)]}),
    Row("UNREACHABLE_TIER", f"{SILVER}.promotion", {f"{SILVER}.promotion": [goal("check_ins", 2, "day")]},
        {f"{SILVER}.promotion": [goal("check_ins", 1, "day")]}),
    Row("EASIER_ABOVE", f"{GOLD}.promotion.0", {f"{GOLD}.promotion.0.at_least": 50_000},
        {f"{GOLD}.promotion.0.at_least": 50_001}),
    Row("EASIER_ABOVE", f"{DIAMOND}.promotion.1", {f"{DIAMOND}.promotion.1.at_least": 3},
        {f"{DIAMOND}.promotion.1.at_least": 11}),
    # One large payment may reach both.
    Row("LESS_ABOVE", f"{GOLD}.promotion.1", {f"{GOLD}.promotion.1": goal("spend_fen", 49_999, "months:3")},
        {f"{GOLD}.promotion.1": goal("spend_fen", 50_000, "months:3")}, "warn"),
    # Three orders in three months are three in four, not in two.
    Row("EASIER_ABOVE", f"{GOLD}.promotion.1", {**ORDERS, f"{GOLD}.promotion.1": goal("orders", 3, "months:4")},
        {**ORDERS, f"{GOLD}.promotion.1": goal("orders", 3, "months:2")}),
    # What counts besides makes it easier; what is asked besides harder.
    Row("EASIER_ABOVE", f"{GOLD}.promotion.1", {f"{GOLD}.promotion.1": goal("orders", 3, "months:3",
        plus=["newcomer_uses", "visits"])}, {f"{GOLD}.promotion.1": goal("orders", 3, "months:3")}),
    Row("EASIER_ABOVE", f"{GOLD}.promotion.0", {f"{GOLD}.promotion.0.at_least": 50_000}, {
        f"{GOLD}.promotion.0": goal("spend_fen", 50_000, also=[goal("orders", 1)])}),
    Row("EASIER_ABOVE", f"{GOLD}.promotion.0", {f"{SILVER}.promotion.0.also": [goal("visits", 9)],
        f"{GOLD}.promotion.0": goal("spend_fen", 50_000, also=[goal("visits", 8)])},
        {f"{SILVER}.promotion.0.also": [goal("visits", 9)], f"{GOLD}.promotion.0": goal("spend_fen", 50_000,
         also=[goal("visits", 10)])}),
    Row("EASIER_ABOVE", f"{GOLD}.promotion.1", {f"{SILVER}.promotion.1": goal("orders", 3, "week"),
        f"{GOLD}.promotion.1": goal("orders", 3, "months:2")}, {f"{SILVER}.promotion.1": goal("orders", 3, "week"),
        f"{GOLD}.promotion.1": goal("orders", 3, "month"), f"{DIAMOND}.promotion.1.window": "month"}),
    Row("TIER_SKIPPED", f"{SILVER}.promotion", {**ORDERS, f"{GOLD}.promotion.0.at_least": 50_000,
        f"{GOLD}.promotion.1.at_least": 3}, {**ORDERS, f"{GOLD}.promotion.0.at_least": 50_000}),
    Row("NO_RETENTION", f"{SILVER}.retention", {"tiers.retention_percent_of_promotion": GONE}, {}, "warn"),
    Row("RETENTION_HARDER", f"{GOLD}.retention.0", {f"{GOLD}.retention.0.at_least": 200_001},
        {f"{GOLD}.retention.0.at_least": 200_000}),
    Row("RETENTION_HARDER", f"{GOLD}.retention.0", {f"{GOLD}.retention.0": goal("orders", 11, "months:3")},
        {f"{GOLD}.retention.0": goal("orders", 11, "months:4")}),
    *(
        Row("UNKNOWN_METRIC", f"{SILVER}.promotion.1.{place}", {f"{SILVER}.promotion.1.{key}": bad},
            {f"{SILVER}.promotion.1.{key}": good}, "warn")
        for place, key, bad, good in (
            ("plus.1", "plus", ["newcomer_uses", "naps"], ["newcomer_uses", "visits"]),
            ("also.0.metric", "also", [goal("naps", 1)], [goal("visits", 1)]),
            ("also.1.plus.0", "also", [goal("visits", 1), goal("visits", 1, plus=["naps"])], []),
        )
    ),
    Row("COUNTED_TWICE", f"{SILVER}.promotion.1.plus.1", {f"{SILVER}.promotion.1.plus": ["visits", "visits"]},
        {f"{SILVER}.promotion.1.plus": ["visits"]}),
    Row("COUNTED_TWICE", f"{SILVER}.promotion.1.plus.0", {f"{SILVER}.promotion.1.plus": ["orders"]}, ORDERS),
    # The newcomer task is done once, and credits two.
    Row("GOAL_OUT_OF_REACH", "badges.0.goal.at_least", {"badges.0.goal": goal("newcomer_uses", 3)},
        {"badges.0.goal": goal("newcomer_uses", 2)}, "warn"),
    Row("GOAL_OUT_OF_REACH", "badges.0.goal.also.0.at_least",
        {"badges.0.goal": goal("visits", 3, also=[goal("newcomer_uses", 34, "month", plus=["check_ins"])])},
        {"badges.0.goal": goal("visits", 3, also=[goal("newcomer_uses", 33, "month", plus=["check_ins"])])}, "warn"),
]  # fmt: skip

# Tasks are of no help in these: what keeps the tier is the goal alone.
ALONE: dict[str, Any] = {"tiers.retention.task_percent": 0}
FEW: dict[str, Any] = {"tasks": [task(id=f"t{n}", goals=[goal("visits", 1)]) for n in range(40)]}
POLICY, SPRINT = "tiers.retention", "tiers.retention.sprint"


LIKED: dict[str, Any] = {"metrics": ["taps"], "counts_seconds": True}


def keeping(*goals: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**ALONE, f"{GOLD}.retention": list(goals), **changes}


UNLIMITED = [
    # Whoever reports it, if phones may: by its own counter, by one it grows, by its seconds, alone or with others.
    *(
        Row("UNLIMITED_CLIENT_METRIC", f"{SILVER}.promotion.1.{place}",
            {f"{SILVER}.promotion.1": wanted, "behaviours.+": behaviour(**{**LIKED, "reported_by": by})},
            {f"{SILVER}.promotion.1": wanted, "behaviours.+": behaviour(**{**LIKED, **near})}, "warn")
        for by, place, wanted, near in (
            ("client", "metric", goal("extra", 9), {"reported_by": "merchant"}),
            ("both", "metric", goal("taps", 9), {"reported_by": "both", "counted_per_day": 9}),
            ("client", "metric", goal("extra_seconds", 9), {"reported_by": "client", "seconds_per_day": 9}),
            ("both", "plus.0", goal("orders", 9, plus=["taps"]), {"reported_by": "client", "counted_per_day": 1}),
            ("client", "also.0.metric", goal("orders", 9, also=[goal("taps", 9)]), {"reported_by": "merchant"}),
        )
    ),
    # One limit is not the other.
    Row("UNLIMITED_CLIENT_METRIC", f"{GOLD}.retention.0.metric",
        {f"{GOLD}.retention.0": goal("extra_seconds", 9, "period"),
         "behaviours.+": behaviour(**LIKED, reported_by="client", counted_per_day=1)},
        {f"{GOLD}.retention.0": goal("extra_seconds", 9, "period"),
         "behaviours.+": behaviour(**LIKED, reported_by="client", seconds_per_day=1)}, "warn"),
]  # fmt: skip

KEEPING = [
    Row("RETENTION_WINDOW", f"{GOLD}.retention.0.window", keeping(goal("orders", 1, "week")),
        keeping(goal("orders", 1, "month"))),
    # Credited twice in a life, not three times; a year has 372 days at the most, however months are counted.
    Row("UNKEEPABLE_TIER", f"{GOLD}.retention", keeping(goal("newcomer_uses", 3, "period")),
        keeping(goal("newcomer_uses", 2, "period"))),
    Row("UNKEEPABLE_TIER", f"{GOLD}.retention", keeping(goal("check_ins", 373, "period")),
        keeping(goal("check_ins", 372, "period"))),
    Row("UNKEEPABLE_TIER", f"{GOLD}.retention", keeping(goal("naps", 1, "period")),
        keeping(goal("naps", 1, "period"), goal("uses", 10**15, "period"))),
    # Halves add up; of needs to be reached together each is a half.
    Row("UNKEEPABLE_TIER", f"{GOLD}.retention", keeping(goal("newcomer_uses", 5, "period"),
        goal("newcomer_uses", 4, "period")), keeping(*[goal("newcomer_uses", 4, "period")] * 2)),
    Row("UNKEEPABLE_TIER", f"{GOLD}.retention", keeping(goal("uses", 1, "period", also=[goal("naps", 1, "period")])),
        keeping(goal("uses", 1, "period", also=[goal("visits", 1, "period")]))),
    # Forty tasks once in a life at 2 % are 80 %; at 3 % they keep any tier.
    Row("UNKEEPABLE_TIER", f"{GOLD}.retention", {**FEW, f"{GOLD}.retention": [goal("naps", 9, "period")],
        f"{SILVER}.promotion.1.plus": []}, {**FEW, f"{GOLD}.retention": [goal("naps", 9, "period")],
        f"{SILVER}.promotion.1.plus": [], f"{POLICY}.task_percent": 3}),
    # The share of 400 check-ins is 320, and ten months have 310 days.
    Row("UNKEEPABLE_TIER", f"{SILVER}.retention", {**ALONE, "tiers.held_months": 10,
        f"{SILVER}.promotion": [goal("check_ins", 400)]}, {**ALONE, "tiers.held_months": 10,
        f"{SILVER}.promotion": [goal("check_ins", 387)]}),
    Row("SHARE_OF_LONGER_WINDOW", f"{SILVER}.promotion.1.window", {"tiers.held_months": 2}, {"tiers.held_months": 3}),
    Row("SHARE_OF_LONGER_WINDOW", f"{SILVER}.promotion.1.window", {"tiers.held_months": 2},
        {"tiers.held_months": 2, "tiers.retention_percent_of_promotion": 66}),
    Row("SHARE_OF_LONGER_WINDOW", f"{SILVER}.promotion.0.also.0.window",
        {"tiers.held_months": 9, f"{SILVER}.promotion.0.also": [goal("orders", 9, "months:12")]},
        {"tiers.held_months": 10, f"{SILVER}.promotion.0.also": [goal("orders", 9, "months:12")]}),
    Row("WARNING_OUT_OF_PROPORTION", f"{POLICY}.early_warning_months", {"tiers.held_months": 6},
        {"tiers.held_months": 7}, "warn"),
    Row("WARNING_OUT_OF_PROPORTION", f"{POLICY}.warning_days",
        {"tiers.held_months": 5, f"{POLICY}.early_warning_months": 0, f"{POLICY}.warning_days": 76},
        {"tiers.held_months": 5, f"{POLICY}.early_warning_months": 0, f"{POLICY}.warning_days": 75}, "warn"),
    *(
        Row("SPRINT_OUT_OF_PROPORTION", f"{SPRINT}.{name}", {f"{SPRINT}.{name}": bad}, {f"{SPRINT}.{name}": good},
            "warn")
        for name, bad, good in (("task_points_factor", "0.9", "1"), ("task_points_factor", "5.1", "5"),
                                ("purchase_percent", 26, 25), ("invite_percent", 51, 50))
    ),
    Row("GRACE_OUT_OF_PROPORTION", f"{POLICY}.grace_days", {f"{POLICY}.grace_days": 91},
        {f"{POLICY}.grace_days": 90}, "warn"),
    Row("GRACE_OUT_OF_PROPORTION", f"{POLICY}.grace_extensions", {f"{POLICY}.grace_days": 0},
        {f"{POLICY}.grace_days": 0, f"{POLICY}.grace_extensions": 0}, "warn"),
    Row("GRACE_OUT_OF_PROPORTION", f"{POLICY}.grace_extensions", {f"{POLICY}.grace_days": 0},
        {f"{POLICY}.grace_days": 0, f"{POLICY}.grace_extension_days": 0}, "warn"),
]  # fmt: skip


def with_task(kind: str = "newcomer", *goals: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"tasks.+": task(kind, goals=list(goals) or [goal("visits", 1)], **changes)}


TASKS = [
    Row("TASK_WITHOUT_GOALS", "tasks.2", {"tasks.2.goals": []}, {"tasks.3.goals": []}, "warn"),
    Row("UNREACHABLE_TASK", "tasks.5.goals.1", with_task("newcomer", goal("visits", 1), goal("naps", 1)),
        with_task("newcomer", goal("visits", 1), goal("uses", 1))),
    Row("UNREACHABLE_TASK", "tasks.2.goals.0", {"tasks.2.goals.0": goal("check_ins", 8, "week")},
        {"tasks.2.goals.0": goal("check_ins", 7, "week")}),
    Row("UNREACHABLE_TASK", "tasks.5.goals.0", with_task("campaign", goal("check_ins", 31)),
        with_task("campaign", goal("check_ins", 30))),
    Row("UNREACHABLE_TASK", "tasks.5.goals.0", with_task("newcomer", goal("visits", 1, also=[goal("naps", 1)])),
        with_task("newcomer", goal("visits", 1, plus=["naps"]))),
    *(
        Row("TASK_WINDOW", f"tasks.5.goals.0{place}.window", with_task(kind, goal("visits", 1, own, **bad)),
            with_task(kind, goal("visits", 1, fine, **good)))
        for kind, own, fine, place, bad, good in (
            ("daily", "week", "day", "", {}, {}),
            ("exclusive", "lifetime", "day", "", {}, {}),
            ("weekly", "month", "week", "", {}, {}),
            ("weekly", "months:1", "day", "", {}, {}),
            ("campaign", "day", "lifetime", "", {}, {}),
            ("daily", "day", "day", ".also.0", {"also": [goal("uses", 1)]}, {"also": [goal("uses", 1, "day")]}),
        )
    ),
    Row("PERIOD_ELSEWHERE", "tasks.5.goals.0.window", with_task("newcomer", goal("visits", 1, "period")),
        with_task("newcomer", goal("visits", 1, "month"))),
    Row("PERIOD_ELSEWHERE", "tasks.5.goals.0.also.0.window",
        with_task("weekly", goal("visits", 1, "week", also=[goal("uses", 1, "period")])),
        with_task("weekly", goal("visits", 1, "week", also=[goal("uses", 1, "week")]))),
    *(
        Row("PERIOD_ELSEWHERE", "tasks.5.goals.0.window", with_task(kind, goal("visits", 1, "period")),
            with_task(kind, goal("visits", 1, fine)))
        for kind, fine in (("daily", "day"), ("weekly", "week"), ("exclusive", "day"), ("campaign", "lifetime"))
    ),
    Row("PERIOD_ELSEWHERE", "badges.0.goal.window", {"badges.0.goal.window": "period"},
        {f"{SILVER}.promotion.0.window": "period"}),
    Row("UNKNOWN_BADGE", "tasks.5.badge", with_task(badge="unheard_of"), with_task(badge="regular")),
    Row("CREDIT_UNREAD", "tasks.5.credits.steps", with_task(credits={"steps": 1}),
        {**with_task(credits={"steps": 1}), f"{SILVER}.promotion.1.plus": ["newcomer_uses", "steps"]}, "warn"),
    *(
        Row("RESERVED_NAME", f"tasks.5.credits.{metric}", with_task(credits={metric: 1}), with_task(credits=fine))
        for metric, fine in (
            ("spend_fen", {"visits": 1}), ("orders", {"uses": 1}), ("tasks", {"interactions": 1}),
            ("qualified_invites", {"newcomer_uses": 1}), ("browse", {"newcomer_uses": 1}), ("rule_login", {}),
            ("paid_login", {}), ("use_daily_uses", {}), ("profile_completed", {}),
        )
    ),
    *(
        Row("RESERVED_NAME", f"behaviours.10.{place}", {"behaviours.+": behaviour(**bad)},
            {"behaviours.+": behaviour(**good)})
        for place, bad, good in (
            ("code", {"code": "use_daily_uses"}, {"code": "use_support"}),
            ("metrics.0", {"metrics": ["use_daily_uses"]}, {"metrics": ["daily_uses"]}),
            ("metrics.0", {"metrics": ["profile_completed"]}, {"metrics": ["profile"]}),
        )
    ),
    Row("CAMPAIGN_TOO_LONG", "tasks.5.ends_on", with_task("campaign", starts_on="2027-01-01", ends_on="2028-01-02"),
        with_task("campaign", starts_on="2027-01-01", ends_on="2028-01-01"), "warn"),
    Row("CAMPAIGN_OVER", "tasks.5.ends_on", with_task("campaign", ends_on="2026-11-23"),
        with_task("campaign", ends_on="2026-11-24"), "warn"),
    *(
        Row("NEVER_TRUE", "tasks.5.when", with_task("campaign", when=bad), with_task("campaign", when=good), "warn")
        for bad, good in (
            ({"first_time": True}, {"first_time": False}),
            ({"amount": {"at_least_fen": 1}}, {"member_day": True}),
            ({"category": ["featured"]}, {"tag": ["vip"]}),
            ({"seconds_at_least": 1}, {"birthday": True}),
            ({"dates": {"starts_on": "2026-12-01", "ends_on": "2026-12-31"}},
             {"dates": {"starts_on": "2026-11-30", "ends_on": "2026-12-31"}}),
            ({"dates": {"starts_on": "2026-10-01", "ends_on": "2026-10-31"}},
             {"dates": {"starts_on": "2026-10-01", "ends_on": "2026-11-01"}}),
        )
    ),
    Row("UNKNOWN_TIER", "tasks.5.when", with_task(when={"tier": ["platinum"]}), with_task(when={"tier": ["gold"]})),
]  # fmt: skip


def benefit(kind: str = "feature", **value: Any) -> dict[str, Any]:
    return {"code": "extra", "kind": kind, "name": WORDS, "value": value}


def given(*levels: dict[str, Any] | None) -> dict[str, Any]:
    """A benefit of its own for every tier from the first up, as far as given."""
    return {f"tiers.levels.{number}.benefits.+": one for number, one in enumerate(levels) if one is not None}


BENEFITS = [
    Row("DUPLICATE_ID", f"{SILVER}.benefits.4", {f"{SILVER}.benefits.+": {**benefit(), "code": "icon"}},
        {f"{SILVER}.benefits.+": benefit()}),
    *(
        Row("BENEFIT_VALUE", f"{DIAMOND}.benefits.11.value.{key}",
            {f"{DIAMOND}.benefits.+": benefit(kind, **{key: bad})},
            {f"{DIAMOND}.benefits.+": benefit(kind, **{key: good})})
        for kind, key, bad, good in (
            ("feature", "per_day", 0, 1), ("feature", "per_day", "3", 3), ("service", "per_month", True, 1),
            ("service", "per_day", -1, 10**9), ("economic", "per_month", 0, 1), ("economic", "per_month", "x", 2),
            ("feature", "unlimited", 1, True), ("honour", "on_birthday", "yes", True),
            ("honour", "on_birthday", 1, False),
        )
    ),
    # Nobody counts by these: they are shown, and whoever honours the benefit reads them.
    Row("BENEFIT_VALUE", f"{DIAMOND}.benefits.11.value.per_day", {f"{DIAMOND}.benefits.+": benefit(per_day="some")},
        {f"{DIAMOND}.benefits.+": benefit("honour", per_day="some")}),
    Row("BENEFIT_VALUE", f"{DIAMOND}.benefits.11.value.on_birthday",
        {f"{DIAMOND}.benefits.+": benefit("economic", per_month=1, on_birthday=True)},
        {f"{DIAMOND}.benefits.+": benefit("feature", per_month=1, on_birthday=True)}),
    *(
        Row("BENEFIT_VALUE", f"{DIAMOND}.benefits.11", given(None, None, low, high), given(None, None, low, low))
        for low, high in (
            (benefit("economic", per_month=1), benefit("honour", on_birthday=True)),
            (benefit("honour", on_birthday=True), benefit("economic", per_month=1)),
        )
    ),
    *(
        Row("QUOTA_SHRINKS", f"{DIAMOND}.benefits.11", given(None, None, low, high), given(None, None, low, near),
            "warn")
        for low, high, near in (
            (benefit(per_day=3), benefit(per_day=2), benefit(per_day=3)),
            (benefit(per_day=3), benefit(per_day=3, per_month=90), benefit(per_day=4)),
            (benefit(unlimited=True), benefit(per_day=10**6), benefit(unlimited=True)),
            (benefit(per_day=3), benefit(), benefit(unlimited=True)),
            (benefit("economic", per_month=2), benefit("economic", per_month=1), benefit("economic", per_month=2)),
            (benefit("economic", per_month=2), benefit("economic"), benefit("economic", per_month=3)),
        )
    ),
    Row("QUOTA_SHRINKS", f"{DIAMOND}.benefits", given(None, None, benefit(per_day=1)),
        given(None, None, benefit(), None), "warn"),
    Row("QUOTA_SHRINKS", f"{SILVER}.benefits", given(benefit("economic", per_month=1)),
        given(*[benefit("economic", per_month=1)] * 4), "warn"),
]  # fmt: skip


ROWS = [*LADDER, *UNLIMITED, *KEEPING, *TASKS, *BENEFITS]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_linter_finds_this_and_not_its_neighbour(row: Row) -> None:
    check(row)


# One of every kind of task, and one for honour, which counts as none.
ONE_OF_EACH: list[dict[str, Any]] = [
    task(kind, id=kind, goals=[] if kind == "growth" else [goal("orders", 1)], credits={"steps": 3})
    for kind in ("newcomer", "daily", "weekly", "growth", "exclusive", "campaign")
] + [task(id="honour", points=0, badge="regular", goals=[goal("orders", 1)])]


@pytest.mark.parametrize(("metric", "window", "most"), [
    ("check_ins", "day", 1), ("check_ins", "week", 7), ("check_ins", "month", 31), ("check_ins", "months:3", 93),
    ("check_ins", "period", 372), ("check_ins", "lifetime", None), ("check_ins", "dates:2026-11-01:2026-11-30", 30),
    ("orders", "day", None), ("visits", "day", None), ("paid_login", "day", None), ("qualified_invites", "day", None),
    # newcomer 1, campaign 1, growth 3 (four tiers), then daily + weekly + exclusive (the 15th).
    ("tasks", "day", 5 + 1 + 1 + 1), ("tasks", "week", 5 + 7 + 1 + 1), ("tasks", "month", 5 + 31 + 6 + 2),
    # Five likes a day and two hours; what is late belongs to its own month, so only a day or a week is bounded.
    ("taps", "day", 5), ("taps", "week", 35), ("taps", "month", None), ("limited", "week", 35), ("mixed", "day", None),
    ("limited_seconds", "day", 60), ("limited_seconds", "lifetime", None),
    ("tasks", "lifetime", None), ("steps", "day", 3 * 8), ("steps", "lifetime", None), ("naps", "lifetime", 0),
])  # fmt: skip
def test_how_far_a_counter_can_grow(metric: str, window: str, most: int | None) -> None:
    limited = behaviour(code="limited", metrics=["taps", "mixed"], counted_per_day=5, counts_seconds=True,
                        seconds_per_day=60)  # fmt: skip
    unlimited = behaviour(metrics=["mixed"])
    found = changed({"tasks": ONE_OF_EACH, "behaviours.+": limited})
    found["behaviours"].append(unlimited)
    assert most_in(load(found), metric, window) == most


@pytest.mark.parametrize(("inner", "outer", "lies_within"), [
    ("day", "lifetime", True), ("period", "lifetime", True), ("period", "period", True), ("lifetime", "period", False),
    ("day", "period", False), ("period", "months:12", False), ("months:12", "period", False), ("day", "week", True),
    ("week", "month", False), ("week", "months:2", True), ("months:3", "months:2", False), ("month", "day", False),
])  # fmt: skip
def test_which_window_lies_within_which(inner: str, outer: str, lies_within: bool) -> None:
    assert within(inner, outer) == lies_within
