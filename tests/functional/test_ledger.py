"""The book on moto: one transaction, one cause, whatever is lost on the way."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from unittest.mock import patch

import pytest

from chalicelib import ledger
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision
from chalicelib.engine.events import Behaved, Cause, PointsAdjusted
from chalicelib.engine.process import process
from chalicelib.ledger import book
from chalicelib.shared import audit
from chalicelib.shared.errors import BadCursor, Conflict, IdempotencyMismatch, Unavailable
from tests.harness import world
from tests.harness.meter import Meter
from tests.unit.rulebooks import published

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
MEMBER = "M000000000000000001"
BOOK = published()


def adjusting(points: int, cause: str = "a1") -> Callable[[Account], Decision]:
    event = PointsAdjusted(Cause(MEMBER, cause), points, "because", "operator:1")
    return lambda account: process(BOOK, account, event, NOW)


@pytest.fixture
def member(aws: None) -> Account:
    return world.join(MEMBER, BOOK, NOW, "openid-1")


def test_a_decision_is_written_once_and_a_repeat_returns_the_stored_entry(member: Account) -> None:
    first = ledger.execute(MEMBER, adjusting(30), body_hash="h")
    again = ledger.execute(MEMBER, adjusting(30), body_hash="h")
    assert (first.replayed, again.replayed) == (False, True)
    assert again.entry == first.entry
    assert ledger.load(MEMBER).balance == 130


def test_a_lost_race_reads_again_and_decides_again(member: Account) -> None:
    stale = ledger.load(MEMBER)
    ledger.execute(MEMBER, adjusting(30, "a1"), body_hash="1")
    outcome = ledger.execute(MEMBER, adjusting(5, "a2"), body_hash="2", account=stale)
    assert (outcome.entry.seq, outcome.entry.balance_after) == (3, 135)


def test_a_race_lost_too_often_ends_in_a_retryable_refusal(member: Account) -> None:
    def meddling(account: Account) -> Decision:
        with patch.object(book, "wait"):
            meddling.count += 1  # type: ignore[attr-defined]
            ledger.execute(MEMBER, adjusting(1, f"m{meddling.count}"), body_hash="m")  # type: ignore[attr-defined]
        return adjusting(30)(account)

    meddling.count = 0  # type: ignore[attr-defined]
    with patch.object(book, "wait"), pytest.raises(Unavailable):
        ledger.execute(MEMBER, meddling, body_hash="h")
    assert meddling.count == book.ATTEMPTS  # type: ignore[attr-defined]
    assert ledger.entry(Cause(MEMBER, "a1")) is None


def test_every_transaction_carries_a_client_request_token(member: Account, meter: Meter) -> None:
    ledger.execute(MEMBER, adjusting(30), body_hash="h")
    assert len(meter.tokens) == 1
    assert len(meter.tokens[0]) == 36


def test_an_earn_is_one_read_and_one_transaction_of_two_items_and_five_units(member: Account, meter: Meter) -> None:
    event = Behaved(Cause("event#1", "event#1"), "review", NOW, trusted=True)
    ledger.execute(MEMBER, lambda account: process(BOOK, account, event, NOW), body_hash="h")
    assert meter.calls == {"GetItem": 1, "TransactWriteItems": 1}
    assert (meter.items, meter.write_units) == (2, 5)


def test_the_rooms_own_write_goes_with_the_entry_or_not_at_all(member: Account) -> None:
    record = audit.record("operator:1", "points.adjust", MEMBER, {}, NOW)
    ledger.execute(MEMBER, adjusting(30), body_hash="h", also=(ledger.Also(record),))
    assert len(audit.page("2026-11-24", 10, None)) == 1
    taken = ledger.Also(record, audit.AuditRecord.day.does_not_exist())
    with pytest.raises(ledger.AlsoRefused) as refused:
        ledger.execute(MEMBER, adjusting(5, "a2"), body_hash="h2", also=(taken,))
    assert refused.value.index == 0
    assert ledger.load(MEMBER).seq == 2


def test_an_idempotency_key_returns_the_first_answer_and_refuses_other_content(member: Account) -> None:
    first = ledger.execute(MEMBER, adjusting(30, "a1"), body_hash="one", request="key")
    again = ledger.execute(MEMBER, adjusting(30, "a2"), body_hash="one", request="key")
    assert again.replayed
    assert again.entry == first.entry
    with pytest.raises(IdempotencyMismatch):
        ledger.execute(MEMBER, adjusting(1, "a3"), body_hash="two", request="key")


def test_a_refusal_after_the_cause_was_recorded_is_a_replay(member: Account) -> None:
    ledger.execute(MEMBER, adjusting(-100), body_hash="h")
    again = ledger.execute(MEMBER, adjusting(-100), body_hash="h", cause=Cause(MEMBER, "a1"))
    assert again.replayed
    with pytest.raises(Conflict, match="INSUFFICIENT"):
        ledger.execute(MEMBER, adjusting(-100, "a2"), body_hash="h2", cause=Cause(MEMBER, "a2"))


def test_an_openid_gets_one_member_under_concurrent_first_logins(aws: None) -> None:
    results: list[str] = []

    def log_in(number: int) -> None:
        try:
            results.append(world.join(f"M00000000000000001{number}", BOOK, NOW, "same").member_id)
        except ledger.IdentityTaken as taken:
            results.append(taken.member_id)

    threads = [threading.Thread(target=log_in, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert len(set(results)) == 1
    assert world.member_ids() == [results[0]]


def test_sixteen_threads_cannot_spend_more_than_there_is(member: Account) -> None:
    wins: list[int] = []

    def spend(number: int) -> None:
        for attempt in range(3):
            try:
                ledger.execute(MEMBER, adjusting(-10, f"s{number}.{attempt}"), body_hash="h")
                wins.append(number)
            except (Conflict, Unavailable):
                pass

    threads = [threading.Thread(target=spend, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    account = ledger.load(MEMBER)
    assert account.balance == 100 - 10 * len(wins)
    assert account.balance >= 0


def test_something_parked_is_handed_to_the_entry_that_takes_its_place(member: Account) -> None:
    cause = Cause(MEMBER, "a1")
    ledger.park(cause, lambda parked: {**parked, "x": 1})
    ledger.park(cause, lambda parked: {**parked, "y": 2})
    with pytest.raises(ledger.Parked) as found:
        ledger.execute(MEMBER, adjusting(30), body_hash="h")
    assert found.value.parked == {"x": 1, "y": 2}
    assert ledger.entry(cause) is None
    ledger.park(cause, lambda parked: {**parked, "z": 3})
    with pytest.raises(ledger.Parked):  # it has changed since
        ledger.execute(MEMBER, adjusting(30), body_hash="h", replaces=found.value.revision)
    ledger.execute(MEMBER, adjusting(30), body_hash="h", replaces=3)
    with pytest.raises(ledger.AlreadyRecorded):
        ledger.park(cause, lambda parked: parked)


def test_the_statement_comes_in_pages_newest_first(member: Account) -> None:
    for number in range(4):
        ledger.execute(MEMBER, adjusting(1, f"a{number}"), body_hash="h")
    page, cursor = ledger.statement(MEMBER, 2, None)
    assert [entry.seq for entry in page] == [5, 4]
    page, cursor = ledger.statement(MEMBER, 2, cursor)
    assert [entry.seq for entry in page] == [3, 2]
    page, cursor = ledger.statement(MEMBER, 2, cursor)
    assert ([entry.seq for entry in page], cursor) == ([1], None)
    for bad in ("nonsense!", "e30", "InRleHQi"):
        with pytest.raises(BadCursor):
            ledger.statement(MEMBER, 2, bad)
