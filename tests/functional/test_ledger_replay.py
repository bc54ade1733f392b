"""Sent again: the first answer for the same content, 409 for other content; however long ago, and while the index lags.

Where a key is forgotten after `REMEMBERED_REQUESTS` newer ones, these tests say what is answered instead.
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision
from chalicelib.engine.events import Behaved, Cause, CheckedIn
from chalicelib.engine.process import process
from chalicelib.engine.refusals import AlreadyCheckedIn
from chalicelib.ledger import book
from chalicelib.shared.errors import IdempotencyMismatch, Unavailable
from tests.harness import faults, world
from tests.harness.api import NOON, Api, Member, Reply
from tests.unit.rulebooks import published

MEMBER = "M000000000000000001"
BOOK = published()
TODAY = date(2026, 11, 24)


def mine(api: Api, member: Member, key: str, method: str, path: str, body: Any = None) -> Reply:
    return api.call(method, path, body, token=member.token, key=key)


def login(number: int = 0, kind: str = "login") -> dict[str, str]:
    return {"action_id": f"a-{number}", "kind": kind}


def consent(version: str = "1") -> dict[str, Any]:
    return {"name": "privacy_policy", "version": version, "granted": True}


def settled(api: Api) -> Member:
    """A member of three days who consented."""
    member = api.log_in()
    api.clock.pass_(days=3)
    member = api.log_in()
    assert mine(api, member, "welcome", "POST", "/v1/me/consents", consent()).status == 200
    return member


def newer_requests(api: Api, member: Member) -> None:
    """So many that the account forgets every key before them."""
    for number in range(book.REMEMBERED_REQUESTS):
        reply = mine(api, member, f"newer-{number}", "POST", "/v1/me/actions", login(1000 + number))
        assert reply.status == 200, reply


def is_replay_of(first: Reply, again: Reply) -> bool:
    return (
        (again.status, again.body) == (first.status, first.body)
        and again.headers.get("Idempotency-Replayed") == "true"
        and "Idempotency-Replayed" not in first.headers
    )


def test_what_merchants_and_operators_send_again_is_answered_again_and_other_content_is_refused(api: Api) -> None:
    member, token = settled(api), api.operator()
    admin = f"/v1/admin/members/{member.member_id}"
    paid_at = api.clock.now.isoformat()
    late = (api.clock.now + timedelta(minutes=1)).isoformat()

    def event(occurred_at: str) -> Reply:
        body = {"event_id": "e-1", "member_id": member.member_id, "kind": "survey", "occurred_at": occurred_at}
        return api.merchant("POST", "/v1/events", body)

    def operate(what: str, body: Any) -> Reply:
        return api.call("POST", f"{admin}/{what}", body, token=token, key=what)

    commands: dict[str, tuple[Callable[[], Reply], Callable[[], Reply] | None]] = {
        "order": (
            lambda: api.order(member, 10_000, "o-1", paid_at=paid_at),
            lambda: api.order(member, 10_001, "o-1", paid_at=paid_at),
        ),
        "completion": (lambda: api.complete("o-1"), None),
        "refund": (lambda: api.refund("o-1", "r-1", 4_000), lambda: api.refund("o-1", "r-1", 4_001)),
        "refund before its order": (lambda: api.refund("o-2", "r-1", 1), lambda: api.refund("o-2", "r-1", 2)),
        "event": (lambda: event(paid_at), lambda: event(late)),
        "adjustment": (
            lambda: operate("adjustments", {"points": 5, "reason": "because"}),
            lambda: operate("adjustments", {"points": 6, "reason": "because"}),
        ),
        "freeze": (
            lambda: operate("freeze", {"reason": "because"}),
            lambda: operate("freeze", {"reason": "why not"}),
        ),
    }
    for name, (command, other) in commands.items():
        first = command()
        state = faults.state()
        api.clock.pass_(minutes=9)
        again = command()
        assert is_replay_of(first, again) or (first.status == again.status == 202), (name, first, again)
        if other:
            assert other().code == "IDEMPOTENCY_MISMATCH", name
        assert faults.state() == state, name


def test_a_member_s_key_answers_again_for_the_same_body_and_refuses_any_other(api: Api) -> None:
    member = settled(api)
    yesterday = (TODAY + timedelta(days=2)).isoformat()
    commands = {
        "check-in": (("POST", "/v1/me/check-ins"), None, None),
        "make-up": (("POST", "/v1/me/check-ins/make-up"), {"on": yesterday}, {"on": "2026-11-25"}),
        "action": (("POST", "/v1/me/actions"), login(), login(1)),
        "action of one id": (("POST", "/v1/me/actions"), login(2), login(2, kind="share")),
        "profile": (("PATCH", "/v1/me"), {"nickname": "安"}, {"nickname": "宁"}),
        "consent": (("POST", "/v1/me/consents"), consent("2"), consent("3")),
        "log-out": (("POST", "/v1/me/logout-everywhere"), None, None),
    }
    for name, (route, body, other) in commands.items():
        first = mine(api, member, name, *route, body)
        state = faults.state()
        assert first.status == 200, (name, first)
        api.clock.pass_(minutes=7)
        assert is_replay_of(first, mine(api, member, name, *route, body)), name
        if other:
            assert mine(api, member, name, *route, other).code == "IDEMPOTENCY_MISMATCH", name
        if name != "log-out":
            assert mine(api, member, name, "PATCH", "/v1/me", {"nickname": "乐"}).code == "IDEMPOTENCY_MISMATCH", name
        assert faults.state() == state, name


def test_after_many_newer_requests_a_key_still_answers_where_its_cause_tells_it(api: Api) -> None:
    member = settled(api)
    commands = {
        "action": (("POST", "/v1/me/actions"), login(), login(kind="browse")),
        "profile": (("PATCH", "/v1/me"), {"nickname": "安"}, {"nickname": "宁"}),
        "consent": (("POST", "/v1/me/consents"), consent("2"), consent("3")),
    }
    firsts = {name: mine(api, member, name, *route, body) for name, (route, body, _) in commands.items()}
    newer_requests(api, member)
    state = faults.state()
    for name, (route, body, other) in commands.items():
        assert is_replay_of(firsts[name], mine(api, member, name, *route, body)), name
        assert mine(api, member, name, *route, other).code == "IDEMPOTENCY_MISMATCH", name
    assert faults.state() == state
    # What degrades: another action or another operation under a forgotten key is a new command, not a 409.
    assert mine(api, member, "action", "POST", "/v1/me/actions", login(1)).status == 200
    assert mine(api, member, "profile", "POST", "/v1/me/consents", consent("4")).status == 200


def checking_in(on: date, days: int = 0) -> Callable[[Account], Decision]:
    event = CheckedIn(Cause(MEMBER, f"check-in#{on}"), on)
    return lambda account: process(BOOK, account, event, NOON + timedelta(days=days))


def check_in(key: str, days: int = 0, **more: Any) -> ledger.Outcome:
    on = TODAY + timedelta(days=days)
    cause = Cause(MEMBER, f"check-in#{on}")
    return ledger.execute(MEMBER, checking_in(on, days), cause=cause, request=key, body_hash="check-in", **more)


def act(number: int, key: str, **more: Any) -> ledger.Outcome:
    cause = Cause(MEMBER, f"action#{number}")
    event = Behaved(cause, "login", NOON, trusted=False)
    return ledger.execute(
        MEMBER,
        lambda account: process(BOOK, account, event, NOON),
        cause=cause,
        request=key,
        body_hash=f"a{number}",
        **more,
    )


@pytest.fixture
def member(aws: None) -> Account:
    return world.join(MEMBER, BOOK, NOON)


def test_a_check_in_sent_again_after_many_newer_requests_gets_its_first_answer(member: Account) -> None:
    first = check_in("morning")
    for number in range(book.REMEMBERED_REQUESTS):
        act(number, f"k{number}")
    assert len(ledger.load(MEMBER).requests) == book.REMEMBERED_REQUESTS
    again = check_in("morning")
    assert (again.entry, again.replayed) == (first.entry, True)
    with pytest.raises(AlreadyCheckedIn):
        check_in("evening")
    with pytest.raises(IdempotencyMismatch):  # the key of the check-in, but not its content
        ledger.execute(
            MEMBER, checking_in(TODAY), cause=first.entry.cause, request="morning", body_hash="make-up of today"
        )
    # What degrades: on another day a forgotten key is a new check-in. A remembered one is still yesterday's.
    assert check_in("morning", days=1).entry.cause.key == "check-in#2026-11-25"
    tomorrow = check_in("morning", days=2)
    assert (tomorrow.entry.cause.key, tomorrow.replayed) == ("check-in#2026-11-25", True)


def test_two_phones_at_one_moment_are_answered_as_if_one_after_the_other(member: Account) -> None:
    stale = ledger.load(MEMBER)
    first = check_in("phone-1", account=stale)
    with pytest.raises(AlreadyCheckedIn):
        check_in("phone-2", account=stale)
    stale = ledger.load(MEMBER)
    first = act(1, "phone-1b", account=stale)
    again = act(1, "phone-2b", account=stale)
    assert (again.entry, again.replayed) == (first.entry, True), "one action, however it is sent"


def test_a_repeat_is_recognised_while_the_index_is_behind(member: Account) -> None:
    def without_cause(days: int = 0) -> ledger.Outcome:
        return ledger.execute(MEMBER, checking_in(TODAY, days), request="k", body_hash="check-in")

    with faults.no_sleep() as slept:
        first = without_cause()
        with faults.index_behind(seq=1):
            assert check_in("k").entry == first.entry, "its cause leads to it"
            assert slept == []
            # Without it, deciding again would answer ALREADY_CHECKED_IN for what this very key did.
            with faults.counted() as calls, pytest.raises(Unavailable):
                without_cause()
            assert calls.count("Query") == book.ATTEMPTS
        with faults.index_behind(seq=1, queries=3):
            again = without_cause()
    assert (again.entry, again.replayed) == (first.entry, True)


def test_the_statement_and_the_verification_bear_an_index_that_is_behind(member: Account) -> None:
    for number in range(4):
        act(number, f"k{number}")
    with faults.index_behind(seq=3):
        page, cursor = ledger.statement(MEMBER, 2, None)
        assert [entry.seq for entry in page] == [3, 2]
    rest, last = ledger.statement(MEMBER, 2, cursor)
    assert ([entry.seq for entry in rest], last) == ([1], None)
    with faults.index_behind(seq=0):
        assert ledger.statement(MEMBER, 2, None) == ([], None)
    with faults.no_sleep() as slept:
        with faults.index_behind(seq=3, queries=3):
            assert ledger.verify(MEMBER) == []
        assert len(slept) == 3
        with faults.index_behind(seq=3):
            assert "I5: seq is not 1..n without a gap" in ledger.verify(MEMBER)
