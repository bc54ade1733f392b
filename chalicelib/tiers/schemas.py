"""What members and operators send about tiers, tasks and benefits, and what they get back."""

from datetime import date
from typing import Any, Literal

from pydantic import Field

from chalicelib.ledger.views import EntryView
from chalicelib.shared.schemas import Day, Instant, MemberId, Request, Response, Text


class NeedView(Response):
    """One thing to reach: `at_least` of `metric` over `window`. Metrics named *_fen are fen, *_seconds seconds."""

    metric: str
    window: str
    at_least: int
    name: Text


class BenefitView(Response):
    code: str
    kind: Literal["economic", "service", "feature", "honour"]
    name: Text
    value: dict[str, Any]


class LevelView(Response):
    """A tier as everybody may know it. `promotion`: any one of the ways; all needs of a way together."""

    code: str
    name: Text
    colour: str
    promotion: list[list[NeedView]]
    retention: list[NeedView]
    held_months: int
    benefits: list[BenefitView]


class TiersAnswer(Response):
    items: list[LevelView]
    next_cursor: None = None


class GoalView(Response):
    metric: str
    have: int
    need: int
    name: Text


class TaskView(Response):
    """A task that can be done today. `state`: active, open (done, waiting for the tap), done."""

    task: str
    kind: str
    name: Text
    points: int
    badge: str | None
    claim: Literal["auto", "tap"]
    state: Literal["active", "open", "done"]
    ends_on: date | None
    goals: list[GoalView]


class TasksAnswer(Response):
    items: list[TaskView]
    next_cursor: None = None


class QuotaView(Response):
    window: str
    used: int
    limit: int


class MyBenefitView(BenefitView):
    """`quotas` is empty for what has no limit or is not used up; `granted_for` is the last month or year granted."""

    usable: bool
    quotas: list[QuotaView]
    granted_for: str | None


class BenefitsAnswer(Response):
    tier: str
    items: list[MyBenefitView]
    next_cursor: None = None


class DoneAnswer(Response):
    """The entry that records a claim or a use."""

    member_id: str
    entry: EntryView


class TierIn(Request):
    """`until` lends the tier to that date (included); without it the tier is the member's own from today."""

    tier: str = Field(min_length=1, max_length=32)
    reason: str = Field(min_length=3, max_length=200)
    until: Day | None = None


class ClockIn(Request):
    """Up to 10 members, who follow this clock for good: their time never goes back to the real one."""

    frozen_at: Instant
    members: list[MemberId] = Field(min_length=1, max_length=10)


class AdvanceIn(Request):
    """`to` is not before the instant the clock shows."""

    to: Instant


class Happening(Response):
    """One thing that happened to a member while the clock went on."""

    member_id: str
    entry: EntryView


class ClockAnswer(Response):
    """`happened`: what this call did, in order of time. `finished` false: there was more to do on the way than one call
    does, and `frozen_at` is how far it came; the same call goes on."""

    clock_id: str
    frozen_at: str
    members: list[str]
    happened: list[Happening]
    finished: bool
