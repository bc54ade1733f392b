"""The lottery: looked at, drawn from, counted anew."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from chalicelib.lottery import items, stock
from chalicelib.lottery.service import find
from tests.budgets.members import Call, Scene, regular
from tests.functional.lottery_room import draw, publish
from tests.harness.api import Api, Member, Reply
from tests.unit.raffle import lottery, prize

PUBLIC, MINE, ADMIN = "/v1/lotteries", "/v1/me/lotteries", "/v1/admin/lotteries"
# Every number wins, so that it is no matter which is drawn.
POINTS = prize("ten", kind="points", points=10, odds_ppm=1_000_000, pieces=None, value_fen=0)
MUG = prize(odds_ppm=1_000_000, pieces=2)


def _player(api: Api, won: dict[str, Any]) -> Member:
    """The regular member with consent; the lottery is open, and its prize has been asked for before."""
    member = regular(api)
    consent = {"name": "lottery", "version": "1", "granted": True}
    assert api.call("POST", "/v1/me/consents", consent, token=member.token, key=api.fresh()).status == 200
    starts = api.clock.now + timedelta(hours=1)
    times = {"starts_at": starts.isoformat(), "ends_at": (starts + timedelta(days=9)).isoformat()}
    publish(api, lottery(prizes=[won], **times))
    api.clock.now = starts
    stock.gone(find("winter", starts)[1])
    return member


def _drawing(won: dict[str, Any], *before: str) -> Scene:
    """Draws once more after those with these keys."""

    def scene(api: Api) -> Call:
        member = _player(api, won)
        for key in before:
            assert draw(api, member, key).status == 200
        return lambda: draw(api, member, "once")

    return scene


def _run_out(api: Api) -> Call:
    """Other members have won both mugs."""
    member = _player(api, MUG)
    (item,) = items.read_prizes(find("winter", api.clock.now)[1])
    item.update([items.PrizeItem.left.set(0)])
    return lambda: draw(api, member, "once")


def _drawn(call: Callable[[Api, Member, str, str], Reply]) -> Scene:
    """One mug was won: the member, an operator's token, the draw's id."""

    def scene(api: Api) -> Call:
        member, token = _player(api, MUG), api.operator()
        draw_id = draw(api, member).body["draw"]["draw_id"]
        return lambda: call(api, member, token, draw_id)

    return scene


def _on(api: Api) -> str:
    return (api.clock.now + timedelta(hours=8)).date().isoformat()


SCENES: dict[str, Scene] = {
    f"GET {PUBLIC}": _drawn(lambda api, *_: api.call("GET", PUBLIC)),
    f"GET {PUBLIC}/{{lottery}}": _drawn(lambda api, *_: api.call("GET", f"{PUBLIC}/winter")),
    f"GET {MINE}/{{lottery}}": _drawn(lambda api, member, *_: api.call("GET", f"{MINE}/winter", token=member.token)),
    f"POST {MINE}/{{lottery}}/draws": _drawing(POINTS),
    f"POST {MINE}/{{lottery}}/draws, a prize with pieces": _drawing(MUG),
    f"POST {MINE}/{{lottery}}/draws, one that has run out": _run_out,
    f"POST {MINE}/{{lottery}}/draws, replayed": _drawing(POINTS, "once"),
    f"GET {ADMIN}/{{lottery}}/draws": _drawn(
        lambda api, _, token, __: api.call("GET", f"{ADMIN}/winter/draws?on={_on(api)}", token=token)
    ),
    f"GET {ADMIN}/{{lottery}}/recount": _drawn(
        lambda api, _, token, __: api.call("GET", f"{ADMIN}/winter/recount?on={_on(api)}", token=token)
    ),
    "POST /v1/admin/draws/{draw_id}/delivery": _drawn(
        lambda api, _, token, draw_id: api.call(
            "POST", f"/v1/admin/draws/{draw_id}/delivery", {"note": "at the counter"}, token=token
        )
    ),
}
