"""The arithmetic of lots. A purse is lots, pending portions and debt; every function returns a new one with its moves.

The earliest expiry is always spent first. Balance and debt are never both above zero: what arrives repays debt.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from types import MappingProxyType

from chalicelib.engine.account import Account
from chalicelib.rulebook.model import Expiry
from chalicelib.shared.clock import add_months, month_end

MAX_LOTS = 60

Moves = tuple[tuple[date, int], ...]


@dataclass(frozen=True)
class Purse:
    """The part of an account that holds points, and what moved since it was opened."""

    lots: Mapping[date, int]
    pending: Mapping[tuple[date, date], int]
    debt: int
    moves: Moves = field(default=())

    @property
    def balance(self) -> int:
        return sum(self.lots.values())

    @property
    def worth(self) -> int:
        """Balance − debt: what an entry's points are the change of."""
        return self.balance - self.debt


def open_purse(account: Account) -> Purse:
    """The account's purse, nothing moved yet."""
    return Purse(account.lots, account.pending, account.debt)


def expires_on(granted_on: date, policy: Expiry, valid_months: int | None = None) -> date:
    """The last day of a lot granted on that day: N months later, at that month's end."""
    return month_end(add_months(granted_on, valid_months or policy.valid_months))


def _moved(purse: Purse, moves: Iterable[tuple[date, int]]) -> Purse:
    moves = tuple(moves)
    lots = dict(purse.lots)
    for day, points in moves:
        lots[day] = lots.get(day, 0) + points
        if lots[day] == 0:
            del lots[day]
    return replace(purse, lots=MappingProxyType(dict(sorted(lots.items()))), moves=(*purse.moves, *moves))


def grant(purse: Purse, on: date, points: int) -> tuple[Purse, int]:
    """Adds a lot of `points` expiring `on`, after repaying debt. Returns the purse and how much debt it repaid.

    At most MAX_LOTS lots are kept: beyond that the earliest joins the next later date, never an earlier one.
    """
    repaid = min(points, purse.debt)
    purse = replace(purse, debt=purse.debt - repaid)
    if points > repaid:
        purse = _moved(purse, [(on, points - repaid)])
    if len(purse.lots) > MAX_LOTS:
        first, second = list(purse.lots)[:2]
        earliest = purse.lots[first]
        purse = _moved(purse, [(first, -earliest), (second, earliest)])
    return purse, repaid


def debit(purse: Purse, points: int, first_from: Iterable[date] = ()) -> tuple[Purse, int]:
    """Takes up to `points`: from the lots `first_from` in that order, then earliest expiry first.

    Returns the purse and what could not be taken.
    """
    moves: list[tuple[date, int]] = []
    left = points
    order = list(dict.fromkeys([*(day for day in first_from if day in purse.lots), *purse.lots]))
    for day in order:
        if left == 0:
            break
        taken = min(left, purse.lots[day])
        moves.append((day, -taken))
        left -= taken
    return _moved(purse, moves), left


def claw_back(purse: Purse, points: int, own_lots: Iterable[date], *, into_debt: bool) -> tuple[Purse, int, int]:
    """Takes points back: the order's own lots first, then earliest first, then debt (or forgiven).

    Returns the purse, the points that became debt, and the points forgiven.
    """
    purse, left = debit(purse, points, own_lots)
    if into_debt:
        return replace(purse, debt=purse.debt + left), left, 0
    return purse, 0, left


def give_back(purse: Purse, taken: Moves, today: date, grace_days: int) -> tuple[Purse, int]:
    """Returns spent points to the lots they came from; a lot whose day has passed comes back with the grace.

    `taken` are the debit's moves (negative points). Returns the purse and how much debt this repaid.
    """
    repaid = 0
    for day, points in taken:
        until = day if day >= today else today + timedelta(days=grace_days)
        purse, paid = grant(purse, until, -points)
        repaid += paid
    return purse, repaid


def last(taken: Moves, points: int) -> Moves:
    """The moves of a debit that took its last `points`, the last of them first."""
    found: list[tuple[date, int]] = []
    for day, move in reversed(taken):
        part = min(points, -move)
        if part:
            found.append((day, -part))
            points -= part
    return tuple(found)


def without_last(taken: Moves, points: int) -> Moves:
    """The moves of a debit without those that took its last `points`."""
    gone = dict(last(taken, points))
    return tuple((day, move - gone.get(day, 0)) for day, move in taken if move != gone.get(day, 0))


def expire(purse: Purse, through: date) -> tuple[Purse, int]:
    """Removes every lot whose last day is `through` or earlier. Returns the purse and the points gone."""
    gone = [(day, -points) for day, points in purse.lots.items() if day <= through]
    return _moved(purse, gone), -sum(points for _, points in gone)


def postpone(purse: Purse, day: date, until: date) -> Purse:
    """Moves a lot to a later date."""
    amount = purse.lots[day]
    return _moved(purse, [(day, -amount), (until, amount)])


def hold_pending(purse: Purse, releases_on: date, on: date, points: int) -> Purse:
    """Adds points that wait until `releases_on` and then expire `on`."""
    return _with_pending(purse, (releases_on, on), points)


def release(purse: Purse, keys: Iterable[tuple[tuple[date, date], int]]) -> tuple[Purse, int, int]:
    """Moves pending portions ((releases_on, expires_on), points) into lots. Returns purse, released, debt repaid."""
    released = repaid = 0
    for key, points in keys:
        purse = _with_pending(purse, key, -points)
        purse, paid = grant(purse, key[1], points)
        released += points
        repaid += paid
    return purse, released, repaid


def drop_pending(purse: Purse, key: tuple[date, date], points: int) -> tuple[Purse, int]:
    """Takes points out of a pending portion. Returns the purse and what was not there any more."""
    taken = min(points, purse.pending.get(key, 0))
    return _with_pending(purse, key, -taken), points - taken


def _with_pending(purse: Purse, key: tuple[date, date], points: int) -> Purse:
    pending = dict(purse.pending)
    pending[key] = pending.get(key, 0) + points
    if pending[key] == 0:
        del pending[key]
    return replace(purse, pending=MappingProxyType(dict(sorted(pending.items()))))
