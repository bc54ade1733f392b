"""Whatever DynamoDB answers, or does not, a command ends in a definite state and has happened at most once."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pynamodb.exceptions import TransactWriteError

from chalicelib import ledger
from chalicelib.earning import service
from chalicelib.earning.schemas import AdjustmentIn, EventIn, OrderIn, RefundIn
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision, Entry
from chalicelib.engine.events import Cause, Joined, PointsAdjusted
from chalicelib.engine.process import process
from chalicelib.ledger import book
from chalicelib.ledger.items import AccountItem, IdentityItem
from chalicelib.rulebook import store
from chalicelib.shared import audit, aws, callers, guard
from chalicelib.shared.errors import Refusal, Unavailable
from tests.harness import faults, world
from tests.harness.faults import Fault
from tests.unit.rulebooks import published

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
MEMBER = "M000000000000000001"
BOOK = published()
CAUSE = Cause(MEMBER, "a1")
REFUSED, CONFLICT = "ConditionalCheckFailed", "TransactionConflict"


def adjusting(points: int) -> Callable[[Account], Decision]:
    event = PointsAdjusted(CAUSE, points, "because", "operator:1")
    return lambda account: process(BOOK, account, event, NOW)


def adjust(points: int = 30, **more: Any) -> ledger.Outcome:
    return ledger.execute(MEMBER, adjusting(points), body_hash="h", cause=CAUSE, **more)


def joining(member_id: str) -> Decision:
    return process(BOOK, Account(member_id), Joined(Cause(member_id, "joined")), NOW)


def always(fault: Fault, operation: str) -> faults.Plan:
    return lambda made: fault if made == operation else None


def times(number: int, fault: Fault, *operations: str) -> faults.Plan:
    left = [number]

    def plan(operation: str) -> Fault | None:
        if operation not in operations or not left[0]:
            return None
        left[0] -= 1
        return fault

    return plan


@pytest.fixture
def slept() -> Iterator[list[float]]:
    with faults.no_sleep() as durations:
        yield durations


@pytest.fixture
def member(aws: None, slept: list[float]) -> Account:
    return world.join(MEMBER, BOOK, NOW, "openid-1")


def test_a_transaction_whose_answer_is_lost_is_done_once_however_often_it_is_lost(member: Account) -> None:
    before = faults.snapshot()
    for lost in (1, aws.ATTEMPTS, aws.ATTEMPTS * book.ATTEMPTS):
        for points in (30, -100):
            faults.restore(before)
            with faults.troubled(times(lost, Fault.LOST, "TransactWriteItems")):
                outcome = adjust(points)
            assert (outcome.replayed, outcome.entry.seq) == (False, 2)
            assert outcome.account == ledger.load(MEMBER)
            assert ledger.load(MEMBER).balance == 100 + points
            assert world.broken_invariants() == {}


def test_a_transaction_that_arrives_after_it_was_given_up_is_done_once(member: Account) -> None:
    before = faults.snapshot()
    for points in (30, -100):
        # −100 cannot be decided a second time: by then there are no points.
        faults.restore(before)
        with faults.arriving_late():
            outcome = adjust(points)
        assert (outcome.replayed, outcome.entry.seq, outcome.entry.balance_after) == (False, 2, 100 + points)
        assert outcome.account is None, "only a second decision is at hand, which counts the entry twice"
        assert ledger.load(MEMBER).balance == 100 + points


def test_trouble_that_lasts_ends_in_a_retryable_refusal_after_a_counted_number_of_attempts(
    member: Account, slept: list[float]
) -> None:
    for fault, sent in (
        (Fault.CONFLICT, book.ATTEMPTS),  # the SDK leaves a cancelled transaction to us
        (Fault.THROTTLED, book.ATTEMPTS * aws.ATTEMPTS),
        (Fault.EXCEEDED, book.ATTEMPTS * aws.ATTEMPTS),
        (Fault.INTERNAL, book.ATTEMPTS * aws.ATTEMPTS),
        (Fault.CUT, book.ATTEMPTS * aws.ATTEMPTS),
    ):
        aws_client_anew()
        with faults.troubled(always(fault, "TransactWriteItems")) as made, pytest.raises(Unavailable):
            adjust()
        assert made.count("TransactWriteItems") == sent, fault
        assert made.count("GetItem") <= 2 * book.ATTEMPTS, fault
    with faults.troubled(always(Fault.THROTTLED, "GetItem")) as made, pytest.raises(Unavailable):
        adjust()
    assert made == ["GetItem"] * aws.ATTEMPTS
    assert ledger.load(MEMBER).seq == 1
    assert not adjust().replayed


def aws_client_anew() -> None:
    """The SDK's client allows only so many retries before it has seen successes again."""
    from chalicelib.shared import dynamo

    dynamo._connection.cache_clear()
    world.forget_models()


def test_waiting_is_a_random_part_of_a_doubling_capped_time(member: Account, slept: list[float]) -> None:
    runs = []
    for _ in range(2):
        slept.clear()
        with faults.troubled(always(Fault.CONFLICT, "TransactWriteItems")), pytest.raises(Unavailable):
            adjust()
        runs.append(list(slept))
        caps = [min(0.4, 0.02 * 2**n) for n in range(book.ATTEMPTS - 1)]
        assert len(slept) == len(caps), "nobody waits for an attempt that is not made"
        assert all(0 <= seconds <= cap for seconds, cap in zip(slept, caps, strict=True))
    assert runs[0] != runs[1]


def test_an_answer_and_the_look_for_it_both_lost_leave_a_command_that_may_be_sent_again(member: Account) -> None:
    def plan(operation: str) -> Fault | None:
        plan.written |= operation == "TransactWriteItems"  # type: ignore[attr-defined]
        return Fault.LOST if plan.written else None  # type: ignore[attr-defined]

    plan.written = False  # type: ignore[attr-defined]
    with faults.troubled(plan), pytest.raises(Unavailable):
        adjust()
    again = adjust()
    assert (again.replayed, again.entry.balance_after, ledger.load(MEMBER).balance) == (True, 130, 130)


def test_what_dynamodb_calls_invalid_is_our_bug_and_is_not_tried_again(member: Account) -> None:
    with faults.troubled(always(Fault.INVALID, "TransactWriteItems")) as made, pytest.raises(TransactWriteError):
        adjust()
    assert made.count("TransactWriteItems") == 1


AGAIN = "decided again"


def test_what_the_reasons_of_a_cancelled_transaction_mean(member: Account) -> None:
    record, other = (audit.record("operator:1", "points.adjust", MEMBER, {}, NOW) for _ in range(2))
    also = (ledger.Also(record), ledger.Also(other))
    before = faults.snapshot()
    for codes, meaning in (
        ((REFUSED, "None", "None", "None"), AGAIN),
        (("None", REFUSED, "None", "None"), AGAIN),
        (("None", REFUSED, REFUSED, "None"), AGAIN),
        ((CONFLICT, REFUSED, REFUSED, "None"), AGAIN),
        (("ThrottlingError", "None", "None", "None"), AGAIN),
        (("None", "ProvisionedThroughputExceeded", "None", "None"), AGAIN),
        (("None", "None", "None", CONFLICT), AGAIN),
        # The other transaction may be this very command, half visible: too early to say that the room is refused.
        ((CONFLICT, "None", REFUSED, "None"), AGAIN),
        (("None", CONFLICT, REFUSED, "None"), AGAIN),
        (("ThrottlingError", "None", "None", REFUSED), AGAIN),
        (("None", "None", REFUSED, "None"), 0),
        (("None", "None", "None", REFUSED), 1),
        (("None", "None", REFUSED, CONFLICT), 0),
        (("None", "None", CONFLICT, REFUSED), 1),
        (("ValidationError", "None", "None", "None"), TransactWriteError),
        (("None", REFUSED, "ValidationError", "None"), TransactWriteError),
        (("None", "ItemCollectionSizeLimitExceeded", "None", "None"), TransactWriteError),
    ):
        faults.restore(before)
        with faults.answering("TransactWriteItems", faults.cancelled(*codes)) as made:
            if meaning is AGAIN:
                assert adjust(also=also).entry.balance_after == 130, codes
                assert len(made) == 2, codes
                continue
            expected = meaning if isinstance(meaning, type) else ledger.AlsoRefused
            with pytest.raises(expected) as caught:
                adjust(also=also)
        assert len(made) == 1, codes
        assert getattr(caught.value, "index", None) == (meaning if isinstance(meaning, int) else None), codes


def test_a_member_is_created_once_and_is_not_taken_for_somebody_else(aws: None, slept: list[float]) -> None:
    before = faults.snapshot()
    plans = (
        times(1, Fault.LOST, "TransactWriteItems"),
        times(24, Fault.LOST, "TransactWriteItems"),
        times(3, Fault.CUT, "TransactWriteItems"),
        times(3, Fault.CONFLICT, "TransactWriteItems"),
    )
    for plan in plans:
        faults.restore(before)
        with faults.troubled(plan):
            outcome = ledger.create(joining(MEMBER), "openid-1", body_hash="joined")
        assert (outcome.replayed, outcome.account) == (False, ledger.load(MEMBER))
        assert world.member_ids() == [MEMBER]
        assert ledger.member_of("openid-1") == MEMBER
    with pytest.raises(ledger.IdentityTaken) as taken:
        ledger.create(joining("M000000000000000002"), "openid-1", body_hash="joined")
    assert taken.value.member_id == MEMBER
    # Refused for an identity that is given up before we look whose it is: free again, so the next attempt has it.
    with faults.answering("TransactWriteItems", faults.cancelled("None", "None", REFUSED)):
        ledger.create(joining("M000000000000000003"), "openid-3", body_hash="joined")
    # Refused beside a conflict: our own transaction may be under way.
    with faults.answering("TransactWriteItems", faults.cancelled(CONFLICT, "None", REFUSED)):
        ledger.create(joining("M000000000000000004"), "openid-4", body_hash="joined")
    with faults.troubled(always(Fault.CONFLICT, "TransactWriteItems")), pytest.raises(Unavailable):
        ledger.create(joining("M000000000000000005"), "openid-5", body_hash="joined")
    assert len(world.member_ids()) == 3
    assert len([item for item in IdentityItem.scan() if "#" in item.id]) == 3


def test_what_waits_for_its_order_is_kept_once_whatever_is_lost(aws: None, slept: list[float]) -> None:
    def counting(parked: dict[str, Any]) -> dict[str, Any]:
        return {**parked, "x": True}

    for number, plan in enumerate(
        (
            times(1, Fault.LOST, "PutItem"),
            times(24, Fault.LOST, "PutItem"),
            times(2, Fault.CUT, "PutItem"),
            times(4, Fault.INTERNAL, "PutItem"),
            times(4, Fault.THROTTLED, "PutItem"),
            times(3, Fault.CONFLICT, "PutItem"),
        )
    ):
        cause = Cause(f"order#{number}", f"order#{number}")
        with faults.troubled(plan):
            ledger.park(cause, counting)
        item = book.stored(cause)
        assert item is not None
        assert (item.parked, item.revision) == ({"x": True}, 1), number
    with faults.troubled(always(Fault.INTERNAL, "PutItem")), pytest.raises(Unavailable):
        ledger.park(Cause("order#9", "order#9"), counting)


def test_a_plain_addition_under_a_lost_answer_is_doubled_and_the_checks_see_it(member: Account) -> None:
    item = AccountItem.get(MEMBER)
    with faults.troubled(times(1, Fault.LOST, "UpdateItem")):
        item.update([AccountItem.balance.add(30)])
    assert AccountItem.get(MEMBER).balance == 160
    assert ledger.verify(MEMBER) == ["I2: balance is not what the account says"]
    AccountItem.get(MEMBER).update([AccountItem.balance.set(100)])
    with faults.troubled(times(1, Fault.LOST, "UpdateItem")):
        assert guard.count_try("door", NOW, 60) == 2, "the throttle says so, and errs on the strict side"


COMMANDS, SEEDS = 30, 4
MIX = ((0.10, Fault.THROTTLED), (0.10, Fault.CONFLICT), (0.05, Fault.INTERNAL), (0.025, Fault.CUT), (0.025, Fault.LOST))
WRITES = ("TransactWriteItems", "PutItem")


def mixed(chance: random.Random) -> faults.Plan:
    """10 % throttled, 10 % in conflict (writes only), 5 % of 500, 5 % cut: half of those after the write."""

    def plan(operation: str) -> Fault | None:
        drawn = chance.random()
        for share, fault in MIX:
            drawn -= share
            if drawn < 0:
                return fault if operation in WRITES or fault is not Fault.CONFLICT else None
        return None

    return plan


def script(chance: random.Random) -> list[Callable[[], ledger.Outcome | None]]:
    """Commands of one member over some days: orders with refunds before and after, check-ins, events, adjustments."""
    caller, operator = callers.Member(MEMBER, NOW), callers.Operator("1", "owner")
    found: list[Callable[[], ledger.Outcome | None]] = []
    for number in range(COMMANDS):
        now = NOW + timedelta(hours=7 * number)
        order_id, key = f"o-{chance.randrange(number // 2 + 1)}", f"k-{number}"
        fen, points = chance.randrange(1, 30_000), chance.choice((-60, -20, 40))
        order = OrderIn(order_id=f"o-{number}", member_id=MEMBER, paid_at=now, amount_fen=fen)
        refund = RefundIn(refund_id=f"r-{number}", amount_fen=fen // 2 + 1)
        event = EventIn(event_id=f"e-{number}", member_id=MEMBER, kind="review", occurred_at=now)
        adjustment = AdjustmentIn(points=points, reason="because")
        found.append(
            chance.choice(
                (
                    lambda order=order, now=now: service.report_order(order, now),
                    lambda order=order, now=now: service.report_order(order, now),
                    lambda i=order_id, r=refund, now=now: service.refund_order(i, r, now),
                    lambda i=order_id, now=now: service.complete_order(i, now),
                    lambda event=event, now=now: service.report_event(event, now),
                    lambda key=key, now=now: service.check_in(caller, key, now),
                    lambda a=adjustment, key=key, now=now: service.adjust(operator, MEMBER, a, key, now),
                )
            )
        )
    return found


def until_definite(command: Callable[[], ledger.Outcome | None]) -> Entry | str | None:
    """Sends the same command until it is done or refused for good, as every client of ours does."""
    for _ in range(10):
        try:
            outcome = command()
        except Unavailable:
            continue
        except Refusal as refusal:
            return refusal.code
        return outcome.entry if outcome else None
    raise AssertionError("no definite state")


@pytest.fixture
def rulebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "current", lambda now: BOOK)


def test_under_a_mix_of_faults_every_command_ends_as_if_undisturbed(member: Account, rulebook: None) -> None:
    before = faults.snapshot()
    seen: set[str] = set()
    for seed in range(SEEDS):
        results, states = [], []
        for plan in (lambda operation: None, mixed(random.Random(seed))):
            faults.restore(before)
            with faults.troubled(plan):
                results.append([until_definite(command) for command in script(random.Random(seed))])
            states.append(faults.state())
            assert world.broken_invariants() == {}
        assert results[0] == results[1], seed
        assert states[0] == states[1], seed
        seen |= {result if isinstance(result, str) else type(result).__name__ for result in results[0]}
    assert {"Entry", "NoneType", "REFUND_EXCEEDS_ORDER"} <= seen, "every way to end was met"
