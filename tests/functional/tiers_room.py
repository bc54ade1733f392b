"""What the tests of tiers share: the member's own calls, an operator's word, and a test clock."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.rulebook.presets import preset
from tests.harness.api import Api, Member, Reply


def get(api: Api, member: Member, path: str) -> Any:
    """What the member reads there."""
    reply = api.call("GET", path, token=member.token)
    assert reply.status == 200, reply
    return reply.body


def use(api: Api, member: Member, benefit: str = "daily_uses", key: str | None = None) -> Reply:
    """One use of a benefit."""
    path = f"/v1/me/benefits/{benefit}/uses"
    return api.call("POST", path, {}, token=member.token, key=key or api.fresh("use"))


def claim(api: Api, member: Member, task: str, key: str | None = None) -> Reply:
    """The tap on a task."""
    return api.call("POST", f"/v1/me/tasks/{task}/claims", {}, token=member.token, key=key or api.fresh("claim"))


def set_tier(api: Api, member_id: str, tier: str, until: str | None = None, *, key: str | None = None) -> Reply:
    """An operator's word."""
    body = {"tier": tier, "reason": "a matter of courtesy", **({"until": until} if until else {})}
    path = f"/v1/admin/members/{member_id}/tier"
    return api.call("POST", path, body, token=api.operator("operator"), key=key or api.fresh("tier"))


def notices(api: Api, member: Member) -> list[tuple[str, str]]:
    """(kind, body in Chinese) of the member's inbox, newest first."""
    page = get(api, member, "/v1/me/notices?limit=100")
    assert page["next_cursor"] is None
    return [(notice["kind"], notice["body"]["zh"]) for notice in page["items"]]


def statement(api: Api, member: Member) -> list[Any]:
    """The member's entries, oldest first."""
    page = get(api, member, "/v1/me/points/entries?limit=100")
    assert page["next_cursor"] is None
    return list(reversed(page["items"]))


def with_task(**task: Any) -> dict[str, Any]:
    """The retail preset's tasks and one more."""
    return {"tasks": [*preset("retail")["tasks"], {"name": {"zh": "任务", "en": "A task"}, **task}]}


@dataclass
class TestClock:
    """A test clock, by an operator who stays logged in however the shop's own clock is moved."""

    __test__ = False
    api: Api
    clock_id: str
    last: Any

    @staticmethod
    def asked(api: Api, at: datetime | str, *members: str, token: str | None = None) -> Reply:
        """The request that makes one."""
        body = {"frozen_at": at if isinstance(at, str) else at.isoformat(), "members": list(members)}
        return api.call("POST", "/v1/admin/test-clocks", body, token=token or api.operator("operator"))

    @classmethod
    def for_(cls, api: Api, *members: Member, at: datetime | str | None = None) -> "TestClock":
        """One for these members, from now on unless told."""
        reply = cls.asked(api, at or api.clock.now, *(member.member_id for member in members))
        assert reply.status == 200, reply
        return cls(api, reply.body["clock_id"], reply.body)

    def ask(self, to: datetime | str) -> Reply:
        """The request that moves it."""
        body = {"to": to if isinstance(to, str) else to.isoformat()}
        path = f"/v1/admin/test-clocks/{self.clock_id}/advance"
        return self.api.call("POST", path, body, token=self.api.operator("operator"))

    def to(self, to: datetime | str) -> list[tuple[str, str]]:
        """Moves it all the way. Returns (instant, kind) of what happened."""
        reply = self.ask(to)
        assert (reply.status, reply.body.get("finished")) == (200, True), reply
        self.last = reply.body
        return [(thing["entry"]["at"][:16], thing["entry"]["kind"]) for thing in reply.body["happened"]]

    @property
    def shows(self) -> str:
        """The instant it shows, as everybody else reads it."""
        path = f"/v1/admin/test-clocks/{self.clock_id}"
        reply = self.api.call("GET", path, token=self.api.operator("operator"))
        assert (reply.status, reply.body["happened"]) == (200, []), reply
        return str(reply.body["frozen_at"])
