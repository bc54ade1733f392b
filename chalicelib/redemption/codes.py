"""Codes of virtual offers: loaded by operators, each given once (docs/decisions/0016-codes-and-donations.md).

A code lies twice: for good under its offer, and among the free ones until the transaction that takes a member's points
takes it away from there. So many are free as the offer's stock has left; a code that was given is never free again.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.update import Action

from chalicelib import ledger
from chalicelib.ledger import Also
from chalicelib.redemption import items, offers, rules, sealing, stock
from chalicelib.redemption.documents import OfferDocument
from chalicelib.redemption.items import CodeItem, StockItem
from chalicelib.shared import audit, dynamo, telemetry
from chalicelib.shared.config import settings
from chalicelib.shared.errors import Conflict, Unavailable

ATTEMPTS = 8
# A transaction has room for 100 writes: two a code, the shards of the stock, the audit record.
PER_TRANSACTION = 40
# How many free ones are looked at, from a random place on, so that members who tap at the same moment rarely meet.
WINDOW = 10
PERIOD = "all"


class NotCoded(Conflict):
    code = "OFFER_NOT_CODED"
    message, message_zh = "The offer gives no codes: its stock is not of the mode `codes`.", "该商品不发放兑换码"


class CodesUnreadable(Unavailable):
    code = "CODES_UNREADABLE"
    message, message_zh = (
        "The codes cannot be opened; somebody is told. Try again later.",
        "兑换码暂时无法读取，请稍后再试",
    )


@dataclass(frozen=True)
class Loaded:
    """How many of the codes were new, how many were there already (or came twice), and how many are left to give."""

    new: int
    known: int
    left: int


def load(offer_id: str, codes: Sequence[str], actor: str, now: datetime) -> Loaded:
    """Puts codes into the pool and raises the stock with them, so many at a time; what is there already stays as it
    is, so the same call may be made again. Raises OfferUnknown, NotCoded, Unavailable."""
    offer = offers.find(offer_id).document
    if not offer.coded:
        raise NotCoded
    wanted = list({sealing.mark(offer_id, code): code for code in codes}.items())
    parts = [wanted[first : first + PER_TRANSACTION] for first in range(0, len(wanted), PER_TRANSACTION)]
    new = sum(_load(offer, dict(part), actor, now) for part in parts)
    stock.restocked(offer_id, PERIOD)
    left = sum(shard.left for shard in stock.look(offer, PERIOD))
    return Loaded(new, len(codes) - new, left)


def _load(offer: OfferDocument, wanted: dict[str, str], actor: str, now: datetime) -> int:
    for attempt in range(ATTEMPTS):
        ledger.wait(attempt)
        if not wanted:
            return 0
        shards = stock.look(offer, PERIOD)
        sealed_codes = {mark: sealing.seal(offer.offer_id, mark, code) for mark, code in wanted.items()}
        try:
            with dynamo.transaction() as writes:
                # Before all else, so that a refusal's reasons are in their order.
                for mark, (key, sealed) in sealed_codes.items():
                    kept = CodeItem(items.codes_id(offer.offer_id), mark, key=key, sealed=sealed)
                    writes.save(kept, CodeItem.id.does_not_exist())
                for mark, (key, sealed) in sealed_codes.items():
                    writes.save(CodeItem(items.free_codes_id(offer.offer_id), mark, key=key, sealed=sealed))
                for shard, more in zip(shards, rules.split(len(wanted), len(shards)), strict=True):
                    actions: list[Action] = [
                        StockItem.left.set(StockItem.left + more),
                        StockItem.total.set(StockItem.total + more),
                    ]
                    writes.update(StockItem(items.stock_id(offer.offer_id, PERIOD), shard.name), actions)
                writes.save(audit.record(actor, "offer.codes", offer.offer_id, {"new": len(wanted)}, now))
        except TransactWriteError as error:
            reasons = [reason.code if reason else None for reason in error.cancellation_reasons]
            if not reasons or not set(reasons) & {"ConditionalCheckFailed", "TransactionConflict"}:
                raise dynamo.as_refusal(error) from error
            refused = {
                mark for mark, reason in zip(wanted, reasons, strict=False) if reason == "ConditionalCheckFailed"
            }
            wanted = {mark: code for mark, code in wanted.items() if mark not in refused}
        else:
            return len(wanted)
    raise Unavailable


def choose(offer: OfferDocument, quantity: int) -> list[str] | None:
    """The marks of so many free codes; None when there are fewer this moment, which the stock will tell too. What
    cannot be opened is passed over: nobody is to pay for it. Raises CodesUnreadable."""
    found = items.free_codes(offer.offer_id, f"{random.getrandbits(32):08x}", WINDOW)
    good = [item.kind for item in found if _text(offer.offer_id, item) is not None]
    if len(found) >= quantity > len(good):
        raise CodesUnreadable
    return random.sample(good, quantity) if len(good) >= quantity else None


def taking(offer_id: str, marks: Sequence[str]) -> list[Also]:
    """The writes that take the codes out of the pool, each refused when somebody else has it by then."""
    free = items.free_codes_id(offer_id)
    return [Also(CodeItem(free, mark), CodeItem.id.exists(), gone=True) for mark in marks]


def texts(offer_id: str, marks: Sequence[str]) -> list[str | None]:
    """The codes themselves, None for one that cannot be opened: one read a code."""
    found = [items.code(offer_id, mark) for mark in marks]
    return [_text(offer_id, item) if item else None for item in found]


def _text(offer_id: str, item: CodeItem) -> str | None:
    text = sealing.unseal(offer_id, item.kind, item.key, item.sealed)
    if text is None:
        telemetry.count("codes_unreadable", stage=settings().stage)
        telemetry.log("code_unreadable", offer_id=offer_id, mark=item.kind, key_id=item.key)
    return text


def notice_low(offer: OfferDocument, left: int, total: int) -> None:
    """Rings when a redemption leaves so few that somebody should load more."""
    if left * 100 <= total * offer.stock.low_percent:
        telemetry.count("codes_low", stage=settings().stage)
        telemetry.log("codes_are_low", offer_id=offer.offer_id, left=left, total=total)
