"""Tasks and badges: completed in the entry of the action that completed them, once in each of the task's periods."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from types import MappingProxyType

from chalicelib.engine import counters, coupons, lotteries, points, retention
from chalicelib.engine.account import Account
from chalicelib.engine.draft import Draft
from chalicelib.engine.earning import Situation, holds
from chalicelib.engine.events import OrderRecord
from chalicelib.engine.refusals import NothingToClaim
from chalicelib.rulebook.model import Need, Rulebook, Task
from chalicelib.rulebook.model_lotteries import lottery_of
from chalicelib.shared.clock import week_start

# Done; open, until it is claimed by a tap; done, and a coupon came with it.
DONE, OPEN, GAVE = "done", "open", "gave"
# An action that is reported this late still completes the tasks of its own day, as far as that day's counts are kept.
LATE = timedelta(days=3)


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
            return f"d:{today}" if rulebook.member_day.includes(today) else None
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


def _situation(draft: Draft, on: date) -> Situation:
    return Situation("task", draft.now, on, first_time=False)


def complete(draft: Draft, on: date | None = None) -> None:
    """Completes every task whose goals are reached, today and on the day `on` of what is reported late. One completion
    may complete another (a task that counts tasks), so it goes round until nothing is added; each task is done at most
    once in its period, so it ends."""
    days = [draft.today]
    if on and draft.today - LATE <= on < draft.today:
        days.insert(0, on)
    while any(_completed(draft, task, day) for day in days for task in draft.rulebook.tasks):
        pass


def _completed(draft: Draft, task: Task, day: date) -> bool:
    """Completes the task of that day; whether it did."""
    current = period(task, draft.rulebook, day)
    if current is None or _done_in(draft.account, task, current):
        return False
    if day < draft.today and task.claim == "tap":
        return False  # its period is over, and with it the time to claim it
    if not holds(task.when, draft, _situation(draft, day)) or not _complete(draft.account, task, day):
        return False
    _done(draft, task, current)
    return True


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
    paid = _pay(draft, task, current) if state == DONE else 0
    draft.facts.setdefault("rewards", {})[task.id] = [current, paid]
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


def _pay(draft: Draft, task: Task, current: str) -> int:
    """Pays a task that is done; the account remembers whether a coupon came with it."""
    paid = reward(draft, task)
    gave = coupons.of_source(draft.facts.get(coupons.GRANTED, ()), coupon_of(task))
    _mark(draft, task, current, GAVE if gave else DONE)
    return paid


def reward(draft: Draft, task: Task) -> int:
    """Pays a task: points (more of them in the sprint), a badge, make-up cards, chances of lotteries that are not over,
    a coupon. Returns the points."""
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
    for code, count in task.chances.items():
        lotteries.give(draft, code, count)
    if task.badge:
        award(draft, task.badge)
    given = coupons.grant(draft, task.coupon, 1, coupon_of(task))
    if given:
        draft.say(task.id, 0, f"Coupon: {given.name.en}", f"优惠券：{given.name.zh}")
    return amount


def coupon_of(task: Task) -> str:
    """For what reason the task's coupon is granted."""
    return f"task#{task.id}"


def undo(draft: Draft, order: OrderRecord, *, full: bool) -> dict[str, int]:
    """After a refund: the tasks that the order completed and that are not done without it, and those of this period
    that stood by it when the order that had completed them was refunded before. Their points go back, and they may be
    done again while their period lasts. Returns what they had counted, by metric.

    Of a period that is over, the counts are soon forgotten: then a full refund undoes the task, and a part does not.
    """
    counted: dict[str, int] = {}
    given = dict(order.chances)
    for task in draft.rulebook.tasks:
        current, (marked, state) = period(task, draft.rulebook, draft.today), draft.account.tasks.get(task.id, ("", ""))
        done_in, paid = order.rewards.get(task.id, ("", 0))
        since: tuple[int, str] = order.seq, ""
        stands = not done_in and marked == current and _stood_by(draft, task, order)
        if stands:
            # What it was paid then, that order knows; the account, whether a coupon came with it.
            done_in, paid, since = marked, 0 if state == OPEN else task.points, (1, _first_day(marked))
        over = current != done_in
        if not done_in or _complete(draft.account, task, order.paid_on) or (over and not full):
            continue
        if marked != done_in and not (over and marked > done_in):
            continue  # undone already, with another order
        tapped = marked == done_in and state != OPEN and task.claim == "tap"
        if coupons.of_source(order.coupons, coupon_of(task)) or (marked == done_in and state == GAVE):
            coupons.withdraw(draft, 1, coupon_of(task), *since)
        if marked == done_in:
            paid = task.points if tapped else paid
            tasks = {name: value for name, value in draft.account.tasks.items() if name != task.id}
            draft.account = draft.account.with_(tasks=MappingProxyType(tasks))
        for metric, amount in {**({} if task.honorary else {"tasks": 1}), **task.credits}.items():
            draft.count(metric, -amount, order.paid_on)
            counted[metric] = counted.get(metric, 0) + amount
        _take_back(draft, task, paid)
        if task.claim == "auto" or tapped:
            _take_back_chances(draft, task, None if tapped or stands else given)
        draft.facts.setdefault("tasks_undone", []).append(task.id)
    return counted


def _stood_by(draft: Draft, task: Task, order: OrderRecord) -> bool:
    """Whether the order counted for the task of today's period, which was done until this refund."""
    today = draft.today
    in_period = period(task, draft.rulebook, order.paid_on) == period(task, draft.rulebook, today)
    return in_period and _complete(draft.before, task, today)


def _first_day(done_in: str) -> str:
    """The first day of a task's period; empty for what is done once in a life."""
    return done_in[2:] if done_in != "life" else ""


def _take_back_chances(draft: Draft, task: Task, given: dict[str, int] | None) -> None:
    """Of those that were `given`, which it lessens; None: with a tap or another order, of which this one knows nothing.
    What was won with them stays."""
    owed = draft.rulebook.refunds.policy == "debt"
    for code, count in task.chances.items():
        lottery = lottery_of(draft.rulebook.lotteries, code)
        if lottery is None:
            continue
        if given is not None:
            count = min(count, given.get(lottery.edition, 0))
            given[lottery.edition] = given.get(lottery.edition, 0) - count
        lotteries.take_back(draft, lottery.edition, count, owed=owed)


def _take_back(draft: Draft, task: Task, paid: int) -> None:
    into_debt = draft.rulebook.refunds.policy == "debt"
    draft.purse, owed, forgiven = points.claw_back(draft.purse, paid, (), into_debt=into_debt)
    draft.say(task.id, forgiven - paid, f"{task.name.en}: not done without what was refunded, takes back {paid}",
              f"{task.name.zh}：退款后不再满足，收回积分 {paid}")  # fmt: skip
    draft.short(owed, forgiven)


def claim(draft: Draft, task_id: str) -> None:
    """The tap on a completed task, within the period in which it was done. Raises NothingToClaim."""
    task = next((task for task in draft.rulebook.tasks if task.id == task_id), None)
    current = period(task, draft.rulebook, draft.today) if task else None
    if task is None or current is None or draft.account.tasks.get(task.id) != (current, OPEN):
        raise NothingToClaim
    _pay(draft, task, current)


def grow(draft: Draft) -> None:
    """Growth tasks: paid at a promotion to a tier never held before."""
    if not draft.grown:
        return
    draft.grown = False
    for task in draft.rulebook.tasks:
        if task.kind == "growth" and holds(task.when, draft, _situation(draft, draft.today)):
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
        # Of a campaign whose beginning was moved back, a later period was done, and it is not done again.
        other = DONE if _done_in(account, task, current) else "active"
        shown = state if done_in == current and state != GAVE else other
        yield TaskState(task, current, shown, goals)
