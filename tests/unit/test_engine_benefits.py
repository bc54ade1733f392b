"""Benefits: quotas on both sides, what is granted each month and on the birthday, late runs included."""

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.engine.events import BenefitUsed
from chalicelib.engine.refusals import BenefitNotYours, QuotaExhausted
from chalicelib.rulebook.model import Published
from tests.unit.lives import Life, book, shanghai
from tests.unit.rulebooks import document, published, words


def benefit(code: str, kind: str = "economic", **value: Any) -> dict[str, Any]:
    return {"code": code, "kind": kind, "name": words(code), "value": value}


def giving(**by_tier: list[dict[str, Any]]) -> Published:
    """The small rulebook with these benefits of its tiers; a tier is held five years."""
    found = document()["tiers"] | {"held_months": 60, "retention": {"early_warning_months": 0}}
    for level in found["levels"]:
        level["benefits"] = by_tier.get(level["code"], [])
    return published(tiers=found)


COUPON = benefit("coupon", per_month=1, amount_fen=5_000)
GIFT = benefit("gift", "honour", on_birthday=True)


def use(life: Life, code: str) -> str:
    return life.record(BenefitUsed(life.cause(), code)).lines[0].why


def granted(life: Life) -> list[tuple[str, str, int]]:
    """(benefit, period, quantity) of everything granted so far."""
    found = [one for entry in life.entries for one in entry.facts.get("entitlements", ())]
    return [(one["benefit"], one["period"], one["quantity"]) for one in found]


@pytest.mark.parametrize(("tier", "most"), [("", 3), ("silver", 10), ("gold", None)])
@pytest.mark.parametrize("base", ["retail", "content", "tool"])
def test_a_daily_quota_is_three_ten_or_unlimited_by_tier(base: str, tier: str, most: int | None) -> None:
    life = Life(book(base)).at("2026-11-24 12:00")
    if tier:
        life.hold(tier)
    for _ in range(most or 50):
        use(life, "daily_uses")
    if most is None:
        assert use(life, "daily_uses").endswith("unlimited")
        return
    with pytest.raises(QuotaExhausted):
        use(life.at("2026-11-24 23:59"), "daily_uses")
    assert use(life.at("2026-11-25 00:00"), "daily_uses").endswith(f"{most - 1} left")


def test_a_higher_tier_gained_during_the_day_leaves_what_it_has_more() -> None:
    life = Life(book())
    for _ in range(3):
        use(life, "daily_uses")
    life.hold("silver", until="2026-11-24")
    assert use(life, "daily_uses").endswith("6 left")
    assert life.account.counters["use_daily_uses"]["d:2026-11-24"] == 4


@pytest.mark.parametrize(
    ("uses", "again_at", "allowed"),
    [
        (4, "2026-11-30 23:59", False),
        (4, "2026-12-01 00:00", True),
        (3, "2026-11-24 13:00", False),
        (3, "2026-11-25 00:00", True),
    ],
)
def test_a_day_and_a_month_may_both_be_limited(uses: int, again_at: str, allowed: bool) -> None:
    life = Life(giving(normal=[benefit("repair", "service", per_day=3, per_month=4)])).at("2026-11-24 12:00")
    for number in range(uses):
        if number == 3:
            life.pass_(days=1)
        use(life, "repair")
    life.at(again_at)
    if allowed:
        assert use(life, "repair")
    else:
        with pytest.raises(QuotaExhausted):
            use(life, "repair")


@pytest.mark.parametrize("code", ["coupon", "icon", "priority", "nothing"])
def test_only_what_the_tier_has_and_can_be_used_up_is_used(code: str) -> None:
    life = Life(
        giving(normal=[COUPON, benefit("icon", "honour")], gold=[benefit("priority", "feature", unlimited=True)])
    )
    with pytest.raises(BenefitNotYours):
        use(life, code)


# Each month


@pytest.mark.parametrize(
    ("day", "months"),
    [
        ("2026-11-24", ["2026-11"]),  # the tier was gained on the 24th: that month too, once
        ("2026-11-30", ["2026-11"]),
        ("2026-12-01", ["2026-11", "2026-12"]),
        ("2027-01-01", ["2026-11", "2026-12", "2027-01"]),
        ("2027-03-01", ["2026-11", "2026-12", "2027-01", "2027-02", "2027-03"]),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_a_month_is_granted_on_its_first_day_and_a_late_run_grants_those_it_missed(
    day: str, months: list[str], late: bool
) -> None:
    life = Life(giving(gold=[COUPON]))
    life.hold("gold")
    if late:
        life.at(f"{day} 12:00").due()
    else:
        life.live(f"{day} 00:00") if day != "2026-11-24" else life.due()
    assert granted(life) == [("coupon", month, 1) for month in months]
    assert len([kind for kind in life.kinds if kind == "benefits_granted"]) == (1 if late else len(months))


def test_at_most_a_year_of_months_is_made_good() -> None:
    life = Life(giving(gold=[COUPON]))
    life.hold("gold")
    life.at("2029-01-15 12:00").due()
    assert [period for _, period, _ in granted(life)] == [f"2028-{month:02d}" for month in range(2, 13)] + ["2029-01"]


def test_a_tier_gained_in_the_middle_of_a_month_grants_what_the_lower_one_had_not() -> None:
    life = Life(giving(silver=[COUPON], gold=[COUPON, benefit("shipping", per_month=2)]))
    life.hold("silver")
    life.due()
    life.hold("gold")  # the same day: a second run has its own entry
    life.due()
    assert granted(life) == [("coupon", "2026-11", 1), ("shipping", "2026-11", 2)]


def test_a_tier_lost_and_gained_again_within_a_month_grants_that_month_once() -> None:
    life = Life(giving(gold=[COUPON]))
    for tier in ("gold", "silver", "gold"):
        life.hold(tier)
        life.due()
    assert granted(life) == [("coupon", "2026-11", 1)]


def test_a_tier_that_is_lent_grants_the_months_in_which_it_was_lent() -> None:
    life = Life(giving(silver=[], gold=[COUPON]), now=shanghai("2026-03-10 12:00"))
    life.hold("silver")
    life.at("2026-11-24 12:00").hold("gold", until="2026-12-03")
    life.at("2026-12-10 12:00").due()
    assert granted(life) == [("coupon", "2026-11", 1), ("coupon", "2026-12", 1)]
    assert life.kinds[-2:] == ["benefits_granted", "temporary_tier_ended"]


def test_what_a_tier_granted_in_time_is_granted_late_too_and_what_it_no_longer_would_is_not() -> None:
    levels = document()["tiers"]["levels"]
    levels[2]["benefits"] = [COUPON]
    late, in_time = (Life(published(tiers={"levels": levels})) for _ in range(2))
    for life in (late, in_time):
        life.hold("gold")
        life.live("2027-11-30 12:00")  # in grace until 24 December
    in_time.live("2028-03-01 12:00")
    late.at("2028-03-01 12:00").due()
    assert granted(late) == granted(in_time)
    assert granted(late)[-1] == ("coupon", "2027-12", 1)


# On the birthday


@pytest.mark.parametrize(
    ("birthday", "run_on", "years"),
    [
        ("11-30", "2026-11-29 23:59", []),
        ("11-30", "2026-11-30 00:00", ["2026"]),
        ("11-30", "2026-12-30 23:59", ["2026"]),  # 30 days late
        ("11-30", "2026-12-31 00:00", []),
        ("02-29", "2027-02-27 23:59", []),
        ("02-29", "2027-02-28 00:00", ["2027"]),
        ("02-29", "2028-02-28 12:00", []),
        ("02-29", "2028-02-29 00:00", ["2028"]),
        ("12-31", "2026-12-31 00:00", ["2026"]),
        ("12-31", "2027-01-02 12:00", ["2026"]),  # late, across the year
        ("01-01", "2027-01-01 00:00", ["2027"]),
        ("", "2027-01-01 00:00", []),
    ],
)
def test_a_birthday_is_granted_on_its_day_or_up_to_thirty_days_late(
    birthday: str, run_on: str, years: list[str]
) -> None:
    life = Life(giving(silver=[GIFT]))
    life.hold("silver")
    if birthday:
        life.have_birthday(birthday)
    life.at(run_on).due()
    assert granted(life) == [("gift", year, 1) for year in years]


@pytest.mark.parametrize("base", ["retail", "content", "tool"])
def test_each_year_has_one_birthday_whatever_the_profile_says_next(base: str) -> None:
    life = Life(book(base))
    life.hold("gold")
    life.have_birthday("11-26")
    life.live("2026-11-27 12:00")
    life.have_birthday("12-24")
    life.live("2027-01-01 12:00")
    years = [period for code, period, _ in granted(life) if code == "birthday"]
    assert years == ["2026"]
    assert "rescheduled" not in life.kinds


def test_the_next_grant_is_always_known() -> None:
    life = Life(giving(silver=[GIFT], gold=[GIFT, COUPON]))
    checks: list[tuple[Callable[[], Any], str | None]] = [
        (lambda: life.have_birthday("12-24"), None),
        (lambda: life.hold("silver"), "2026-12-24"),
        (lambda: life.have_birthday("11-23"), "2026-11-24"),  # yesterday: due at once
        (life.due, "2027-11-23"),
        (lambda: life.hold("gold"), "2026-11-24"),
        (life.due, "2026-12-01"),
    ]
    for act, expected in checks:
        act()
        assert str(life.account.tier_due_on) == str(expected)
