"""What a member's orders are worth by the retail preset, worked out the plain way.

Written from the rules in words and from nothing else: no code of the engine or the rulebook is used, and numbers are
repeated here on purpose, so that a mistake would have to be made twice.

Joining 100. A purchase 1 point a yuan, times the factor of the tier held at that moment, rounded down; on the 15th of
the month another factor takes its place. The first order 100 more. Then the tasks that orders can do: 300 yuan in a
week 200, once a week; an order on the 15th 500, once that day. Then the tier: the highest one of which a threshold is
reached, if it is above the present one, for twelve months, and 500 for the promotion, however many steps it is. Tiers
are never lost here, so each is gained at most once. Points last 12 months and to the end of that month.

A week or day that a later one has followed stays closed: an order that comes late counts in the later one. Lots and
tiers whose day has passed stay until the scheduled jobs take them, as always. Nothing else pays for orders: the
newcomer and daily tasks want more than orders, and so does every badge.
"""

from calendar import monthrange
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
TIERS = ("normal", "silver", "gold", "diamond")
# In tenths.
FACTORS = {"normal": 10, "silver": 15, "gold": 20, "diamond": 30}
MEMBER_DAY_FACTORS = {"normal": 15, "silver": 30, "gold": 40, "diamond": 60}
MEMBER_DAY = 15
LIFETIME_FEN = {"silver": 500_00, "gold": 2_000_00, "diamond": 10_000_00}
ORDERS_IN_3_MONTHS = {"silver": 3, "gold": 10, "diamond": 25}
# What is counted as orders on the way to a tier: elsewhere, the newcomer tasks help to silver.
COUNTED_AS_ORDERS = {"silver": "orders+newcomer_uses", "gold": "orders", "diamond": "orders"}
JOINING, FIRST_ORDER = 100, 100
WEEKLY_FEN, WEEKLY, MEMBER_DAY_TASK, PROMOTION = 300_00, 200, 500, 500
MAX_LOTS = 60

Amounts = Sequence[tuple[date, int]]
"""A day and what is counted on it, in the order of arrival."""


@dataclass(frozen=True)
class Order:
    """One order of the file. `customer` is the file's own name for the member."""

    customer: str
    paid_at: datetime
    amount_fen: int


@dataclass
class Result:
    """What must stand in the account. Dates are ISO text. `points` are those of each entry, the first of joining;
    `standing`: tier, since, until, seq (the entry it began with), base (lifetime counts then), grown (tiers reached or
    passed so far) and earned: the standing `before`, and of each goal that was reached what is `spare` (metric, since,
    after entry, left); `tasks`: the period each was last done in."""

    lots: dict[str, int]
    standing: dict[str, Any]
    points: list[int] = field(default_factory=lambda: [JOINING])
    counters: dict[str, dict[str, int]] = field(default_factory=dict)
    tasks: dict[str, list[str]] = field(default_factory=dict)

    @property
    def balance(self) -> int:
        """Nothing is ever spent."""
        return sum(self.points)

    @property
    def seq(self) -> int:
        """The last entry's number."""
        return len(self.points)


def months_later(day: date, months: int) -> date:
    """The same day of a later (or earlier) month, or that month's last."""
    month = day.year * 12 + day.month - 1 + months
    year, month = month // 12, month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def lot_date(day: date) -> str:
    """The last day of points earned on `day`."""
    later = months_later(day, 12)
    return later.replace(day=monthrange(later.year, later.month)[1]).isoformat()


def monday(day: date) -> date:
    """The first day of its week."""
    return day - timedelta(days=day.weekday())


def points_of(amount_fen: int, day: date, tier: str, first: bool) -> int:
    """What an order earns."""
    tenths = (MEMBER_DAY_FACTORS if day.day == MEMBER_DAY else FACTORS)[tier]
    return amount_fen * tenths // 1000 + (FIRST_ORDER if first else 0)


def result(orders: Iterable[Order], joined_on: date) -> Result:
    """The account of one member after these orders, in the order they arrive, each decided as of its payment."""
    found = Result({lot_date(joined_on): JOINING}, {"tier": "normal", "since": joined_on.isoformat(), "seq": 1})
    days: list[tuple[date, int]] = []
    done = 0
    for order in orders:
        day = order.paid_at.astimezone(SHANGHAI).date()
        points = points_of(order.amount_fen, day, found.standing["tier"], not days)
        days.append((day, order.amount_fen))
        for reward in newly_done(found.tasks, days, day):
            points, done = points + reward, done + 1
        tier = highest(days, day)
        if TIERS.index(tier) > TIERS.index(found.standing["tier"]):
            found.standing = standing(tier, days, day, done, found.standing)
            points, done = points + PROMOTION, done + 1
        found.points.append(points)
        keep(found.lots, lot_date(day), points)
    found.counters = counters(days, done)
    return found


def keep(lots: dict[str, int], day: str, points: int) -> None:
    """Adds to a lot; when there are too many, the earliest joins the next."""
    if points:
        lots[day] = lots.get(day, 0) + points
    if len(lots) > MAX_LOTS:
        first, second = sorted(lots)[:2]
        lots[second] += lots.pop(first)


def newly_done(tasks: dict[str, list[str]], days: Amounts, today: date) -> list[int]:
    """What the tasks pay that the last order completes; `tasks` remembers the period."""
    week, spent = latest([(day, fen) for day, fen in days if fen], monday)
    rewards = []
    if week == monday(today) and spent >= WEEKLY_FEN and tasks.get("weekly") != [f"w:{week}", "done"]:
        tasks["weekly"] = [f"w:{week}", "done"]
        rewards.append(WEEKLY)
    newest = max(day for day, _ in days)
    if today == newest and today.day == MEMBER_DAY and tasks.get("member_day") != [f"d:{today}", "done"]:
        tasks["member_day"] = [f"d:{today}", "done"]
        rewards.append(MEMBER_DAY_TASK)
    return rewards


def latest(amounts: Amounts, start: Callable[[date], date]) -> tuple[date, int]:
    """The latest period there is (by its first day) and its count, with what arrived late since it began."""
    newest, total = date.min, 0
    for day, amount in amounts:
        if start(day) > newest:
            newest, total = start(day), 0
        total += amount
    return newest, total


def orders_in_3_months(days: Amounts, today: date) -> tuple[date, int]:
    """The first day of this month and the two before, and the orders in them. Months too old to be kept are closed."""
    months = [day.replace(day=1) for day, _ in days]
    this_month = today.replace(day=1)
    first, kept_from = months_later(this_month, -2), months_later(max(months), -2)
    return first, sum(1 for month in months if max(first, kept_from) <= month <= this_month)


def spare(tier: str, days: Amounts, today: date) -> list[list[Any]]:
    """Each threshold of the tier that is reached, lifetime spend or orders in three months, and what is to spare."""
    spent = sum(fen for _, fen in days) - LIFETIME_FEN[tier]
    since, recent = orders_in_3_months(days, today)
    recent -= ORDERS_IN_3_MONTHS[tier]
    ways: list[list[Any]] = [["spend_fen", "", 0, spent], [COUNTED_AS_ORDERS[tier], since.isoformat(), 0, recent]]
    return [way for way in ways if way[-1] >= 0]


def highest(days: Amounts, today: date) -> str:
    """The highest tier of which a threshold is reached."""
    return next((tier for tier in reversed(TIERS[1:]) if spare(tier, days, today)), "normal")


def standing(tier: str, days: Amounts, today: date, done: int, before: dict[str, Any]) -> dict[str, Any]:
    """The standing that a promotion by the last order begins, after so many tasks."""
    base = {"spend_fen": sum(fen for _, fen in days), "orders": len(days), "tasks": done}
    return {
        "tier": tier,
        "since": today.isoformat(),
        "until": months_later(today, 12).isoformat(),
        "seq": 1 + len(days),
        "base": {metric: count for metric, count in base.items() if count},
        "grown": list(TIERS[1 : TIERS.index(tier) + 1]),
        "earned": {
            "before": {name: value for name, value in before.items() if name != "grown"},
            "spare": spare(tier, days, today),
        },
    }


def counters(days: Amounts, done: int) -> dict[str, dict[str, int]]:
    """Spend: lifetime, the last week. Orders: lifetime, three months, the last day. Tasks: lifetime."""
    paid = [(day, fen) for day, fen in days if fen]
    found: dict[str, dict[str, int]] = {}
    if paid:
        week, spent = latest(paid, monday)
        found["spend_fen"] = {"life": sum(fen for _, fen in paid), f"w:{week}": spent}
    if days:
        newest, count = latest([(day, 1) for day, _ in days], lambda day: day)
        found["orders"] = {"life": len(days), f"d:{newest}": count}
        kept_from = months_later(newest, -2).replace(day=1)
        for day, _ in days:
            if day >= kept_from:
                found["orders"][f"{day:%Y-%m}"] = found["orders"].get(f"{day:%Y-%m}", 0) + 1
    if done:
        found["tasks"] = {"life": done}
    return found


# What the document must say wherever orders can reach, without words and what is at its default.
ORDER_RULES = [
    {"trigger": "order_paid", "points": {"per_yuan": "1"}, "multiplied": True},
    {"trigger": "order_paid", "when": {"first_time": True}, "points": {"fixed": FIRST_ORDER}},
]
TASKS = [
    {
        "id": "weekly",
        "kind": "weekly",
        "goals": [{"metric": "spend_fen", "window": "week", "at_least": WEEKLY_FEN}],
        "points": WEEKLY,
    },
    {"id": "growth", "kind": "growth", "points": PROMOTION},
    {
        "id": "member_day",
        "kind": "exclusive",
        "goals": [{"metric": "orders", "window": "day", "at_least": 1}],
        "points": MEMBER_DAY_TASK,
    },
]
MOVED_BY_ORDERS = {"spend_fen", "orders", "tasks"}


def differences(document: dict[str, Any]) -> list[str]:
    """Where a published document has other numbers than this file; the check is of no use then."""
    tenths = {
        multiplier["id"]: {tier: int(float(factor) * 10) for tier, factor in multiplier["by_tier"].items()}
        for multiplier in document["multipliers"]
        if multiplier.get("by_tier")
    }
    rules = [_bare(rule, {"id", "category_rates"}) for rule in document["earning"]]
    tasks = [task for task in document["tasks"] if all(map(_by_orders, task.get("goals", [])))]
    badges = [badge for badge in document["badges"] if badge.get("goal") and _by_orders(badge["goal"])]
    same = {
        "tier factors": tenths.get("tier") == FACTORS,
        "member-day factors": tenths.get("member_day") == MEMBER_DAY_FACTORS,
        "other factors": all(multiplier["group"] in ("tier", "birthday") for multiplier in document["multipliers"]),
        "joining": {"trigger": "joined", "points": {"fixed": JOINING}} in rules,
        "orders": [rule for rule in rules if rule["trigger"] == "order_paid"] == ORDER_RULES,
        "thresholds": {tier["code"]: _thresholds(tier) for tier in document["tiers"]["levels"]} == _expected(),
        "tasks": [_bare(task) for task in tasks] == TASKS,
        "badges": not badges,
        "tier months": document["tiers"].get("held_months") == 12,
        "member day": document["member_day"].get("days_of_month") == [MEMBER_DAY],
        "expiry": document["expiry"].get("valid_months") == 12,
        "pending": document["pending"].get("mode") == "none",
        "time zone": document["brand"].get("time_zone") == str(SHANGHAI),
    }
    return [name for name, right in same.items() if not right]


def _bare(part: Any, but: Iterable[str] = ()) -> Any:
    """A part of a document without words, `but`, and what is at its default."""
    if isinstance(part, list):
        return [_bare(each, but) for each in part]
    if not isinstance(part, dict):
        return part
    default = {("window", "lifetime"), ("claim", "auto")}
    kept = {name: value for name, value in part.items() if value and name not in ("name", *but)}
    return {n: _bare(v, but) for n, v in kept.items() if not isinstance(v, str) or (n, v) not in default}


def _by_orders(goal: dict[str, Any]) -> bool:
    """Whether orders alone can reach it."""
    needs = [goal, *goal.get("also", ())]
    return all({need["metric"], *need.get("plus", ())} & MOVED_BY_ORDERS for need in needs)


def _thresholds(tier: dict[str, Any]) -> list[dict[str, Any]]:
    return [_bare(goal) for goal in tier.get("promotion", ()) if _by_orders(goal)]


def _expected() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {"normal": []}
    for tier in TIERS[1:]:
        metric, *plus = COUNTED_AS_ORDERS[tier].split("+")
        orders = {"metric": metric, "plus": plus, "window": "months:3", "at_least": ORDERS_IN_3_MONTHS[tier]}
        spend = {"metric": "spend_fen", "at_least": LIFETIME_FEN[tier]}
        found[tier] = [spend, _bare(orders)]
    return found
