"""The part of the document about tiers, benefits, tasks and badges: goals over counters, and what they bring."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from chalicelib.rulebook.conditions import MAX_COUNT, Code, Condition, GoalWindow, Part

Points = Annotated[int, Field(ge=0, le=1_000_000)]
# Rates are decimal strings ("1.5"): exact as fractions, where a float would not be.
Rate = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,5})(\.[0-9]{1,4})?$")]


class Words(Part):
    """A text for members, Chinese first."""

    zh: str = Field(min_length=1, max_length=500)
    en: str = Field(min_length=1, max_length=500)


class Need(Part):
    """`metric` (and those of `plus`, added) over `window` reaching `at_least`.

    Windows: day, week, month, lifetime, months:N (this and the N−1 before), and for tiers `period`: since the member's
    present tier was gained or last kept.
    """

    metric: Code
    plus: tuple[Code, ...] = Field(default=(), max_length=5)
    window: GoalWindow = "lifetime"
    at_least: int = Field(ge=1, le=MAX_COUNT)
    name: Words


class Threshold(Need):
    """A need, and every need of `also` with it."""

    also: tuple[Need, ...] = Field(default=(), max_length=5)

    @property
    def needs(self) -> tuple[Need, ...]:
        """Everything that must be reached together."""
        return (self, *self.also)


class Benefit(Part):
    """One thing a tier gives, by class.

    Keys of `value` the engine knows: `per_day` and `per_month` of a feature or service limit its uses (`unlimited`: no
    limit); `per_month` of an economic benefit is granted each month; a benefit with `on_birthday` is granted on the
    birthday; with `coupon`, what is granted are coupons of that definition.
    Everything else is shown and left to whoever honours the benefit.
    """

    code: Code
    kind: Literal["economic", "service", "feature", "honour"]
    name: Words
    value: dict[str, int | Annotated[str, Field(max_length=500)] | bool] = Field(default_factory=dict, max_length=20)

    @property
    def metric(self) -> str:
        """The counter of its uses."""
        return f"use_{self.code}"

    @property
    def usable(self) -> bool:
        """Whether members use it up: features and services with a quota, be it unlimited."""
        return self.kind in ("feature", "service") and bool(self.value.get("unlimited") or self.quotas)

    @property
    def quotas(self) -> dict[str, int]:
        """window → the most uses in it."""
        if self.kind not in ("feature", "service") or self.value.get("unlimited"):
            return {}
        limits = {"day": self._number("per_day"), "month": self._number("per_month")}
        return {window: limit for window, limit in limits.items() if limit}

    @property
    def monthly(self) -> int:
        """How many are granted each month; 0 for benefits that are not."""
        return self._number("per_month") if self.kind == "economic" else 0

    @property
    def on_birthday(self) -> bool:
        """Whether it is granted on the member's birthday."""
        return self.value.get("on_birthday") is True

    def _number(self, key: str) -> int:
        """A value as a count; 0 for anything else a document may hold there (the linter refuses it)."""
        value = self.value.get(key)
        return value if isinstance(value, int) and value is not True and value > 0 else 0


class Tier(Part):
    """`promotion`: reaching any one threshold is enough. The first tier has none: everybody starts there.

    `formerly`: codes of earlier rulebooks (renamed, or left out) whose holders hold this tier.
    """

    code: Code
    formerly: tuple[Code, ...] = Field(default=(), max_length=20)
    name: Words
    colour: str = Field(default="#888888", pattern=r"^#[0-9A-Fa-f]{6}$")
    promotion: tuple[Threshold, ...] = Field(default=(), max_length=10)
    retention: tuple[Threshold, ...] = Field(default=(), max_length=10)
    benefits: tuple[Benefit, ...] = Field(default=(), max_length=50)

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code its holders may be recorded with."""
        return (self.code, *self.formerly)


class Sprint(Part):
    """What counts extra between the warning and the review: points of tasks times `task_points_factor`; the first
    purchase of a day and each qualified invite add to the retention progress (percent) and pay points."""

    task_points_factor: Rate = "2"
    purchase_percent: int = Field(default=5, ge=0, le=100)
    purchase_points: Points = 50
    invite_percent: int = Field(default=10, ge=0, le=100)
    invite_points: Points = 200


class Retention(Part):
    """How a tier is kept or lost: early warning → warning and sprint → review → grace → one step down.

    `early_warning_months` into a period, below pace: an early warning (0: none). `warning_days` before its end and not
    safe: the warning, from which the sprint runs; never fewer than 30, and a review without one that old postpones
    itself. After the review `grace_days`, which a completed task extends by `grace_extension_days`, at most
    `grace_extensions` times. Within `reinstatement_days` of a step down, meeting the retention goals brings the tier
    back. Each completed task is worth `task_percent` of retention where no goal of the tier counts tasks.
    """

    early_warning_months: int = Field(default=6, ge=0, le=59)
    warning_days: int = Field(default=30, ge=30, le=90)
    task_percent: int = Field(default=2, ge=0, le=100)
    sprint: Sprint = Sprint()
    grace_days: int = Field(default=30, ge=0, le=180)
    grace_extension_days: int = Field(default=30, ge=0, le=180)
    grace_extensions: int = Field(default=3, ge=0, le=12)
    reinstatement_days: int = Field(default=90, ge=0, le=366)


class Tiers(Part):
    """`retention_percent_of_promotion`: a tier without retention goals of its own is kept by that share of what reaches
    it, within the period."""

    levels: tuple[Tier, ...] = Field(min_length=3, max_length=5)
    held_months: int = Field(default=12, ge=1, le=60)
    retention_percent_of_promotion: int | None = Field(default=None, ge=1, le=99)
    retention: Retention = Retention()

    @model_validator(mode="after")
    def _entry_tier_is_open(self) -> Self:
        if self.levels[0].promotion:
            raise ValueError("the first tier has no promotion thresholds")
        if any(not tier.promotion for tier in self.levels[1:]):
            raise ValueError("every tier above the first needs a promotion threshold")
        codes = [code for tier in self.levels for code in tier.codes]
        if len(set(codes)) != len(codes):
            raise ValueError("tier codes must differ, those of before (formerly) too")
        return self


class Task(Part):
    """Reaching every goal within the task's own period completes it, once a period: newcomer in a lifetime, daily,
    weekly, exclusive on a member day, campaign from `starts_on` to `ends_on` (both included, counted from its start),
    growth at a promotion to a tier never held before.

    `when`: who may take part. `claim`: `auto` rewards at once, `tap` waits for the member's tap until the period ends.
    `credits`: counters that grow by so much when it is done. `badge`: one it awards. `chances`: lottery → draws it
    gives. `coupon`: the definition of one it gives. A task that awards a badge and nothing else is `honorary`: it
    counts as no completed task, so it keeps no tier.
    """

    id: Code
    name: Words
    kind: Literal["newcomer", "daily", "weekly", "growth", "exclusive", "campaign"]
    goals: tuple[Threshold, ...] = Field(default=(), max_length=20)
    points: Points = 0
    when: Condition | None = None
    claim: Literal["auto", "tap"] = "auto"
    starts_on: date | None = None
    ends_on: date | None = None
    credits: dict[Code, Annotated[int, Field(ge=1, le=1_000_000)]] = Field(default_factory=dict, max_length=10)
    badge: Code | None = None
    make_up_cards: int = Field(default=0, ge=0, le=31)
    chances: dict[Code, Annotated[int, Field(ge=1, le=100)]] = Field(default_factory=dict, max_length=5)
    coupon: Code | None = None

    @model_validator(mode="after")
    def _dated(self) -> Self:
        if (self.kind == "campaign") != (self.starts_on is not None and self.ends_on is not None):
            raise ValueError("a campaign has starts_on and ends_on, no other task has")
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise ValueError("ends_on is before starts_on")
        if self.kind == "growth" and (self.goals or self.claim == "tap"):
            raise ValueError("a growth task has no goals and needs no tap")
        return self

    @property
    def honorary(self) -> bool:
        """Whether a badge is all it leads to."""
        others = self.points or self.credits or self.make_up_cards or self.chances or self.coupon
        return self.badge is not None and not others

    def window(self, need: Need) -> str:
        """Where a goal's counter is read: a campaign's is its own."""
        return f"dates:{self.starts_on}:{self.ends_on}" if self.kind == "campaign" else need.window


class Badge(Part):
    """Awarded once, when `goal` is reached, or by a task or the brand. `title`: what its bearer is called."""

    id: Code
    name: Words
    goal: Threshold | None = None
    title: Words | None = None
