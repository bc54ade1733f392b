"""Holds as deployed: one that nobody takes up expires by itself, and many at once take no more than there is. The
functions' clock is the real one, so a hold that is over was made a while ago."""

from collections import Counter
from datetime import timedelta

from chalicelib import ledger
from chalicelib.engine.account import Account
from chalicelib.engine.events import Cause, PointsAdjusted, PointsHeld
from chalicelib.holds import service
from chalicelib.holds.schemas import HoldIn
from chalicelib.ledger.items import EntryItem
from chalicelib.shared import clock
from chalicelib.shared.errors import Refusal
from chalicelib.shared.ids import new_member_id
from tests.cloud.brand import Brand, Stack, at_once, eventually
from tests.cloud.test_schedules import current, fire, happened
from tests.harness import world

STEP = 100  # of the retail preset, and what joining gives


def points_of(account: Account) -> tuple[int, int]:
    """(balance, held) by now."""
    now = ledger.load(account.member_id)
    return now.balance, now.held


def hold(account: Account, hold_id: str) -> str:
    """The code of the refusal; empty for a success."""
    body = HoldIn(hold_id=hold_id, order_id=f"o-{hold_id}", member_id=account.member_id, amount_fen=10_000, points=STEP)
    try:
        service.place(body, clock.now())
    except Refusal as refused:
        return refused.code
    return ""


def test_a_hold_that_nobody_takes_up_expires_by_itself(brand: Brand, stack: Stack) -> None:
    long_ago, hold_id = clock.now() - timedelta(minutes=31), brand.fresh("hold")
    account = world.join(new_member_id(), current(), long_ago)
    cause = Cause(f"hold#{hold_id}", f"hold#{hold_id}")
    happened(account, PointsHeld(cause, hold_id, "o-1", 10_000, STEP), long_ago)
    late = brand.merchant("POST", f"/v1/holds/{hold_id}/capture", {})
    assert (late.status, late.code) == (409, "HOLD_EXPIRED")
    # The schedule of every minute may have come first: then this run finds nothing.
    fire(stack, "HoldExpiry")
    eventually(lambda: points_of(account), (STEP, 0))
    assert brand.merchant("GET", f"/v1/holds/{hold_id}").body["hold"]["state"] == "expired"
    fire(stack, "HoldExpiry")
    kinds = [item.kind for item in EntryItem.by_seq.query(account.member_id)]
    assert kinds == ["joined", "points_held", "hold_expired"]


def test_twenty_holds_at_once_on_points_for_five_are_five(brand: Brand) -> None:
    account = world.join(new_member_id(), current(), clock.now())
    happened(account, PointsAdjusted(Cause(account.member_id, "given"), 4 * STEP, "for a test", "test"), clock.now())
    ids = [brand.fresh("hold") for _ in range(20)]
    codes = at_once(20, lambda n: hold(account, ids[n]))
    assert Counter(codes) == {"": 5, "INSUFFICIENT_POINTS": 15}
    assert points_of(account) == (0, 5 * STEP)
    held = [hold_id for hold_id, code in zip(ids, codes, strict=True) if not code]
    for hold_id in held:
        assert brand.merchant("POST", f"/v1/holds/{hold_id}/capture", {}).status == 200
    assert points_of(account) == (0, 0)
