"""The small typed language of conditions: a tree of any, all, not and ten kinds of leaf.

A node has one key, so a document reads like a sentence: `{"all": [{"tier": ["gold"]}, {"weekday": [6, 7]}]}`.
"""

from datetime import date, time
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Window = Annotated[str, Field(pattern=r"^(day|week|month|lifetime|months:(1[0-2]|[1-9]))$")]
# Goals of tiers may also look at `period`: since the member's present tier was gained or last kept.
GoalWindow = Annotated[str, Field(pattern=r"^(day|week|month|lifetime|period|months:(1[0-2]|[1-9]))$")]
# What a counter may be asked to reach, and the money of one order in fen.
MAX_COUNT, MAX_FEN = 10**15, 10**13


class Part(BaseModel):
    """Base of every part of the document: immutable. A key this version does not know is refused."""

    # Built once, with the whole document, when the first one is read; not part by part at import.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class AmountRange(Part):
    """Amount paid, integer fen, both ends included."""

    at_least_fen: int = Field(default=0, ge=0, le=MAX_FEN)
    at_most_fen: int | None = Field(default=None, ge=0, le=MAX_FEN)


class DateRange(Part):
    """Business dates, both ends included."""

    starts_on: date
    ends_on: date

    @model_validator(mode="after")
    def _ordered(self) -> "DateRange":
        if self.ends_on < self.starts_on:
            raise ValueError("ends_on is before starts_on")
        return self


class TimeWindow(Part):
    """Time of day in the brand's time zone: from `starts_at` (included) to `ends_at` (excluded); may pass midnight."""

    starts_at: time
    ends_at: time

    @field_validator("starts_at", "ends_at")
    @classmethod
    def _minutes(cls, value: time) -> time:
        # One with a zone of its own cannot be compared with the brand's time at all.
        if value.tzinfo is not None or value.second or value.microsecond:
            raise ValueError("a time of day is HH:MM, in the brand's time zone")
        return value


class CounterRange(Part):
    """A counter (metric × window) of at least `at_least`."""

    metric: Code
    window: Window = "lifetime"
    at_least: int = Field(ge=1, le=MAX_COUNT)


class Condition(Part):
    """Exactly one of the fields is set. Absent conditions are written by leaving the condition out altogether."""

    all: tuple["Condition", ...] | None = Field(default=None, min_length=1, max_length=100)
    any: tuple["Condition", ...] | None = Field(default=None, min_length=1, max_length=100)
    not_: "Condition | None" = Field(default=None, alias="not")
    category: tuple[str, ...] | None = Field(
        default=None, min_length=1, max_length=200, description="some item of the order is in one of these"
    )
    tier: tuple[Code, ...] | None = Field(
        default=None, min_length=1, max_length=5, description="the member's tier is one of these"
    )
    tag: tuple[Code, ...] | None = Field(
        default=None, min_length=1, max_length=100, description="the member carries one of these tags"
    )
    first_time: bool | None = Field(default=None, description="the member never did this before")
    time_of_day: TimeWindow | None = None
    weekday: tuple[int, ...] | None = Field(
        default=None, min_length=1, max_length=7, description="ISO: Monday is 1, Sunday 7"
    )
    day_of_month: tuple[int, ...] | None = Field(default=None, min_length=1, max_length=31)
    dates: DateRange | None = None
    amount: AmountRange | None = None
    member_day: bool | None = None
    birthday: bool | None = None
    counter: CounterRange | None = None
    seconds_at_least: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _one_field(self) -> "Condition":
        if len(self.model_fields_set) != 1:
            raise ValueError("a condition has exactly one key")
        if any(value is None for value in self.operands().values()):
            raise ValueError("a condition's key must have a value")
        for days, top in ((self.weekday, 7), (self.day_of_month, 31)):
            if days is not None and (min(days) < 1 or max(days) > top):
                raise ValueError(f"days must be 1–{top}")
        return self

    def operands(self) -> dict[str, Any]:
        """The one key that is set, with its value."""
        return {name: getattr(self, name) for name in self.model_fields_set}


Condition.model_rebuild()


def metrics_in(condition: Condition | None) -> set[tuple[str, str]]:
    """Every (metric, window) the tree reads."""
    if condition is None:
        return set()
    found: set[tuple[str, str]] = set()
    if condition.counter:
        found.add((condition.counter.metric, condition.counter.window))
    for child in (*(condition.all or ()), *(condition.any or ()), *([condition.not_] if condition.not_ else [])):
        found |= metrics_in(child)
    return found


def asks_first_time(condition: Condition | None) -> bool:
    """Whether the tree asks if the member ever did this before."""
    if condition is None:
        return False
    children = (*(condition.all or ()), *(condition.any or ()), *([condition.not_] if condition.not_ else []))
    return condition.first_time is not None or any(asks_first_time(child) for child in children)
