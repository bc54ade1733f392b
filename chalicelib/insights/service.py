"""Counting facts exactly, however often each is delivered, and answering the counts."""

import random
import time
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pynamodb.exceptions import QueryError, TransactWriteError

from chalicelib.insights.items import MetricItem
from chalicelib.insights.schemas import BENEFIT_USED, FactIn, UseIn
from chalicelib.shared import dynamo
from chalicelib.shared.errors import Unavailable, invalid
from chalicelib.shared.guard import Guard
from chalicelib.shared.ids import digest

# A day's figure lies in several items, since transactions on one item refuse each other.
SHARDS = 8
# Longer than a message can live: 4 days in the queue, 14 in its dead-letter queue, and a redrive's 4 again.
REMEMBERED_SECONDS = 30 * 86400
MAX_DAYS = 31
_ATTEMPTS = 5


@dataclass(frozen=True)
class Use:
    """How often a benefit was used by members who had that tier."""

    benefit: str
    tier: str
    uses: int


@dataclass(frozen=True)
class Figure:
    """One day's entries of one kind, and the sum of their points; of uses of benefits, which and by which tier."""

    day: date
    kind: str
    entries: int
    points: int
    uses: tuple[Use, ...] = ()


def count(fact: FactIn, now: datetime) -> bool:
    """Counts one fact. False when it was counted before.

    The fact's mark and the count are one transaction, so a fact is counted if and only if it is marked.
    """
    shard = int(digest(fact.member_id, 8), 16) % SHARDS
    metric = MetricItem(fact.on.isoformat(), f"{_figure(fact)}#{shard}")
    mark = Guard(id=f"fact#{fact.member_id}#{fact.seq}", expires_at=int(now.timestamp()) + REMEMBERED_SECONDS)
    for attempt in range(_ATTEMPTS):
        try:
            with dynamo.transaction() as writes:
                writes.save(mark, Guard.id.does_not_exist())
                writes.update(metric, [MetricItem.entries.add(1), MetricItem.points.add(fact.points)])
        except TransactWriteError as error:
            reasons = {reason.code for reason in error.cancellation_reasons if reason}
            if "ConditionalCheckFailed" in reasons:
                return False
            if "TransactionConflict" not in reasons:
                raise dynamo.as_refusal(error) from error
            time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311
            continue
        return True
    raise Unavailable


def _figure(fact: FactIn) -> str:
    """The figure the fact belongs to: its kind, and of a benefit's use the benefit and the tier too."""
    if fact.kind != BENEFIT_USED:
        return fact.kind
    use = UseIn.model_validate(fact.facts)
    return f"{fact.kind}/{use.benefit}/{use.tier}"


def figures(first: date, last: date) -> list[Figure]:
    """Every day's figures from `first` to `last`, by day and kind. One query a day."""
    days = (last - first).days + 1
    if not 1 <= days <= MAX_DAYS:
        raise invalid("to", f"1–{MAX_DAYS} days, `from` not after `to`")
    return [figure for n in range(days) for figure in _day(first + timedelta(days=n))]


def _day(day: date) -> list[Figure]:
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    used: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    try:
        for item in MetricItem.query(day.isoformat(), consistent_read=True):
            kind, *of = item.kind.partition("#")[0].split("/")
            sums[kind][0] += int(item.entries)
            sums[kind][1] += int(item.points)
            if of:
                used[kind, of[0], of[1]] += int(item.entries)
    except QueryError as error:
        raise dynamo.as_refusal(error) from error
    return [
        Figure(day, kind, entries, points, tuple(Use(*of[1:], n) for of, n in sorted(used.items()) if of[0] == kind))
        for kind, (entries, points) in sorted(sums.items())
    ]
