"""Members whose tier has another name by now, or is part of another one."""

from datetime import date
from typing import Any

import pytest

from chalicelib.engine import events, tiers
from chalicelib.engine.account import Lapse, Standing, Temporary
from chalicelib.engine.refusals import NothingDue
from chalicelib.ledger.tier_view import tier_view
from chalicelib.rulebook.model import Published
from tests.unit.documents import goal
from tests.unit.lives import Life
from tests.unit.rulebooks import document, published, words

GROWTH = {"id": "growth", "name": words("成长"), "kind": "growth", "points": 5}


def named(*changes: dict[str, Any], without: str = "") -> Published:
    """The small rulebook (normal, silver, gold) and a platinum tier above, each changed, one left out."""
    found = document()
    levels = [*found["tiers"]["levels"], {
        "code": "platinum", "name": words("白金"), "promotion": [goal("spend_fen", 10**6)],
    }]  # fmt: skip
    levels = [{**level, **change} for level, change in zip(levels, [*changes, {}, {}, {}, {}], strict=False)]
    levels = [level for level in levels if level["code"] != without]
    login = next(rule for rule in found["earning"] if rule["id"] == "login")
    login["points"] = {"by_tier": {level["code"]: 10 * rank for rank, level in enumerate(levels, 1)}}
    return published(tiers={"levels": levels}, earning=found["earning"], multipliers=[], tasks=[GROWTH])


ARGENT = named({}, {"code": "argent", "formerly": ["silver"]})
MERGED = named({}, {}, {"formerly": ["silver"]}, without="silver")


def silver(**changes: Any) -> Life:
    """A member who was promoted to silver."""
    life = Life(named())
    life.buy(50_000)
    life.account = life.account.with_(standing=life.standing.with_(**changes))
    return life


@pytest.mark.parametrize(
    ("book", "tier", "points"), [(ARGENT, "argent", 20), (MERGED, "gold", 20), (named(), "silver", 20)]
)
def test_a_member_is_served_under_the_name_of_today_from_the_first_entry_on(
    book: Published, tier: str, points: int
) -> None:
    life = silver()
    before = life.standing
    life.book = book
    # Before any entry is written, the home screen knows.
    view = tier_view(life.account, book.rulebook, life.today)
    assert (view.code, view.held, view.valid_until) == (tier, tier, before.valid_until)
    assert life.do("login") == points
    assert (life.tier, life.standing.tier, life.standing.grown) == (tier, tier, (tier,))
    # Its dates, and what it began with, are as they were.
    assert (life.standing.since, life.standing.valid_until, life.standing.base) == (
        before.since, before.valid_until, before.base,
    )  # fmt: skip


@pytest.mark.parametrize("book", [ARGENT, MERGED])
def test_a_name_alone_is_no_promotion_and_no_entry(book: Published) -> None:
    life = silver()
    life.book = book
    with pytest.raises(NothingDue):
        life.record(events.RulesChanged(life.cause()))


def test_a_promotion_by_the_new_rules_starts_from_the_name_of_today() -> None:
    life = silver()
    life.book = named({}, {"code": "argent", "formerly": ["silver"]}, {"promotion": [goal("spend_fen", 40_000)]})
    entry = life.record(events.RulesChanged(life.cause()))
    assert entry.facts["moved"] == entry.facts["promoted"] == {"from": "argent", "to": "gold"}


def test_a_renamed_tier_pays_its_growth_reward_to_nobody_again() -> None:
    life = silver()
    first = life.order(1, order_id="A")
    assert "growth" not in [line.rule for line in first.lines]
    life.hold("normal")
    life.book = ARGENT
    again = life.order(50_000)
    assert (again.tier_after, [line.rule for line in again.lines if line.rule == "growth"]) == ("argent", [])


def test_a_refund_goes_back_through_names_of_before() -> None:
    life = Life(named())
    life.order(50_000, order_id="A")
    life.order(150_000, order_id="B")
    life.book = named({"code": "basic", "formerly": ["normal"]}, {"code": "argent", "formerly": ["silver"]})
    assert life.refund("B", 150_000).tier_after == "argent"
    assert life.refund("A", 50_000).tier_after == "basic"


def test_a_tier_lost_and_a_tier_lent_keep_their_meaning() -> None:
    lost = (Lapse("platinum", date(2026, 11, 1)), Lapse("gold", date(2026, 11, 2)))
    life = silver(lapses=lost, temporary=Temporary("gold", date(2026, 12, 31)))
    life.book = named({}, {}, {"code": "oro", "formerly": ["gold"]})
    assert life.do("login") == 30  # as lent
    assert [lapse.tier for lapse in life.standing.lapses] == ["platinum", "oro"]
    assert life.standing.temporary == Temporary("oro", date(2026, 12, 31))
    assert life.tier == "silver"


def test_what_was_lost_and_is_held_by_now_is_lost_no_more() -> None:
    life = silver(lapses=(Lapse("platinum", date(2026, 11, 1)), Lapse("gold", date(2026, 11, 2))))
    life.book = MERGED
    life.do("login")
    assert (life.tier, [lapse.tier for lapse in life.standing.lapses]) == ("gold", ["platinum"])


def test_a_tier_that_nobody_speaks_of_is_the_first_as_it_was() -> None:
    """No such rulebook is published any more; one of before still means what it did."""
    life = silver()
    life.book = named(without="silver")
    assert life.do("login") == 10
    assert (life.standing.tier, life.book.rulebook.tier("silver").code) == ("silver", "normal")


def test_the_way_to_the_next_tier_is_the_one_from_the_name_of_today() -> None:
    life = silver()
    steps = tiers.progress(MERGED.rulebook, life.account, life.today)
    assert {step.tier for step in steps} == {"platinum"}
    assert {step.tier for step in tiers.progress(named().rulebook, life.account, life.today)} == {"gold"}


def test_an_imagined_standing_of_the_first_tier_is_renamed_too() -> None:
    life = Life(named())
    life.account = life.account.with_(standing=Standing("normal", life.today))
    life.book = named({"code": "basic", "formerly": ["normal"]})
    life.do("login")
    assert life.tier == "basic"
