"""Tasks and badges: what never completes, completes by itself, or pays what it may not."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction

from chalicelib.rulebook.findings import Finding, refuse, warn
from chalicelib.rulebook.lint_goals import goal, out_of_reach, period_elsewhere, placed
from chalicelib.rulebook.lint_rules import conditions
from chalicelib.rulebook.metrics import CAPABILITY_METRICS, leaves, own_metrics
from chalicelib.rulebook.model import Rulebook, Task

MAX_CAMPAIGN_DAYS = 366
# A goal that lasts longer than its task stays reached: the task would complete again by itself.
_WINDOWS = {"daily": ("day",), "exclusive": ("day",), "weekly": ("day", "week"), "campaign": ("lifetime",)}


def tasks(rulebook: Rulebook, today: date | None) -> Iterator[Finding]:
    """Every finding about tasks and badges. Campaigns that are over are found when `today` is given."""
    badges = {badge.id for badge in rulebook.badges}
    for number, task in enumerate(rulebook.tasks):
        path = f"tasks.{number}"
        yield from _goals(rulebook, task, path)
        yield from conditions(rulebook, task.when, {"task"}, f"{path}.when")
        yield from _reward(rulebook, task, path)
        if task.badge is not None and task.badge not in badges:
            yield refuse("UNKNOWN_BADGE", f"{path}.badge", f"No badge {task.badge}.", f"没有勋章 {task.badge}。")
        if task.starts_on and task.ends_on:
            yield from _campaign(task, task.starts_on, task.ends_on, path, today)
    for number, badge in enumerate(rulebook.badges):
        if badge.goal:
            yield from goal(rulebook, badge.goal, f"badges.{number}.goal")
            yield from period_elsewhere(badge.goal, f"badges.{number}.goal")


def _goals(rulebook: Rulebook, task: Task, path: str) -> Iterator[Finding]:
    if not task.goals and task.kind != "growth":
        yield warn("TASK_WITHOUT_GOALS", path, "Nothing completes this task.", "该任务没有完成条件。")
    for index, threshold in enumerate(task.goals):
        place = f"{path}.goals.{index}"
        window = task.window(threshold) if task.kind == "campaign" else ""
        yield from goal(rulebook, threshold, place, window)
        yield from period_elsewhere(threshold, place)
        for where, need in placed(threshold, place):
            if need.window not in (*_WINDOWS.get(task.kind, (need.window,)), "period"):
                told = " or ".join(_WINDOWS[task.kind])
                message = f"A goal of this kind of task is counted over its own period: {told}."
                yield refuse("TASK_WINDOW", f"{where}.window", message, f"该类任务的条件须按任务周期计算（{told}）。")
        if out_of_reach(rulebook, threshold, window):
            message = "This goal can never be reached, so the task never completes."
            yield refuse("UNREACHABLE_TASK", place, message, "该条件不可能达到，任务永远无法完成。")


def _reward(rulebook: Rulebook, task: Task, path: str) -> Iterator[Finding]:
    limit = rulebook.limits.max_points_per_entry
    if int(task.points * max(Fraction(1), Fraction(rulebook.tiers.retention.sprint.task_points_factor))) > limit:
        message = f"At its best this task pays above the limit of {limit} for an entry: it would always be refused."
        yield refuse("GRANT_ABOVE_LIMIT", f"{path}.points", message, f"任务奖励超过每笔上限 {limit}，将始终被拒绝。")
    reserved = own_metrics(rulebook) | CAPABILITY_METRICS | {behaviour.code for behaviour in rulebook.behaviours}
    for metric in task.credits:
        place = f"{path}.credits.{metric}"
        if metric in reserved:
            message, message_zh = f"{metric} counts what truly happened.", f"{metric} 只统计真实发生的行为，不得加计。"
            yield refuse("RESERVED_NAME", place, message, message_zh)
        elif metric not in rulebook.windows:
            message, message_zh = f"Nothing reads the counter {metric}.", f"没有条件使用计数 {metric}。"
            yield warn("CREDIT_UNREAD", place, message, message_zh)


def _campaign(task: Task, starts_on: date, ends_on: date, path: str, today: date | None) -> Iterator[Finding]:
    days = (ends_on - starts_on).days + 1
    if days > MAX_CAMPAIGN_DAYS:
        message = f"A campaign of {days} days is no campaign any more."
        yield warn("CAMPAIGN_TOO_LONG", f"{path}.ends_on", message, f"活动长达 {days} 天，超过一年。")
    if today is not None and ends_on < today:
        message, message_zh = f"This campaign ended on {ends_on}.", f"该活动已于 {ends_on} 结束。"
        yield warn("CAMPAIGN_OVER", f"{path}.ends_on", message, message_zh)
    for place, leaf in leaves(task.when, f"{path}.when"):
        if leaf.dates is not None and (leaf.dates.ends_on < starts_on or leaf.dates.starts_on > ends_on):
            yield warn("NEVER_TRUE", place, "The campaign has no such day.", "活动期间没有这些日期。")
