"""The bound of an account's size, against accounts filled to the brim."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.engine import points
from chalicelib.engine.account import Account, Profile, Standing, Streak
from chalicelib.ledger import book
from chalicelib.ledger.codec import account_item
from chalicelib.rulebook import lint_size
from chalicelib.rulebook.lint_size import MAX_ACCOUNT_BYTES, account_bytes
from chalicelib.rulebook.model import Rulebook, load
from chalicelib.rulebook.presets import NAMES, preset
from tests.unit.documents import changed, findings

TODAY = date(2026, 11, 24)
INSTANT = datetime(2026, 11, 24, 8, 0, 0, 123_000, tzinfo=UTC)


def periods(windows: set[str], digits: int) -> dict[str, int]:
    count = 10**digits - 1
    found = {"lifetime": "life", "day": f"d:{TODAY}", "week": f"w:{TODAY}"}
    months = max((int(window[7:]) for window in windows if window.startswith("months:")), default=0)
    kept = {found[window]: count for window in windows if window in found}
    return kept | {f"20{number:02d}-11": count for number in range(months)}


def digits(rulebook: Rulebook, metric: str) -> int:
    if metric.endswith("_fen"):
        return 14
    if metric.endswith("_seconds") or metric.startswith("paid_"):
        return 9
    times = next((c.times for r in rulebook.earning for c in r.caps if c.times and c.metric(r.id) == metric), None)
    return len(str(times)) if times else 6


def brimming(rulebook: Rulebook) -> Account:
    """Everything the rulebook lets an account hold, at its longest."""
    validities = {rule.valid_months or rulebook.expiry.valid_months for rule in rulebook.earning}
    lots = min(60, max(validities) + 1 + min(12, rulebook.expiry.refund_grace_days + 1))
    pending: dict[tuple[date, date], int] = {}
    if rulebook.pending.mode == "days":
        orders = {r.valid_months for r in rulebook.earning if r.trigger == "order_paid"}
        days = range(rulebook.pending.days + 1)
        pending = {
            (TODAY + timedelta(n), TODAY + timedelta(400 + k)): 10**9 - 1 for n in days for k, _ in enumerate(orders)
        }
    runs = tuple((TODAY, TODAY) for _ in range(rulebook.streak.make_up_within_days // 2 + 2))
    return Account(
        "m" * 26,
        status="frozen",
        joined_at=INSTANT,
        lots={TODAY + timedelta(n): 10**9 - 1 for n in range(lots)},
        pending=pending,
        debt=10**9,
        counters={m: periods(w, digits(rulebook, m)) for m, w in rulebook.windows.items()},
        standing=Standing(max((t.code for t in rulebook.tiers.levels), key=len), TODAY, TODAY),
        streak=Streak(runs, 31, "2026-11"),
        profile=Profile(
            "😀" * 32,
            "https://" + "a" * 292,
            "11-24",
            True,
            {"privacy_policy": f"{'1' * 16}@{TODAY}", "marketing": f"{'1' * 16}@{TODAY}"},
        ),
        badges=tuple(badge.id for badge in rulebook.badges),
        invited_by="i" * 64,
        tokens_from=INSTANT,
        requests={f"{number:012x}": ("f" * 8, 10**9 - 1) for number in range(book.REMEMBERED_REQUESTS)},
    )


def measured(account: Account) -> int:
    """As the ledger measures."""
    return len(json.dumps(account_item(account).state, ensure_ascii=False).encode())


WAITING: dict[str, Any] = {"pending": {"mode": "days", "days": 7}}
LASTING: dict[str, Any] = {"earning.11.valid_months": 24, "streak.make_up_within_days": 30}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("changes", [{}, WAITING, LASTING], ids=["as it is", "pending", "long"])
def test_the_bound_is_never_exceeded_and_not_far_above(name: str, changes: dict[str, Any]) -> None:
    rulebook = load(changed(changes, name))
    full = measured(brimming(rulebook))
    assert full <= account_bytes(rulebook) <= full + 300


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_leaves_room_for_more_rules(name: str) -> None:
    assert account_bytes(load(preset(name))) <= MAX_ACCOUNT_BYTES - 400


def test_a_cap_bounds_the_digits_of_its_own_period_only() -> None:
    """Once a day and ten thousand times in a life: the lifetime counter still has room for its five digits."""
    caps = [{"per": "lifetime", "times": 10_000}, {"per": "day", "times": 1}]
    one, both = (account_bytes(load(changed({"earning.9.caps": some}))) for some in (caps[1:], caps))
    assert both - one == len('"life": 10000, ')
    read = {"counter": {"metric": "rule_login", "window": "lifetime", "at_least": 1}}
    before, after = account_bytes(load(changed({}))), account_bytes(load(changed({"earning.9.when": read})))
    assert after - before == len('"life": 999999, ')


def test_the_limits_are_those_of_the_engine_and_the_ledger() -> None:
    assert lint_size.MAX_LOTS == points.MAX_LOTS
    assert lint_size.MAX_ACCOUNT_BYTES == book.MAX_ACCOUNT_BYTES


def test_a_rulebook_is_refused_exactly_when_its_bound_is_above_the_limit() -> None:
    seen = set()
    for days in range(1, 30):
        changes = {"pending": {"mode": "days", "days": days}}
        refused = "ACCOUNT_TOO_LARGE" in {finding.code for finding in findings(changes)}
        assert refused == (account_bytes(load(changed(changes))) > MAX_ACCOUNT_BYTES)
        seen.add(refused)
    assert seen == {False, True}


def test_a_longer_window_replaces_the_shorter_ones_of_its_metric() -> None:
    goals = "tiers.levels.2.retention.0.window"
    few, many = (account_bytes(load(changed({goals: f"months:{n}"}))) for n in (3, 12))
    both = account_bytes(load(changed({"tiers.levels.3.promotion.1": {
        "metric": "spend_fen", "window": "months:6", "at_least": 9_000_00, "name": {"zh": "消费", "en": "spend"},
    }})))  # fmt: skip
    assert few < many
    assert both == many
