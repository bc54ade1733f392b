"""Operators over HTTP: logging in, throttles, roles, what stops at once."""

from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from chalicelib.console import rules, service
from chalicelib.shared import callers, clock
from chalicelib.shared.edge import CONTRACTS, Operators
from tests.functional.console_room import NOW, PASSWORD, Console, actions, publish

LOGIN = "/v1/admin/login"


@pytest.fixture
def console(aws: None, monkeypatch: pytest.MonkeyPatch) -> Console:
    set_clock(monkeypatch, NOW)
    monkeypatch.setattr(rules, "N", 2)  # the parameters lie in each hash, so cheap ones verify too
    return Console()


def set_clock(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: now)


def log_in(console: Console, name: str = "ada", password: str = PASSWORD) -> tuple[int, Any]:
    return console.call("POST", LOGIN, {"name": name, "password": password})


# Logging in ---------------------------------------------------------------------------------------------------------


def test_the_right_password_gets_a_token_of_the_operators_role_for_two_hours(console: Console) -> None:
    console.hire("ada", "analyst")
    status, answer = log_in(console)
    assert (status, answer["expires_in"], answer["operator"]["role"]) == (200, 7200, "analyst")
    bearer = f"Bearer {answer['access_token']}"
    assert callers.operator_from(bearer, NOW, ("analyst",)) == callers.Operator("ada", "analyst")
    last = NOW + timedelta(seconds=7199)
    assert callers.operator_from(bearer, last, ("analyst",)).operator_id == "ada"
    with pytest.raises(callers.TokenExpired):
        callers.operator_from(bearer, last + timedelta(seconds=1), ("analyst",))
    assert ("operator:ada", "operator.login", "operator:ada") in actions()


def test_wrong_name_wrong_password_and_disabled_get_one_answer_at_one_cost(console: Console) -> None:
    owner = console.hire("root", "owner")
    console.hire("ada", "operator")
    console.hire("bob", "operator")
    assert console.call("PATCH", "/v1/admin/operators/bob", {"disabled": True}, owner)[0] == 200
    answers = []
    for name, password in (("nobody", PASSWORD), ("ada", "wrong"), ("bob", PASSWORD)):
        with patch.object(rules, "_scrypt", wraps=rules._scrypt) as hashing:
            status, answer = log_in(console, name, password)
        assert hashing.call_count == 1
        answer["error"].pop("request_id")
        answers.append((status, answer["error"]))
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 401
    assert answers[0][1]["code"] == "WRONG_CREDENTIALS"


def test_the_real_parameters_are_owasp_strength_and_every_hash_is_salted() -> None:
    assert rules.N * rules.P >= 2**14 * 5
    assert rules.R == 8
    one, two = (rules.hash_password(PASSWORD, bytes([n]) * 16) for n in (1, 2))
    assert one != two
    assert rules.is_password(PASSWORD, one)
    assert not rules.is_password(PASSWORD + " ", one)
    assert not rules.is_password("", rules.NOBODY)
    assert rules.NOBODY.split("$")[1:4] == one.split("$")[1:4]


def test_the_tenth_wrong_password_is_judged_and_the_eleventh_try_waits(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    console.hire("ada", "operator")
    console.hire("bob", "operator")
    for _ in range(service.TRIES_PER_NAME):
        assert log_in(console, "ada", "wrong")[0] == 401
    status, answer, headers = console.call_fully("POST", LOGIN, {"name": "ada", "password": PASSWORD})
    assert (status, answer["error"]["code"], answer["error"]["retryable"]) == (429, "TOO_MANY_TRIES", True)
    wait = int(headers["Retry-After"])
    assert 0 < wait <= service.TRY_SECONDS
    assert log_in(console, "bob")[0] == 200
    set_clock(monkeypatch, NOW + timedelta(seconds=wait - 1))
    assert log_in(console)[0] == 429
    set_clock(monkeypatch, NOW + timedelta(seconds=wait))
    assert log_in(console)[0] == 200


def test_one_address_is_throttled_over_all_names(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "TRIES_PER_ADDRESS", 3)
    console.hire("ada", "operator")
    for name in ("zoe", "yan"):
        assert log_in(console, name)[0] == 401
    assert log_in(console)[0] == 200
    assert log_in(console)[0] == 429


def test_guessing_ones_current_password_is_throttled_too(console: Console) -> None:
    token = console.hire("ada", "support")
    body = {"current_password": "wrong", "new_password": "another long one"}
    for _ in range(service.TRIES_PER_NAME):
        assert console.call("POST", "/v1/admin/me/password", body, token)[0] == 401
    assert console.call("POST", "/v1/admin/me/password", {**body, "current_password": PASSWORD}, token)[0] == 429


def test_ones_own_password_is_replaced(console: Console) -> None:
    token = console.hire("ada", "support")
    body = {"current_password": PASSWORD, "new_password": "another long one"}
    assert console.call("POST", "/v1/admin/me/password", body, token)[0] == 200
    assert log_in(console)[0] == 401
    assert log_in(console, "ada", "another long one")[0] == 200


# Accounts -----------------------------------------------------------------------------------------------------------


def test_an_owner_creates_lists_and_changes_operators(console: Console) -> None:
    owner = console.hire("root", "owner")
    new = {"name": "ada", "role": "support", "password": PASSWORD}
    status, made = console.call("POST", "/v1/admin/operators", new, owner)
    assert (status, made["created_by"]) == (201, "operator:root")
    assert console.call("POST", "/v1/admin/operators", {**new, "role": "owner"}, owner)[0] == 409
    status, changed = console.call("PATCH", "/v1/admin/operators/ada", {"role": "operator"}, owner)
    assert (status, changed["role"]) == (200, "operator")
    status, page = console.call("GET", "/v1/admin/operators?limit=1", token=owner)
    assert [item["name"] for item in page["items"]] == ["ada"]
    status, page = console.call("GET", f"/v1/admin/operators?limit=1&cursor={page['next_cursor']}", token=owner)
    assert ([item["name"] for item in page["items"]], page["next_cursor"]) == (["root"], None)
    assert "scrypt" not in str(page)
    assert {("operator:root", f"operator.{what}", "operator:ada") for what in ("create", "change")} <= actions()


def test_an_unknown_operator_cannot_be_changed_into_being(console: Console) -> None:
    owner = console.hire("root", "owner")
    assert console.call("PATCH", "/v1/admin/operators/zoe", {"disabled": False}, owner)[0] == 404
    assert [account.name for account in service.operators(10, None)[0]] == ["root"]


def test_an_owner_cannot_lock_the_last_door_from_outside(console: Console) -> None:
    owner = console.hire("root", "owner")
    for change in ({"disabled": True}, {"role": "support"}):
        status, answer = console.call("PATCH", "/v1/admin/operators/root", change, owner)
        assert (status, answer["error"]["code"]) == (409, "NOT_YOURSELF")
    assert console.call("PATCH", "/v1/admin/operators/root", {}, owner)[0] == 422
    assert console.call("PATCH", "/v1/admin/operators/root", {"password": "another long one"}, owner)[0] == 200


@pytest.mark.parametrize(("length", "status"), [(11, 422), (12, 201), (128, 201), (129, 422)])
def test_passwords_have_12_to_128_characters(console: Console, length: int, status: int) -> None:
    owner = console.hire("root", "owner")
    new = {"name": "ada", "role": "support", "password": "密" * length}
    assert console.call("POST", "/v1/admin/operators", new, owner)[0] == status


def test_the_first_owner_is_made_once(console: Console) -> None:
    assert service.bootstrap_owner("root", PASSWORD, NOW) is True
    assert service.bootstrap_owner("root", "someone else's try", NOW) is False
    assert log_in(console, "root")[0] == 200


# Roles --------------------------------------------------------------------------------------------------------------

EVERYBODY = {"owner", "operator", "analyst", "support"}
# Written by hand, from the product's table of who does what, not read from the code.
MATRIX: dict[tuple[str, str], set[str]] = {
    ("POST", "/v1/admin/me/password"): EVERYBODY,
    ("GET", "/v1/admin/operators"): {"owner"},
    ("POST", "/v1/admin/operators"): {"owner"},
    ("PATCH", "/v1/admin/operators/{name}"): {"owner"},
    ("GET", "/v1/admin/rulebook"): EVERYBODY,
    ("GET", "/v1/admin/rulebook/versions"): EVERYBODY,
    ("GET", "/v1/admin/rulebook/versions/{version}"): EVERYBODY,
    ("GET", "/v1/admin/rulebook/drafts"): EVERYBODY,
    ("POST", "/v1/admin/rulebook/drafts"): {"owner", "operator"},
    ("GET", "/v1/admin/rulebook/drafts/{draft}"): EVERYBODY,
    ("PUT", "/v1/admin/rulebook/drafts/{draft}"): {"owner", "operator"},
    ("POST", "/v1/admin/rulebook/validate"): EVERYBODY,
    ("POST", "/v1/admin/rulebook/publish"): {"owner", "operator"},
    ("POST", "/v1/admin/rulebook/rollback"): {"owner", "operator"},
    ("GET", "/v1/admin/merchant-keys"): {"owner"},
    ("POST", "/v1/admin/merchant-keys"): {"owner"},
    ("DELETE", "/v1/admin/merchant-keys/{key_id}"): {"owner"},
    ("GET", "/v1/admin/audit"): EVERYBODY,
    ("GET", "/v1/admin/metrics"): {"owner", "operator", "analyst"},
}


def at(path: str) -> str:
    return path.replace("{name}", "zoe").replace("{version}", "9").replace("{draft}", "9").replace("{key_id}", "k")


def test_the_matrix_names_every_route_but_the_login(console: Console) -> None:
    routes = {
        (method, path)
        for path, methods in console.app.routes.items()
        for method, entry in methods.items()
        if entry.view_function.__module__.split(".")[1] in ("console", "insights")
    }
    assert routes - set(MATRIX) == {("POST", LOGIN)}
    assert set(MATRIX) <= routes


def test_each_route_admits_exactly_its_roles(console: Console) -> None:
    publish()
    tokens = {role: console.hire(f"the-{role}", role) for role in sorted(EVERYBODY)}
    for (method, path), admitted in MATRIX.items():
        for role, token in tokens.items():
            status, _ = console.call(method, at(path), {} if method != "GET" else None, token)
            assert (status == 403) == (role not in admitted), (method, path, role, status)
            assert status not in (401, 500), (method, path, role)


def test_each_route_refuses_whoever_is_no_operator(console: Console) -> None:
    good = console.hire("root", "owner")
    strangers = {
        "nobody": None,
        "tampered": good[:-4] + ("AAAA" if good[-4:] != "AAAA" else "BBBB"),
        "expired": callers.sign_token("operator", "root", NOW - timedelta(seconds=7200), role="owner"),
        "a member": callers.sign_token("member", "root", NOW, role="owner"),
    }
    for method, path in MATRIX:
        for who, token in strangers.items():
            status, _ = console.call(method, at(path), {} if method != "GET" else None, token)
            assert status == 401, (method, path, who)


WRITES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/admin/me/password"): {"current_password": PASSWORD, "new_password": PASSWORD},
    ("POST", "/v1/admin/operators"): {"name": "zoe", "role": "owner", "password": PASSWORD},
    ("PATCH", "/v1/admin/operators/{name}"): {"disabled": False},
    ("POST", "/v1/admin/rulebook/drafts"): {"document": {}},
    ("PUT", "/v1/admin/rulebook/drafts/{draft}"): {"document": {}, "revision": 1},
    ("POST", "/v1/admin/rulebook/publish"): {"draft": 9},
    ("POST", "/v1/admin/rulebook/rollback"): {"version": 9},
    ("POST", "/v1/admin/merchant-keys"): {},
    ("DELETE", "/v1/admin/merchant-keys/{key_id}"): {},
}


def test_a_disabled_operator_cannot_write_though_the_token_still_lives(console: Console) -> None:
    root, eve = console.hire("root", "owner"), console.hire("eve", "owner")
    assert console.call("PATCH", "/v1/admin/operators/eve", {"disabled": True}, root)[0] == 200
    writing = {key for key in MATRIX if key[0] != "GET"} - {("POST", "/v1/admin/rulebook/validate")}
    assert set(WRITES) == writing
    before = actions()
    for (method, path), body in WRITES.items():
        status, answer = console.call(method, at(path), body, eve)
        assert (status, answer["error"]["code"]) == (401, "OPERATOR_DISABLED"), (method, path)
    assert actions() == before


def test_a_demoted_operator_cannot_publish_though_the_token_says_otherwise(console: Console) -> None:
    root, eve = console.hire("root", "owner"), console.hire("eve", "operator")
    assert console.call("PATCH", "/v1/admin/operators/eve", {"role": "analyst"}, root)[0] == 200
    status, answer = console.call("POST", "/v1/admin/rulebook/publish", {"draft": 9}, eve)
    assert (status, answer["error"]["code"]) == (401, "OPERATOR_DISABLED")


def test_the_routes_contracts_are_known_to_the_api_document(console: Console) -> None:
    mine = {name: c for name, c in CONTRACTS.items() if name.startswith("chalicelib.console.")}
    assert len(mine) == len([key for key in MATRIX if "metrics" not in key[1]]) + 1
    assert all(contract.summary for contract in mine.values())
    assert [name for name, c in mine.items() if not isinstance(c.auth, Operators)] == [
        "chalicelib.console.routes.log_in"
    ]
