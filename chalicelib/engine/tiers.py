"""Tiers: promotion at once, in the entry that earned it, and what is still missing for the next."""

from dataclasses import dataclass
from datetime import date

from chalicelib.engine import counters
from chalicelib.engine.account import Account, Standing
from chalicelib.engine.draft import Draft
from chalicelib.rulebook.model import Rulebook, Tier, Words
from chalicelib.shared.clock import add_months


@dataclass(frozen=True)
class Progress:
    """One way to the next tier: `have` of `need` of `metric` over `window`. Money metrics are fen."""

    tier: str
    metric: str
    window: str
    have: int
    need: int
    name: Words


def first_standing(rulebook: Rulebook, today: date) -> Standing:
    """Where everybody starts."""
    return Standing(rulebook.tiers.levels[0].code, today)


def reached(tier: Tier, account: Account, today: date) -> bool:
    """Whether any one of the tier's thresholds is reached."""
    return any(
        counters.read(account.counters, goal.metric, goal.window, today) >= goal.at_least for goal in tier.promotion
    )


def promote(draft: Draft) -> None:
    """Raises the member to the highest tier whose threshold is reached, if that is above the present one."""
    levels = draft.rulebook.tiers.levels
    standing = draft.account.standing
    rank = draft.rulebook.rank(standing.tier) if standing else 0
    best = max(
        (i for i, tier in enumerate(levels) if i > rank and reached(tier, draft.account, draft.today)), default=0
    )
    if not best:
        return
    tier = levels[best]
    until = add_months(draft.today, draft.rulebook.tiers.held_months)
    draft.standing(Standing(tier.code, draft.today, until))
    draft.facts["promoted"] = {"from": levels[rank].code, "to": tier.code}
    draft.say(
        "tier_promotion",
        0,
        f"Promoted to {tier.name.en}, held until {until}",
        f"升级为{tier.name.zh}，有效期至 {until}",
    )


def progress(rulebook: Rulebook, account: Account, today: date) -> list[Progress]:
    """Every way to the next tier; empty at the top."""
    rank = rulebook.rank(account.standing.tier) if account.standing else 0
    if rank + 1 >= len(rulebook.tiers.levels):
        return []
    tier = rulebook.tiers.levels[rank + 1]
    return [
        Progress(
            tier=tier.code,
            metric=goal.metric,
            window=goal.window,
            have=counters.read(account.counters, goal.metric, goal.window, today),
            need=goal.at_least,
            name=goal.name,
        )
        for goal in tier.promotion
    ]
