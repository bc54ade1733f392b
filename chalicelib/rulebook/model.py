"""The rulebook: everything an operator configures, as one document.

Compatibility: an older document always loads. New fields come with a default that keeps the old meaning; a field is
never renamed or removed, only ignored by the engine; `schema_version` grows only when a default would change meaning,
and then `upgrade` rewrites the older document on load.
"""

from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from chalicelib.rulebook.conditions import Code, Condition, Part, asks_first_time, metrics_in
from chalicelib.rulebook.model_coupons import Coupons
from chalicelib.rulebook.model_lotteries import Lottery
from chalicelib.rulebook.model_redemption import Cash, Redemption
from chalicelib.rulebook.model_tiers import (
    Badge,
    Benefit,
    Need,
    Points,
    Rate,
    Retention,
    Sprint,
    Task,
    Threshold,
    Tier,
    Tiers,
    Words,
)

__all__ = [
    "SCHEMA_VERSION",
    "Badge",
    "Behaviour",
    "Benefit",
    "Brand",
    "Cap",
    "Cash",
    "EarningRule",
    "Expiry",
    "Formula",
    "GuardRails",
    "Limits",
    "MemberDay",
    "Multiplier",
    "Need",
    "Pending",
    "Published",
    "Redemption",
    "Refunds",
    "Retention",
    "Rulebook",
    "Sprint",
    "Streak",
    "Task",
    "Threshold",
    "Tier",
    "Tiers",
    "Words",
    "load",
]  # fmt: skip

SCHEMA_VERSION = 1


class Brand(Part):
    name: Words
    time_zone: str = "Asia/Shanghai"
    points_name: Words = Words(zh="积分", en="points")

    @field_validator("time_zone")
    @classmethod
    def _known(cls, value: str) -> str:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(value)
        except (ValueError, KeyError, OSError) as error:
            raise ValueError("unknown time zone") from error
        return value


class Behaviour(Part):
    """Something a member does that may be reported. What a `client` reports is untrusted: only capped rules pay it.

    Its counters grow by at most `counted_per_day` times, and by at most `seconds_per_day` seconds, a business day; what
    is beyond is recorded and still meets the earning rules, whose caps are their own.
    """

    code: Code
    name: Words
    reported_by: Literal["merchant", "client", "both"] = "merchant"
    nature: Literal[
        "use", "interaction", "visit", "content", "share", "friend_click", "subscribe", "survey", "other"
    ] = "other"
    metrics: tuple[Code, ...] = Field(
        default=(), max_length=20, description="counters that grow by 1; seconds go to <code>_seconds"
    )
    counts_seconds: bool = False
    max_seconds: int = Field(default=4 * 3600, ge=1, le=86400)
    counted_per_day: int | None = Field(default=None, ge=1, le=100_000)
    seconds_per_day: int | None = Field(default=None, ge=1, le=86400)

    @model_validator(mode="after")
    def _timed(self) -> Self:
        if self.seconds_per_day is not None and not self.counts_seconds:
            raise ValueError("seconds_per_day belongs to a behaviour that counts_seconds")
        return self

    @property
    def limits(self) -> dict[str, int]:
        """counter → how far this behaviour may grow it in a day; absent when nothing limits it. `counted_per_day` is
        measured by the behaviour's own counter, and holds for its `metrics` with it."""
        times, seconds = self.counted_per_day, self.seconds_per_day
        counted = dict.fromkeys((self.code, *self.metrics), times) if times is not None else {}
        return counted | ({f"{self.code}_seconds": seconds} if seconds is not None else {})


class Cap(Part):
    """At most `times` grants, or at most `points`, in one period of the rulebook's calendar."""

    per: Literal["day", "week", "month", "lifetime"]
    times: int | None = Field(default=None, ge=1, le=1_000_000)
    points: int | None = Field(default=None, ge=1, le=999_999_999)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.times is None) == (self.points is None):
            raise ValueError("a cap limits either times or points")
        return self

    def metric(self, rule_id: str) -> str:
        """The counter this cap reads."""
        return f"rule_{rule_id}" if self.times is not None else f"paid_{rule_id}"


class Formula(Part):
    """How many points. Exactly one of the fields.

    `fixed`: that many · `by_tier`: by the member's tier code · `per_yuan`: rate × yuan paid, `category_rates`
    replace the rate for items of that category · `by_streak_day`: day 1, 2, …; later days get the last value.
    """

    fixed: Points | None = None
    by_tier: dict[Code, Points] | None = None
    per_yuan: Rate | None = None
    category_rates: dict[Annotated[str, Field(min_length=1, max_length=32)], Rate] = Field(
        default_factory=dict, max_length=100
    )
    by_streak_day: tuple[Points, ...] | None = Field(default=None, min_length=1, max_length=366)

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [f for f in (self.fixed, self.by_tier, self.per_yuan, self.by_streak_day) if f is not None]
        if len(given) != 1:
            raise ValueError("a formula has exactly one of fixed, by_tier, per_yuan, by_streak_day")
        if self.category_rates and self.per_yuan is None:
            raise ValueError("category_rates belong to per_yuan")
        return self

    def most(self) -> int | None:
        """The most one grant can pay before multipliers; None when it grows with money."""
        if self.per_yuan is not None:
            return None
        return max([self.fixed or 0, *(self.by_tier or {}).values(), *(self.by_streak_day or ())])


class EarningRule(Part):
    """`trigger` is `joined`, `order_paid`, `check_in`, `profile_completed` or the code of a behaviour."""

    id: Code
    name: Words
    trigger: Code
    when: Condition | None = None
    points: Formula
    multiplied: bool = Field(default=False, description="whether the multipliers apply")
    caps: tuple[Cap, ...] = Field(default=(), max_length=8)
    valid_months: int | None = Field(default=None, ge=1, le=120, description="overrides the expiry policy")


class Multiplier(Part):
    """A factor on the rules marked `multiplied`. Within a `group` the highest applies; groups multiply."""

    id: Code
    name: Words
    group: Code
    triggers: tuple[Code, ...] = Field(default=("order_paid",), max_length=100)
    when: Condition | None = None
    factor: Rate | None = None
    by_tier: dict[Code, Rate] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.factor is None) == (self.by_tier is None):
            raise ValueError("a multiplier has either factor or by_tier")
        return self

    def factor_for(self, tier: str) -> Fraction:
        """The factor for a member of that tier; 1 when the table leaves the tier out."""
        return Fraction(self.factor if self.factor is not None else (self.by_tier or {}).get(tier, "1"))


class Streak(Part):
    """Check-ins on consecutive business days. `cycle_days`: after that many the table starts again."""

    cycle_days: int = Field(default=7, ge=1, le=366)
    make_up_within_days: int = Field(default=7, ge=0, le=30)
    make_ups_per_month: int = Field(default=3, ge=0, le=31)
    make_up_cost_points: Points = 0


class MemberDay(Part):
    days_of_month: tuple[int, ...] = Field(default=(15,), min_length=1, max_length=28)

    @field_validator("days_of_month")
    @classmethod
    def _days(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if min(value) < 1 or max(value) > 28:
            raise ValueError("member days are 1–28, so that every month has them")
        return value

    def includes(self, day: date) -> bool:
        """Whether that day is one."""
        return day.day in self.days_of_month


class Expiry(Part):
    """A lot lives `valid_months` and leaves at the end of that month. A refunded lot that is gone comes back with
    `refund_grace_days`. Notices of an expiry go out `notice_days` before it."""

    valid_months: int = Field(default=12, ge=1, le=120)
    refund_grace_days: int = Field(default=30, ge=1, le=366)
    notice_days: tuple[Annotated[int, Field(ge=1, le=366)], ...] = Field(default=(30, 7), max_length=10)


class Pending(Part):
    """`none`: points count at once. `days`: they wait `days` after payment, or until the order is completed."""

    mode: Literal["none", "days"] = "none"
    days: int = Field(default=7, ge=1, le=90)


class Refunds(Part):
    """What a claw-back does when the member has spent the points: `debt` is repaid by the next earnings;
    `within_balance` takes what is there and forgives the rest."""

    policy: Literal["debt", "within_balance"] = "debt"


class GuardRails(Part):
    """Switches that are on by default. Turning one off needs its typed confirmation when publishing."""

    no_points_for_sharing: bool = True
    no_points_for_subscribing: bool = True
    one_referral_level: bool = True
    no_lottery_for_invites: bool = True
    no_paid_points: bool = True
    no_gifts: bool = True
    lottery_off: bool = True


class Limits(Part):
    """What one order may be, beyond which it is refused."""

    max_order_fen: int = Field(default=10**12, ge=1, le=10**13)
    max_points_per_entry: int = Field(default=10**11, ge=1, le=10**12)


class Rulebook(Part):
    """The document."""

    # One of a later version of this program might mean something else: refused, not guessed at.
    schema_version: int = Field(default=SCHEMA_VERSION, ge=1, le=SCHEMA_VERSION)
    brand: Brand
    points_per_yuan_value: int = Field(default=100, ge=1, le=100_000, description="value anchor: points worth 1 yuan")
    category_names: dict[str, Words] = Field(
        default_factory=dict, max_length=200, description="what members call a category code"
    )
    behaviours: tuple[Behaviour, ...] = Field(default=(), max_length=100)
    earning: tuple[EarningRule, ...] = Field(max_length=100)
    multipliers: tuple[Multiplier, ...] = Field(default=(), max_length=20)
    tiers: Tiers
    tasks: tuple[Task, ...] = Field(default=(), max_length=100)
    badges: tuple[Badge, ...] = Field(default=(), max_length=100)
    streak: Streak = Streak()
    member_day: MemberDay = MemberDay()
    expiry: Expiry = Expiry()
    pending: Pending = Pending()
    refunds: Refunds = Refunds()
    redemption: Redemption = Redemption()
    lotteries: tuple[Lottery, ...] = Field(default=(), max_length=5)
    coupons: Coupons = Coupons()
    guard_rails: GuardRails = GuardRails()
    limits: Limits = Limits()
    capabilities: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="sections of capabilities this version does not interpret yet"
    )

    @model_validator(mode="after")
    def _references(self) -> Self:
        ids = [rule.id for rule in self.earning]
        if len(set(ids)) != len(ids):
            raise ValueError("earning rule ids must differ")
        known = {"joined", "order_paid", "check_in", "profile_completed"} | {b.code for b in self.behaviours}
        tiers = {tier.code for tier in self.tiers.levels}
        for rule in self.earning:
            if rule.trigger not in known:
                raise ValueError(f"rule {rule.id}: unknown trigger {rule.trigger}")
            if rule.points.by_tier is not None and not set(rule.points.by_tier) <= tiers:
                raise ValueError(f"rule {rule.id}: unknown tier in by_tier")
        for multiplier in self.multipliers:
            if multiplier.by_tier is not None and not set(multiplier.by_tier) <= tiers:
                raise ValueError(f"multiplier {multiplier.id}: unknown tier in by_tier")
        return self

    @cached_property
    def windows(self) -> dict[str, set[str]]:
        """metric → the windows this document reads: `day`, `week`, `lifetime`, `months:N` (`month` is `months:1`).
        Only these are counted. `rule_<id>` counts a rule's grants and `paid_<id>` its points, for its caps."""
        used = {("spend_fen", "lifetime"), ("orders", "lifetime"), ("check_ins", "lifetime")}
        for rule in self.earning:
            used |= metrics_in(rule.when)
            used |= {(cap.metric(rule.id), cap.per) for cap in rule.caps}
        used |= {(behaviour.code, "lifetime") for behaviour in self.behaviours if self._asks_first_time(behaviour.code)}
        # A daily limit is measured by the day's count itself.
        used |= {(b.code, "day") for b in self.behaviours if b.counted_per_day}
        used |= {(f"{b.code}_seconds", "day") for b in self.behaviours if b.seconds_per_day}
        for multiplier in self.multipliers:
            used |= metrics_in(multiplier.when)
        for task in self.tasks:
            used |= metrics_in(task.when)
            used |= {(m, task.window(n)) for goal in task.goals for n in goal.needs for m in (n.metric, *n.plus)}
        # The sprint looks for invites, whether or not a goal does.
        used |= {("tasks", "lifetime"), ("qualified_invites", "lifetime")}
        for tier in self.tiers.levels:
            used |= {(benefit.metric, window) for benefit in tier.benefits for window in benefit.quotas}
            # What brings a lost tier back is counted from the loss on, whatever the goal's own window.
            used |= {(m, "lifetime") for goal in tier.retention for n in goal.needs for m in (n.metric, *n.plus)}
        goals = [badge.goal for badge in self.badges if badge.goal]
        goals += [goal for tier in self.tiers.levels for goal in (*tier.promotion, *tier.retention)]
        used |= {(m, need.window) for goal in goals for need in goal.needs for m in (need.metric, *need.plus)}
        if self.tiers.retention_percent_of_promotion is not None:
            # Kept by a share of what reaches it, within the period.
            shared = [goal for tier in self.tiers.levels if not tier.retention for goal in tier.promotion]
            used |= {(m, "period") for goal in shared for need in goal.needs for m in (need.metric, *need.plus)}
        found: dict[str, set[str]] = {}
        for metric, window in used:
            found.setdefault(metric, set()).add({"month": "months:1", "period": "lifetime"}.get(window, window))
        return found

    def _asks_first_time(self, trigger: str) -> bool:
        asked = [rule.when for rule in self.earning if rule.trigger == trigger]
        asked += [multiplier.when for multiplier in self.multipliers if trigger in multiplier.triggers]
        return any(map(asks_first_time, asked))

    def behaviour(self, code: str) -> Behaviour | None:
        """The behaviour of that code."""
        return next((b for b in self.behaviours if b.code == code), None)

    def tier(self, code: str) -> Tier:
        """The tier of that code, or of one it had before; the first tier when the document knows nothing of it."""
        return self.tiers.levels[self.rank(code)]

    def rank(self, code: str) -> int:
        """0 for the first tier, growing upwards."""
        return self.ranks.get(code, 0)

    @cached_property
    def ranks(self) -> dict[str, int]:
        """Every code this document knows, those of before too → rank of its tier."""
        return {code: rank for rank, tier in enumerate(self.tiers.levels) for code in tier.codes}


class Published(Part):
    """A rulebook with its version number and the business instant from which it holds."""

    version: int
    rulebook: Rulebook


def load(document: dict[str, Any]) -> Rulebook:
    """Reads a stored document of this or an older schema version. Raises pydantic's ValidationError."""
    return Rulebook.model_validate(document)
