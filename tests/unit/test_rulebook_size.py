"""The bound of an account's size, against accounts filled to the brim."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib.engine import points
from chalicelib.engine.account import Account, Earned, Lapse, Notice, Profile, Spare, Standing, Streak, Temporary
from chalicelib.ledger import book
from chalicelib.ledger.codec import account_item
from chalicelib.ledger.items import text_of
from chalicelib.rulebook import lint_size
from chalicelib.rulebook.lint_size import MAX_ACCOUNT_BYTES, account_bytes
from chalicelib.rulebook.metrics import most_in
from chalicelib.rulebook.model import Need, Rulebook, Tier, load
from chalicelib.rulebook.presets import NAMES, preset
from tests.unit.documents import changed, findings, goal, task

TODAY = date(2026, 11, 24)
INSTANT = datetime(2026, 11, 24, 8, 0, 0, 123_000, tzinfo=UTC)


# Digits in a lifetime, and in a month or less.
DIGITS = {"_fen": (9, 8), "_seconds": (8, 7), "": (5, 3)}
POINTS, COUNT = 10**7 - 1, 10**5 - 1


def most(rulebook: Rulebook, metric: str, window: str) -> int:
    """A counter at its largest in a period."""
    short = window in ("day", "week", "months:1")
    every = [(rule, cap) for rule in rulebook.earning for cap in rule.caps]
    caps = {(c.metric(r.id), "months:1" if c.per == "month" else c.per): c.times for r, c in every}
    unit = "_seconds" if metric.startswith("paid_") else next(unit for unit in DIGITS if metric.endswith(unit))
    bound = caps.get((metric, window)) or (most_in(rulebook, metric, window) if short else None) or 10**18
    return min(bound, 10 ** DIGITS[unit][short] - 1)


def periods(rulebook: Rulebook, metric: str) -> dict[str, int]:
    windows = rulebook.windows[metric]
    keys = {"lifetime": "life", "day": f"d:{TODAY}", "week": f"w:{TODAY}"}
    keys |= {window: f"c:{window[6:16]}" for window in windows if window.startswith("dates:")}
    months = max((int(window[7:]) for window in windows if window.startswith("months:")), default=0)
    kept = {keys[window]: most(rulebook, metric, window) for window in windows if window in keys}
    return kept | {f"20{number:02d}-11": most(rulebook, metric, "months:1") for number in range(months)}


def spares(rulebook: Rulebook, tier: Tier) -> tuple[tuple[Spare, ...], ...]:
    def spare(need: Need) -> Spare:
        windowed, left = need.window not in ("lifetime", "period"), most(rulebook, need.metric, "lifetime")
        return Spare((need.metric, *need.plus), TODAY if windowed else date.min, 0 if windowed else COUNT, left)

    return tuple(tuple(map(spare, goal.needs)) for goal in tier.promotion)


def histories(rulebook: Rulebook) -> list[Standing]:
    """Every step up; and every step down with one promotion after them, to each tier."""
    levels = rulebook.tiers.levels
    needs = [need for tier in levels for goal in (*tier.promotion, *tier.retention) for need in goal.needs]
    metrics = {metric for need in needs for metric in (need.metric, *need.plus)} | {"tasks"}
    base = {m: most(rulebook, m, "lifetime") for m in metrics if "lifetime" in rulebook.windows.get(m, ())}
    climbed = Standing(levels[0].code, TODAY, seq=COUNT)
    lapses = tuple(Lapse(tier.code, TODAY, base, COUNT) for tier in reversed(levels[1:]))
    fallen = climbed.with_(base=base, lapses=lapses)
    back = []
    for rank, tier in enumerate(levels[1:], 1):
        held = Standing(tier.code, TODAY, TODAY, COUNT, base)
        climbed = held.with_(earned=Earned(climbed, spares(rulebook, tier)))
        back.append(held.with_(lapses=lapses[:-rank], earned=Earned(fallen, spares(rulebook, tier))))
    ending = {
        "stage": "warned", "warned_on": TODAY, "bonus": 999, "sprint_on": TODAY, "grace_until": TODAY,
        "grown": tuple(tier.code for tier in levels[1:]),
        "extensions": rulebook.tiers.retention.grace_extensions, "temporary": Temporary(levels[-1].code, TODAY),
    }  # fmt: skip
    return [standing.with_(**ending) for standing in (climbed, *back)]


def brimming(rulebook: Rulebook, standing: Standing) -> Account:
    """Everything the rulebook lets an account hold, at its longest."""
    validities = {rule.valid_months or rulebook.expiry.valid_months for rule in rulebook.earning}
    lots = min(60, max(validities) + 1 + 1)
    pending: dict[tuple[date, date], int] = {}
    if rulebook.pending.mode == "days":
        orders = {r.valid_months for r in rulebook.earning if r.trigger == "order_paid"}
        days = range(rulebook.pending.days + 1)
        pending = {
            (TODAY + timedelta(n), TODAY + timedelta(400 + k)): POINTS for n in days for k, _ in enumerate(orders)
        }
    runs = tuple((TODAY, TODAY) for _ in range(rulebook.streak.make_up_within_days // 2 + 2))
    notices = {days: Notice(TODAY, POINTS) for days in rulebook.expiry.notice_days}
    given = [benefit for tier in rulebook.tiers.levels for benefit in tier.benefits]
    return Account(
        "m" * 26,
        status="frozen",
        joined_at=INSTANT,
        lots={TODAY + timedelta(n): POINTS for n in range(lots)},
        pending=pending,
        debt=10**9,
        counters={metric: periods(rulebook, metric) for metric in rulebook.windows},
        standing=standing,
        streak=Streak(runs, 3, "2026-11"),
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
        requests={f"{number:012x}": ("f" * 8, COUNT) for number in range(book.REMEMBERED_REQUESTS)},
        tasks={t.id: ("life" if t.kind == "newcomer" else f"c:{TODAY}", "open") for t in rulebook.tasks if t.goals},
        make_up_cards=COUNT if any(task.make_up_cards for task in rulebook.tasks) else 0,
        granted={benefit.code: "2026-11" for benefit in given if benefit.monthly}
        | {benefit.code: "2026" for benefit in given if benefit.on_birthday},
        # A notice of thirty days reaches two month ends.
        noticed={TODAY + timedelta(n): notices for n in range(3)},
    )


def measured(account: Account) -> int:
    """As the ledger measures and stores it."""
    return len(text_of(account_item(account).state).encode())


def fullest(rulebook: Rulebook) -> int:
    return max(measured(brimming(rulebook, standing)) for standing in histories(rulebook))


WAITING: dict[str, Any] = {"pending": {"mode": "days", "days": 7}}
LASTING: dict[str, Any] = {"earning.11.valid_months": 24, "streak.make_up_within_days": 30}
# So many ways up that the climb is longer than any fall.
WAYS: dict[str, Any] = {
    f"tiers.levels.{n}.promotion": [goal("spend_fen", n * 10**6 + k, "months:3") for k in range(8)] for n in (1, 2)
}
CAMPAIGN = task("campaign", goals=[goal("spend_fen", 1, also=[goal("visits", 1)])], make_up_cards=1, badge="sharer")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "changes",
    [{}, WAITING, LASTING, WAYS, {"tasks.+": CAMPAIGN}],
    ids=["as it is", "pending", "long", "ways", "campaign"],
)
def test_the_bound_is_never_exceeded_and_not_far_above(name: str, changes: dict[str, Any]) -> None:
    rulebook = load(changed(changes, name))
    full = fullest(rulebook)
    assert full <= account_bytes(rulebook) <= full + 40


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_leaves_room_for_more_rules(name: str) -> None:
    assert account_bytes(load(preset(name))) <= MAX_ACCOUNT_BYTES - 300


def test_a_cap_bounds_the_digits_of_its_own_period_only() -> None:
    """Once a day and ten thousand times in a life: the lifetime counter still has room for its five digits."""
    caps = [{"per": "lifetime", "times": 10_000}, {"per": "day", "times": 1}]
    one, both = (account_bytes(load(changed({"earning.9.caps": some}))) for some in (caps[1:], caps))
    assert both - one == len('"life":10000,')
    read = {"counter": {"metric": "rule_login", "window": "lifetime", "at_least": 1}}
    before, after = account_bytes(load(changed({}))), account_bytes(load(changed({"earning.9.when": read})))
    assert after - before == len('"life":99999,')


def test_the_limits_are_those_of_the_engine_and_the_ledger() -> None:
    assert lint_size.MAX_LOTS == points.MAX_LOTS
    assert lint_size.REMEMBERED_REQUESTS == book.REMEMBERED_REQUESTS
    # The ledger's own limit leaves room for what rules that are gone left behind, and for redeemed limited offers.
    assert lint_size.MAX_ACCOUNT_BYTES == book.MAX_ACCOUNT_BYTES - 1024 - 2048 - 640


def test_a_rulebook_is_refused_exactly_when_its_bound_is_above_the_limit() -> None:
    seen = set()
    for days in range(1, 30):
        changes = {"pending": {"mode": "days", "days": days}}
        refused = "ACCOUNT_TOO_LARGE" in {finding.code for finding in findings(changes)}
        assert refused == (account_bytes(load(changed(changes))) > MAX_ACCOUNT_BYTES)
        seen.add(refused)
    assert seen == {False, True}


def test_a_longer_window_replaces_the_shorter_ones_of_its_metric() -> None:
    def read(window: str) -> dict[str, Any]:
        return {"counter": {"metric": "spend_fen", "window": window, "at_least": 1}}

    few, many, both = (
        account_bytes(load(changed({"earning.11.when": {"all": [read(window) for window in windows]}})))
        for windows in (["months:3"], ["months:9"], ["months:9", "months:6"])
    )
    assert many - few == 6 * len('"2026-01":99999999,')
    assert both == many
