"""Many draws at once on few pieces, against a database that runs apart: exactly the pieces are given, and whoever drew
after the last one kept what a draw costs. The rules are this test's own, so that no other test finds them in force."""

from collections import Counter
from datetime import date

import pytest

from chalicelib import ledger
from chalicelib.engine import lotteries
from chalicelib.engine.account import Profile
from chalicelib.engine.events import Cause, ProfileChanged
from chalicelib.engine.process import process
from chalicelib.lottery import items, service
from chalicelib.lottery.schemas import DrawIn
from chalicelib.rulebook import store
from chalicelib.rulebook.model import Published, load
from chalicelib.rulebook.model_lotteries import lottery_of
from chalicelib.rulebook.presets import preset
from chalicelib.shared.callers import Member
from tests.cloud.brand import Brand, at_once
from tests.harness import world
from tests.unit.raffle import OFF, STARTS, lottery, prize

THREADS, DRAWS, PIECES, PRICE = 20, 10, 5, 10
CERTAIN = lottery(
    "rush", draws_per_day=DRAWS, draws_per_member=DRAWS, price_points=PRICE,
    prizes=[prize(odds_ppm=1_000_000, pieces=PIECES)],
)  # fmt: skip


@pytest.fixture
def rules(brand: Brand, monkeypatch: pytest.MonkeyPatch) -> Published:
    """The demo brand's rules with a lottery in which every number wins, for this process alone."""
    number = store.current(brand.clock.now).version
    published = Published(
        version=number, rulebook=load({**preset("retail"), "lotteries": [CERTAIN], "guard_rails": OFF})
    )
    monkeypatch.setattr(store, "current", lambda now: published)
    monkeypatch.setattr(store, "at", lambda version: published)
    return published


def player(number: int, rules: Published) -> str:
    """A member with 100 points and consent."""
    member_id = f"MLOTTERY{number:011d}"
    account = world.join(member_id, rules, STARTS)
    assert (account.balance, account.profile) == (100, Profile())
    event = ProfileChanged(Cause(member_id, "consent#test"), {"consents": {"lottery": "1@2026-11-24"}})
    ledger.execute(member_id, lambda account: process(rules, account, event, STARTS), body_hash="consent")
    return member_id


def test_exactly_the_pieces_are_given_however_many_draw(rules: Published) -> None:
    members = [player(number, rules) for number in range(THREADS)]

    def draws(thread: int) -> list[bool]:
        """Each thread draws for its own member; whether each draw won."""
        caller, body = Member(members[thread], STARTS), DrawIn(expected_points=PRICE)
        outcomes = [service.draw(caller, "rush", body, f"draw-{number}", STARTS) for number in range(DRAWS)]
        return [not outcome.entry.facts["draw"].get("out") for outcome in outcomes]

    won = at_once(THREADS, draws)
    assert sum(map(sum, won)) == PIECES
    balances = [ledger.load(member_id).balance for member_id in members]
    assert balances == [100 - PRICE * sum(wins) for wins in won]
    one = lottery_of(rules.rulebook.lotteries, "rush")
    assert one is not None
    (stock,) = items.read_prizes(one)
    assert (int(stock.left), int(stock.total)) == (0, PIECES)
    recorded = items.of_day("rush", date(2026, 11, 25), THREADS * DRAWS + 1, None)
    assert Counter(bool(item.draw.get("out")) for item in recorded) == {False: PIECES, True: THREADS * DRAWS - PIECES}
    assert [problems for item in recorded if (problems := lotteries.check(item.draw, one, STARTS))] == []
