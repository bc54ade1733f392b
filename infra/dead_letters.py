"""Dead-letter queues, as people and imports look at them.

SQS hides a FIFO group's later messages while earlier ones are being looked at, so of one member at most ten are seen
at a time: what is counted from letters may be lower than the truth, what `waiting` says is SQS's own count.
"""

from collections.abc import Iterator
from typing import Any

# A letter looked at stays hidden this long from others; long enough to read a page of them.
LOOK_SECONDS = 120
LOOKED_AT = 1000


def url(sqs: Any, stage: str, queue: str) -> str:
    """The address of a queue's dead-letter queue: `orders.fifo` → `…-orders-dead.fifo`."""
    stem, dot, suffix = queue.partition(".")
    return str(sqs.get_queue_url(QueueName=f"membership-{stage}-{stem}-dead{dot}{suffix}")["QueueUrl"])


def waiting(sqs: Any, queue_url: str) -> int:
    """How many messages stand there, approximately."""
    name = "ApproximateNumberOfMessages"
    return int(sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=[name])["Attributes"][name])


def take(sqs: Any, queue_url: str) -> Iterator[dict[str, Any]]:
    """Letter after letter, until there is none; whoever takes one deletes it."""
    while letters := sqs.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=LOOK_SECONDS,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["MessageGroupId"],
    ).get("Messages"):
        yield from letters


def look(sqs: Any, queue_url: str) -> list[dict[str, Any]]:
    """Up to LOOKED_AT letters, none removed: they are visible to others again at once."""
    seen: list[dict[str, Any]] = []
    try:
        for letter in take(sqs, queue_url):
            seen.append(letter)
            if len(seen) >= LOOKED_AT:
                break
    finally:
        for letter in seen:
            handle = letter["ReceiptHandle"]
            sqs.change_message_visibility(QueueUrl=queue_url, ReceiptHandle=handle, VisibilityTimeout=0)
    return seen


def told(letter: dict[str, Any], attribute: str) -> str | None:
    """What the worker wrote on a letter it set aside: its `reason` or `details`; None on one the queue gave up."""
    value: str | None = letter.get("MessageAttributes", {}).get(attribute, {}).get("StringValue")
    return value
