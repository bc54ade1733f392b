"""Facts: what other capabilities are told about an entry. No personal data; the member is an opaque id."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from chalicelib import ledger
from chalicelib.engine.decision import Entry
from chalicelib.rulebook import store
from chalicelib.shared import aws, telemetry
from chalicelib.shared.clock import business_date, rfc3339
from chalicelib.shared.config import settings

# SNS: at most 10 messages and 256 KB a batch, attributes included.
MAX_BATCH, MAX_BATCH_BYTES = 10, 240_000


class NothingRelayed(Exception):
    """Not even the first record of a batch (its sequence number) could be published."""


Message = dict[str, Any]
_Numbered = tuple[str, Message]


def fact(entry: Entry, time_zone: str) -> dict[str, Any]:
    """What is announced. `on` is the business date, so that no consumer needs the rulebook to know the day;
    `rulebook_version` is the one it was decided under."""
    return {
        "member_id": entry.member_id,
        "seq": entry.seq,
        "at": rfc3339(entry.at),
        "on": business_date(entry.at, time_zone).isoformat(),
        "kind": entry.kind,
        "cause": entry.cause.key,
        "points": entry.points,
        "balance_after": entry.balance_after,
        "tier_after": entry.tier_after,
        "rulebook_version": entry.rulebook_version,
        "facts": dict(entry.facts),
    }


def relay(records: Sequence[dict[str, Any]], now: datetime) -> str | None:
    """Publishes the stream records' entries in order. Returns the sequence number of the first that was not, or None.

    A stream goes back to the first failure and delivers everything after it again, so nothing is attempted beyond it.
    What was published may be published again: consumers tell facts apart by member and seq.
    """
    messages, broken = _messages(records, now)
    for batch in _batches(messages):
        failed = _publish(batch)
        if failed is not None:
            return failed
    return broken


def _messages(records: Sequence[dict[str, Any]], now: datetime) -> tuple[list[_Numbered], str | None]:
    """(sequence number, message) of each record up to the first that cannot be read, and that one's number."""
    ready: list[_Numbered] = []
    for record in records:
        number, image = record["dynamodb"]["SequenceNumber"], record["dynamodb"].get("NewImage", {})
        # Removals, and places kept for entries that have not come yet, are not entries.
        if "seq" not in image:
            continue
        try:
            entry = ledger.entry_from_image(image)
            ready.append((number, _message(fact(entry, store.current(now).rulebook.brand.time_zone), len(ready))))
        except Exception as error:
            telemetry.log_failure(error, sequence_number=number)
            return ready, number
    return ready, None


def _message(fact_: dict[str, Any], index: int) -> Message:
    """`about`, the kind and the names of the facts there are, lets a subscription choose by what happened within."""
    about = json.dumps([fact_["kind"], *sorted(fact_["facts"])])
    return {
        "Id": str(index),
        "Message": json.dumps(fact_, ensure_ascii=False, separators=(",", ":")),
        "MessageAttributes": {
            "kind": {"DataType": "String", "StringValue": fact_["kind"]},
            "about": {"DataType": "String.Array", "StringValue": about},
        },
    }


def _batches(messages: list[_Numbered]) -> Iterator[list[_Numbered]]:
    batch: list[_Numbered] = []
    size = 0
    for number, message in messages:
        length = len(message["Message"].encode()) + len(json.dumps(message["MessageAttributes"])) + 100
        if batch and (len(batch) == MAX_BATCH or size + length > MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append((number, message))
        size += length
    if batch:
        yield batch


def _publish(batch: list[_Numbered]) -> str | None:
    """The sequence number of the first message SNS did not take, or None."""
    try:
        answer = aws.client("sns").publish_batch(
            TopicArn=settings().facts_topic_arn, PublishBatchRequestEntries=[message for _, message in batch]
        )
    except Exception as error:
        telemetry.log_failure(error, first=batch[0][0])
        return batch[0][0]
    refused = {failure["Id"] for failure in answer.get("Failed", [])}
    if refused:
        telemetry.log("facts_refused", codes=sorted({f["Code"] for f in answer["Failed"]}))
    return next((number for number, message in batch if message["Id"] in refused), None)
