"""A batch of queue messages: each is recorded, or set aside with its reason, or left for redelivery.

A message that can never succeed goes to the dead-letter queue at once, with its reason as an attribute: waiting for the
queue's own redrive would block the member's later messages and lose the reason. Trouble on our side is left to the
queue: the message and all later ones of its group are delivered again, so order is kept; a message that meets a bug of
ours is set aside on its last try, alone.
"""

from datetime import datetime
from typing import Any

from chalicelib.earning import service
from chalicelib.earning.schemas import (
    CompletionMessage,
    EventMessage,
    Message,
    OrderMessage,
    RefundMessage,
    message_model,
)
from chalicelib.shared import aws, strict_json, telemetry
from chalicelib.shared.config import settings
from chalicelib.shared.edge import MAX_BODY_BYTES, parse
from chalicelib.shared.errors import BodyTooLarge, Refusal

# The queue gives a message up after five receives (`maxReceiveCount` in infra/data_stack.py).
LAST_TRY = 5


class Unexpected(Refusal):
    """Our bug: the log of the worker names it."""

    code = "INTERNAL"
    message, message_zh = "Something went wrong on our side.", "系统出了点问题"


def handle_batch(records: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    """Shape of the answer: Lambda's partial batch response, `{"batchItemFailures": [{"itemIdentifier": id}]}`."""
    failed: list[str] = []
    blocked: set[str] = set()
    for record in records:
        group = record.get("attributes", {}).get("MessageGroupId", record["messageId"])
        if group not in blocked and _handled(record, now):
            continue
        blocked.add(group)
        failed.append(record["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _handled(record: dict[str, Any], now: datetime) -> bool:
    try:
        apply(read(record["body"]), now)
    except Refusal as refusal:
        if refusal.retryable:
            return False
        return _set_aside(record, refusal)
    except Exception as error:
        telemetry.log_failure(error, message_id=record["messageId"])
        # A bug of ours may pass with the next deployment, so the queue tries again; but before it gives up on the
        # message, and with it on the whole group behind it, the message alone is set aside.
        tried = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
        return tried >= LAST_TRY and _set_aside(record, Unexpected())
    return True


def read(body: str) -> Message:
    """The message in a queue body. Raises BodyTooLarge, Malformed or InvalidFields."""
    raw = body.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_BODY_BYTES:
        raise BodyTooLarge
    value = strict_json.read(raw)
    return parse(message_model(value), value)  # type: ignore[return-value]


def apply(message: Message, now: datetime) -> None:
    """Does what the message says. Safe to repeat."""
    match message:
        case OrderMessage():
            service.report_order(message, now, as_of_payment=message.as_of == "paid")
        case CompletionMessage():
            service.complete_order(message.order_id, now)
        case RefundMessage():
            service.refund_order(message.order_id, message, now)
        case EventMessage():
            service.report_event(message, now)


def _set_aside(record: dict[str, Any], refusal: Refusal) -> bool:
    """Copies the message to the dead-letter queue. Its message id is the deduplication id, so a second delivery of the
    same message adds no second copy."""
    telemetry.count("messages_set_aside", reason=refusal.code)
    try:
        aws.client("sqs").send_message(
            QueueUrl=settings().orders_dead_queue_url,
            MessageBody=record["body"],
            MessageGroupId=record.get("attributes", {}).get("MessageGroupId", "none"),
            MessageDeduplicationId=record["messageId"],
            MessageAttributes={
                "reason": {"DataType": "String", "StringValue": refusal.code},
                "details": {"DataType": "String", "StringValue": str(refusal)[:1000]},
            },
        )
    except Exception as error:
        telemetry.log_failure(error, message_id=record["messageId"])
        return False
    return True
