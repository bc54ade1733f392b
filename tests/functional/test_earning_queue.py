"""The worker of `orders.fifo`, called as Lambda calls it: whatever is delivered, however often, in whatever company."""

import json
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import pytest

from chalicelib import ledger
from chalicelib.earning import intake, service
from chalicelib.earning.workers import orders
from chalicelib.shared import aws as clients
from chalicelib.shared.config import settings
from chalicelib.shared.errors import Unavailable
from infra.data_stack import RECEIVES
from tests.harness.api import Api, Member


@dataclass(frozen=True)
class SetAside:
    """A message in the dead-letter queue."""

    body: str
    group: str
    reason: str
    details: str


class Queue:
    """Hands messages to the worker and reads what it set aside. Message ids follow the body, as a redelivery's do."""

    def __init__(self, api: Api, dead_url: str) -> None:
        self.api, self.dead_url = api, dead_url

    def order(self, member: Member, order_id: str, amount_fen: int = 10_000, **more: Any) -> dict[str, Any]:
        paid_at = self.api.clock.now.isoformat()
        return {
            "order_id": order_id, "member_id": member.member_id, "paid_at": paid_at, "amount_fen": amount_fen, **more,
        }  # fmt: skip

    def deliver(self, *messages: Any, tries: int = 1) -> list[int]:
        """Delivers a batch for the so-many-th time; answers the places of the messages given back. A message is a JSON
        value or a raw body; a pair names its message group, which else is the member or the order."""
        records = []
        for place, message in enumerate(messages):
            group, body = message if isinstance(message, tuple) else (None, message)
            raw = body if isinstance(body, str) else json.dumps(body)
            if group is None:
                group = body.get("member_id", "?") if isinstance(body, dict) else "?"
            attributes = {"MessageGroupId": group, "ApproximateReceiveCount": str(tries)}
            records.append({"messageId": f"m{place}-{hash(raw)}", "body": raw, "attributes": attributes})
        answer = orders({"Records": records}, None)
        ids = [record["messageId"] for record in records]
        return sorted(ids.index(failure["itemIdentifier"]) for failure in answer["batchItemFailures"])

    def set_aside(self) -> list[SetAside]:
        found: list[SetAside] = []
        while True:
            answer = clients.client("sqs").receive_message(
                QueueUrl=self.dead_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"],
                WaitTimeSeconds=0,
            )  # fmt: skip
            if not answer.get("Messages"):
                return found
            for message in answer["Messages"]:
                named = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
                group = message["Attributes"]["MessageGroupId"]
                found.append(SetAside(message["Body"], group, named["reason"], named["details"]))
                clients.client("sqs").delete_message(
                    QueueUrl=self.dead_url, ReceiptHandle=message["ReceiptHandle"]
                )  # fmt: skip


@pytest.fixture
def queue(api: Api, monkeypatch: pytest.MonkeyPatch) -> Queue:
    attributes = {"FifoQueue": "true", "MaximumMessageSize": "262144"}
    dead = clients.client("sqs").create_queue(QueueName="membership-test-orders-dead.fifo", Attributes=attributes)
    monkeypatch.setenv("ORDERS_DEAD_QUEUE_URL", dead["QueueUrl"])
    settings.cache_clear()
    return Queue(api, dead["QueueUrl"])


@pytest.fixture
def ann(api: Api) -> Member:
    return api.log_in("ann")


@pytest.fixture
def bob(api: Api) -> Member:
    return api.log_in("bob")


def causes(member: Member) -> list[str]:
    """What happened to the member, oldest first."""
    return [entry.cause.key for entry in ledger.statement(member.member_id, 100, None)[0]][::-1]


def test_every_kind_of_message_is_recorded_with_or_without_its_type(queue: Queue, ann: Member, api: Api) -> None:
    event = {
        "event_id": "E-1", "member_id": ann.member_id, "kind": "review_approved",
        "occurred_at": api.clock.now.isoformat(), "attributes": {},
    }  # fmt: skip
    assert queue.deliver(
        {"type": "order", **queue.order(ann, "A-1")},
        queue.order(ann, "A-2"),
        {"type": "completion", "order_id": "A-1"},
        {"type": "refund", "order_id": "A-1", "refund_id": "R-1", "amount_fen": 5_000},
        {"order_id": "A-2", "refund_id": "R-2", "amount_fen": 10_000},
        {"type": "event", **event},
        {**event, "event_id": "E-2"},
    ) == []  # fmt: skip
    assert causes(ann) == [
        "joined", "order#A-1", "order#A-2", "completion#A-1", "refund#R-1", "refund#R-2", "event#E-1", "event#E-2",
    ]  # fmt: skip
    assert api.account(ann).balance == 100 + (200 - 100) + (100 - 100) + 50 + 50
    assert queue.set_aside() == []


def test_a_message_and_the_same_body_over_http_are_one_order(queue: Queue, ann: Member, api: Api) -> None:
    order = queue.order(ann, "A-1", items=[{"amount_fen": 500, "category": "toys"}])
    assert api.merchant("POST", "/v1/orders", order).status == 200
    assert queue.deliver(order, {"type": "order", **order}) == []
    assert api.merchant("POST", "/v1/orders", order).headers["Idempotency-Replayed"] == "true"
    assert (causes(ann), queue.set_aside()) == (["joined", "order#A-1"], [])


def test_a_poison_at_any_place_is_set_aside_with_its_reason_and_the_other_nine_count_once(
    queue: Queue, api: Api
) -> None:
    for place in range(10):
        member = api.log_in(f"member-{place}")
        batch: list[Any] = [queue.order(member, f"{place}-{number}") for number in range(9)]
        poison = {**queue.order(member, f"{place}-poison"), "amount_fen": -1}
        batch.insert(place, poison)
        assert queue.deliver(*batch) == []
        assert causes(member) == ["joined", *(f"order#{place}-{number}" for number in range(9))]
        aside = queue.set_aside()
        assert [(json.loads(found.body), found.group, found.reason) for found in aside] == [
            (poison, member.member_id, "INVALID_FIELDS")
        ]
        assert "amount_fen" in aside[0].details
        # Mended and sent again from the dead-letter queue, it counts once like the others.
        mended = {**poison, "amount_fen": 100}
        assert queue.deliver(mended) == queue.deliver(mended) == []
        assert causes(member)[10:] == [f"order#{place}-poison"]


def poisons(queue: Queue, ann: Member, bob: Member) -> list[tuple[str, Any]]:
    """Reason → a message that can never succeed."""
    order = queue.order(ann, "P-1")
    future = queue.api.clock.now.replace(minute=6).isoformat()
    event = {"event_id": "P-2", "member_id": ann.member_id, "kind": "dance", "occurred_at": order["paid_at"]}
    return [
        ("MALFORMED", "{not json"),
        ("MALFORMED", ""),
        ("MALFORMED", "NaN"),
        ("MALFORMED", "[" * 100_000),
        ("MALFORMED", '{"order_id":"P-1","amount_fen":1,"amount_fen":2}'),
        ("INVALID_FIELDS", '{"order_id":"\\ud800"}'),
        ("MALFORMED", '{"amount_fen":' + "9" * 5_000 + "}"),
        ("INVALID_FIELDS", "null"),
        ("INVALID_FIELDS", "[]"),
        ("INVALID_FIELDS", '"order"'),
        ("INVALID_FIELDS", {}),
        ("INVALID_FIELDS", {"type": "gift"}),
        ("INVALID_FIELDS", {"type": ["order"], **order}),
        ("INVALID_FIELDS", {**order, "items": [{"amount_fen": 1}] * 501}),
        ("INVALID_FIELDS", {**order, "paid_at": "0001-01-01T00:00:00+14:00"}),
        ("INVALID_FIELDS", {**order, "a\x00b\ud7ff\x1b": 1}),
        ("INVALID_FIELDS", {"type": "completion", "order_id": "P-1", "note": "x" * 250_000}),
        ("MEMBER_UNKNOWN", {**order, "member_id": "M" + "0" * 18}),
        ("MEMBER_UNKNOWN", {**{k: v for k, v in order.items() if k != "member_id"}, "openid": "nobody"}),
        ("FROM_THE_FUTURE", {**order, "paid_at": future}),
        ("UNKNOWN_BEHAVIOUR", event),
        ("IDEMPOTENCY_MISMATCH", {**queue.order(ann, "A-1"), "amount_fen": 9_999}),
        ("IDEMPOTENCY_MISMATCH", queue.order(bob, "A-1")),
        ("REFUND_EXCEEDS_ORDER", {"type": "refund", "order_id": "A-1", "refund_id": "R", "amount_fen": 10_001}),
    ]


def test_what_can_never_succeed_is_set_aside_with_the_reason_and_delivered_twice_leaves_one_copy(
    queue: Queue, ann: Member, bob: Member
) -> None:
    queue.deliver(queue.order(ann, "A-1"))
    for reason, message in poisons(queue, ann, bob):
        raw = message if isinstance(message, str) else json.dumps(message)
        assert queue.deliver((ann.member_id, raw)) == queue.deliver((ann.member_id, raw)) == []
        aside = queue.set_aside()
        assert [(found.body, found.group, found.reason) for found in aside] == [(raw, ann.member_id, reason)], raw[:80]
        assert aside[0].details.startswith(reason)
        assert aside[0].details.isprintable()
        assert len(aside[0].details) <= 1000
    assert (causes(ann), causes(bob)) == (["joined", "order#A-1"], ["joined"])


def test_a_message_that_meets_a_bug_of_ours_is_tried_again_and_at_last_set_aside_alone(
    queue: Queue, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = service.report_order

    def stumbling(order: Any, *arguments: Any, **named: Any) -> Any:
        if order.order_id == "A-1":
            raise RuntimeError("a bug")
        return report(order, *arguments, **named)

    monkeypatch.setattr(service, "report_order", stumbling)
    batch = [queue.order(ann, f"A-{number}") for number in (1, 2, 3)]
    for tries in range(1, intake.LAST_TRY):
        assert queue.deliver(*batch, tries=tries) == [0, 1, 2]
        assert queue.set_aside() == []
    assert queue.deliver(*batch, tries=intake.LAST_TRY) == []
    assert [(letter.reason, json.loads(letter.body)["order_id"]) for letter in queue.set_aside()] == [
        ("INTERNAL", "A-1")
    ]
    assert causes(ann) == ["joined", "order#A-2", "order#A-3"]
    assert intake.LAST_TRY == RECEIVES


def test_a_body_too_large_to_be_set_aside_with_a_reason_is_left_to_the_queues_own_redrive(
    queue: Queue, ann: Member, bob: Member
) -> None:
    huge = json.dumps({**queue.order(ann, "A-1"), "note": "x" * (256 * 1024)})
    assert queue.deliver((ann.member_id, huge), queue.order(ann, "A-2"), queue.order(bob, "B-1")) == [0, 1]
    assert (causes(ann), causes(bob)) == (["joined"], ["joined", "order#B-1"])
    with pytest.raises(intake.BodyTooLarge):
        intake.read(huge)


def test_two_members_interleaved_get_what_they_would_get_alone(queue: Queue, ann: Member, bob: Member) -> None:
    batch = [
        message
        for number in range(5)
        for message in (queue.order(ann, f"A-{number}", 10_000 + number), queue.order(bob, f"B-{number}", 20_000))
    ]
    assert queue.deliver(*batch) == queue.deliver(*reversed(batch)) == []
    assert causes(ann) == ["joined", *(f"order#A-{number}" for number in range(5))]
    assert causes(bob) == ["joined", *(f"order#B-{number}" for number in range(5))]
    assert queue.api.account(ann).counters["spend_fen"]["life"] == 50_010
    assert (
        queue.api.account(bob).balance == 100 + 100 + 3 * 200 + 2 * 300 + 200 + 500
    )  # silver from the third order on; two tasks


def trouble_for(member: Member, times: int) -> Any:
    """DynamoDB throttles that member's account, `times` times."""
    original, left = ledger.book.load, [times]

    def load(member_id: str) -> Any:
        if member_id == member.member_id and left[0]:
            left[0] -= 1
            raise Unavailable
        return original(member_id)

    return patch.object(ledger.book, "load", load)


def test_trouble_on_our_side_gives_back_that_members_later_messages_and_nobody_elses(
    queue: Queue, ann: Member, bob: Member
) -> None:
    batch = [queue.order(member, f"{n}-{number}") for number in range(3) for n, member in enumerate((ann, bob))]
    with trouble_for(ann, times=1):
        assert queue.deliver(*batch) == [0, 2, 4]
    assert (causes(ann), len(causes(bob))) == (["joined"], 4)
    assert queue.deliver(*(batch[place] for place in (0, 2, 4))) == []
    assert causes(ann) == ["joined", "order#0-0", "order#0-1", "order#0-2"]
    assert queue.set_aside() == []


def test_a_bug_of_ours_gives_the_message_back_rather_than_losing_it(queue: Queue, ann: Member, bob: Member) -> None:
    batch = [queue.order(ann, "A-1"), queue.order(bob, "B-1"), queue.order(ann, "A-2")]
    with patch.object(intake.service, "report_order", side_effect=KeyError("a bug")):
        assert queue.deliver(*batch) == [0, 1, 2]
    assert queue.deliver(*batch) == []
    assert (causes(ann), causes(bob)) == (["joined", "order#A-1", "order#A-2"], ["joined", "order#B-1"])


def test_a_dead_letter_queue_that_cannot_be_reached_loses_nothing(
    queue: Queue, ann: Member, bob: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison, good = {**queue.order(ann, "A-1"), "amount_fen": -1}, queue.order(ann, "A-2")
    with monkeypatch.context() as broken:
        broken.setenv("ORDERS_DEAD_QUEUE_URL", queue.dead_url.replace("orders-dead", "nowhere"))
        settings.cache_clear()
        assert queue.deliver(poison, good, queue.order(bob, "B-1")) == [0, 1]
    settings.cache_clear()
    assert (causes(ann), causes(bob), queue.set_aside()) == (["joined"], ["joined", "order#B-1"], [])
    assert queue.deliver(poison, good) == []
    assert (causes(ann), [found.reason for found in queue.set_aside()]) == (["joined", "order#A-2"], ["INVALID_FIELDS"])


def test_steps_of_an_order_may_come_in_any_order(queue: Queue, api: Api) -> None:
    outcomes = set()
    for number, places in enumerate([(0, 1, 2, 3), (3, 2, 1, 0), (1, 0, 3, 2), (2, 3, 0, 1), (1, 2, 3, 0)]):
        member, order_id = api.log_in(f"member-{number}"), f"A-{number}"
        steps = [
            queue.order(member, order_id),
            {"type": "refund", "order_id": order_id, "refund_id": "R-1", "amount_fen": 2_500},
            {"type": "refund", "order_id": order_id, "refund_id": "R-2", "amount_fen": 2_500},
            {"type": "completion", "order_id": order_id},
        ]
        batch = [(member.member_id, steps[place]) for place in places]
        assert queue.deliver(*batch) == queue.deliver(*batch) == []
        account = api.account(member)
        outcomes.add((account.balance, account.debt, str(account.lots), str(account.counters)))
    assert len(outcomes) == 1
    assert queue.set_aside() == []
