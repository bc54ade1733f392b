"""The counters of a rulebook: what grows them, how far they can grow, and which window lies within which."""

from collections.abc import Iterator

from chalicelib.rulebook.conditions import Condition
from chalicelib.rulebook.model import Behaviour, Rulebook

# What the engine counts by itself, and what the capabilities of tasks and invites count.
MONEY_METRICS = frozenset({"spend_fen", "orders", "check_ins"})
CAPABILITY_METRICS = frozenset({"tasks", "qualified_invites"})


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


def known_metrics(rulebook: Rulebook) -> set[str]:
    """Every counter that something grows."""
    rules = {f"{prefix}_{rule.id}" for rule in rulebook.earning for prefix in ("rule", "paid")}
    return {*MONEY_METRICS, *CAPABILITY_METRICS, *sources(rulebook), *rules}


def within(inner: str, outer: str) -> bool:
    """Whether what is counted in `inner` is always counted in `outer` too, whatever the day."""
    if outer == "lifetime" or inner == outer:
        return True
    if inner == "lifetime" or outer == "day":
        return False
    if inner == "day":
        return True
    if outer == "week":
        return False
    # A week up to today reaches at most into the month before.
    return (2 if inner == "week" else _months(inner)) <= _months(outer)


def _months(window: str) -> int:
    return 1 if window == "month" else int(window[7:])


def most_in(metric: str, window: str) -> int | None:
    """The most a counter can show over a window; None when nothing bounds it. Check-ins are one a day."""
    if metric != "check_ins" or window == "lifetime":
        return None
    return {"day": 1, "week": 7}.get(window) or 31 * _months(window)


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
