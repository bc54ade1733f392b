"""What a rulebook that comes into force does to a member at once, and what it does not."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.engine import events
from chalicelib.engine.account import Account, Lapse
from chalicelib.engine.decision import Decision
from chalicelib.engine.events import Cause
from chalicelib.engine.process import process
from chalicelib.engine.refusals import NothingDue
from chalicelib.rulebook.model import Published, load
from tests.unit.lives import MEMBER, NOON
from tests.unit.rulebooks import document, words

CAUSE = Cause(MEMBER, "rules#2")


def rules(silver_fen: int = 50_000, gold_fen: int = 200_000, keep_fen: int = 100_000, **sections: Any) -> Published:
    """The small rulebook as version 2, its tiers reached and kept by spending alone."""
    found = document()
    _, silver, gold = found["tiers"]["levels"]
    silver["promotion"] = [{"metric": "spend_fen", "at_least": silver_fen, "name": words("消费")}]
    gold["promotion"] = [{"metric": "spend_fen", "at_least": gold_fen, "name": words("消费")}]
    kept = {"metric": "spend_fen", "window": "period", "at_least": keep_fen, "name": words("消费")}
    silver["retention"] = gold["retention"] = [kept]
    return Published(version=2, rulebook=load({**found, **sections}))


def member(spent_fen: int) -> Account:
    account = Account(MEMBER)
    joined = process(rules(), account, events.Joined(Cause(MEMBER, "joined")), NOON)
    paid = events.OrderPaid(Cause("order#1", "order#1"), "1", NOON, spent_fen)
    return process(rules(), joined.account, paid, NOON).account


def changed(account: Account, book: Published) -> Decision:
    return process(book, account, events.RulesChanged(CAUSE), NOON)


@pytest.mark.parametrize(
    ("silver_fen", "gold_fen", "tier"),
    [(30_001, 40_000, "normal"), (30_000, 40_000, "silver"), (20_000, 30_001, "silver"), (20_000, 30_000, "gold")],
)
def test_who_has_reached_a_tier_under_the_new_rules_is_promoted(silver_fen: int, gold_fen: int, tier: str) -> None:
    account = member(30_000)
    assert account.standing is not None
    assert account.standing.tier == "normal"
    if tier == "normal":
        with pytest.raises(NothingDue):
            changed(account, rules(silver_fen, gold_fen))
        return
    decision = changed(account, rules(silver_fen, gold_fen))
    assert (decision.entry.kind, decision.entry.cause) == ("rules_changed", CAUSE)
    assert decision.entry.tier_after == tier
    assert decision.entry.facts["promoted"] == decision.entry.facts["moved"] == {"from": "normal", "to": tier}
    assert decision.entry.rulebook_version == 2


def test_nobody_is_stepped_down_by_harder_rules() -> None:
    account = member(50_000)
    with pytest.raises(NothingDue):
        changed(account, rules(silver_fen=90_000, gold_fen=900_000))


@pytest.mark.parametrize(("keep_fen", "kept"), [(10_000, True), (10_001, False)])
def test_who_has_in_grace_what_now_keeps_the_tier_keeps_it(keep_fen: int, kept: bool) -> None:
    account = member(60_000)
    assert account.standing is not None
    today = NOON.date()
    until = today + timedelta(days=5)
    standing = account.standing.with_(
        stage="grace", valid_until=today - timedelta(days=1), grace_until=until, base={"spend_fen": 50_000}
    )
    # Due on the day after grace, as the review has left it.
    account = account.with_(standing=standing, tier_due_on=until + timedelta(days=1))
    if not kept:
        with pytest.raises(NothingDue):
            changed(account, rules(keep_fen=keep_fen))
        return
    after = changed(account, rules(keep_fen=keep_fen)).account
    assert after.standing is not None
    assert (after.standing.tier, after.standing.stage, after.standing.grace_until) == ("silver", "", None)
    assert after.tier_due_on is not None
    assert after.tier_due_on > until


def test_what_now_keeps_a_tier_just_lost_brings_it_back() -> None:
    account = member(60_000)
    assert account.standing is not None
    lost_on = NOON.date() - timedelta(days=10)
    lapses = (Lapse("silver", lost_on, {"spend_fen": 50_000}),)
    lost = account.with_(standing=replace(account.standing, tier="normal", valid_until=None, lapses=lapses))
    # The promotion looks at what was spent since the loss, which is not enough for either.
    decision = changed(lost, rules(keep_fen=10_000))
    assert decision.entry.facts["reinstated"] == {"from": "normal", "to": "silver"}
    with pytest.raises(NothingDue):
        changed(lost.with_(tier_due_on=None), rules(keep_fen=10_001))


def notices(*days: int) -> dict[str, Any]:
    return {"expiry": {"valid_months": 12, "notice_days": list(days)}}


@pytest.mark.parametrize(("days", "sooner_by"), [((60, 30, 7), 30), ((30, 7), None), ((7,), None)])
def test_a_due_date_that_has_come_nearer_is_corrected_and_one_further_off_corrects_itself(
    days: tuple[int, ...], sooner_by: int | None
) -> None:
    account = member(100)
    (lot,) = account.lots
    assert account.points_due_on == lot - timedelta(days=30)
    if sooner_by is None:
        with pytest.raises(NothingDue):
            changed(account, rules(**notices(*days)))
        return
    decision = changed(account, rules(**notices(*days)))
    assert decision.account.points_due_on == account.points_due_on - timedelta(days=sooner_by)
    assert (decision.entry.kind, decision.entry.points, decision.entry.cause) == ("rescheduled", 0, CAUSE)
    assert decision.account.lots == account.lots


def test_the_date_of_a_tier_that_has_come_nearer_is_corrected_too() -> None:
    account = member(60_000)
    assert account.tier_due_on is not None
    missing, later = account.with_(tier_due_on=None), account.with_(tier_due_on=date(2099, 1, 1))
    for wrong in (missing, later):
        assert changed(wrong, rules()).account.tier_due_on == account.tier_due_on
    with pytest.raises(NothingDue):
        changed(account, rules())


def test_shorter_validity_shortens_no_lot() -> None:
    account = member(100)
    with pytest.raises(NothingDue):
        changed(account, rules(expiry={"valid_months": 6}))


@pytest.mark.parametrize(("status", "moves"), [("active", True), ("frozen", True), ("erased", False)])
def test_an_erased_member_is_left_alone_and_a_frozen_one_is_not_passed_over(status: str, moves: bool) -> None:
    account = member(30_000).with_(status=status)
    if moves:
        assert changed(account, rules(silver_fen=30_000)).entry.tier_after == "silver"
        return
    with pytest.raises(NothingDue):
        changed(account, rules(silver_fen=30_000))
