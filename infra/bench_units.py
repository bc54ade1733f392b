"""Write units of an earn, counted, however long the member's history; and how large an account a rulebook makes."""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta

from chalicelib import ledger
from chalicelib.earning import service
from chalicelib.engine import events
from chalicelib.engine.account import Account
from chalicelib.engine.events import Cause
from chalicelib.engine.process import dated, process
from chalicelib.ledger.codec import account_item
from chalicelib.ledger.items import EntryItem
from chalicelib.rulebook import store
from chalicelib.rulebook.lint_size import account_bytes
from chalicelib.rulebook.model import Published, load
from chalicelib.rulebook.presets import NAMES, preset
from infra.bench_world import NOW, order
from tests.harness.meter import Meter, metering
from tests.harness.world import join

LOTS = (1, 12, 25, 60)
EVENTS = (10, 100, 1_000, 10_000)


def _account_bytes(member_id: str) -> int:
    return len(json.dumps(account_item(ledger.load(member_id)).state, ensure_ascii=False).encode())


def _earn(member_id: str, number: str) -> Meter:
    with metering() as meter:
        service.report_order(order(member_id, number, NOW), NOW)
    return meter


def by_lots() -> list[tuple[int, int, float, int]]:
    """(lots, bytes of the account, read units, write units) of one earn."""
    published = store.current(NOW)
    found = []
    for number, lots in enumerate(LOTS):
        member_id = f"M{'1' * 16}{number:02}"
        join(member_id, published, NOW - timedelta(days=1))
        before = ledger.load(member_id)
        # As if each lot had been granted for a month of its own.
        days = [NOW.date() + timedelta(days=30 * (n + 1)) for n in range(lots - 1)]
        grants = {**before.lots, **dict.fromkeys(days, 100)}
        # With the due date that such lots have: else the earn would pay for setting it right.
        account_item(dated(published, replace(before, lots=grants), NOW)).save()
        meter = _earn(member_id, f"lots-{lots}")
        found.append((lots, _account_bytes(member_id), meter.read_units, meter.write_units))
    return found


def by_events() -> Iterator[tuple[int, int, float, int]]:
    """(events in the journal, bytes of the account, read units, write units) of the next earn."""
    member_id = f"M{'2' * 18}"
    first = join(member_id, store.current(NOW), NOW - timedelta(days=1))
    # Three orders make silver; a promotion writes one index entry more and would show here as a step.
    entry = [service.report_order(order(member_id, f"promoting-{n}", NOW), NOW).entry for n in range(3)][-1]
    item = EntryItem.get(entry.cause.scope, entry.cause.key)
    recorded = entry.seq
    for events_before in EVENTS:
        # Written straight into the journal, alike but for number and cause: 10,000 commits would take minutes on moto.
        with EntryItem.batch_write() as batch:
            for seq in range(recorded + 1, events_before + 1):
                filler = deepcopy(item)
                filler.scope = filler.cause = f"order#filler-{seq}"
                filler.seq = seq
                batch.save(filler)
        account_item(replace(ledger.load(first.member_id), seq=events_before)).save()
        meter = _earn(member_id, f"events-{events_before}")
        recorded = events_before + 1
        yield events_before, _account_bytes(member_id), meter.read_units, meter.write_units


def by_rulebook() -> list[tuple[str, int, int, int]]:
    """(preset, bytes of its document, bytes of an account after a busy year, bytes an account can never exceed)."""
    found = []
    for name in NAMES:
        published = Published(version=1, rulebook=load(preset(name)))
        size = len(json.dumps(preset(name), ensure_ascii=False, separators=(",", ":")).encode())
        state = account_item(_year(published)).state
        busy = len(json.dumps(state, ensure_ascii=False).encode())
        found.append((name, size, busy, account_bytes(published.rulebook)))
    return found


def _year(published: Published) -> Account:
    """A member who checks in every day and buys every week for a year."""
    start = NOW - timedelta(days=365)
    member_id = f"M{'3' * 18}"
    joined = process(published, Account(member_id), events.Joined(Cause(member_id, "joined")), start)
    account = joined.account
    for day in range(365):
        now = start + timedelta(days=day)
        on = now.date()
        check_in = events.CheckedIn(Cause(member_id, f"check-in#{on}"), on)
        account = process(published, account, check_in, now).account
        if day % 7 == 0:
            cause = Cause(f"order#{day}", f"order#{day}")
            paid = events.OrderPaid(cause=cause, order_id=str(day), paid_at=now, amount_fen=9_900)
            account = process(published, account, paid, now).account
    return account
