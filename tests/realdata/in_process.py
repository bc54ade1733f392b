"""The check's brand in one process: the API of the tests, and the orders queue with its worker run by hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chalicelib.earning import intake as worker
from chalicelib.shared import aws as clients
from chalicelib.shared import clock
from chalicelib.shared.clock import business_date
from chalicelib.shared.config import settings
from infra import intake
from infra.intake_queue import OrdersQueue
from infra.local.wechat_rules import WechatRules
from tests.harness.api import Api
from tests.realdata import book
from tests.realdata.check import Customer, Shown
from tests.realdata.plain import SHANGHAI

# The app of the test cloud's WeChat server.
WECHAT = WechatRules("wxtest", "wechat-secret")


def make_queues() -> OrdersQueue:
    """The orders queue and its dead-letter queue, on the test cloud."""
    sqs = clients.client("sqs")
    for name in ("orders", "orders-dead"):
        sqs.create_queue(QueueName=f"membership-{settings().stage}-{name}.fifo", Attributes={"FifoQueue": "true"})
    return OrdersQueue(sqs, settings().stage)


def received(queue: OrdersQueue) -> list[dict[str, Any]]:
    """The next messages as a queue worker gets them."""
    answer = queue.sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10, AttributeNames=["All"])
    return [
        {
            "messageId": message["MessageId"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "receiptHandle": message["ReceiptHandle"],
        }
        for message in answer.get("Messages", [])
    ]


def work(queue: OrdersQueue) -> int:
    """Runs the worker until the queue is empty; returns how many messages it was given."""
    given = 0
    while records := received(queue):
        given += len(records)
        assert worker.handle_batch(records, clock.now()) == {"batchItemFailures": []}
        for record in records:
            queue.sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=record["receiptHandle"])
    return given


class InProcessBrand:
    """A brand for `check.run`. `given` counts the messages its worker was given."""

    def __init__(self, api: Api, queue: OrdersQueue) -> None:
        self.api, self.queue, self.given = api, queue, 0

    def log_in(self, names: Sequence[str]) -> Mapping[str, Customer]:
        today = business_date(clock.now(), str(SHANGHAI))
        members = {name: self.api.log_in(name) for name in names}
        return {
            name: Customer(member.member_id, WECHAT.openid(name), member.token, today)
            for name, member in members.items()
        }

    def bring_in(self, path: Path) -> int:
        done = intake.import_file(path, "paid", self.queue, "test", print)
        self.given += work(self.queue)
        return done.sent

    def book(self, member_ids: Sequence[str]) -> book.Book:
        return book.read(clients.client("dynamodb"), settings().stage, member_ids)

    def shown(self, customers: Sequence[Customer]) -> Sequence[Shown]:
        return [self._shown(customer) for customer in customers]

    def _shown(self, customer: Customer) -> Shown:
        points = self.api.call("GET", "/v1/me/points", token=customer.token).body
        tier = self.api.call("GET", "/v1/me", token=customer.token).body["tier"]["code"]
        return points["balance"], {lot["expires_on"]: lot["points"] for lot in points["lots"]}, tier
