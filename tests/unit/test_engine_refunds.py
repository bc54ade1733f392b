"""What a refund takes back and from where: proportions, policies, pending points, debt, early refunds, extremes."""

from datetime import date, timedelta

import pytest

from chalicelib.engine import points
from chalicelib.engine.account import Account
from chalicelib.engine.events import Item, Refund
from chalicelib.engine.orders import record_of
from chalicelib.engine.refusals import RefundExceedsOrder, TooManyPoints
from chalicelib.rulebook.model import Published
from chalicelib.rulebook.presets import preset
from tests.unit.lives import MEMBER, Life, book, shanghai

FEATURED, TOYS = Item(4_000, "featured"), Item(6_000, "toys")


def buyer(**sections: object) -> Life:
    """A member whose first order is had, so that an order pays by the yuan alone."""
    life = Life(book(tasks=[], **sections))
    life.buy(0)
    return life


def paying(per_yuan: str, **category_rates: str) -> Published:
    """The retail preset with other rates for purchases."""
    earning = preset("retail")["earning"]
    purchase = next(rule for rule in earning if rule["id"] == "purchase")
    purchase["points"] = {"per_yuan": per_yuan, "category_rates": category_rates}
    return book(earning=earning)


@pytest.mark.parametrize(
    ("fen", "refunds", "taken"),
    [
        (10_000, (10_000,), (100,)),
        (10_000, (1,), (0,)),  # what is kept is rounded up, so a rounding is never at the member's cost
        (10_000, (100,), (1,)),
        (10_000, (5_000, 5_000), (50, 50)),
        (10_000, (3_333, 3_333, 3_334), (33, 33, 34)),
        (10_000, (50, 50), (0, 1)),
        (10_000, (1, 9_999), (0, 100)),
        (9_999, (9_998, 1), (98, 1)),  # 99 points: 1 fen keeps one
        (99, (99,), (0,)),
        (10**12, (1, 10**12 - 1), (0, 10**10)),
        (10**12, (10**12 - 100, 100), (10**10 - 1, 1)),
    ],
)
def test_a_refund_takes_points_in_proportion_to_the_money(
    fen: int, refunds: tuple[int, ...], taken: tuple[int, ...]
) -> None:
    life = buyer()
    life.order(fen, order_id="A")
    assert tuple(-life.refund("A", part).points for part in refunds) == taken
    lines = [entry.lines[0] for entry in life.entries[-len(refunds) :]]
    assert all(line.rule == "refund" for line in lines)


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 9, 10, 33])
def test_many_partial_refunds_take_what_one_refund_of_their_sum_takes(parts: int) -> None:
    for items in ((), (FEATURED, TOYS)):
        bit_by_bit, at_once = buyer(), buyer()
        bit_by_bit.order(10_000, *items, order_id="A")
        at_once.order(10_000, *items, order_id="A")
        each = 10_000 // parts
        for _ in range(parts):
            bit_by_bit.refund("A", each)
        at_once.refund("A", parts * each)
        assert bit_by_bit.account.lots == at_once.account.lots
        assert bit_by_bit.account.counters == at_once.account.counters
        if parts * each < 10_000:
            bit_by_bit.refund("A", 10_000 - parts * each)
        assert bit_by_bit.account.balance == 100 + 100  # what was there before the order


@pytest.mark.parametrize(
    ("items", "taken"),
    [
        ((), 56), ((FEATURED,), 80), ((Item(4_000, "toys"),), 40), ((Item(4_000),), 40),
        ((Item(1_000, "featured"),), 50), ((Item(4_000, "never sold"),), 40),
    ],
)  # fmt: skip
def test_points_follow_the_refunded_items_at_their_own_rate(items: tuple[Item, ...], taken: int) -> None:
    life = buyer()
    assert life.order(10_000, FEATURED, TOYS, order_id="A").points == 140
    assert life.refund("A", 4_000, *items).points == -taken
    life.refund("A", 6_000)
    assert life.account.balance == 200


def test_the_rates_are_those_of_the_day_of_payment() -> None:
    life = buyer()
    life.order(10_000, FEATURED, TOYS, order_id="A")
    life.book = paying("5", featured="9")
    assert life.refund("A", 4_000, FEATURED).points == -80


@pytest.mark.parametrize(
    ("fen", "first", "second", "allowed"),
    [
        (10_000, 6_000, 4_000, True), (10_000, 6_000, 4_001, False), (10_000, 10_000, 1, False), (1, 1, 1, False),
        (10**12, 10**12 - 1, 1, True), (10**12, 10**12 - 1, 2, False),
    ],
)  # fmt: skip
def test_no_more_than_was_paid_can_be_refunded(fen: int, first: int, second: int, allowed: bool) -> None:
    life = buyer()
    life.order(fen, order_id="A")
    life.refund("A", first)
    if allowed:
        life.refund("A", second)
        return
    with pytest.raises(RefundExceedsOrder, match=f"{fen - first} fen of this order can be refunded"):
        life.refund("A", second)


def test_an_order_of_nothing_cannot_be_refunded_and_keeps_its_bonus_when_a_refund_came_first() -> None:
    life = Life()
    life.order(0, order_id="A")
    with pytest.raises(RefundExceedsOrder):
        life.refund("A", 1)
    early = Life()
    early.order(500, order_id="first")
    entry = early.order(0, early=(Refund("R1", 5), Refund("R2", 5)))
    assert (entry.points, "early_refunds" in entry.facts) == (0, False)
    assert early.account.counters["orders"]["life"] == 2


def test_an_order_that_earns_nothing_by_the_yuan_gives_its_bonus_back_in_proportion() -> None:
    life = Life(paying("1", gift_card="0"))
    assert life.order(10_000, Item(10_000, "gift_card"), order_id="A").points == 100
    assert [life.refund("A", fen).points for fen in (1, 4_999, 5_000)] == [0, -50, -50]


def test_debt_is_shown_as_a_line_and_repaid_first_by_whatever_comes() -> None:
    life = buyer()
    life.order(30_000, order_id="A")
    life.adjust(-500)  # everything is spent: 100 of joining, 100 of the first order, 300
    back = life.refund("A", 30_000)
    assert (back.points, back.balance_after, back.debt_after) == (-300, 0, 300)
    assert [(line.rule, line.points) for line in back.lines] == [("refund", -300), ("debt", 0)]
    assert [line.why_zh for line in back.lines] == ["退款 300 元，收回积分 300", "其中 300 分已使用，记为欠分"]
    assert (life.do("review_approved"), life.account.debt, life.account.balance) == (50, 250, 0)
    assert life.entries[-1].lines[-1].why_zh == "其中 50 分用于偿还欠分"
    assert (life.adjust(249).debt_after, life.account.balance) == (1, 0)
    entry = life.order(200)
    assert (entry.points, entry.balance_after, entry.debt_after) == (2, 1, 0)
    assert entry.lines[-1].why == "1 of these points repaid debt"
    assert "debt_repaid" not in [line.rule for line in life.order(200).lines]


@pytest.mark.parametrize(
    ("policy", "spent", "change", "balance", "debt", "rules"),
    [
        ("debt", 200, -100, 0, 0, ["refund"]),
        ("debt", 201, -100, 0, 1, ["refund", "debt"]),
        ("debt", 300, -100, 0, 100, ["refund", "debt"]),
        ("within_balance", 200, -100, 0, 0, ["refund"]),
        ("within_balance", 201, -99, 0, 0, ["refund", "forgiven"]),
        ("within_balance", 300, 0, 0, 0, ["refund", "forgiven"]),
    ],
)
def test_the_refund_policy_decides_what_becomes_of_points_already_spent(
    policy: str, spent: int, change: int, balance: int, debt: int, rules: list[str]
) -> None:
    life = buyer(refunds={"policy": policy})
    life.order(10_000, order_id="A")
    life.adjust(-spent)
    entry = life.refund("A", 10_000)
    assert (entry.points, entry.balance_after, entry.debt_after) == (change, balance, debt)
    assert [line.rule for line in entry.lines] == rules


def test_a_claw_back_takes_the_orders_own_lot_then_the_earliest_others_then_goes_into_debt() -> None:
    life = Life(book(tasks=[]), shanghai("2026-11-24 12:00"))  # 100 points of joining until 2027-08-31
    life.buy(0)  # 100 of the first order until 2027-11-30
    life.at("2026-12-24 12:00").order(30_000, order_id="A")  # 300 until 2027-12-31
    life.at("2027-02-24 12:00").adjust(5)
    life.at("2027-01-24 12:00").adjust(10)
    life.adjust(-150)
    assert life.refund("A", 10_000).moves == ((date(2027, 12, 31), -100),)
    life.adjust(-240)
    last, first, second = date(2027, 12, 31), date(2028, 1, 31), date(2028, 2, 29)
    assert dict(life.account.lots) == {last: 10, first: 10, second: 5}
    entry = life.refund("A", 20_000)
    assert entry.moves == ((last, -10), (first, -10), (second, -5))
    assert (entry.points, entry.balance_after, entry.debt_after) == (-200, 0, 175)


def test_returned_points_find_their_lots_again_and_an_expired_lot_comes_back_with_the_grace() -> None:
    life = Life(now=shanghai("2027-08-20 12:00"))  # joined 100 days ago: until 2028-05-31
    life.adjust(40)  # until 2028-08-31
    spent = life.adjust(-120)
    assert spent.moves == ((date(2028, 5, 31), -100), (date(2028, 8, 31), -20))
    life.at("2028-05-31 23:59").adjust(120, returns=spent.moves)
    assert dict(life.account.lots) == {date(2028, 5, 31): 100, date(2028, 8, 31): 40}
    life.adjust(-120)
    entry = life.at("2028-06-01 00:00").adjust(120, returns=spent.moves)
    assert dict(life.account.lots) == {date(2028, 7, 1): 100, date(2028, 8, 31): 40}  # 30 days
    assert entry.lines[0].why_zh == "退回原批次：because"


@pytest.mark.parametrize(
    ("paid_at", "until"),
    [
        ("2026-11-30 23:59", "2027-11-30"), ("2026-12-01 00:00", "2027-12-31"), ("2026-12-31 23:59", "2027-12-31"),
        ("2027-02-28 12:00", "2028-02-29"), ("2028-02-29 12:00", "2029-02-28"), ("2026-12-01 07:59", "2027-12-31"),
    ],
)  # fmt: skip
def test_points_live_twelve_months_to_the_end_of_the_month(paid_at: str, until: str) -> None:
    life = Life(now=shanghai(paid_at))
    life.buy(10_000)
    assert life.account.lots[date.fromisoformat(until)] == 200
    life.adjust(-life.account.balance + 200)  # what ends earlier
    told = life.live(f"{until} 23:59")
    assert [entry.kind for entry in told if entry.points] == []
    day_after = (date.fromisoformat(until) + timedelta(days=1)).isoformat()
    (gone,) = [entry for entry in life.live(f"{day_after} 00:00") if entry.kind == "lots_expired"]
    assert (gone.points, life.account.balance) == (-200, 0)
    assert gone.lines[0].why_zh == f"有效期至 {until} 的积分已过期"


PENDING = {"mode": "days", "days": 7}


def waiter() -> Life:
    """A buyer whose points wait; those of the first order are in."""
    life = Life(book(pending=PENDING, tasks=[]))
    life.buy(0)
    life.pass_(days=7).due()
    return life


@pytest.mark.parametrize(("day", "released"), [("2026-11-30", 0), ("2026-12-01", 200), ("2027-01-01", 200)])
def test_pending_points_wait_their_days_out(day: str, released: int) -> None:
    life = Life(book(pending=PENDING))
    entry = life.order(10_000)
    assert (entry.points, entry.pending, entry.pending_after, entry.balance_after) == (0, 200, 200, 100)
    assert entry.lines[0].why == "Purchases: 100 yuan × 1 = 100, pending until 2026-12-01"
    assert entry.lines[0].why_zh == "消费：100 元 × 1 = 100，2026-12-01 入账"
    steps = life.at(f"{day} 12:00").due()
    assert [(step.kind, step.points) for step in steps] == ([("pending_released", released)] if released else [])
    assert life.account.pending_total == 200 - released
    if released:
        assert life.account.lots[date(2027, 12, 31)] == 200  # valid from the day they count


def test_completion_releases_an_orders_own_points_once_and_leaves_the_others() -> None:
    life = waiter()
    life.order(10_000, order_id="A")
    life.order(20_000, order_id="B")  # the same dates: one portion of 300
    done = life.complete("A")
    assert (done.points, done.pending, life.account.pending_total) == (100, -100, 200)
    assert done.lines[0].why_zh == "订单完成，积分入账：100"
    again = life.complete("A")
    assert (again.points, again.lines[0].why_zh) == (0, "订单此前已完成")
    assert life.refund("A", 10_000).points == -100
    assert life.account.pending_total == 200
    (released,) = life.pass_(days=7).due()
    assert (released.points, life.complete("B").points) == (200, 0)


@pytest.mark.parametrize("completed_first", [True, False])
def test_a_refund_cancels_pending_points_before_it_touches_lots(completed_first: bool) -> None:
    life = Life(book(pending=PENDING))
    life.order(10_000, order_id="A")
    if completed_first:
        life.complete("A")
    half = life.refund("A", 5_000)
    assert (half.points, half.pending) == ((-100, 0) if completed_first else (0, -100))
    if not completed_first:
        assert [line.why_zh for line in half.lines] == ["退款 50 元，取消待入账积分 100"]
        assert life.complete("A").points == 100
    assert life.refund("A", 5_000).points == -100
    assert (life.account.balance, life.account.pending_total) == (100, 0)


def test_released_points_repay_debt() -> None:
    life = Life(book(pending=PENDING))
    life.order(10_000, order_id="A")
    life.complete("A")
    life.adjust(-300)
    life.refund("A", 10_000)
    life.order(5_000, order_id="B")  # the first order again, since the other is gone: 150 pending
    assert (life.account.debt, life.account.pending_total) == (200, 150)
    entry = life.complete("B")
    assert (entry.points, entry.debt_after, entry.balance_after) == (150, 50, 0)
    assert [line.rule for line in entry.lines] == ["pending_released", "debt_repaid"]


def test_without_pending_a_completion_only_says_so() -> None:
    life = buyer()
    life.order(10_000, order_id="A")
    assert [(line.rule, line.why_zh) for line in life.complete("A").lines] == [("order_completed", "订单已完成")]


def test_what_came_before_the_payment_is_settled_with_it() -> None:
    life = waiter()
    entry = life.order(10_000, order_id="A", early=(Refund("R1", 4_000), Refund("R2", 1_000)), completed=True)
    assert (entry.points, entry.pending) == (50, 0)
    record = record_of([entry])
    assert record is not None
    assert (record.completed, record.refunded_fen, record.taken_back) == (True, 5_000, 50)
    assert life.refund("A", 5_000).points == -50
    early = tuple(Refund(name, fen, (FEATURED,)) for name, fen in (("R1", 10_001), ("R2", 10_000), ("R3", 1)))
    bought = buyer().order(10_000, FEATURED, TOYS, early=early)
    # Of more than the order, of all of it, of more than was left then.
    assert [(refund["refund_id"], refund["taken_back"]) for refund in bought.facts["early_refunds"]] == [("R2", 140)]


def test_one_entry_may_not_move_more_points_than_the_rulebook_allows() -> None:
    life = Life(book(tasks=[], limits={"max_points_per_entry": 1_000}), tier="gold")
    life.buy(0)
    assert life.buy(50_049) == 1_000
    with pytest.raises(TooManyPoints):
        life.buy(50_050)
    with pytest.raises(TooManyPoints):
        life.adjust(1_001)
    # What takes points back is never refused, however much it is.
    rich = Life(book(tasks=[]), tier="gold")
    rich.buy(0)
    paid = rich.order(100_000, order_id="A")
    rich.book = book(tasks=[], limits={"max_points_per_entry": 1_000})
    assert paid.points >= rich.granted("A") > 1_000
    assert rich.refund("A", 100_000).points == -rich.granted("A")
    waiting = Life(book(tasks=[], limits={"max_points_per_entry": 1_000}, pending=PENDING))
    with pytest.raises(TooManyPoints):
        waiting.order(90_100)
    assert waiting.order(90_000).pending == 1_000


def test_an_order_keeps_only_the_rates_that_differ_however_many_categories_it_has() -> None:
    life = buyer()
    entry = life.order(50_000, *(Item(100, f"category-{n}") for n in range(499)), Item(100, "featured"))
    assert entry.facts["rates"] == {"": "1", "featured": "2"}
    assert entry.points == 501


def test_beyond_sixty_lots_the_earliest_live_on_with_the_next() -> None:
    purse = points.open_purse(Account(MEMBER))
    first = date(2027, 1, 31)
    days = [first + timedelta(days=n) for n in range(63)]
    for day in days:
        purse, _ = points.grant(purse, day, 2)
    assert len(purse.lots) == points.MAX_LOTS == 60
    assert (purse.lots[days[3]], purse.lots[days[4]], purse.balance) == (8, 2, 126)
    # Clawing back an order whose own lot has been merged away starts with the earliest.
    after, owed, forgiven = points.claw_back(purse, 3, [days[0]], into_debt=True)
    assert (after.lots[days[3]], owed, forgiven) == (5, 0, 0)
