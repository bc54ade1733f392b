"""How many pieces are left: for the mall's pages from a glance that is a second old at most, for operators as they lie.
Looking changes nothing: a period that nobody has redeemed from yet has what the offer says."""

from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from chalicelib.redemption import items, offers, rules, stock
from chalicelib.redemption.documents import OfferDocument
from chalicelib.shared import audit

GLANCE_SECONDS = 1.0


@dataclass(frozen=True)
class Level:
    """The pieces of a period, and how they lie: (total, left) of each shard. Nothing of one that never runs out."""

    offer_id: str
    mode: rules.Mode
    period: str
    pieces: int
    left: int
    shards: tuple[tuple[int, int], ...] = ()


_glances: dict[str, tuple[float, int]] = {}


def forget() -> None:
    """Drops what the container knows (between tests)."""
    _glances.clear()


def left(document: OfferDocument, now: datetime) -> int | None:
    """Pieces left now; None when the offer never runs out. In a warm container: no read, or one query a second."""
    period = stock.period(document, now)
    if not period:
        return None
    place = items.stock_id(document.offer_id, period)
    read_at, pieces = _glances.get(place, (0.0, 0))
    if place not in _glances or monotonic() - read_at >= GLANCE_SECONDS:
        pieces = _level(document, period).left
        _glances[place] = (monotonic(), pieces)
    return pieces


def level(offer_id: str, now: datetime) -> Level:
    """The pieces on sale now. Raises OfferUnknown for an offer that is not in force."""
    document = offers.find(offer_id).document
    return _level(document, stock.period(document, now))


def set_pieces(offer_id: str, pieces: int, actor: str, now: datetime) -> Level:
    """Sets how many pieces the present period has, sold ones included. Raises OfferUnknown, and what `stock.set_pieces`
    raises."""
    document = offers.find(offer_id).document
    period = stock.period(document, now)
    record = audit.record(actor, "offer.stock", offer_id, {"period": period, "pieces": pieces}, now)
    stock.set_pieces(document, period, pieces, record)
    _glances.pop(items.stock_id(offer_id, period), None)
    return _level(document, period)


def _level(document: OfferDocument, period: str) -> Level:
    found = items.shards(document.offer_id, period) if period else []
    shards = tuple((int(item.total), int(item.left)) for item in found)
    begins = document.stock.pieces
    pieces, left = (sum(numbers) for numbers in zip(*shards, strict=True)) if shards else (begins, begins)
    return Level(document.offer_id, document.stock.mode, period, pieces, left, shards)
