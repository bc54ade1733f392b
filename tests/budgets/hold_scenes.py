"""Points that pay for orders: the quote, a hold and its steps, and how holds expire."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from chalicelib.engine.decision import Entry
from chalicelib.holds.workers import hold_expiry, holds_due
from chalicelib.ledger import due
from chalicelib.rulebook import store
from tests.budgets.due_scenes import EVENT, _deliver, _ids
from tests.budgets.members import Call, Scene, regular
from tests.budgets.tier_scenes import CLOCKS
from tests.functional import holds_room as till
from tests.harness import world
from tests.harness.api import Api, Member, Reply

# Less than the earliest lot: a lot spent to its end would also move the due date, 2 units in its index.
POINTS = 50


def _open(api: Api) -> Member:
    till.open_till(api)
    return regular(api)


def _quote(api: Api) -> Call:
    member = _open(api)
    return lambda: till.quote(api, member, 9_900)


def _hold(api: Api) -> Call:
    member = _open(api)
    return lambda: till.hold(api, member, POINTS)


def _hold_by_openid(api: Api) -> Call:
    from tests.budgets.scenes import OPENID

    member = _open(api)
    return lambda: till.hold(api, member, POINTS, member_id=None, openid=OPENID)


def _again(scene: Scene) -> Scene:
    def twice(api: Api) -> Call:
        call = scene(api)
        assert call().status == 200
        return call

    return twice


def _of_a_hold(step: Callable[[Api], Reply], *before: Callable[[Api], Reply]) -> Scene:
    def scene(api: Api) -> Call:
        till.held(api, _open(api), POINTS)
        for one in before:
            assert one(api).status == 200
        return lambda: step(api)

    return scene


def _expired(api: Api, members: int) -> None:
    """Members of one shard, each with a hold whose time is over."""
    till.open_till(api)
    for member_id in _ids(members):
        world.join(member_id, store.current(api.clock.now), api.clock.now)
        till.held(api, Member(member_id, "", ""), POINTS, f"of-{member_id}")
    api.clock.pass_(minutes=30)


def _fires(members: int) -> Scene:
    def scene(api: Api) -> Call:
        _expired(api, members)
        return lambda: hold_expiry(EVENT, None)

    return scene


def _page(members: int, page: int = due.PAGE) -> Scene:
    def scene(api: Api) -> Call:
        _expired(api, members)

        def call() -> Any:
            with patch.object(due, "PAGE", page):
                return _deliver(holds_due, "hold_expiry")

        return call

    return scene


def _at_the_same_time(api: Api) -> Call:
    """After this delivery has read the hold, another does all there is to do; both are counted."""
    _expired(api, 1)
    original, waiting = due.scope, [lambda: _deliver(holds_due, "hold_expiry")]

    def scope(name: str) -> list[Entry]:
        found = original(name)
        if waiting:
            assert waiting.pop()() == {"batchItemFailures": []}
        return found

    def call() -> Any:
        with patch.object(due, "scope", scope):
            return _deliver(holds_due, "hold_expiry")

    return call


def _clock_past_a_hold(api: Api) -> Call:
    """A member under a clock that shows now; it is moved on to when their hold expires."""
    member, token = _open(api), api.operator()
    body = {"frozen_at": api.clock.now.isoformat(), "members": [member.member_id]}
    clock_id = api.call("POST", CLOCKS, body, token=token).body["clock_id"]
    expires_at = till.held(api, member, POINTS)["expires_at"]
    return lambda: api.call("POST", f"{CLOCKS}/{clock_id}/advance", {"to": expires_at}, token=token)


SCENES: dict[str, Scene] = {
    "POST /v1/me/cash-offsets/quote": _quote,
    "POST /v1/holds": _hold,
    "POST /v1/holds, by openid": _hold_by_openid,
    "POST /v1/holds, replayed": _again(_hold),
    "GET /v1/holds/{hold_id}": _of_a_hold(till.show),
    "POST /v1/holds/{hold_id}/capture": _of_a_hold(till.capture),
    "POST /v1/holds/{hold_id}/capture, a part": _of_a_hold(lambda api: till.capture(api, 30)),
    "POST /v1/holds/{hold_id}/capture, replayed": _of_a_hold(till.capture, till.capture),
    "POST /v1/holds/{hold_id}/release": _of_a_hold(till.release),
    "POST /v1/holds/{hold_id}/refunds": _of_a_hold(lambda api: till.refund(api, 20), till.capture),
    f"POST {CLOCKS}/{{clock_id}}/advance, past a hold": _clock_past_a_hold,
    "HoldExpiry": _fires(0),
    "HoldExpiry, something has expired": _fires(1),
    "HoldsDue": _page(1),
    "HoldsDue, followed by another page": _page(2, 1),
    "HoldsDue, twice at the same time": _at_the_same_time,
}
