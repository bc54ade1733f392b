"""The rulebook's section on lotteries: what is disclosed of each, and by which prize a number is answered."""

import json
from datetime import datetime
from fractions import Fraction
from functools import cached_property
from hashlib import sha256
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from chalicelib.rulebook.conditions import MAX_FEN, Code, Part
from chalicelib.rulebook.model_tiers import Points, Words
from chalicelib.shared.schemas import Instant

# A draw is a number below this; odds are parts of it.
NUMBERS = 1_000_000
MAX_NAME = 60


def _short(name: Words) -> None:
    if max(len(name.zh), len(name.en)) > MAX_NAME:
        raise ValueError(f"a name has at most {MAX_NAME} characters")


class Prize(Part):
    """`points` are granted at once, a `coupon` is issued by its code (and fulfilled like any), anything `other` is
    handed over by the shop. value_fen: what one is worth · odds_ppm: of a million numbers · pieces: how many there are,
    None without a bound, which only points may have"""

    code: Code
    name: Words
    kind: Literal["points", "coupon", "other"]
    points: Points = 0
    coupon: Code | None = None
    value_fen: int = Field(default=0, ge=0, le=MAX_FEN)
    odds_ppm: int = Field(ge=1, le=NUMBERS)
    pieces: int | None = Field(default=None, ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _of_its_kind(self) -> Self:
        _short(self.name)
        if (self.kind == "points") != (self.points > 0):
            raise ValueError("a prize of points has points, no other has")
        if (self.kind == "coupon") != (self.coupon is not None):
            raise ValueError("a prize that is a coupon names it, no other does")
        if self.kind != "points" and (self.pieces is None or not self.value_fen):
            raise ValueError("a prize other than points has pieces and a value")
        return self


class Lottery(Part):
    """words: the rules for members · starts_at, ends_at: drawn from, and until just before · price_points: for a draw
    without a chance; None: only chances draw · draws_per_day, draws_per_member: the most one member may draw on a
    business day, and in all · prizes: in the order in which they share the numbers from 0 on; the rest wins nothing"""

    code: Code
    name: Words
    words: Words
    starts_at: Instant
    ends_at: Instant
    price_points: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    draws_per_day: int = Field(ge=1, le=1_000)
    draws_per_member: int = Field(ge=1, le=100_000)
    prizes: tuple[Prize, ...] = Field(min_length=1, max_length=20)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        _short(self.name)
        if self.starts_at.microsecond or self.ends_at.microsecond:
            raise ValueError("starts_at and ends_at are whole seconds")
        if self.ends_at <= self.starts_at:
            raise ValueError("ends_at is not after starts_at")
        if self.draws_per_day > self.draws_per_member:
            raise ValueError("draws_per_day is above draws_per_member")
        return self

    @property
    def edition(self) -> str:
        """Which of the lotteries of its code, which may serve again when one has ended: no two start together."""
        return f"{self.code}#{self.starts_at:%Y%m%dT%H%M%SZ}"

    @property
    def disclosure(self) -> dict[str, Any]:
        """All that is published of it, as JSON; what is at its default is left out, so that a later program, which may
        know more fields, finds the same."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the disclosure, its JSON with sorted keys and no spaces in UTF-8: every draw says which it was."""
        text = json.dumps(self.disclosure, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()

    def prize(self, code: str) -> Prize | None:
        """The prize of that code."""
        return next((prize for prize in self.prizes if prize.code == code), None)

    def prize_at(self, number: int) -> Prize | None:
        """The prize a number falls on; None: nothing."""
        for prize in self.prizes:
            if number < prize.odds_ppm:
                return prize
            number -= prize.odds_ppm
        return None

    def pays_more(self, price: Fraction) -> bool:
        """Whether a draw of so many points wins more points than that on average, whichever prizes have run out: a
        draw that falls on one of those costs nothing, so it may not be counted among those that pay for the others."""
        gained = Fraction(0)
        for prize in self.prizes:
            gain = prize.odds_ppm * (prize.points - price)
            gained += gain if prize.pieces is None else max(Fraction(0), gain)
        rest = max(0, NUMBERS - sum(prize.odds_ppm for prize in self.prizes))
        return gained > rest * price

    def over(self, now: datetime) -> bool:
        """Whether it has ended."""
        return now >= self.ends_at


def edition_of(lotteries: tuple[Lottery, ...], edition: str) -> Lottery | None:
    """That lottery, and no other of its code."""
    return next((lottery for lottery in lotteries if lottery.edition == edition), None)


def lottery_of(lotteries: tuple[Lottery, ...], code: str) -> Lottery | None:
    """The lottery of that code."""
    return next((lottery for lottery in lotteries if lottery.code == code), None)
