"""How a member's tier looks outside: the same on the home screen and in the tiers' own room."""

from datetime import date
from typing import Literal

from chalicelib.engine import retention, tiers
from chalicelib.engine.account import Account, Standing
from chalicelib.engine.draft import effective_tier
from chalicelib.rulebook import phrases
from chalicelib.rulebook.model import Rulebook
from chalicelib.shared.schemas import Response, Text


class StepView(Response):
    """One need on a way to the next tier, with words for it; metrics named *_fen are fen, *_seconds seconds. Needs with
    the same `tier` and `way` are to be reached together; any one way is enough."""

    tier: str
    way: int
    metric: str
    window: str
    have: int
    need: int
    name: Text
    words: Text


class ShareView(Response):
    """One part of the retention progress."""

    metric: str
    window: str
    have: int
    need: int
    percent: int
    name: Text


class RetentionView(Response):
    """How far keeping the tier has come. `stage`: held, early, sprint, grace. From 100 % on it is safe."""

    percent: int
    safe: bool
    stage: Literal["held", "early", "sprint", "grace"]
    warned_on: date | None
    grace_until: date | None
    shares: list[ShareView]


class LentView(Response):
    """A tier on loan, its last day included."""

    code: str
    until: date


class TierView(Response):
    """`code` is the tier whose benefits the member has today; `held` the one that is the member's own, with `since` and
    `valid_until` (null for the first tier, which nobody loses)."""

    code: str
    held: str
    name: Text
    since: date
    valid_until: date | None
    temporary: LentView | None
    progress: list[StepView]
    retention: RetentionView | None


def tier_view(account: Account, rulebook: Rulebook, today: date) -> TierView:
    """Where the member stands, what is missing for the next tiers, how far keeping this one has come."""
    standing = account.standing or tiers.new_standing(rulebook, account, rulebook.tiers.levels[0].code, today)
    code, lent = effective_tier(rulebook, standing, today), standing.temporary
    return TierView(
        code=code,
        held=rulebook.tier(standing.tier).code,
        name=Text.of(rulebook.tier(code).name),
        since=standing.since,
        valid_until=standing.valid_until,
        temporary=LentView(code=lent.tier, until=lent.until) if lent and lent.until >= today else None,
        progress=[_step(rulebook, step) for step in tiers.progress(rulebook, account, today)],
        retention=_retention(account, standing, rulebook, today) if standing.valid_until else None,
    )


def _step(rulebook: Rulebook, step: tiers.Progress) -> StepView:
    tier = rulebook.tier(step.tier).name
    if step.have < step.need:
        zh, en = phrases.missing(rulebook, step.metric, step.need - step.have, step.name)
        words = Text(zh=f"{zh}可升级{tier.zh}", en=f"{en} to {tier.en}")
    else:
        words = Text(zh=f"{step.name.zh}已满足{tier.zh}条件", en=f"{step.name.en}: enough for {tier.en}")
    return StepView(
        tier=step.tier,
        way=step.way,
        metric=step.metric,
        window=step.window,
        have=step.have,
        need=step.need,
        name=Text.of(step.name),
        words=words,
    )


def _stage(standing: Standing, today: date) -> Literal["held", "early", "sprint", "grace"]:
    """`warned` begins the sprint; who was safe then was not warned, and simply holds the tier."""
    if retention.in_sprint(standing, today):
        return "sprint"
    return standing.stage if standing.stage in ("early", "grace") else "held"


def _retention(account: Account, standing: Standing, rulebook: Rulebook, today: date) -> RetentionView:
    total = retention.progress(rulebook, account, today)
    return RetentionView(
        percent=int(total * 100),
        safe=total >= retention.SAFE,
        stage=_stage(standing, today),
        warned_on=standing.warned_on,
        grace_until=standing.grace_until,
        shares=[
            ShareView(
                metric=share.metric,
                window=share.window,
                have=share.have,
                need=share.need,
                percent=share.percent,
                name=Text(zh=share.name_zh, en=share.name_en),
            )
            for share in retention.shares(rulebook, account, today)
        ],
    )
