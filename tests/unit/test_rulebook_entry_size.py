"""The bound of an entry's size, against entries in which everything happens at once."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.engine import benefits
from chalicelib.engine.decision import Entry
from chalicelib.engine.events import (
    Behaved,
    Cause,
    CheckedIn,
    Event,
    Item,
    OrderPaid,
    PointsAdjusted,
    Refund,
    TierDue,
)
from chalicelib.engine.process import process
from chalicelib.ledger import book
from chalicelib.ledger.codec import entry_item
from chalicelib.ledger.items import text_of
from chalicelib.rulebook import lint_entry
from chalicelib.rulebook.lint_entry import FIXED_BYTES, MAX_ENTRY_BYTES, entry_bytes
from chalicelib.rulebook.model import Published, load
from chalicelib.rulebook.presets import NAMES, preset
from tests.unit import lives
from tests.unit.documents import behaviour, changed, findings, goal, multiplier, rule, task
from tests.unit.lives import Life

DAY = timedelta(days=1)


def measured(entry: Entry) -> int:
    """As the ledger measures it before it writes."""
    item = entry_item(entry, "", "", None)
    return len(text_of([item.lines, item.moves, item.facts]).encode())


def named(length: int) -> dict[str, str]:
    """A name that long in both languages, three bytes a letter in one of them."""
    return {"zh": "名" * length, "en": "n" * length}


def full(length: int, **sections: Any) -> Published:
    """Every mechanism that speaks in an entry, met by the first thing a member does."""
    name, first = named(length), goal("orders", 1, plus=["extra"])
    levels = [
        {"code": f"t{number}", "name": name, "promotion": [{**first, "at_least": number}] if number else []}
        for number in range(4)
    ]
    levels[0]["benefits"] = levels[1]["benefits"] = [
        {"code": f"b{number}", "kind": "economic", "name": name, "value": {"per_month": 2, "text": "词" * length}}
        for number in range(2)
    ]
    cap = [{"per": "day", "times": 9}]
    every: dict[str, Any] = {"name": name, "multiplied": True, "caps": cap, "trigger": "order_paid"}
    paid = {"per_yuan": "1.0001", "category_rates": {f"category {n}": f"{n}.5001" for n in range(1, 20)}}
    rules = [
        rule(**every, points=paid), rule(**every, id="tier", points={"by_tier": {"t0": 1_000_000}}),
        rule(**every, id="short", valid_months=24), rule(**every, id="long", valid_months=36),
        rule(**{**every, "trigger": "extra"}, id="act"),
        rule(**{**every, "trigger": "check_in"}, id="daily", points={"by_streak_day": [1_000_000]}),
    ]  # fmt: skip
    factors = [multiplier(id=f"m{n}", name=name, group=f"g{n % 3}", factor=f"{n + 1}.5",
                          triggers=["order_paid", "extra", "check_in"]) for n in range(6)]  # fmt: skip
    tasks = [task(id=f"task{n}", name=name, goals=[first], make_up_cards=1, credits={"steps": 1}) for n in range(4)]
    tasks += [task("growth", id="growth", name=name), task(id="honour", name=name, goals=[first], badge="badge1")]
    badges = [{"id": f"badge{n}", "name": name, "title": name, "goal": {**first, "name": name}} for n in range(3)]
    return Published(version=1, rulebook=load(changed({
        "tiers.levels": levels, "earning": rules, "multipliers": factors, "tasks": tasks, "badges": badges,
        "behaviours": [behaviour(name=name, counted_per_day=1)], **sections,
    })))  # fmt: skip


WAITING: dict[str, Any] = {"pending": {"mode": "days", "days": 7}}
ITEMS = tuple(Item(1_000, f"category {number}") for number in range(1, 20))
EARLY = tuple(Refund("R" * 60 + str(number), 1_000, content="c" * 32) for number in range(4))


OWING: dict[str, Any] = {"debt": 10**9, "lots": {}}


def entry_of(life: Life, event: Event, **account: Any) -> Entry:
    """What the engine writes for a member in that state."""
    return process(life.book, life.account.with_(**account), event, life.now).entry


def paid(life: Life, early: tuple[Refund, ...] = EARLY) -> OrderPaid:
    cause = Cause("order#O", "order#O")
    return OrderPaid(cause, "O" * 64, life.now, 999_999_999, ITEMS, early, completed=True)


def bought(life: Life) -> Entry:
    """With debt to repay, and refunded in part before it was paid."""
    return entry_of(life, paid(life), debt=5_000, lots={})


def acted(life: Life) -> Entry:
    return entry_of(life, Behaved(life.cause(), "extra", life.now, trusted=True), **OWING)


def acted_beyond(life: Life) -> Entry:
    """What no longer counts is said; its tasks are still there to be done."""
    counters = {**life.account.counters, "extra": {"life": 9, f"d:{life.today}": 1}}
    return entry_of(life, Behaved(life.cause(), "extra", life.now, trusted=True), counters=counters, **OWING)


def checked_in(life: Life) -> Entry:
    counters = {**life.account.counters, "extra": {"life": 9}}
    return entry_of(life, CheckedIn(life.cause(), life.today), counters=counters, **OWING)


def granted(life: Life) -> Entry:
    """A year of benefits at once."""
    return entry_of(life.pass_(days=500), TierDue(), granted=dict.fromkeys(("b0", "b1"), "2026-07-"))


@pytest.mark.parametrize("sections", [{}, WAITING], ids=["at once", "waiting"])
@pytest.mark.parametrize("happens", [bought, acted, acted_beyond, checked_in, granted])
@pytest.mark.parametrize("length", [1, 30, 120, 500])
def test_no_entry_exceeds_the_bound(happens: Callable[[Life], Entry], length: int, sections: dict[str, Any]) -> None:
    published = full(length, **sections)
    entry = happens(Life(published))
    assert measured(entry) <= entry_bytes(published.rulebook)


@pytest.mark.parametrize(("happens", "said"), [
    (bought, {"extra", "tier", "short", "long", "task0", "task3", "growth", "badge2", "tier_promotion", "refund",
              "debt_repaid"}),
    (acted, {"act", "task0", "growth", "badge0", "tier_promotion", "debt_repaid"}),
    (acted_beyond, {"act", "extra", "task0", "growth"}), (checked_in, {"daily", "task0", "growth"}),
    (granted, {"b0", "b1"}),
])  # fmt: skip
def test_the_entries_of_this_page_say_what_they_are_meant_to(happens: Callable[[Life], Entry], said: set[str]) -> None:
    assert said <= {line.rule for line in happens(Life(full(3))).lines}


def test_a_year_of_benefits_is_what_the_engine_grants_at_once() -> None:
    assert lint_entry.MISSED_MONTHS == benefits.MISSED_MONTHS
    entry = granted(Life(full(3)))
    assert [line.rule for line in entry.lines] == [f"b{n}" for n in range(2) for _ in range(benefits.MISSED_MONTHS)]


def test_the_bound_follows_the_names() -> None:
    """What a letter more in every name costs an entry the bound has, and at most half as much again: here one promotion
    is made, there are three."""
    few, many = full(100), full(300)
    bound = entry_bytes(many.rulebook) - entry_bytes(few.rulebook)
    found = measured(bought(Life(many))) - measured(bought(Life(few)))
    assert found <= bound <= 1.5 * found


def test_what_names_do_not_decide_has_room_for_sixty_lots_and_early_refunds() -> None:
    life = Life(full(1))
    lots = {date(2027, 1, 1) + n * DAY: 10**7 for n in range(60)}
    spent = entry_of(life, PointsAdjusted(life.cause(), -60 * 10**7, "because", "operator:1"), lots=lots)
    assert len(spent.moves) == 60
    early = measured(entry_of(life, paid(life))) - measured(entry_of(life, paid(life, early=())))
    assert measured(spent) + early <= FIXED_BYTES


def test_the_limit_is_the_ledgers() -> None:
    assert MAX_ENTRY_BYTES == book.MAX_ENTRY_BYTES


def test_a_rulebook_is_refused_exactly_when_its_bound_is_above_the_limit() -> None:
    seen = set()
    for length in range(100, 501, 25):
        changes = {f"{part}.name": named(length) for part in ("earning.11", "earning.12", "tasks.0", "tasks.3")}
        refused = "ENTRY_TOO_LARGE" in {finding.code for finding in findings(changes)}
        assert refused == (entry_bytes(load(changed(changes))) > MAX_ENTRY_BYTES)
        seen.add(refused)
    assert seen == {False, True}


def test_eight_rules_with_the_longest_names_are_refused_and_would_indeed_not_fit() -> None:
    rules = [*preset("retail")["earning"], *(rule(id=f"long_{n}", name=named(500)) for n in range(8))]
    assert "ENTRY_TOO_LARGE" in {finding.code for finding in findings({"earning": rules})}
    assert measured(Life(lives.book(earning=rules)).order(100)) > book.MAX_ENTRY_BYTES


def test_a_hundred_rules_with_ordinary_names_are_not() -> None:
    rules = [*preset("retail")["earning"], *(rule(id=f"rule_{n}", name=named(4)) for n in range(87))]
    assert "ENTRY_TOO_LARGE" not in {finding.code for finding in findings({"earning": rules})}


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_leaves_room_for_more_rules(name: str) -> None:
    assert entry_bytes(load(preset(name))) <= MAX_ENTRY_BYTES - 4096
