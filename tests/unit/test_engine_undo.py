"""A refund that undoes a promotion: when what it rested on no longer stands, the tier of before is back as it was."""

from datetime import date
from typing import Any

import pytest

from chalicelib.engine.events import Refund
from chalicelib.rulebook.model import Published
from chalicelib.rulebook.presets import preset
from tests.unit.documents import goal
from tests.unit.lives import Life, book, shanghai
from tests.unit.rulebooks import document, published

SPEND, ORDERS = goal("spend_fen", 50_000), goal("orders", 3, "months:3")


def reached_by(*silver: dict[str, Any]) -> Published:
    found = document()
    found["tiers"]["levels"][1]["promotion"] = list(silver)
    return published(tiers=found["tiers"])


def buys(life: Life, *orders: tuple[str, str, int]) -> None:
    for day, order_id, fen in orders:
        life.at(f"{day} 12:00").order(fen, order_id=order_id)


@pytest.mark.parametrize(
    ("paid_fen", "refunded_fen", "tier"),
    [(50_000, 1, "normal"), (50_000, 50_000, "normal"), (60_000, 10_000, "silver"), (60_000, 10_001, "normal")],
)
def test_a_refund_of_more_than_there_was_to_spare_undoes_the_promotion(
    paid_fen: int, refunded_fen: int, tier: str
) -> None:
    life = Life(reached_by(SPEND))
    life.order(paid_fen, order_id="A")
    entry = life.refund("A", refunded_fen)
    assert entry.tier_after == tier
    if tier == "normal":
        assert entry.facts["promotion_undone"] == {"from": "silver", "to": "normal"}
        assert entry.lines[-1].why_zh == "退款后不再满足银卡的升级条件，恢复为普通"
        assert (life.standing.valid_until, life.account.tier_due_on) == (None, None)


def test_refunds_bit_by_bit_undo_it_with_the_one_that_uses_up_what_there_was_to_spare() -> None:
    life = Life(reached_by(SPEND))
    life.order(60_000, order_id="A")
    assert [life.refund("A", fen).tier_after for fen in (4_000, 6_000, 1)] == ["silver", "silver", "normal"]


def test_an_order_that_was_not_counted_undoes_nothing_even_one_of_the_same_day() -> None:
    life = Life(reached_by(ORDERS))
    for number in range(4):  # the fourth comes after the promotion
        life.order(100, order_id=f"{number}")
    life.at("2027-06-01 12:00")
    assert life.refund("3", 100).tier_after == "silver"
    assert life.refund("2", 100).tier_after == "normal"


def test_an_order_from_before_the_window_undoes_nothing() -> None:
    life = Life(reached_by(ORDERS), now=shanghai("2026-08-31 12:00"))
    buys(life, ("2026-08-31", "old", 1), ("2026-09-01", "1", 1), ("2026-11-01", "2", 1), ("2026-11-30", "3", 1))
    assert life.tier == "silver"
    life.at("2027-06-01 12:00")
    assert life.refund("old", 1).tier_after == "silver"
    assert life.refund("1", 1).tier_after == "normal"


def test_an_order_from_before_a_step_down_is_no_ground_of_the_promotion_after_it() -> None:
    life = Life(reached_by(SPEND))
    buys(life, ("2026-01-10", "A", 50_000))
    life.live("2027-03-01 12:00")
    assert life.tier == "normal"
    life.order(50_000, order_id="B")
    assert life.tier == "silver"
    assert "promotion_undone" not in life.refund("A", 50_000).facts
    assert life.refund("B", 1).tier_after == "normal"


def test_the_orders_of_three_months_ago_are_undone_long_after_they_left_the_window() -> None:
    life = Life(reached_by(ORDERS))
    buys(life, ("2026-11-24", "1", 1), ("2026-11-24", "2", 1), ("2026-11-24", "3", 1))
    assert life.at("2027-10-01 12:00").refund("2", 1).tier_after == "normal"


def test_a_partial_refund_leaves_the_order_counted_as_an_order() -> None:
    life = Life(reached_by(ORDERS))
    buys(life, ("2026-11-24", "1", 100), ("2026-11-24", "2", 100), ("2026-11-24", "3", 100))
    assert life.refund("2", 99).tier_after == "silver"
    assert life.refund("2", 1).tier_after == "normal"


def test_one_way_that_still_stands_is_enough() -> None:
    life = Life(reached_by(SPEND, ORDERS))
    buys(life, ("2026-11-24", "1", 100), ("2026-11-24", "2", 100), ("2026-11-24", "3", 50_000))
    assert life.refund("3", 49_000).tier_after == "silver"  # three orders still
    assert life.refund("1", 100).tier_after == "normal"


def test_needs_that_go_together_fall_together() -> None:
    life = Life(reached_by({**SPEND, "also": [goal("check_ins", 1)]}))
    life.check_in()
    life.order(50_000, order_id="A")
    assert life.tier == "silver"
    assert life.refund("A", 1).tier_after == "normal"


def test_after_further_purchases_the_tier_is_earned_anew_from_that_day() -> None:
    life = Life(reached_by(SPEND))
    buys(life, ("2026-11-24", "A", 50_000), ("2026-12-01", "B", 50_000))
    entry = life.at("2027-03-01 12:00").refund("A", 50_000)
    assert (entry.tier_after, entry.facts["promoted"]) == ("silver", {"from": "normal", "to": "silver"})
    assert (life.standing.since, life.standing.valid_until) == (date(2027, 3, 1), date(2028, 3, 1))
    assert life.refund("B", 1).tier_after == "normal"


def test_each_of_several_promotions_is_undone_when_its_own_ground_goes() -> None:
    life = Life()
    buys(life, ("2026-11-20", "A", 50_000), ("2026-11-21", "B", 150_000), ("2026-11-22", "C", 800_000))
    assert life.tier == "diamond"
    assert [life.refund(order, fen).tier_after for order, fen in (("C", 1), ("B", 150_000))] == ["gold", "gold"]
    # 849,999 fen of A and C are left: gold by C, as diamond was undone by a fen.
    assert life.refund("C", 799_999).tier_after == "silver"
    assert life.refund("A", 1).tier_after == "normal"


def test_a_refund_may_undo_several_promotions_at_once_and_the_rest_may_suffice_for_one() -> None:
    life = Life(reached_by(SPEND))
    buys(life, ("2026-11-20", "A", 60_000), ("2026-11-21", "B", 140_000))
    assert life.tier == "gold"
    entry = life.refund("A", 60_000)
    assert (entry.tier_after, entry.facts["promotion_undone"]["to"]) == ("silver", "normal")
    assert life.standing.since == life.today  # of its own by B alone, which came later


def test_the_standing_of_before_is_back_with_its_dates_and_its_stage() -> None:
    life = Life(reached_by(SPEND))
    buys(life, ("2026-01-10", "A", 50_000))
    life.live("2026-12-20 12:00")
    before = life.standing
    assert (before.stage, before.warned_on) == ("warned", date(2026, 12, 11))
    life.order(150_000, order_id="B")
    assert life.tier == "gold"
    life.refund("B", 150_000)
    # The sprint's day is open again for another first purchase.
    assert life.standing == before.with_(grown=("silver", "gold"), sprint_on=date(2026, 12, 19))
    assert life.account.tier_due_on == date(2027, 1, 11)


def test_points_that_were_multiplied_by_the_tier_stay_and_so_does_the_growth_reward() -> None:
    life = Life(book(tasks=[task for task in preset("retail")["tasks"] if task["id"] == "growth"]))
    life.order(50_000, order_id="A")
    growth = [line.points for line in life.entries[-1].lines if line.rule == "growth"]
    doubled = life.buy(10_000)
    balance = life.account.balance
    entry = life.refund("A", 50_000)
    assert (growth, doubled, entry.points) == ([500], 150, -600)
    assert life.account.balance == balance - 600


def test_a_kept_tier_no_longer_rests_on_its_promotion() -> None:
    life = Life(reached_by(SPEND))
    buys(life, ("2026-01-10", "A", 50_000))
    levels = document()["tiers"]["levels"]
    levels[1] |= {"promotion": [SPEND], "retention": [goal("spend_fen", 100, "period")]}
    life.book = published(tiers={"levels": levels})
    life.at("2026-06-01 12:00").order(100)
    life.live("2027-02-01 12:00")
    assert "tier_kept" in life.kinds
    assert life.refund("A", 50_000).tier_after == "silver"


def test_an_early_refund_of_the_very_order_never_promotes() -> None:
    life = Life(reached_by(SPEND))
    entry = life.order(50_000, order_id="A", early=(Refund("R", 1),))
    assert (entry.tier_after, "promoted" in entry.facts) == ("normal", False)


def test_a_refund_of_an_order_from_before_the_period_takes_nothing_off_what_was_done_in_it() -> None:
    life = Life(book())
    buys(life, ("2026-11-20", "A", 50_000), ("2026-11-21", "B", 200_000))
    assert life.tier == "gold"
    life.at("2026-12-24 12:00").order(30_000, order_id="C")
    life.refund("A", 40_000)
    assert life.tier == "gold"
    assert life.account.counters["spend_fen"]["life"] - life.standing.base["spend_fen"] == 30_000
