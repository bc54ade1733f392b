"""Whatever is held, captured, released, expired and refunded in whatever order: the lots are those of a plain list of
points, and what is neither paid nor held is in the balance."""

import os
from collections import Counter
from datetime import date

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chalicelib.engine.holds import MAX_HOLDS
from tests.unit.till import Till

LOTS = (140, 60, 90)


class Holds(RuleBasedStateMachine):
    """One member's holds, within a month: no lot's day comes. `taken` is a hold's points one by one, each its lot."""

    @initialize()
    def start(self) -> None:
        self.till = Till(*LOTS)
        self.points = sorted(day for day, points in self.till.life.account.lots.items() for _ in range(points))
        self.taken: dict[str, list[date]] = {}
        self.spent = 0

    def ids(self, state: str) -> list[str]:
        return [hold_id for hold_id in self.till.scopes if self.till.record(hold_id).state == state]

    def back(self, hold_id: str, count: int) -> None:
        """The last points taken are the first to go back."""
        for _ in range(count):
            self.points.append(self.taken[hold_id].pop())
        self.points.sort()

    @rule(steps=st.integers(1, 12), seconds=st.integers(60, 1800))
    def hold(self, steps: int, seconds: int) -> None:
        wanted = 10 * steps
        if wanted <= len(self.points) and len(self.till.open) < MAX_HOLDS:
            hold_id = self.till.hold(wanted, seconds=seconds)
            self.taken[hold_id], self.points = self.points[:wanted], self.points[wanted:]

    @rule(data=st.data(), points=st.integers(1, 120))
    def capture(self, data: st.DataObject, points: int) -> None:
        running = [i for i in self.ids("held") if self.till.record(i).expires_at > self.till.life.now]
        if running:
            hold_id = data.draw(st.sampled_from(running))
            paid = min(points, self.till.record(hold_id).points)
            self.till.step("capture", paid, hold_id)
            self.back(hold_id, self.till.record(hold_id).points - paid)

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if self.ids("held"):
            hold_id = data.draw(st.sampled_from(self.ids("held")))
            self.till.step("release", None, hold_id)
            self.back(hold_id, len(self.taken[hold_id]))

    @rule(seconds=st.integers(1, 900))
    def time_passes(self, seconds: int) -> None:
        self.till.life.pass_(seconds=seconds)
        for hold_id in self.ids("held"):
            if self.till.record(hold_id).expires_at <= self.till.life.now:
                self.till.step("expiry", None, hold_id)
                self.back(hold_id, len(self.taken[hold_id]))

    @rule(data=st.data(), points=st.integers(1, 60))
    def refund(self, data: st.DataObject, points: int) -> None:
        left = [hold_id for hold_id in self.ids("captured") if self.taken[hold_id]]
        if left:
            hold_id = data.draw(st.sampled_from(left))
            points = min(points, len(self.taken[hold_id]))
            self.till.step("refund", points, hold_id)
            self.back(hold_id, points)

    @rule(points=st.integers(1, 30))
    def spend(self, points: int) -> None:
        points = min(points, len(self.points))
        if points:
            self.till.adjust(-points)
            self.points, self.spent = self.points[points:], self.spent + points

    @invariant()
    def the_lots_are_the_points(self) -> None:
        account = self.till.life.account
        assert dict(account.lots) == Counter(self.points)
        records = {hold_id: self.till.record(hold_id) for hold_id in self.till.scopes}
        held = {hold_id for hold_id, record in records.items() if record.state == "held"}
        assert set(account.holds) == held
        assert account.held == sum(len(self.taken[hold_id]) for hold_id in held)
        for hold_id, record in records.items():
            paid = record.captured_points - record.refunded_points
            assert len(self.taken[hold_id]) == (record.points if hold_id in held else paid)
        assert account.balance + sum(map(len, self.taken.values())) + self.spent == sum(LOTS)
        assert account.hold_due_at == min((records[i].expires_at for i in held), default=None)


# `LOT_EXAMPLES=5000 LOT_STEPS=200` makes it the long run.
Holds.TestCase.settings = settings(
    max_examples=int(os.environ.get("LOT_EXAMPLES", "50")),
    stateful_step_count=int(os.environ.get("LOT_STEPS", "30")),
    deadline=None,
    derandomize=True,
)
TestHolds = Holds.TestCase
