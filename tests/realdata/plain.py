"""What a member's orders are worth by the retail preset, worked out the plain way.

Written from the rules in words and from nothing else: no code of the engine or the rulebook is used, and numbers are
repeated here on purpose, so that a mistake would have to be made twice.

Joining 100. A purchase 1 point a yuan, times the factor of the tier held at that moment, rounded down; on the 15th of
the month another factor takes its place. The first order 100 more. Points last 12 months and to the end of that month.
Then the tier: the highest one of which a threshold is reached, if it is above the present one, for twelve months.
Lots and tiers whose day has passed stay until the scheduled jobs take them, as always. Nothing else pays for orders.
"""

from calendar import monthrange
from collections.abc import Iterable
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
MAX_LOTS = 60


@dataclass(frozen=True)
class Order:
    """One order of the file. `customer` is the file's own name for the member."""

    customer: str
    paid_at: datetime
    amount_fen: int


@dataclass
class Result:
    """What must stand in the account. Dates are ISO text; `counters` has the two metrics that orders count."""

    balance: int
    lots: dict[str, int]
    standing: list[str | None]
    counters: dict[str, dict[str, int]] = field(default_factory=dict)
    seq: int = 1


def months_later(day: date, months: int) -> date:
    """The same day of a later (or earlier) month, or that month's last."""
    month = day.year * 12 + day.month - 1 + months
    year, month = month // 12, month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def lot_date(day: date) -> str:
    """The last day of points earned on `day`."""
    later = months_later(day, 12)
    return later.replace(day=monthrange(later.year, later.month)[1]).isoformat()


def points_of(amount_fen: int, day: date, tier: str, first: bool) -> int:
    """What an order earns."""
    tenths = (MEMBER_DAY_FACTORS if day.day == MEMBER_DAY else FACTORS)[tier]
    return amount_fen * tenths // 1000 + (100 if first else 0)


def result(orders: Iterable[Order], joined_on: date) -> Result:
    """The account of one member after these orders, oldest first."""
    days: list[tuple[date, int]] = []
    lots = {lot_date(joined_on): 100}
    tier, since, until = "normal", joined_on, None
    for order in orders:
        day = order.paid_at.astimezone(SHANGHAI).date()
        points = points_of(order.amount_fen, day, tier, not days)
        if points:
            lots[lot_date(day)] = lots.get(lot_date(day), 0) + points
        if len(lots) > MAX_LOTS:
            first, second = sorted(lots)[:2]
            lots[second] += lots.pop(first)
        days.append((day, order.amount_fen))
        reached = highest(days, day)
        if TIERS.index(reached) > TIERS.index(tier):
            tier, since, until = reached, day, months_later(day, 12)
    standing = [tier, since.isoformat(), until.isoformat() if until else None]
    return Result(sum(lots.values()), lots, standing, counters(days), 1 + len(days))


def highest(days: list[tuple[date, int]], today: date) -> str:
    """The highest tier whose threshold is reached: by lifetime spend, or orders in this month and the two before."""
    spent = sum(fen for _, fen in days)
    first_month = months_later(today, -2).replace(day=1)
    recent = sum(1 for day, _ in days if first_month <= day <= today)
    reached = [tier for tier in TIERS[1:] if spent >= LIFETIME_FEN[tier] or recent >= ORDERS_IN_3_MONTHS[tier]]
    return reached[-1] if reached else "normal"


def counters(days: list[tuple[date, int]]) -> dict[str, dict[str, int]]:
    """Spend: lifetime, twelve months, the last week. Orders: lifetime, three months, the last day."""
    found = {
        "spend_fen": _counter([(day, fen) for day, fen in days if fen], 12, "w"),
        "orders": _counter([(day, 1) for day, _ in days], 3, "d"),
    }
    return {metric: periods for metric, periods in found.items() if periods}


def _counter(amounts: list[tuple[date, int]], months: int, kind: str) -> dict[str, int]:
    if not amounts:
        return {}
    newest = max(day for day, _ in amounts)
    oldest = months_later(newest.replace(day=1), 1 - months)
    found = {"life": sum(amount for _, amount in amounts)}

    def start(day: date) -> date:
        return day - timedelta(days=day.weekday()) if kind == "w" else day

    for day, amount in amounts:
        if day >= oldest:
            found[f"{day:%Y-%m}"] = found.get(f"{day:%Y-%m}", 0) + amount
        if start(day) == start(newest):
            found[f"{kind}:{start(day)}"] = found.get(f"{kind}:{start(day)}", 0) + amount
    return found


def differences(document: dict[str, Any]) -> list[str]:
    """Where a published document has other numbers than this file; the check is of no use then."""
    tenths = {
        multiplier["id"]: {tier: int(float(factor) * 10) for tier, factor in multiplier["by_tier"].items()}
        for multiplier in document["multipliers"]
        if multiplier.get("by_tier")
    }
    rules = {(rule["trigger"], _pays(rule["points"])) for rule in document["earning"]}
    goals = {
        tier["code"]: {(goal["metric"], goal["window"]): goal["at_least"] for goal in tier["promotion"]}
        for tier in document["tiers"]["levels"][1:]
    }
    same = {
        "tier factors": tenths.get("tier") == FACTORS,
        "member-day factors": tenths.get("member_day") == MEMBER_DAY_FACTORS,
        "other factors": all(multiplier["group"] in ("tier", "birthday") for multiplier in document["multipliers"]),
        "joining": ("joined", ("fixed", "100")) in rules,
        "orders": {pays for trigger, pays in rules if trigger == "order_paid"} == {("per_yuan", "1"), ("fixed", "100")},
        "spend": {tier: found.get(("spend_fen", "lifetime")) for tier, found in goals.items()} == LIFETIME_FEN,
        "order counts": {tier: g.get(("orders", "months:3")) for tier, g in goals.items()} == ORDERS_IN_3_MONTHS,
        "tier months": document["tiers"].get("held_months") == 12,
        "member day": document["member_day"].get("days_of_month") == [MEMBER_DAY],
        "expiry": document["expiry"].get("valid_months") == 12,
        "pending": document["pending"].get("mode") == "none",
        "time zone": document["brand"].get("time_zone") == str(SHANGHAI),
    }
    return [name for name, right in same.items() if not right]


def _pays(points: dict[str, Any]) -> tuple[str, str]:
    name = "per_yuan" if points.get("per_yuan") is not None else "fixed"
    return name, str(points.get(name))
