"""Holds that are killed, meet each other, or meet trouble on the way: it has happened once, or not at all."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from chalicelib.rulebook import store
from tests.functional.due_room import Due, handle, shard_of
from tests.functional.holds_room import capture, held, hold, open_till, points_of, refund, release, show
from tests.functional.redemptions_room import rich
from tests.functional.test_ledger_crashes import _sweep
from tests.functional.test_redemptions_together import at_once
from tests.harness import faults
from tests.harness.api import Api, Member, Reply
from tests.harness.faults import Fault


@pytest.fixture(autouse=True)
def _no_revalidation(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whether the rulebook is looked up again depends on seconds gone by; calls must be the same every time."""
    monkeypatch.setattr(store, "REVALIDATE_SECONDS", float("inf"))
    with faults.no_sleep():
        yield


@pytest.fixture
def ann(api: Api) -> Member:
    open_till(api)
    return rich(api)


def test_a_command_killed_at_any_storage_call_and_sent_again_has_happened_once(api: Api, ann: Member) -> None:
    for hold_id in ("to capture", "to release", "captured"):
        held(api, ann, hold_id=hold_id.replace(" ", "-"))
    capture(api, hold_id="captured")
    commands: dict[str, Callable[[], Reply]] = {
        "a hold": lambda: hold(api, ann, hold_id="new"),
        "a capture": lambda: capture(api, 40, "to-capture"),
        "a release": lambda: release(api, "to-release"),
        "a refund": lambda: refund(api, 30, hold_id="captured"),
    }
    for name, command in commands.items():
        _sweep(command, command, name, cold=name == "a hold")


def test_two_captures_at_once_are_one(api: Api, ann: Member) -> None:
    for number in range(5):
        hold_id = f"h-{number}"
        held(api, ann, hold_id=hold_id)
        replies = at_once(*(lambda: capture(api, 60, hold_id) for _ in range(2)))  # noqa: B023
        assert [reply.status for reply in replies] == [200, 200]
        assert replies[0].body == replies[1].body
        assert sorted("Idempotency-Replayed" in reply.headers for reply in replies) == [False, True]
    assert points_of(api, ann) == (700, 0)


def test_two_captures_of_other_parts_at_once_are_one_and_a_refusal(api: Api, ann: Member) -> None:
    for number in range(5):
        hold_id = f"h-{number}"
        held(api, ann, hold_id=hold_id)
        replies = at_once(*(lambda part=part: capture(api, part, hold_id) for part in (30, 60)))  # noqa: B023
        assert Counter(reply.code for reply in replies) == {"": 1, "IDEMPOTENCY_MISMATCH": 1}
        taken = next(reply.body["hold"]["captured_points"] for reply in replies if not reply.code)
        assert show(api, hold_id).body["hold"]["captured_points"] == taken


def test_a_capture_and_a_release_at_once_end_in_one_of_them(api: Api, ann: Member) -> None:
    for number in range(5):
        hold_id = f"h-{number}"
        held(api, ann, hold_id=hold_id)
        pair = at_once(lambda: capture(api, hold_id=hold_id), lambda: release(api, hold_id))  # noqa: B023
        state = show(api, hold_id).body["hold"]["state"]
        expected = {"captured": ["", "HOLD_CAPTURED"], "released": ["HOLD_RELEASED", ""]}
        assert [reply.code for reply in pair] == expected[state]


def test_a_release_and_the_expiry_at_once_give_the_points_back_once(
    api: Api, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    Due(monkeypatch)
    body = f'{{"job":"hold_expiry","shard":"{shard_of(ann.member_id)}"}}'
    for number in range(5):
        hold_id = f"h-{number}"
        held(api, ann, hold_id=hold_id, expires_in_seconds=60)
        api.clock.pass_(seconds=60)

        def expire() -> Reply:
            assert handle("holds", body) == []
            return Reply(200, None, {})

        at_once(expire, lambda: release(api, hold_id))  # noqa: B023
        assert show(api, hold_id).body["hold"]["state"] in ("expired", "released")
        assert points_of(api, ann) == (1_000, 0)


def test_holds_at_once_take_no_more_than_there_is(api: Api) -> None:
    open_till(api)
    ann = rich(api, points=130)
    replies = at_once(*(lambda n=n: hold(api, ann, 40, f"h-{n}") for n in range(6)))
    assert Counter(reply.code for reply in replies) == {"": 3, "INSUFFICIENT_POINTS": 3}
    assert points_of(api, ann) == (10, 120)


def test_refunds_at_once_take_no_more_than_was_captured(api: Api, ann: Member) -> None:
    held(api, ann)
    capture(api)
    replies = at_once(*(lambda n=n: refund(api, 40, f"r-{n}") for n in range(4)))
    assert Counter(reply.code for reply in replies) == {"": 2, "REFUND_EXCEEDS_HOLD": 2}
    assert points_of(api, ann) == (980, 0)


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.CUT, Fault.CONFLICT, Fault.THROTTLED, Fault.INTERNAL])
def test_trouble_on_the_way_changes_nothing_of_what_happens(api: Api, ann: Member, fault: Fault) -> None:
    troubles = iter([fault] * 4)

    def plan(operation: str) -> Fault | None:
        # Every second transaction.
        flip[0] = not flip[0]
        return next(troubles, None) if operation == "TransactWriteItems" and flip[0] else None

    flip = [False]
    with faults.troubled(plan):
        replies = [hold(api, ann), capture(api, 60), refund(api, 30)]
    assert [reply.status for reply in replies] == [200] * 3
    assert points_of(api, ann) == (970, 0)
