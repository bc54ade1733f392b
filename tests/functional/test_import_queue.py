"""The import's side of the orders queue: batches in order, what was not taken sent again, waiting until it is empty."""

from collections.abc import Iterator
from typing import Any

import pytest

from infra import intake_queue
from infra.intake_queue import OrdersQueue, QueueFailed, batches
from infra.intake_rows import Message


class Sqs:
    """SQS that takes of each call what `takes` says (indexes), or everything when it has no more to say."""

    def __init__(self, *takes: set[int], sender_fault: bool = False) -> None:
        self.takes: Iterator[set[int]] = iter(takes)
        self.fault, self.calls, self.taken = sender_fault, [], []  # type: ignore[var-annotated]

    def get_queue_url(self, QueueName: str) -> dict[str, str]:
        return {"QueueUrl": QueueName}

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:
        takes = next(self.takes, set(range(10)))
        self.calls.append([entry["MessageBody"] for entry in Entries])
        self.taken += [entry for number, entry in enumerate(Entries) if number in takes]
        failed = [entry["Id"] for number, entry in enumerate(Entries) if number not in takes]
        return {"Failed": [{"Id": i, "Code": "InternalError", "SenderFault": self.fault} for i in failed]}


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr(intake_queue.time, "sleep", taken.append)
    return taken


def messages(text: str) -> list[Message]:
    """`a1 b1 a2`: group and number."""
    return [Message(word[0], word) for word in text.split()]


def bodies(text: str) -> list[list[str]]:
    return [[message.body for message in batch] for batch in batches(messages(text))]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("", []),
        ("a1 b1 c1", [["a1", "b1", "c1"]]),
        ("a1 a2 b1 a3 b2", [["a1", "b1"], ["a2", "b2"], ["a3"]]),
        ("a1 b1 c1 d1 e1 f1 g1 h1 i1 j1 k1", [["a1", "b1", "c1", "d1", "e1", "f1", "g1", "h1", "i1", "j1"], ["k1"]]),
    ],
)
def test_a_batch_has_no_member_twice_and_keeps_each_member_s_order(sent: str, expected: list[list[str]]) -> None:
    assert bodies(sent) == expected


@pytest.mark.parametrize(("length", "calls"), [(24_000, 1), (24_001, 2)])
def test_a_batch_stays_below_what_a_call_may_carry(length: int, calls: int) -> None:
    large = [Message(str(number), "x" * length) for number in range(10)]
    assert len(list(batches(large))) == calls


def test_only_what_was_not_taken_is_sent_again_before_anything_later(naps: list[float]) -> None:
    sqs = Sqs({1}, set(), {0, 1})
    OrdersQueue(sqs, "test").send(messages("a1 b1 c1 a2"), "import")
    assert sqs.calls == [["a1", "b1", "c1"], ["a1", "c1"], ["a1", "c1"], ["a2"]]
    assert [entry["MessageBody"] for entry in sqs.taken if entry["MessageGroupId"] == "a"] == ["a1", "a2"]
    assert len(naps) == 2


def test_a_queue_that_stays_busy_stops_the_import(naps: list[float]) -> None:
    sqs = Sqs(*[set() for _ in range(20)])
    with pytest.raises(QueueFailed, match="busy"):
        OrdersQueue(sqs, "test").send(messages("a1"), "import")
    assert len(sqs.calls) == intake_queue.ATTEMPTS


def test_a_message_the_queue_will_never_take_is_not_tried_again(naps: list[float]) -> None:
    sqs = Sqs(set(), sender_fault=True)
    with pytest.raises(QueueFailed, match="refuses"):
        OrdersQueue(sqs, "test").send(messages("a1"), "import")
    assert len(sqs.calls) == 1


def test_a_message_is_known_by_its_content_within_one_import(naps: list[float]) -> None:
    sqs = Sqs()
    queue = OrdersQueue(sqs, "test")
    for sent, import_id in (("a1", "x"), ("a1", "x"), ("a1", "y"), ("a2", "x")):
        queue.send(messages(sent), import_id)
    ids = [entry["MessageDeduplicationId"] for entry in sqs.taken]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


class Backlogs(OrdersQueue):
    """A queue that is as long as it is told to be."""

    def __init__(self, *lengths: int) -> None:
        self.lengths = iter(lengths)

    def backlog(self) -> int:
        return next(self.lengths)


def test_the_queue_is_empty_when_it_says_so_three_times_in_a_row(naps: list[float]) -> None:
    told: list[int] = []
    Backlogs(5, 5, 0, 0, 2, 0, 0, 0).wait(told.append)
    assert told == [5, 0, 0, 2, 0, 0]


def test_a_queue_nobody_works_on_is_not_waited_for_forever(naps: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 700))
    monkeypatch.setattr(intake_queue.time, "monotonic", lambda: next(clock))
    with pytest.raises(QueueFailed, match="5 messages wait"):
        Backlogs(*[5] * 9).wait(lambda _: None)
