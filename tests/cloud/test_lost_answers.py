"""One write in ten is carried out and its answer lost. Nothing is doubled, nothing is lost; a plain ADD is doubled."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress

import pytest

from chalicelib.earning import service
from chalicelib.earning.schemas import AdjustmentIn
from chalicelib.shared import clock, guard
from chalicelib.shared.callers import Operator
from chalicelib.shared.errors import Unavailable
from tests.cloud.brand import Brand, Stack, at_once, entries
from tests.cloud.wire import LossyWire, Passage
from tests.conftest import forget

THREADS, COMMANDS_EACH = 8, 60
SHARE = 0.1
OPERATOR = Operator("somebody", "owner")


@pytest.fixture
def wire(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[LossyWire]:
    """From here on this process reaches the cloud over a wire that loses answers."""
    with LossyWire(stack.cloud_url, SHARE, seed=20261125) as lossy:
        with monkeypatch.context() as environment:
            environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", lossy.url)
            forget()
            yield lossy
        forget()


def transactions(wire: LossyWire) -> dict[str, list[Passage]]:
    """token → every time a transaction with it passed."""
    found: dict[str, list[Passage]] = defaultdict(list)
    for passage in wire.passages:
        if passage.operation == "TransactWriteItems":
            found[passage.token].append(passage)
    return found


def test_of_hundreds_of_commands_none_is_doubled_and_none_is_lost(brand: Brand, wire: LossyWire) -> None:
    members = [brand.newcomer() for _ in range(THREADS)]

    def command(thread: int, number: int) -> None:
        """As a client does, makes the same call again when it is told to."""
        body = AdjustmentIn(points=1 + number, reason="one of hundreds")
        try:
            service.adjust(OPERATOR, members[thread].member_id, body, str(number), clock.now())
        except Unavailable:
            command(thread, number)

    at_once(THREADS, lambda thread: [command(thread, number) for number in range(COMMANDS_EACH)])

    for member in members:
        assert Counter(item.points for item in entries(member)[1:]) == Counter(range(1, COMMANDS_EACH + 1))
    passed = transactions(wire)
    cut = [token for token, passages in passed.items() if passages[0].cut]
    assert len(cut) > 0.05 * THREADS * COMMANDS_EACH
    assert all(len(token) == 36 for token in passed)
    # What was lost was asked again with the same token, and DynamoDB said what it had done rather than refuse.
    assert all(len(passed[token]) > 1 for token in cut)
    assert {passage.status for token in cut for passage in passed[token]} == {200}


def test_a_plain_add_over_the_same_wire_is_doubled(wire: LossyWire) -> None:
    """The control: without it, the test above would prove nothing about the wire."""
    now, each = clock.now(), 20

    def add(_: int) -> None:
        for _ in range(each):
            # Cut three times in a row, a call ends like this; it was applied all the same.
            with suppress(Unavailable):
                guard.count_try("control", now, 86_400)

    at_once(THREADS, add)
    applied = sum(passage.operation == "UpdateItem" for passage in wire.passages)
    (counter,) = guard.Guard.scan(guard.Guard.id.startswith("control#"))
    assert counter.tries == applied > THREADS * each
