"""Tasks and badges: completed in the entry of the action that completed them, once in each of the task's periods."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from types import MappingProxyType

from chalicelib.engine import counters, points, retention
from chalicelib.engine.account import Account
from chalicelib.engine.draft import Draft
from chalicelib.engine.earning import Situation, holds
from chalicelib.engine.refusals import NothingToClaim
from chalicelib.rulebook.model import Need, Rulebook, Task
from chalicelib.shared.clock import week_start

DONE, OPEN = "done", "open"


@dataclass(frozen=True)
class GoalState:
    """One goal of a task: `have` of `need` (money in fen)."""

    metric: str
    have: int
    need: int
    name_zh: str
    name_en: str


@dataclass(frozen=True)
class TaskState:
    """A task as a member sees it today. `state`: `active`, `open` (done, waiting for the tap), `done`."""

    task: Task
    period: str
    state: str
    goals: tuple[GoalState, ...]


def period(task: Task, rulebook: Rulebook, today: date) -> str | None:
    """The task's period that `today` is in; None when it cannot be done today. Growth has none: promotions pay it."""
    match task.kind:
        case "newcomer":
            return "life"
        case "daily":
            return f"d:{today}"
        case "weekly":
            return f"w:{week_start(today)}"
        case "exclusive":
            return f"d:{today}" if today.day in rulebook.member_day.days_of_month else None
        case "campaign" if task.starts_on and task.ends_on and task.starts_on <= today <= task.ends_on:
            return f"c:{task.starts_on}"
        case _:
            return None


def _count(account: Account, task: Task, need: Need, today: date) -> int:
    """What the member has of one need of a task."""
    window = task.window(need)
    return sum(counters.read(account.counters, metric, window, today) for metric in (need.metric, *need.plus))


def _complete(account: Account, task: Task, today: date) -> bool:
    needs = [need for goal in task.goals for need in goal.needs]
    return bool(needs) and all(_count(account, task, need, today) >= need.at_least for need in needs)


def _situation(draft: Draft) -> Situation:
    return Situation("task", draft.now, draft.today, first_time=False)


def complete(draft: Draft) -> None:
    """Completes every task whose goals are reached. One completion may complete another (a task that counts tasks), so
    it goes round until nothing is added; each task is done at most once in its period, so it ends."""
    again = True
    while again:
        again = False
        for task in draft.rulebook.tasks:
            current = period(task, draft.rulebook, draft.today)
            if current is None or _done_in(draft.account, task, current):
                continue
            if holds(task.when, draft, _situation(draft)) and _complete(draft.account, task, draft.today):
                again = True
                _done(draft, task, current)


def _done_in(account: Account, task: Task, current: str) -> bool:
    """Whether the task was done in that period, or in a later one of its kind (a clock may run back a little)."""
    done_in, _ = account.tasks.get(task.id, ("", ""))
    return done_in[:2] == current[:2] and done_in >= current


def _done(draft: Draft, task: Task, current: str) -> None:
    state = OPEN if task.claim == "tap" else DONE
    _mark(draft, task, current, state)
    _count_done(draft, task)
    if state == OPEN:
        draft.say(task.id, 0, f"{task.name.en}: done, waiting to be claimed", f"{task.name.zh}：已完成，待领取")
    else:
        reward(draft, task)
    if not task.honorary:
        retention.task_done(draft)


def _count_done(draft: Draft, task: Task) -> None:
    if not task.honorary:
        draft.count("tasks", 1, draft.today)
    for metric, amount in task.credits.items():
        draft.count(metric, amount, draft.today)
    draft.facts.setdefault("tasks", []).append(task.id)


def _mark(draft: Draft, task: Task, current: str, state: str) -> None:
    # A task the rulebook no longer has is forgotten, so that accounts stay small; but not one that is done once in a
    # life, which would be paid again if it came back.
    known = {t.id for t in draft.rulebook.tasks}
    kept = {name: value for name, value in draft.account.tasks.items() if name in known or value[0] == "life"}
    draft.account = draft.account.with_(tasks=MappingProxyType({**kept, task.id: (current, state)}))


def reward(draft: Draft, task: Task) -> None:
    """Pays a task: points (more of them in the sprint), a badge, make-up cards."""
    amount, factor = task.points, Fraction(1)
    if retention.in_sprint(draft.account.standing, draft.today):
        factor = Fraction(draft.rulebook.tiers.retention.sprint.task_points_factor)
        amount = int(amount * factor)
    why, why_zh = f"{task.name.en}: {task.points}", f"{task.name.zh}：{task.points}"
    if amount != task.points:
        why, why_zh = f"{why} × {factor} (sprint) = {amount}", f"{why_zh} × {factor}（保级冲刺）= {amount}"
    draft.say(task.id, amount, why, why_zh)
    if amount:
        draft.grant(points.expires_on(draft.today, draft.rulebook.expiry), amount)
    if task.make_up_cards:
        draft.account = draft.account.with_(make_up_cards=draft.account.make_up_cards + task.make_up_cards)
        draft.say(task.id, 0, f"{task.make_up_cards} make-up cards", f"补签卡 {task.make_up_cards} 张")
    if task.badge:
        award(draft, task.badge)


def claim(draft: Draft, task_id: str) -> None:
    """The tap on a completed task, within the period in which it was done. Raises NothingToClaim."""
    task = next((task for task in draft.rulebook.tasks if task.id == task_id), None)
    current = period(task, draft.rulebook, draft.today) if task else None
    if task is None or current is None or draft.account.tasks.get(task.id) != (current, OPEN):
        raise NothingToClaim
    _mark(draft, task, current, DONE)
    reward(draft, task)


def grow(draft: Draft) -> None:
    """Growth tasks: paid at a promotion to a tier never held before."""
    if not draft.grown:
        return
    draft.grown = False
    for task in draft.rulebook.tasks:
        if task.kind == "growth" and holds(task.when, draft, _situation(draft)):
            _count_done(draft, task)
            reward(draft, task)


def award(draft: Draft, badge_id: str) -> None:
    """Gives a badge, once."""
    badge = next((badge for badge in draft.rulebook.badges if badge.id == badge_id), None)
    if badge is None or badge.id in draft.account.badges:
        return
    draft.account = draft.account.with_(badges=(*draft.account.badges, badge.id))
    draft.facts.setdefault("badges", []).append(badge.id)
    title_zh, title_en = (f"，获得称号“{badge.title.zh}”", f", title {badge.title.en}") if badge.title else ("", "")
    draft.say(badge.id, 0, f"Badge: {badge.name.en}{title_en}", f"获得勋章：{badge.name.zh}{title_zh}")


def badges(draft: Draft) -> None:
    """Every badge whose goal is reached now."""
    for badge in draft.rulebook.badges:
        if badge.goal is None or badge.id in draft.account.badges:
            continue
        counted = [
            (sum(counters.read(draft.account.counters, m, n.window, draft.today) for m in (n.metric, *n.plus)), n)
            for n in badge.goal.needs
        ]
        if all(count >= need.at_least for count, need in counted):
            award(draft, badge.id)


def states(rulebook: Rulebook, account: Account, today: date) -> Iterator[TaskState]:
    """Every task that can be done today, with its progress."""
    for task in rulebook.tasks:
        current = period(task, rulebook, today)
        if current is None:
            continue
        done_in, state = account.tasks.get(task.id, ("", ""))
        goals = tuple(
            GoalState(n.metric, min(n.at_least, _count(account, task, n, today)), n.at_least, n.name.zh, n.name.en)
            for goal in task.goals for n in goal.needs
        )  # fmt: skip
        yield TaskState(task, current, state if done_in == current else "active", goals)
