"""Many more taps than codes, on threads against a database that runs apart: each code is given to one member, none is
left, and whoever went without paid nothing."""

from collections import Counter

from chalicelib import ledger
from chalicelib.redemption import codes, items, offers, service
from chalicelib.redemption.schemas import RedeemIn
from chalicelib.shared import clock
from chalicelib.shared.callers import Member
from chalicelib.shared.errors import Refusal
from tests.cloud.brand import Brand, at_once
from tests.cloud.test_stock import joined
from tests.functional.redemptions_room import document

OFFER, THREADS = "coded_rush", 40
CODES = [f"CODE-{number:02}" for number in range(10)]


def tap(member_id: str) -> tuple[str, list[str | None]]:
    """The code of the refusal, empty for a success, and the codes that were given."""
    body = RedeemIn(offer_id=OFFER, quantity=1, expected_points=10)
    try:
        outcome = service.redeem(Member(member_id, clock.now()), body, "tap", clock.now())
    except Refusal as refused:
        return refused.code, []
    return "", codes.texts(OFFER, outcome.entry.facts["room"]["codes"])


def test_forty_taps_on_ten_codes_give_each_code_once(brand: Brand) -> None:
    offers.create(document(OFFER, "virtual", stock={"mode": "codes"}), "test", clock.now())
    offers.publish(OFFER, "test", clock.now())
    assert codes.load(OFFER, CODES, "test", clock.now()).left == len(CODES)
    members = joined(THREADS, "MCODES0")
    done = at_once(THREADS, lambda number: tap(members[number]))
    given = [code for _, texts in done for code in texts]
    assert sorted(map(str, given)) == CODES
    refusals = Counter(code for code, _ in done)
    assert refusals[""] == len(CODES)
    # Of those that met others too often, none has taken anything.
    assert set(refusals) <= {"", "SOLD_OUT", "UNAVAILABLE"}
    assert items.free_codes(OFFER, "0", 100) == []
    assert sum(ledger.load(member_id).balance for member_id in members) == 100 * THREADS - 10 * len(CODES)
