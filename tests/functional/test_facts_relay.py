"""Journal entries become facts on the topic: in order, in batches, none lost."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from chalicelib import ledger
from chalicelib.engine.events import Cause, PointsAdjusted
from chalicelib.engine.process import process
from chalicelib.notices import service
from chalicelib.notices.workers import relay
from chalicelib.rulebook import store
from chalicelib.shared import aws as clients
from chalicelib.shared import clock
from chalicelib.shared.config import settings
from tests.functional.console_room import NOW, publish
from tests.harness import world
from tests.harness.meter import Meter

MEMBER = "M000000000000000001"


class Topic:
    """A topic with one queue that takes everything and one that takes a single kind."""

    def __init__(self) -> None:
        self.sns, self.sqs = clients.client("sns"), clients.client("sqs")
        self.arn = self.sns.create_topic(Name="membership-test-facts")["TopicArn"]
        self.all = self._subscribe("all", {})
        self.adjusted = self._subscribe("adjusted", {"FilterPolicy": json.dumps({"kind": ["points_adjusted"]})})

    def _subscribe(self, name: str, attributes: dict[str, str]) -> str:
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.sns.subscribe(
            TopicArn=self.arn, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true", **attributes}
        )
        return str(url)

    def received(self, url: str) -> list[dict[str, Any]]:
        """Every fact in the queue, in order of arrival."""
        facts: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            facts += [json.loads(message["Body"]) for message in messages]
        return facts


@pytest.fixture
def topic(aws: None, monkeypatch: pytest.MonkeyPatch) -> Topic:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    topic = Topic()
    monkeypatch.setenv("FACTS_TOPIC_ARN", topic.arn)
    settings.cache_clear()
    publish()
    return topic


def history(adjustments: int, at: datetime = NOW) -> list[dict[str, Any]]:
    """A member with entries 1…n+1, and the stream's records of them in order."""
    book = store.current(NOW)
    world.join(MEMBER, book, at, "the-openid")
    for n in range(adjustments):
        event = PointsAdjusted(Cause(MEMBER, f"a{n}"), n + 1, "because", "operator:ada")
        ledger.execute(MEMBER, lambda account, event=event: process(book, account, event, at), body_hash="h")
    images = clients.client("dynamodb").scan(TableName=settings().journal_table)["Items"]
    images.sort(key=lambda image: int(image["seq"]["N"]))
    return [record(number, image) for number, image in enumerate(images, start=1)]


def record(number: int, image: dict[str, Any] | None) -> dict[str, Any]:
    change = {"SequenceNumber": f"seq-{number}", "Keys": {}} | ({"NewImage": image} if image else {})
    return {"eventName": "INSERT" if image else "REMOVE", "eventSource": "aws:dynamodb", "dynamodb": change}


def deliver(records: list[dict[str, Any]]) -> list[str]:
    """Calls the worker as Lambda does; returns the sequence numbers it gives back."""
    answer = relay({"Records": records}, None)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def seqs(facts: list[dict[str, Any]]) -> list[int]:
    return sorted(fact["seq"] for fact in facts)


def test_each_entry_becomes_one_fact_and_consumers_may_choose_by_kind(topic: Topic) -> None:
    records = history(2)
    assert deliver(records) == []
    facts = sorted(topic.received(topic.all), key=lambda fact: fact["seq"])
    assert [fact["kind"] for fact in facts] == ["joined", "points_adjusted", "points_adjusted"]
    assert facts[1] == {
        "member_id": MEMBER,
        "seq": 2,
        "at": "2026-11-24T03:00:00.000Z",
        "on": "2026-11-24",
        "kind": "points_adjusted",
        "cause": "a0",
        "points": 1,
        "balance_after": 101,
        "tier_after": "normal",
        "rulebook_version": 1,
        "facts": {"actor": "operator:ada"},
    }
    assert seqs(topic.received(topic.adjusted)) == [2, 3]
    assert "the-openid" not in json.dumps(facts)


@pytest.mark.parametrize(
    ("at", "on"),
    [
        (datetime(2026, 11, 24, 15, 59, 59, tzinfo=UTC), "2026-11-24"),
        (datetime(2026, 11, 24, 16, 0, tzinfo=UTC), "2026-11-25"),
    ],
)
def test_the_facts_day_is_the_brands_day(topic: Topic, at: datetime, on: str) -> None:
    assert deliver(history(0, at)) == []
    assert [fact["on"] for fact in topic.received(topic.all)] == [on]


def test_ten_facts_go_in_one_call(topic: Topic, meter: Meter) -> None:
    records = history(20)
    meter.calls.clear()
    assert deliver(records[:10]) == []
    assert meter.calls["PublishBatch"] == 1
    assert deliver(records) == []
    assert meter.calls["PublishBatch"] == 1 + 3
    assert len(topic.received(topic.all)) == 31


def test_large_facts_are_spread_over_calls_by_size(topic: Topic, meter: Meter) -> None:
    records = history(3)
    for each in records:
        each["dynamodb"]["NewImage"]["facts"] = {"S": json.dumps({"x": "a" * 100_000})}
    assert deliver(records) == []
    assert meter.calls["PublishBatch"] == 2
    assert seqs(topic.received(topic.all)) == [1, 2, 3, 4]


def test_places_kept_for_entries_and_removals_are_passed_over(topic: Topic) -> None:
    records = history(1)
    ledger.park(Cause("order#A-1", "order#A-1"), lambda parked: {**parked, "completed": True})
    images = clients.client("dynamodb").scan(TableName=settings().journal_table)["Items"]
    (parked,) = [image for image in images if "seq" not in image]
    assert deliver([record(8, parked), *records, record(9, None)]) == []
    assert seqs(topic.received(topic.all)) == [1, 2]


def refusing(topic: Topic, calls: list[list[str]], ids: set[str], on_call: int = 1) -> Any:
    """An SNS whose `on_call`-th batch refuses the messages with these ids."""
    original = topic.sns.publish_batch

    def publish_batch(TopicArn: str, PublishBatchRequestEntries: list[dict[str, Any]]) -> Any:
        calls.append([entry["Id"] for entry in PublishBatchRequestEntries])
        refused = ids if len(calls) == on_call else set()
        taken = [entry for entry in PublishBatchRequestEntries if entry["Id"] not in refused]
        answer = original(TopicArn=TopicArn, PublishBatchRequestEntries=taken) if taken else {"Successful": []}
        failed = [{"Id": i, "Code": "InternalError", "SenderFault": False} for i in sorted(refused)]
        return {**answer, "Failed": failed}

    return patch.object(topic.sns, "publish_batch", publish_batch)


def test_the_stream_goes_back_to_the_first_fact_refused_and_nothing_beyond_its_batch_is_tried(topic: Topic) -> None:
    records, calls = history(24), []  # type: list[dict[str, Any]], list[list[str]]
    with refusing(topic, calls, {"13", "15"}, on_call=2):
        assert deliver(records) == ["seq-14"]
    assert len(calls) == 2
    assert seqs(topic.received(topic.all)) == [*range(1, 14), 15, *range(17, 21)]
    assert deliver(records[13:]) == []
    assert seqs(topic.received(topic.all)) == list(range(14, 26))


def test_a_topic_that_does_not_answer_is_tried_again_from_that_batch(topic: Topic) -> None:
    records = history(12)
    original = topic.sns.publish_batch
    answers: list[Any] = [original, ConnectionError("cut")]

    def publish_batch(**arguments: Any) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(**arguments)

    with patch.object(topic.sns, "publish_batch", publish_batch):
        assert deliver(records) == ["seq-11"]
    assert seqs(topic.received(topic.all)) == list(range(1, 11))


def test_an_entry_that_cannot_be_read_holds_back_only_what_comes_after_it(topic: Topic) -> None:
    records = history(3)
    records[2]["dynamodb"]["NewImage"]["at"] = {"S": "yesterday"}
    assert deliver(records) == ["seq-3"]
    assert seqs(topic.received(topic.all)) == [1, 2]


def test_a_batch_of_which_nothing_was_published_fails_as_a_whole_and_waits(topic: Topic) -> None:
    records = history(1)
    outage = patch.object(store, "current", side_effect=store.NothingPublished)
    with outage, pytest.raises(service.NothingRelayed):
        deliver(records)
    assert topic.received(topic.all) == []
    assert deliver(records) == []


def test_a_fact_names_nothing_personal(topic: Topic) -> None:
    entry = ledger.entry_from_image(history(0)[0]["dynamodb"]["NewImage"])
    allowed = set("member_id seq at on kind cause points balance_after tier_after rulebook_version facts".split())
    assert set(service.fact(entry, "Asia/Shanghai")) == allowed
    assert timedelta(0) == entry.at - NOW
