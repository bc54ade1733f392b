"""Promotions of the three presets, on both sides of every threshold, and what counters keep for them."""

from datetime import date

import pytest

from chalicelib.engine import tiers
from chalicelib.engine.account import Account
from chalicelib.engine.counters import add, read
from chalicelib.rulebook.model import Rulebook
from tests.unit.lives import BOOKS, MEMBER, Life, book, shanghai
from tests.unit.rulebooks import words


@pytest.mark.parametrize(
    ("spent_fen", "tier"),
    [
        (49_999, "normal"), (50_000, "silver"), (199_999, "silver"), (200_000, "gold"), (999_999, "gold"),
        (1_000_000, "diamond"),
    ],
)  # fmt: skip
def test_retail_promotes_by_what_was_spent_in_a_life_at_once_or_bit_by_bit(spent_fen: int, tier: str) -> None:
    once = Life()
    once.buy(spent_fen)
    assert once.tier == tier
    in_two_years = Life()
    in_two_years.buy(spent_fen - 1)
    in_two_years.pass_(days=400).buy(1)
    assert in_two_years.tier == tier


@pytest.mark.parametrize(
    ("orders", "tier"), [(2, "normal"), (3, "silver"), (9, "silver"), (10, "gold"), (24, "gold"), (25, "diamond")]
)
def test_retail_promotes_by_the_orders_of_three_months_however_small(orders: int, tier: str) -> None:
    life = Life()
    for _ in range(orders):
        life.buy(1)
    assert life.tier == tier


@pytest.mark.parametrize(
    ("days", "tier"),
    [
        (("2026-09-01 00:00", "2026-10-15 12:00", "2026-11-30 23:59"), "silver"),
        (("2026-08-31 23:59", "2026-10-15 12:00", "2026-11-30 23:59"), "normal"),
        (("2026-09-30 12:00", "2026-10-01 12:00", "2026-12-01 00:00"), "normal"),
        (("2026-11-30 12:00", "2026-12-31 23:59", "2027-01-01 00:00"), "silver"),
        (("2026-10-31 23:59", "2026-12-31 23:59", "2027-01-01 00:00"), "normal"),
        (("2027-12-31 23:59", "2028-01-31 12:00", "2028-02-29 23:59"), "silver"),
        (("2027-12-31 23:59", "2028-02-29 23:59", "2028-03-01 00:00"), "normal"),
    ],
)
def test_three_months_are_this_calendar_month_and_the_two_before_on_the_shops_calendar(
    days: tuple[str, ...], tier: str
) -> None:
    life = Life(now=shanghai(days[0]))
    for day in days:
        life.at(day).buy(1)
    assert life.tier == tier


def test_an_order_reported_late_counts_in_its_own_month() -> None:
    life = Life().at("2026-11-24 12:00")
    for paid_at in ("2026-08-31 23:59", "2026-10-15 12:00", "2026-11-01 00:00"):
        life.buy(1, at=shanghai(paid_at))
    assert life.tier == "normal"
    life.buy(1, at=shanghai("2026-09-01 00:00"))
    assert life.tier == "silver"


def test_the_entry_that_earned_the_promotion_tells_it_and_the_new_tier_pays_from_the_next_order_on() -> None:
    life = Life().at("2028-02-29 12:00")
    first = life.order(1_000_000)
    assert first.facts["promoted"] == {"from": "normal", "to": "diamond"}  # three steps at once
    assert life.earned(first) == 10_000 + 100
    (line,) = [line for line in first.lines if line.rule == "tier_promotion"]
    assert line.points == 0
    assert (line.why, line.why_zh) == (
        "Promoted to Diamond, held until 2029-02-28", "升级为钻石，有效期至 2029-02-28",
    )  # fmt: skip
    standing = life.account.standing
    assert standing is not None
    assert (standing.since, standing.valid_until) == (date(2028, 2, 29), date(2029, 2, 28))
    assert life.buy(10_000) == 300


def test_a_member_is_promoted_once() -> None:
    life = Life()
    life.buy(50_000)
    assert "promoted" in life.entries[-1].facts
    assert life.buy(1) == 0
    assert "promoted" not in life.entries[-1].facts


@pytest.mark.parametrize(
    ("events", "tier"),
    [
        ((("browse", 7_200),) * 4 + (("browse", 7_199),), "normal"),
        ((("browse", 7_200),) * 5, "silver"),
        ((("browse", 86_400),) * 4, "normal"),  # two hours at most in one day
        ((("comment", 5), ("like", 5)) * 4 + (("vote", 5), ("like", 4)), "normal"),
        ((("comment", 5), ("like", 5)) * 5, "silver"),
        ((("comment", 6),) * 9 + (("like", 4),), "normal"),  # five at most in one day
        ((("browse", 7_200),) * 24 + (("browse", 7_199),), "silver"),
        ((("browse", 7_200),) * 25, "gold"),
    ],
)
def test_content_promotes_by_hours_of_reading_and_by_interactions(
    events: tuple[tuple[str, int], ...], tier: str
) -> None:
    life = Life(book("content"))
    for kind, amount in events:
        for _ in range(1 if kind == "browse" else amount):
            life.do(kind, seconds=amount)
        life.pass_(days=1)
    assert life.tier == tier


@pytest.mark.parametrize(("fen", "tier"), [(29_999, "normal"), (30_000, "gold")])
def test_content_promotes_a_payer_straight_to_gold(fen: int, tier: str) -> None:
    life = Life(book("content"))
    life.buy(fen)
    assert life.tier == tier


@pytest.mark.parametrize(
    ("events", "tier"),
    [
        ((("feature_used", 0),) * 4, "normal"),
        ((("feature_used", 0),) * 4 + (("service_finished", 0),), "silver"),
        ((("feature_used", 0),) * 5, "silver"),
        ((("feature_used", 0),) * 30, "silver"),  # five at most in one day
        ((("service_finished", 0),) * 29, "silver"),
        ((("service_finished", 0),) * 30, "gold"),
        ((("session", 14_400), ("session", 14_400), ("session", 7_199)), "normal"),
        ((("session", 14_400), ("session", 14_400), ("session", 7_200)), "silver"),
        ((("plan_paid", 0),), "gold"),
    ],
)
def test_tool_promotes_by_uses_by_hours_and_by_a_paid_plan(events: tuple[tuple[str, int], ...], tier: str) -> None:
    life = Life(book("tool"))
    for kind, seconds in events:
        life.do(kind, seconds=seconds)
        if kind == "session":
            life.pass_(days=1)  # four hours at most in one day
    assert life.tier == tier


@pytest.mark.parametrize("base", ["content", "tool"])
def test_the_other_presets_earn_as_they_say(base: str) -> None:
    life = Life(book(base), tier="gold").at("2026-11-15 12:00")
    reading = {"content": "browse", "tool": "session"}[base]
    assert life.entries[0].points == 100
    assert [life.do("login"), life.do("login"), life.check_in()] == [20, 0, 5]
    assert [life.do(reading, seconds=299), life.do(reading, seconds=300), life.do(reading, seconds=300)] == [0, 10, 0]
    assert [life.do("feature_used"), life.do("feature_used"), life.do("review_approved")] == [20, 0, 50]
    assert [life.buy(10_000), life.buy(10_000)] == [500, 400]  # gold on the member day × 4, and the first order
    assert [life.do("survey"), life.do("survey")] == [50, 0]


def test_progress_names_every_way_to_the_next_tier_further_up_what_else_counts_and_none_at_the_top() -> None:
    life = Life()
    life.buy(12_300)
    ways = [
        (step.tier, step.metric, step.window, step.have, step.need)
        for step in tiers.progress(life.book.rulebook, life.account, life.today)
    ]
    assert ways == [
        ("silver", "spend_fen", "lifetime", 12_300, 50_000), ("silver", "orders", "months:3", 1, 3),
        ("gold", "qualified_invites", "lifetime", 0, 5),
    ]  # fmt: skip
    top = Life(tier="diamond")
    assert tiers.progress(top.book.rulebook, top.account, top.today) == []


def test_a_tier_the_rulebook_no_longer_knows_counts_as_the_first() -> None:
    life = Life(tier="platinum")
    assert life.do("login") == 10
    life.buy(50_000)
    assert life.tier == "silver"


@pytest.mark.parametrize(
    ("window", "first", "second", "read_on", "expected"),
    [
        ("day", "2026-11-24", "2026-11-24", "2026-11-24", 2),
        ("day", "2026-11-24", "2026-11-25", "2026-11-25", 1),
        ("day", "2026-11-24", "2026-11-25", "2026-11-24", 0),  # replaced by the later day
        ("week", "2026-11-23", "2026-11-29", "2026-11-29", 2),
        ("week", "2026-11-29", "2026-11-30", "2026-11-30", 1),
        ("week", "2026-12-31", "2027-01-03", "2027-01-01", 2),  # one ISO week across the year
        ("month", "2026-11-01", "2026-11-30", "2026-11-30", 2),
        ("month", "2026-11-30", "2026-12-01", "2026-12-01", 1),
        ("months:3", "2026-10-31", "2026-12-01", "2026-12-01", 2),
        ("months:3", "2026-09-30", "2026-12-01", "2026-12-01", 1),
        ("lifetime", "1998-01-01", "2026-12-01", "2026-12-01", 2),
    ],
)
def test_a_window_holds_what_happened_in_it(window: str, first: str, second: str, read_on: str, expected: int) -> None:
    rulebook = counting(window)
    counters = add({}, rulebook, "gifts", 1, date.fromisoformat(first))
    counters = add(counters, rulebook, "gifts", 1, date.fromisoformat(second))
    assert read(counters, "gifts", window, date.fromisoformat(read_on)) == expected


@pytest.mark.parametrize("window", ["day", "week", "month"])
def test_what_is_undone_late_leaves_the_window_that_replaced_its_own_alone(window: str) -> None:
    rulebook, earlier, later = counting(window), date(2026, 10, 5), date(2026, 11, 24)
    counters = add(add({}, rulebook, "gifts", 3, earlier), rulebook, "gifts", 5, later)
    assert read(add(counters, rulebook, "gifts", -3, earlier), "gifts", window, later) == 5
    assert read(add(counters, rulebook, "gifts", -3, later), "gifts", window, later) == 2
    assert read(add(counters, rulebook, "gifts", -9, later), "gifts", window, later) == 0


@pytest.mark.parametrize("window", ["day", "week", "month"])
def test_what_arrives_late_counts_in_the_window_that_replaced_its_own(window: str) -> None:
    rulebook, earlier, later = counting(window), date(2026, 10, 5), date(2026, 11, 24)
    counters = add(add({}, rulebook, "gifts", 1, later), rulebook, "gifts", 1, earlier)
    assert read(counters, "gifts", window, later) == 2


def test_a_refund_takes_the_spend_out_of_its_own_months_only() -> None:
    life = Life().at("2026-10-20 12:00")
    life.order(40_000, order_id="october")
    life.at("2026-11-24 12:00").order(30_000, order_id="november")
    life.refund("october", 40_000)
    spend, orders = life.account.counters["spend_fen"], life.account.counters["orders"]
    assert (spend["life"], spend["w:2026-11-23"]) == (30_000, 30_000)
    assert (orders["life"], orders["2026-11"]) == (1, 1)
    assert "2026-10" not in orders


def counting(window: str) -> Rulebook:
    """The retail rulebook, which also reads `gifts` over that window."""
    goal = {"metric": "gifts", "window": window, "at_least": 1, "name": words("礼")}
    return book(badges=[{"id": "giver", "name": words("礼"), "goal": goal}]).rulebook


def test_an_account_without_a_standing_is_at_the_first_tier() -> None:
    steps = tiers.progress(BOOKS["retail"].rulebook, Account(MEMBER), date(2026, 11, 24))
    assert [step.tier for step in steps] == ["silver", "silver", "gold"]
