"""Keeping a tier: whether it can be done within the period, and whether the protocol's numbers are in proportion."""

from collections.abc import Iterator
from fractions import Fraction

from chalicelib.rulebook.findings import Finding, refuse, warn
from chalicelib.rulebook.lint_goals import placed
from chalicelib.rulebook.metrics import most, most_in
from chalicelib.rulebook.model import Need, Rulebook, Tier

# Beyond these the sprint is no sprint: two purchases or two invites would do, or a task be worth a month of purchases.
MAX_PURCHASE_PERCENT, MAX_INVITE_PERCENT, MAX_TASK_FACTOR = 25, 50, 5


def retention(rulebook: Rulebook) -> Iterator[Finding]:
    """Every finding about how tiers are kept and lost."""
    for number, tier in enumerate(rulebook.tiers.levels[1:], 1):
        path = f"tiers.levels.{number}"
        for index, goal in enumerate(tier.retention):
            for place, need in placed(goal, f"{path}.retention.{index}"):
                if need.window in ("day", "week"):
                    message = "The review comes as a day begins, when this has just begun again; name a longer window."
                    message_zh = "评审在一天开始时进行，该周期此时刚刚重新计数，请使用更长的周期。"
                    yield refuse("RETENTION_WINDOW", f"{place}.window", message, message_zh)
        if _unkeepable(rulebook, tier):
            message = f"Everything done within a period does not keep {tier.name.en}."
            message_zh = f"在一个有效期内做到全部也无法保住{tier.name.zh}。"
            yield refuse("UNKEEPABLE_TIER", f"{path}.retention", message, message_zh)
        if not tier.retention:
            yield from _share(rulebook, tier, path)
    yield from _warnings(rulebook)
    yield from _sprint(rulebook)
    yield from _grace(rulebook)


def _needs(rulebook: Rulebook, tier: Tier) -> list[tuple[Need, str, Fraction, int]]:
    """(need, window, how much, how many are to be reached together) of all that keeps a tier; nothing when the document
    does not say."""
    percent = rulebook.tiers.retention_percent_of_promotion
    if tier.retention or percent is None:
        return [(n, n.window, Fraction(n.at_least), len(goal.needs)) for goal in tier.retention for n in goal.needs]
    return [
        (n, "period", Fraction(-(-n.at_least * percent // 100)), len(goal.needs))
        for goal in tier.promotion for n in goal.needs
    ]  # fmt: skip


def _unkeepable(rulebook: Rulebook, tier: Tier) -> bool:
    """The sprint aside: it is a rescue, not a way to plan on."""
    needs = _needs(rulebook, tier)
    best = Fraction(0)
    for need, window, wanted, together in needs:
        bound = most(rulebook, need, window)
        best += (Fraction(1) if bound is None else min(Fraction(1), bound / wanted)) / together
    if not any("tasks" in (need.metric, *need.plus) for need, *_ in needs):
        done = most_in(rulebook, "tasks", "period")
        each = rulebook.tiers.retention.task_percent
        best += Fraction((100 if done is None else done) * each, 100)
    # Documents from before the protocol say nothing of retention: their tasks still may.
    return best < 1 if needs else not rulebook.tiers.retention.task_percent


def _share(rulebook: Rulebook, tier: Tier, path: str) -> Iterator[Finding]:
    """A share of what took longer than a period: to be done in less time than the share."""
    percent, held = rulebook.tiers.retention_percent_of_promotion, rulebook.tiers.held_months
    for index, goal in enumerate(tier.promotion if percent is not None else ()):
        for place, need in placed(goal, f"{path}.promotion.{index}"):
            months = int(need.window[7:]) if need.window.startswith("months:") else 1
            if months * (percent or 0) > held * 100:
                message = f"{percent} % of what took {months} months, in {held}: keeping it is harder than reaching it."
                message_zh = f"须在 {held} 个月内达到 {months} 个月条件的 {percent}%，保级难于升级。"
                yield refuse("SHARE_OF_LONGER_WINDOW", f"{place}.window", message, message_zh)


def _warnings(rulebook: Rulebook) -> Iterator[Finding]:
    policy, held = rulebook.tiers.retention, rulebook.tiers.held_months
    if policy.early_warning_months >= held:
        message = f"A period of {held} months is over before the early warning."
        path = "tiers.retention.early_warning_months"
        yield warn("WARNING_OUT_OF_PROPORTION", path, message, f"有效期只有 {held} 个月，不会发出提前提醒。")
    if 2 * policy.warning_days > 30 * held:
        message = "The warning comes in the first half of the period."
        path = "tiers.retention.warning_days"
        yield warn("WARNING_OUT_OF_PROPORTION", path, message, "保级通知早于有效期过半。")


def _sprint(rulebook: Rulebook) -> Iterator[Finding]:
    sprint, path = rulebook.tiers.retention.sprint, "tiers.retention.sprint"
    factor = Fraction(sprint.task_points_factor)
    if factor < 1:
        message = "The sprint takes points of tasks away."
        yield warn("SPRINT_OUT_OF_PROPORTION", f"{path}.task_points_factor", message, "冲刺期间任务积分反而减少。")
    for name, value, most_sensible in (
        ("task_points_factor", factor, MAX_TASK_FACTOR),
        ("purchase_percent", sprint.purchase_percent, MAX_PURCHASE_PERCENT),
        ("invite_percent", sprint.invite_percent, MAX_INVITE_PERCENT),
    ):
        if value > most_sensible:
            message = f"More than {most_sensible} makes the year before it worthless."
            message_zh = f"超过 {most_sensible}，平时的保级努力失去意义。"
            yield warn("SPRINT_OUT_OF_PROPORTION", f"{path}.{name}", message, message_zh)


def _grace(rulebook: Rulebook) -> Iterator[Finding]:
    policy, held = rulebook.tiers.retention, rulebook.tiers.held_months
    longest = policy.grace_days + policy.grace_extensions * policy.grace_extension_days
    if 2 * longest > 30 * held:
        message = f"Grace may last {longest} days, more than half of the period."
        message_zh = f"宽限最长可达 {longest} 天，超过有效期的一半。"
        yield warn("GRACE_OUT_OF_PROPORTION", "tiers.retention.grace_days", message, message_zh)
    if policy.grace_extensions and policy.grace_extension_days and not policy.grace_days:
        message, path = "Without grace there is nothing to extend.", "tiers.retention.grace_extensions"
        yield warn("GRACE_OUT_OF_PROPORTION", path, message, "没有宽限期，延长不会生效。")
