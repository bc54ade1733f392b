"""The document: its shape, each validator on both sides, hostile input, and that an older one always loads."""

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chalicelib.engine.account import Account, Standing
from chalicelib.engine.events import Cause, CheckedIn, Item, Joined, OrderPaid
from chalicelib.engine.process import process
from chalicelib.rulebook import items
from chalicelib.rulebook.conditions import Condition
from chalicelib.rulebook.linter import MAX_DEPTH, lint_document
from chalicelib.rulebook.model import SCHEMA_VERSION, Published, load
from chalicelib.rulebook.presets import NAMES
from chalicelib.shared.clock import business_date
from chalicelib.shared.errors import InvalidFields
from tests.unit.documents import GONE, behaviour, changed, findings, goal, multiplier, rule, task

FIXTURES = Path(__file__).parent / "fixtures"
WORDS = {"zh": "名", "en": "name"}
NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


# Older documents ----------------------------------------------------------------------------------------------------
# Files of schema version 1, never edited: a change of the program that needs one of them changed breaks a promise.


def frozen(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"rulebook_1_{name}.json").read_text("utf-8"))
    return found


def kept(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Places of the old meaning that the new one lacks or says otherwise; new fields beside them are welcome."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key, value in old.items():
            yield from kept(value, new[key], f"{path}.{key}") if key in new else [f"{path}.{key}"]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, value in enumerate(old):
            yield from kept(value, new[number], f"{path}.{number}")
    elif old != new:
        yield path


@pytest.mark.parametrize("name", ["minimal", "sparse"])
def test_an_older_document_keeps_the_meaning_of_what_it_left_out(name: str) -> None:
    meaning = load(frozen(name)["document"]).model_dump(mode="json", by_alias=True)
    assert list(kept(frozen(name)["meaning"], meaning)) == []


@pytest.mark.parametrize("name", ["minimal", "sparse", *NAMES])
def test_an_older_document_says_after_loading_what_it_said_before(name: str) -> None:
    document = frozen(name)["document"]
    dumped = load(document).model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert list(kept(document, dumped)) == list(kept(dumped, document)) == []


@pytest.mark.parametrize("name", ["minimal", "sparse", *NAMES])
def test_an_older_document_may_still_be_published(name: str) -> None:
    assert [finding for finding in lint_document(frozen(name)["document"]) if finding.severity == "refuse"] == []


PAID = {"normal": (100, 5, 268 + 100, 200), "gold": (100, 5, 536 + 100, 400)}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("tier", PAID)
def test_an_older_preset_pays_what_it_paid(name: str, tier: str) -> None:
    published = Published(version=1, rulebook=load(frozen(name)["document"]))
    today = business_date(NOON, "Asia/Shanghai")
    member = Account("m", standing=Standing(tier, today))
    again = Account("m", standing=Standing(tier, today), counters={"orders": {"life": 1}})
    orders = (OrderPaid(Cause("o", "o"), "o", NOON, 26800), OrderPaid(
        Cause("p", "p"), "p", NOON, 10000, (Item(10000, "featured"),)))  # fmt: skip
    cause = Cause("m", "x")
    happened = [(member, Joined(cause)), (member, CheckedIn(cause, today)), (member, orders[0]), (again, orders[1])]
    assert tuple(process(published, who, event, NOON).entry.points for who, event in happened) == PAID[tier]


@pytest.mark.parametrize(("version", "loads"), [(1, True), (SCHEMA_VERSION, True), (0, False), (-1, False)])
def test_a_schema_version_is_one_of_those_that_were(version: int, loads: bool) -> None:
    assert ("schema_version" not in [f.path for f in findings({"schema_version": version})]) == loads


def test_a_document_of_a_later_program_is_refused_and_not_guessed_at() -> None:
    (finding,) = findings({"schema_version": SCHEMA_VERSION + 1})
    assert (finding.code, finding.path) == ("INVALID", "schema_version")


# Shape --------------------------------------------------------------------------------------------------------------

# Tables whose keys the operator chooses.
OPEN = ("capabilities", "category_names", "by_tier", "category_rates", "value", "credits")


def parts(value: Any, path: str = "") -> Iterator[str]:
    """Every object of the document whose keys the program knows."""
    key = path.rsplit(".", 1)[-1]
    if isinstance(value, dict):
        if key not in OPEN:
            yield path
        for name, child in value.items():
            if key != "capabilities" and name != "capabilities":
                yield from parts(child, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from parts(child, f"{path}.{number}")


def test_an_unknown_key_is_refused_wherever_it_stands() -> None:
    places = list(parts(changed({})))
    assert len(places) > 150
    for path in places:
        where = f"{path}.surprise".lstrip(".")
        assert [(f.code, f.path) for f in findings({where: 1})] == [("INVALID", where)]


def test_a_missing_key_is_told_by_its_name() -> None:
    found = findings({"brand.name": GONE, "earning.0.points": GONE, "tiers.levels.1.code": GONE})
    assert {f.path for f in found} == {"brand.name", "earning.0.points", "tiers.levels.1.code"}
    assert all("缺少" in finding.message_zh for finding in found)


CAP, PROMOTION = "earning.2.caps.0", "tiers.levels.1.promotion.0"
# (place, values refused, values accepted)
BOUNDS: list[tuple[str, list[Any], list[Any]]] = [
    ("brand.time_zone", ["Not/AZone", "", "Asia", "../../etc/passwd", "a\0b", "é", "x" * 5000],
     ["Asia/Shanghai", "UTC", "America/New_York"]),
    ("brand.name.zh", ["", "字" * 501], ["字", "字" * 500]),
    ("points_per_yuan_value", [0, 100_001], [1, 100_000]),
    ("behaviours.3.code", ["", "1a", "Login", "log-in", "a" * 33], ["a", "a" * 32]),
    ("behaviours.0.reported_by", ["phone"], ["client", "merchant", "both"]),
    ("behaviours.0.nature", ["gift"], ["visit", "share"]),
    ("behaviours.0.max_seconds", [0, 86_401], [1, 86_400]),
    ("behaviours.0.metrics", [["m"] * 21, ["M"]], [[], ["m"] * 20]),
    ("behaviours.1.counted_per_day", [0, 100_001], [1, 100_000, None]),
    ("behaviours.1.seconds_per_day", [0, 86_401], [1, 86_400, None]),
    (CAP, [{"per": "day"}, {"per": "day", "times": 1, "points": 1}, {"per": "year", "times": 1}, {"times": 1}],
     [{"per": "day", "times": 1}, {"per": "lifetime", "points": 1}]),
    (f"{CAP}.times", [0, 1_000_001], [1, 1_000_000]),
    (CAP, [{"per": "day", "points": 0}, {"per": "day", "points": 10**9}], [{"per": "day", "points": 10**9 - 1}]),
    ("earning.2.caps", [[{"per": "day", "times": 1}] * 9], [[{"per": "day", "times": 1}] * 8]),
    ("earning.0.points", [{}, {"fixed": 1, "per_yuan": "1"}, {"fixed": 1, "category_rates": {"x": "1"}},
     {"by_streak_day": []}, {"by_streak_day": [1] * 367}, {"by_tier": {"platinum": 1}}, {"fixed": -1},
     {"fixed": 1_000_001}], [{"fixed": 0}, {"fixed": 1_000_000}, {"by_streak_day": [1] * 366}, {"by_tier": {}}]),
    ("earning.11.points.per_yuan", ["", "-1", "01", "1.", ".5", "1.00001", "1000000", "1e3", "1.٥", "１", "1\n", 1.5],
     ["0", "1.5", "0.0001", "999999.9999"]),
    ("earning.0.trigger", ["nap", "tiers"], ["joined", "login", "check_in"]),
    ("earning.0.valid_months", [0, 121], [1, 120, None]),
    ("earning.0.id", ["purchase", "A"], ["joining"]),
    ("multipliers.2.factor", ["-2", "2x"], ["0", "2"]),
    ("multipliers.2", [multiplier(by_tier={"gold": "2"}), multiplier(factor=None), multiplier(factor=None, by_tier={
        "platinum": "2"})], [multiplier(), multiplier(factor=None, by_tier={"gold": "2"})]),
    ("multipliers.2.triggers", [["login"] * 101], [["login"] * 100]),
    (f"{PROMOTION}.window", ["year", "months:0", "months:13", "months:01", "months:", "days:3"],
     ["day", "week", "month", "lifetime", "period", "months:1", "months:9", "months:10", "months:12"]),
    (f"{PROMOTION}.at_least", [0, 10**15 + 1, 10**30], [1, 10**15]),
    ("tiers.levels.0.promotion", [[goal("orders", 1)]], [[]]),
    ("tiers.levels.1.promotion", [[], [goal("orders", 1)] * 11], [[goal("orders", 1)] * 10]),
    ("tiers.levels.1.code", ["normal", "gold"], ["silver"]),
    ("tiers.levels.1.formerly", [["silver"], ["gold"], ["a", "a"], ["A"]], [[], ["a", "b"]]),
    ("tiers.levels.1.colour", ["red", "#12345", "#1234567", "#gggggg"], ["#a0B1c2"]),
    ("tiers.levels.1.benefits.0.value", [{"x": 1.5}, {"x": None}, {"x": [1]}, {"x": "a" * 501}],
     [{"x": 1}, {"x": "a" * 500}, {"x": True}]),
    ("tiers.held_months", [0, 61], [1, 60]),
    ("tiers.retention_percent_of_promotion", [0, 100], [1, 99, None]),
    ("tasks.0.kind", ["hourly"], ["newcomer"]),
    ("tasks.0.points", [-1, 1_000_001], [0, 1_000_000]),
    ("tasks.0.claim", ["ask"], ["auto", "tap"]),
    ("tasks.0.credits", [{"Steps": 1}, {"steps": 0}, {"steps": 1_000_001}, {f"s{n}": 1 for n in range(11)}],
     [{}, {"steps": 1_000_000}, {f"s{n}": 1 for n in range(10)}]),
    ("tasks.0.make_up_cards", [-1, 32], [0, 31]),
    ("tasks.0.badge", ["Star"], ["star", None]),
    ("tasks.3", [task("growth", goals=[goal("orders", 1)]), task("growth", claim="tap"), task("campaign", ends_on=None),
     task("campaign", starts_on=None), task("campaign", starts_on="2026-12-01"), task("daily", starts_on="2026-12-01",
     ends_on="2026-12-02")], [task("growth"), task("campaign"), task("campaign", starts_on="2026-11-30"),
     task("daily", claim="tap")]),
    (f"{PROMOTION}.plus", [["p"] * 6, ["P"]], [[], ["p"] * 5]),
    (f"{PROMOTION}.also", [[goal("orders", 1)] * 6, [goal("orders", 1, also=[])]], [[], [goal("orders", 1)] * 5]),
    ("badges.0.title", [{"zh": "称号"}], [WORDS, None]),
    *((f"tiers.retention.{name}", [low - 1, high + 1], [low, high]) for name, low, high in (
        ("early_warning_months", 0, 59), ("warning_days", 30, 90), ("task_percent", 0, 100), ("grace_days", 0, 180),
        ("grace_extension_days", 0, 180), ("grace_extensions", 0, 12), ("reinstatement_days", 0, 366),
        ("sprint.purchase_percent", 0, 100), ("sprint.invite_percent", 0, 100), ("sprint.purchase_points", 0, 10**6),
        ("sprint.invite_points", 0, 10**6))),
    ("tiers.retention.sprint.task_points_factor", ["-2", "2x", 2], ["0", "2", "1.5"]),
    ("tasks.0.goals", [[goal("orders", 1)] * 21], [[], [goal("orders", 1)] * 20]),
    ("streak.cycle_days", [0, 367], [1, 366]),
    ("streak.make_up_within_days", [-1, 31], [0, 30]),
    ("streak.make_ups_per_month", [-1, 32], [0, 31]),
    ("streak.make_up_cost_points", [-1, 1_000_001], [0, 1_000_000]),
    ("member_day.days_of_month", [[], [0], [29], [*range(1, 29), 1]], [[1], [28], list(range(1, 29))]),
    ("expiry.valid_months", [0, 121], [1, 120]),
    ("expiry.refund_grace_days", [0, 367], [1, 366]),
    ("expiry.notice_days", [[0], [367], [1] * 11], [[], [1, 366], [1] * 10]),
    ("pending.mode", ["weeks"], ["none", "days"]),
    ("pending.days", [0, 91], [1, 90]),
    ("refunds.policy", ["forgive"], ["debt", "within_balance"]),
    ("guard_rails.no_gifts", ["maybe", 2], [True, False]),
    ("limits.max_order_fen", [0, 10**13 + 1], [1, 10**13]),
    ("limits.max_points_per_entry", [0, 10**12 + 1], [1, 10**12]),
    ("capabilities", [[], {"invites": []}], [{}, {"invites": {}}]),
    ("earning", [[rule(id=f"r{n}") for n in range(101)]], [[], [rule(id=f"r{n}") for n in range(100)]]),
]  # fmt: skip


@pytest.mark.parametrize(("path", "refused", "accepted"), BOUNDS, ids=[bound[0] for bound in BOUNDS])
def test_each_field_on_both_sides_of_its_bounds(path: str, refused: list[Any], accepted: list[Any]) -> None:
    for value in refused:
        found = findings({path: value})
        assert {finding.code for finding in found} == {"INVALID"}, value
        # At the field, inside it, or at the part whose own rule it breaks.
        assert all(path.startswith(finding.path) or finding.path.startswith(path) for finding in found)
    for value in accepted:
        load(changed({path: value}))


@pytest.mark.parametrize(("count", "loads"), [(2, False), (3, True), (5, True), (6, False)])
def test_a_brand_has_three_to_five_tiers(count: int, loads: bool) -> None:
    levels = [{"code": f"t{n}", "name": WORDS, "promotion": [goal("orders", n)] if n else []} for n in range(count)]
    bare = {"tiers": {"levels": levels}, "earning.2": GONE, "multipliers": []}
    assert ("INVALID" not in {finding.code for finding in findings(bare)}) == loads


# Conditions ---------------------------------------------------------------------------------------------------------

TREES: list[tuple[list[dict[str, Any]], list[dict[str, Any]]]] = [
    ([{}, {"all": None}, {"first_time": True, "birthday": True}, {"moon": "full"}, {"not_": {"first_time": True}}],
     [{"not": {"first_time": True}}]),
    ([{"all": []}, {"any": []}, {"all": [{}]}, {"any": {"first_time": True}}, {"all": [{"first_time": True}] * 101}],
     [{"all": [{"first_time": True}]}, {"any": [{"birthday": False}] * 100}]),
    ([{"category": []}, {"category": "tea"}, {"category": ["t"] * 201}], [{"category": ["茶"]}]),
    ([{"tier": []}, {"tier": ["Gold"]}, {"tier": ["gold"] * 6}], [{"tier": ["gold"]}]),
    ([{"tag": []}, {"tag": ["t"] * 101}], [{"tag": ["vip"]}]),
    ([{"first_time": None}, {"first_time": "perhaps"}], [{"first_time": False}]),
    ([{"weekday": []}, {"weekday": [0]}, {"weekday": [8]}, {"weekday": [1] * 8}], [{"weekday": [1, 7]}]),
    ([{"day_of_month": []}, {"day_of_month": [0]}, {"day_of_month": [32]}], [{"day_of_month": [1, 31]}]),
    ([{"dates": {"starts_on": "2026-02-02", "ends_on": "2026-02-01"}}, {"dates": {"starts_on": "2026-02-30",
     "ends_on": "2026-03-01"}}, {"dates": {"starts_on": "2026-02-02"}}],
     [{"dates": {"starts_on": "2026-02-02", "ends_on": "2026-02-02"}}]),
    ([{"time_of_day": {"starts_at": start, "ends_at": "11:00"}} for start in ("24:00", "9", "10:00Z", "10:00+08:00",
     "10:00:30", "10:00:00.5")], [{"time_of_day": {"starts_at": "22:00", "ends_at": "02:00"}}]),
    ([{"amount": {"at_least_fen": -1}}, {"amount": {"at_most_fen": 10**13 + 1}}], [{"amount": {}},
     {"amount": {"at_least_fen": 10**13, "at_most_fen": 0}}]),
    ([{"counter": {"metric": "orders"}}, {"counter": {"metric": "orders", "at_least": 0}},
     {"counter": {"metric": "orders", "at_least": 10**30}}, {"counter": {"metric": "orders", "at_least": 1,
     "window": "year"}}], [{"counter": {"metric": "orders", "at_least": 10**15, "window": "months:12"}}]),
    ([{"seconds_at_least": 0}, {"seconds_at_least": 1.5}], [{"seconds_at_least": 1}]),
    ([{"member_day": None}, {"birthday": []}], [{"member_day": False}, {"birthday": True}]),
]  # fmt: skip


@pytest.mark.parametrize(("refused", "accepted"), TREES, ids=[str(list(good[0])) for _, good in TREES])
def test_each_condition_on_both_sides(refused: list[dict[str, Any]], accepted: list[dict[str, Any]]) -> None:
    for tree in refused:
        found = findings({"earning.11.when": tree})
        assert {finding.code for finding in found} == {"INVALID"}, tree
        assert all(finding.path.startswith("earning.11.when") for finding in found)
    for tree in accepted:
        Condition.model_validate(tree)
        load(changed({"earning.11.when": tree}))


def test_every_kind_of_leaf_has_its_row_above() -> None:
    told = {key for _, accepted in TREES for tree in accepted for key in tree}
    assert told == {field.alias or name for name, field in Condition.model_fields.items()}


@pytest.mark.parametrize(("extra", "fits"), [(0, True), (1, False)])
@pytest.mark.parametrize("where", ["conditions", "capabilities"])
def test_a_document_is_as_deep_as_the_store_keeps_and_no_deeper(extra: int, fits: bool, where: str) -> None:
    # Above the tree: document, section and rule, or document and sections. At its end: the leaf and the leaf's value.
    above, tree = (3, {"first_time": True}) if where == "conditions" else (2, {"x": 1})
    for number in range(MAX_DEPTH - above - 2 + extra):
        tree = {"not": tree} if where == "conditions" or number % 2 else {"x": tree}
    document = changed({"earning.11.when" if where == "conditions" else "capabilities.deep": tree})
    assert ([f.code for f in lint_document(document)] == []) == fits
    assert MAX_DEPTH == items.MAX_DEPTH
    if fits:
        items.pack(document)
    else:
        with pytest.raises(InvalidFields):
            items.pack(document)


@pytest.mark.parametrize("depth", [10**4, 10**5])
def test_an_abyss_is_a_finding_and_not_a_crash(depth: int) -> None:
    tree: Any = {}
    for _ in range(depth):
        tree = [tree]
    document = changed({})
    document["capabilities"]["abyss"] = {"x": tree}
    assert [f.code for f in lint_document(document)] == ["INVALID"]
    while tree:  # taken apart by hand: so deep a list could exhaust the stack when it is thrown away
        tree = tree[0]


# Hostile documents --------------------------------------------------------------------------------------------------

HOSTILE: list[Any] = [
    None, True, 5, 1.5, math.nan, "text", [], [{}], {}, {"brand": None}, {"brand": {}, "earning": {}, "tiers": []},
    *(changed({path: value})
      for path in ("brand", "brand.name.zh", "earning", "earning.11.when", "earning.11.points", "tiers.levels",
                   "tiers.levels.1.promotion.0.at_least", "multipliers.0.by_tier", "expiry.notice_days", "guard_rails")
      for value in (False, math.nan, math.inf, float("1e999"), "\ud800", 10**30, -1, [[]], {"": {}}, "x" * 10_000)),
    *(changed({path: value})
      for path in ("capabilities.lottery.max_prize_fen", "capabilities.invites.levels", "capabilities.\ud800")
      for value in (math.nan, math.inf, "\udfff", {"\ud800": 1})),
    changed({"earning.+": rule(id="join")}), changed({"tiers.levels.2.code": "silver"}),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_a_hostile_document_is_refused_by_findings(number: int) -> None:
    found = lint_document(HOSTILE[number])
    assert "refuse" in {finding.severity for finding in found}
    # What is answered can be sent.
    assert [(f.path + f.message + f.message_zh).encode() for f in found]


@pytest.mark.parametrize("value", [10**30, 10**5000, -(10**30), True, [], {}, "", "2"], ids=lambda value: type(value))
def test_anything_may_stand_in_a_section_of_a_later_capability(value: Any) -> None:
    for path in ("capabilities.later", "capabilities.lottery.max_prize_fen", "capabilities.gifts.on"):
        for finding in findings({path: {"x": value} if path == "capabilities.later" else value}):
            assert finding.severity == "refuse"


def test_a_document_of_nearly_two_hundred_thousand_bytes_is_read() -> None:
    leaf = {"counter": {"metric": "visits", "window": "months:12", "at_least": 1}}
    rules = [rule(id=f"rule_{n}", when={"any": [leaf] * 22}) for n in range(100)]
    document = changed({"earning": rules})
    assert 180_000 < len(json.dumps(document, ensure_ascii=False).encode()) < 200_000
    items.pack(document)
    assert {finding.severity for finding in lint_document(document)} <= {"warn"}


# What is counted ----------------------------------------------------------------------------------------------------

ALWAYS = {metric: {"lifetime"} for metric in ("spend_fen", "orders", "check_ins", "tasks", "qualified_invites")}
COUNTER = {"counter": {"metric": "visits", "window": "week", "at_least": 1}}
FIRST = {"all": [{"not": {"first_time": False}}]}
LOGIN = {"behaviours": [behaviour(code="login")]}
LEVELS = "tiers.levels.2"


def benefit(code: str = "a", **value: Any) -> dict[str, Any]:
    return {"code": code, "kind": "feature", "name": WORDS, "value": value}


WINDOWS: list[tuple[dict[str, Any], dict[str, set[str]]]] = [
    ({}, {}),
    (LOGIN, {}),
    ({"earning": [rule(when={"any": [{"not": COUNTER}]})]}, {"visits": {"week"}}),
    ({"earning": [rule(when={"counter": {"metric": "orders", "window": "month", "at_least": 1}})]},
     {"orders": {"lifetime", "months:1"}}),
    ({"earning": [rule(caps=[{"per": "month", "times": 1}, {"per": "day", "points": 9}])]},
     {"rule_extra": {"months:1"}, "paid_extra": {"day"}}),
    ({**LOGIN, "earning": [rule(trigger="login", when=FIRST)]}, {"login": {"lifetime"}}),
    ({**LOGIN, "earning": [rule(trigger="order_paid", when=FIRST)]}, {}),
    ({**LOGIN, "multipliers": [multiplier(triggers=["login"], when=FIRST)]}, {"login": {"lifetime"}}),
    ({**LOGIN, "multipliers": [multiplier(when=FIRST)]}, {}),
    ({"multipliers": [multiplier(when=COUNTER)]}, {"visits": {"week"}}),
    ({f"{LEVELS}.promotion": [goal("uses", 9, "months:3")]}, {"uses": {"months:3", "lifetime"}}),
    ({f"{LEVELS}.promotion": [goal("uses", 9, "months:3")], "tiers.retention_percent_of_promotion": None},
     {"uses": {"months:3"}}),
    # A tier that was lost comes back by what was done since.
    ({f"{LEVELS}.retention": [goal("uses", 9, "months:12"), goal("uses", 1, "day")]},
     {"uses": {"months:12", "day", "lifetime"}}),
    ({"tasks": [{"id": "t", "name": WORDS, "kind": "daily", "goals": [goal("visits", 1, "day")]}]},
     {"visits": {"day"}}),
    ({"badges": [{"id": "b", "name": WORDS, "goal": goal("shares", 1)}, {"id": "c", "name": WORDS}]},
     {"shares": {"lifetime"}}),
    # The period is a lifetime less what it began with.
    ({f"{LEVELS}.retention": [goal("uses", 9, "period", plus=["steps"], also=[goal("visits", 1, "week")])]},
     {"uses": {"lifetime"}, "steps": {"lifetime"}, "visits": {"week", "lifetime"}}),
    ({f"{LEVELS}.promotion": [goal("uses", 9, "months:3")], f"{LEVELS}.retention": [goal("orders", 1)]},
     {"uses": {"months:3"}}),
    # Kept by a share of what reaches it: within the period.
    ({f"{LEVELS}.promotion": [goal("uses", 9, "months:3", plus=["steps"])]},
     {"uses": {"months:3", "lifetime"}, "steps": {"months:3", "lifetime"}}),
    ({"tasks": [task("campaign", goals=[goal("visits", 1)], when=COUNTER)]},
     {"visits": {"dates:2026-11-01:2026-11-30", "week"}}),
    ({f"{LEVELS}.benefits": [benefit(per_day=3), benefit(per_month=3, code="b"), benefit(unlimited=True, code="c"),
      benefit(per_day="3", code="d"), benefit(per_day=True, code="f"),
      {**benefit(per_month=1, code="e"), "kind": "economic"}]},
     {"use_a": {"day"}, "use_b": {"months:1"}}),
]  # fmt: skip


@pytest.mark.parametrize(("sections", "counted"), WINDOWS, ids=[str(row)[:60] for row, _ in WINDOWS])
def test_only_what_the_document_reads_is_counted(sections: dict[str, Any], counted: dict[str, set[str]]) -> None:
    levels = [{"code": f"t{n}", "name": WORDS, "promotion": [goal("orders", n)] if n else []} for n in range(3)]
    levels[1]["retention"] = [goal("orders", 1)]
    bare = {"behaviours": [], "earning": [], "multipliers": [], "tasks": [], "badges": [], "tiers.levels": levels}
    assert load(changed({**bare, **sections})).windows == {**ALWAYS, **counted}
