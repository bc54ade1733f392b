"""Every rule of the retail preset, on both sides of its threshold and of its cap."""

import pytest

from chalicelib.engine.events import Item, ProfileChanged
from chalicelib.engine.refusals import AlreadyCheckedIn
from tests.unit.lives import Life, shanghai


def test_joining_pays_100_and_only_the_first_completed_profile_pays_50() -> None:
    life = Life()
    assert (life.entries[0].points, life.tier) == (100, "normal")
    assert [line.rule for line in life.entries[0].lines] == ["join"]

    def change(**fields: str) -> int:
        return life.record(ProfileChanged(life.cause(), fields)).points

    whole = {"nickname": "安", "avatar_url": "https://img.example/1.png", "birthday": "05-01"}
    assert change(nickname=whole["nickname"], avatar_url=whole["avatar_url"]) == 0
    assert change(birthday=whole["birthday"]) == 50
    assert change(nickname="小安") == 0
    assert change(nickname="") == 0
    assert change(nickname="安") == 0  # complete again: the cap is for life


@pytest.mark.parametrize(("tier", "points"), [("normal", 10), ("silver", 15), ("gold", 20), ("diamond", 30)])
def test_the_first_login_of_a_day_pays_by_tier(tier: str, points: int) -> None:
    life = Life(tier=tier).at("2026-11-24 00:00")
    assert life.do("login") == points
    assert life.at("2026-11-24 23:59").do("login") == 0
    assert life.at("2026-11-25 00:00").do("login") == points


@pytest.mark.parametrize(
    ("kind", "times", "points"),
    [("feature_used", 1, 20), ("comment", 5, 5), ("like", 5, 5), ("vote", 5, 5)],
)
def test_what_phones_report_is_paid_so_often_a_day_and_no_more(kind: str, times: int, points: int) -> None:
    life = Life().at("2026-11-24 08:00")
    assert [life.do(kind) for _ in range(times + 1)] == [points] * times + [0]
    last = life.entries[-1].lines[0]
    assert (last.rule, last.points) == ({"feature_used": "feature"}.get(kind, kind), 0)
    assert last.why.endswith(f": {points}, capped at 0")
    assert last.why_zh.endswith(f"：{points}，已达上限，计 0")
    assert life.at("2026-11-25 00:00").do(kind) == points


def test_comments_likes_and_votes_have_caps_of_their_own() -> None:
    life = Life()
    assert [life.do(kind) for kind in ("comment", "like", "vote") for _ in range(5)] == [5] * 15


@pytest.mark.parametrize(
    ("seconds", "points"), [((0,), 0), ((299,), 0), ((300,), 10), ((86_400,), 10), ((299, 299), 0), ((300, 300), 10)]
)
def test_browsing_five_minutes_in_one_go_pays_once_a_day(seconds: tuple[int, ...], points: int) -> None:
    life = Life()
    assert sum(life.do("browse", seconds=length) for length in seconds) == points


def test_what_pays_nothing_is_still_recorded_with_a_line_that_says_so() -> None:
    life = Life()
    assert [life.do(kind) for kind in ("share", "service_finished")] == [0, 0]
    assert [(line.rule, line.why_zh) for entry in life.entries[-2:] for line in entry.lines] == [
        ("share", "分享：已记录"), ("service_finished", "完成服务：已记录"),
    ]  # fmt: skip
    assert life.account.counters["shares"]["life"] == 1
    assert life.account.counters["uses"]["life"] == 1


def test_every_approved_review_pays_50() -> None:
    life = Life()
    assert [life.do("review_approved") for _ in range(3)] == [50, 50, 50]


@pytest.mark.parametrize(
    ("first", "second", "points"),
    [
        ("2026-11-30 23:59", "2026-11-30 23:59", 0),
        ("2026-11-30 23:59", "2026-12-01 00:00", 50),
        ("2026-12-31 23:59", "2027-01-01 00:00", 50),
        ("2026-11-01 00:00", "2026-11-30 23:59", 0),
        ("2028-02-28 12:00", "2028-02-29 23:59", 0),
        ("2028-02-29 23:59", "2028-03-01 00:00", 50),
    ],
)
def test_a_survey_pays_once_a_month_of_the_shop(first: str, second: str, points: int) -> None:
    life = Life(now=shanghai(first))
    assert life.do("survey") == 50
    assert life.at(second).do("survey") == points


def test_a_survey_reported_late_cannot_evade_the_cap_of_its_month() -> None:
    life = Life().at("2026-11-24 12:00")
    assert life.do("survey") == 50
    october = shanghai("2026-10-10 12:00")
    assert [life.do("survey", at=october) for _ in range(2)] == [0, 0]
    assert life.at("2026-12-01 12:00").do("survey") == 50


def test_a_week_of_check_ins_rises_from_5_to_20_and_the_eighth_day_starts_again() -> None:
    life = Life().at("2026-11-24 20:00")
    assert [life.pass_(days=1).check_in() for _ in range(15)] == [5, 7, 9, 12, 15, 18, 20] * 2 + [5]
    assert life.entries[7].lines[0].why_zh == "签到第 7 天：20"
    assert life.account.streak.length == 15


@pytest.mark.parametrize(("hours", "points"), [(24, 7), (24 + 3, 7), (24 + 4, 5), (48, 5)])
def test_a_streak_lives_until_the_end_of_the_next_day(hours: int, points: int) -> None:
    life = Life().at("2026-11-24 20:00")
    life.check_in()
    assert life.pass_(hours=hours).check_in() == points


@pytest.mark.parametrize(
    ("first", "second", "days"),
    [
        ("2026-11-24 00:00", "2026-11-24 23:59", 1),
        ("2026-11-24 23:59", "2026-11-25 00:00", 2),
        ("2026-11-30 12:00", "2026-12-01 12:00", 2),
        ("2026-12-31 23:59", "2027-01-01 00:00", 2),
        ("2028-02-28 12:00", "2028-02-29 12:00", 2),
        ("2028-02-28 12:00", "2028-03-01 12:00", 1),
        ("2027-02-28 12:00", "2027-03-01 12:00", 2),
    ],
)
def test_a_check_in_belongs_to_the_day_of_the_shop(first: str, second: str, days: int) -> None:
    life = Life(now=shanghai(first))
    life.check_in()
    life.at(second)
    if first[:10] == second[:10]:
        with pytest.raises(AlreadyCheckedIn):
            life.check_in()
    else:
        life.check_in()
    assert life.account.streak.length == days


@pytest.mark.parametrize(
    ("fen", "points"), [(0, 0), (1, 0), (99, 0), (100, 1), (199, 1), (26_800, 268), (26_899, 268), (10**12, 10**10)]
)
def test_a_purchase_pays_one_point_a_yuan_rounded_down(fen: int, points: int) -> None:
    life = Life()
    life.buy(100)  # the first order's bonus is had
    assert life.buy(fen) == points


def test_the_first_order_pays_100_more_whatever_its_amount() -> None:
    for fen, points in ((0, 100), (1, 100), (26_800, 368)):
        life = Life()
        assert life.buy(fen) == points
        assert life.buy(fen) == points - 100


@pytest.mark.parametrize(
    ("items", "points"),
    [
        ((), 100),
        ((Item(10_000, "featured"),), 200),
        ((Item(10_000, "toys"),), 100),
        ((Item(4_000, "featured"),), 140),
        ((Item(4_000, "featured"), Item(6_000)), 140),
        ((Item(1_050, "featured"), Item(1_050, "featured"), Item(49, "featured")), 121),  # 21.49 + 100
        ((Item(49, "featured"), Item(51, "toys")), 100),  # 0.98 + 0.51 + 99: added exactly, then rounded down once
        ((Item(50, "featured"),), 100),
        ((Item(100, "featured"),), 101),
    ],
)
def test_featured_categories_pay_two_points_a_yuan(items: tuple[Item, ...], points: int) -> None:
    life = Life()
    life.buy(0)
    assert life.buy(10_000, *items) == points


@pytest.mark.parametrize(
    ("tier", "ordinary", "member_day", "birthday", "both"),
    [
        ("normal", 29, 43, 58, 87),  # 29.33 × 1 · × 1.5 = 43.995 · × 2 · × 3 = 87.99
        ("silver", 43, 87, 87, 175),  # × 1.5 · × 3 · × 3 · × 6 = 175.98
        ("gold", 58, 117, 117, 234),  # × 2 · × 4 · × 4 · × 8 = 234.64
        ("diamond", 87, 175, 175, 351),  # × 3 · × 6 · × 6 · × 12 = 351.96
    ],
)
def test_purchases_are_multiplied_by_tier_member_day_and_birthday(
    tier: str, ordinary: int, member_day: int, birthday: int, both: int
) -> None:
    life = Life(tier=tier)
    life.account = life.account.with_(counters={"orders": {"life": 1}})
    assert life.at("2026-11-14 12:00").buy(2_933) == ordinary
    assert life.at("2026-11-15 12:00").buy(2_933) == member_day
    other = Life(tier=tier)
    other.account = other.account.with_(counters={"orders": {"life": 1}})
    other.have_birthday("11-15")
    assert other.at("2026-11-15 12:00").buy(2_933) == both
    third = Life(tier=tier)
    third.account = third.account.with_(counters={"orders": {"life": 1}})
    third.have_birthday("11-16")
    assert third.at("2026-11-16 12:00").buy(2_933) == birthday


@pytest.mark.parametrize(
    ("paid_at", "points"),
    [
        ("2026-11-14 23:59", 100), ("2026-11-15 00:00", 150), ("2026-11-15 23:59", 150), ("2026-11-16 00:00", 100),
        ("2026-11-15 07:59", 150),  # still the 14th in UTC
    ],
)  # fmt: skip
def test_the_member_day_is_the_15th_on_the_clock_of_the_shop(paid_at: str, points: int) -> None:
    life = Life().at("2026-11-20 12:00")
    life.buy(0)
    assert life.buy(10_000, at=shanghai(paid_at)) == points


@pytest.mark.parametrize(
    ("born", "paid_at", "points"),
    [
        ("11-24", "2026-11-23 23:59", 100),
        ("11-24", "2026-11-24 00:00", 200),
        ("11-24", "2026-11-24 23:59", 200),
        ("11-24", "2026-11-25 00:00", 100),
        ("02-29", "2027-02-27 12:00", 100),
        ("02-29", "2027-02-28 12:00", 200),  # no 29 February that year
        ("02-29", "2027-03-01 12:00", 100),
        ("02-29", "2028-02-28 12:00", 100),
        ("02-29", "2028-02-29 12:00", 200),
        ("02-28", "2028-02-28 12:00", 200),
        ("02-28", "2028-02-29 12:00", 100),
        ("02-29", "2100-02-28 12:00", 200),  # divisible by 100: no leap year
        ("", "2026-11-24 12:00", 100),
    ],
)
def test_a_birthday_doubles_the_purchases_of_its_day(born: str, paid_at: str, points: int) -> None:
    life = Life(now=shanghai(paid_at))
    life.buy(0)
    if born:
        life.have_birthday(born)
    assert life.buy(10_000) == points


def test_the_tier_multiplies_purchases_alone_and_a_birthday_all_that_is_done_that_day() -> None:
    life = Life(tier="diamond").at("2026-11-15 12:00")
    assert [life.do("comment"), life.do("review_approved"), life.check_in()] == [5, 50, 5]
    life.have_birthday("11-15")
    assert life.buy(100) == 100 + 12
    assert [life.do("comment"), life.do("review_approved"), life.pass_(days=1).check_in()] == [10, 100, 7]


def test_a_line_tells_its_arithmetic_in_both_languages() -> None:
    life = Life(tier="silver").at("2026-11-15 12:00")
    life.have_birthday("11-15")
    life.buy(0)
    line = life.order(2_933).lines[0]
    assert line.why == "Purchases: 29.33 yuan × 1 × 3 (member day) × 2 (birthday) = 175"
    assert line.why_zh == "消费：29.33 元 × 1 × 3（会员日倍率） × 2（生日倍率） = 175"
    mixed = life.order(10_000, Item(4_000, "featured")).lines[0]
    assert mixed.why == "Purchases: 100 yuan at category rates = 140 × 3 (member day) × 2 (birthday) = 840"
    assert mixed.why_zh == "消费：消费 100 元按品类计 140 × 3（会员日倍率） × 2（生日倍率） = 840"
