"""Orders paid with a coupon, points and money, and refunded in parts: whatever comes when, and however often."""

import random

import pytest

from chalicelib import ledger
from chalicelib.coupons import rules
from chalicelib.rulebook.presets import preset
from tests.functional.coupons_room import (
    about_coupons,
    check_orders,
    definition,
    deliver,
    given,
    held,
    use,
    with_coupons,
)
from tests.functional.holds_room import CASH, capture, hold, points_of, refund
from tests.functional.redemptions_room import rich
from tests.harness.api import Api, Member

GOODS, OFF, OFFSET = 10_000, 1_000, 400
"""Of goods for 100 yuan a coupon takes 10 off, points pay 4, and money the rest."""
PARTS = [(4_000, 100), (4_000, 0), (600, 300)]
"""Refunds in money and points, together the whole order."""


@pytest.fixture
def ann(api: Api) -> Member:
    """A member of a brand without tasks: what a tier's growth has paid stays paid."""
    cash = {"redemption": {**preset("retail")["redemption"], "cash": CASH}}
    api.publish({**with_coupons(definition(), surprise=None), **cash, "tasks": []})
    return rich(api, points=2_000)


def check_out(api: Api, member: Member, number: int, code: str) -> None:
    order_id, hold_id = f"o-{number}", f"h-{number}"
    assert use(api, code, order_id, GOODS).body["discount_fen"] == OFF
    taken = hold(api, member, OFFSET, hold_id, order_id=order_id, amount_fen=GOODS - OFF)
    assert taken.body["hold"]["offset_fen"] == OFFSET
    assert capture(api, hold_id=hold_id).status == 200
    assert api.order(member, GOODS - OFF - OFFSET, order_id, offset_fen=OFFSET).status == 200


def give_back(api: Api, number: int, part: int) -> None:
    money, points = PARTS[part]
    assert api.refund(f"o-{number}", f"r-{part}", money, offset_fen=points).status == 200
    if points:
        assert refund(api, points, f"r-{part}", f"h-{number}").status == 200


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "but a part"])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_refunded_whole_leaves_nothing_behind(api: Api, ann: Member, seed: int, whole: bool) -> None:
    dice, before = random.Random(seed), points_of(api, ann)
    codes = given(api, ann, "ten", 3)
    for number, code in enumerate(codes):
        check_out(api, ann, number, code)
    refunds = [(number, part) for number in range(3) for part in range(3)]
    dice.shuffle(refunds)
    kept = None if whole else refunds.pop()[0]
    for number, part in refunds + dice.choices(refunds, k=3):
        give_back(api, number, part)
    facts = about_coupons(ann)
    facts += dice.choices(facts, k=3)
    dice.shuffle(facts)
    assert [fact for fact in facts if deliver(fact)] == []
    check_orders(ann)
    assert ledger.verify(ann.member_id) == []
    states = {item.code: item.state for item in held(ann)}
    assert [states[code] for code in codes] == [rules.USED if number == kept else rules.USABLE for number in range(3)]
    account = api.account(ann)
    assert account.counters.get("orders", {}).get("life", 0) == int(not whole)
    assert (points_of(api, ann) == before) == whole
