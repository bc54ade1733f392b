"""Merchant keys over HTTP, and the rotation of token keys."""

import json
import threading
from datetime import timedelta

import pytest

from chalicelib.console import keys, rules
from chalicelib.shared import callers, clock, guard, secrets
from chalicelib.shared.config import settings
from chalicelib.shared.errors import Unauthorized
from tests.functional.console_room import NOW, Console, actions
from tests.harness.world import MERCHANT_KEY, MERCHANT_SECRET

KEYS = "/v1/admin/merchant-keys"


@pytest.fixture
def console(aws: None, monkeypatch: pytest.MonkeyPatch) -> Console:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(rules, "N", 2)
    return Console()


_nonces = iter(range(10**6))


def signs(key_id: str, secret: str) -> bool:
    """Whether a request signed with this key is let in."""
    nonce, stamp = f"nonce-{next(_nonces):012}", str(int(NOW.timestamp()))
    signed = callers.signature(secret, "POST", "/v1/orders", stamp, nonce, b"{}")
    header = f"HMAC-SHA256 key_id={key_id},timestamp={stamp},nonce={nonce},signature={signed}"
    try:
        return callers.merchant_from(header, "POST", ["/v1/orders"], b"{}", NOW) == callers.Merchant(key_id)
    except Unauthorized:
        return False


def test_two_keys_are_valid_while_rotating_and_a_third_is_refused(console: Console) -> None:
    owner = console.hire("root", "owner")
    status, new = console.call("POST", KEYS, token=owner)
    assert status == 201
    assert signs(MERCHANT_KEY, MERCHANT_SECRET)
    assert signs(new["key_id"], new["secret"])
    status, answer = console.call("POST", KEYS, token=owner)
    assert (status, answer["error"]["code"]) == (409, "TOO_MANY_KEYS")
    assert console.call("DELETE", f"{KEYS}/{MERCHANT_KEY}", token=owner)[0] == 200
    assert not signs(MERCHANT_KEY, MERCHANT_SECRET)
    assert signs(new["key_id"], new["secret"])
    assert console.call("POST", KEYS, token=owner)[0] == 201
    named = {
        ("operator:root", f"merchant-key.{a}", k) for a, k in (("create", new["key_id"]), ("delete", MERCHANT_KEY))
    }
    assert named <= actions()


def test_keys_are_listed_without_their_secrets(console: Console) -> None:
    owner = console.hire("root", "owner")
    new = console.call("POST", KEYS, token=owner)[1]
    status, answer = console.call("GET", KEYS, token=owner)
    assert status == 200
    assert [set(item) for item in answer["items"]] == [{"key_id", "created_at"}] * 2
    assert {item["key_id"] for item in answer["items"]} == {MERCHANT_KEY, new["key_id"]}
    assert new["secret"] not in json.dumps(answer)
    assert MERCHANT_SECRET not in json.dumps(answer)


def test_an_unknown_key_cannot_be_deleted(console: Console) -> None:
    owner = console.hire("root", "owner")
    status, answer = console.call("DELETE", f"{KEYS}/mk_none", token=owner)
    assert (status, answer["error"]["code"]) == (404, "KEY_UNKNOWN")
    assert signs(MERCHANT_KEY, MERCHANT_SECRET)


def test_keys_changed_at_the_same_moment_lose_none(console: Console) -> None:
    keys.delete_merchant_key(MERCHANT_KEY, "test", NOW)
    made: list[keys.MerchantKey] = []
    refused: list[Exception] = []

    def add() -> None:
        try:
            made.append(keys.add_merchant_key("test", NOW))
        except (keys.KeysBusy, keys.TooManyKeys) as error:
            refused.append(error)

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) + len(refused) == 6
    assert 1 <= len(made) <= keys.MAX_MERCHANT_KEYS
    assert {key.key_id for key in keys.merchant_keys()} == {key.key_id for key in made}


def test_an_editor_who_died_holds_the_lock_for_a_minute_only(console: Console) -> None:
    assert guard.use_once(f"lock#{settings().merchant_secret}", "someone", NOW, 60)
    with pytest.raises(keys.KeysBusy):
        keys.add_merchant_key("test", NOW + timedelta(seconds=59))
    assert keys.add_merchant_key("test", NOW + timedelta(seconds=60)).secret


def test_token_keys_rotate_without_logging_anyone_out(console: Console) -> None:
    old = callers.sign_token("operator", "ada", NOW, role="owner")

    def lets_in(token: str) -> bool:
        secrets.forget()
        try:
            return callers.operator_from(f"Bearer {token}", NOW, ("owner",)).operator_id == "ada"
        except Unauthorized:
            return False

    kid = keys.add_token_key("deployment", NOW)
    assert secrets.read(settings().token_secret)["current"] == "k1"
    keys.use_token_key(kid, "deployment", NOW)
    new = callers.sign_token("operator", "ada", NOW, role="owner")
    assert lets_in(old)
    assert lets_in(new)
    with pytest.raises(keys.KeyInUse):
        keys.remove_token_key(kid, "deployment", NOW)
    keys.remove_token_key("k1", "deployment", NOW)
    assert not lets_in(old)
    assert lets_in(new)
    for unknown in ("k1", "current", "none"):
        with pytest.raises(keys.KeyUnknown):
            keys.use_token_key(unknown, "deployment", NOW)
        with pytest.raises(keys.KeyUnknown):
            keys.remove_token_key(unknown, "deployment", NOW)
    assert {("deployment", f"token-key.{step}", kid) for step in ("add", "use")} <= actions()
