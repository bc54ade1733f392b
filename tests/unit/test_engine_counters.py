"""Counters of rules that come and go: accounts stay small, and what is paid once is not paid twice."""

from typing import Any

from chalicelib.engine.counters import MAX_STALE
from chalicelib.rulebook.presets import preset
from tests.unit.lives import Life, book

RULES = preset("retail")["earning"]


def campaign(name: str) -> dict[str, Any]:
    """A rule that pays 10 once in a lifetime and at most 5 a day."""
    name_of = {"zh": name, "en": name}
    caps = [{"per": "lifetime", "times": 1}, {"per": "day", "times": 5}]
    return {"id": name, "name": name_of, "trigger": "order_paid", "points": {"fixed": 10}, "caps": caps}


def test_an_account_forgets_the_counts_of_rules_that_are_gone_but_the_last_ones_of_a_lifetime() -> None:
    life = Life()
    for number in range(40):
        life.book = book(earning=[*RULES, campaign(f"campaign_{number}")])
        life.buy(100)
    life.book = book()
    life.buy(100)
    stale = [metric for metric in life.account.counters if "campaign" in metric]
    assert stale == [f"rule_campaign_{number}" for number in range(40 - MAX_STALE, 40)]
    assert all(set(life.account.counters[metric]) == {"life"} for metric in stale)


def test_a_rule_that_comes_back_does_not_pay_again_what_it_pays_once() -> None:
    life = Life(book(earning=[*RULES, campaign("once")]))
    life.buy(0)
    life.book = book()
    life.buy(100)
    life.book = book(earning=[*RULES, campaign("once")])
    assert life.buy(100) == 1
