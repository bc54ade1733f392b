"""The pieces of prizes: as many as disclosed, taken in the transaction of the draw that wins them.

Whoever needs a prize's pieces first makes its item, and whoever finds that a later version of the rulebook has more of
them raises it, by the difference, under the condition that nobody else has. Given + left = total, always.
"""

from time import monotonic

from pynamodb.expressions.update import Action

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


def gone(lottery: Lottery, number: int) -> tuple[str, ...]:
    """The prize that number falls on, when no piece of it is left. Draws that win nothing, or what has no bound, read
    nothing."""
    prize = lottery.prize_at(number)
    return (prize.code,) if prize and prize.pieces is not None and not _left(lottery, prize, prize.pieces) else ()


def _left(lottery: Lottery, prize: Prize, pieces: int) -> int:
    for _ in range(ATTEMPTS):
        found = items.read_prize(lottery, prize.code)
        # More than disclosed: a later version, which this container has not seen yet.
        if found and found.total >= pieces:
            return int(found.left)
        place = PrizeItem(items.prizes_id(lottery), prize.code)
        try:
            with dynamo.together() as writes:
                if found is None:
                    place.left = place.total = pieces
                    writes.save(place, PrizeItem.id.does_not_exist())
                else:
                    more: list[Action] = [
                        PrizeItem.total.set(pieces),
                        PrizeItem.left.set(PrizeItem.left + (pieces - int(found.total))),
                    ]
                    writes.update(place, more, PrizeItem.total == found.total)
        except dynamo.Overtaken:
            continue
    raise Unavailable


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
