"""The counters of a rulebook: what grows them, how far they can grow, and which window lies within which."""

from collections.abc import Iterator
from datetime import date

from chalicelib.rulebook.conditions import Condition
from chalicelib.rulebook.model import Behaviour, Need, Rulebook, Task

# What the engine counts by itself, and what the capabilities of tasks and invites count.
ENGINE_METRICS = frozenset({"spend_fen", "orders", "check_ins", "profile_completed", "redemptions"})
CAPABILITY_METRICS = frozenset({"tasks", "qualified_invites"})
WEEK_DAYS = 7


def sources(rulebook: Rulebook) -> dict[str, list[Behaviour]]:
    """metric → the behaviours that grow it."""
    found: dict[str, list[Behaviour]] = {}
    for behaviour in rulebook.behaviours:
        grown = [behaviour.code, *behaviour.metrics]
        if behaviour.counts_seconds:
            grown.append(f"{behaviour.code}_seconds")
        for metric in dict.fromkeys(grown):
            found.setdefault(metric, []).append(behaviour)
    return found


def use_metrics(rulebook: Rulebook) -> set[str]:
    """The counters of uses of benefits."""
    return {benefit.metric for tier in rulebook.tiers.levels for benefit in tier.benefits if benefit.usable}


def own_metrics(rulebook: Rulebook) -> set[str]:
    """What only the engine counts."""
    rules = {f"{prefix}_{rule.id}" for rule in rulebook.earning for prefix in ("rule", "paid")}
    return {*ENGINE_METRICS, *rules, *use_metrics(rulebook)}


def known_metrics(rulebook: Rulebook) -> set[str]:
    """Every counter that something grows."""
    credited = {metric for task in rulebook.tasks for metric in task.credits}
    return {*own_metrics(rulebook), *CAPABILITY_METRICS, *sources(rulebook), *credited}


def within(inner: str, outer: str) -> bool:
    """Whether what is counted in `inner` is always counted in `outer` too, whatever the day."""
    if outer == "lifetime" or inner == outer:
        return True
    # A tier's period begins and ends on any day: no other window lies within it, nor it within another.
    if "period" in (inner, outer) or inner == "lifetime" or outer == "day":
        return False
    if inner == "day":
        return True
    if outer == "week":
        return False
    # A week up to today reaches at most into the month before.
    return (2 if inner == "week" else _months(inner)) <= _months(outer)


def _months(window: str) -> int:
    return 1 if window == "month" else int(window[7:])


def days_in(rulebook: Rulebook, window: str) -> int | None:
    """The most days a window can have, a month counted as 31; None for a lifetime."""
    if window == "lifetime":
        return None
    if window.startswith("dates:"):
        return (date.fromisoformat(window[17:]) - date.fromisoformat(window[6:16])).days + 1
    months = rulebook.tiers.held_months if window == "period" else None
    return {"day": 1, "week": 7}.get(window) or 31 * (months or _months(window))


def most_in(rulebook: Rulebook, metric: str, window: str) -> int | None:
    """The most a counter can show over a window; None when nothing bounds it. Check-ins are one a day, tasks one a
    period of theirs, behaviours what their daily limits allow."""
    days = days_in(rulebook, window)
    if metric == "check_ins":
        return days
    if metric in own_metrics(rulebook) | {"qualified_invites"}:
        return None
    total = 0
    for behaviour in sources(rulebook).get(metric, ()):
        # Daily limits bound no longer window exactly: what is reported late belongs to its own month.
        if metric not in behaviour.limits or days is None or days > WEEK_DAYS:
            return None
        total += behaviour.limits[metric] * days
    for task in rulebook.tasks:
        worth = task.credits.get(metric, 0) + (1 if metric == "tasks" and not task.honorary else 0)
        done = _completions(rulebook, task, days)
        if worth and done is None:
            return None
        total += worth * (done or 0)
    return total


def _completions(rulebook: Rulebook, task: Task, days: int | None) -> int | None:
    """How often a task can be done in so many days; None for ever again."""
    if task.kind == "growth":
        return len(rulebook.tiers.levels) - 1
    if not task.goals:
        return 0
    if task.kind in ("newcomer", "campaign"):
        return 1
    if days is None or task.kind == "daily":
        return days
    if task.kind == "weekly":
        return 1 if days in (1, 7) else days // 7 + 2
    return min(days, (days // 28 + 1) * len(set(rulebook.member_day.days_of_month)))


def most(rulebook: Rulebook, need: Need, window: str) -> int | None:
    """The most that can be had of a need over a window; None when nothing bounds it."""
    bounds = [most_in(rulebook, metric, window) for metric in dict.fromkeys((need.metric, *need.plus))]
    return None if None in bounds else sum(bound or 0 for bound in bounds)


def leaves(condition: Condition | None, path: str) -> Iterator[tuple[str, Condition]]:
    """Every leaf of a tree with its place in the document."""
    if condition is None:
        return
    if condition.not_ is not None:
        yield from leaves(condition.not_, f"{path}.not")
    elif condition.all is not None or condition.any is not None:
        name, children = ("all", condition.all) if condition.all is not None else ("any", condition.any)
        for number, child in enumerate(children or ()):
            yield from leaves(child, f"{path}.{name}.{number}")
    else:
        yield path, condition
