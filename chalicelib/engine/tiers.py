"""Tiers: promotion at once, in the entry that earned it; what is still missing; what a refund undoes.

After a step down, what reached the tier before does not reach it again: for tiers up to the one that was lost, lifetime
counts are those since the loss.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType

from chalicelib.engine import counters
from chalicelib.engine.account import Account, Base, Earned, Lapse, Spare, Standing
from chalicelib.engine.draft import Draft
from chalicelib.rulebook.model import Need, Rulebook, Threshold, Tier, Words
from chalicelib.shared.clock import add_months


@dataclass(frozen=True)
class Progress:
    """One need on the way to a tier above: `have` of `need` of `metric` over `window`. Money metrics are fen. Needs
    with the same `tier` and `way` are to be reached together; any one way is enough."""

    tier: str
    way: int
    metric: str
    window: str
    have: int
    need: int
    name: Words


def snapshot(account: Account, rulebook: Rulebook) -> Base:
    """The lifetime counts that tiers look at, as they are now."""
    goals = [goal for tier in rulebook.tiers.levels for goal in (*tier.promotion, *tier.retention)]
    metrics = {metric for goal in goals for need in goal.needs for metric in (need.metric, *need.plus)} | {"tasks"}
    found = {metric: counters.read(account.counters, metric, "lifetime", date.min) for metric in sorted(metrics)}
    return {metric: count for metric, count in found.items() if count}


def have(need: Need, account: Account, today: date, base: Base) -> int:
    """What the member has of a need. `base` is taken off lifetime counts: those of the period's beginning for `period`,
    of the last step down (or nothing) for `lifetime`."""
    window = "lifetime" if need.window == "period" else need.window
    total = 0
    for metric in (need.metric, *need.plus):
        count = counters.read(account.counters, metric, window, today)
        total += max(0, count - base.get(metric, 0)) if window == "lifetime" else count
    return total


def _lapse(rulebook: Rulebook, standing: Standing, tier: str) -> Lapse | None:
    """The last loss of that tier, or of one above it, that was not made good."""
    rank = rulebook.rank(tier)
    return next((lapse for lapse in reversed(standing.lapses) if rulebook.rank(lapse.tier) >= rank), None)


def _start(need: Need, tier: Tier, rulebook: Rulebook, account: Account) -> tuple[Base, int]:
    """The lifetime counts a need begins at, and the entry they are of."""
    standing = account.standing
    if standing and need.window == "period":
        return standing.base, standing.seq
    lapse = _lapse(rulebook, standing, tier.code) if standing else None
    return (lapse.base, lapse.seq) if lapse else ({}, 0)


def _have(need: Need, tier: Tier, rulebook: Rulebook, account: Account, today: date) -> int:
    return have(need, account, today, _start(need, tier, rulebook, account)[0])


def _reached(goal: Threshold, tier: Tier, rulebook: Rulebook, account: Account, today: date) -> bool:
    return all(_have(need, tier, rulebook, account, today) >= need.at_least for need in goal.needs)


def _spare(need: Need, tier: Tier, rulebook: Rulebook, account: Account, today: date) -> Spare:
    left = _have(need, tier, rulebook, account, today) - need.at_least
    windowed = need.window not in ("lifetime", "period")
    after = 0 if windowed else _start(need, tier, rulebook, account)[1]
    return Spare(
        (need.metric, *need.plus), counters.first_day(need.window, today) if windowed else date.min, after, left
    )


def new_standing(
    rulebook: Rulebook, account: Account, tier: str, today: date, earned: Earned | None = None
) -> Standing:
    """A standing that begins today: a fresh period, what is lent and what was lost above it carried over."""
    old, rank = account.standing, rulebook.rank(tier)
    return Standing(
        tier,
        today,
        add_months(today, rulebook.tiers.held_months) if rank else None,
        seq=account.seq + 1,
        base=snapshot(account, rulebook),
        earned=earned,
        lapses=tuple(lapse for lapse in old.lapses if rulebook.rank(lapse.tier) > rank) if old else (),
        temporary=old.temporary if old else None,
        grown=_grown(rulebook, old, rank),
    )


def _grown(rulebook: Rulebook, old: Standing | None, rank: int) -> tuple[str, ...]:
    """By code, not by rank: a tier that a rulebook leaves out does not make the others new."""
    before = (*old.grown, old.tier) if old else ()
    reached = (tier.code for tier in rulebook.tiers.levels[1 : rank + 1])
    return tuple(code for code in dict.fromkeys((*before, *reached)) if code != rulebook.tiers.levels[0].code)


def lower(rulebook: Rulebook, account: Account, tier: str, today: date) -> Standing:
    """A standing below the present one, which is lost."""
    fresh, standing = new_standing(rulebook, account, tier, today), account.standing
    if standing is None:
        return fresh
    lost = Lapse(standing.tier, today, fresh.base, fresh.seq)
    above = tuple(lapse for lapse in fresh.lapses if rulebook.rank(lapse.tier) > rulebook.rank(standing.tier))
    return fresh.with_(lapses=(*above, lost))


def best_reached(rulebook: Rulebook, account: Account, today: date, above: int) -> int:
    """The rank of the highest tier above `above` that is reached; 0 when none is."""
    levels = rulebook.tiers.levels
    return max(
        (i for i, tier in enumerate(levels) if i > above
         and any(_reached(goal, tier, rulebook, account, today) for goal in tier.promotion)),
        default=0,
    )  # fmt: skip


def promote(draft: Draft) -> bool:
    """Raises the member to the highest tier whose goals are reached, several steps at once if earned. It ends whatever
    stage of losing the present tier the member was in. Returns whether it did."""
    rulebook, account = draft.rulebook, draft.account
    standing = account.standing or Standing(rulebook.tiers.levels[0].code, draft.today)
    best = best_reached(rulebook, account, draft.today, rulebook.rank(standing.tier))
    if not best:
        return False
    tier = rulebook.tiers.levels[best]
    ways = tuple(
        tuple(_spare(need, tier, rulebook, account, draft.today) for need in goal.needs)
        for goal in tier.promotion if _reached(goal, tier, rulebook, account, draft.today)
    )  # fmt: skip
    earned = Earned(standing.with_(temporary=None, grown=()), ways)
    promoted = new_standing(rulebook, account, tier.code, draft.today, earned)
    draft.grown = draft.grown or tier.code not in standing.grown
    draft.standing(promoted)
    # Promoted again in the same entry (by what a promotion paid), it is still the tier of before that was left.
    left = draft.facts.get("promoted", {}).get("from", standing.tier)
    draft.facts["promoted"] = {"from": left, "to": tier.code}
    until = promoted.valid_until
    draft.say("tier_promotion", 0, f"Promoted to {tier.name.en}, held until {until}",
              f"升级为{tier.name.zh}，有效期至 {until}")  # fmt: skip
    return True


@dataclass(frozen=True)
class Undone:
    """What a refund takes off the counts: metric → amount, of a payment of the day `paid_on`, which is entry `seq`."""

    amounts: Mapping[str, int]
    seq: int
    paid_on: date


def undo(draft: Draft, undone: Undone) -> None:
    """Takes a refund off everything that counted the payment. When no set of needs a promotion rests on still stands,
    it was not earned: the standing of before is back as it was."""
    standing = draft.account.standing
    if standing is None:
        return
    left = _less(standing, undone)
    while left.earned and not _stands(left.earned):
        left = left.earned.before.with_(temporary=left.temporary, grown=left.grown)
    draft.standing(left)
    if left.seq == standing.seq:
        return
    lost, back = draft.rulebook.tier(standing.tier).name, draft.rulebook.tier(left.tier).name
    draft.facts["promotion_undone"] = {"from": standing.tier, "to": left.tier}
    draft.say("tier_undone", 0, f"The refund undoes the promotion to {lost.en}: {back.en} again",
              f"退款后不再满足{lost.zh}的升级条件，恢复为{back.zh}")  # fmt: skip


def _stands(earned: Earned) -> bool:
    """A tier that was brought back is looked at with its goals: `retention.return_undone`."""
    return not earned.ways or any(all(spare.left >= 0 for spare in way) for way in earned.ways)


def _less(standing: Standing, undone: Undone) -> Standing:
    """The standing, and all that lie below it, as if the money refunded had not been paid."""
    earned = standing.earned
    if earned:
        counted = undone.seq <= standing.seq
        ways = tuple(tuple(_less_to_spare(s, undone) for s in way) for way in earned.ways) if counted else earned.ways
        earned = Earned(_less(earned.before, undone), ways)
    lapses = tuple(replace(lapse, base=_less_base(lapse.base, lapse.seq, undone)) for lapse in standing.lapses)
    return standing.with_(base=_less_base(standing.base, standing.seq, undone), lapses=lapses, earned=earned)


def _less_to_spare(spare: Spare, undone: Undone) -> Spare:
    if undone.seq <= spare.after or undone.paid_on < spare.since:
        return spare
    return replace(spare, left=spare.left - sum(undone.amounts.get(metric, 0) for metric in spare.metrics))


def _less_base(base: Base, seq: int, undone: Undone) -> Base:
    """Counts from before a period or a loss: else what was done since would make good for the refund."""
    if undone.seq > seq:
        return base
    left = {metric: count - undone.amounts.get(metric, 0) for metric, count in base.items()}
    return MappingProxyType({metric: count for metric, count in left.items() if count > 0})


def progress(rulebook: Rulebook, account: Account, today: date) -> list[Progress]:
    """Every need of every way to the next tier, and of those ways further up that count something else (invites may
    lead straight to gold); empty at the top."""
    rank = rulebook.rank(account.standing.tier) if account.standing else 0
    found: list[Progress] = []
    for tier in rulebook.tiers.levels[rank + 1 :]:
        told = {step.metric for step in found}
        ways = [
            goal for goal in enumerate(tier.promotion) if not found or not {n.metric for n in goal[1].needs} <= told
        ]
        found += [
            Progress(
                tier=tier.code,
                way=number,
                metric=need.metric,
                window=need.window,
                have=_have(need, tier, rulebook, account, today),
                need=need.at_least,
                name=need.name,
            )
            for number, goal in ways
            for need in goal.needs
        ]
    return found
