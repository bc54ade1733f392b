"""Redemptions in the law: points taken and given back to the lot, limits, and every step from every state."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest

from chalicelib.engine import counters, redemptions
from chalicelib.engine.events import OfferKind, RedemptionStep
from chalicelib.engine.refusals import InsufficientPoints, StepRefused
from tests.unit.documents import goal
from tests.unit.mall import KINDS, MUG, Mall
from tests.unit.rulebooks import published, words

STATES = (
    "placed", "reserved", "shipped", "fulfilled", "used", "completed", "replacing", "cancelled", "failed", "returned",
)  # fmt: skip
# What the table of the law says, written down a second time: step, kinds (all when none are named), moves.
DIAGRAM = """
appointment | service                    | placed>placed reserved>placed
reservation | service                    | placed>reserved reserved>reserved
shipment    | physical                   | placed>shipped shipped>shipped replacing>shipped
fulfilment  | service                    | placed>fulfilled reserved>fulfilled replacing>fulfilled
use         | coupon virtual privilege   | fulfilled>used
completion  | physical service           | shipped>completed fulfilled>completed
cancellation|                            | placed>cancelled reserved>cancelled
failure     |                            | placed>failed reserved>failed replacing>failed
return      |                            | shipped>returned fulfilled>returned used>returned completed>returned
return      |                            | replacing>returned
claim       |                            | shipped>shipped fulfilled>fulfilled used>used completed>completed
claim       |                            | replacing>replacing
refund      |                            | shipped>returned fulfilled>returned used>returned completed>returned
refund      |                            | replacing>returned
rejection   |                            | shipped>shipped fulfilled>fulfilled used>used completed>completed
rejection   |                            | replacing>replacing
replacement | physical service           | shipped>replacing fulfilled>replacing completed>replacing used>replacing
replacement | physical service           | replacing>replacing
"""


def expected() -> dict[tuple[str, str, str], str]:
    """(step, kind, state before) → state after, of everything that is allowed."""
    found = {}
    for line in DIAGRAM.strip().splitlines():
        step, kinds, moves = (part.split() for part in line.split("|"))
        for kind, move in product(kinds or KINDS, moves):
            before, after = move.split(">")
            found[step[0], kind, before] = after
    return found


# The table ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", redemptions.STEPS)
def test_every_step_from_every_state_does_what_the_diagram_says_and_nothing_else(step: str, kind: OfferKind) -> None:
    mall = Mall(100, kind=kind)
    mall.redeem(2)
    begun = mall.record()
    allowed = expected()
    for state in STATES:
        claim = ("claim#1", 2) if step in redemptions.RESOLUTIONS else None
        record = replace(begun, state=state, claim=claim)
        event = RedemptionStep(mall.life.cause(), record, step)
        before, entries = mall.life.account, len(mall.life.entries)
        if (step, kind, state) not in allowed:
            with pytest.raises(StepRefused):
                mall.life.record(event)
            assert (mall.life.account, len(mall.life.entries)) == (before, entries)
            continue
        entry = mall.life.record(event)
        assert entry.facts["state"] == allowed[step, kind, state]
        assert entry.points == (20 if step in redemptions.GIVES_BACK else 0)
        mall.life.account, mall.life.entries[entries:] = before, []


def test_the_diagram_knows_every_step_and_state_and_the_table_has_no_more() -> None:
    found = expected()
    assert {step for step, _, _ in found} == set(redemptions.STEPS)
    states = {state for moves in redemptions.STEPS.values() for pair in moves.items() for state in pair}
    assert states == set(STATES)
    assert {redemptions.BEGINS[kind] for kind in KINDS} == {"placed", "fulfilled"}


@pytest.mark.parametrize(
    ("kind", "steps", "states"),
    [
        ("physical", "shipment shipment completion", "placed shipped shipped completed"),
        ("physical", "cancellation", "placed cancelled"),
        ("physical", "failure", "placed failed"),
        ("physical", "shipment claim replacement shipment completion",
         "placed shipped shipped replacing shipped completed"),
        ("physical", "shipment claim refund", "placed shipped shipped returned"),
        ("physical", "shipment completion claim rejection claim refund",
         "placed shipped completed completed completed completed returned"),
        ("service", "reservation reservation fulfilment completion", "placed reserved reserved fulfilled completed"),
        ("service", "reservation cancellation", "placed reserved cancelled"),
        ("service", "appointment reservation appointment fulfilment", "placed placed reserved placed fulfilled"),
        ("donation", "cancellation", "placed cancelled"),
        ("service", "fulfilment claim replacement fulfilment",
         "placed fulfilled fulfilled replacing fulfilled"),
        ("coupon", "use", "fulfilled used"),
        ("virtual", "return", "fulfilled returned"),
        ("privilege", "use claim refund", "fulfilled used used returned"),
    ],
)  # fmt: skip
def test_a_life_of_a_redemption(kind: OfferKind, steps: str, states: str) -> None:
    mall = Mall(100, kind=kind)
    mall.redeem()
    seen = [mall.record().state]
    for step in steps.split():
        mall.step(step)
        seen.append(mall.record().state)
    assert seen == states.split()
    given_back = {"cancelled", "failed", "returned"} & {seen[-1]}
    assert mall.life.account.balance == (100 if given_back else 90)


# What is given back ---------------------------------------------------------------------------------------------------


def test_the_earliest_lots_pay_and_get_back_what_they_paid() -> None:
    mall = Mall(15, 20, 30)
    mall.redeem(4)
    assert mall.lots == [25]
    assert mall.record().taken == tuple(zip(mall_days(mall, 3), (-15, -20, -5), strict=True))
    mall.step("cancellation")
    assert mall.lots == [15, 20, 30]
    assert mall.record().taken == ()


def mall_days(mall: Mall, count: int) -> list[date]:
    """The last days of the lots, as they were granted: months apart."""
    days = [day for entry in mall.life.entries if entry.kind == "points_adjusted" for day, _ in entry.moves]
    return days[:count]


@pytest.mark.parametrize("parts", [(1, 1, 1, 1), (2, 2), (3, 1), (1, 3), (4,)])
def test_returned_in_parts_it_leaves_what_redeeming_fewer_would_have_left(parts: tuple[int, ...]) -> None:
    mall = Mall(15, 20, 30)
    mall.redeem(4)
    mall.step("shipment")
    kept = 4
    for part in parts:
        mall.step("return", part)
        kept -= part
        fewer = Mall(15, 20, 30)
        if kept:
            fewer.redeem(kept)
        assert mall.lots == fewer.lots
        assert (mall.record().kept, mall.record().state) == (kept, "shipped" if kept else "returned")
    with pytest.raises(StepRefused):
        mall.step("return", 1)


@pytest.mark.parametrize("quantity", [-1, 0, 3, 10**12])
@pytest.mark.parametrize("step", ["return", "claim", "refund"])
def test_only_pieces_that_are_there_can_be_given_back_or_claimed(step: str, quantity: int) -> None:
    mall = Mall(100)
    mall.redeem(2)
    mall.step("shipment")
    if step == "refund":
        mall.step("claim", 1)
    before = mall.life.account
    with pytest.raises(StepRefused):
        mall.step(step, quantity)
    assert mall.life.account == before


@pytest.mark.parametrize("step", ["cancellation", "failure"])
def test_what_was_never_given_is_taken_back_whole(step: str) -> None:
    mall = Mall(100)
    mall.redeem(2)
    for quantity in (0, 1, 3):
        with pytest.raises(StepRefused):
            mall.step(step, quantity)
    assert mall.step(step, 2).points == 20


@pytest.mark.parametrize(("days_late", "grace"), [(0, 0), (1, 31)])
def test_a_lot_whose_day_has_passed_comes_back_with_the_grace(days_late: int, grace: int) -> None:
    mall = Mall(30)
    mall.redeem(3)
    (last,) = mall_days(mall, 1)
    mall.life.at(f"{last + timedelta(days=days_late)} 23:59")
    mall.step("failure")
    assert dict(mall.life.account.lots) == {last + timedelta(days=grace): 30}


def test_what_is_given_back_repays_debt_first_and_says_so() -> None:
    mall = Mall(60, book=published(earning=[purchase()], refunds={"policy": "debt"}))
    mall.life.order(10_000, order_id="o")
    mall.redeem(16)
    assert mall.life.account.balance == 0
    mall.life.refund("o", 3_000)
    assert mall.life.account.debt == 30
    entry = mall.step("cancellation")
    assert (entry.points, entry.debt_after, entry.balance_after) == (160, 0, 130)
    assert [line.rule for line in entry.lines] == ["redemption", "debt_repaid"]


def purchase() -> dict[str, Any]:
    return {"id": "purchase", "name": words("消费"), "trigger": "order_paid", "points": {"per_yuan": "1"}}


def test_what_only_comes_back_is_no_grant_and_meets_no_limit() -> None:
    book = published(earning=[], limits={"max_points_per_entry": 50})
    mall = Mall(50, 50, book=book)
    mall.redeem(10)
    assert mall.step("cancellation").points == 100


def test_what_a_task_paid_in_the_same_entry_is_not_taken_for_part_of_the_price() -> None:
    task = {"id": "t", "name": words("兑换"), "kind": "daily", "goals": [goal("redemptions", 1, "day")], "points": 7}
    mall = Mall(15, 20, book=published(earning=[], tasks=[task]), kind="coupon")
    mall.redeem(3)
    assert mall.life.entries[-1].points == -23
    assert sum(points for _, points in mall.record().taken) == -30
    mall.step("return")
    assert sum(mall.lots) == 42


@pytest.mark.parametrize(("kind", "step"), [("physical", "shipment"), ("service", "fulfilment")])
def test_what_members_can_take_back_by_themselves_pays_nothing_until_it_is_handed_over(kind: Any, step: str) -> None:
    task = {"id": "t", "name": words("兑换"), "kind": "daily", "goals": [goal("redemptions", 2, "day")], "points": 7}
    mall = Mall(100, book=published(earning=[], tasks=[task]), kind=kind)
    for day in range(3):
        mall.redeem(2)
        mall.step("cancellation", redemption_id=f"R{day}")
        assert sum(mall.lots) == 100
        mall.life.pass_(days=1)
    mall.redeem(2)
    mall.life.pass_(days=1)
    assert mall.step(step, redemption_id="R3").points == 7
    assert sum(mall.lots) == 87
    mall.step("claim", redemption_id="R3")
    mall.step("replacement", redemption_id="R3")
    # Sent once more, it is still the same redemption.
    assert mall.step(step, redemption_id="R3").points == 0


def test_of_a_replacement_that_fails_only_what_was_to_be_replaced_goes_back() -> None:
    mall = Mall(100)
    mall.redeem(3)
    mall.step("shipment")
    mall.step("claim", 1)
    mall.step("replacement")
    assert mall.record().replacing == 1
    assert mall.step("failure").points == 10
    assert (mall.record().state, mall.record().kept, mall.record().replacing) == ("shipped", 2, 0)
    assert mall.step("return").points == 20
    assert mall.record().state == "returned"


def test_a_redemption_given_back_counts_no_more() -> None:
    book = published(earning=[], badges=[{"id": "b", "name": words("勋章"), "goal": goal("redemptions", 10**6)}])
    mall = Mall(100, book=book)

    def counted() -> int:
        return counters.read(mall.life.account.counters, "redemptions", "lifetime", mall.life.today)

    mall.redeem(3)
    assert counted() == 0
    mall.step("shipment")
    assert counted() == 3
    mall.step("return", 2)
    assert counted() == 1


# Claims ---------------------------------------------------------------------------------------------------------------


def test_a_refund_gives_back_what_was_claimed_unless_told_otherwise() -> None:
    mall = Mall(100)
    mall.redeem(5)
    mall.step("shipment")
    claim = mall.step("claim", 2)
    assert mall.record().claim == (claim.cause.key, 2)
    assert mall.step("refund").points == 20
    assert (mall.record().claim, mall.record().state, mall.record().kept) == (None, "shipped", 3)
    mall.step("claim")
    assert mall.record().claim is not None
    assert mall.step("refund", 1).points == 10


@pytest.mark.parametrize("step", redemptions.RESOLUTIONS)
def test_without_a_claim_there_is_nothing_to_decide(step: str) -> None:
    mall = Mall(100)
    mall.redeem()
    mall.step("shipment")
    with pytest.raises(StepRefused):
        mall.step(step)


@pytest.mark.parametrize("step", ["claim", "return", "failure"])
def test_a_claim_is_decided_before_anything_else_is_claimed_or_given_back(step: str) -> None:
    mall = Mall(100)
    mall.redeem()
    mall.step("shipment")
    mall.step("claim")
    if step == "failure":
        mall.step("replacement")
        mall.step("claim")
    with pytest.raises(StepRefused):
        mall.step(step)
    mall.step("rejection")
    assert mall.step(step).kind == f"redemption_{step}"


# The fold -------------------------------------------------------------------------------------------------------------


def test_a_redemption_is_what_its_entries_say_in_whatever_order_they_are_read() -> None:
    mall = Mall(100, kind="service")
    mall.redeem(3, period="2026-11", stock={"00": 2, "03": 1}, room={"final": True})
    mall.step("reservation", details={"appointment_at": "2026-12-01T02:00:00.000Z"})
    mall.step("fulfilment")
    mall.step("return", 1, stock={"03": 1})
    record = mall.record()
    assert redemptions.record_of(mall.scopes["R0"][::-1]) == record
    assert record.member_id == mall.life.account.member_id
    assert (record.offer_id, record.kind, record.name) == ("mug", "service", MUG)
    assert (record.quantity, record.returned, record.kept, record.price_points) == (3, 1, 2, 10)
    assert (record.state, record.period, dict(record.stock)) == ("fulfilled", "2026-11", {"00": 2, "03": 0})
    assert dict(record.room) == {"final": True}
    assert record.details["reservation"] == {"appointment_at": "2026-12-01T02:00:00.000Z"}
    assert record.seq == mall.scopes["R0"][0].seq
    assert all(entry.facts["redemption_seq"] == record.seq for entry in mall.scopes["R0"])


def test_steps_alone_are_no_redemption() -> None:
    mall = Mall(100)
    mall.redeem()
    mall.step("shipment")
    assert redemptions.record_of(mall.scopes["R0"][1:]) is None
    assert redemptions.record_of([]) is None


@pytest.mark.parametrize(("points", "missing"), [(29, 1), (30, 0)])
def test_what_is_missing_is_named(points: int, missing: int) -> None:
    mall = Mall(points)
    if not missing:
        mall.redeem(3)
        assert mall.life.account.balance == 0
        return
    with pytest.raises(InsufficientPoints) as refused:
        mall.redeem(3)
    assert refused.value.details[0]["points"] == missing
