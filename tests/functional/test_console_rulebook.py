"""The rulebook's and the audit trail's routes."""

from datetime import timedelta

import pytest

from chalicelib.console import rules
from chalicelib.rulebook import items, linter
from chalicelib.rulebook.model import load
from chalicelib.shared import clock
from chalicelib.shared.clock import parse_instant, rfc3339
from chalicelib.shared.dynamo import encode_cursor
from tests.functional.console_room import NOW, Console, document, publish

BASE = "/v1/admin/rulebook"


@pytest.fixture
def console(aws: None, monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(rules, "N", 2)
    return Console()


def test_an_operator_drafts_edits_validates_publishes_and_rolls_back(console: Console) -> None:
    token = console.hire("ada", "operator")
    assert console.call("GET", BASE, token=token)[0] == 503
    status, draft = console.call("POST", f"{BASE}/drafts", {"document": {"brand": "?"}}, token)
    assert (status, draft["draft"], draft["revision"], draft["saved_by"]) == (201, 1, 1, "operator:ada")
    status, findings = console.call("POST", f"{BASE}/validate", {"document": draft["document"]}, token)
    assert (status, findings["publishable"]) == (200, False)
    assert findings["findings"][0].keys() == {"code", "severity", "path", "message", "message_zh"}
    status, answer = console.call("POST", f"{BASE}/publish", {"draft": 1}, token)
    assert (status, answer["error"]["code"]) == (422, "RULEBOOK_REFUSED")
    edit = {"document": document(), "revision": 1}
    status, draft = console.call("PUT", f"{BASE}/drafts/1", edit, token)
    assert (status, draft["revision"]) == (200, 2)
    assert console.call("PUT", f"{BASE}/drafts/1", edit, token)[0] == 409
    assert console.call("POST", f"{BASE}/validate", {"document": document()}, token)[1]["publishable"] is True
    status, version = console.call("POST", f"{BASE}/publish", {"draft": 1}, token)
    assert (status, version["version"], version["origin"]) == (200, 1, "draft 1")
    assert console.call("POST", f"{BASE}/publish", {"draft": 1}, token)[0] == 409
    status, version = console.call("POST", f"{BASE}/rollback", {"version": 1}, token)
    assert (status, version["version"], version["origin"]) == (200, 2, "version 1")
    assert console.call("GET", f"{BASE}/drafts/1", token=token)[1]["published_as"] == 1
    status, now = console.call("GET", BASE, token=token)
    assert (status, now["version"], now["document"], now["planned"]) == (200, 2, document(), [])


def test_a_planned_version_is_shown_beside_the_one_in_force(console: Console) -> None:
    token = console.hire("ada", "operator")
    publish()
    console.call("POST", f"{BASE}/drafts", {"document": document()}, token)
    later = NOW + timedelta(days=1)
    body = {"draft": 2, "effective_at": later.astimezone().isoformat()}
    assert console.call("POST", f"{BASE}/publish", body, token)[0] == 200
    now = console.call("GET", BASE, token=token)[1]
    assert now["version"] == 1
    assert [(p["version"], parse_instant(p["effective_at"])) for p in now["planned"]] == [(2, later)]


def test_an_instant_in_the_past_or_without_an_offset_is_a_bad_field(console: Console) -> None:
    token = console.hire("ada", "operator")
    console.call("POST", f"{BASE}/drafts", {"document": document()}, token)
    for instant in (rfc3339(NOW - timedelta(milliseconds=1)), "2026-12-01T00:00:00"):
        status, answer = console.call("POST", f"{BASE}/publish", {"draft": 1, "effective_at": instant}, token)
        assert (status, answer["error"]["details"][0]["field"]) == (422, "effective_at")


def test_the_answer_tells_which_phrase_switches_a_guard_rail_off(console: Console) -> None:
    token = console.hire("ada", "operator")
    content = {**document(), "guard_rails": {"no_gifts": False}}
    phrase = linter.required_confirmations(load(content))["no_gifts"]
    findings = console.call("POST", f"{BASE}/validate", {"document": content}, token)[1]
    assert findings["confirmations"] == [{"guard_rail": "no_gifts", "phrase": phrase}]
    console.call("POST", f"{BASE}/drafts", {"document": content}, token)
    status, answer = console.call("POST", f"{BASE}/publish", {"draft": 1}, token)
    assert (status, answer["error"]["code"]) == (422, "CONFIRMATION_MISSING")
    typed = {answer["error"]["details"][0]["field"].partition(".")[2]: answer["error"]["details"][0]["phrase"]}
    assert console.call("POST", f"{BASE}/publish", {"draft": 1, "confirmations": typed}, token)[0] == 200


def test_versions_and_drafts_are_listed_and_read(console: Console) -> None:
    token = console.hire("sue", "support")
    publish()
    publish()
    page = console.call("GET", f"{BASE}/versions?limit=1", token=token)[1]
    assert [version["version"] for version in page["items"]] == [2]
    assert "document" not in page["items"][0]
    page = console.call("GET", f"{BASE}/versions?limit=1&cursor={page['next_cursor']}", token=token)[1]
    assert ([version["version"] for version in page["items"]], page["next_cursor"]) == ([1], None)
    assert console.call("GET", f"{BASE}/versions/1", token=token)[1]["document"] == document()
    assert [draft["draft"] for draft in console.call("GET", f"{BASE}/drafts", token=token)[1]["items"]] == [2, 1]
    for path in ("versions/3", "versions/x", "drafts/3", "drafts/-1"):
        assert console.call("GET", f"{BASE}/{path}", token=token)[0] == 404


def test_documents_beyond_the_limits_are_refused_with_a_field(console: Console) -> None:
    token = console.hire("ada", "operator")
    deep: object = 1
    for _ in range(300):
        deep = [deep]
    for content in ({"x": "a" * items.MAX_DOCUMENT_BYTES}, {"x": deep}, {"x": "\ud800"}):
        status, answer = console.call("POST", f"{BASE}/drafts", {"document": content}, token)
        assert status == 422
        assert answer["error"]["details"][0]["field"].startswith("document")
    # The linter meets the same documents without their having been stored.
    for content in ({"x": deep}, {"brand": deep}, {"x": "\ud800"}):
        status, answer = console.call("POST", f"{BASE}/validate", {"document": content}, token)
        assert status in (200, 422)
        assert status == 422 or answer["publishable"] is False


def test_the_audit_trail_is_read_newest_first_page_by_page(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    token = console.hire("ada", "operator")
    for minute in range(1, 4):
        moment = NOW + timedelta(minutes=minute)
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
        console.call("POST", f"{BASE}/drafts", {"document": {"n": minute}}, token)
    page = console.call("GET", "/v1/admin/audit?limit=2", token=token)[1]
    assert [record["target"] for record in page["items"]] == ["draft 3", "draft 2"]
    assert page["items"][0]["actor"] == "operator:ada"
    cursor = page["next_cursor"]
    page = console.call("GET", f"/v1/admin/audit?limit=2&day=2026-11-24&cursor={cursor}", token=token)[1]
    assert [record["target"] for record in page["items"]] == ["draft 1", "operator:ada"]
    assert page["next_cursor"] is None
    assert console.call("GET", "/v1/admin/audit?day=2026-11-23", token=token)[1]["items"] == []
    for bad in (f"day=2026-11-23&cursor={cursor}", f"cursor={encode_cursor({'before': 5})}", "cursor=x"):
        assert console.call("GET", f"/v1/admin/audit?{bad}", token=token)[0] == 400
    assert console.call("GET", "/v1/admin/audit?day=yesterday", token=token)[0] == 422
