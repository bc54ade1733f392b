"""I6: whatever happens in whatever order, the lots equal a plain lot-by-lot reference."""

from datetime import date, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chalicelib.engine import points
from chalicelib.engine.account import Account


class Reference:
    """Points as a plain list, one element a point's lot: nothing clever that could share a mistake."""

    def __init__(self) -> None:
        self.lots: list[date] = []
        self.debt = 0

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


Lots.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None, derandomize=True)
TestLots = Lots.TestCase


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
