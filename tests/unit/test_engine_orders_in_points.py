"""Orders of which a part was paid in points: what earns, what counts, and what refunds of both take back."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import permutations
from typing import Any

import pytest

from chalicelib.engine import counters
from chalicelib.engine.events import Cause, Item, OrderPaid, OrderRefunded, Refund
from chalicelib.engine.orders import record_of
from chalicelib.engine.refusals import OrderTooLarge, RefundExceedsOrder
from tests.unit.lives import Life
from tests.unit.rulebooks import document, published


def life(earns: bool | None, **changes: Any) -> Life:
    """A member of a brand where what was paid in points counts, or does not; None: points do not pay for orders."""
    cash = None if earns is None else {"max_percent": 100, "earns": earns}
    return Life(published(redemption={"cash": cash}, **changes))


class Shop:
    """One order of a member, and its refunds."""

    def __init__(self, member: Life, amount_fen: int, offset_fen: int, *items: Item, early: tuple[Refund, ...] = ()):
        self.life = member
        cause = Cause("order#o", "order#o")
        paid = OrderPaid(cause, "o", member.now, amount_fen, items, early, offset_fen=offset_fen)
        self.before = member.account.balance
        self.entries = [member.record(paid)]

    def refund(self, amount_fen: int, offset_fen: int = 0, *items: Item) -> None:
        number, record = f"r{len(self.entries)}", record_of(self.entries)
        assert record is not None
        refund = Refund(number, amount_fen, items, offset_fen=offset_fen)
        self.entries.append(self.life.record(OrderRefunded(Cause("order#o", number), record, refund)))

    @property
    def earned(self) -> int:
        """What of the order's points the member has now."""
        return self.life.account.balance - self.life.account.debt - self.before

    @property
    def counted(self) -> tuple[int, int]:
        """(spend in fen, orders) in the member's life."""
        found = self.life.account.counters
        spend, orders = (counters.read(found, m, "lifetime", self.life.today) for m in ("spend_fen", "orders"))
        return spend, orders


# Money 80 yuan, points for 20: a point a yuan, and 50 for the first order.
@pytest.mark.parametrize(
    ("earns", "earned", "spend_fen"), [(None, 130, 8_000), (False, 130, 8_000), (True, 150, 10_000)], ids=str
)
def test_what_was_paid_in_points_counts_when_the_rulebook_says_so(
    earns: bool | None, earned: int, spend_fen: int
) -> None:
    shop = Shop(life(earns), 8_000, 2_000)
    assert (shop.earned, shop.counted) == (earned, (spend_fen, 1))


def test_an_order_without_any_is_kept_as_it_always_was() -> None:
    facts = Shop(life(True), 8_000, 0).entries[0].facts
    assert not {"offset_fen", "counts_offset"} & set(facts)
    record = record_of(Shop(life(True), 8_000, 0).entries)
    assert record is not None
    assert (record.offset_fen, record.counts_offset, record.refunded_offset_fen) == (0, False, 0)


def test_items_are_the_money_and_what_was_paid_in_points_counts_at_the_plain_rate() -> None:
    featured = Item(6_000, "featured")
    assert Shop(life(False), 8_000, 2_000, featured).earned == 50 + 2 * 60 + 20
    assert Shop(life(True), 8_000, 2_000, featured).earned == 50 + 2 * 60 + 20 + 20


PARTS = [(3_000, 0), (0, 500), (5_000, 1_000), (0, 500)]


@pytest.mark.parametrize("earns", [False, True], ids=["earns nothing", "earns"])
@pytest.mark.parametrize("order", list(permutations(range(4)))[::5], ids=lambda order: "".join(map(str, order)))
def test_refunds_in_parts_take_what_one_refund_of_their_sum_takes(earns: bool, order: tuple[int, ...]) -> None:
    shop = Shop(life(earns), 8_000, 2_000)
    money = points = 0
    for number in order:
        amount_fen, offset_fen = PARTS[number]
        shop.refund(amount_fen, offset_fen)
        money, points = money + amount_fen, points + offset_fen
        twin = Shop(life(earns), 8_000, 2_000)
        twin.refund(money, points)
        assert (shop.earned, shop.counted) == (twin.earned, twin.counted)
    assert (shop.earned, shop.counted) == (0, (0, 0))


def kept(earned: int, share: Fraction) -> int:
    """What is left of what was earned, rounded up for the member."""
    return int(-(-earned * share // 1))


@pytest.mark.parametrize(
    ("earns", "amount_fen", "offset_fen", "earned", "counted"),
    [
        (False, 4_000, 0, kept(130, Fraction(1, 2)), (4_000, 1)),
        (False, 0, 2_000, 130, (8_000, 1)),
        (False, 4_000, 2_000, kept(130, Fraction(1, 2)), (4_000, 1)),
        # All the money is back, and with it all that earned; the goods paid in points were kept.
        (False, 8_000, 0, 0, (0, 1)),
        (False, 8_000, 1_999, 0, (0, 1)),
        (False, 8_000, 2_000, 0, (0, 0)),
        (True, 4_000, 0, kept(150, Fraction(6, 10)), (6_000, 1)),
        (True, 0, 2_000, kept(150, Fraction(8, 10)), (8_000, 1)),
        (True, 8_000, 0, kept(150, Fraction(2, 10)), (2_000, 1)),
        (True, 8_000, 1_999, 1, (1, 1)),
        (True, 8_000, 2_000, 0, (0, 0)),
    ],
    ids=str,
)
def test_a_refund_takes_the_share_of_what_counted(
    earns: bool, amount_fen: int, offset_fen: int, earned: int, counted: tuple[int, int]
) -> None:
    shop = Shop(life(earns), 8_000, 2_000)
    shop.refund(amount_fen, offset_fen)
    assert (shop.earned, shop.counted) == (earned, counted)


def test_an_order_paid_in_points_alone_keeps_its_bonus_until_it_is_back_whole() -> None:
    shop = Shop(life(False), 0, 2_000)
    assert (shop.earned, shop.counted) == (50, (0, 1))
    shop.refund(0, 1_999)
    assert (shop.earned, shop.counted) == (50, (0, 1))
    told = "退款含积分抵现 19.99 元，该部分未计积分"
    assert [line.why_zh for line in shop.entries[-1].lines] == [told]
    shop.refund(0, 1)
    assert (shop.earned, shop.counted) == (0, (0, 0))


def test_the_rules_of_the_payment_hold_for_its_refunds() -> None:
    shop = Shop(life(True), 8_000, 2_000)
    shop.life.book = published(redemption={"cash": {"max_percent": 100}})
    shop.refund(0, 2_000)
    assert shop.counted == (8_000, 1)
    other = Shop(life(False), 8_000, 2_000)
    other.life.book = published(redemption={"cash": {"max_percent": 100, "earns": True}})
    other.refund(0, 2_000)
    assert other.counted == (8_000, 1)
    assert other.earned == 130


@pytest.mark.parametrize(
    ("amount_fen", "offset_fen", "field", "left"),
    [(8_001, 0, "amount_fen", 8_000), (0, 2_001, "offset_fen", 2_000), (8_000, 2_001, "offset_fen", 2_000)],
    ids=str,
)
def test_neither_is_refunded_beyond_what_was_paid(amount_fen: int, offset_fen: int, field: str, left: int) -> None:
    shop = Shop(life(True), 8_000, 2_000)
    with pytest.raises(RefundExceedsOrder) as refused:
        shop.refund(amount_fen, offset_fen)
    assert refused.value.details == [{"field": field, "problem": f"{left} fen of this order can be refunded"}]
    shop.refund(1_000, 500)
    with pytest.raises(RefundExceedsOrder):
        shop.refund(0, 1_501)
    shop.refund(7_000, 1_500)


def early(*parts: tuple[int, int]) -> Iterator[Refund]:
    for number, (amount_fen, offset_fen) in enumerate(parts):
        yield Refund(f"e{number}", amount_fen, offset_fen=offset_fen)


@pytest.mark.parametrize("earns", [False, True], ids=["earns nothing", "earns"])
def test_refunds_that_came_first_are_settled_with_the_payment(earns: bool) -> None:
    parts = [(3_000, 500), (0, 2_001), (0, 1_500)]
    shop = Shop(life(earns), 8_000, 2_000, early=tuple(early(*parts)))
    twin = Shop(life(earns), 8_000, 2_000)
    twin.refund(3_000, 500)
    twin.refund(0, 1_500)
    assert (shop.earned, shop.counted) == (twin.earned, twin.counted)
    record, same = record_of(shop.entries), record_of(twin.entries)
    assert record is not None
    assert same is not None
    assert (record.refunded_fen, record.refunded_offset_fen) == (same.refunded_fen, same.refunded_offset_fen)
    assert any("not recorded" in line.why for line in shop.entries[0].lines)


@pytest.mark.parametrize(("offset_fen", "fits"), [(2_000, True), (2_001, False)], ids=str)
def test_an_order_s_limit_is_of_money_and_points_together(offset_fen: int, fits: bool) -> None:
    member = Life(published(limits={"max_order_fen": 10_000}))
    if fits:
        assert Shop(member, 8_000, offset_fen).earned == 130
    else:
        with pytest.raises(OrderTooLarge):
            Shop(member, 8_000, offset_fen)


def test_spending_in_points_promotes_only_where_it_counts() -> None:
    silver = document()["tiers"]["levels"][1]
    assert silver["promotion"][0]["at_least"] == 50_000
    for earns, tier in ((False, "normal"), (True, "silver")):
        shop = Shop(life(earns), 40_000, 10_000)
        assert shop.entries[0].tier_after == tier
        shop.refund(0, 10_000)
        assert shop.entries[-1].tier_after == "normal"
