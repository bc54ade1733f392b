"""How large an account can grow under a rulebook.

The bound is measured, not estimated: the largest state an account can have is written down as the ledger stores it, and
its JSON is counted.

    lots             = min(60, longest validity in months + 1 + 1)
    pending portions = (days of waiting + 1) × different validities of the rules for orders, 0 without waiting
    runs             = make-up days ÷ 2 + 2
    noticed lots     = month ends within the earliest notice, + 1
    digits           = in a lifetime 9 for money in fen, 8 for seconds and points, 5 for other counts; in a month or
                       less 8, 7 and 3; fewer where a cap or a task bounds the counter in that very period; 7 for a lot
    standing         = being lost, a tier lent, and the longer of two histories: every step up, which refunds may undo,
                       or every step down and a promotion after them

Month ends make the lots, and one more comes from points returned to expired lots, which live by the day. All of it at
once: no member gets there (ten million yuan of spend, every avatar as long as it may be), and one who had both
histories has nothing like these numbers. Beyond the limit the ledger refuses the write.
"""

import json
from collections.abc import Iterator
from typing import Any

from chalicelib.rulebook.findings import Finding, refuse
from chalicelib.rulebook.metrics import most_in
from chalicelib.rulebook.model import Need, Rulebook

MAX_ACCOUNT_BYTES = 4096
MAX_LOTS, GRACE_LOTS, REMEMBERED_REQUESTS = 60, 1, 8
_DAY, _MONTH, _INSTANT = "2026-11-24", "2026-11", "2026-11-24T08:00:00.123Z"
# In a lifetime, and in a month or less. Seconds of a month have seven digits.
MONEY_DIGITS, AMOUNT_DIGITS, COUNT_DIGITS = (9, 8), (8, 7), (5, 3)
_POINTS, _COUNT, _PERCENT = 10**7 - 1, 10**5 - 1, 999


def account_bytes(rulebook: Rulebook) -> int:
    """The bound of the page above."""
    return _length(_state(rulebook))


def _state(rulebook: Rulebook) -> dict[str, Any]:
    """The largest state, key by key as the ledger's items have it."""
    expiry, pending, streak = rulebook.expiry, rulebook.pending, rulebook.streak
    validities = {rule.valid_months or expiry.valid_months for rule in rulebook.earning} | {expiry.valid_months}
    lots = min(MAX_LOTS, max(validities) + 1 + GRACE_LOTS)
    of_orders = {r.valid_months or expiry.valid_months for r in rulebook.earning if r.trigger == "order_paid"}
    portions = (pending.days + 1) * len(of_orders) if pending.mode == "days" else 0
    notices = {str(days): [_DAY, _POINTS] for days in expiry.notice_days}
    chances = [10**10 - 1, _COUNT, _COUNT, _DAY, _COUNT]
    noticed = min(lots, max(expiry.notice_days, default=0) // 28 + 1 + GRACE_LOTS) if notices else 0
    return {
        **_person(rulebook),
        "lots": {f"{_DAY[:6]}{number:04d}": _POINTS for number in range(lots)},
        "pending": [[_DAY, _DAY, _POINTS]] * portions,
        "counters": _counters(rulebook),
        "standing": _standing(rulebook),
        "runs": [[_DAY, _DAY]] * (streak.make_up_within_days // 2 + 2),
        "make_ups": [_MONTH, streak.make_ups_per_month],
        "badges": [badge.id for badge in rulebook.badges],
        "tasks": {
            task.id: ["life" if task.kind == "newcomer" else f"d:{_DAY}", "done"]
            for task in rulebook.tasks if task.goals
        },
        **({"chances": {lottery.code: chances for lottery in rulebook.lotteries}} if rulebook.lotteries else {}),
        "make_up_cards": _COUNT if any(task.make_up_cards for task in rulebook.tasks) else 0,
        "granted": {
            benefit.code: _MONTH
            for tier in rulebook.tiers.levels for benefit in tier.benefits if benefit.monthly or benefit.on_birthday
        },
        "noticed": {f"{_DAY[:6]}{number:04d}": notices for number in range(noticed)},
    }  # fmt: skip


def _person(rulebook: Rulebook) -> dict[str, Any]:
    """What hardly depends on the rulebook, at its longest."""
    names = ("privacy_policy", "marketing", *(("lottery",) if rulebook.lotteries else ()))
    return {
        "status": "frozen",
        "joined_at": _INSTANT,
        "nickname": "😀" * 32,
        "avatar_url": "a" * 300,
        "birthday": "11-24",
        "phone_bound": True,
        "consents": dict.fromkeys(names, f"{'1' * 16}@{_DAY}"),
        "invited_by": "i" * 64,
        "tokens_from": _INSTANT,
        "requests": {f"{number:012x}": ["f" * 8, _COUNT] for number in range(REMEMBERED_REQUESTS)},
    }


def _standing(rulebook: Rulebook) -> dict[str, Any]:
    """A tier on its way down, and behind it the longer of two histories: every step up, each of which a refund may
    undo, or every step down and one promotion after them."""
    levels = rulebook.tiers.levels
    goals = [goal for tier in levels for goal in (*tier.promotion, *tier.retention)]
    needed = {metric for goal in goals for need in goal.needs for metric in (need.metric, *need.plus)} | {"tasks"}
    names = sorted(metric for metric in needed if metric in rulebook.windows)
    counts = [10 ** _digits(m) - 1 if "lifetime" in rulebook.windows[m] else 0 for m in names]
    ways = [[[_spare(need, names) for need in goal.needs] for goal in tier.promotion] for tier in levels]
    first: dict[str, Any] = {"tier": levels[0].code, "since": _DAY, "seq": _COUNT}
    held = [first, *({**first, "tier": tier.code, "until": _DAY, "base": counts} for tier in levels[1:])]
    climbed = first
    for rank, standing in enumerate(held[1:], 1):
        climbed = {**standing, "earned": [climbed, ways[rank]]}
    lapses = [[tier.code, _DAY, _COUNT, counts] for tier in reversed(levels[1:])]
    fallen = {**first, "base": counts, "lapses": lapses}
    back = [
        {**standing, "lapses": lapses[:-rank], "earned": [fallen, ways[rank]]}
        for rank, standing in enumerate(held)
        if rank
    ]
    return {
        **max([climbed, *back], key=_length),
        "of": names,
        "stage": "warned",
        "warned": _DAY,
        "bonus": _PERCENT,
        "sprint": _DAY,
        "grace": _DAY,
        "extended": rulebook.tiers.retention.grace_extensions,
        "lent": [levels[-1].code, _DAY],
        "grown": [tier.code for tier in levels[1:]],
    }


def _spare(need: Need, names: list[str]) -> list[Any]:
    """What a promotion rests on: counted from a day, or from an entry."""
    since = [0, _COUNT] if need.window in ("lifetime", "period") else [_DAY, 0]
    return [[names.index(metric) for metric in (need.metric, *need.plus)], *since, 10 ** _digits(need.metric) - 1]


def _length(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _digits(metric: str, *, short: bool = False) -> int:
    """Digits of a counter in a lifetime, or in a month or less."""
    lifetime, month = COUNT_DIGITS
    if metric.endswith("_fen"):
        lifetime, month = MONEY_DIGITS
    elif metric.endswith("_seconds") or metric.startswith("paid_"):
        lifetime, month = AMOUNT_DIGITS
    return month if short else lifetime


def _counters(rulebook: Rulebook) -> dict[str, dict[str, int]]:
    """Every counter with every period that is kept of it."""
    capped: dict[tuple[str, str], int] = {
        (cap.metric(rule.id), "months:1" if cap.per == "month" else cap.per): cap.times
        for rule in rulebook.earning for cap in rule.caps if cap.times is not None
    }  # fmt: skip
    found = {}
    for metric, windows in rulebook.windows.items():
        most = {window: _most(rulebook, metric, window, capped) for window in {*windows, "months:1"}}
        kept = {_KEYS[window]: most[window] for window in windows if window in _KEYS}
        kept |= {f"c:{window[6:16]}": most[window] for window in windows if window.startswith("dates:")}
        # The engine keeps as many months as the longest window reads.
        months = max((int(window[7:]) for window in windows if window.startswith("months:")), default=0)
        found[metric] = kept | {f"2026-{number:02d}": most["months:1"] for number in range(months)}
    return found


def _most(rulebook: Rulebook, metric: str, window: str, capped: dict[tuple[str, str], int]) -> int:
    """The most a counter shows in a period: what caps and tasks allow, or what its digits do."""
    short = window in ("day", "week", "months:1")
    bound = capped.get((metric, window)) or (most_in(rulebook, metric, window) if short else None)
    largest = int("9" * _digits(metric, short=short))
    return min(bound, largest) if bound else largest


_KEYS = {"lifetime": "life", "day": f"d:{_DAY}", "week": f"w:{_DAY}"}


def size(rulebook: Rulebook) -> Iterator[Finding]:
    """Refuses a rulebook whose accounts could outgrow the ledger's limit."""
    found = account_bytes(rulebook)
    if found > MAX_ACCOUNT_BYTES:
        yield refuse(
            "ACCOUNT_TOO_LARGE",
            "",
            f"An account may grow to {found} bytes; the limit is {MAX_ACCOUNT_BYTES}. Read fewer counters or months.",
            f"账户最多可达 {found} 字节，超过上限 {MAX_ACCOUNT_BYTES}，请减少计数项或月数。",
        )
