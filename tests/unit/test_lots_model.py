"""I6: whatever happens in whatever order, the lots equal a plain lot-by-lot reference."""

import os
from collections import Counter
from datetime import UTC, date, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib.engine import counters, points
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Entry
from chalicelib.engine.events import (
    Cause,
    Event,
    HoldStep,
    Joined,
    Offer,
    OrderPaid,
    OrderRefunded,
    PointsAdjusted,
    PointsDue,
    PointsHeld,
    Redeemed,
    RedemptionStep,
    Refund,
)
from chalicelib.engine.holds import MAX_HOLDS
from chalicelib.engine.holds import record_of as hold_of
from chalicelib.engine.orders import record_of
from chalicelib.engine.process import process
from chalicelib.engine.redemptions import record_of as redemption_of
from chalicelib.engine.refusals import NothingDue
from chalicelib.ledger.verify import check
from chalicelib.rulebook.model import Words
from tests.unit.lives import MOST_STEPS
from tests.unit.rulebooks import document, published, words


class Reference:
    """Points as a plain list, one element a point's lot: nothing clever that could share a mistake. `noticed`: for each
    lot and notice (days before), when it was given and of how many points."""

    def __init__(self) -> None:
        self.lots: list[date] = []
        self.debt = 0
        self.noticed: dict[date, dict[int, tuple[date, int]]] = {}

    def grant(self, on: date, amount: int) -> None:
        for _ in range(amount):
            if self.debt:
                self.debt -= 1
            else:
                self.lots.append(on)

    def take(self, amount: int, own: list[date], owe: bool) -> None:
        for _ in range(amount):
            mine = [day for day in own if day in self.lots]
            if mine:
                self.lots.remove(mine[0])
            elif self.lots:
                self.lots.remove(min(self.lots))
            elif owe:
                self.debt += 1

    def a_day(self, today: date) -> None:
        """What happens by itself, the long way: every lot is told of; a lot told of late stays its full time longer."""
        while late := next(((day, n) for day in sorted(set(self.lots)) if (n := self.late(day, today))), None):
            day, notices = late
            until = max(day, *(today + timedelta(days=n) for n in notices))
            # Of a date that moves, only the notices that are due for the new one are given.
            now = [n for n in notices if until - timedelta(days=n) <= today]
            self.noticed.setdefault(day, {}).update(dict.fromkeys(now, (today, self.lots.count(day))))
            if until > day:
                self.move(day, until)
        self.lots = [day for day in self.lots if day >= today]

    def late(self, day: date, today: date) -> list[int]:
        given, count = self.noticed.get(day, {}), self.lots.count(day)
        return [n for n in NOTICES if day - timedelta(days=n) <= today and given.get(n, (today, 0))[1] < count]

    def move(self, day: date, until: date) -> None:
        moved = self.noticed.pop(day)
        self.noticed[until] = {} if until in self.lots else moved
        self.lots = [until if lot == day else lot for lot in self.lots]


NOTICES = (30, 7)
SILVER_FEN, GOLD_FEN = 15_000, 40_000

DAYS = st.dates(date(2026, 1, 1), date(2027, 12, 31))


class Lots(RuleBasedStateMachine):
    """Earn, spend, refund a spend, claw back, expire, in any order with any validities."""

    @initialize()
    def start(self) -> None:
        self.purse = points.open_purse(Account("m"))
        self.reference = Reference()
        self.today = date(2026, 1, 1)
        self.spends: list[points.Moves] = []

    @rule(on=DAYS, amount=st.integers(1, 50))
    def earn(self, on: date, amount: int) -> None:
        self.purse, _ = points.grant(self.purse, on, amount)
        self.reference.grant(on, amount)

    @rule(amount=st.integers(1, 80))
    def spend(self, amount: int) -> None:
        amount = min(amount, self.purse.balance)
        before = len(self.purse.moves)
        self.purse, missing = points.debit(self.purse, amount)
        assert missing == 0
        self.reference.take(amount, [], owe=False)
        if amount:
            self.spends.append(self.purse.moves[before:])

    @rule(grace=st.integers(1, 60))
    def give_back(self, grace: int) -> None:
        if self.spends:
            taken = self.spends.pop()
            self.purse, _ = points.give_back(self.purse, taken, self.today, grace)
            for day, amount in taken:
                self.reference.grant(day if day >= self.today else self.today + timedelta(days=grace), -amount)

    @rule(amount=st.integers(1, 80), own=st.lists(DAYS, max_size=2, unique=True), owe=st.booleans())
    def claw_back(self, amount: int, own: list[date], owe: bool) -> None:
        worth = self.purse.worth
        self.purse, owed, forgiven = points.claw_back(self.purse, amount, own, into_debt=owe)
        self.reference.take(amount, own, owe)
        assert self.purse.worth == worth - amount + forgiven
        assert not (owed and forgiven)

    @rule(days=st.integers(1, 200))
    def advance(self, days: int) -> None:
        self.today += timedelta(days=days)
        self.purse, _ = points.expire(self.purse, self.today - timedelta(days=1))
        self.reference.lots = [day for day in self.reference.lots if day >= self.today]

    @invariant()
    def lots_are_the_references(self) -> None:
        expected: dict[date, int] = {}
        for day in self.reference.lots:
            expected[day] = expected.get(day, 0) + 1
        assert dict(self.purse.lots) == expected
        assert list(self.purse.lots) == sorted(self.purse.lots)
        assert self.purse.debt == self.reference.debt
        assert not (self.purse.debt and self.purse.balance)


class Order:
    """What the reference knows of one order."""

    def __init__(self, fen: int, until: date, granted: int) -> None:
        self.fen, self.until, self.granted, self.refunded, self.taken = fen, until, granted, 0, 0


class Member(RuleBasedStateMachine):
    """A whole member through the engine: orders at the rate of the tier, several refunds of each, spending, undoing it,
    expiry, replays and time. The reference counts in whole numbers, a point at a time."""

    @initialize(policy=st.sampled_from(["debt", "within_balance"]), months=st.sampled_from([1, 3, 12]))
    def start(self, policy: str, months: int) -> None:
        rules = [{**rule, "when": None} for rule in document()["earning"] if rule["id"] in ("join", "purchase")]
        rules[1]["points"] = {"per_yuan": "1"}
        levels = document()["tiers"]["levels"]
        for level, fen in zip(levels, (0, SILVER_FEN, GOLD_FEN), strict=True):
            if fen:  # by money alone, and little of it
                level["promotion"] = [{"metric": "spend_fen", "at_least": fen, "name": words("消费")}]
        self.book = published(
            earning=rules,
            multipliers=[multiplier for multiplier in document()["multipliers"] if multiplier["id"] == "tier"],
            tiers={"levels": levels},
            refunds={"policy": policy},
            expiry={"valid_months": months},
            redemption={"cash": {"max_percent": 100, "step_points": 1, "hold_minutes": 1440}},
        )
        self.owe, self.months = policy == "debt", months
        self.now = datetime(2026, 1, 31, 4, 0, tzinfo=UTC)
        self.account, self.entries = Account("m"), list[Entry]()
        self.reference, self.spent, self.tier, self.spend_fen = Reference(), list[list[date]](), "normal", 0
        self.orders: dict[str, tuple[Order, list[Entry]]] = {}
        self.redeemed: list[tuple[list[date], list[Entry]]] = []
        self.holds: list[tuple[list[date], list[Entry]]] = []
        self.happen(Joined(self.cause()))
        self.reference.grant(self.until(), 100)

    def cause(self) -> Cause:
        return Cause("m", f"happening#{len(self.entries)}")

    def happen(self, event: Event) -> Entry:
        decision = process(self.book, self.account, event, self.now)
        assert process(self.book, self.account, event, self.now) == decision
        self.account = decision.account
        self.entries.append(decision.entry)
        return decision.entry

    def until(self) -> date:
        today = self.now.date()  # noon in Shanghai is the same day in UTC
        month = today.year * 12 + today.month + self.months
        return date(month // 12, month % 12 + 1, 1) - timedelta(days=1)

    @rule(fen=st.integers(0, 12_000))
    def buy(self, fen: int) -> None:
        order_id = f"O{len(self.orders)}"
        entry = self.happen(OrderPaid(Cause("o", order_id), order_id, self.now, fen))
        granted = {"normal": fen // 100, "silver": fen * 3 // 200, "gold": fen // 50}[self.tier]
        self.reference.grant(self.until(), granted)
        self.spend_fen += fen
        self.reach()
        self.orders[order_id] = (Order(fen, self.until(), granted), [entry])

    @precondition(lambda self: any(order.refunded < order.fen for order, _ in self.orders.values()))
    @rule(share=st.integers(1, 100), data=st.data())
    def refund(self, share: int, data: st.DataObject) -> None:
        open_orders = [key for key, (order, _) in self.orders.items() if order.refunded < order.fen]
        order, entries = self.orders[data.draw(st.sampled_from(open_orders))]
        fen = max(1, (order.fen - order.refunded) * share // 100)
        record = record_of(entries)
        assert record is not None
        refund = Refund(f"R{len(self.entries)}", fen)
        entries.append(self.happen(OrderRefunded(self.cause(), record, refund)))
        order.refunded += fen
        # Of its points the order keeps the share of the money it keeps, rounded up.
        kept = -(-order.granted * (order.fen - order.refunded) // order.fen)
        self.reference.take(order.granted - kept - order.taken, [order.until], self.owe)
        order.taken = order.granted - kept
        self.spend_fen -= fen
        self.reach()

    def reach(self) -> None:
        """Money alone promotes, and what it promoted its refund undoes: the tier always follows from it."""
        self.tier = "gold" if self.spend_fen >= GOLD_FEN else "silver" if self.spend_fen >= SILVER_FEN else "normal"

    @precondition(lambda self: self.account.balance)
    @rule(share=st.integers(1, 100))
    def spend(self, share: int) -> None:
        amount = max(1, self.account.balance * share // 100)
        self.happen(PointsAdjusted(self.cause(), -amount, "spent", "operator:1"))
        self.spent.append(sorted(self.reference.lots)[:amount])
        self.reference.take(amount, [], owe=False)

    @precondition(lambda self: self.spent)
    @rule()
    def undo_a_spending(self) -> None:
        taken = self.spent.pop()
        moves = tuple((day, -taken.count(day)) for day in sorted(set(taken)))
        self.happen(PointsAdjusted(self.cause(), len(taken), "undone", "operator:1", moves))
        self.come_back(taken[::-1], len(taken))

    def come_back(self, taken: list[date], count: int) -> None:
        """The last taken go back first, each point to the lot it came from."""
        today = self.now.date()
        for _ in range(count):
            day = taken.pop()
            self.reference.grant(day if day >= today else today + timedelta(days=30), 1)

    @precondition(lambda self: self.account.balance)
    @rule(quantity=st.integers(1, 5), share=st.integers(1, 100))
    def redeem(self, quantity: int, share: int) -> None:
        price = self.account.balance * share // 100 // quantity
        if price:
            offer = Offer("mug", "coupon", Words(zh="杯", en="Mug"), price)
            entry = self.happen(Redeemed(self.cause(), "R", offer, quantity, quantity * price))
            self.redeemed.append((sorted(self.reference.lots)[: quantity * price], [entry]))
            self.reference.take(quantity * price, [], owe=False)

    @precondition(lambda self: self.redeemed)
    @rule(data=st.data())
    def return_some_pieces(self, data: st.DataObject) -> None:
        taken, entries = self.redeemed[-1]
        record = redemption_of(entries)
        assert record is not None
        quantity = data.draw(st.integers(1, record.kept))
        entries.append(self.happen(RedemptionStep(self.cause(), record, "return", quantity=quantity)))
        self.come_back(taken, quantity * record.price_points)
        if not taken:
            self.redeemed.pop()

    @precondition(lambda self: self.account.balance and len(self.account.holds) < MAX_HOLDS)
    @rule(share=st.integers(1, 100))
    def hold(self, share: int) -> None:
        amount = max(1, self.account.balance * share // 100)
        number = len(self.entries)
        entry = self.happen(PointsHeld(self.cause(), f"h{number}", f"o{number}", 10**9, amount))
        self.holds.append((sorted(self.reference.lots)[:amount], [entry]))
        self.reference.take(amount, [], owe=False)

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), share=st.integers(1, 100), released=st.booleans())
    def settle_a_hold(self, data: st.DataObject, share: int, released: bool) -> None:
        """Captured in part, released or expired; what was captured is refunded in parts."""
        taken, entries = data.draw(st.sampled_from(self.holds))
        record, part = hold_of(entries), max(1, len(taken) * share // 100)
        assert record is not None
        over = record.expires_at <= self.now
        step = "refund" if record.state == "captured" else "release" if released else "expiry" if over else "capture"
        points = part if step in ("refund", "capture") else None
        entries.append(self.happen(HoldStep(self.cause(), record, step, points)))
        self.come_back(taken, len(taken) - part if step == "capture" else points or len(taken))
        if not taken:
            self.holds.remove((taken, entries))

    @rule(days=st.integers(1, 90), late=st.booleans())
    def time_passes(self, days: int, late: bool) -> None:
        """Day by day; or the jobs stood still meanwhile, and run at last."""
        for _ in range(1 if late else days):
            self.now += timedelta(days=days if late else 1)
            for _ in range(MOST_STEPS):
                try:
                    self.happen(PointsDue())
                except NothingDue:
                    break
            else:
                raise AssertionError("it does not end")
            self.reference.a_day(self.now.date())

    @invariant()
    def what_is_due_is_known(self) -> None:
        dates = [self.account.points_due_on] if self.account.lots else []
        assert all(day is not None and day <= min(self.account.lots) + timedelta(days=1) for day in dates)

    @invariant()
    def the_account_is_the_references(self) -> None:
        assert dict(self.account.lots) == dict(Counter(self.reference.lots))
        assert self.account.debt == self.reference.debt
        assert self.account.standing is not None
        assert self.account.standing.tier == self.tier
        assert counters.read(self.account.counters, "spend_fen", "lifetime", self.now.date()) == self.spend_fen

    def teardown(self) -> None:
        assert check(self.account, self.entries) == []


# `LOT_EXAMPLES=5000 LOT_STEPS=200` makes it the long run.
settings_of_the_model = settings(
    max_examples=int(os.environ.get("LOT_EXAMPLES", "200")),
    stateful_step_count=int(os.environ.get("LOT_STEPS", "50")),
    deadline=None,
    derandomize=True,
)
Lots.TestCase.settings = settings_of_the_model
Member.TestCase.settings = settings_of_the_model
TestLots = Lots.TestCase
TestMember = Member.TestCase


def test_beyond_sixty_lots_the_earliest_joins_the_next_later_one() -> None:
    purse = points.open_purse(Account("m"))
    first = date(2026, 1, 1)
    for number in range(points.MAX_LOTS):
        purse, _ = points.grant(purse, first + timedelta(days=number), 1)
    assert len(purse.lots) == points.MAX_LOTS
    purse, _ = points.grant(purse, first + timedelta(days=100), 1)
    assert len(purse.lots) == points.MAX_LOTS
    assert first not in purse.lots
    assert purse.lots[first + timedelta(days=1)] == 2
