"""Prizes' pieces: exactly as many as disclosed, whoever draws at the same moment, whatever breaks on the way, and
whatever a later version adds."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Barrier
from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.lottery import items, service, stock
from chalicelib.lottery.schemas import DrawIn
from chalicelib.rulebook import store
from chalicelib.rulebook.model_lotteries import Lottery
from chalicelib.shared.callers import Member as Caller
from chalicelib.shared.errors import Refusal
from tests.functional.lottery_room import ON, draw, fix, left, lottery, opened, player, publish
from tests.functional.test_ledger_crashes import _sweep
from tests.harness import faults
from tests.harness.api import Api, Member
from tests.harness.faults import Fault
from tests.unit.raffle import MUG, NOTHING, TEA, TEN, loaded, prize


@pytest.fixture(autouse=True)
def _books(api: Api) -> Iterator[None]:
    """After every test what was given and what is left is what there was, and every draw says what its number does."""
    yield
    drawn = [item for item in items.DrawItem.scan() if item.id.startswith("draws#")]
    assert {item.draw["draw_id"]: problems for item in drawn if (problems := service._problems(item))} == {}
    given = Counter(item.draw.get("prize") for item in drawn if not item.draw.get("out"))
    stocks = [item for item in items.PrizeItem.scan() if item.id.startswith("prizes#")]
    assert {item.kind: given[item.kind] + item.left for item in stocks} == {item.kind: item.total for item in stocks}
    assert all(item.left >= 0 for item in stocks)


def at_once(api: Api, members: list[Member]) -> list[bool]:
    """Everybody draws at the same moment; who won."""
    barrier = Barrier(len(members))

    def one(member: Member) -> bool:
        barrier.wait()
        caller = Caller(member.member_id, api.clock.now)
        outcome = service.draw(caller, "winter", DrawIn(expected_points=10), api.fresh("tap"), api.clock.now)
        return not outcome.entry.facts["draw"].get("out")

    with ThreadPoolExecutor(len(members)) as pool:
        return list(pool.map(one, members))


def recorded() -> list[dict[str, Any]]:
    return [item.draw for item in items.of_day("winter", date.fromisoformat(ON), 100, None)]


def test_of_two_who_draw_the_last_piece_at_once_one_has_it_and_the_other_pays_nothing(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(api)
    pair = [player(api, "ann"), player(api, "ben")]
    fix(monkeypatch, MUG)
    won = at_once(api, pair)
    assert sorted(won) == [False, True]
    balances = [api.account(member).balance for member in pair]
    assert balances == [990 if wins else 1_000 for wins in won]
    assert (left(), [draw.get("out", False) for draw in recorded()].count(False)) == ((0, 1), 1)


def test_two_taps_of_one_member_at_once_keep_to_the_limit_and_the_last_chance(api: Api) -> None:
    opened(api, lottery(draws_per_day=1))
    ann = player(api)
    caller, codes = Caller(ann.member_id, api.clock.now), []
    barrier = Barrier(2)

    def tap(number: int) -> str:
        barrier.wait()
        try:
            service.draw(caller, "winter", DrawIn(expected_points=10), f"tap-{number}", api.clock.now)
        except Refusal as refused:
            return refused.code
        return ""

    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(tap, range(2)))
    assert sorted(codes) == ["", "DRAWS_USED_UP"]
    assert (api.account(ann).chances["winter"].drawn, len(recorded())) == (1, 1)


def test_the_number_is_drawn_once_however_often_it_is_decided_on(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(api)
    ann, others = player(api), [player(api, "ben")]
    numbers, looks = fix(monkeypatch, MUG, MUG, TEN), stock.gone

    def look(*arguments: Any) -> tuple[str, ...]:
        """The piece is there when ann looks, and then ben has it."""
        found = looks(*arguments)
        if others:
            assert draw(api, others.pop()).body["draw"]["out"] is False
        return found

    monkeypatch.setattr(stock, "gone", look)
    drawn = draw(api, ann).body["draw"]
    assert (drawn["number"], drawn["out"], drawn["paid_points"]) == (MUG, True, 0)
    assert (numbers, api.account(ann).balance) == ([MUG, MUG], 1_000)


@pytest.mark.parametrize("trouble", [Fault.CUT, Fault.LOST, Fault.CONFLICT, Fault.INTERNAL], ids=lambda one: one.name)
@pytest.mark.parametrize("number", [MUG, NOTHING])
def test_a_draw_in_trouble_on_the_way_is_one_draw(
    api: Api, monkeypatch: pytest.MonkeyPatch, number: int, trouble: Fault
) -> None:
    opened(api)
    ann = player(api)
    stock.gone(loaded())
    fix(monkeypatch, number)
    met = [trouble] * 4
    with faults.no_sleep(), faults.troubled(lambda name: met.pop() if met and name == "TransactWriteItems" else None):
        first = draw(api, ann, "k")
    again = draw(api, ann, "k")
    assert (len(met) < 2, first.status, again.status) == (True, 200, 200)
    assert (api.account(ann).balance, len(recorded()), left()) == (990, 1, (0, 1) if number == MUG else (1, 1))
    assert len([e for e in ledger.statement(ann.member_id, 10, None)[0] if e.kind == "drawn"]) == 1


def test_a_draw_or_a_delivery_killed_at_any_storage_call_and_sent_again_has_happened_once(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "REVALIDATE_SECONDS", float("inf"))
    opened(api, lottery(prizes=[*lottery()["prizes"][:2], prize("mug", pieces=9)]))
    ann, token = player(api), api.operator("support")
    fix(monkeypatch, MUG)
    draw_id = draw(api, ann).body["draw"]["draw_id"]
    path, body = f"/v1/admin/draws/{draw_id}/delivery", {"note": "at the counter"}
    with faults.no_sleep():
        _sweep(lambda: draw(api, ann, "key"), lambda: draw(api, ann, "key"), "a draw")
        deliver = lambda: api.call("POST", path, body, token=token)  # noqa: E731
        _sweep(deliver, deliver, "a delivery")


def test_more_pieces_are_added_once_and_what_is_given_stays_given(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(api)
    members = [player(api, name) for name in ("ann", "ben", "cyd", "dan")]
    fix(monkeypatch, MUG)
    assert [draw(api, member).body["draw"]["out"] for member in members[:2]] == [False, True]
    usual = lottery()["prizes"]
    publish(api, lottery(prizes=[*usual[:2], prize("mug", pieces=3)]))
    assert [draw(api, member).body["draw"]["out"] for member in (*members, members[0])] == [
        False, False, True, True, True,
    ]  # fmt: skip
    assert left() == (0, 3)
    # A container that still has the older version changes nothing.
    assert (stock.gone(loaded()), left()) == (("mug",), (0, 3))


def test_those_who_find_more_pieces_at_the_same_moment_add_them_once(api: Api) -> None:
    more = loaded(prizes=[prize("mug", pieces=5, odds_ppm=1_000_000)])
    assert stock.gone(loaded(prizes=[prize("mug", odds_ppm=1_000_000)])) == ()
    barrier = Barrier(4)

    def look(_: int) -> tuple[str, ...]:
        barrier.wait()
        return stock.gone(more)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(look, range(4))) == [()] * 4
    assert left() == (5, 5)


def test_what_is_shown_is_what_lies_there_a_second_old_at_most(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(api)
    fix(monkeypatch, MUG)

    def shown() -> list[Any]:
        return [prize["left"] for prize in api.call("GET", "/v1/lotteries/winter").body["prizes"]]

    assert shown() == [None, 5, 1]
    draw(api, player(api))
    assert shown() == [None, 5, 1]
    stock.forget()
    assert shown() == [None, 5, 0]


def test_nothing_before_the_transaction_depends_on_the_number(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(api, lottery(draws_per_day=5))
    monkeypatch.setattr(store, "REVALIDATE_SECONDS", float("inf"))
    ann, made = player(api), []
    fix(monkeypatch, NOTHING, NOTHING, TEN, TEA, MUG)
    draw(api, ann)
    for _ in range(4):
        with faults.counted() as calls:
            assert draw(api, ann).status == 200
        made.append(list(calls))
    assert made == [["Query", "GetItem", "TransactWriteItems"]] * 4


def test_a_version_with_more_pieces_that_comes_between_the_look_and_the_draw_is_looked_at_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(api)
    numbers = fix(monkeypatch, MUG)
    draw(api, player(api, "ann"))
    look, ben = stock.gone, player(api, "ben")

    def overtaken(one: Lottery) -> tuple[str, ...]:
        found = look(one)
        monkeypatch.setattr(stock, "gone", look)
        publish(api, lottery(prizes=[*lottery()["prizes"][:2], prize(pieces=2)]))
        return found

    monkeypatch.setattr(stock, "gone", overtaken)
    drawn = draw(api, ben).body["draw"]
    assert (drawn["prize"], drawn["out"], len(numbers), left()) == ("mug", False, 2, (0, 2))
