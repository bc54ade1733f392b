"""Which rules an event meets and what they pay. Conditions, formulas, multipliers and caps of the rulebook, evaluated.

Rounding, everywhere: the exact value of one rule for one event, multipliers included, is rounded down once.
"""

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.engine import counters, points
from chalicelib.engine.account import Account
from chalicelib.engine.draft import Draft
from chalicelib.engine.events import Item
from chalicelib.rulebook.conditions import AmountRange, Condition, CounterRange, DateRange, TimeWindow
from chalicelib.rulebook.model import EarningRule, Multiplier, Rulebook


@dataclass(frozen=True)
class Situation:
    """What happened, as conditions see it. `streak_day` is the day of the streak's cycle, from 1."""

    trigger: str
    at: datetime
    on: date
    first_time: bool
    amount_fen: int = 0
    items: tuple[Item, ...] = ()
    seconds: int = 0
    streak_day: int = 0


@dataclass(frozen=True)
class Grant:
    """What one rule pays for one event."""

    rule: EarningRule
    points: int
    why: str
    why_zh: str


def yuan(fen: int) -> str:
    """Fen as yuan without needless zeros: 2933 → 29.33, 100 → 1."""
    whole, cents = divmod(fen, 100)
    return f"{whole}.{cents:02d}".rstrip("0").rstrip(".") if cents else str(whole)


def number(value: Fraction) -> str:
    """A fraction of a document's decimals as a decimal."""
    return f"{Decimal(value.numerator) / Decimal(value.denominator):f}"


def birthday_in(account: Account, year: int) -> date | None:
    """The member's birthday in that year: 29 February is kept on the 28th in other years. None when unknown."""
    born = account.profile.birthday
    if not born:
        return None
    month, day = int(born[:2]), int(born[3:])
    return date(year, month, min(day, monthrange(year, month)[1]))


def is_birthday(account: Account, on: date) -> bool:
    """Whether that day is the member's birthday."""
    return birthday_in(account, on.year) == on


def holds(condition: Condition | None, draft: Draft, what: Situation) -> bool:
    """Whether the condition is true of this situation. An absent condition is."""
    if condition is None:
        return True
    ((name, operand),) = condition.operands().items()
    return _LEAVES[name](operand, draft, what)


def _in_window(window: TimeWindow, draft: Draft, what: Situation) -> bool:
    local: time = what.at.astimezone(ZoneInfo(draft.rulebook.brand.time_zone)).time()
    if window.starts_at <= window.ends_at:
        return window.starts_at <= local < window.ends_at
    return local >= window.starts_at or local < window.ends_at


def _in_amount(amount: AmountRange, what: Situation) -> bool:
    top = amount.at_most_fen
    return amount.at_least_fen <= what.amount_fen and (top is None or what.amount_fen <= top)


def _in_dates(dates: DateRange, what: Situation) -> bool:
    return dates.starts_on <= what.on <= dates.ends_on


def _counted(wanted: CounterRange, draft: Draft, what: Situation) -> bool:
    return counters.read(draft.account.counters, wanted.metric, wanted.window, what.on) >= wanted.at_least


_LEAVES: dict[str, Callable[[Any, Draft, Situation], bool]] = {
    "all": lambda tree, draft, what: all(holds(child, draft, what) for child in tree),
    "any": lambda tree, draft, what: any(holds(child, draft, what) for child in tree),
    "not_": lambda tree, draft, what: not holds(tree, draft, what),
    "category": lambda names, _, what: any(item.category in names for item in what.items),
    "tier": lambda codes, draft, _: draft.tier in codes,
    "tag": lambda codes, draft, _: any(tag in codes for tag in draft.account.tags),
    "first_time": lambda wanted, _, what: what.first_time == wanted,
    "time_of_day": _in_window,
    "weekday": lambda days, _, what: what.on.isoweekday() in days,
    "day_of_month": lambda days, _, what: what.on.day in days,
    "dates": lambda dates, _, what: _in_dates(dates, what),
    "amount": lambda amount, _, what: _in_amount(amount, what),
    "member_day": lambda wanted, draft, what: draft.rulebook.member_day.includes(what.on) == wanted,
    "birthday": lambda wanted, draft, what: is_birthday(draft.account, what.on) == wanted,
    "counter": _counted,
    "seconds_at_least": lambda least, _, what: what.seconds >= least,
}


def multipliers(rule: EarningRule, draft: Draft, what: Situation) -> list[tuple[Multiplier, Fraction]]:
    """The factors that apply: the highest of each group, in the document's order."""
    best: dict[str, tuple[Multiplier, Fraction]] = {}
    if rule.multiplied:
        for multiplier in draft.rulebook.multipliers:
            if what.trigger in multiplier.triggers and holds(multiplier.when, draft, what):
                factor = multiplier.factor_for(draft.tier)
                if multiplier.group not in best or factor > best[multiplier.group][1]:
                    best[multiplier.group] = (multiplier, factor)
    return [(multiplier, factor) for multiplier, factor in best.values() if factor != 1]


def category_rate(rule: EarningRule, category: str) -> Fraction:
    """Points per yuan for an item of that category."""
    return Fraction(rule.points.category_rates.get(category, rule.points.per_yuan or "0"))


def weighted_fen(rule: EarningRule, what: Situation) -> Fraction:
    """Σ amount × rate in fen; money that no item accounts for counts at the plain rate."""
    listed = sum(item.amount_fen for item in what.items)
    total = category_rate(rule, "") * (what.amount_fen - listed)
    return total + sum((category_rate(rule, item.category) * item.amount_fen for item in what.items), Fraction(0))


def _base(rule: EarningRule, draft: Draft, what: Situation) -> tuple[Fraction, str, str]:
    """The formula's value before multipliers, with its arithmetic in English and Chinese."""
    formula, name = rule.points, rule.name
    if formula.per_yuan is not None:
        value = weighted_fen(rule, what) / 100
        rates = {item.category: category_rate(rule, item.category) for item in what.items}
        if len({*rates.values(), category_rate(rule, "")}) > 1:
            return (
                value,
                f"{name.en}: {yuan(what.amount_fen)} yuan at category rates = {number(value)}",
                (f"{name.zh}：消费 {yuan(what.amount_fen)} 元按品类计 {number(value)}"),
            )
        rate = formula.per_yuan
        return (
            value,
            f"{name.en}: {yuan(what.amount_fen)} yuan × {rate}",
            f"{name.zh}：{yuan(what.amount_fen)} 元 × {rate}",
        )
    if formula.by_streak_day is not None:
        day = max(what.streak_day, 1)
        amount = formula.by_streak_day[min(day, len(formula.by_streak_day)) - 1]
        return Fraction(amount), f"{name.en}, day {day}: {amount}", f"{name.zh}第 {day} 天：{amount}"
    if formula.by_tier is not None:
        amount = formula.by_tier.get(draft.tier, 0)
        tier = draft.rulebook.tier(draft.tier).name
        return Fraction(amount), f"{name.en} ({tier.en}): {amount}", f"{name.zh}（{tier.zh}）：{amount}"
    return Fraction(formula.fixed or 0), f"{name.en}: {formula.fixed}", f"{name.zh}：{formula.fixed}"


def _room(rule: EarningRule, wanted: int, draft: Draft, on: date) -> int:
    """How much of `wanted` the rule's caps leave."""
    for cap in rule.caps:
        used = counters.read_capped(draft.account.counters, cap.metric(rule.id), cap.per, on)
        if cap.times is not None:
            wanted = wanted if used < cap.times else 0
        else:
            wanted = min(wanted, max(0, (cap.points or 0) - used))
    return wanted


def evaluate(rule: EarningRule, draft: Draft, what: Situation) -> Grant | None:
    """What the rule pays for this situation; None when it does not apply. A cap that bites is said in the line."""
    if rule.trigger != what.trigger or not holds(rule.when, draft, what):
        return None
    value, why, why_zh = _base(rule, draft, what)
    for multiplier, factor in multipliers(rule, draft, what):
        value *= factor
        why += f" × {number(factor)} ({multiplier.name.en})"
        why_zh += f" × {number(factor)}（{multiplier.name.zh}）"
    wanted = int(value)  # fractions are never negative here, so this rounds down
    paid = _room(rule, wanted, draft, what.on)
    if value != wanted or " × " in why:
        why, why_zh = f"{why} = {wanted}", f"{why_zh} = {wanted}"
    if paid < wanted:
        why, why_zh = f"{why}, capped at {paid}", f"{why_zh}，已达上限，计 {paid}"
    return Grant(rule, paid, why, why_zh)


def earn(draft: Draft, what: Situation) -> list[Grant]:
    """Every grant the rulebook makes for this situation, each rule's caps counted as it goes."""
    grants = []
    for rule in draft.rulebook.earning:
        grant = evaluate(rule, draft, what)
        if grant is None:
            continue
        grants.append(grant)
        if grant.points:
            draft.count(f"rule_{rule.id}", 1, what.on)
            draft.count(f"paid_{rule.id}", grant.points, what.on)
    return grants


def pay(draft: Draft, what: Situation) -> None:
    """Grants at once what the rulebook pays for this situation, one line a rule."""
    for grant in earn(draft, what):
        draft.say(grant.rule.id, grant.points, grant.why, grant.why_zh)
        if grant.points:
            until = points.expires_on(draft.today, draft.rulebook.expiry, grant.rule.valid_months)
            draft.grant(until, grant.points)


def purchase_rule(rulebook: Rulebook) -> EarningRule | None:
    """The first rule that pays by the yuan: its rates decide how points follow refunded money."""
    return next((r for r in rulebook.earning if r.trigger == "order_paid" and r.points.per_yuan is not None), None)
