"""Keeping a tier: how far along a member is, and what the stages of losing it change.

The goals of retention are summed: half of the spend and half of the tasks keep the tier as well as all of either. Each
goal counts have ÷ need, at most 1 (of needs to be reached together, each its part of the 1); a completed task counts
`task_percent` where no goal counts tasks; the sprint adds its bonus. The tier is safe from 100 % on.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction

from chalicelib.engine import points
from chalicelib.engine.account import Account, Base, Earned, Lapse, Standing
from chalicelib.engine.draft import Draft
from chalicelib.engine.events import OrderRecord
from chalicelib.engine.tiers import have, new_standing
from chalicelib.rulebook.model import Need, Rulebook
from chalicelib.shared.clock import add_months

SAFE = Fraction(1)


@dataclass(frozen=True)
class Share:
    """One goal's part in keeping the tier. `percent` is rounded down for display; `exact` is not."""

    metric: str
    window: str
    have: int
    need: int
    name_zh: str
    name_en: str
    exact: Fraction

    @property
    def percent(self) -> int:
        return int(self.exact * 100)


def goals(rulebook: Rulebook, tier: str) -> list[Need]:
    """What keeps the tier: its own goals, or the brand's share of what reaches it, within the period."""
    return [need for goal in _goals(rulebook, tier) for need in goal]


def _goals(rulebook: Rulebook, tier: str) -> list[tuple[Need, ...]]:
    """The goals as sets of needs to be reached together."""
    found = rulebook.tier(tier)
    percent = rulebook.tiers.retention_percent_of_promotion
    if found.retention or percent is None:
        return [goal.needs for goal in found.retention]
    return [
        tuple(
            Need(
                metric=need.metric, plus=need.plus, window="period", at_least=-(-need.at_least * percent // 100),
                name=need.name,
            )
            for need in goal.needs
        )
        for goal in found.promotion
    ]  # fmt: skip


def shares(rulebook: Rulebook, account: Account, today: date) -> list[Share]:
    """Every part of the progress; empty for the first tier, which needs no keeping."""
    standing = account.standing
    if standing is None or standing.valid_until is None:
        return []
    found = _counted(rulebook, account, today, standing.tier, standing.base)
    if standing.bonus:
        exact = Fraction(standing.bonus, 100)
        found.append(Share("sprint", "period", standing.bonus, 100, "保级冲刺", "sprint", exact))
    return found


def _counted(
    rulebook: Rulebook, account: Account, today: date, tier: str, base: Base, *, anew: bool = False
) -> list[Share]:
    """What counters say of keeping `tier`. `anew`: only what was done since `base`, whatever the goal's own window."""
    found = []
    for goal in _goals(rulebook, tier):
        for need in goal:
            looked = need.model_copy(update={"window": "period"}) if anew else need
            count = have(looked, account, today, base if looked.window == "period" else {})
            exact = min(SAFE, Fraction(count, need.at_least)) / len(goal)
            found.append(Share(need.metric, need.window, count, need.at_least, need.name.zh, need.name.en, exact))
    each = rulebook.tiers.retention.task_percent
    if each and not any("tasks" in (need.metric, *need.plus) for need in goals(rulebook, tier)):
        done = have(_TASKS, account, today, base)
        exact = min(SAFE, Fraction(done * each, 100))
        found.append(Share("tasks", "period", done, -(-100 // each), "完成任务", "completed tasks", exact))
    return found


_TASKS = Need.model_validate(
    {"metric": "tasks", "window": "period", "at_least": 1, "name": {"zh": "完成任务", "en": "completed tasks"}}
)


def progress(rulebook: Rulebook, account: Account, today: date) -> Fraction:
    """The sum of all shares; 1 and above is safe."""
    return sum((share.exact for share in shares(rulebook, account, today)), Fraction(0))


def pace(rulebook: Rulebook, standing: Standing, today: date) -> Fraction:
    """The part of the period that has passed."""
    if standing.valid_until is None:
        return Fraction(0)
    whole = (standing.valid_until - standing.since).days
    return min(SAFE, Fraction(max(0, (today - standing.since).days), max(1, whole)))


# A stage has begun on a day, and what is decided as of an earlier one (an order of the past, brought in today) is no
# part of it: the sprint does not pay it, the grace is not longer for it, and it brings nothing back.


def in_sprint(standing: Standing | None, today: date) -> bool:
    """Between the warning and the review. Who is safe already was not warned, and needs no sprint."""
    if standing is None or standing.stage != "warned" or standing.warned_on is None:
        return False
    return standing.warned_on <= today


def _in_grace(standing: Standing | None, today: date) -> bool:
    if standing is None or standing.stage != "grace" or standing.valid_until is None:
        return False
    return standing.valid_until < today


def task_done(draft: Draft) -> None:
    """A completed task in the grace period extends it."""
    standing, policy = draft.account.standing, draft.rulebook.tiers.retention
    if standing is None or standing.grace_until is None or not _in_grace(standing, draft.today):
        return
    if standing.extensions >= policy.grace_extensions or not policy.grace_extension_days:
        return
    # Of a review or an end of grace that is late, the days that are over are nobody's: the extension begins today.
    until = max(standing.grace_until, draft.today) + timedelta(days=policy.grace_extension_days)
    draft.standing(standing.with_(grace_until=until, extensions=standing.extensions + 1))
    draft.say("grace_extended", 0, f"Grace extended until {until}", f"保级宽限期延长至 {until}")


def sprint_purchase(draft: Draft, on: date) -> int:
    """The first purchase of a day in the sprint: progress now; returns the points it pays."""
    standing, sprint = draft.account.standing, draft.rulebook.tiers.retention.sprint
    if standing is None or not in_sprint(standing, on) or (standing.sprint_on and on <= standing.sprint_on):
        return 0
    draft.standing(standing.with_(bonus=standing.bonus + sprint.purchase_percent, sprint_on=on))
    draft.facts["sprint_percent"] = sprint.purchase_percent
    return sprint.purchase_points


def sprint_invites(draft: Draft, count: int) -> None:
    """Qualified invites in the sprint: progress now, and points."""
    standing, sprint = draft.account.standing, draft.rulebook.tiers.retention.sprint
    if standing is None or not in_sprint(standing, draft.today):
        return
    draft.standing(standing.with_(bonus=standing.bonus + count * sprint.invite_percent))
    amount = count * sprint.invite_points
    draft.say(
        "sprint_invite",
        amount,
        f"Sprint: {count} qualified invites, {amount}",
        f"保级冲刺：成功邀请 {count} 人，{amount}",
    )
    if amount:
        draft.grant(points.expires_on(draft.today, draft.rulebook.expiry), amount)


def sprint_undone(draft: Draft, order: OrderRecord) -> None:
    """A purchase that is refunded in full takes its progress with it, if it was one of this sprint."""
    if draft.account.standing and order.sprint_percent:
        draft.standing(_without(draft.account.standing, order))


def _without(standing: Standing, order: OrderRecord) -> Standing:
    """The standing, and those of before that a later refund may bring back, without that purchase."""
    earned = standing.earned
    left = standing.with_(earned=replace(earned, before=_without(earned.before, order))) if earned else standing
    if left.warned_on is None or order.paid_on < left.warned_on:
        return left
    bonus = max(0, left.bonus - order.sprint_percent)
    # The day is open again for another first purchase.
    last = order.paid_on - timedelta(days=1)
    return left.with_(bonus=bonus, sprint_on=left.sprint_on if left.sprint_on != order.paid_on else last)


def keep_if_safe(draft: Draft) -> None:
    """In grace, reaching the goals keeps the tier at once."""
    standing = draft.account.standing
    if _in_grace(standing, draft.today) and progress(draft.rulebook, draft.account, draft.today) >= SAFE:
        kept(draft)


def kept(draft: Draft) -> None:
    """A new period in the same tier."""
    standing = draft.account.standing
    assert standing is not None  # noqa: S101
    fresh = new_standing(draft.rulebook, draft.account, standing.tier, draft.today)
    draft.standing(fresh)
    name = draft.rulebook.tier(standing.tier).name
    draft.facts["tier_kept"] = standing.tier
    draft.say(
        "tier_kept", 0, f"{name.en} kept until {fresh.valid_until}", f"保级成功：{name.zh}有效期至 {fresh.valid_until}"
    )


def reinstate_if_earned(draft: Draft) -> None:
    """Within some days of a step down, the retention goals of the lost tier bring it back. What was done before the
    step down did not keep the tier, and does not bring it back."""
    standing, rulebook = draft.account.standing, draft.rulebook
    lapse = standing.lapses[-1] if standing and standing.lapses else None
    if standing is None or lapse is None or rulebook.rank(lapse.tier) != rulebook.rank(standing.tier) + 1:
        return
    if not lapse.on <= draft.today <= lapse.on + timedelta(days=rulebook.tiers.retention.reinstatement_days):
        return
    if not _made_good(draft, lapse):
        return
    earned = Earned(standing.with_(temporary=None, grown=()), ())
    back = new_standing(rulebook, draft.account, lapse.tier, draft.today, earned)
    draft.standing(back)
    name = rulebook.tier(lapse.tier).name
    draft.facts["reinstated"] = {"from": standing.tier, "to": lapse.tier}
    draft.say("tier_reinstated", 0, f"{name.en} is back, held until {back.valid_until}",
              f"恢复{name.zh}，有效期至 {back.valid_until}")  # fmt: skip


def _made_good(draft: Draft, lapse: Lapse) -> bool:
    """Whether what was done since the loss would have kept the tier."""
    counted = _counted(draft.rulebook, draft.account, draft.today, lapse.tier, lapse.base, anew=True)
    return sum((share.exact for share in counted), Fraction(0)) >= SAFE


def return_undone(draft: Draft) -> None:
    """After a refund: a tier that was brought back goes again when what is left since its loss does not keep it."""
    standing = draft.account.standing
    if standing is None or standing.earned is None or standing.earned.ways:
        return
    before = standing.earned.before
    if _made_good(draft, before.lapses[-1]):
        return
    draft.standing(before.with_(temporary=standing.temporary, grown=standing.grown))
    lost, back = draft.rulebook.tier(standing.tier).name, draft.rulebook.tier(before.tier).name
    draft.facts["promotion_undone"] = {"from": standing.tier, "to": before.tier}
    draft.say("tier_undone", 0, f"The refund undoes what brought {lost.en} back: {back.en} again",
              f"退款后不再满足恢复{lost.zh}的条件，恢复为{back.zh}")  # fmt: skip


def early_warning_on(rulebook: Rulebook, standing: Standing) -> date | None:
    """When a member below pace is warned early; None when the rulebook has no early warning."""
    months = rulebook.tiers.retention.early_warning_months
    return add_months(standing.since, months) if months else None
