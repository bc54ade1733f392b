"""What a run costs follows what is due, never the number of members: counted to the call and the unit.

`make test` generates 2,000 members of whom 25 are due; `DUE_MEMBERS=200000 DUE_DUE=1000` and the like make it the long
run (`make soak`). Members who are not due are accounts as the engine decides and the ledger's codec writes them, laid
straight into moto's table, since its front is slow; their entries, which nobody may ask for, are left out.
"""

import gc
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import Any
from unittest.mock import patch

import pytest
from botocore.client import BaseClient
from moto import mock_aws
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from chalicelib import ledger
from chalicelib.console import rules as console_rules
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision
from chalicelib.engine.events import Cause, Joined
from chalicelib.engine.process import process
from chalicelib.ledger import due as ledger_due
from chalicelib.ledger.codec import account_item, entry_item
from chalicelib.ledger.items import AccountItem, EntryItem
from chalicelib.notices import inbox
from chalicelib.rulebook import store
from chalicelib.rulebook.presets import preset
from chalicelib.shared import clock as chalicelib_clock
from tests.conftest import forget
from tests.functional.due_room import Due, at, shard_of
from tests.harness import world
from tests.harness.api import NOON, Clock
from tests.harness.atomic import atomic_moto
from tests.harness.meter import Meter, metering

TABLE = "membership-test-accounts"
MEMBERS = int(os.environ.get("DUE_MEMBERS", "2000"))
DUE = int(os.environ.get("DUE_DUE", "25"))
JOINED, NOTICE_ON = date(2026, 11, 25), date(2027, 10, 31)
LATER = date(2027, 5, 20)  # the points of those who joined then last until May 2028


def member(number: int) -> str:
    return f"M{number:018}"


def is_due(number: int) -> bool:
    """Every so many-th member, so that they are spread over all shards."""
    return number % (MEMBERS // DUE) == 0 and number // (MEMBERS // DUE) < DUE


@pytest.fixture
def due(monkeypatch: pytest.MonkeyPatch) -> Iterator[Due]:
    """A brand of MEMBERS members, DUE of whom are due a notice at NOTICE_ON, and nothing else is."""
    forget()
    with mock_aws(), atomic_moto():
        world.create_tables()
        clock = Clock(NOON)
        monkeypatch.setattr(chalicelib_clock, "now", clock)
        monkeypatch.setattr(console_rules, "N", 2)
        monkeypatch.setattr(store, "REVALIDATE_SECONDS", float("inf"))
        store.publish(store.save_draft(preset("retail"), "test", NOON), None, "test", {}, NOON)
        # Python's collector would walk through millions of lasting objects again and again: most of a long run's time.
        gc.disable()
        generate()
        gc.freeze()
        gc.enable()
        clock.now = at(NOTICE_ON)
        yield Due(monkeypatch)
    gc.unfreeze()
    forget()


def generate() -> None:
    """Who is due, with their entries, by way of DynamoDB; everybody else straight into the table."""
    with AccountItem.batch_write() as accounts, EntryItem.batch_write() as entries:
        for number in filter(is_due, range(MEMBERS)):
            decision = joined(number, JOINED)
            accounts.save(account_item(decision.account))
            entries.save(entry_item(decision.entry, "joined", "generated", None))
    (regions,) = dynamodb_backends.values()
    (table,) = (backend.tables[TABLE] for backend in regions.values() if TABLE in backend.tables)
    # Decided once: those who joined in the same minute differ in their ids alone.
    account = joined(0, LATER).account
    for number in range(MEMBERS):
        if not is_due(number):
            attributes = account_item(replace(account, member_id=member(number))).serialize()
            key = DynamoType(attributes["id"])
            table.items[key] = Item(key, None, attributes)
    assert len(table.items) == MEMBERS
    # They are in the index as everybody is: due one day, and not yet.
    (last,) = AccountItem.by_points_due.query("00", scan_index_forward=False, limit=1)
    assert last.points_due_on > NOTICE_ON.isoformat()


def joined(number: int, day: date) -> Decision:
    """The member's decision to join at noon of that day."""
    event = Joined(Cause(member(number), "joined"))
    return process(store.current(NOON), Account(member(number)), event, at(day, 12))


class Touched:
    """Which members' items were read and written."""

    def __init__(self) -> None:
        self.read: Counter[str] = Counter()
        self.written: Counter[str] = Counter()
        self.named: Counter[str] = Counter()


@contextmanager
def touching() -> Iterator[Touched]:
    """Notes the keys of everything that is read or written, and the members an index names."""
    touched, original = Touched(), BaseClient._make_request

    def make_request(self: Any, operation: Any, request: Any, context: Any) -> Any:
        http, answer = original(self, operation, request, context)
        body = request["body"] if isinstance(request["body"], dict) else json.loads(request["body"])
        if operation.name == "GetItem" and "id" in body["Key"]:
            touched.read[body["Key"]["id"]["S"]] += 1
        elif operation.name == "TransactWriteItems":
            for item in [part["Put"]["Item"] for part in body["TransactItems"]]:
                touched.written[(item.get("member_id") or item["id"])["S"]] += 1
        elif operation.name == "Query":
            touched.named.update(item["id"]["S"] for item in answer["Items"])
        return http, answer

    with patch.object(BaseClient, "_make_request", make_request):
        yield touched


def queue_free(meter: Meter) -> dict[str, int]:
    """The calls, without those of the test's own hand that carries messages from queue to worker."""
    return {name: count for name, count in meter.calls.items() if name not in ("ReceiveMessage", "DeleteMessage")}


def test_only_those_who_are_due_are_read_or_written_and_a_second_run_touches_nobody(due: Due) -> None:
    ids = {member(number) for number in range(MEMBERS) if is_due(number)}
    assert len(ids) == DUE
    # A shard of nobody is looked at too. (DynamoDB only learns that a full page was the last by looking once more.)
    in_shard = Counter(map(shard_of, ids))
    pages = sum(max(1, -(-in_shard[shard] // ledger_due.PAGE)) for shard in ledger_due.SHARDS)
    following = pages - len(ledger_due.SHARDS)
    store.forget()
    with metering() as meter, touching() as touched:
        messages = due.run("points_expiry")
    print(f"{MEMBERS} members, {DUE} due: {messages} messages, {queue_free(meter)}, "
          f"{meter.read_units} read units, {meter.write_units} write units")  # fmt: skip
    assert messages == pages
    # The rulebook once: its schedule and its document. Then a page of the index, and each member who is due, once.
    wanted = {"GetItem": 2 + DUE, "Query": pages, "TransactWriteItems": DUE, "SendMessageBatch": 2}
    assert queue_free(meter) == wanted | ({"SendMessage": following} if following else {})
    assert touched.named == touched.read == Counter(ids)
    # The entry, the account and the notice.
    assert touched.written == Counter(dict.fromkeys(ids, 3))
    assert meter.items == 3 * DUE
    # 2 + 1 of an entry and its index, 2 of the account, 2 of its place in the due index, 2 of the notice.
    assert meter.write_units == 9 * DUE
    assert meter.read_units == 2 + DUE + pages / 2
    for member_id in ids:
        assert ledger.verify(member_id) == []
        assert [notice.kind for notice in inbox.page(member_id, 10, None)[0]] == ["expiry_noticed"]
    with metering() as second, touching() as untouched:
        due.run("points_expiry")
    assert queue_free(second) == {"Query": len(ledger_due.SHARDS), "SendMessageBatch": 2}
    assert (untouched.read, untouched.written) == (Counter(), Counter())


def test_the_cost_of_a_run_at_which_nobody_is_due_is_that_of_looking(due: Due) -> None:
    with metering() as meter, touching() as touched:
        due.run("pending_release", "benefit_grants", "tier_review")
    # The release looks at those who are due a notice, reads each once, and leaves them to the expiry.
    assert touched.read == Counter(member(number) for number in range(MEMBERS) if is_due(number))
    assert meter.write_units == 0
    assert meter.calls["TransactWriteItems"] == 0
