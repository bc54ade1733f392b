"""Everything has a limit, stated and reached long before DynamoDB's own: on both sides of each."""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.earning import service
from chalicelib.earning.schemas import MAX_ITEMS, ItemIn, OrderIn, RefundIn
from chalicelib.engine import points
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision
from chalicelib.engine.events import Cause, PointsAdjusted
from chalicelib.engine.process import process
from chalicelib.ledger import book, parking
from chalicelib.ledger.items import AccountItem, EntryItem, text_of
from chalicelib.rulebook import store
from chalicelib.shared import audit
from tests.harness import faults, world
from tests.harness.meter import item_bytes
from tests.unit.rulebooks import published

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
MEMBER = "M000000000000000001"
BOOK = published()
DYNAMODB_ITEM_BYTES = 400 * 1024


@pytest.fixture
def member(aws: None, monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setattr(store, "current", lambda now: BOOK)
    return world.join(MEMBER, BOOK, NOW)


def adjust(change: Callable[[Decision], Decision] = lambda decision: decision, **more: Any) -> ledger.Outcome:
    event = PointsAdjusted(Cause(MEMBER, "a1"), 1, "because", "operator:1")
    return ledger.execute(MEMBER, lambda account: change(process(BOOK, account, event, NOW)), body_hash="h", **more)


def stored_bytes(model: type[AccountItem] | type[EntryItem]) -> int:
    return max(item_bytes(item.to_dynamodb_dict()) for item in model.scan())


def test_an_account_may_fill_its_limit_and_not_a_byte_more(member: Account) -> None:
    def tagged(text: str) -> Callable[[Decision], Decision]:
        return lambda decision: replace(decision, account=decision.account.with_(tags=(text,)))

    before = faults.snapshot()
    adjust(tagged("会"))
    room = book.MAX_ACCOUNT_BYTES - len(text_of(AccountItem.get(MEMBER).state).encode())
    faults.restore(before)
    with pytest.raises(ledger.AccountTooLarge):
        adjust(tagged("会" + "x" * (room + 1)))
    assert ledger.load(MEMBER).seq == 1
    adjust(tagged("会" + "x" * room))
    assert len(text_of(AccountItem.get(MEMBER).state).encode()) == book.MAX_ACCOUNT_BYTES
    assert "会" in AccountItem.get(MEMBER).to_dynamodb_dict()["state"]["S"], "stored as it is, not as an escape"
    assert stored_bytes(AccountItem) < book.MAX_ACCOUNT_BYTES + 256
    assert ledger.load(MEMBER).tags == ("会" + "x" * room,)


def test_an_entry_may_fill_its_limit_and_not_a_byte_more(member: Account) -> None:
    def told(text: str) -> Callable[[Decision], Decision]:
        return lambda decision: replace(decision, entry=replace(decision.entry, facts={"text": text}))

    before = faults.snapshot()
    adjust(told("分"))
    item = EntryItem.get(MEMBER, "a1")
    room = book.MAX_ENTRY_BYTES - len(text_of([item.lines, item.moves, item.facts]).encode())
    faults.restore(before)
    with pytest.raises(ledger.EntryTooLarge):
        adjust(told("分" + "x" * (room + 1)))
    assert ledger.load(MEMBER).seq == 1
    adjust(told("分" + "x" * room))
    assert book.MAX_ENTRY_BYTES < stored_bytes(EntryItem) < book.MAX_ENTRY_BYTES + 512


def test_a_room_may_write_twenty_items_beside_the_entry(member: Account) -> None:
    def writes(number: int) -> list[ledger.Also]:
        return [ledger.Also(audit.record("operator:1", "a", MEMBER, {}, NOW)) for _ in range(number)]

    with pytest.raises(ValueError, match="at most 20 writes"):
        adjust(also=writes(book.MAX_ALSO + 1))
    assert audit.page("2026-11-24", 100, None) == []
    adjust(also=writes(book.MAX_ALSO))
    assert len(audit.page("2026-11-24", 100, None)) == book.MAX_ALSO


def test_sixty_lots_are_kept_and_one_more_joins_the_next(member: Account) -> None:
    def full(decision: Decision) -> Decision:
        """A lot a day, by moves as the engine writes them, until there are sixty."""
        purse = points.open_purse(decision.before)
        for number in range(points.MAX_LOTS - 1):
            purse, _ = points.grant(purse, date(2027, 1, 1) + timedelta(days=number), 1)
        entry = replace(
            decision.entry,
            points=purse.worth - decision.before.balance,
            balance_after=purse.balance,
            lines=(replace(decision.entry.lines[0], points=purse.worth - decision.before.balance),),
            moves=purse.moves,
        )
        return replace(decision, account=decision.account.with_(lots=purse.lots), entry=entry)

    adjust(full)
    assert len(ledger.load(MEMBER).lots) == points.MAX_LOTS
    event = PointsAdjusted(Cause(MEMBER, "a2"), 5, "because", "operator:1")
    later = NOW + timedelta(days=40)
    ledger.execute(MEMBER, lambda account: process(BOOK, account, event, later), body_hash="h")
    account = ledger.load(MEMBER)
    assert len(account.lots) == points.MAX_LOTS
    assert account.lots[date(2027, 1, 2)] == 2, "the earliest has joined the next"
    assert stored_bytes(AccountItem) < 2048
    assert ledger.verify(MEMBER) == []


FEN = 10_000_000_000


def items(number: int) -> tuple[ItemIn, ...]:
    """Each with the longest names there are."""
    return tuple(ItemIn(sku=f"{n:064}", category=f"{n:03}{'类' * 29}", amount_fen=20_000_000) for n in range(number))


def fall_into_debt(fen: int) -> None:
    """Pays, spends all of it, has the money back."""
    order = OrderIn(order_id="spent", member_id=MEMBER, paid_at=NOW, amount_fen=fen)
    balance = service.report_order(order, NOW).entry.balance_after
    event = PointsAdjusted(Cause(MEMBER, "spent"), -balance, "because", "operator:1")
    ledger.execute(MEMBER, lambda account: process(BOOK, account, event, NOW), body_hash="h")
    service.refund_order("spent", RefundIn(refund_id="r", amount_fen=fen), NOW)
    assert ledger.load(MEMBER).debt > fen // 100


def test_an_order_of_the_most_items_and_early_refunds_fits_into_one_entry(member: Account) -> None:
    fall_into_debt(2 * FEN)  # so that every refund has the most to tell
    order_id = "o" * 64
    for number in range(service.MAX_EARLY_REFUNDS):
        refund = RefundIn(refund_id=f"{number:064}", amount_fen=333_333_333, items=items(4))
        assert service.refund_order(order_id, refund, NOW) is None
    with pytest.raises(service.TooManyWaiting):
        service.refund_order(order_id, RefundIn(refund_id="more", amount_fen=1), NOW)
    service.complete_order(order_id, NOW)
    order = OrderIn(order_id=order_id, member_id=MEMBER, paid_at=NOW, amount_fen=FEN, items=items(MAX_ITEMS))
    outcome = service.report_order(order, NOW)
    assert len(outcome.entry.facts["early_refunds"]) == service.MAX_EARLY_REFUNDS
    assert sum(line.rule == "debt" for line in outcome.entry.lines) == service.MAX_EARLY_REFUNDS
    assert stored_bytes(EntryItem) < book.MAX_ENTRY_BYTES * 3 // 4
    assert ledger.verify(MEMBER) == []


def test_what_waits_for_an_entry_has_a_limit_of_its_own(aws: None) -> None:
    cause = Cause("order#1", "order#1")
    room = parking.MAX_PARKED_BYTES - len(text_of({"x": ""}))
    assert parking.MAX_PARKED_BYTES < DYNAMODB_ITEM_BYTES
    with pytest.raises(ledger.EntryTooLarge):
        ledger.park(cause, lambda parked: {"x": "x" * (room + 1)})
    assert book.stored(cause) is None
    ledger.park(cause, lambda parked: {"x": "x" * room})


def test_an_order_of_too_many_refunds_is_refused_rather_than_half_read(
    member: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The package's `statement` is the function of that name.
    monkeypatch.setattr(sys.modules["chalicelib.ledger.statement"], "MAX_SCOPE", 4)
    service.report_order(OrderIn(order_id="o", member_id=MEMBER, paid_at=NOW, amount_fen=1_000), NOW)
    for number in range(3):
        assert service.refund_order("o", RefundIn(refund_id=f"r-{number}", amount_fen=200), NOW)
    with pytest.raises(ledger.ScopeTooLarge):
        # 400 fen are left; an order read by half would let 600 more be refunded.
        service.refund_order("o", RefundIn(refund_id="r-9", amount_fen=600), NOW)
    assert ledger.load(MEMBER).seq == 5
