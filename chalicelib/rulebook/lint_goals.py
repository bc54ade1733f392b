"""Goals of tiers, tasks and badges: counters nothing grows, numbers nobody can reach."""

from collections.abc import Iterator

from chalicelib.rulebook.findings import Finding, refuse, warn
from chalicelib.rulebook.metrics import known_metrics, most
from chalicelib.rulebook.model import Need, Rulebook, Threshold


def placed(goal: Threshold, path: str) -> Iterator[tuple[str, Need]]:
    """(path, need) of everything that must be reached together."""
    yield path, goal
    yield from ((f"{path}.also.{number}", need) for number, need in enumerate(goal.also))


def counted(need: Need, path: str) -> Iterator[tuple[str, str]]:
    """(path, metric) of every counter that is added up."""
    yield f"{path}.metric", need.metric
    yield from ((f"{path}.plus.{number}", metric) for number, metric in enumerate(need.plus))


def goal(rulebook: Rulebook, goal: Threshold, path: str, window: str = "") -> Iterator[Finding]:
    """Every finding about one goal. `window`: where it is read, when that is not the goal's own."""
    known = known_metrics(rulebook)
    for place, need in placed(goal, path):
        over, unknown = window or need.window, False
        for index, (where, metric) in enumerate(counted(need, place)):
            if metric not in known:
                unknown = True
                message, message_zh = f"Nothing grows the counter {metric}.", f"没有任何行为会增加计数 {metric}。"
                yield warn("UNKNOWN_METRIC", where, message, message_zh)
            if metric in (need.metric, *need.plus)[:index]:
                message, message_zh = f"{metric} would be counted twice.", f"{metric} 会被重复计数。"
                yield refuse("COUNTED_TWICE", where, message, message_zh)
        bound = most(rulebook, need, over)
        if bound is not None and need.at_least > bound and not unknown:
            message, message_zh = (
                f"{need.metric} never exceeds {bound} there.",
                f"{need.metric} 在该周期内最多为 {bound}。",
            )
            yield warn("GOAL_OUT_OF_REACH", f"{place}.at_least", message, message_zh)


def out_of_reach(rulebook: Rulebook, goal: Threshold, window: str = "") -> bool:
    """Whether some need of the goal can never be reached."""
    bounds = [(need, most(rulebook, need, window or need.window)) for need in goal.needs]
    return any(bound is not None and need.at_least > bound for need, bound in bounds)


def period_elsewhere(goal: Threshold, path: str) -> Iterator[Finding]:
    """The period of a tier, asked for where there is none."""
    for place, need in placed(goal, path):
        if need.window == "period":
            message = "Only tiers have a period; name a day, week, month or lifetime."
            yield refuse("PERIOD_ELSEWHERE", f"{place}.window", message, "只有等级有有效期，此处不能使用 period。")
