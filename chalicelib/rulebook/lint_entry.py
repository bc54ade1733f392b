"""How large an entry can grow under a rulebook: every name of it may stand in an entry, in both languages.

As with accounts, the largest is written down as the ledger stores it and its JSON is counted: an action that meets
every rule of its trigger, is multiplied by the longest names, completes every task, climbs every tier and earns every
badge; or a scheduled run that grants a year of monthly benefits at once. No member gets there. What names do not decide
has `FIXED_BYTES`: an order's own facts, the moves of 60 lots, a few refunds that came before their payment.
"""

import json
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from chalicelib.rulebook.findings import Finding, refuse
from chalicelib.rulebook.model import Benefit, EarningRule, Rulebook, Task, Words

MAX_ENTRY_BYTES = 16 * 1024
FIXED_BYTES = 4096
MISSED_MONTHS = 12
# The longest an amount, a number of points and a factor are written, and a date.
_AMOUNT, _POINTS, _FACTOR, _DAY = "9" * 20, "9" * 13, "999999.9999", "2026-11-24"
_NOBODY = Words(zh="无", en="-")


def entry_bytes(rulebook: Rulebook) -> int:
    """The bound of the page above."""
    consequences = _consequences(rulebook)
    triggers = {rule.trigger for rule in rulebook.earning} | {behaviour.code for behaviour in rulebook.behaviours}
    actions = [_earned(rulebook, trigger) + consequences for trigger in sorted(triggers)]
    granted = [_granted(rulebook, tier.benefits) for tier in rulebook.tiers.levels]
    return FIXED_BYTES + max([consequences, *actions, *granted])


def _line(rule: str, why: str, why_zh: str) -> int:
    """One line of an entry."""
    return _bytes([rule, int(_POINTS), why, why_zh])


def _bytes(value: Any) -> int:
    """A value with the comma behind it."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) + 1


# What repays debt has a line of its own, whoever earned it.
_REPAID = _line("debt_repaid", f"{_POINTS} of these points repaid debt", f"其中 {_POINTS} 分用于偿还欠分")


def _earned(rulebook: Rulebook, trigger: str) -> int:
    """What the rules of a trigger say. An order's points are granted by their validity, all others rule by rule."""
    behaviour = rulebook.behaviour(trigger)
    name = behaviour.name if behaviour else _NOBODY
    rules = [rule for rule in rulebook.earning if rule.trigger == trigger]
    grants = len({rule.valid_months for rule in rules}) if trigger == "order_paid" else len(rules)
    said = _line(trigger, f"{name.en}: beyond what counts in a day", f"{name.zh}：超出每日计数上限的部分不计入")
    return said + grants * _REPAID + sum(_line(rule.id, *_paid(rulebook, rule)) for rule in rules) + _rates(rules)


def _rates(rules: list[EarningRule]) -> int:
    """Those of an order's categories are facts of its entry: of the first rule that has any."""
    return max(
        (_bytes({c: str(Fraction(r)) for c, r in rule.points.category_rates.items()}) for rule in rules), default=0
    )


def _paid(rulebook: Rulebook, rule: EarningRule) -> tuple[str, str]:
    """One rule's line with all its arithmetic, English and Chinese."""
    formula, en, zh = rule.points, rule.name.en, rule.name.zh
    if formula.per_yuan is not None:
        en, zh = f"{en}: {_AMOUNT} yuan at category rates = {_AMOUNT}", f"{zh}：消费 {_AMOUNT} 元按品类计 {_AMOUNT}"
    elif formula.by_tier is not None:
        tier = max((rulebook.tier(code).name for code in formula.by_tier), key=_length, default=_NOBODY)
        en, zh = f"{en} ({tier.en}): {formula.most()}", f"{zh}（{tier.zh}）：{formula.most()}"
    elif formula.by_streak_day is not None:
        days = len(formula.by_streak_day)
        en, zh = f"{en}, day {days}: {formula.most()}", f"{zh}第 {days} 天：{formula.most()}"
    else:
        en, zh = f"{en}: {formula.fixed}", f"{zh}：{formula.fixed}"
    for name in _multipliers(rulebook, rule):
        en, zh = f"{en} × {_FACTOR} ({name.en})", f"{zh} × {_FACTOR}（{name.zh}）"
    if rule.multiplied or formula.per_yuan is not None:
        en, zh = f"{en} = {_POINTS}", f"{zh} = {_POINTS}"
    if rule.caps:
        en, zh = f"{en}, capped at {_POINTS}", f"{zh}，已达上限，计 {_POINTS}"
    if rule.trigger == "order_paid" and rulebook.pending.mode == "days":
        en, zh = f"{en}, pending until {_DAY}", f"{zh}，{_DAY} 入账"
    return en, zh


def _multipliers(rulebook: Rulebook, rule: EarningRule) -> list[Words]:
    """The longest name of each group that may multiply the rule."""
    longest: dict[str, Words] = {}
    for multiplier in rulebook.multipliers:
        if rule.multiplied and rule.trigger in multiplier.triggers:
            longest[multiplier.group] = max(longest.get(multiplier.group, _NOBODY), multiplier.name, key=_length)
    return list(longest.values())


def _length(words: Words) -> int:
    return len(f"{words.zh}{words.en}".encode())


def _consequences(rulebook: Rulebook) -> int:
    """Everything done, reached and earned at once: see the engine's `advance`."""
    above = rulebook.tiers.levels[1:]
    total = 0
    for task in rulebook.tasks:
        total += _task(rulebook, task) * (len(above) if task.kind == "growth" else 1)
    for badge in rulebook.badges:
        title = badge.title or Words(zh=" ", en=" ")
        en, zh = f"Badge: {badge.name.en}, title {title.en}", f"获得勋章：{badge.name.zh}，获得称号“{title.zh}”"
        total += _line(badge.id, en, zh) + _bytes(badge.id)
    for tier in above:
        en, zh = f"Promoted to {tier.name.en}, held until {_DAY}", f"升级为{tier.name.zh}，有效期至 {_DAY}"
        total += _line("tier_promotion", en, zh)
    # Kept, brought back, or undone by a refund: with at most two names.
    one, other = sorted((tier.name for tier in rulebook.tiers.levels), key=_length)[-2:]
    total += _line(
        "tier_reinstated", f"The refund undoes the promotion to {one.en}: {other.en} again, {_DAY}",
        f"退款后不再满足{one.zh}的升级条件，恢复为{other.zh}，{_DAY}",
    )  # fmt: skip
    extended = _line("grace_extended", f"Grace extended until {_DAY}", f"保级宽限期延长至 {_DAY}")
    return total + extended * rulebook.tiers.retention.grace_extensions


def _task(rulebook: Rulebook, task: Task) -> int:
    """Its reward, its cards, its place among the facts; or that it waits for the tap."""
    en, zh = task.name.en, task.name.zh
    done = _line(task.id, f"{en}: 1000000 × {_FACTOR} (sprint) = {_POINTS}",
                 f"{zh}：1000000 × {_FACTOR}（保级冲刺）= {_POINTS}")  # fmt: skip
    cards = _line(task.id, "31 make-up cards", "补签卡 31 张") if task.make_up_cards else 0
    own = done + cards + _bytes(task.id) + _REPAID
    return own + _chances(rulebook, task) + _coupon(rulebook, task.coupon, task.id)


def _chances(rulebook: Rulebook, task: Task) -> int:
    """A line and a fact for each lottery it gives chances of."""
    names = {lottery.code: lottery.name for lottery in rulebook.lotteries if lottery.code in task.chances}
    return sum(
        _line(code, f"100 chances: {name.en}", f"抽奖机会 100 次：{name.zh}") + _bytes({code: 100})
        for code, name in names.items()
    )


def _coupon(rulebook: Rulebook, code: object, of: str) -> int:
    """A coupon's line and its fact, of whatever grants it; its withdrawal is a fact of another entry."""
    definition = rulebook.coupons.definition(code) if isinstance(code, str) else None
    if definition is None:
        return 0
    line = _line(of, f"Coupon: {definition.name.en}", f"优惠券：{definition.name.zh}")
    return line + _bytes({"coupon": code, "quantity": 99, "of": f"benefit#{of}", "since": 10**9})


def _granted(rulebook: Rulebook, benefits: tuple[Benefit, ...]) -> int:
    """A year of a tier's monthly benefits and one birthday, in the entry of a run that comes late."""
    total = 0
    for benefit in benefits:
        times = MISSED_MONTHS if benefit.monthly else int(benefit.on_birthday)
        count = max(benefit.monthly, 1)
        line = _line(benefit.code, f"{benefit.name.en} × {count} for {_DAY[:7]}",
                     f"发放{benefit.name.zh} × {count}（{_DAY[:7]}）")  # fmt: skip
        facts = {"benefit": benefit.code, "period": _DAY[:7], "quantity": count, "value": benefit.value}
        total += (line + _bytes(facts) + _coupon(rulebook, benefit.value.get("coupon"), benefit.code)) * times
    return total


def entry(rulebook: Rulebook) -> Iterator[Finding]:
    """Refuses a rulebook under which an entry could outgrow the ledger's limit."""
    found = entry_bytes(rulebook)
    if found > MAX_ENTRY_BYTES:
        message = (
            f"An entry may grow to {found} bytes; the limit is {MAX_ENTRY_BYTES}. Have shorter names or fewer rules."
        )
        message_zh = f"单笔明细最多可达 {found} 字节，超过上限 {MAX_ENTRY_BYTES}，请缩短名称或减少规则。"
        yield refuse("ENTRY_TOO_LARGE", "", message, message_zh)
