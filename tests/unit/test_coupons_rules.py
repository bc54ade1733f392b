"""What a coupon takes off an order, what its code looks like, and which day is its last: as tables."""

import random
from datetime import date, timedelta
from itertools import permutations
from typing import Any

import pytest

from chalicelib.coupons import rules
from chalicelib.coupons.rules import Line, NotApplicable, Order, Use, discount
from chalicelib.rulebook.model_coupons import CouponDefinition
from tests.unit.test_rulebook_coupons import definition

DAY = date(2026, 11, 24)
PERCENT = {"kind": "percent_off", "amount_off_fen": None}
EXCHANGE = {"kind": "exchange", "amount_off_fen": None, "sku": "A"}
TEA, CUPS = Line(3_000, "tea", "T"), Line(7_000, "cups", "A", 2)
ORDER = Order(10_000, (TEA, CUPS))


def terms(**fields: Any) -> CouponDefinition:
    return CouponDefinition.model_validate(definition(**fields))


def off(one: CouponDefinition, order: Order = ORDER, *used: Use) -> int | None:
    """Fen; None: it cannot be used."""
    found = discount(one, order, used)
    return None if isinstance(found, NotApplicable) else found


def use(fen: int, categories: tuple[str, ...] = (), name: str = "other", *, stacks: bool = True) -> Use:
    return Use(name, fen, categories, stacks)


TABLE: list[tuple[dict[str, Any], Order, int | None]] = [
    ({}, ORDER, 1_000),
    ({}, Order(999), 999),
    ({}, Order(1), 1),
    ({}, Order(0), None),
    ({"threshold_fen": 10_000}, ORDER, 1_000),
    ({"threshold_fen": 10_001}, ORDER, None),
    ({"categories": ["tea"]}, ORDER, 1_000),
    ({"categories": ["tea"], "amount_off_fen": 4_000}, ORDER, 3_000),
    ({"categories": ["tea"], "threshold_fen": 3_000}, ORDER, 1_000),
    ({"categories": ["tea"], "threshold_fen": 3_001}, ORDER, None),
    ({"categories": ["tea", "cups"], "threshold_fen": 10_000}, ORDER, 1_000),
    ({"categories": ["books"]}, ORDER, None),
    ({"categories": ["tea"]}, Order(10_000), None),
    ({**PERCENT, "percent_off": 10}, ORDER, 1_000),
    # Rounded up: the half fen is the member's.
    ({**PERCENT, "percent_off": 15}, Order(999), 150),
    ({**PERCENT, "percent_off": 1}, Order(1), 1),
    ({**PERCENT, "percent_off": 99}, Order(100), 99),
    ({**PERCENT, "percent_off": 20, "max_off_fen": 1_999}, ORDER, 1_999),
    ({**PERCENT, "percent_off": 20, "max_off_fen": 2_000}, ORDER, 2_000),
    ({**PERCENT, "percent_off": 20, "max_off_fen": 2_001}, ORDER, 2_000),
    ({**PERCENT, "percent_off": 50, "categories": ["tea"]}, ORDER, 1_500),
    ({"kind": "free_shipping", "amount_off_fen": None}, Order(0), 0),
    ({"kind": "free_shipping", "amount_off_fen": None, "threshold_fen": 10_001}, ORDER, None),
    ({"kind": "free_shipping", "amount_off_fen": None, "categories": ["books"]}, ORDER, None),
    (EXCHANGE, ORDER, 3_500),
    (EXCHANGE, Order(10, (Line(10, "", "A", 3),)), 4),
    (EXCHANGE, Order(900, (Line(300, "", "A"), Line(500, "", "A"))), 500),
    (EXCHANGE, Order(10_000, (TEA,)), None),
    ({**EXCHANGE, "categories": ["tea"]}, ORDER, None),
    ({**EXCHANGE, "categories": ["cups"]}, ORDER, 3_500),
]


@pytest.mark.parametrize(("fields", "order", "wanted"), TABLE, ids=[str(n) for n in range(len(TABLE))])
def test_a_coupon_takes_off_what_its_terms_say(fields: dict[str, Any], order: Order, wanted: int | None) -> None:
    assert off(terms(**fields), order) == wanted


STACKED: list[tuple[dict[str, Any], tuple[Use, ...], int | None]] = [
    ({"stacks": True}, (use(500),), 1_000),
    ({"stacks": False}, (use(500),), None),
    ({"stacks": True}, (use(500, stacks=False),), None),
    ({"stacks": True}, (use(500), use(500, stacks=False)), None),
    # Never two of one definition.
    ({"stacks": True}, (use(500, name="extra"),), None),
    ({"stacks": True}, (use(9_001),), 999),
    ({"stacks": True}, (use(9_999),), 1),
    # It would be lost for nothing.
    ({"stacks": True}, (use(10_000),), None),
    ({"stacks": True, "categories": ["tea"]}, (use(2_500, ("tea",)),), 500),
    ({"stacks": True, "categories": ["tea"]}, (use(3_000, ("tea",)),), None),
    ({"stacks": True, "categories": ["tea"]}, (use(7_000, ("cups",)),), 1_000),
    # What everybody's coupon took may lie on the cups.
    ({"stacks": True, "categories": ["tea"]}, (use(7_000),), 1_000),
    ({"stacks": True, "categories": ["tea"]}, (use(9_500),), 500),
    ({"stacks": True, "categories": ["tea"]}, (use(7_000, ("cups",)), use(2_500)), 500),
    ({"stacks": True, "threshold_fen": 10_000}, (use(5_000),), 1_000),
    ({"stacks": True}, tuple(use(1, name=f"n{n}") for n in range(4)), 1_000),
    ({"stacks": True}, tuple(use(1, name=f"n{n}") for n in range(5)), None),
    ({"kind": "free_shipping", "amount_off_fen": None, "stacks": True}, (use(10_000),), 0),
]


@pytest.mark.parametrize(("fields", "used", "wanted"), STACKED, ids=[str(n) for n in range(len(STACKED))])
def test_beside_others_it_takes_off_what_they_left(
    fields: dict[str, Any], used: tuple[Use, ...], wanted: int | None
) -> None:
    assert off(terms(**fields), ORDER, *used) == wanted


def fits(order: Order, uses: list[Use]) -> bool:
    """Whether what they take can be spread over the lines (and what is in none), fen by fen, each within its scope:
    tried in every order of the uses, the narrow places of each first."""
    outside = order.amount_fen - sum(line.amount_fen for line in order.lines)
    for sequence in permutations(uses):
        left = [(line.category, line.amount_fen) for line in order.lines] + [("", outside)]
        for one in sequence:
            missing = one.discount_fen
            # Where fewest of the others may take theirs.
            places = sorted(range(len(left)), key=lambda n: sum(not u.categories or left[n][0] in u.categories
                                                                for u in uses))  # fmt: skip
            for place in places:
                category, fen = left[place]
                if one.categories and category not in one.categories:
                    continue
                part = min(fen, missing)
                left[place], missing = (category, fen - part), missing - part
            if missing:
                break
        else:
            return True
    return False


def test_together_they_never_take_more_than_there_is_in_any_scope() -> None:
    dice = random.Random(7)
    scopes = [(), ("tea",), ("cups",), ("tea", "cups"), ("books", "cups")]
    exact = 0
    for _ in range(300):
        order = Order(60, (Line(dice.randrange(20), "tea"), Line(dice.randrange(20), "cups"),
                           Line(dice.randrange(10), "books")))  # fmt: skip
        used: list[Use] = []
        for number in range(4):
            categories = dice.choice(scopes)
            one = terms(code=f"n{number}", amount_off_fen=dice.randrange(1, 25), stacks=True, categories=categories)
            taken = off(one, order, *used) or 0
            if taken:
                more = Use(one.code, taken + 1, categories, True)
                assert taken == one.amount_off_fen or not fits(order, [*used, more])
                exact += taken != one.amount_off_fen
                used.append(Use(one.code, taken, categories, True))
                assert fits(order, used)
    assert exact > 50


def test_a_code_is_twelve_characters_that_nobody_mistakes() -> None:
    dice = random.Random(1)
    codes = [rules.code_of([dice.randrange(31) for _ in range(11)]) for _ in range(200)]
    assert len(set(codes)) == 200
    for code in codes:
        assert len(code) == 12
        assert not set(code) & set("01ILO")
        assert rules.read_code(code) == code
        assert rules.read_code(f" {code[:4]}-{code[4:8]} {code[8:]}".lower()) == code


def test_a_slip_and_a_swap_are_seen_without_looking_anything_up() -> None:
    code = rules.code_of([3, 14, 15, 9, 26, 5, 30, 29, 0, 2, 23])
    for place in range(12):
        for letter in rules.ALPHABET:
            wrong = code[:place] + letter + code[place + 1 :]
            assert (rules.read_code(wrong) is None) == (wrong != code)
    for place in range(11):
        for other in range(place + 1, 12):
            letters = list(code)
            letters[place], letters[other] = letters[other], letters[place]
            swapped = "".join(letters)
            assert (rules.read_code(swapped) is None) == (swapped != code)
    for text in ("", code[:-1], code + "2", "0" * 12, code.replace(code[0], "I", 1), "会" * 12, "#" * 12):
        assert rules.read_code(text) is None


@pytest.mark.parametrize(
    ("expires_in", "noticed", "wanted"),
    [(5, True, 5), (0, True, 0), (-1, True, -1), (5, False, 5), (3, False, 3), (2, False, 3), (-9, False, 3)],
)
def test_no_coupon_ends_whose_member_was_not_told_in_time(expires_in: int, noticed: bool, wanted: int) -> None:
    expires_on = DAY + timedelta(days=expires_in)
    assert rules.last_day(expires_on, noticed=noticed, today=DAY, notice_days=3) == DAY + timedelta(days=wanted)


@pytest.mark.parametrize(
    ("valid", "late", "last", "noticed"),
    [
        # Made at once: the last day is the terms' own; where it is near, the grant is the notice.
        (30, 0, 30, False), (4, 0, 4, False), (3, 0, 3, True), (1, 0, 1, True), (0, 0, 0, True),
        # Made late: the notice, or the whole validity where that is shorter, is still ahead.
        (30, 26, 30, False), (30, 27, 30, True), (30, 28, 31, True), (30, 99, 102, True), (2, 5, 7, True),
        # A fixed end that lay behind the grant's own day leaves nothing.
        (-5, 0, 0, True),
    ],
)  # fmt: skip
def test_a_coupon_made_late_still_leaves_its_notice(valid: int, late: int, last: int, noticed: bool) -> None:
    today = DAY + timedelta(days=late)
    found = rules.issued(DAY + timedelta(days=valid), DAY, today, 3)
    assert found == (DAY + timedelta(days=last), noticed)


def test_what_is_due_next_is_the_notice_then_the_end_and_nothing_of_what_is_over() -> None:
    due = {(state, noticed): rules.due_on(state, DAY, noticed=noticed, notice_days=3)
           for state in ("usable", "used", "expired", "withdrawn") for noticed in (False, True)}  # fmt: skip
    assert due.pop(("usable", False)) == DAY - timedelta(days=3)
    assert due.pop(("usable", True)) == DAY + timedelta(days=1)
    assert set(due.values()) == {None}


@pytest.mark.parametrize(("expires_in", "wanted"), [(1, 1), (0, 0), (-1, 7), (-99, 7)])
def test_a_coupon_that_comes_back_after_its_day_has_some_days_more(expires_in: int, wanted: int) -> None:
    assert rules.come_back(DAY + timedelta(days=expires_in), DAY, 7) == DAY + timedelta(days=wanted)


@pytest.mark.parametrize(("left", "wanted"), [(800, 700), (700, 700), (699, 699), (100, 100), (99, 0), (0, 0), (-5, 0)])
def test_the_last_of_a_budget_is_drawn_as_far_as_it_reaches_for_the_least(left: int, wanted: int) -> None:
    assert rules.surprise_fen(700, 100, left) == wanted


def test_pieces_are_written_in_portions() -> None:
    assert [list(part) for part in rules.portions(5, 2)] == [[0, 1], [2, 3], [4]]
    assert rules.portions(0, 2) == []
