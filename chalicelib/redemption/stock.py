"""The pieces of an offer: chosen here, taken and given back in the transaction of the entry that says so, and set by
operators. Σ sold + Σ left = Σ total, in every shard and in sum (docs/decisions/0011-stock.md).

The stock is the shop's own: which month it is, is told by the shop's clock, whatever a test clock shows a member.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from pynamodb.expressions.update import Action

from chalicelib import ledger
from chalicelib.ledger import Also
from chalicelib.redemption import documents, items, rules
from chalicelib.redemption.documents import OfferDocument
from chalicelib.redemption.items import StockItem
from chalicelib.rulebook import store
from chalicelib.shared import dynamo
from chalicelib.shared.audit import AuditRecord
from chalicelib.shared.clock import business_date
from chalicelib.shared.errors import Conflict, Unavailable

# For so long a container answers "sold out" without looking. What comes back meanwhile is found a moment later.
SOLD_OUT_SECONDS = 1.0
ATTEMPTS = 8


class SoldOut(Conflict):
    code = "SOLD_OUT"
    message, message_zh = "There are not that many pieces left.", "库存不足，已兑完"


class StockBelowSold(Conflict):
    code = "STOCK_BELOW_SOLD"
    message, message_zh = "More pieces are sold than that; see details.", "库存不能低于已兑换数量"


class CodesAreTheStock(Conflict):
    code = "CODES_ARE_THE_STOCK"
    message, message_zh = (
        "The stock of this offer is its codes: load more of them.",
        "该商品的库存即兑换码数量，请导入兑换码",
    )


class NotCounted(Conflict):
    code = "STOCK_NOT_COUNTED"
    message, message_zh = "The offer has no stock to count: it never runs out.", "该商品不限库存"


@dataclass(frozen=True)
class Shard:
    """`left` of `total` pieces."""

    name: str
    left: int
    total: int


@dataclass(frozen=True)
class Chosen:
    """shard → pieces to take, and how many of all there are will be left then."""

    pieces: Mapping[str, int]
    left: int
    total: int


_sold_out: dict[str, float] = {}


def forget() -> None:
    """Drops what the container knows (between tests)."""
    _sold_out.clear()


def period(offer: OfferDocument, now: datetime) -> str:
    """Which stock the offer sells from now: "" when its pieces are not counted, "all", or a business month."""
    if offer.stock.mode == "none":
        return ""
    return rules.period(offer.stock.mode, business_date(now, store.current(now).rulebook.brand.time_zone))


def choose(offer: OfferDocument, period: str, member_id: str, pieces: int) -> Chosen:
    """What to take for this member, from a home shard of their own on; nothing is taken yet. Raises SoldOut, which
    costs at most one read."""
    if not period:
        return Chosen({}, 0, 0)
    place = items.stock_id(offer.offer_id, period)
    if _sold_out.get(place, 0.0) > monotonic():
        raise SoldOut
    shards = look(offer, period)
    found = rules.chosen([shard.left for shard in shards], rules.home(member_id, len(shards)), pieces)
    left, total = sum(shard.left for shard in shards), sum(shard.total for shard in shards)
    if found is None:
        if not left:
            _sold_out[place] = monotonic() + SOLD_OUT_SECONDS
        raise SoldOut([{"field": "quantity", "problem": f"{left} pieces are left", "left": left}])
    return Chosen({shards[number].name: part for number, part in found.items()}, left - pieces, total)


def look(offer: OfferDocument, period: str) -> list[Shard]:
    """The shards as they lie there, made by whoever needs them first: a month begins by itself."""
    for _ in range(ATTEMPTS):
        found = items.shards(offer.offer_id, period)
        if found:
            return [Shard(item.kind, int(item.left), int(item.total)) for item in found]
        # By what is in force this moment: the container's offer may be some seconds old, and a stock stays as it began.
        newest = items.read_in_force(offer.offer_id)
        begins = documents.load(newest.document).stock if newest else None
        if begins is None or begins.mode != offer.stock.mode:
            raise SoldOut
        try:
            with dynamo.together() as writes:
                for number, pieces in enumerate(rules.split(begins.pieces, begins.shards)):
                    item = _item(offer.offer_id, period, f"{number:02d}")
                    item.left = item.total = pieces
                    writes.save(item, StockItem.id.does_not_exist())
        except dynamo.Overtaken:
            pass
    raise Unavailable


def taking(offer_id: str, period: str, stock: Mapping[str, int]) -> list[Also]:
    """The writes that take the pieces, each refused when its shard has fewer by then."""
    return [
        Also(_item(offer_id, period, shard), StockItem.left >= pieces, (StockItem.left.set(StockItem.left - pieces),))
        for shard, pieces in stock.items()
    ]


def returning(offer_id: str, period: str, stock: Mapping[str, int]) -> list[Also]:
    """The writes that give the pieces back."""
    return [
        Also(_item(offer_id, period, shard), None, (StockItem.left.set(StockItem.left + pieces),))
        for shard, pieces in stock.items()
    ]


def set_pieces(offer: OfferDocument, period: str, pieces: int, record: AuditRecord) -> None:
    """Sets how many pieces the period has, sold ones included, with the audit record. Shards are changed by a
    difference, so that what is sold meanwhile does not matter. Raises StockBelowSold, NotCounted, CodesAreTheStock."""
    if not period:
        raise NotCounted
    if offer.coded:
        raise CodesAreTheStock
    for attempt in range(ATTEMPTS):
        ledger.wait(attempt)
        shards = look(offer, period)
        sold = sum(shard.total - shard.left for shard in shards)
        if pieces < sold:
            raise StockBelowSold([{"field": "pieces", "problem": f"{sold} are sold", "sold": sold}])
        changes = rules.spread([shard.left for shard in shards], pieces - sum(shard.total for shard in shards))
        try:
            with dynamo.together() as writes:
                for shard, change in zip(shards, changes, strict=True):
                    actions: list[Action] = [
                        StockItem.left.set(StockItem.left + change),
                        StockItem.total.set(shard.total + change),
                    ]
                    kept = (StockItem.total == shard.total) & (StockItem.left >= -change)
                    writes.update(_item(offer.offer_id, period, shard.name), actions, kept)
                writes.save(record)
        except dynamo.Overtaken:
            continue
        restocked(offer.offer_id, period)
        return
    raise Unavailable


def restocked(offer_id: str, period: str) -> None:
    """There may be more again: this container looks before it says that there is none."""
    _sold_out.pop(items.stock_id(offer_id, period), None)


def _item(offer_id: str, period: str, shard: str) -> StockItem:
    return StockItem(items.stock_id(offer_id, period), shard)
