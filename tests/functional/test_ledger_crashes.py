"""Killed at any moment and sent again, a command has happened once and everything adds up."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.earning.workers import orders
from chalicelib.rulebook import store
from chalicelib.shared import audit
from tests.harness import faults, world
from tests.harness.api import Api, Member, Reply
from tests.harness.faults import Killed

BIRTHDAY = {"nickname": "安", "avatar_url": "https://brand.example/ann.png", "birthday": "02-29"}


@dataclass
class Scene:
    """A member of three days with consent, an order `o-0` and a negative adjustment `less`; `parked-1` has its refund
    and completion waiting for it."""

    api: Api
    member: Member = field(init=False)
    operator: str = field(init=False)
    taken: str = field(init=False)

    def __post_init__(self) -> None:
        self.member = self.api.log_in("ann")
        self.api.clock.pass_(days=3)
        self.member, self.operator = self.api.log_in("ann"), self.api.operator()
        consent = {"name": "privacy_policy", "version": "1", "granted": True}
        done = [
            self.api.call("POST", "/v1/me/consents", consent, token=self.member.token, key="consent"),
            self.api.order(self.member, 20_000, "o-0"),
            self.adjust({"points": -30, "reason": "a mistake"}, "less"),
            self.api.refund("parked-1", "early", 3_000),
            self.api.complete("parked-1"),
        ]
        assert [reply.status for reply in done] == [200, 200, 200, 202, 202]
        self.taken = done[2].body["entry"]["cause"]

    def mine(self, method: str, path: str, body: Any = None) -> Reply:
        return self.api.call(method, path, body, token=self.member.token, key="key")

    def adjust(self, body: Any, key: str = "key") -> Reply:
        return self.admin("adjustments", body, key)

    def admin(self, what: str, body: Any, key: str = "key") -> Reply:
        path = f"/v1/admin/members/{self.member.member_id}/{what}"
        return self.api.call("POST", path, body, token=self.operator, key=key)

    def queued(self) -> Reply:
        paid_at = self.api.clock.now.isoformat()
        body = {"order_id": "q-1", "member_id": self.member.member_id, "paid_at": paid_at, "amount_fen": 9_900}
        message = {"messageId": "m", "body": json.dumps(body), "attributes": {"MessageGroupId": "g"}}
        answer = orders({"Records": [message]}, None)
        return Reply(200 if answer == {"batchItemFailures": []} else 503, None, {})

    def event(self) -> Reply:
        occurred_at, member_id = self.api.clock.now.isoformat(), self.member.member_id
        body = {"event_id": "e-1", "member_id": member_id, "kind": "survey", "occurred_at": occurred_at}
        return self.api.merchant("POST", "/v1/events", body)


Command = Callable[[Scene], Reply]

COMMANDS: dict[str, Command] = {
    "an order": lambda s: s.api.order(s.member, 10_000, "o-1"),
    "an order whose refund and completion came first": lambda s: s.api.order(s.member, 10_000, "parked-1"),
    "a refund": lambda s: s.api.refund("o-0", "r-1", 5_000),
    "a refund before its order": lambda s: s.api.refund("o-2", "r-1", 5_000),
    "a completion": lambda s: s.api.complete("o-0"),
    "an order on the queue": Scene.queued,
    "an event": Scene.event,
    "an action": lambda s: s.mine("POST", "/v1/me/actions", {"action_id": "a-1", "kind": "login"}),
    "a check-in": lambda s: s.mine("POST", "/v1/me/check-ins"),
    "a make-up": lambda s: s.mine("POST", "/v1/me/check-ins/make-up", {"on": _yesterday(s)}),
    "a profile": lambda s: s.mine("PATCH", "/v1/me", BIRTHDAY),
    "a log-out everywhere": lambda s: s.mine("POST", "/v1/me/logout-everywhere"),
    "an adjustment": lambda s: s.adjust({"points": 70, "reason": "a present"}),
    "a reversal": lambda s: s.adjust({"points": 30, "reason": "given back", "reverses": s.taken}),
    "a freeze": lambda s: s.admin("freeze", {"reason": "suspicious"}),
}


def _yesterday(scene: Scene) -> str:
    return (scene.api.clock.now - timedelta(days=1)).date().isoformat()


def _sweep(run: Callable[[], Reply], again: Callable[[], Reply], name: str, *, cold: bool = False) -> None:
    """Kills `run` before its first storage call and after each of them (which is before the next), then sends it
    `again`. `cold`: in a new container, which reads the rulebook first."""
    before = faults.snapshot()
    run()  # so that the container is warm

    def from_the_start() -> list[str]:
        faults.restore(before)
        if cold:
            store.forget()
        return faults.state()

    untouched = from_the_start()
    with faults.counted() as calls:
        first = run()
    assert first.status in (200, 202), (name, first)
    undisturbed = faults.state()
    assert undisturbed != untouched, f"{name} did nothing"
    assert world.broken_invariants() == {}, name
    for number in range(len(calls) + 1):
        where = f"{name}: killed after {calls[:number]}"
        from_the_start()
        with faults.killed_after(number), pytest.raises(Killed):
            run()
        if cold:
            store.forget()
        reply = again()
        assert (reply.status, _lasting(reply)) == (first.status, _lasting(first)), where
        # The same items as undisturbed, for which the invariants hold.
        assert faults.state() == undisturbed, where
    from_the_start()


def _lasting(reply: Reply) -> Any:
    """The answer, but for the tokens of a login and whether its member is new."""
    return None if reply.body and "access_token" in reply.body else reply.body


@pytest.fixture(autouse=True)
def _no_revalidation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the rulebook is looked up again depends on seconds gone by, and calls must be the same every time."""
    monkeypatch.setattr(store, "REVALIDATE_SECONDS", float("inf"))


def test_a_command_killed_at_any_storage_call_and_sent_again_has_happened_once(api: Api) -> None:
    scene = Scene(api)
    for name, command in COMMANDS.items():
        _sweep(lambda: command(scene), lambda: command(scene), name, cold=name == "an order")  # noqa: B023


def test_a_first_login_killed_at_any_storage_call_makes_one_member(api: Api) -> None:
    codes: list[str] = []

    def log_in(code: str) -> Reply:
        codes.append(code)
        return api.call("POST", "/v1/auth/wechat", {"code": code, "invite_code": "FRIEND"})

    def again() -> Reply:
        reply = log_in(codes[-1])
        # A code that WeChat had already taken when we were killed is gone; the mini-program asks for another.
        return log_in(f"local:bob:{api.fresh()}") if reply.code == "LOGIN_CODE_USED" else reply

    with faults.no_sleep():
        _sweep(lambda: log_in(f"local:bob:{api.fresh()}"), again, "a first login")


def test_a_command_of_two_separate_writes_does_not_pass_the_sweep(api: Api) -> None:
    scene = Scene(api)

    def torn() -> Reply:
        audit.record("operator:1", "points.adjust", scene.member.member_id, {}, api.clock.now).save()
        return scene.adjust({"points": 70, "reason": "a present"})

    with pytest.raises(AssertionError, match=r"torn: killed after \['PutItem'\]"):
        _sweep(torn, torn, "torn")
