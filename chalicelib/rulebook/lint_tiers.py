"""Tiers, tasks and badges: what nobody can reach, and what is easier above than below."""

from collections.abc import Iterator

from chalicelib.rulebook.findings import Finding, refuse, warn
from chalicelib.rulebook.metrics import known_metrics, most_in, within
from chalicelib.rulebook.model import Rulebook, Threshold, Tier


def tiers(rulebook: Rulebook) -> Iterator[Finding]:
    """Every finding about the tiers."""
    levels = rulebook.tiers.levels
    for number, tier in enumerate(levels):
        path = f"tiers.levels.{number}"
        for kind, goals in (("promotion", tier.promotion), ("retention", tier.retention)):
            for index, goal in enumerate(goals):
                yield from _goal(rulebook, goal, f"{path}.{kind}.{index}")
        if number == 0:
            continue
        if all(_out_of_reach(rulebook, goal) for goal in tier.promotion):
            message = f"Nothing a member can do leads to {tier.name.en}."
            yield refuse("UNREACHABLE_TIER", f"{path}.promotion", message, f"没有任何行为能升级到{tier.name.zh}。")
        yield from _easier_above(levels[:number], tier, path)
        yield from _skipped(levels[number + 1 :], tier, path)
        yield from _retention(rulebook, tier, path)


def _known(rulebook: Rulebook, goal: Threshold) -> bool:
    return goal.metric in known_metrics(rulebook)


def _out_of_reach(rulebook: Rulebook, goal: Threshold) -> bool:
    bound = most_in(goal.metric, goal.window)
    return not _known(rulebook, goal) or (bound is not None and goal.at_least > bound)


def _goal(rulebook: Rulebook, goal: Threshold, path: str) -> Iterator[Finding]:
    if not _known(rulebook, goal):
        message, message_zh = f"Nothing grows the counter {goal.metric}.", f"没有任何行为会增加计数 {goal.metric}。"
        yield warn("UNKNOWN_METRIC", f"{path}.metric", message, message_zh)
    elif _out_of_reach(rulebook, goal):
        bound = most_in(goal.metric, goal.window)
        message, message_zh = f"{goal.metric} never exceeds {bound} there.", f"{goal.metric} 在该周期内最多为 {bound}。"
        yield warn("GOAL_OUT_OF_REACH", f"{path}.at_least", message, message_zh)


def _implies(harder: Threshold, easier: Threshold) -> bool:
    """Whether whoever reaches the one has reached the other: as much, in no more time."""
    same = harder.metric == easier.metric
    return same and harder.at_least >= easier.at_least and within(harder.window, easier.window)


def _easier_above(below: tuple[Tier, ...], tier: Tier, path: str) -> Iterator[Finding]:
    for index, goal in enumerate(tier.promotion):
        lower = next((t for t in reversed(below) if any(_implies(g, goal) for g in t.promotion)), None)
        if lower:
            message = f"Reaching {lower.name.en} reaches this tier too."
            message_zh = f"达到{lower.name.zh}即可达到该等级，门槛不高于下级。"
            yield refuse("EASIER_ABOVE", f"{path}.promotion.{index}", message, message_zh)


def _skipped(above: tuple[Tier, ...], tier: Tier, path: str) -> Iterator[Finding]:
    higher = [goal for upper in above for goal in upper.promotion]
    if all(any(_implies(goal, other) for other in higher) for goal in tier.promotion):
        message = f"Whoever reaches {tier.name.en} is promoted past it at once."
        yield refuse("TIER_SKIPPED", f"{path}.promotion", message, f"达到{tier.name.zh}的会员会立即升到更高等级。")


def _retention(rulebook: Rulebook, tier: Tier, path: str) -> Iterator[Finding]:
    if not tier.retention and rulebook.tiers.retention_percent_of_promotion is None:
        message = "Nothing says how this tier is kept."
        yield warn("NO_RETENTION", f"{path}.retention", message, f"{tier.name.zh}没有保级条件。")
    for index, kept in enumerate(tier.retention):
        for goal in tier.promotion:
            if goal.at_least < kept.at_least and _implies(kept, goal):
                message = f"Keeping {tier.name.en} asks for more than reaching it."
                yield refuse("RETENTION_HARDER", f"{path}.retention.{index}", message, "保级条件高于升级条件。")
                break


def tasks(rulebook: Rulebook) -> Iterator[Finding]:
    """Every finding about tasks and badges."""
    for number, task in enumerate(rulebook.tasks):
        for index, goal in enumerate(task.goals):
            yield from _goal(rulebook, goal, f"tasks.{number}.goals.{index}")
        if not task.goals and task.kind != "growth":
            yield warn("TASK_WITHOUT_GOALS", f"tasks.{number}", "Nothing completes this task.", "该任务没有完成条件。")
    for number, badge in enumerate(rulebook.badges):
        if badge.goal:
            yield from _goal(rulebook, badge.goal, f"badges.{number}.goal")
