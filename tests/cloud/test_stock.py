"""Many more taps than pieces, on threads against a database that runs apart: exactly the pieces are sold, in one shard
and in eight, nobody has more than one member may, and whoever went without was told so and paid nothing.

`STOCK_ATTEMPTS=5000` makes it the long run: that many taps by two members for every five, on a tenth as many
pieces.
"""

import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.ledger.items import EntryItem
from chalicelib.redemption import items, offers, service
from chalicelib.redemption.schemas import RedeemIn
from chalicelib.rulebook import store
from chalicelib.shared import clock
from chalicelib.shared.callers import Member
from chalicelib.shared.errors import Refusal
from tests.cloud.brand import Brand, at_once
from tests.functional.redemptions_room import document
from tests.harness import world

ATTEMPTS = int(os.environ.get("STOCK_ATTEMPTS", "300"))
MEMBERS, PIECES, THREADS = ATTEMPTS * 2 // 5, ATTEMPTS // 10, 8
LIMIT = 1


def put_on_sale(offer_id: str, shards: int, pieces: int, **fields: Any) -> None:
    content = document(offer_id, stock={"mode": "total", "pieces": pieces, "shards": shards}, **fields)
    offers.create(content, "test", clock.now())
    offers.publish(offer_id, "test", clock.now())


def joined(count: int, prefix: str) -> list[str]:
    """So many new members with 100 points each."""
    published, now = store.current(clock.now()), clock.now()
    ids = [f"{prefix}{number:012d}" for number in range(count)]
    with ThreadPoolExecutor(THREADS) as pool:
        accounts = list(pool.map(lambda member_id: world.join(member_id, published, now), ids))
    assert {account.balance for account in accounts} == {100}
    return ids


def tap(offer_id: str, member_id: str, key: str) -> str:
    """The code of the refusal; empty for a success."""
    body = RedeemIn(offer_id=offer_id, quantity=1, expected_points=10)
    try:
        service.redeem(Member(member_id, clock.now()), body, key, clock.now())
    except Refusal as refused:
        return refused.code
    return ""


@pytest.mark.parametrize("shards", [1, 8])
def test_exactly_the_pieces_are_sold_however_many_tap(brand: Brand, shards: int) -> None:
    offer_id = f"rush_{shards}"
    put_on_sale(offer_id, shards, PIECES, limits={"day": LIMIT})
    members = joined(MEMBERS, f"M{shards}RUSH0")
    taps = [members[number % MEMBERS] for number in range(ATTEMPTS)]
    random.Random(shards).shuffle(taps)

    def customers(thread: int) -> list[tuple[str, str]]:
        mine = list(enumerate(taps))[thread::THREADS]
        return [(member_id, tap(offer_id, member_id, f"tap-{number}")) for number, member_id in mine]

    done = [one for some in at_once(THREADS, customers) for one in some]
    codes = Counter(code for _, code in done)
    assert codes[""] == PIECES
    assert set(codes) <= {"", "SOLD_OUT", "LIMIT_REACHED"}
    served = Counter(member_id for member_id, code in done if not code)
    assert max(served.values()) <= LIMIT
    found = items.shards(offer_id, "all")
    assert [(int(shard.left), int(shard.total) > 0) for shard in found] == [(0, True)] * shards
    assert sum(int(shard.total) for shard in found) == PIECES
    balances = {member_id: ledger.load(member_id).balance for member_id in members}
    assert balances == {member_id: 100 - 10 * served[member_id] for member_id in members}


def test_the_last_piece_is_had_by_one_of_two_each_time(brand: Brand) -> None:
    pair = joined(2, "MLASTPIECE0000")
    pieces = 8
    for number in range(pieces):
        put_on_sale(f"last_{number}", 1, 1)
    for number in range(pieces):
        codes = at_once(2, lambda n: tap(f"last_{number}", pair[n], f"last-{number}-{n}"))  # noqa: B023
        assert sorted(codes) == ["", "SOLD_OUT"]
    assert sum(ledger.load(member_id).balance for member_id in pair) == 200 - 10 * pieces


def test_two_taps_at_once_over_http_do_not_pass_a_members_limit(brand: Brand) -> None:
    put_on_sale("limited", 8, 20, limits={"day": 2})
    member = brand.newcomer()
    body = {"offer_id": "limited", "quantity": 1, "expected_points": 10}
    keys = [brand.fresh() for _ in range(6)]
    replies = at_once(6, lambda n: brand.call("POST", "/v1/me/redemptions", body, token=member.token, key=keys[n]))
    assert Counter(reply.code for reply in replies) == {"": 2, "LIMIT_REACHED": 4}
    assert brand.account(member).balance == 80
    assert sum(int(shard.left) for shard in items.shards("limited", "all")) == 18
    assert [item.kind for item in EntryItem.by_seq.query(member.member_id)] == ["joined", "redeemed", "redeemed"]
