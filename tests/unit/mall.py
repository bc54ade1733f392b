"""A member with points, and the redemptions of one offer: the shortest way to say what happened in the engine."""

from typing import Any

from chalicelib.engine import redemptions
from chalicelib.engine.decision import Entry
from chalicelib.engine.events import Offer, OfferKind, PointsAdjusted, Redeemed, RedemptionRecord, RedemptionStep
from chalicelib.rulebook.model import Published, Words
from tests.unit.lives import Life
from tests.unit.rulebooks import published

MUG = Words(zh="杯", en="Mug")
KINDS: tuple[OfferKind, ...] = ("physical", "coupon", "virtual", "service", "privilege", "donation")


class Mall:
    """A member with points in lots, and the redemptions of one offer."""

    def __init__(self, *lots: int, book: Published | None = None, **fields: Any) -> None:
        """The lots are granted a month apart, the last of them today: so many points in each."""
        self.life = Life(book or published(earning=[]))
        for number, points in enumerate(lots):
            self.life.pass_(days=31 if number else 0)
            self.grant(points)
        self.offer = Offer(**{"offer_id": "mug", "kind": "physical", "name": MUG, "price_points": 10, **fields})
        self.scopes: dict[str, list[Entry]] = {}

    def grant(self, points: int) -> None:
        self.life.record(PointsAdjusted(self.life.cause(), points, "given", "operator:1"))

    def spend(self, points: int) -> None:
        self.life.record(PointsAdjusted(self.life.cause(), -points, "spent", "operator:1"))

    @property
    def lots(self) -> list[int]:
        return list(self.life.account.lots.values())

    def redeem(self, quantity: int = 1, **fields: Any) -> str:
        redemption_id = f"R{len(self.scopes)}"
        event = Redeemed(self.life.cause(), redemption_id, self.offer, quantity, 10**9, **fields)
        self.scopes[redemption_id] = [self.life.record(event)]
        return redemption_id

    def record(self, redemption_id: str = "R0") -> RedemptionRecord:
        found = redemptions.record_of(self.scopes[redemption_id])
        assert found is not None
        return found

    def step(self, step: str, quantity: int | None = None, redemption_id: str = "R0", **fields: Any) -> Entry:
        record = self.record(redemption_id)
        entry = self.life.record(RedemptionStep(self.life.cause(), record, step, quantity=quantity, **fields))
        self.scopes[redemption_id].append(entry)
        return entry
