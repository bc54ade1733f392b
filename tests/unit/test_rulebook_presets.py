"""The presets: they load, lint clean, and say what the product says."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from chalicelib.engine.account import Account, Profile, Standing
from chalicelib.engine.events import Behaved, Cause, CheckedIn, Event, Joined, OrderPaid, ProfileChanged
from chalicelib.engine.process import process
from chalicelib.engine.tiers import progress
from chalicelib.rulebook.linter import lint_document
from chalicelib.rulebook.metrics import known_metrics
from chalicelib.rulebook.model import Published, Rulebook, load
from chalicelib.rulebook.presets import NAMES, preset
from chalicelib.shared.clock import business_date
from tests.unit.documents import place


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_leaves_the_linter_nothing_to_say(name: str) -> None:
    assert lint_document(preset(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_survives_being_dumped_and_loaded_again(name: str) -> None:
    rulebook = load(preset(name))
    assert load(rulebook.model_dump(mode="json", by_alias=True, exclude_unset=True)) == rulebook


def test_each_call_gives_a_document_of_its_own() -> None:
    preset("retail")["brand"]["name"]["zh"] = "别的品牌"
    assert preset("retail")["brand"]["name"]["zh"] != "别的品牌"


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(KeyError):
        preset("../retail")


@pytest.mark.parametrize("name", NAMES)
def test_names_hold_no_number_so_that_no_number_is_written_twice(name: str) -> None:
    texts: list[str] = []

    def read(value: Any, key: str = "") -> None:
        if isinstance(value, dict):
            for inner, child in value.items():
                read(child, inner)
        elif isinstance(value, list):
            for child in value:
                read(child, key)
        elif key in ("zh", "en"):
            texts.append(value)

    read(preset(name))
    assert texts
    assert [text for text in texts if re.search(r"\d", text)] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_counter_a_preset_reads_is_grown_by_something(name: str) -> None:
    rulebook = load(preset(name))
    assert set(rulebook.windows) <= known_metrics(rulebook)


@pytest.mark.parametrize("name", NAMES)
def test_sharing_pays_nothing(name: str) -> None:
    rulebook = load(preset(name))
    assert rulebook.behaviour("share") is not None
    assert [rule.id for rule in rulebook.earning if rule.trigger == "share"] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_guard_rail_is_on(name: str) -> None:
    assert all(load(preset(name)).guard_rails.model_dump().values())


def goals(rulebook: Rulebook, tier: str, kind: str = "promotion") -> set[tuple[str, str, int]]:
    return {(g.metric, g.window, g.at_least) for g in getattr(rulebook.tier(tier), kind)}


def test_the_retail_tiers_are_the_products() -> None:
    rulebook = load(preset("retail"))
    assert [tier.code for tier in rulebook.tiers.levels] == ["normal", "silver", "gold", "diamond"]
    assert goals(rulebook, "silver") == {("spend_fen", "lifetime", 500_00), ("orders", "months:3", 3)}
    assert goals(rulebook, "gold") == {
        ("spend_fen", "lifetime", 2_000_00), ("orders", "months:3", 10), ("qualified_invites", "lifetime", 5),
    }  # fmt: skip
    assert goals(rulebook, "diamond") == {("spend_fen", "lifetime", 10_000_00), ("orders", "months:3", 25)}
    assert goals(rulebook, "gold", "retention") == {
        ("spend_fen", "period", 1_000_00), ("uses", "period", 5), ("tasks", "period", 50),
    }  # fmt: skip
    # Every other tier is kept by the share.
    assert [tier.code for tier in rulebook.tiers.levels if tier.retention] == ["gold"]
    assert (rulebook.tiers.held_months, rulebook.tiers.retention_percent_of_promotion) == (12, 80)


@pytest.mark.parametrize("name", NAMES)
def test_a_tier_is_lost_by_the_products_protocol(name: str) -> None:
    policy = load(preset(name)).tiers.retention
    assert policy.model_dump() == {
        "early_warning_months": 6, "warning_days": 30, "task_percent": 2,
        "sprint": {"task_points_factor": "2", "purchase_percent": 5, "purchase_points": 50, "invite_percent": 10,
                   "invite_points": 200},
        "grace_days": 30, "grace_extension_days": 30, "grace_extensions": 3, "reinstatement_days": 90,
    }  # fmt: skip
    # Written out, so that an operator finds every number in the document.
    assert preset(name)["tiers"]["retention"] == policy.model_dump()
    assert "tiers" not in preset(name)["capabilities"]


@pytest.mark.parametrize(("name", "limits"), [
    ("retail", {}),
    ("content", {"browse": (None, 2 * 3600), "comment": (5, None), "like": (5, None), "vote": (5, None)}),
    ("tool", {"session": (None, 4 * 3600), "feature_used": (5, None)}),
])  # fmt: skip
def test_what_phones_report_for_a_tier_counts_so_often_a_day(name: str, limits: dict[str, Any]) -> None:
    found = {b.code: (b.counted_per_day, b.seconds_per_day) for b in load(preset(name)).behaviours}
    assert {code: limit for code, limit in found.items() if limit != (None, None)} == limits


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_may_hold_the_largest_order_and_a_document_that_does_not_say_so_means_what_it_did(name: str) -> None:
    document = preset(name)
    assert load(document).limits.max_points_per_entry == 10**12
    del document["limits"]
    assert load(document).limits.max_points_per_entry == 10**11


@pytest.mark.parametrize("name", ["content", "tool"])
def test_content_and_tool_are_kept_by_four_fifths_of_what_reaches_them(name: str) -> None:
    rulebook = load(preset(name))
    for tier in rulebook.tiers.levels[1:]:
        wanted = {(metric, "period", -(-80 * least // 100)) for metric, _, least in goals(rulebook, tier.code)}
        assert goals(rulebook, tier.code, "retention") == wanted


def test_the_retail_points_are_the_products() -> None:
    rules = {rule.id: rule for rule in load(preset("retail")).earning}
    fixed = {name: rule.points.fixed for name, rule in rules.items() if rule.points.fixed is not None}
    assert fixed == {
        "join": 100, "profile": 50, "browse": 10, "feature": 20, "comment": 5, "like": 5, "vote": 5, "review": 50,
        "survey": 50, "first_order": 100,
    }  # fmt: skip
    assert rules["login"].points.by_tier == {"normal": 10, "silver": 15, "gold": 20, "diamond": 30}
    streak = rules["check_in"].points.by_streak_day or ()
    assert (streak[0], streak[6], len(streak), list(streak)) == (5, 20, 7, sorted(streak))
    assert rules["purchase"].points.per_yuan == "1"
    assert rules["purchase"].points.category_rates == {"featured": "2"}
    caps = {(name, cap.per): cap.times for name, rule in rules.items() for cap in rule.caps}
    assert caps == {
        ("profile", "lifetime"): 1, ("login", "day"): 1, ("browse", "day"): 1, ("feature", "day"): 1,
        ("comment", "day"): 5, ("like", "day"): 5, ("vote", "day"): 5, ("survey", "month"): 1,
    }  # fmt: skip


NOON, MEMBER_DAY = datetime(2026, 11, 24, 4, tzinfo=UTC), datetime(2026, 11, 15, 4, tzinfo=UTC)


def earned(name: str, event: Callable[[datetime], Event], at: datetime, birthday: str) -> dict[str, int]:
    """rule → what a gold member earns by it."""
    published = Published(version=1, rulebook=load(preset(name)))
    member = Account(
        "m", standing=Standing("gold", date(2026, 6, 1), date(2027, 6, 1)), profile=Profile(birthday=birthday)
    )
    return {line.rule: line.points for line in process(published, member, event(at), at).entry.lines if line.points}


def done(kind: str) -> Callable[[datetime], Event]:
    return lambda at: Behaved(Cause("m", "x"), kind, at, seconds=600, trusted=True)


def checked_in(at: datetime) -> Event:
    return CheckedIn(Cause("m", "x"), business_date(at, "Asia/Shanghai"))


def bought(at: datetime) -> Event:
    return OrderPaid(Cause("o", "o"), "o", at, 100_00)


@pytest.mark.parametrize("name", NAMES)
def test_a_birthday_doubles_what_members_earn_by_doing_and_a_tier_only_purchases(name: str) -> None:
    rulebook = load(preset(name))
    kinds = [rule.trigger for rule in rulebook.earning if rulebook.behaviour(rule.trigger)]
    assert len(kinds) > 7
    for event in [checked_in, *map(done, kinds)]:
        plain, member_day = (earned(name, event, at, "01-01") for at in (NOON, MEMBER_DAY))
        assert plain == member_day != {}
        doubled = {rule: 2 * points for rule, points in plain.items()}
        assert earned(name, event, NOON, "11-24") == earned(name, event, MEMBER_DAY, "11-15") == doubled
    # Gold: twice on a day, four times on member day, and twice that on the birthday. A welcome is paid once, as it is.
    for at, birthday, points in ((NOON, "01-01", 200), (MEMBER_DAY, "01-01", 400), (NOON, "11-24", 400),
                                 (MEMBER_DAY, "11-15", 800)):  # fmt: skip
        found = earned(name, bought, at, birthday)
        assert (found["purchase"], found["first_order"]) == (points, 100)


@pytest.mark.parametrize("name", NAMES)
def test_the_newcomer_task_brings_silver_two_steps_nearer_and_progress_shows_it(name: str) -> None:
    published = Published(version=1, rulebook=load(preset(name)))
    event: Any = Joined(Cause("m", "joined"))
    account = process(published, Account("m"), event, NOON).account
    before = {(step.way, step.have) for step in progress(published.rulebook, account, date(2026, 11, 24))}
    assert {have for _, have in before} == {0}
    steps: list[Event] = [checked_in(NOON)]
    if name == "retail":
        steps.append(ProfileChanged(Cause("m", "p"), {"nickname": "n", "avatar_url": "u", "birthday": "01-01"}))
    else:
        steps.append(done("like" if name == "content" else "feature_used")(NOON))
    lines: dict[str, int] = {}
    for number, step in enumerate(steps):
        decision = process(published, account, replace(step, cause=Cause("m", f"c{number}")), NOON)
        account, lines = decision.account, {line.rule: line.points for line in decision.entry.lines}
    assert lines["newcomer"] == 100
    own = {"retail": 0, "content": 1, "tool": 1}[name]
    found = {step.metric: (step.have, step.need) for step in progress(published.rulebook, account, date(2026, 11, 24))}
    metric, need = {"retail": ("orders", 3), "content": ("interactions", 50), "tool": ("uses", 5)}[name]
    assert found[metric] == (own + 2, need)
    if name == "retail":
        order = process(published, account, OrderPaid(Cause("o", "o"), "o", NOON, 1_00), NOON)
        assert order.entry.tier_after == "silver"


def test_the_retail_multipliers_expiry_and_tasks_are_the_products() -> None:
    rulebook = load(preset("retail"))
    multipliers = {multiplier.id: multiplier for multiplier in rulebook.multipliers}
    assert multipliers["tier"].by_tier == {"normal": "1", "silver": "1.5", "gold": "2", "diamond": "3"}
    assert multipliers["member_day"].by_tier == {"normal": "1.5", "silver": "3", "gold": "4", "diamond": "6"}
    assert multipliers["birthday"].factor == "2"
    assert multipliers["tier"].group == multipliers["member_day"].group != multipliers["birthday"].group
    assert rulebook.member_day.days_of_month == (15,)
    assert (rulebook.expiry.valid_months, rulebook.expiry.notice_days, rulebook.pending.mode) == (12, (30, 7), "none")
    assert rulebook.points_per_yuan_value == 100
    tasks = {task.id: task.points for task in rulebook.tasks}
    assert tasks == {"newcomer": 100, "daily": 50, "weekly": 200, "growth": 500, "member_day": 500}


# What the product says of capabilities this version only keeps: (place in `capabilities`, value).
PLANNED: list[tuple[str, Any]] = [
    ("invites.levels", 1),
    ("invites.friend_first_order", {"points": 200, "percent_of_amount_as_points": 10, "max_points": 1000}),
    ("invites.milestones", [{"invites": 3, "reward": "discount"}, {"invites": 5, "reward": "gold"},
                            {"invites": 10, "reward": "event_ticket"}]),
    ("invites.boards", ["month", "quarter", "festival"]),
    ("lottery", {"on": False, "max_prize_fen": 50_000_00, "records_kept_years": 2}), ("gifts.on", False),
    ("recall.after_days", 30), ("recall.expiry_notice_days", 7), ("recall.tier_notice_days", 15),
    ("recall.pack", {"points": 300, "tier": "silver", "tier_days": 7, "first_order_points": 500,
                     "double_points_days": 7}),
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("path", "value"), PLANNED, ids=[path for path, _ in PLANNED])
def test_the_sections_of_later_capabilities_hold_the_products_numbers(name: str, path: str, value: Any) -> None:
    container, key = place(preset(name)["capabilities"], path)
    assert container[key] == value


@pytest.mark.parametrize("name", NAMES)
def test_a_member_day_s_prices_and_the_bands_are_the_products(name: str) -> None:
    document, rulebook = preset(name), load(preset(name))
    tiers = [tier.code for tier in rulebook.tiers.levels]
    assert rulebook.redemption.member_day_factors == dict(zip(tiers, ("0.8", "0.8", "0.7", "0.5"), strict=False))
    assert rulebook.redemption.bands == (100, 1_000, 10_000)
    # Written out, so that an operator finds every number in the document.
    assert document["redemption"] == rulebook.redemption.model_dump(mode="json")
    assert [rulebook.redemption.band(price) for price in (99, 100, 999, 1_000, 9_999, 10_000)] == [0, 1, 1, 2, 2, 3]
    assert (rulebook.redemption.cash.max_percent, rulebook.redemption.cash.earns) == (30, False)


def test_the_retail_sections_know_the_surprise() -> None:
    surprise = load(preset("retail")).coupons.surprise
    assert surprise
    assert (surprise.min_fen, surprise.max_fen) == (1_00, 10_00)


@pytest.mark.parametrize("name", NAMES)
def test_the_titles_of_those_who_bring_friends_are_badges(name: str) -> None:
    titled = {badge.id: badge.title for badge in load(preset(name)).badges if badge.title}
    assert [title.zh for title in titled.values()] == ["推广达人", "品牌挚友"]
    assert preset(name)["capabilities"]["invites"]["badges"] == list(titled)


@pytest.mark.parametrize("name", NAMES)
def test_quotas_are_three_ten_and_unlimited_and_birthdays_are_granted(name: str) -> None:
    rulebook = load(preset(name))
    uses = [next(b for b in tier.benefits if b.code == "daily_uses") for tier in rulebook.tiers.levels]
    assert all(benefit.usable for benefit in uses)
    assert [benefit.quotas for benefit in uses] == [{"day": 3}, {"day": 10}, *[{}] * (len(uses) - 2)]
    assert rulebook.windows["use_daily_uses"] == {"day"}
    birthdays = [b for tier in rulebook.tiers.levels for b in tier.benefits if b.code == "birthday"]
    assert birthdays
    assert all(benefit.on_birthday for benefit in birthdays)
    monthly = {tier.code: b.monthly for tier in rulebook.tiers.levels for b in tier.benefits if b.monthly}
    assert monthly == ({"gold": 1, "diamond": 1} if name == "retail" else {})


def test_the_retail_benefits_are_the_products() -> None:
    rulebook = load(preset("retail"))
    given = {tier.code: {benefit.code: benefit.value for benefit in tier.benefits} for tier in rulebook.tiers.levels}
    assert [given[tier].get("discount") for tier in given] == [
        None, {"pay_percent": 98}, {"pay_percent": 95}, {"pay_percent": 95},
    ]  # fmt: skip
    assert [given[tier]["daily_uses"] for tier in given] == [
        {"per_day": 3}, {"per_day": 10}, {"unlimited": True}, {"unlimited": True},
    ]  # fmt: skip
    for tier in ("gold", "diamond"):
        assert {"free_shipping", "support", "birthday", "icon", "frame"} <= set(given[tier])
        assert given[tier]["monthly_coupon"] == {"amount_fen": 50_00, "per_month": 1, "coupon": "monthly_50"}
        coupon = rulebook.coupons.definition("monthly_50")
        assert coupon
        assert coupon.amount_off_fen == 50_00
    assert {"priority", "early_access", "title"} <= set(given["diamond"])
    kinds = {benefit.kind for tier in rulebook.tiers.levels for benefit in tier.benefits}
    assert kinds == {"economic", "service", "feature", "honour"}


def test_the_retail_tasks_ask_for_what_the_product_says() -> None:
    asked = {task.id: {(g.metric, g.window, g.at_least) for g in task.goals} for task in load(preset("retail")).tasks}
    assert asked["daily"] == {("visits", "day", 1), ("browse", "day", 1), ("interactions", "day", 1)}
    assert asked["weekly"] == {("spend_fen", "week", 300_00)}
    assert asked["growth"] == set()
    assert asked["newcomer"] == {("profile_completed", "lifetime", 1), ("check_ins", "lifetime", 1)}
    assert asked["member_day"] == {("orders", "day", 1)}
    browse = next(rule for rule in load(preset("retail")).earning if rule.id == "browse")
    assert browse.when is not None
    assert browse.when.seconds_at_least == 5 * 60


def test_content_and_tool_lead_upwards_by_time_use_and_payment() -> None:
    content, tool = load(preset("content")), load(preset("tool"))
    assert goals(content, "silver") == {("browse_seconds", "lifetime", 36_000), ("interactions", "lifetime", 50)}
    assert goals(content, "gold") == {("browse_seconds", "lifetime", 180_000), ("spend_fen", "lifetime", 300_00)}
    assert goals(tool, "silver") == {("uses", "lifetime", 5), ("session_seconds", "lifetime", 36_000)}
    assert goals(tool, "gold") == {("paid_plans", "lifetime", 1), ("uses", "lifetime", 30)}


def test_an_older_document_loads_and_what_it_lacks_has_its_default() -> None:
    document = preset("retail")
    newest = load(document)
    kept = ("brand", "earning", "tiers", "behaviours")
    oldest = load({name: value for name, value in document.items() if name in kept})
    assert oldest.earning == newest.earning
    assert oldest.category_names == {}
    assert (oldest.schema_version, oldest.pending.mode, oldest.refunds.policy) == (1, "none", "debt")
    assert all(oldest.guard_rails.model_dump().values())
