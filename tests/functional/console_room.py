"""What the console's and the facts' tests share: one app, operators with tokens, a clock that stands still."""

import json
from datetime import UTC, datetime
from typing import Any

from chalice.test import Client

from app import app
from chalicelib.console import service
from chalicelib.rulebook import store
from chalicelib.rulebook.presets import preset
from chalicelib.shared import audit, callers
from chalicelib.shared.audit import AuditRecord

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"


class Console:
    """Calls the rooms' routes as an operator would."""

    def __init__(self) -> None:
        self.app = app
        self.client = Client(app)

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        """Status and JSON body."""
        status, answer, _ = self.call_fully(method, path, body, token)
        return status, answer

    def call_fully(
        self, method: str, path: str, body: Any = None, token: str | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        raw = b"" if body is None else json.dumps(body).encode()
        answer = self.client.http.request(method, path, headers=headers, body=raw)
        return answer.status_code, answer.json_body, answer.headers

    def hire(self, name: str, role: str) -> str:
        """A new operator; returns a token."""
        service.create(name, role, PASSWORD, "test", NOW)
        return callers.sign_token("operator", name, NOW, role=role)


def document() -> dict[str, Any]:
    """A rulebook the linter has nothing against."""
    return preset("retail")


def publish(changes: dict[str, Any] | None = None, effective_at: datetime | None = None, now: datetime = NOW) -> int:
    """Drafts and publishes it with some sections replaced; returns the version."""
    draft = store.save_draft({**document(), **(changes or {})}, "operator:ada", now)
    return store.publish(draft, effective_at, "operator:ada", {}, now).version


def records(action: str) -> list[AuditRecord]:
    """The day's audit records of one action; those of one instant in no order."""
    return [record for record in audit.page(NOW.date().isoformat(), 100, None) if record.action == action]


def actions() -> set[tuple[str, str, str]]:
    """(actor, action, target) of the day's audit records."""
    return {(r.actor, r.action, r.target) for r in audit.page(NOW.date().isoformat(), 100, None)}
