"""The HTTP surface as a mini-program, a merchant's server and an operator see it: the real front door on the test
cloud, WeChat's fake server behind it, and a clock that stands still until it is moved."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import urlencode

from chalice.test import Client

from app import app
from chalicelib import ledger
from chalicelib.console import service as console
from chalicelib.engine.account import Account
from chalicelib.rulebook import store
from chalicelib.rulebook.presets import preset
from chalicelib.shared import callers
from tests.harness import world
from tests.harness.world import MERCHANT_KEY, MERCHANT_SECRET

NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
"""Noon in Shanghai, a Tuesday that is not the retail preset's member day."""


class Clock:
    """Stands in for `chalicelib.shared.clock.now`."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **duration: float) -> None:
        """Moves on, `clock.pass_(days=1)`."""
        self.now += timedelta(**duration)


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def code(self) -> str:
        """The refusal's code; empty for a success."""
        return str(self.body.get("error", {}).get("code", "")) if isinstance(self.body, dict) else ""


@dataclass(frozen=True)
class Member:
    """A member who has logged in."""

    member_id: str
    token: str
    refresh_token: str


class Api:
    """One brand's API; `publish` before the first login."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.client, self._numbers = clock, Client(app), count(1)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Reply:
        """One request. `token` is a bearer token, `key` the Idempotency-Key, `raw` a body that is not JSON of ours."""
        sent = {"Content-Type": "application/json", **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if key:
            sent["Idempotency-Key"] = key
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        return self.send(method, path, sent, content)

    def send(self, method: str, path: str, headers: dict[str, str], content: bytes) -> Reply:
        """The request as it is, through Chalice's test client."""
        answer = self.client.http.request(method, path, headers=headers, body=content)
        return Reply(answer.status_code, answer.json_body, dict(answer.headers))

    def merchant(self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> Reply:
        """One request of the merchant's server, signed."""
        target = f"{path}?{urlencode(query)}" if query else path
        content = b"" if body is None else json.dumps(body).encode()
        stamp, nonce = str(int(self.clock.now.timestamp())), f"nonce-of-a-test-{next(self._numbers):06}"
        signed = callers.signature(MERCHANT_SECRET, method, target, stamp, nonce, content)
        header = f"HMAC-SHA256 key_id={MERCHANT_KEY},timestamp={stamp},nonce={nonce},signature={signed}"
        return self.call(method, target, headers={"Authorization": header}, raw=content)

    def fresh(self, prefix: str = "k") -> str:
        """A key never used before."""
        return f"{prefix}-{next(self._numbers)}"

    def log_in(self, name: str = "ann", **body: Any) -> Member:
        """The member of that name, created at the first time."""
        reply = self.call("POST", "/v1/auth/wechat", {"code": f"local:{name}:{self.fresh()}", **body})
        assert reply.status == 200, reply
        return Member(reply.body["member"]["member_id"], reply.body["access_token"], reply.body["refresh_token"])

    def operator(self, role: str = "owner", name: str | None = None) -> str:
        """A new operator's token."""
        name = name or self.fresh(role)
        console.create(name, role, "correct horse battery", "test", self.clock.now)
        return callers.sign_token("operator", name, self.clock.now, role=role)

    def open(self) -> None:
        """A brand just opened: what `publish` makes of an empty cloud, put there at once."""
        world.as_before("open", self.publish)

    def publish(self, changes: dict[str, Any] | None = None, base: str = "retail") -> int:
        """Puts a preset with some sections replaced in force now; returns the version."""
        document = {**preset(base), **(changes or {})}
        draft = store.save_draft(document, "test", self.clock.now)
        version = store.publish(draft, None, "test", {}, self.clock.now).version
        store.forget()
        return version

    def order(self, member: Member, amount_fen: int, order_id: str | None = None, **fields: Any) -> Reply:
        """A paid order of the member, paid now unless `paid_at` says otherwise."""
        body = {
            "order_id": order_id or self.fresh("order"),
            "member_id": member.member_id,
            "paid_at": self.clock.now.isoformat(),
            "amount_fen": amount_fen,
            **fields,
        }
        return self.merchant("POST", "/v1/orders", body)

    def complete(self, order_id: str) -> Reply:
        """The order was received by its buyer."""
        return self.merchant("POST", f"/v1/orders/{order_id}/completion", {})

    def refund(self, order_id: str, refund_id: str, amount_fen: int, **fields: Any) -> Reply:
        """Money given back."""
        body = {"refund_id": refund_id, "amount_fen": amount_fen, **fields}
        return self.merchant("POST", f"/v1/orders/{order_id}/refunds", body)

    def account(self, member: Member) -> Account:
        """The account as it is stored."""
        return ledger.load(member.member_id)
