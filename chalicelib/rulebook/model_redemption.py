"""The rulebook's section on redemption: what holds for every offer of the mall."""

from fractions import Fraction
from typing import Self

from pydantic import Field, model_validator

from chalicelib.rulebook.conditions import Code, Part
from chalicelib.rulebook.model_tiers import Rate


class Redemption(Part):
    """member_day_factors: tier → what its price is multiplied by on a member day (a tier that is not named: 1) · bands:
    where a price band begins, in points; the last one is open"""

    member_day_factors: dict[Code, Rate] = Field(default_factory=dict, max_length=5)
    bands: tuple[int, ...] = Field(default=(100, 1_000, 10_000), min_length=1, max_length=10)

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
