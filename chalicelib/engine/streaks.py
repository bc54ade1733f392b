"""Check-ins and make-ups: streaks by the brand's business day."""

from datetime import date, timedelta

from chalicelib.engine import points
from chalicelib.engine.account import Streak
from chalicelib.engine.advance import advance
from chalicelib.engine.decision import Decision
from chalicelib.engine.draft import Draft
from chalicelib.engine.earning import Situation, pay
from chalicelib.engine.events import CheckedIn
from chalicelib.engine.refusals import AlreadyCheckedIn, InsufficientPoints, MakeUpRefused

DAY = timedelta(days=1)


def covers(streak: Streak, day: date) -> bool:
    """Whether that day is checked in (as far back as the runs are kept)."""
    return any(first <= day <= last for first, last in streak.runs)


def length_on(streak: Streak, today: date) -> int:
    """The streak as members see it: it survives until the end of the next day."""
    return streak.length if streak.last_on and streak.last_on >= today - DAY else 0


def with_day(streak: Streak, day: date, keep_from: date) -> tuple[tuple[date, date], ...]:
    """The runs with one more day, touching runs joined, runs that ended before `keep_from` forgotten."""
    runs: list[tuple[date, date]] = []
    for first, last in sorted([*streak.runs, (day, day)]):
        if runs and first <= runs[-1][1] + DAY:
            runs[-1] = (runs[-1][0], max(last, runs[-1][1]))
        else:
            runs.append((first, last))
    return tuple(run for run in runs if run[1] >= keep_from)


def cycle_day(length: int, cycle_days: int) -> int:
    """The day of the cycle, from 1, for a streak of `length` days."""
    return (length - 1) % cycle_days + 1


def check_in(draft: Draft, event: CheckedIn) -> Decision:
    """Records today, or makes up a missed day. Raises AlreadyCheckedIn, MakeUpRefused, InsufficientPoints."""
    streak = draft.account.streak
    if covers(streak, event.on):
        raise AlreadyCheckedIn
    policy = draft.rulebook.streak
    if event.make_up:
        streak = _make_up(draft, event.on)
    elif event.on != draft.today:
        raise MakeUpRefused([{"field": "on", "problem": "a check-in is for today"}])
    # One day more than a make-up can reach, so that the run before the missed day is still known.
    keep_from = draft.today - timedelta(days=policy.make_up_within_days + 1)
    runs = with_day(streak, event.on, keep_from)
    draft.account = draft.account.with_(streak=Streak(runs, streak.make_ups, streak.make_up_month))
    length = length_on(draft.account.streak, draft.today)
    if event.make_up:
        draft.say("make_up", 0, f"Made up {event.on}; streak {length}", f"补签 {event.on}，连续签到 {length} 天")
    else:
        first_time = not draft.before.counters.get("check_ins")
        draft.count("check_ins", 1, event.on)
        day = cycle_day(length, policy.cycle_days)
        what = Situation("check_in", draft.now, event.on, first_time=first_time, streak_day=day)
        pay(draft, what)
        advance(draft)
    kind = "make_up" if event.make_up else "check_in"
    return draft.finish(kind, event.cause, {"on": event.on.isoformat(), "streak": length})


def _make_up(draft: Draft, day: date) -> Streak:
    """Checks the policy and takes the cost. A make-up repairs the streak; it does not pay."""
    policy, streak = draft.rulebook.streak, draft.account.streak
    month = f"{draft.today:%Y-%m}"
    used = streak.make_ups if streak.make_up_month == month else 0
    joined = draft.on(draft.account.joined_at) if draft.account.joined_at else day
    problem = ""
    if day >= draft.today:
        problem = "only a past day can be made up"
    elif day < draft.today - timedelta(days=policy.make_up_within_days):
        problem = f"only the last {policy.make_up_within_days} days can be made up"
    elif day < joined:
        problem = "before the member joined"
    elif used >= policy.make_ups_per_month and not draft.account.make_up_cards:
        problem = f"{policy.make_ups_per_month} make-ups a month, and no make-up card"
    if problem:
        raise MakeUpRefused([{"field": "on", "problem": problem}])
    if used >= policy.make_ups_per_month:
        # Beyond the month's own: a card, which is the whole price.
        draft.account = draft.account.with_(make_up_cards=draft.account.make_up_cards - 1)
        draft.say("make_up_card", 0, "One make-up card used", "使用补签卡 1 张")
        return streak
    cost = policy.make_up_cost_points
    if cost:
        draft.purse, missing = points.debit(draft.purse, cost)
        if missing:
            raise InsufficientPoints
        draft.say("make_up_cost", -cost, f"Make-up costs {cost}", f"补签消耗 {cost}")
    return Streak(streak.runs, used + 1, month)
