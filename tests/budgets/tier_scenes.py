"""Tiers, tasks, benefits, test clocks and the inbox, as members and operators call them."""

from datetime import timedelta
from typing import Any

from chalicelib import ledger
from chalicelib.notices import inbox
from chalicelib.rulebook import store
from tests.budgets.members import Call, Scene, regular
from tests.harness.api import Api, Member, Reply

CLOCKS = "/v1/admin/test-clocks"
TAPPED = {
    "id": "tapped", "kind": "daily", "points": 5, "claim": "tap", "name": {"zh": "任务", "en": "A task"},
    "goals": [{"metric": "check_ins", "window": "day", "at_least": 1, "name": {"zh": "签到", "en": "check-ins"}}],
}  # fmt: skip


def _reads(path: str) -> Scene:
    def scene(api: Api) -> Call:
        member = regular(api)
        return lambda: api.call("GET", path, token=member.token)

    return scene


def _writes(api: Api, member: Member, path: str) -> Reply:
    return api.call("POST", path, {}, token=member.token, key="once")


def _claim(api: Api) -> Call:
    api.publish({"tasks": [TAPPED]})
    member = regular(api)
    assert api.call("POST", "/v1/me/check-ins", token=member.token, key="before").status == 200
    return lambda: _writes(api, member, "/v1/me/tasks/tapped/claims")


def _use(api: Api) -> Call:
    member = regular(api)
    return lambda: _writes(api, member, "/v1/me/benefits/daily_uses/uses")


def _use_again(api: Api) -> Call:
    call = _use(api)
    assert call().status == 200
    return call


def _set_tier(api: Api) -> Call:
    member, token = regular(api), api.operator()
    body = {"tier": "gold", "reason": "a loyal friend"}
    return lambda: api.call("POST", f"/v1/admin/members/{member.member_id}/tier", body, token=token, key="once")


def _set_tier_again(api: Api) -> Call:
    call = _set_tier(api)
    assert call().status == 200
    return call


def _told(api: Api) -> tuple[Member, str]:
    """A member with one notice, and the notice's id."""
    assert _set_tier(api)().status == 200
    member = api.log_in("ann")
    return member, inbox.page(member.member_id, 1, None)[0][0].notice_id


def _notices(api: Api) -> Call:
    member, _ = _told(api)
    return lambda: api.call("GET", "/v1/me/notices", token=member.token)


def _read(api: Api) -> Call:
    member, notice_id = _told(api)
    return lambda: _writes(api, member, f"/v1/me/notices/{notice_id}/read")


def _read_again(api: Api) -> Call:
    call = _read(api)
    assert call().status == 200
    return call


def _clock(api: Api) -> tuple[Call, str]:
    """Making a clock for the regular member that shows the present, and the owner's token."""
    member, token = regular(api), api.operator()
    body: dict[str, Any] = {"frozen_at": api.clock.now.isoformat(), "members": [member.member_id]}
    return lambda: api.call("POST", CLOCKS, body, token=token), token


def _make_clock(api: Api) -> Call:
    return _clock(api)[0]


def _show_clock(api: Api) -> Call:
    make, token = _clock(api)
    clock_id = make().body["clock_id"]
    return lambda: api.call("GET", f"{CLOCKS}/{clock_id}", token=token)


def _advance(api: Api) -> Call:
    """A day on, on which nothing is due."""
    make, token = _clock(api)
    clock_id = make().body["clock_id"]
    body = {"to": (api.clock.now + timedelta(days=1)).isoformat()}
    return lambda: api.call("POST", f"{CLOCKS}/{clock_id}/advance", body, token=token)


def _advance_a_year(api: Api) -> Call:
    """Up to the first notice that points expire."""
    make, token = _clock(api)
    reply = make().body
    (member_id,) = reply["members"]
    day = ledger.load(member_id).points_due_on
    assert day
    assert store.current(api.clock.now).version == 1
    body = {"to": f"{day + timedelta(days=1)}T00:00:00Z"}
    return lambda: api.call("POST", f"{CLOCKS}/{reply['clock_id']}/advance", body, token=token)


SCENES: dict[str, Scene] = {
    "GET /v1/tiers": _reads("/v1/tiers"),
    "GET /v1/me/tier": _reads("/v1/me/tier"),
    "GET /v1/me/tasks": _reads("/v1/me/tasks"),
    "POST /v1/me/tasks/{task}/claims": _claim,
    "GET /v1/me/benefits": _reads("/v1/me/benefits"),
    "POST /v1/me/benefits/{benefit}/uses": _use,
    "POST /v1/me/benefits/{benefit}/uses, replayed": _use_again,
    "POST /v1/admin/members/{member_id}/tier": _set_tier,
    "POST /v1/admin/members/{member_id}/tier, replayed": _set_tier_again,
    f"POST {CLOCKS}": _make_clock,
    f"GET {CLOCKS}/{{clock_id}}": _show_clock,
    f"POST {CLOCKS}/{{clock_id}}/advance": _advance,
    f"POST {CLOCKS}/{{clock_id}}/advance, past something due": _advance_a_year,
    "GET /v1/me/notices": _notices,
    "POST /v1/me/notices/{notice_id}/read": _read,
    "POST /v1/me/notices/{notice_id}/read, replayed": _read_again,
}
