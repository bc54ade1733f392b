"""Corruption written straight into the tables, behind the ledger's back, is found; clean books raise no alarm."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.engine import events
from chalicelib.engine.events import Cause
from chalicelib.engine.process import process
from chalicelib.ledger.items import AccountItem, EntryItem
from tests.harness import faults, world
from tests.unit.rulebooks import published

MEMBER = "M000000000000000001"
NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
BOOK = published()


@pytest.fixture
def member(aws: None) -> Iterator[None]:
    """A member of 100 points; whatever a test did to the book is undone."""
    world.join(MEMBER, BOOK, NOW, "openid-1")
    before = faults.snapshot()
    yield
    faults.restore(before)


def execute(event: events.Event) -> None:
    ledger.execute(MEMBER, lambda account: process(BOOK, account, event, NOW), body_hash="h")


def adjust(amount: int, key: str) -> None:
    execute(events.PointsAdjusted(Cause(MEMBER, key), amount, "because", "operator:1"))


def written(load: Callable[[], Any], **changes: Any) -> Callable[[], None]:
    """Writes the item with some attributes changed; with its key changed it is a second item."""

    def damage() -> None:
        item = load()
        for name, value in changes.items():
            setattr(item, name, value)
        item.save()

    return damage


def entry_with(key: str, **changes: Any) -> Callable[[], None]:
    return written(lambda: EntryItem.get(MEMBER, key), **changes)


def account_with(**changes: Any) -> Callable[[], None]:
    return written(lambda: AccountItem.get(MEMBER), **changes)


def state_with(**changes: Any) -> Callable[[], None]:
    return lambda: account_with(state={**AccountItem.get(MEMBER).state, **changes})()


def account_restored() -> None:
    state_with(lots={"2027-11-30": 130})()
    account_with(seq=2, balance=130)()


def lot_lent() -> None:
    """Every sum is right, but after the first entry a lot lies below zero."""
    entry_with("a1", moves=[["2027-12-31", -30], ["2027-11-30", 60]])()
    entry_with("a2", moves=[["2027-12-31", 30], ["2027-11-30", -50]])()


def silver_with(**changes: Any) -> Callable[[], None]:
    """A tier is held until 2027-11-24, and then the account is changed."""

    def damage() -> None:
        execute(events.TierSet(Cause(MEMBER, "t1"), "silver", "because", "operator:1"))
        assert ledger.verify(MEMBER) == []
        account_with(**changes)()

    return damage


CORRUPTIONS: dict[str, tuple[str, Callable[[], None]]] = {
    "an entry is deleted": ("I5", lambda: EntryItem.get(MEMBER, "a1").delete()),
    "the newest entry is deleted": ("I5", lambda: EntryItem.get(MEMBER, "a2").delete()),
    "an entry is moved to another member": ("I5", entry_with("a1", member_id="M000000000000000009")),
    "an entry is there twice": ("I5", entry_with("a1", cause="a1 again")),
    "an entry's points": ("I1", entry_with("a1", points=31)),
    "an entry's line": ("I1", entry_with("a1", lines=[["adjustment", 31, "", ""]])),
    "an entry's balance": ("I5", entry_with("a1", balance_after=1)),
    "an entry's balance and debt, by the same": ("I6", entry_with("a1", balance_after=131, debt_after=1)),
    "an entry's debt": ("I5", entry_with("a2", debt_after=2)),
    "an entry's pending": ("I5", entry_with("a1", pending=5)),
    "an entry's lot": ("I6", entry_with("a1", moves=[["2027-12-31", 30]])),
    "a lot is lent for a while": ("I6", lot_lent),
    "the last entry's tier": ("I5", entry_with("a2", tier_after="gold")),
    "an entry without its account": ("I5", entry_with("a1", cause="a9", seq=4)),
    "the account is the one of an entry ago": ("I5", account_restored),
    "the account's points": ("I1", state_with(lots={"2027-11-30": 131})),
    "a lot's date": ("I6", state_with(lots={"2027-12-31": 110})),
    "a lot below zero": ("I2", state_with(lots={"2027-11-30": 120, "2027-12-31": -10})),
    "the account's debt": ("I2", account_with(debt=7)),
    "the account's pending": ("I1", state_with(pending=[["2026-12-01", "2027-12-31", 5]])),
    "the balance beside the state": ("I2", account_with(balance=111)),
    "the points' due date is missing": ("I2", account_with(points_due_on=None, points_due_shard=None)),
    "the points' due date is too late": ("I2", account_with(points_due_on="2027-12-02")),
    "the points' due date lies in no shard": ("I2", account_with(points_due_shard=None)),
    "the tier's due date is missing": ("I2", silver_with(tier_due_on=None, tier_due_shard=None)),
    "the tier's due date is too late": ("I2", silver_with(tier_due_on="2027-11-26")),
}


@pytest.mark.usefixtures("member")
def test_planted_corruption_is_found_and_clean_books_raise_no_alarm() -> None:
    adjust(30, "a1")
    adjust(-20, "a2")
    before = faults.snapshot()
    for name, (sign, damage) in CORRUPTIONS.items():
        faults.restore(before)
        assert ledger.verify(MEMBER) == [], name
        damage()
        problems = ledger.verify(MEMBER)
        assert any(problem.startswith(sign) for problem in problems), (name, problems)
