"""Caps that can never be hit, and caps that leave nothing of a grant."""

from collections.abc import Iterator

from chalicelib.rulebook.findings import Finding, warn
from chalicelib.rulebook.model import Cap, EarningRule

_ORDER = ("day", "week", "month", "lifetime")
# (inner, outer) → how many inner periods one outer period touches at most. A month touches up to six ISO weeks.
_PERIODS_IN = {("day", "week"): 7, ("day", "month"): 31, ("week", "month"): 6}


def once_in_a_life(rule: EarningRule) -> bool:
    """Whether the rule can be met once only, caps aside."""
    if rule.trigger == "joined":
        return True
    # After its refund the next order is the first again, and a profile is always completed for the first time.
    if rule.trigger in ("order_paid", "profile_completed") or rule.when is None:
        return False
    return bool(rule.when.first_time or any(child.first_time for child in rule.when.all or ()))


def caps(rule: EarningRule, path: str) -> Iterator[Finding]:
    """Every finding about one rule's caps."""
    best = rule.points.most()
    # Multipliers have no common bound: they stack, and each has its own conditions.
    most = None if rule.multiplied else best
    for index, cap in enumerate(rule.caps):
        if any(_covers(bound, cap, most) for bound in _bounds(rule, index)):
            yield warn(
                "CAP_NEVER_HIT", f"{path}.caps.{index}", "This cap can never be hit.", "该上限不可能达到，可以删除。"
            )
        if cap.points is not None and best is not None and cap.points < best:
            yield warn(
                "CAP_BELOW_ONE_GRANT",
                f"{path}.caps.{index}",
                f"The cap of {cap.points} is below a single grant of {best}.",
                f"上限 {cap.points} 低于单次发放的 {best} 积分。",
            )


def _bounds(rule: EarningRule, index: int) -> Iterator[Cap]:
    """What limits the rule besides that cap: its other caps, and how often its trigger can happen at all."""
    for other, cap in enumerate(rule.caps):
        # Of two equal caps the later one is the idle one.
        if other != index and (cap != rule.caps[index] or other < index):
            yield cap
    if once_in_a_life(rule):
        yield Cap(per="lifetime", times=1)
    elif rule.trigger == "check_in":
        yield Cap(per="day", times=1)


def _covers(bound: Cap, cap: Cap, best: int | None) -> bool:
    """Whether `bound` always bites no later than `cap`. `best`: the most one grant can pay, None when unbounded."""
    limit, most = (cap.times, bound.times) if cap.times is not None else (cap.points, _points(bound, best))
    if limit is None or most is None:
        return False
    if (bound.per, cap.per) in _PERIODS_IN:
        return limit >= most * _PERIODS_IN[bound.per, cap.per]
    if (bound.per, cap.per) == ("month", "week"):
        # A week touches two months.
        return limit >= 2 * most
    return _ORDER.index(bound.per) >= _ORDER.index(cap.per) and limit >= most


def _points(bound: Cap, best: int | None) -> int | None:
    if bound.points is not None:
        return bound.points
    return None if best is None or bound.times is None else bound.times * best
