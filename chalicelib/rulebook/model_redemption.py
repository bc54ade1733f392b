"""The rulebook's section on redemption: what holds for every offer of the mall, and for points that pay for orders."""

from fractions import Fraction
from typing import Annotated, Self

from pydantic import Field, model_validator

from chalicelib.rulebook.conditions import MAX_FEN, Code, Part
from chalicelib.rulebook.model_tiers import Rate


class Cash(Part):
    """Points as cash (积分抵现), in whole steps; what a point is worth, `points_per_yuan_value` says.

    max_percent: of the order's amount before points · by_tier: tier → its own share, 0: none · min_points: fewer are
    not taken · min_order_fen: for orders from that amount on · hold_minutes: how long points are held for an order that
    is being paid, at most · earns: what was paid in points earns points and counts as spending too
    """

    max_percent: int = Field(ge=1, le=100)
    by_tier: dict[Code, Annotated[int, Field(ge=0, le=100)]] = Field(default_factory=dict, max_length=5)
    step_points: int = Field(default=100, ge=1, le=1_000_000)
    min_points: int = Field(default=0, ge=0, le=100_000_000)
    min_order_fen: int = Field(default=0, ge=0, le=MAX_FEN)
    hold_minutes: int = Field(default=30, ge=1, le=1440)
    earns: bool = False

    @property
    def least_points(self) -> int:
        """The fewest points that pay: at least a step."""
        return max(self.step_points, self.min_points)

    def percent(self, codes: tuple[str, ...]) -> int:
        """The share for a tier, by its code or, where that is not named, one it had before."""
        return next((self.by_tier[code] for code in codes if code in self.by_tier), self.max_percent)


class Redemption(Part):
    """member_day_factors: tier → what its price is multiplied by on a member day (a tier that is not named: 1) · bands:
    where a price band begins, in points; the last one is open · cash: points that pay for orders; None: they do not"""

    member_day_factors: dict[Code, Rate] = Field(default_factory=dict, max_length=5)
    bands: tuple[int, ...] = Field(default=(100, 1_000, 10_000), min_length=1, max_length=10)
    cash: Cash | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if list(self.bands) != sorted(set(self.bands)) or self.bands[0] < 1:
            raise ValueError("bands begin at 1 or above and rise")
        if any(not 0 < Fraction(factor) <= 1 for factor in self.member_day_factors.values()):
            raise ValueError("a member day's factor is above 0 and at most 1")
        return self

    def member_day_factor(self, codes: tuple[str, ...]) -> str:
        """The factor of a tier, by its code or, where that is not named, one it had before."""
        return next((self.member_day_factors[code] for code in codes if code in self.member_day_factors), "1")

    def band(self, price_points: int) -> int:
        """The number of the band a price lies in, from 1; 0 for what is cheaper than the first."""
        return sum(price_points >= begins for begins in self.bands)
