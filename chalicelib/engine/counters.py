"""Counters: metric × window, the one language of caps, tasks, badges, tiers and retention.

Only the windows a rulebook uses are kept, and only as far back as they reach, so an account stays small.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType

from chalicelib.engine.account import Account
from chalicelib.rulebook.model import Rulebook
from chalicelib.shared.clock import add_months, week_start

# The ledger leaves room for them beyond the bound of the rulebook's linter.
MAX_STALE = 8

Counters = Mapping[str, Mapping[str, int]]


def add(counters: Counters, rulebook: Rulebook, metric: str, amount: int, on: date) -> Counters:
    """Counts `amount` (which may be negative: a refund undoes) on the business date `on`.

    A day, week or single month that has been replaced by a later one stays closed: what arrives late counts in the
    later one, so a cap cannot be evaded by reporting late, and what is undone late leaves the later one alone. Several
    months are kept as far back as the rulebook reads them, and each late count belongs to its own.
    """
    reach = rulebook.windows.get(metric)
    if not reach or amount == 0:
        return counters
    periods = dict(counters.get(metric, {}))
    if "lifetime" in reach:
        periods["life"] = max(0, periods.get("life", 0) + amount)
    months = max((int(w[7:]) for w in reach if w.startswith("months:")), default=0)
    for window, key in (("day", f"d:{on}"), ("week", f"w:{week_start(on)}"), ("months:1", f"{on:%Y-%m}")):
        if window in reach and (window != "months:1" or months == 1):
            _add_latest(periods, key, amount)
    _add_campaigns(periods, reach, amount, on)
    if months > 1:
        month = f"{on:%Y-%m}"
        periods[month] = max(0, periods.get(month, 0) + amount)
        newest = max(p for p in periods if p[:1].isdigit())
        oldest = f"{add_months(date.fromisoformat(newest + '-01'), 1 - months):%Y-%m}"
        periods = {p: n for p, n in periods.items() if not p[:1].isdigit() or p >= oldest}
    kept = MappingProxyType({p: n for p, n in periods.items() if n})
    return MappingProxyType({**{m: c for m, c in counters.items() if m != metric}, **({metric: kept} if kept else {})})


def pruned(counters: Counters, rulebook: Rulebook) -> Counters:
    """Without what the rulebook no longer reads. Of rules that are gone, the lifetime counts used last are kept: a rule
    that comes back (a roll-back) must not pay again what it pays once."""
    windows = rulebook.windows
    stale = [metric for metric in counters if metric not in windows]
    if not stale:
        return counters
    capped = [m for m in stale if m.startswith(("rule_", "paid_")) and "life" in counters[m]][-MAX_STALE:]
    kept = {m: ({"life": c["life"]} if m in capped else c) for m, c in counters.items() if m in windows or m in capped}
    return MappingProxyType(kept)


def _on_record(periods: Mapping[str, int], key: str) -> str:
    """The latest stored period of the key's kind (day, week or month); empty when there is none."""
    kind = _kind(key)
    return max((period for period in periods if _kind(period) == kind), default="")


def _kind(period: str) -> str:
    return "month" if period[:1].isdigit() else period[:2]


def _add_latest(periods: dict[str, int], key: str, amount: int) -> None:
    """Counts in a window of which only the latest period is kept."""
    stored = _on_record(periods, key)
    if amount < 0:
        if stored == key:
            periods[key] = max(0, periods[key] + amount)
    elif stored >= key:
        periods[stored] += amount
    else:
        periods.pop(stored, None)
        periods[key] = amount


def _add_campaigns(periods: dict[str, int], reach: Iterable[str], amount: int, on: date) -> None:
    """A campaign is known by its first day, so that moving its end takes nothing from anybody. One that the rulebook no
    longer has is forgotten."""
    ends: dict[date, date] = {}
    for starts_on, ends_on in (_dates(window) for window in reach if window.startswith("dates:")):
        ends[starts_on] = max(ends_on, ends.get(starts_on, ends_on))
    kept = {f"c:{starts_on}": _in_campaign(periods, starts_on) for starts_on in ends}
    for starts_on, ends_on in ends.items():
        if starts_on <= on <= ends_on:
            kept[f"c:{starts_on}"] = max(0, kept[f"c:{starts_on}"] + amount)
    for period in [period for period in periods if period[:2] == "c:"]:
        del periods[period]
    periods.update(kept)


def _dates(window: str) -> tuple[date, date]:
    """The first and last day of `dates:…:…`."""
    return date.fromisoformat(window[6:16]), date.fromisoformat(window[17:])


def _in_campaign(periods: Mapping[str, int], starts_on: date) -> int:
    """Accounts written before campaigns could be prolonged have the last day behind the first."""
    return max((count for period, count in periods.items() if period.startswith(f"c:{starts_on}")), default=0)


def read(counters: Counters, metric: str, window: str, today: date) -> int:
    """The count over the window that `today` is in. `months:N` is this month and the N − 1 before it."""
    periods = counters.get(metric, {})
    if window == "lifetime":
        return periods.get("life", 0)
    if window == "day":
        return periods.get(f"d:{today}", 0)
    if window == "week":
        return periods.get(f"w:{week_start(today)}", 0)
    if window.startswith("dates:"):
        return _in_campaign(periods, _dates(window)[0])
    first, last = f"{first_day(window, today):%Y-%m}", f"{today:%Y-%m}"
    return sum(n for period, n in periods.items() if period[:1].isdigit() and first <= period <= last)


def first_day(window: str, today: date) -> date:
    """The first day of a window that ends today: `day`, `week`, `month` or `months:N`."""
    if window in ("day", "week"):
        return today if window == "day" else week_start(today)
    return add_months(today.replace(day=1), 0 if window == "month" else 1 - int(window[7:]))


def read_capped(counters: Counters, metric: str, per: str, on: date) -> int:
    """Like `read`, but a late report is measured against the latest day, week or month on record (see `add`)."""
    if per == "lifetime":
        return read(counters, metric, per, on)
    periods = counters.get(metric, {})
    key = {"day": f"d:{on}", "week": f"w:{week_start(on)}", "month": f"{on:%Y-%m}"}[per]
    return periods.get(key if key in periods else max(_on_record(periods, key), key), 0)


def ever(account: Account, trigger: str) -> int:
    """How often the trigger happened in the member's life."""
    metric = {"order_paid": "orders", "check_in": "check_ins"}.get(trigger, trigger)
    return read(account.counters, metric, "lifetime", date.min)
