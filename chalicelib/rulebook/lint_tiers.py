"""Tiers: what nobody can reach, and what is easier above than below."""

from collections.abc import Iterator

from chalicelib.rulebook.findings import Finding, refuse, warn
from chalicelib.rulebook.lint_goals import counted, goal, out_of_reach, placed
from chalicelib.rulebook.metrics import sources, within
from chalicelib.rulebook.model import Need, Rulebook, Threshold, Tier


def tiers(rulebook: Rulebook) -> Iterator[Finding]:
    """Every finding about how tiers are reached, and whether keeping one is easier than that."""
    levels = rulebook.tiers.levels
    for number, tier in enumerate(levels):
        path = f"tiers.levels.{number}"
        for kind, goals in (("promotion", tier.promotion), ("retention", tier.retention)):
            for index, threshold in enumerate(goals):
                yield from goal(rulebook, threshold, f"{path}.{kind}.{index}")
                yield from _unlimited(rulebook, threshold, f"{path}.{kind}.{index}")
        if number == 0:
            continue
        if all(out_of_reach(rulebook, threshold) for threshold in tier.promotion):
            message = f"Nothing a member can do leads to {tier.name.en}."
            yield refuse("UNREACHABLE_TIER", f"{path}.promotion", message, f"没有任何行为能升级到{tier.name.zh}。")
        yield from _easier_above(levels[:number], tier, path)
        yield from _skipped(levels[number + 1 :], tier, path)
        yield from _retention(rulebook, tier, path)


def _unlimited(rulebook: Rulebook, threshold: Threshold, path: str) -> Iterator[Finding]:
    """A phone repeats what it likes: without a daily limit a script climbs the tiers in a minute."""
    growers = sources(rulebook)
    for place, need in placed(threshold, path):
        for where, metric in counted(need, place):
            for behaviour in growers.get(metric, ()):
                if behaviour.reported_by != "merchant" and metric not in behaviour.limits:
                    limit = "seconds_per_day" if metric == f"{behaviour.code}_seconds" else "counted_per_day"
                    message = f"Phones report {behaviour.code} as often as they like; give it {limit}."
                    message_zh = f"客户端可无限上报{behaviour.name.zh}并累计升级，请设置 {limit}。"
                    yield warn("UNLIMITED_CLIENT_METRIC", where, message, message_zh)


def _covers(harder: Need, easier: Need) -> bool:
    """Whether whoever reaches the one has reached the other: as much, of nothing else, in no more time."""
    counted = {harder.metric, *harder.plus} <= {easier.metric, *easier.plus}
    return counted and harder.at_least >= easier.at_least and within(harder.window, easier.window)


def _implies(harder: Threshold, easier: Threshold) -> bool:
    return all(any(_covers(need, wanted) for need in harder.needs) for wanted in easier.needs)


def _easier_above(below: tuple[Tier, ...], tier: Tier, path: str) -> Iterator[Finding]:
    for index, threshold in enumerate(tier.promotion):
        lower = next((t for t in reversed(below) if any(_implies(g, threshold) for g in t.promotion)), None)
        if lower:
            message = f"Reaching {lower.name.en} reaches this tier too."
            message_zh = f"达到{lower.name.zh}即可达到该等级，门槛不高于下级。"
            yield refuse("EASIER_ABOVE", f"{path}.promotion.{index}", message, message_zh)
        elif any(_asks_less(threshold, goal) for t in below for goal in t.promotion):
            message, message_zh = "A tier below asks for more of the same.", "下级等级对同一计数的要求更高。"
            yield warn("LESS_ABOVE", f"{path}.promotion.{index}", message, message_zh)


def _asks_less(upper: Threshold, lower: Threshold) -> bool:
    """Whether every need asks for less of what the lower tier asks for, if in less time: one payment may reach both."""
    return all(
        any({need.metric, *need.plus} >= {other.metric, *other.plus} and need.at_least < other.at_least
            for other in lower.needs)
        for need in upper.needs
    )  # fmt: skip


def _skipped(above: tuple[Tier, ...], tier: Tier, path: str) -> Iterator[Finding]:
    higher = [threshold for upper in above for threshold in upper.promotion]
    if all(any(_implies(threshold, other) for other in higher) for threshold in tier.promotion):
        message = f"Whoever reaches {tier.name.en} is promoted past it at once."
        yield refuse("TIER_SKIPPED", f"{path}.promotion", message, f"达到{tier.name.zh}的会员会立即升到更高等级。")


def _retention(rulebook: Rulebook, tier: Tier, path: str) -> Iterator[Finding]:
    if not tier.retention and rulebook.tiers.retention_percent_of_promotion is None:
        message = "Nothing says how this tier is kept."
        yield warn("NO_RETENTION", f"{path}.retention", message, f"{tier.name.zh}没有保级条件。")
    for index, kept in enumerate(tier.retention):
        if any(_implies(kept, reached) and _more(kept, reached) for reached in tier.promotion):
            message = f"Keeping {tier.name.en} asks for more than reaching it."
            yield refuse("RETENTION_HARDER", f"{path}.retention.{index}", message, "保级条件高于升级条件。")


def _more(kept: Threshold, reached: Threshold) -> bool:
    return any(_covers(need, wanted) and need.at_least > wanted.at_least
               for need in kept.needs for wanted in reached.needs)  # fmt: skip
