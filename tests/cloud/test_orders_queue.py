"""The queue of orders: exactly once, in order per member, nothing lost, and a reason for what is set aside."""

import json
import random
from typing import Any

from chalicelib.shared.ids import new_member_id
from tests.cloud.brand import STAGE, Brand, Stack, entries, eventually, kinds
from tests.cloud.order_queue import Orders
from tests.harness.api import Member

MEMBERS, ORDERS_EACH = 6, 10
JOURNAL = f"membership-{STAGE}-journal"


def order(brand: Brand, member_id: str, amount_fen: int = 10_000, **fields: Any) -> dict[str, Any]:
    """The message of a paid order."""
    paid_at = brand.clock.now.isoformat()
    return {"order_id": brand.fresh("order"), "member_id": member_id, "paid_at": paid_at, "amount_fen": amount_fen,
            **fields}  # fmt: skip


def causes(member: Member) -> list[str]:
    """What was entered after the member joined, oldest first."""
    return [item.cause for item in entries(member)[1:]]


def test_interleaved_and_repeated_messages_are_entered_once_and_in_order(brand: Brand, orders: Orders) -> None:
    dice = random.Random(7)
    members = [brand.newcomer() for _ in range(MEMBERS)]
    sent = {member: [order(brand, member.member_id, 100 * n) for n in range(ORDERS_EACH)] for member in members}
    messages: list[tuple[str, Any]] = []
    for number in range(ORDERS_EACH):
        for member in dice.sample(members, MEMBERS):
            messages.append((member.member_id, sent[member][number]))
            # A repeat comes at any later moment, beside the member's other messages or behind them all.
            for earlier in range(dice.randrange(3)):
                messages.append((member.member_id, sent[member][dice.randint(0, number) if earlier else number]))
    assert len(messages) > 1.5 * MEMBERS * ORDERS_EACH
    orders.send(*messages)
    orders.drained()
    for member in members:
        assert causes(member) == [f"order#{message['order_id']}" for message in sent[member]]
    assert orders.dead_letters() == []


def test_what_came_before_its_order_is_settled_with_it(brand: Brand, orders: Orders) -> None:
    usual, early = brand.newcomer(), brand.newcomer()
    for member, sequence in ((usual, ("order", "completion", "refund")), (early, ("refund", "completion", "order"))):
        paid = order(brand, member.member_id)
        later = {"type": "refund", "order_id": paid["order_id"], "refund_id": "r1", "amount_fen": 4_000}
        steps = {"order": paid, "completion": {"type": "completion", "order_id": paid["order_id"]}, "refund": later}
        orders.send(*((member.member_id, steps[name]) for name in sequence))
    orders.drained()
    assert kinds(usual) == ["joined", "order_paid", "order_completed", "order_refunded"]
    assert kinds(early) == ["joined", "order_paid"]
    assert brand.account(early).lots == brand.account(usual).lots
    assert brand.account(early).counters == brand.account(usual).counters
    assert orders.dead_letters() == []


def test_a_message_that_can_never_succeed_is_set_aside_with_its_reason(brand: Brand, orders: Orders) -> None:
    before, between, behind = (brand.newcomer() for _ in range(3))
    poison = {
        "MALFORMED": (before.member_id, '{"order_id": '),
        "MEMBER_UNKNOWN": ("nobody", order(brand, new_member_id())),
        "INVALID_FIELDS": (between.member_id, order(brand, between.member_id, -1)),
    }
    neighbours = [(member.member_id, order(brand, member.member_id)) for member in (before, between, behind)]
    bad = list(poison.values())
    orders.send(neighbours[0], bad[0], bad[1], neighbours[1], bad[2], neighbours[2])
    orders.drained()
    for member, (_, message) in zip((before, between, behind), neighbours, strict=True):
        assert causes(member) == [f"order#{message['order_id']}"]
    dead = {letter.reason: (letter.group, letter.body) for letter in orders.dead_letters()}
    assert dead == {
        reason: (group, body if isinstance(body, str) else json.dumps(body)) for reason, (group, body) in poison.items()
    }


def test_a_message_redriven_after_mending_is_entered_once(brand: Brand, stack: Stack, orders: Orders) -> None:
    name = brand.fresh("later")
    openid = stack.wechat.openid(name)
    early = order(brand, "", openid=openid)
    del early["member_id"]
    orders.send((openid, early))
    orders.drained()
    (letter,) = orders.dead_letters()
    assert letter.reason == "MEMBER_UNKNOWN"

    member = brand.log_in(name)
    for _ in range(2):
        orders.send((letter.group, letter.body))
    orders.drained()
    assert causes(member) == [f"order#{early['order_id']}"]
    assert orders.dead_letters() == []


def test_trouble_with_one_message_holds_up_nobody_else_and_keeps_the_members_order(
    brand: Brand, stack: Stack, orders: Orders
) -> None:
    """A partial batch failure. The trouble is an order's place in the journal that cannot be read, mended while the
    message waits; the same member's next message has no trouble of its own and waits behind it."""
    troubled, others = brand.newcomer(), [brand.newcomer() for _ in range(2)]
    first, second = order(brand, troubled.member_id), order(brand, troubled.member_id)
    messages = [(member.member_id, order(brand, member.member_id)) for member in others]
    cause, journal = {"S": f"order#{first['order_id']}"}, stack.client("dynamodb")
    place = {"scope": cause, "cause": cause}
    with orders.impatient(2):
        journal.put_item(TableName=JOURNAL, Item={**place, "parked": {"S": "{"}, "revision": {"N": "1"}})
        orders.send((troubled.member_id, first), messages[0], (troubled.member_id, second), messages[1])
        for member, (_, message) in zip(others, messages, strict=True):
            eventually(lambda member=member: causes(member), [f"order#{message['order_id']}"])
        assert causes(troubled) == []
        journal.delete_item(TableName=JOURNAL, Key=place)
        orders.drained()
    assert causes(troubled) == [f"order#{first['order_id']}", f"order#{second['order_id']}"]
    assert orders.dead_letters() == []
