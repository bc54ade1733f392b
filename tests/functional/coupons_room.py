"""What the tests of coupons share: members' entries as facts for the worker, and everybody's calls."""

import json
from typing import Any

from chalicelib import ledger
from chalicelib.coupons import items, rules
from chalicelib.coupons.items import CouponItem
from chalicelib.coupons.workers import coupons_due, issue_coupons
from chalicelib.ledger.due import SHARDS
from chalicelib.notices import inbox, service
from chalicelib.rulebook.presets import preset
from tests.harness.api import Api, Member, Reply

MINE, USES = "/v1/me/coupons", "/v1/coupons/{}/uses"
ZONE = "Asia/Shanghai"
NAMED = {"zh": "券", "en": "coupon"}
Fact = dict[str, Any]


def definition(code: str = "ten", **fields: Any) -> dict[str, Any]:
    """10 yuan off, for 30 days; None leaves a field out."""
    base: dict[str, Any] = {
        "code": code, "name": NAMED, "kind": "amount_off", "amount_off_fen": 1_000, "valid_days": 30,
    }  # fmt: skip
    return {key: value for key, value in {**base, **fields}.items() if value is not None}


def with_coupons(*definitions: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Sections for `api.publish`: the retail brand's definitions and these; `fields` replace others of the section."""
    section = preset("retail")["coupons"]
    return {"coupons": {**section, "definitions": [*section["definitions"], *definitions], **fields}}


def facts_of(member: Member) -> list[Fact]:
    """Every entry of the member as the relay announces it, oldest first."""
    entries, _ = ledger.statement(member.member_id, 100, None)
    return [service.fact(entry, ZONE) for entry in reversed(entries)]


def about_coupons(member: Member) -> list[Fact]:
    """Those that the coupons' queue is subscribed to."""
    names = {"coupons", "coupons_withdrawn", "first", "refunded_in_full"}
    return [fact for fact in facts_of(member) if names & set(fact["facts"])]


def deliver(*facts: Any) -> list[str]:
    """One batch to the worker, message ids m0, m1, …; those given back."""
    records = [{"messageId": f"m{n}", "body": fact if isinstance(fact, str) else json.dumps(fact)}
               for n, fact in enumerate(facts)]  # fmt: skip
    answer = issue_coupons({"Records": records}, None)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def settle(member: Member) -> None:
    """Every fact of the member's that is about coupons, delivered in order."""
    for fact in about_coupons(member):
        assert deliver(fact) == []


def grant(api: Api, member: Member, coupon: str = "ten", quantity: int = 1, key: str | None = None) -> Reply:
    """Goodwill; the coupons are issued once the fact is delivered."""
    body = {"coupon": coupon, "quantity": quantity, "reason": "a courtesy"}
    path = f"/v1/admin/members/{member.member_id}/coupons"
    return api.call("POST", path, body, token=api.operator("support"), key=key or api.fresh("grant"))


def given(api: Api, member: Member, coupon: str = "ten", quantity: int = 1) -> list[str]:
    """The codes of coupons just granted and issued, the first piece first."""
    known = {item.kind for item in held(member)}
    assert grant(api, member, coupon, quantity).status == 200
    assert deliver(about_coupons(member)[-1]) == []
    return [item.code for item in held(member) if item.kind not in known]


def held(member: Member) -> list[CouponItem]:
    """Every coupon of the member as it lies there, the oldest first."""
    return list(CouponItem.query(member.member_id, consistent_read=True))


def states(member: Member) -> list[str]:
    return [item.state for item in held(member)]


def use(api: Api, code: str, order_id: str = "o-1", amount_fen: int = 10_000, **fields: Any) -> Reply:
    body = {"order_id": order_id, "amount_fen": amount_fen, **fields}
    return api.merchant("POST", USES.format(code), body)


def cancel(api: Api, code: str, order_id: str = "o-1") -> Reply:
    return api.merchant("POST", f"{USES.format(code)}/{order_id}/cancellation", {})


def mine(api: Api, member: Member, query: str = "") -> Any:
    """What the member reads."""
    reply = api.call("GET", MINE + query, token=member.token)
    assert reply.status == 200, reply
    return reply.body


def told(member: Member) -> list[str]:
    """Kinds of the member's notices about coupons, oldest first."""
    notices = reversed(inbox.page(member.member_id, 100, None)[0])
    return [notice.kind for notice in notices if notice.kind.startswith("coupon_")]


def sweep(times: int = 1) -> list[str]:
    """An hour's run over every shard, without its queue; the shards whose page was given back."""
    failed: list[str] = []
    for shard in SHARDS:
        record = {"messageId": shard, "body": json.dumps({"job": "coupon_expiry", "shard": shard})}
        for _ in range(times):
            answer = coupons_due({"Records": [record]}, None)
            failed += [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    return failed


def check_orders(member: Member) -> None:
    """A coupon is used on an order if and only if the order's item says so, with the same discount."""
    for item in held(member):
        used = items.order(item.order_id).uses.get(item.code) if item.order_id else None
        assert (used is not None) == (item.state == rules.USED), (item.kind, item.state)
        if used:
            assert used["discount_fen"] == item.discount_fen
    for order in items.OrderItem.scan(items.OrderItem.kind == items.USES):
        for code, used in order.uses.items():
            item = items.coupon(used["member_id"], used["kind"])
            assert item
            assert (item.code, item.state, item.order_id) == (code, rules.USED, order.id.partition("#")[2])
