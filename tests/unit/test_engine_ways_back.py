"""After a step down: what brings a tier back and what does not; and tiers that are lent."""

import pytest

from chalicelib.engine.draft import effective_tier
from chalicelib.rulebook.model import Published
from tests.unit.documents import goal
from tests.unit.keeping import SPEND, holder, keeping, tiers_of
from tests.unit.lives import NOON, Life, book

# The ways back


def lapsed(published: Published, tier: str = "gold") -> Life:
    life = holder(published, tier)
    life.live("2027-12-25 12:00")
    assert life.kinds[-1] == "tier_lapsed"
    return life


@pytest.mark.parametrize(
    ("days", "fen", "back"), [(90, 100_000, True), (90, 99_999, False), (91, 100_000, False), (0, 100_000, True)]
)
def test_within_ninety_days_the_retention_goals_bring_the_tier_back(days: int, fen: int, back: bool) -> None:
    life = lapsed(keeping(SPEND))
    entry = life.pass_(days=days).order(fen)
    assert entry.facts.get("reinstated") == ({"from": "silver", "to": "gold"} if back else None)
    assert life.tier == ("gold" if back else "silver")
    if back:
        assert (life.standing.since, life.standing.lapses) == (life.today, ())


@pytest.mark.parametrize("window", ["period", "months:12"])
def test_what_was_done_before_the_step_down_does_not_bring_it_back(window: str) -> None:
    life = holder(keeping(goal("visits", 5, window)))
    life.live("2027-06-01 12:00")
    for _ in range(4):
        life.do("login")
    life.live("2027-12-25 12:00")
    for _ in range(4):
        life.do("login")
    assert life.tier == "silver"
    life.do("login")
    assert life.tier == "gold"


@pytest.mark.parametrize("base", ["retail", "content", "tool"])
def test_old_lifetime_counts_promote_nobody_after_a_step_down_and_new_ones_do(base: str) -> None:
    life = Life(book(base))
    reach = {
        "retail": lambda: life.buy(200_000),
        "content": lambda: life.buy(30_000),
        "tool": lambda: life.do("plan_paid"),
    }
    reach[base]()
    assert life.tier == "gold"
    life.live("2028-06-01 12:00")
    assert life.tier == "silver"
    life.do("login")
    life.check_in()
    assert life.tier == "silver"
    reach[base]()
    assert life.tier == "gold"


def test_after_two_steps_down_neither_tier_comes_back_by_what_was_spent_before() -> None:
    life = Life(book())
    life.buy(1_000_000)
    life.live("2029-06-01 12:00")
    assert tiers_of(life) == ["normal", "diamond", "gold", "silver"]
    life.buy(1)
    assert life.tier == "silver"
    assert [lapse.tier for lapse in life.standing.lapses] == ["diamond", "gold"]
    life.buy(200_000)  # gold again; for diamond it would take 10,000 yuan since its own loss
    assert life.tier == "gold"
    assert [lapse.tier for lapse in life.standing.lapses] == ["diamond"]
    life.buy(799_998)
    assert life.tier == "gold"
    life.buy(1)
    assert life.tier == "diamond"


def test_a_tier_an_operator_takes_away_does_not_come_back_by_itself_either() -> None:
    life = Life(book())
    life.buy(200_000)
    life.hold("silver")
    life.buy(1)
    assert life.tier == "silver"
    life.hold("gold")
    assert (life.tier, life.standing.lapses) == ("gold", ())


def test_nor_does_a_tier_below_the_one_that_was_taken_away() -> None:
    life = Life(book())
    life.buy(1_000_000)
    life.hold("normal")
    life.buy(1)
    assert life.tier == "normal"


# A tier that is lent


@pytest.mark.parametrize(
    ("day", "tier"), [("2026-11-24", "silver"), ("2026-12-01", "silver"), ("2026-12-02", "normal")]
)
def test_a_tier_is_lent_until_a_day_and_that_day_included(day: str, tier: str) -> None:
    life = Life(book(tasks=[]))
    life.hold("silver", until="2026-12-01")
    life.live(f"{day} 12:00")
    assert effective_tier(life.book.rulebook, life.account.standing, life.today) == tier
    assert life.tier == "normal"  # what is held
    assert life.do("login") == {"silver": 15, "normal": 10}[tier]


def test_a_loan_lapses_to_the_tier_that_was_earned_meanwhile() -> None:
    life = Life(book())
    life.hold("silver", until="2026-12-01")
    life.buy(200_000)
    assert effective_tier(life.book.rulebook, life.account.standing, life.today) == "gold"
    (ended,) = [entry for entry in life.live("2026-12-02 12:00") if entry.kind == "temporary_tier_ended"]
    assert ended.lines[0].why_zh == "体验银卡已于 2026-12-01 到期，恢复为金卡"
    assert (life.tier, life.standing.temporary) == ("gold", None)


def test_a_lower_tier_lent_lowers_nobody_and_a_loan_touches_no_dates() -> None:
    life = holder(keeping(SPEND))
    before = life.standing
    life.hold("silver", until="2026-12-01")
    assert effective_tier(life.book.rulebook, life.account.standing, life.today) == "gold"
    life.live("2026-12-02 12:00")
    assert life.standing == before


def test_a_member_without_a_standing_who_is_lent_a_tier_holds_the_first() -> None:
    life = Life(keeping(SPEND))
    life.account = life.account.with_(standing=None)
    assert life.hold("gold", until="2026-12-01").tier_after == "normal"


def test_nothing_ever_happens_to_the_first_tier() -> None:
    life = Life(keeping(SPEND), NOON)
    assert life.account.tier_due_on is None
    life.live("2036-01-01 12:00")
    assert not [kind for kind in life.kinds if kind.startswith("tier")]
