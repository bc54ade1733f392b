"""Facts from the queue are counted exactly, however they are delivered."""

import json
import threading
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from pynamodb.exceptions import CancellationReason, TransactWriteError, VerboseClientError

from chalicelib.console import rules
from chalicelib.insights import service
from chalicelib.insights.items import MetricItem
from chalicelib.insights.workers import count_facts
from chalicelib.shared import clock, dynamo
from chalicelib.shared.guard import Guard
from tests.functional.console_room import NOW, Console
from tests.harness.meter import Meter

DAY = date(2026, 11, 24)


@pytest.fixture(autouse=True)
def empty_figures(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(rules, "N", 2)


def fact(member: int = 1, seq: int = 1, kind: str = "order_paid", points: int = 10, on: date = DAY) -> dict[str, Any]:
    return {
        "member_id": f"M{member:018}", "seq": seq, "kind": kind, "points": points, "on": on.isoformat(),
        "cause": "order#1", "facts": {"anything": 1},
    }  # fmt: skip


def deliver(*bodies: Any) -> list[str]:
    """Calls the worker as Lambda does, message ids m0, m1, …; returns those given back."""
    records = [
        {"messageId": f"m{n}", "body": body if isinstance(body, str) else json.dumps(body)}
        for n, body in enumerate(bodies)
    ]
    answer = count_facts({"Records": records}, None)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def figures(on: date = DAY) -> dict[str, tuple[int, int]]:
    return {figure.kind: (figure.entries, figure.points) for figure in service.figures(on, on)}


def test_facts_are_counted_by_day_and_kind_with_their_points() -> None:
    tomorrow = DAY + timedelta(days=1)
    batch = [fact(1), fact(2, points=5), fact(3, kind="order_refunded", points=-7), fact(4, on=tomorrow)]
    assert deliver(*batch) == []
    assert figures() == {"order_paid": (2, 15), "order_refunded": (1, -7)}
    assert figures(tomorrow) == {"order_paid": (1, 10)}


def use(member: int, benefit: str, tier: str, seq: int = 1) -> dict[str, Any]:
    return {**fact(member, seq, "benefit_used", 0), "facts": {"benefit": benefit, "tier": tier, "more": [1]}}


def test_uses_of_benefits_are_counted_by_benefit_and_tier() -> None:
    uses = [use(1, "daily_uses", "gold"), use(2, "daily_uses", "gold"), use(3, "daily_uses", "normal")]
    assert deliver(*uses, use(4, "support", "gold"), use(4, "support", "gold"), fact(5)) == []
    assert figures() == {"benefit_used": (4, 0), "order_paid": (1, 10)}
    used, paid = service.figures(DAY, DAY)
    assert used.uses == (
        service.Use("daily_uses", "gold", 2),
        service.Use("daily_uses", "normal", 1),
        service.Use("support", "gold", 1),
    )
    assert paid.uses == ()


def test_a_fact_delivered_twice_counts_once_in_one_batch_and_in_two() -> None:
    assert deliver(fact(1), fact(1), fact(2)) == []
    assert deliver(fact(2), fact(1)) == []
    assert figures() == {"order_paid": (2, 20)}


def test_the_same_number_of_another_member_and_another_number_of_the_same_are_other_facts() -> None:
    assert deliver(fact(1, 1), fact(1, 2), fact(2, 1), fact(1, 11), fact(11, 1)) == []
    assert figures() == {"order_paid": (5, 50)}


@pytest.mark.parametrize(
    "poison",
    [
        "not json", "[]", "{}", "null", {**fact(9), "seq": 0}, {**fact(9), "kind": "no#such"}, {**fact(9), "on": "?"},
        {**fact(9), "member_id": "openid"}, {**fact(9), "points": 1.5}, fact(9, kind="benefit_used"),
        use(9, "no#such", "gold"), use(9, "support", "a/b"),
    ],
)  # fmt: skip
def test_a_poison_message_is_given_back_alone_wherever_it_stands(poison: Any) -> None:
    for place in range(3):
        bodies: list[Any] = [fact(1, place + 1), fact(2, place + 1)]
        bodies.insert(place, poison)
        assert deliver(*bodies) == [f"m{place}"]
        assert deliver(*bodies) == [f"m{place}"]
        assert figures() == {"order_paid": (2 * (place + 1), 20 * (place + 1))}


def test_overlapping_consumers_of_the_same_messages_count_each_once() -> None:
    facts = [fact(member) for member in range(10)]
    failures: list[list[str]] = [[], [], [], []]

    def consume(index: int) -> None:
        failures[index] = deliver(*facts)

    threads = [threading.Thread(target=consume, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [[], [], [], []]
    assert figures() == {"order_paid": (10, 100)}


class Cancelled:
    """A DynamoDB that cancels the first `times` transactions for `code`, or loses the answer after applying them."""

    def __init__(self, times: int, code: str | None) -> None:
        self.times, self.code = times, code
        self.original = dynamo.transaction

    def __call__(self) -> Any:
        if self.times <= 0:
            return self.original()
        self.times -= 1
        return self._failing()

    def _failing(self) -> Any:
        outer = self

        class Failing:
            def __enter__(self) -> Any:
                self.inner = outer.original()
                return self.inner.__enter__()

            def __exit__(self, *error: Any) -> None:
                if outer.code is None:
                    self.inner.__exit__(*error)
                    raise TransactWriteError("lost", cause=None)
                reasons = [None, CancellationReason(outer.code)]
                response = {"Error": {"Code": "TransactionCanceledException", "Message": ""}}
                cause = VerboseClientError(response, "TransactWriteItems", cancellation_reasons=reasons)
                raise TransactWriteError("cancelled", cause=cause)

        return Failing()


def test_a_transaction_in_the_way_is_waited_for() -> None:
    with patch.object(dynamo, "transaction", Cancelled(service._ATTEMPTS - 1, "TransactionConflict")):
        assert deliver(fact(1)) == []
    assert figures() == {"order_paid": (1, 10)}


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError"])
def test_trouble_that_lasts_leaves_the_message_to_the_queue(code: str) -> None:
    with patch.object(dynamo, "transaction", Cancelled(service._ATTEMPTS, code)):
        assert deliver(fact(1)) == ["m0"]
    assert figures() == {}
    assert deliver(fact(1)) == []
    assert figures() == {"order_paid": (1, 10)}


def test_a_count_whose_answer_was_lost_is_not_counted_again() -> None:
    with patch.object(dynamo, "transaction", Cancelled(1, None)):
        assert deliver(fact(1)) == ["m0"]
    assert figures() == {"order_paid": (1, 10)}
    assert deliver(fact(1)) == []
    assert figures() == {"order_paid": (1, 10)}


def test_a_fact_is_remembered_longer_than_any_queue_keeps_it() -> None:
    deliver(fact(1))
    mark = Guard.get(f"fact#M{1:018}#1")
    longest = timedelta(days=4 + 14 + 4)  # the queue, its dead-letter queue, and the queue again after a redrive
    assert mark.expires_at - NOW.timestamp() > longest.total_seconds()


def test_counting_a_fact_is_one_transaction_of_two_items(meter: Meter) -> None:
    deliver(fact(1))
    assert (dict(meter.calls), meter.items) == ({"TransactWriteItems": 1}, 2)


def test_a_day_is_spread_over_several_items_and_added_up_again() -> None:
    deliver(*(fact(member) for member in range(40)))
    items = list(MetricItem.query(DAY.isoformat()))
    assert 1 < len(items) <= service.SHARDS
    assert figures() == {"order_paid": (40, 400)}


def test_an_analyst_reads_the_figures_of_up_to_31_days(meter: Meter) -> None:
    console = Console()
    token = console.hire("ann", "analyst")
    deliver(fact(1), fact(2, kind="joined", points=100), fact(3, on=DAY - timedelta(days=30)))
    meter.calls.clear()
    status, answer = console.call("GET", "/v1/admin/metrics?from=2026-10-25&to=2026-11-24", token=token)
    assert status == 200
    assert meter.calls == {"GetItem": 1, "Query": 31}
    assert answer["items"] == [
        {"day": "2026-10-25", "kind": "order_paid", "entries": 1, "points": 10, "uses": []},
        {"day": "2026-11-24", "kind": "joined", "entries": 1, "points": 100, "uses": []},
        {"day": "2026-11-24", "kind": "order_paid", "entries": 1, "points": 10, "uses": []},
    ]


@pytest.mark.parametrize(
    "query",
    ["", "from=2026-11-24", "from=2026-10-24&to=2026-11-24", "from=2026-11-25&to=2026-11-24", "from=x&to=2026-11-24"],
)
def test_other_ranges_are_bad_fields(query: str) -> None:
    console = Console()
    token = console.hire("ann", "analyst")
    status, answer = console.call("GET", f"/v1/admin/metrics?{query}", token=token)
    assert (status, answer["error"]["code"]) == (422, "INVALID_FIELDS")
