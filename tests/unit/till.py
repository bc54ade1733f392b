"""A member with points, and holds for orders: the shortest way to say what happened in the engine."""

from datetime import timedelta
from typing import Any

from chalicelib.engine import holds
from chalicelib.engine.decision import Entry
from chalicelib.engine.events import HoldRecord, HoldStep, PointsAdjusted, PointsHeld
from chalicelib.rulebook.model import Published
from tests.unit.lives import Life
from tests.unit.rulebooks import published

CASH: dict[str, Any] = {"max_percent": 50, "step_points": 10}


def paying(points_per_yuan_value: int = 100, **cash: Any) -> Published:
    """A rulebook under which nothing is earned and points pay for half of an order, in steps of 10."""
    return published(
        earning=[], points_per_yuan_value=points_per_yuan_value, redemption={"cash": {**CASH, **cash}}
    )  # fmt: skip


class Till:
    """A member with points in lots, and their holds; each is for an order that takes any of them."""

    def __init__(self, *lots: int, book: Published | None = None) -> None:
        """The lots are granted a month apart, the last of them today: so many points in each."""
        self.life = Life(book or paying())
        for number, points in enumerate(lots):
            self.life.pass_(days=31 if number else 0)
            self.adjust(points)
        self.scopes: dict[str, list[Entry]] = {}

    def adjust(self, points: int) -> None:
        self.life.record(PointsAdjusted(self.life.cause(), points, "given", "operator:1"))

    @property
    def lots(self) -> list[int]:
        return list(self.life.account.lots.values())

    @property
    def open(self) -> list[str]:
        return list(self.life.account.holds)

    def hold(
        self,
        points: int,
        amount_fen: int = 100_000,
        seconds: int | None = None,
        hold_id: str = "",
        order_id: str = "",
    ) -> str:
        hold_id = hold_id or f"h{len(self.scopes)}"
        # The first is for "o-1", each other for an order of its own.
        order_id = order_id or (f"o-{hold_id}" if self.scopes else "o-1")
        event = PointsHeld(self.life.cause(), hold_id, order_id, amount_fen, points, seconds)
        self.scopes[hold_id] = [self.life.record(event)]
        return hold_id

    def record(self, hold_id: str = "h0") -> HoldRecord:
        found = holds.record_of(self.scopes[hold_id])
        assert found is not None
        return found

    def step(self, step: str, points: int | None = None, hold_id: str = "h0") -> Entry:
        entry = self.life.record(HoldStep(self.life.cause(), self.record(hold_id), step, points))
        self.scopes[hold_id].append(entry)
        return entry

    def past(self, hold_id: str = "h0", **beyond: float) -> None:
        """To the moment at which the hold expires, or so much later."""
        self.life.now = self.record(hold_id).expires_at + timedelta(**beyond)
