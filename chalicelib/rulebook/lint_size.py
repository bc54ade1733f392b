"""How large an account can grow under a rulebook.

The bound is the JSON of the account's state, as the ledger measures it before a write:

    bytes = base + stale + badges + 26 × lots + 44 × pending portions + 30 × runs + counters
    lots             = min(60, longest validity in months + 1 + min(12, refund grace in days + 1))
    pending portions = (days of waiting + 1) × different validities of the rules for orders, 0 without waiting
    runs             = make-up days ÷ 2 + 2
    counters         = Σ over metrics of: name + 8, and for each period kept: its key, 4, and the digits
    digits           = 14 for money, 9 for seconds and points, 6 for other counts, those of the cap where a rule has one
                       on its grants in that very period

Month ends make the lots, and at most twelve more come from points returned to expired lots, which live by the day.
Everything is at its largest at once: no member gets there. Beyond the limit the ledger refuses the write.
"""

from collections.abc import Iterator

from chalicelib.rulebook.findings import Finding, refuse
from chalicelib.rulebook.model import Rulebook

MAX_ACCOUNT_BYTES = 4096
# Status, dates, standing, nickname, avatar, consents, inviter and the remembered requests, all at their longest.
BASE_BYTES = 1250
MAX_LOTS, MAX_GRACE_LOTS = 60, 12
# Two lifetime counts of rules that are gone (engine/counters.py).
STALE_BYTES = 2 * 55
_LOT_BYTES, _PENDING_BYTES, _RUN_BYTES = 26, 44, 30
_KEY_BYTES = {"lifetime": 6, "day": 14, "week": 14}
_MONTH_KEY_BYTES = 9


def account_bytes(rulebook: Rulebook) -> int:
    """The bound of the page above."""
    expiry, pending = rulebook.expiry, rulebook.pending
    validities = {rule.valid_months or expiry.valid_months for rule in rulebook.earning} | {expiry.valid_months}
    lots = min(MAX_LOTS, max(validities) + 1 + min(MAX_GRACE_LOTS, expiry.refund_grace_days + 1))
    of_orders = {r.valid_months or expiry.valid_months for r in rulebook.earning if r.trigger == "order_paid"}
    portions = (pending.days + 1) * len(of_orders) if pending.mode == "days" else 0
    runs = rulebook.streak.make_up_within_days // 2 + 2
    badges = sum(len(badge.id) + 4 for badge in rulebook.badges)
    held = lots * _LOT_BYTES + portions * _PENDING_BYTES + runs * _RUN_BYTES
    capped: dict[tuple[str, str], int] = {}
    for rule in rulebook.earning:
        for cap in rule.caps:
            if cap.times is not None:
                capped[cap.metric(rule.id), "months:1" if cap.per == "month" else cap.per] = cap.times
    counters = sum(_counter_bytes(metric, windows, capped) for metric, windows in rulebook.windows.items())
    return BASE_BYTES + STALE_BYTES + badges + held + counters


def _counter_bytes(metric: str, windows: set[str], capped: dict[tuple[str, str], int]) -> int:
    digits = 6
    if metric.endswith(("_fen", "_seconds")) or metric.startswith("paid_"):
        digits = 14 if metric.endswith("_fen") else 9

    def entry(window: str, key_bytes: int) -> int:
        cap = capped.get((metric, window))
        return key_bytes + 4 + (len(str(cap)) if cap else digits)

    kept = sum(entry(window, _KEY_BYTES[window]) for window in windows if window in _KEY_BYTES)
    # The engine keeps as many months as the longest window reads.
    months = max((int(window[7:]) for window in windows if window.startswith("months:")), default=0)
    return len(metric) + 8 + kept + months * entry("months:1", _MONTH_KEY_BYTES)


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
