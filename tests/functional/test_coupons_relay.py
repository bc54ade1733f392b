"""From the journal to the coupons' queue: what the subscription chooses of all that is announced."""

import json
from typing import Any

import pytest

from chalicelib.notices.workers import relay
from chalicelib.shared import aws
from chalicelib.shared.config import settings
from infra.data_stack import template
from tests.functional.coupons_room import definition, deliver, grant, held, with_coupons
from tests.functional.redemptions_room import offer, redeemed, rich, step
from tests.harness.api import Api

RESOURCES: dict[str, Any] = template()["Resources"]


@pytest.fixture
def queue(api: Api, monkeypatch: pytest.MonkeyPatch) -> str:
    """The coupons' queue, subscribed as the data stack subscribes it."""
    sns, sqs = aws.client("sns"), aws.client("sqs")
    topic = sns.create_topic(Name="membership-test-facts")["TopicArn"]
    url = str(sqs.create_queue(QueueName="membership-test-coupons")["QueueUrl"])
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    properties = RESOURCES["CouponsSubscription"]["Properties"]
    attributes = {"RawMessageDelivery": "true", "FilterPolicy": json.dumps(properties["FilterPolicy"])}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    monkeypatch.setenv("FACTS_TOPIC_ARN", topic)
    settings.cache_clear()
    return url


def relayed(queue: str) -> list[Any]:
    """Every entry of the journal goes through the relay; the facts that reach the queue, by member and number."""
    images = aws.client("dynamodb").scan(TableName=settings().journal_table)["Items"]
    records = [{"eventName": "INSERT", "dynamodb": {"SequenceNumber": str(number), "NewImage": image}}
               for number, image in enumerate(images)]  # fmt: skip
    assert relay({"Records": records}, None) == {"batchItemFailures": []}
    found: list[Any] = []
    while messages := aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"]) for message in messages]
    return sorted(found, key=lambda fact: fact["seq"])


def test_what_is_about_coupons_reaches_their_queue_and_nothing_else(api: Api, queue: str) -> None:
    api.publish(with_coupons(definition()))
    ann = rich(api)
    offer(api, "ten_off", coupon="ten")
    redemption = redeemed(api, ann, "ten_off")
    step(api, redemption, "use")
    step(api, redemption, "return")
    grant(api, ann)
    api.order(ann, 5_000, "o-1")
    api.order(ann, 5_000, "o-2")
    api.refund("o-1", "part", 1)
    api.refund("o-1", "rest", 4_999)
    facts = relayed(queue)
    assert [fact["kind"] for fact in facts] == [
        "redeemed", "redemption_return", "coupons_granted", "order_paid", "order_refunded",
    ]  # fmt: skip
    assert deliver(*facts) == []
    assert sorted(item.state for item in held(ann)) == ["usable", "withdrawn", "withdrawn"]


def test_the_topic_may_send_to_each_queue_that_is_subscribed_and_nobody_else() -> None:
    subscriptions = {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"].endswith("Subscription")}
    assert set(subscriptions) == {"MetricsSubscription", "CouponsSubscription"}
    for name, properties in subscriptions.items():
        thing = name.removesuffix("Subscription")
        assert properties["Endpoint"] == {"Fn::GetAtt": [f"{thing}Queue", "Arn"]}
        assert properties["RawMessageDelivery"] is True
        (statement,) = RESOURCES[f"{thing}QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "FactsTopic"}}}
    assert "FilterPolicy" not in subscriptions["MetricsSubscription"]
