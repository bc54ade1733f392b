"""The pieces of prizes: as many as disclosed, taken in the transaction of the draw that wins them.

Whoever draws first makes the items, and whoever finds that a later version of the rulebook has more of a prize raises
it, by the difference, under the condition that nobody else has. Given + left = total, always.
"""

from contextlib import suppress
from time import monotonic

from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.ledger import Also
from chalicelib.lottery import items
from chalicelib.lottery.items import PrizeItem
from chalicelib.rulebook.model_lotteries import Lottery, Prize
from chalicelib.shared import dynamo
from chalicelib.shared.errors import Unavailable

GLANCE_SECONDS = 1.0
ATTEMPTS = 8

_glances: dict[str, tuple[float, dict[str, tuple[int, int]]]] = {}


def forget() -> None:
    """Drops what the container knows (between tests)."""
    _glances.clear()


def gone(lottery: Lottery) -> tuple[str, ...]:
    """The prizes of which no piece is left: one query, whatever number was drawn. Of two deliveries of one tap the
    faster one decides, so a number that wins may take no longer than one that does not."""
    bounded = [prize for prize in lottery.prizes if prize.pieces is not None]
    for _ in range(ATTEMPTS if bounded else 0):
        found = {item.kind: item for item in items.read_prizes(lottery)}
        # More than disclosed: a later version, which this container has not seen yet.
        behind = [one for one in bounded if one.code not in found or found[one.code].total < (one.pieces or 0)]
        if not behind:
            return tuple(prize.code for prize in bounded if not found[prize.code].left)
        with suppress(dynamo.Overtaken), dynamo.together() as writes:
            for prize in behind:
                _bring_up(writes, lottery, prize, found.get(prize.code))
    if bounded:
        raise Unavailable
    return ()


def _bring_up(writes: TransactWrite, lottery: Lottery, prize: Prize, found: PrizeItem | None) -> None:
    place, pieces = PrizeItem(items.prizes_id(lottery), prize.code), prize.pieces or 0
    if found is None:
        place.left = place.total = pieces
        writes.save(place, PrizeItem.id.does_not_exist())
    else:
        more = pieces - int(found.total)
        actions: list[Action] = [PrizeItem.total.set(pieces), PrizeItem.left.set(PrizeItem.left + more)]
        writes.update(place, actions, PrizeItem.total == found.total)


def taking(lottery: Lottery, prize: str) -> Also:
    """The write that takes a piece, refused when none is left by then."""
    place = PrizeItem(items.prizes_id(lottery), prize)
    return Also(place, PrizeItem.left >= 1, (PrizeItem.left.set(PrizeItem.left - 1),))


def levels(lottery: Lottery) -> dict[str, tuple[int, int]]:
    """prize → (total, left), of prizes with pieces. Looking changes nothing."""
    found = {item.kind: (int(item.total), int(item.left)) for item in items.read_prizes(lottery)}
    shown = {}
    for prize in lottery.prizes:
        if prize.pieces is not None:
            total, left = found.get(prize.code, (prize.pieces, prize.pieces))
            more = max(0, prize.pieces - total)
            shown[prize.code] = (total + more, left + more)
    return shown


def glance(lottery: Lottery) -> dict[str, tuple[int, int]]:
    """The same, a second old at most: in a warm container no read, or one query a second."""
    place = items.prizes_id(lottery)
    read_at, shown = _glances.get(place, (0.0, {}))
    if place not in _glances or monotonic() - read_at >= GLANCE_SECONDS:
        shown = levels(lottery)
        _glances[place] = (monotonic(), shown)
    return shown
