"""Earning rules, multipliers and behaviours: what contradicts itself, never pays, or trusts a phone too much."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

from chalicelib.rulebook.conditions import Condition
from chalicelib.rulebook.findings import Finding, refuse, warn
from chalicelib.rulebook.lint_caps import caps
from chalicelib.rulebook.metrics import CAPABILITY_METRICS, known_metrics, leaves, most_in, own_metrics
from chalicelib.rulebook.model import EarningRule, Multiplier, Rulebook

TRIGGERS = frozenset({"joined", "order_paid", "check_in", "profile_completed"})
UNITS = ("_fen", "_seconds")


def rules(rulebook: Rulebook) -> Iterator[Finding]:
    """Every finding about the earning rules."""
    for number, rule in enumerate(rulebook.earning):
        path = f"earning.{number}"
        yield from _formula(rulebook, rule, path)
        yield from _trust(rulebook, rule, path)
        yield from caps(rule, path)
        yield from conditions(rulebook, rule.when, {rule.trigger}, f"{path}.when")
    yield from _generosity(rulebook)


def _formula(rulebook: Rulebook, rule: EarningRule, path: str) -> Iterator[Finding]:
    formula = rule.points
    rates = [formula.per_yuan or "0", *formula.category_rates.values()]
    if formula.most() == 0 or (formula.most() is None and not any(map(Fraction, rates))):
        yield warn("PAYS_NOTHING", path, "This rule never pays.", "该规则不会发放积分。")
    limit = rulebook.limits.max_points_per_entry
    if (formula.most() or 0) > limit:
        message = f"One grant is above the limit of {limit} for an entry: it would always be refused."
        yield refuse("GRANT_ABOVE_LIMIT", f"{path}.points", message, f"单次发放超过每笔上限 {limit}，将始终被拒绝。")
    if formula.by_streak_day is not None:
        if rule.trigger != "check_in":
            message = "by_streak_day belongs to check_in."
            yield refuse("STREAK_ELSEWHERE", path, message, "连续签到积分只能用于签到。")
        if len(formula.by_streak_day) > rulebook.streak.cycle_days:
            message = "Days after the end of the cycle are never reached."
            yield warn("STREAK_TABLE_TOO_LONG", f"{path}.points.by_streak_day", message, "超出签到周期的天数不会达到。")
    if formula.per_yuan is not None and rule.trigger != "order_paid":
        yield refuse("MONEY_ELSEWHERE", path, "per_yuan belongs to order_paid.", "按金额计分只能用于订单。")
    if formula.by_tier is not None:
        missing = [tier for tier in rulebook.tiers.levels if tier.code not in formula.by_tier]
        for tier in missing:
            message, message_zh = (
                f"{tier.name.en} gets nothing from this rule.",
                f"{tier.name.zh}不会从该规则获得积分。",
            )
            yield warn("TIER_LEFT_OUT", f"{path}.points.by_tier", message, message_zh)
    if rule.multiplied and not any(rule.trigger in m.triggers for m in rulebook.multipliers):
        yield warn("NEVER_MULTIPLIED", f"{path}.multiplied", "No multiplier has this trigger.", "没有适用的积分倍率。")


def _trust(rulebook: Rulebook, rule: EarningRule, path: str) -> Iterator[Finding]:
    """What a phone can repeat at will needs a limit: one cap a day, or a single grant in a longer period."""
    behaviour = rulebook.behaviour(rule.trigger)
    if behaviour is not None and behaviour.reported_by != "merchant":
        if not any(cap.per == "day" or cap.times == 1 for cap in rule.caps):
            yield refuse(
                "UNCAPPED_CLIENT_RULE",
                f"{path}.caps",
                "What phones report may only be paid under a daily cap.",
                "客户端上报的行为必须设置每日上限。",
            )
    elif rule.trigger == "profile_completed" and not any(cap.per == "lifetime" for cap in rule.caps):
        message = "A profile can be emptied and completed again: cap this rule for life."
        yield refuse("UNCAPPED_PROFILE_RULE", f"{path}.caps", message, "资料可反复清空再完善，必须设置终身上限。")


def _generosity(rulebook: Rulebook) -> Iterator[Finding]:
    """Points worth as much as was paid: money would only change its name."""
    best: dict[str, Fraction] = {}
    for multiplier in rulebook.multipliers:
        if "order_paid" in multiplier.triggers:
            best[multiplier.group] = max(best.get(multiplier.group, Fraction(1)), *_factors(rulebook, multiplier))
    factor = Fraction(1)
    for highest in best.values():
        factor *= highest
    for number, rule in enumerate(rulebook.earning):
        if rule.points.per_yuan is None:
            continue
        rate = max(Fraction(r) for r in (rule.points.per_yuan, *rule.points.category_rates.values()))
        if rate * (factor if rule.multiplied else 1) >= rulebook.points_per_yuan_value:
            message = "At best this pays points worth as much as the order."
            yield warn("EARNS_WHAT_WAS_PAID", f"earning.{number}.points", message, "最高可得积分的价值不低于消费金额。")


def _factors(rulebook: Rulebook, multiplier: Multiplier) -> list[Fraction]:
    return [multiplier.factor_for(tier.code) for tier in rulebook.tiers.levels]


def conditions(rulebook: Rulebook, tree: Condition | None, triggers: Iterable[str], path: str) -> Iterator[Finding]:
    """Leaves that name what does not exist, or that can never be true for these triggers."""
    tiers, known = {tier.code for tier in rulebook.tiers.levels}, known_metrics(rulebook)
    for place, leaf in leaves(tree, path):
        for code in leaf.tier or ():
            if code not in tiers:
                yield refuse("UNKNOWN_TIER", place, f"There is no tier {code}.", f"没有等级 {code}。")
        if leaf.counter is not None:
            counter = leaf.counter
            bound = most_in(rulebook, counter.metric, counter.window)
            if counter.metric not in known:
                message, message_zh = f"Nothing grows {counter.metric}.", f"没有任何行为会增加计数 {counter.metric}。"
                yield refuse("UNKNOWN_METRIC", place, message, message_zh)
            elif bound is not None and counter.at_least > bound:
                message, message_zh = f"{counter.metric} never exceeds {bound}.", f"{counter.metric} 不会超过 {bound}。"
                yield warn("NEVER_TRUE", place, message, message_zh)
        problem = _never_true(rulebook, leaf, set(triggers))
        if problem:
            yield warn("NEVER_TRUE", place, problem[1], problem[0])


def _never_true(rulebook: Rulebook, leaf: Condition, triggers: set[str]) -> tuple[str, str] | None:
    """Why a leaf can never be true, Chinese and English."""
    if (leaf.category is not None or leaf.amount is not None) and "order_paid" not in triggers:
        return "品类与金额条件只适用于订单。", "Only orders have categories and an amount."
    top = leaf.amount.at_most_fen if leaf.amount is not None else None
    if leaf.amount is not None and top is not None and top < leaf.amount.at_least_fen:
        return "金额下限高于上限。", "at_least_fen is above at_most_fen."
    if leaf.time_of_day is not None and leaf.time_of_day.starts_at == leaf.time_of_day.ends_at:
        return "时段为空。", "The time window is empty."
    if leaf.seconds_at_least is not None:
        timed = [b.max_seconds for b in rulebook.behaviours if b.code in triggers and b.counts_seconds]
        if leaf.seconds_at_least > max(timed, default=0):
            return "该行为不会达到这个时长。", "The behaviour never lasts that long."
    if leaf.first_time and triggers == {"task"}:
        return "任务没有首次之分。", "A task is not done for a first time."
    if leaf.first_time is False and triggers <= {"joined", "profile_completed"}:
        return "注册与完善资料总是首次。", "Joining and completing a profile are always the first time."
    return None


def multipliers(rulebook: Rulebook) -> Iterator[Finding]:
    """Every finding about the multipliers."""
    known = TRIGGERS | {behaviour.code for behaviour in rulebook.behaviours}
    multiplied = {rule.trigger for rule in rulebook.earning if rule.multiplied}
    found = list(enumerate(rulebook.multipliers))
    for number, multiplier in found:
        path = f"multipliers.{number}"
        for trigger in multiplier.triggers:
            if trigger not in known:
                yield refuse(
                    "UNKNOWN_TRIGGER", f"{path}.triggers", f"No trigger {trigger}.", f"没有触发条件 {trigger}。"
                )
        if not multiplied & set(multiplier.triggers):
            yield warn("MULTIPLIER_IDLE", path, "No multiplied rule has its triggers.", "没有规则适用该倍率。")
        if not any(_factors(rulebook, multiplier)):
            yield warn("MULTIPLIER_ZERO", path, "It takes every point away.", "该倍率会使积分归零。")
        yield from conditions(rulebook, multiplier.when, multiplier.triggers, f"{path}.when")
        for other, rival in found:
            if other != number and _shadows(rulebook, rival, multiplier, earlier=other < number):
                message, message_zh = f"{rival.id} always wins over it.", f"总是被 {rival.id} 覆盖，不会生效。"
                yield warn("MULTIPLIER_SHADOWED", path, message, message_zh)
            if other < number and _stacks(rival, multiplier):
                message = f"Its tier factors multiply those of {rival.id}; one group would take the higher."
                yield warn("MULTIPLIERS_STACK", path, message, f"与 {rival.id} 的等级倍率会相乘；同组则取最高。")


def redemption(rulebook: Rulebook) -> Iterator[Finding]:
    """What the member day's prices say of tiers there are not."""
    for code in rulebook.redemption.member_day_factors:
        if code not in rulebook.ranks:
            place = f"redemption.member_day_factors.{code}"
            yield refuse("UNKNOWN_TIER", place, f"There is no tier {code}.", f"没有等级 {code}。")


def _shadows(rulebook: Rulebook, rival: Multiplier, multiplier: Multiplier, *, earlier: bool) -> bool:
    if rival.group != multiplier.group or not set(multiplier.triggers) <= set(rival.triggers):
        return False
    if rival.when is not None and rival.when != multiplier.when:
        return False
    pairs = list(zip(_factors(rulebook, rival), _factors(rulebook, multiplier), strict=True))
    # Of two equal ones the earlier is the one that counts.
    return all(a >= b for a, b in pairs) and (earlier or any(a > b for a, b in pairs))


def _stacks(one: Multiplier, other: Multiplier) -> bool:
    both = one.by_tier is not None and other.by_tier is not None
    return both and one.group != other.group and bool(set(one.triggers) & set(other.triggers))


def behaviours(rulebook: Rulebook) -> Iterator[Finding]:
    """Every finding about the behaviours: names that collide with what the engine counts by itself."""
    own = own_metrics(rulebook)
    for number, behaviour in enumerate(rulebook.behaviours):
        path = f"behaviours.{number}"
        if behaviour.code in TRIGGERS | own | CAPABILITY_METRICS or behaviour.code.endswith(UNITS):
            message, message_zh = f"{behaviour.code} is the engine's own word.", f"{behaviour.code} 是系统保留名称。"
            yield refuse("RESERVED_NAME", f"{path}.code", message, message_zh)
        # A merchant may count finished tasks and qualified invites; a phone may not.
        reserved = own if behaviour.reported_by == "merchant" else own | CAPABILITY_METRICS
        for index, metric in enumerate(behaviour.metrics):
            place = f"{path}.metrics.{index}"
            # Names that end in a unit are amounts; a behaviour would add times to them.
            if metric in reserved or metric.endswith(UNITS):
                message, message_zh = f"This behaviour may not count {metric}.", f"该行为不得计入 {metric}。"
                yield refuse("RESERVED_NAME", place, message, message_zh)
            if metric == behaviour.code or metric in behaviour.metrics[:index]:
                message, message_zh = f"{metric} would be counted twice.", f"{metric} 会被重复计数。"
                yield refuse("COUNTED_TWICE", place, message, message_zh)
