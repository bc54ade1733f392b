"""The law of lotteries: what a draw takes, gives and records; chances given, taken back and forgotten."""

from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.engine import lotteries
from chalicelib.engine.account import Chances
from chalicelib.engine.decision import Entry
from chalicelib.engine.events import Behaved, TaskClaimed
from chalicelib.engine.refusals import (
    ConsentNeeded,
    DrawsUsedUp,
    InsufficientPoints,
    LotteryClosed,
    LotteryUnknown,
    NoChance,
    NotOnSale,
    PriceRose,
    StepRefused,
)
from chalicelib.ledger.codec import account_item, account_of
from chalicelib.rulebook.model_lotteries import NUMBERS
from chalicelib.shared.errors import Refusal
from tests.unit.mall import Mall
from tests.unit.raffle import ENDS, MUG, NOTHING, STARTS, TEA, TEN, Raffle, book, loaded, lottery, prize, visit
from tests.unit.rulebooks import words

DAY = timedelta(days=1)
WINTER = loaded().edition


def login(raffle: Raffle) -> Entry:
    life = raffle.life
    return life.record(Behaved(life.cause(), "login", life.now, trusted=False))


@pytest.mark.parametrize(
    ("number", "points", "why", "why_zh"),
    [
        (TEN, 10, "Winter draw: Prize ten", "冬日抽奖：获得奖ten"),
        (TEA, -10, "Winter draw: Prize tea", "冬日抽奖：获得奖tea"),
        (MUG, -10, "Winter draw: Prize mug", "冬日抽奖：获得奖mug"),
        (NOTHING, -10, "Winter draw: no prize", "冬日抽奖：未中奖"),
    ],
)
def test_a_draw_for_points(number: int, points: int, why: str, why_zh: str) -> None:
    raffle = Raffle()
    entry = raffle.draw(number)
    assert (entry.kind, entry.points, entry.balance_after) == ("drawn", points, 100 + points)
    assert [(line.points, line.why, line.why_zh) for line in entry.lines] == [
        (-10, "Winter draw: a draw for 10", "冬日抽奖：抽奖消耗 10"),
        (points + 10, why, why_zh),
    ]


def test_the_entry_has_all_that_is_needed_to_check_it() -> None:
    raffle = Raffle()
    for number in (0, 99_999, 100_000, 149_999, 150_000):
        entry = raffle.draw(number)
        draw = entry.facts["draw"]
        assert lotteries.check(draw, loaded(), entry.at) == []
        assert (draw["number"], draw["digest"], draw["paid"]) == (number, loaded().digest, {"points": 10})
        raffle.life.pass_(days=1)


def test_a_won_coupon_is_announced_to_whoever_issues_it() -> None:
    entry = Raffle().draw(TEA, draw_id="D1")
    assert entry.facts["coupons"] == [{"coupon": "mall_10", "quantity": 1, "of": "lottery#D1"}]
    assert "coupons" not in Raffle().draw(MUG).facts


@pytest.mark.parametrize("gone", [("tea",), ("mug", "tea")])
def test_a_prize_that_has_run_out_costs_nothing_and_counts(gone: tuple[str, ...]) -> None:
    raffle = Raffle(book(tasks=[visit(1)]))
    login(raffle)
    entry = raffle.draw(TEA, gone=gone)
    assert (entry.points, entry.facts["draw"]["out"], "coupons" in entry.facts) == (0, True, False)
    assert raffle.chances == (1, 1)
    raffle.draw(NOTHING)
    entry = raffle.draw(TEA, gone=gone)
    assert (entry.points, raffle.life.account.balance, raffle.chances) == (0, 100, (0, 3))
    with pytest.raises(DrawsUsedUp):
        raffle.draw(TEA)


def test_what_has_run_out_is_no_matter_for_other_numbers() -> None:
    assert Raffle().draw(MUG, gone=("tea",)).facts["draw"].get("out") is None


def test_a_draw_that_is_not_paid_for_is_refused_whatever_it_would_win_or_miss() -> None:
    for number, gone in ((TEN, ()), (MUG, ("mug",)), (NOTHING, ())):
        raffle = Raffle(points=9)
        with pytest.raises(InsufficientPoints):
            raffle.draw(number, gone=gone)


@pytest.mark.parametrize(
    ("fields", "expected", "refusal"),
    [
        ({}, 0, NoChance), ({}, 9, PriceRose), ({}, 10, None), ({}, 11, None),
        ({"price_points": None}, 0, NoChance), ({"price_points": None}, 10, NoChance),
    ],
)  # fmt: skip
def test_points_are_taken_only_up_to_what_was_shown(
    fields: dict[str, Any], expected: int, refusal: type[Refusal] | None
) -> None:
    raffle = Raffle(book(lottery(**fields)))
    if refusal:
        with pytest.raises(refusal):
            raffle.draw(expected_points=expected)
    else:
        assert raffle.draw(expected_points=expected).points == -10


def test_who_may_not_draw() -> None:
    with pytest.raises(ConsentNeeded):
        Raffle(consent=False).draw()
    with pytest.raises(LotteryUnknown):
        Raffle().draw(lottery="summer")
    raffle = Raffle()
    for moment in (STARTS - timedelta(microseconds=1), ENDS, ENDS + DAY):
        raffle.life.now = moment
        with pytest.raises(LotteryClosed):
            raffle.draw()
    for moment in (STARTS, ENDS - timedelta(microseconds=1)):
        raffle.life.now = moment
        raffle.draw()


def test_the_days_limit_is_the_business_days_and_a_late_tap_counts_as_the_later_days() -> None:
    raffle = Raffle(book(lottery(draws_per_day=2)))
    raffle.life.at("2026-11-25 23:59")
    raffle.draw()
    raffle.life.at("2026-11-26 00:00")
    raffle.draw()
    # Tapped before midnight, decided after it: else the two days would make room for each other again and again.
    raffle.life.at("2026-11-25 23:59")
    raffle.draw()
    for moment in ("2026-11-25 23:59", "2026-11-26 00:00"):
        raffle.life.at(moment)
        with pytest.raises(DrawsUsedUp):
            raffle.draw()
    raffle.life.at("2026-11-27 00:00")
    raffle.draw()
    assert raffle.chances == (0, 4)


def test_a_task_gives_chances_which_draw_before_points_do() -> None:
    raffle = Raffle(book(tasks=[visit(2)]))
    entry = login(raffle)
    assert (raffle.chances, entry.facts["chances"]) == ((2, 0), {WINTER: 2})
    assert ("2 chances: Winter draw", "抽奖机会 2 次：冬日抽奖") in [(line.why, line.why_zh) for line in entry.lines]
    paid = [raffle.draw(expected_points=10).facts["draw"]["paid"] for _ in range(3)]
    assert paid == [{"chances": 1}, {"chances": 1}, {"points": 10}]


@pytest.mark.parametrize(("days", "chances"), [(-3, 2), (9, 2), (11, 0)])
def test_chances_are_given_before_the_start_and_not_after_the_end(days: int, chances: int) -> None:
    raffle = Raffle(book(tasks=[visit(2)]))
    raffle.life.now += timedelta(days=days)
    login(raffle)
    assert raffle.chances == (chances, 0)


def test_a_claimed_task_gives_its_chances_with_the_tap() -> None:
    raffle = Raffle(book(tasks=[visit(2, claim="tap")]))
    login(raffle)
    assert raffle.chances == (0, 0)
    raffle.life.record(TaskClaimed(raffle.life.cause(), "visit"))
    assert raffle.chances == (2, 0)


ORDERS = [{"metric": "orders", "window": "day", "at_least": 1, "name": words("订单")}]


@pytest.mark.parametrize("drawn", [0, 1, 2])
def test_a_refund_takes_back_the_chances_of_its_task_the_used_ones_from_those_to_come(drawn: int) -> None:
    raffle = Raffle(book(tasks=[visit(2, goals=ORDERS)]))
    life = raffle.life
    life.order(10_000, order_id="o-1")
    assert raffle.chances == (2, 0)
    for _ in range(drawn):
        raffle.draw()
    entry = life.refund("o-1", 10_000)
    assert (raffle.chances, entry.facts["chances"]) == ((-drawn, drawn), {WINTER: -2})
    assert account_of(account_item(life.account)).chances == life.account.chances
    told = f"，其中 {drawn} 次已使用，将从以后的机会中扣除" if drawn else ""
    assert f"收回抽奖机会 2 次{told}：冬日抽奖" in [line.why_zh for line in entry.lines]
    with pytest.raises(NoChance):
        raffle.draw(expected_points=0)
    life.order(10_000, order_id="o-2")
    assert raffle.chances == (2 - drawn, drawn)


def test_the_last_of_the_orders_a_task_stood_by_takes_its_chances_with_it() -> None:
    raffle = Raffle(book(tasks=[visit(2, goals=ORDERS)]))
    life = raffle.life
    life.order(10_000, order_id="o-1"), life.order(10_000, order_id="o-2")
    life.refund("o-1", 10_000)
    assert raffle.chances == (2, 0)
    entry = life.refund("o-2", 10_000)
    assert (raffle.chances, entry.facts["tasks_undone"]) == ((0, 0), ["visit"])


def test_a_refund_takes_back_no_chances_that_the_task_did_not_give_yet() -> None:
    raffle = Raffle(book(tasks=[visit(1, goals=ORDERS)]))
    raffle.life.order(10_000, order_id="o-1")
    raffle.draw()
    raffle.life.book = book(tasks=[visit(2, goals=ORDERS)])
    raffle.life.refund("o-1", 10_000)
    assert raffle.chances == (-1, 1)


def test_where_what_was_spent_is_forgiven_so_are_the_chances_that_were_used() -> None:
    raffle = Raffle(book(tasks=[visit(2, goals=ORDERS)], refunds={"policy": "within_balance"}))
    raffle.life.order(10_000, order_id="o-1")
    raffle.draw()
    entry = raffle.life.refund("o-1", 10_000)
    assert (raffle.chances, entry.facts["chances"]) == ((0, 1), {WINTER: -1})


def test_a_lottery_offer_gives_chances_for_each_piece_and_takes_them_back_whole_or_not_at_all() -> None:
    mall = Mall(
        1_000, book=book(lottery(starts_at="2026-11-01T00:00:00Z")), kind="lottery", lottery="winter", chances=3
    )
    mall.redeem(quantity=2)
    assert (mall.record().chances, mall.life.account.chances["winter"].left) == (3, 6)
    mall.step("return", 1)
    assert (mall.life.account.chances["winter"].left, mall.life.account.balance) == (3, 990)
    spent = replace(mall.life.account.chances["winter"], left=2)
    mall.life.account = mall.life.account.with_(chances={"winter": spent})
    with pytest.raises(StepRefused):
        mall.step("return")
    assert mall.life.account.balance == 990


@pytest.mark.parametrize(("points", "sold"), [(100, True), (101, False)])
def test_an_offer_of_chances_that_win_more_than_it_costs_by_now_is_refused(points: int, sold: bool) -> None:
    # A tenth of that many points is won on average by each chance, of which one is ten points.
    better = prize("ten", kind="points", points=points, odds_ppm=100_000, pieces=None, value_fen=0)
    rules = book(lottery(starts_at="2026-11-01T00:00:00Z", price_points=100, prizes=[better]))
    mall = Mall(1_000, book=rules, kind="lottery", lottery="winter", chances=1)
    with nullcontext() if sold else pytest.raises(NotOnSale):
        mall.redeem()
    assert mall.life.account.balance == (990 if sold else 1_000)


def test_an_offer_for_a_lottery_that_is_over_or_gone_is_refused() -> None:
    over = book(lottery(starts_at="2026-11-01T00:00:00Z", ends_at="2026-11-24T00:00:00Z"))
    for rules in (over, book(lottery("summer"))):
        with pytest.raises(LotteryClosed):
            Mall(1_000, book=rules, kind="lottery", lottery="winter", chances=1).redeem()


def test_a_lottery_is_forgotten_a_day_after_its_end_and_a_later_one_of_its_code_begins_anew() -> None:
    raffle = Raffle()
    raffle.draw()
    other = lottery("summer", starts_at=ENDS.isoformat(), ends_at=(ENDS + 90 * DAY).isoformat())
    again = lottery(starts_at=(ENDS + DAY).isoformat(), ends_at=(ENDS + 90 * DAY).isoformat())
    raffle.life.book = book(lottery(), other)
    for at, kept in ((ENDS + DAY - timedelta(seconds=1), {"winter", "summer"}), (ENDS + DAY, {"summer"})):
        raffle.life.now = at
        raffle.draw(lottery="summer")
        assert set(raffle.life.account.chances) == kept
    raffle = Raffle()
    for _ in range(3):
        raffle.draw()
    raffle.life.book, raffle.life.now = book(again), ENDS + DAY
    raffle.draw()
    assert raffle.chances == (0, 1)


def test_chances_of_a_lottery_that_has_ended_are_not_taken_from_a_later_one_of_its_code() -> None:
    first = lottery(starts_at="2026-11-01T00:00:00Z", ends_at=STARTS.isoformat())
    later = book(lottery(starts_at=(STARTS + DAY).isoformat()), tasks=[visit(3, goals=ORDERS), visit(1, id="login")])
    mall = Mall(1_000, book=book(first, tasks=[visit(3, goals=ORDERS)]), kind="lottery", lottery="winter", chances=2)
    life = mall.life
    mall.redeem()
    life.order(10_000, order_id="o-1")
    assert life.account.chances["winter"].left == 5
    life.book, life.now = later, STARTS + timedelta(hours=1)
    life.record(Behaved(life.cause(), "login", life.now, trusted=False))
    life.refund("o-1", 10_000)
    with pytest.raises(StepRefused):
        mall.step("return")
    assert life.account.chances["winter"].left == 1


def test_a_lottery_that_lasts_longer_than_first_said_is_remembered() -> None:
    raffle = Raffle()
    raffle.draw()
    raffle.life.book = book(lottery(ends_at=(ENDS + 10 * DAY).isoformat()), lottery("summer"))
    raffle.life.now = ENDS + 5 * DAY
    raffle.draw()
    assert raffle.life.account.chances["winter"] == Chances(ENDS + 10 * DAY, 0, 2, raffle.life.today, 1)


def test_an_account_keeps_its_chances_and_one_of_before_has_none() -> None:
    raffle = Raffle(book(tasks=[visit(2)]))
    login(raffle)
    raffle.draw()
    item = account_item(raffle.life.account)
    assert account_of(item).chances == raffle.life.account.chances
    del item.state["chances"]
    assert account_of(item).chances == {}


WRONG: dict[str, dict[str, Any]] = {
    "another lottery": {"lottery": "summer"},
    "another disclosure": {"digest": "0" * 64},
    "no number of a draw": {"number": NUMBERS},
    "another prize than the number's": {"prize": "tea"},
    "something was paid for a prize that had run out": {"out": True},
}


@pytest.mark.parametrize("problem", WRONG)
def test_a_draw_that_was_tampered_with_is_found(problem: str) -> None:
    entry = Raffle().draw(MUG)
    assert problem in lotteries.check({**entry.facts["draw"], **WRONG[problem]}, loaded(), entry.at)


def test_a_draw_outside_the_lotterys_time_and_points_that_ran_out_are_found() -> None:
    entry = Raffle().draw(TEN)
    draw = entry.facts["draw"]
    for moment, wrong in ((STARTS, False), (STARTS - timedelta(seconds=1), True), (ENDS, True)):
        assert ("not within the lottery's time" in lotteries.check(draw, loaded(), moment)) == wrong
    assert lotteries.check({**draw, "out": True, "paid": {}}, loaded(), entry.at) == ["what has no bound ran out"]
    assert lotteries.check({**draw, "prize": ""}, loaded(), entry.at) == ["another prize than the number's"]


def test_a_mend_of_the_odds_is_another_disclosure() -> None:
    entry = Raffle().draw(MUG)
    better = loaded(prizes=[*lottery()["prizes"][:2], prize(odds_ppm=10_001)])
    assert lotteries.check(entry.facts["draw"], better, entry.at) == ["another disclosure"]
