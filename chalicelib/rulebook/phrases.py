"""The small phrases every sentence of the rules is made of, in Chinese and English."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from chalicelib.rulebook.conditions import Condition
from chalicelib.rulebook.metrics import sources
from chalicelib.rulebook.model import Need, Rulebook, Words

Pair = tuple[str, str]

PERIODS = {
    "day": ("每天", "a day"),
    "week": ("每周", "a week"),
    "month": ("每月", "a month"),
    "lifetime": ("每位会员", "per member"),
}

_WEEKDAYS = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
_WEEKDAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WINDOWS = {
    "day": ("当天", "in a day"),
    "week": ("本周", "in a week"),
    "month": ("本月", "in a month"),
    "months:1": ("本月", "in a month"),
    "lifetime": ("累计", "in total"),
    "period": ("有效期内", "within the period"),
    "dates": ("活动期间", "during the campaign"),
}
_METRICS = {
    "spend_fen": ("消费", "spend"),
    "orders": ("订单", "orders"),
    "check_ins": ("签到", "check-ins"),
    "profile_completed": ("完善资料", "completed profiles"),
    "tasks": ("完成任务", "completed tasks"),
    "redemptions": ("兑换", "redemptions"),
    "qualified_invites": ("成功邀请", "qualified invites"),
}


@dataclass(frozen=True)
class Item:
    """One sentence; `rule` is the id of what it describes."""

    rule: str
    zh: str
    en: str


def sentence(rule: str, name: Words, parts: Iterable[Pair]) -> Item:
    """Name, colon, clauses."""
    clauses = list(parts)
    zh = f"{name.zh}：{'；'.join(c[0] for c in clauses)}。"
    en = f"{name.en}: {'; '.join(c[1] for c in clauses)}."
    return Item(rule, zh, en[0].upper() + en[1:])


def decimal(value: Fraction) -> str:
    """A fraction of decimals without needless zeros: 49/5 → 9.8."""
    return f"{float(value):.6f}".rstrip("0").rstrip(".")


def money(fen: int) -> str:
    """Fen as yuan without needless zeros: 5000 → 50, 2950 → 29.5."""
    whole, cents = divmod(fen, 100)
    return f"{whole}.{cents:02d}".rstrip("0") if cents else str(whole)


def plural(count: int, unit: str) -> str:
    """English: 1 month, 2 months."""
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def duration(seconds: int) -> Pair:
    """In the largest unit that says it exactly."""
    for size, zh, en in ((3600, "小时", "hour"), (60, "分钟", "minute")):
        if seconds % size == 0:
            return f"{seconds // size} {zh}", plural(seconds // size, en)
    return f"{seconds} 秒", plural(seconds, "second")


def times(count: int) -> str:
    """English: once, twice, 3 times."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def window(code: str) -> Pair:
    """A window of counting."""
    return _WINDOWS.get(code) or (f"近 {code[7:]} 个月", f"in the last {code[7:]} months")


def points(rulebook: Rulebook, amount: object) -> Pair:
    """So many points, by the brand's name for them."""
    name = rulebook.brand.points_name
    return f"{amount} {name.zh}", f"{amount} {name.en.removesuffix('s') if str(amount) == '1' else name.en}"


def _measure(rulebook: Rulebook, metric: str, value: int) -> Pair | None:
    """A quantity in its metric's unit; None when the metric counts times."""
    if metric.endswith("_fen"):
        return f"{money(value)} 元", f"{money(value)} yuan"
    if metric.endswith("_seconds"):
        return duration(value)
    return points(rulebook, value) if any(metric == f"paid_{rule.id}" for rule in rulebook.earning) else None


def metric_name(rulebook: Rulebook, metric: str) -> Pair:
    """What members call a counter: the behaviours that grow it, when the engine does not count it by itself."""
    if metric in _METRICS:
        return _METRICS[metric]
    names = [behaviour.name for behaviour in sources(rulebook).get(metric, ())]
    names += [rule.name for rule in rulebook.earning if metric in (f"rule_{rule.id}", f"paid_{rule.id}")]
    names += [task.name for task in rulebook.tasks if metric in task.credits]
    return "、".join(n.zh for n in names) or metric, " or ".join(n.en for n in names) or metric


def counted(rulebook: Rulebook, name: Pair, metric: str, over: str, at_least: int) -> Pair:
    """A counter that reaches a number: 近 3 个月订单满 3 笔."""
    when, when_en = window(over)
    # Some documents say the window in the name too.
    subject = name[0] if name[0].startswith(when) else when + name[0]
    measure = _measure(rulebook, metric, at_least)
    if measure:
        return f"{subject}满 {measure[0]}", f"{name[1]} of at least {measure[1]} {when_en}"
    unit = "笔" if metric == "orders" else "次"
    return f"{subject}满 {at_least} {unit}", f"{at_least} or more {name[1]} {when_en}"


def goal(rulebook: Rulebook, need: Need, over: str = "") -> Pair:
    """A need as a clause, with what is added to its own counter. `over`: the window, when it is not the need's own."""
    told = counted(rulebook, (need.name.zh, need.name.en), need.metric, over or need.window, need.at_least)
    added = [metric_name(rulebook, metric) for metric in need.plus]
    if not added:
        return told
    return (
        f"{told[0]}（含{'、'.join(a[0] for a in added)}）",
        f"{told[1]} ({' and '.join(a[1] for a in added)} included)",
    )


def category(rulebook: Rulebook, code: str) -> Pair:
    """What members call a category."""
    name = rulebook.category_names.get(code)
    return (name.zh, name.en) if name else (code, code)


def condition(rulebook: Rulebook, tree: Condition) -> Pair:
    """The condition as a clause."""
    if tree.all is not None:
        return _joined(rulebook, tree.all, "且", " and ")
    if tree.any is not None:
        return _joined(rulebook, tree.any, "或", " or ")
    if tree.not_ is not None:
        zh, en = condition(rulebook, tree.not_)
        return f"不满足“{zh}”", f"not ({en})"
    return _dates(tree) or _person(rulebook, tree) or _order(rulebook, tree) or _quantity(rulebook, tree)


def _joined(rulebook: Rulebook, trees: tuple[Condition, ...], zh: str, en: str) -> Pair:
    clauses = [condition(rulebook, tree) for tree in trees]
    if len(clauses) == 1:
        return clauses[0]
    return f"（{zh.join(c[0] for c in clauses)}）", f"({en.join(c[1] for c in clauses)})"


def _dates(tree: Condition) -> Pair | None:
    if tree.weekday is not None:
        days = sorted(set(tree.weekday))
        return "、".join(_WEEKDAYS[d - 1] for d in days), "on " + " or ".join(_WEEKDAYS_EN[d - 1] for d in days)
    if tree.day_of_month is not None:
        numbers = sorted(set(tree.day_of_month))
        return f"每月 {'、'.join(map(str, numbers))} 日", f"on day {' or '.join(map(str, numbers))} of the month"
    if tree.dates is not None:
        start, end = tree.dates.starts_on, tree.dates.ends_on
        return f"{start} 至 {end}", f"from {start} to {end}"
    if tree.time_of_day is not None:
        start_at, end_at = tree.time_of_day.starts_at, tree.time_of_day.ends_at
        late = end_at < start_at
        return (
            f"{start_at:%H:%M} 至{'次日' if late else ''} {end_at:%H:%M}",
            f"from {start_at:%H:%M} to {end_at:%H:%M}{' the next day' if late else ''}",
        )
    if tree.member_day is not None:
        return ("会员日", "on member day") if tree.member_day else ("非会员日", "not on member day")
    if tree.birthday is not None:
        return ("生日当天", "on the birthday") if tree.birthday else ("非生日当天", "not on the birthday")
    return None


def _person(rulebook: Rulebook, tree: Condition) -> Pair | None:
    if tree.tier is not None:
        names = [rulebook.tier(code).name for code in tree.tier]
        return f"等级为{'、'.join(n.zh for n in names)}", f"for tier {' or '.join(n.en for n in names)}"
    if tree.tag is not None:
        return f"带有标签 {'、'.join(tree.tag)}", f"for members tagged {' or '.join(tree.tag)}"
    if tree.first_time is not None:
        return ("首次", "the first time") if tree.first_time else ("非首次", "not the first time")
    return None


def _order(rulebook: Rulebook, tree: Condition) -> Pair | None:
    if tree.category is not None:
        names = [category(rulebook, code) for code in tree.category]
        return f"订单含{'、'.join(n[0] for n in names)}", f"with an item of {' or '.join(n[1] for n in names)}"
    if tree.amount is None:
        return None
    low, top = tree.amount.at_least_fen, tree.amount.at_most_fen
    bounds = [(f"满 {money(low)} 元", f"at least {money(low)} yuan")] if low or top is None else []
    if top is not None:
        bounds.append((f"不超过 {money(top)} 元", f"at most {money(top)} yuan"))
    return f"订单{'且'.join(b[0] for b in bounds)}", f"for an order of {' and '.join(b[1] for b in bounds)}"


def _quantity(rulebook: Rulebook, tree: Condition) -> Pair:
    if tree.counter is not None:
        counter = tree.counter
        name = metric_name(rulebook, counter.metric)
        zh, en = counted(rulebook, name, counter.metric, counter.window, counter.at_least)
        return zh, f"with {en}"
    zh, en = duration(tree.seconds_at_least or 0)
    return f"单次满 {zh}", f"for at least {en} at a time"


def missing(rulebook: Rulebook, metric: str, left: int, name: Words) -> Pair:
    """What is still to be done: 再消费 800 元 / 800 yuan (of spend, which goes without saying)."""
    measured = _measure(rulebook, metric, left)
    if measured:
        return f"再{name.zh} {measured[0]}", measured[1] if metric == "spend_fen" else f"{measured[1]} of {name.en}"
    return f"再有 {left} 次{name.zh}", f"{left} more {name.en}"
