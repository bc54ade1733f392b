"""Merchants sign each request: its method, path with query, time, nonce and body. Whatever differs is refused."""

import json
from typing import Any

import pytest

from chalicelib.console import keys
from chalicelib.shared import callers, secrets
from chalicelib.shared.config import settings
from tests.harness.api import Api, Member, Reply
from tests.harness.world import MERCHANT_KEY, MERCHANT_SECRET

ORDERS = "/v1/orders"


class Signed:
    """A request a merchant signed, and how it was changed on its way."""

    def __init__(self, api: Api, member: Member) -> None:
        self.api, self.member = api, member

    def order(self, order_id: str = "o-1", amount_fen: int = 1_000) -> bytes:
        order = {"order_id": order_id, "member_id": self.member.member_id, "amount_fen": amount_fen}
        return json.dumps({**order, "paid_at": "2026-11-24T03:00:00Z"}).encode()

    def send(self, *, age_seconds: int = 0, nonce: str = "", **sent: Any) -> Reply:
        """Signs a new order; what `sent` names goes out in place of what was signed."""
        target, method = sent.get("signed_target", ORDERS), sent.get("signed_method", "POST")
        body = sent.get("signed_body") or self.order(self.api.fresh("order"))
        stamp = str(int(self.api.clock.now.timestamp()) - age_seconds)
        nonce = nonce or self.api.fresh("nonce-of-a-merchant")
        signed = callers.signature(sent.get("secret", MERCHANT_SECRET), method, target, stamp, nonce, body)
        parts = {
            "key_id": MERCHANT_KEY,
            "timestamp": stamp,
            "nonce": nonce,
            "signature": signed,
            **sent.get("parts", {}),
        }
        header = sent.get(
            "header", "HMAC-SHA256 key_id={key_id},timestamp={timestamp},nonce={nonce},signature={signature}"
        )
        return self.api.call(
            sent.get("method", method),
            sent.get("target", target),
            headers={"Authorization": header.format(**parts)},
            raw=sent.get("body", body),
        )


@pytest.fixture
def signed(api: Api) -> Signed:
    return Signed(api, api.log_in())


def test_a_signature_is_fresh_for_300_seconds_on_both_sides_of_our_clock(signed: Signed) -> None:
    for age_seconds, status in ((0, 200), (300, 200), (301, 401), (-300, 200), (-301, 401), (10**9, 401)):
        reply = signed.send(age_seconds=age_seconds)
        assert reply.status == status, age_seconds
        if status == 401:
            assert reply.body["error"]["details"][0]["field"] == "timestamp"
            assert reply.body["error"]["retryable"] is False


def test_a_nonce_is_good_once_for_as_long_as_its_request_is_fresh(signed: Signed) -> None:
    body = signed.order("o-1")
    for age_seconds, waits in ((0, (0, 300)), (300, (0,)), (-300, (0, 300, 600))):
        nonce = signed.api.fresh("nonce-of-a-merchant")
        begun = signed.api.clock.now
        assert signed.send(age_seconds=age_seconds, nonce=nonce, signed_body=body).status == 200
        for wait in waits:
            signed.api.clock.now = begun
            signed.api.clock.pass_(seconds=wait)
            replay = signed.send(age_seconds=age_seconds + wait, nonce=nonce, signed_body=body)
            assert (replay.status, replay.code) == (401, "UNAUTHORIZED"), (age_seconds, wait)
            assert replay.body["error"]["details"] == [{"field": "nonce", "problem": "already used"}]
    assert signed.api.account(signed.member).seq == 2


def test_a_refused_request_does_not_use_its_nonce_up(signed: Signed) -> None:
    nonce = "nonce-of-an-attacker"
    for parts in ({"signature": "0" * 64}, {"key_id": "shop-2"}, {"timestamp": "1"}):
        assert signed.send(nonce=nonce, parts=parts).status == 401
    assert signed.send(nonce=nonce).status == 200


def test_one_thousand_replays_have_one_effect(signed: Signed) -> None:
    body = signed.order("o-1")
    first = signed.send(nonce="nonce-of-a-webhook", signed_body=body)
    assert first.status == 200
    for number in range(1000):
        if number % 100:
            assert signed.send(nonce="nonce-of-a-webhook", signed_body=body).status == 401
        else:
            assert signed.send(signed_body=body).body == first.body
    assert signed.api.account(signed.member).seq == 2


def test_whatever_was_changed_on_the_way_is_refused(signed: Signed) -> None:
    body, other = signed.order("o-1"), signed.order("o-1", 9_999)
    unsigned: tuple[tuple[str, dict[str, Any]], ...] = (
        ("body", {"signed_body": body, "body": other}),
        ("body, one space", {"signed_body": body, "body": body + b" "}),
        ("no body", {"signed_body": body, "body": b""}),
        ("path", {"signed_target": "/v1/events", "target": ORDERS}),
        ("path parameter", {"signed_target": f"{ORDERS}/o-1/refunds", "target": f"{ORDERS}/o-2/refunds"}),
        ("query added", {"target": f"{ORDERS}?a=1"}),
        ("query taken away", {"signed_target": f"{ORDERS}?a=1", "target": ORDERS}),
        ("query value", {"signed_target": f"{ORDERS}?a=1", "target": f"{ORDERS}?a=2"}),
        ("query value added", {"signed_target": f"{ORDERS}?a=1", "target": f"{ORDERS}?a=1&a=2"}),
        ("query order", {"signed_target": f"{ORDERS}?a=1&a=2", "target": f"{ORDERS}?a=2&a=1"}),
        ("method", {"signed_method": "PUT", "method": "POST"}),
        ("method in small letters", {"signed_method": "post", "method": "POST"}),
        ("timestamp", {"parts": {"timestamp": str(int(signed.api.clock.now.timestamp()) + 1)}}),
        ("nonce", {"parts": {"nonce": "another-nonce-of-16"}}),
        ("wrong secret", {"secret": "another"}),
        ("empty secret", {"secret": ""}),
        ("unknown key", {"parts": {"key_id": "shop-2"}}),
        ("unknown key, guessed secret", {"parts": {"key_id": "shop-2"}, "secret": "-"}),
        ("another key's id", {"parts": {"key_id": "second"}}),
    )
    shops = secrets.read(settings().merchant_secret)
    secrets.write(settings().merchant_secret, {**shops, "second": {"secret": "of-the-second"}})
    for what, sent in unsigned:
        reply = signed.send(**sent)
        assert (reply.status, reply.code) == (401, "UNAUTHORIZED"), what
    assert signed.api.account(signed.member).seq == 1


def test_the_header_is_read_with_or_without_spaces_after_commas_and_in_no_other_form(signed: Signed) -> None:
    good = "HMAC-SHA256 key_id={key_id},timestamp={timestamp},nonce={nonce},signature={signature}"
    for header, status in (
        (good, 200),
        (good.replace(",", ", "), 200),
        (good.replace(",", ",   "), 200),
        (good.replace(",", ";"), 401),
        (good.replace("HMAC-SHA256 ", "HMAC-SHA256  "), 401),
        (good.replace("HMAC-SHA256", "hmac-sha256"), 401),
        (good.replace("HMAC-SHA256", "HMAC-SHA1"), 401),
        (good.replace("HMAC-SHA256 ", ""), 401),
        (good.replace("=", " = "), 401),
        (good.replace("{timestamp}", "{timestamp}.0"), 401),
        (good.replace("{timestamp}", "-{timestamp}"), 401),
        (good.replace("{timestamp}", "0{timestamp}"), 401),
        (good.replace("{signature}", "{signature}0"), 401),
        (good.replace("{signature}", ""), 401),
        (good.replace("{key_id}", ""), 401),
        (good + ",more=1", 401),
        ("HMAC-SHA256 timestamp={timestamp},key_id={key_id},nonce={nonce},signature={signature}", 401),
        (good + "\n", 401),
        ("", 401),
    ):
        assert signed.send(header=header).status == status, header
    for nonce, status in (
        ("n" * 15, 401),
        ("n" * 16, 200),
        ("N-_9" * 16, 200),
        ("n" * 65, 401),
        ("bm9u/Y2U+.=#" * 2, 200),
        ("n" * 16 + " ", 401),
        ("n" * 16 + "é", 401),
    ):
        assert signed.send(nonce=nonce).status == status, nonce
    assert signed.send(parts={"signature": "A" * 64}).status == 401


def test_a_query_is_signed_as_it_is_sent(signed: Signed) -> None:
    for query in ("a=1", "b=2&a=1", "a=1&a=2", "a=", "%E5%90%8D=%E5%BC%A0%E4%B8%89", "a=x%2Fy%3D", "a=x+y", "a=-._~"):
        reply = signed.send(signed_target=f"{ORDERS}?{query}")
        assert reply.status == 200, query


def test_a_path_parameter_is_signed_as_it_is_sent(signed: Signed) -> None:
    for order_id, sent in (("o-1", "o-1"), ("o:2.x_", "o:2.x_"), ("o:3", "o%3A3")):
        assert signed.send(signed_body=signed.order(order_id)).status == 200
        reply = signed.send(signed_target=f"{ORDERS}/{sent}/completion", signed_body=b"{}")
        assert (reply.status, reply.body.get("order_id")) == (200, order_id), sent
    for hostile in ("%23o", "a%2Fb", "%00", "%E5%BC%A0", "o-1%0A", "{{order_id}}", "x" * 65):
        target = f"{ORDERS}/{hostile}/completion".replace("{{", "{").replace("}}", "}")
        assert signed.send(signed_target=target, signed_body=b"{}").status == 422, hostile


def test_two_keys_sign_while_rotating_and_the_old_one_ends(signed: Signed) -> None:
    new = keys.add_merchant_key("operator:root", signed.api.clock.now)
    renewed: dict[str, Any] = {"secret": new.secret, "parts": {"key_id": new.key_id}}
    assert [signed.send().status, signed.send(**renewed).status] == [200, 200]
    # A nonce is a key's own: two servers that do not know each other may choose the same.
    nonce = "nonce-of-both-keys"
    assert [signed.send(nonce=nonce).status, signed.send(nonce=nonce, **renewed).status] == [200, 200]
    keys.delete_merchant_key(MERCHANT_KEY, "operator:root", signed.api.clock.now)
    assert [signed.send().status, signed.send(**renewed).status] == [401, 200]


def test_a_bearer_token_does_not_stand_in_for_a_signature(signed: Signed) -> None:
    for token in (signed.member.token, signed.api.operator()):
        reply = signed.api.call("POST", ORDERS, raw=signed.order(), token=token)
        assert (reply.status, reply.code) == (401, "UNAUTHORIZED")
