"""Points as cash: how many points may pay for an order, and what they are worth.

Whole steps only, at most the rulebook's share of the order for the member's tier, at most the balance. A step is worth
whole fen, so nothing here is ever rounded but the share, which is rounded down to steps.
"""

from dataclasses import dataclass
from datetime import date

from chalicelib.engine.account import Account
from chalicelib.engine.draft import effective_tier
from chalicelib.engine.refusals import AmountTooSmall, CashNotYours, CashOff, InsufficientPoints
from chalicelib.rulebook.model import Cash, Rulebook
from chalicelib.shared.errors import Conflict


@dataclass(frozen=True)
class Quote:
    """points, offset_fen: the most that may pay, and its worth; 0 when nothing may, and then `why` says why ·
    of_order: the most points the order takes, whatever the balance · percent: the member's share · least_points: fewer
    are not taken."""

    points: int
    offset_fen: int
    of_order: int
    percent: int
    step_points: int
    least_points: int
    why: type[Conflict] | None = None


def worth_fen(rulebook: Rulebook, points: int) -> int:
    """The worth of whole steps, in fen: exact, since a rulebook whose steps are worth parts of a fen is refused."""
    return points * 100 // rulebook.points_per_yuan_value


def quote(rulebook: Rulebook, account: Account, amount_fen: int, today: date) -> Quote:
    """What may pay for an order of that amount (before points), for this member on that day."""
    cash = rulebook.redemption.cash
    if cash is None:
        return Quote(0, 0, 0, 0, 0, 0, CashOff)
    percent = cash.percent(rulebook.tier(effective_tier(rulebook, account.standing, today)).codes)
    step_fen = worth_fen(rulebook, cash.step_points)
    of_order = amount_fen * percent // 100 // step_fen * cash.step_points if amount_fen >= cash.min_order_fen else 0
    points = min(of_order, account.balance // cash.step_points * cash.step_points)
    why = _why_nothing(cash, percent, of_order, points)
    points = 0 if why else points
    return Quote(points, worth_fen(rulebook, points), of_order, percent, cash.step_points, cash.least_points, why)


def _why_nothing(cash: Cash, percent: int, of_order: int, points: int) -> type[Conflict] | None:
    if not percent:
        return CashNotYours
    if of_order < cash.least_points:
        return AmountTooSmall
    return InsufficientPoints if points < cash.least_points else None
