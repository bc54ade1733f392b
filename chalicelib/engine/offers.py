"""What an offer asks of a member: its price on that day, and whether it is theirs to redeem.

The price is the tier's own where the offer has one, else the base price; on a member day it is multiplied by the
factor of the member's tier and rounded up to whole points, so that a factor never gives something away for nothing.
"""

from collections.abc import Collection, Mapping
from datetime import date
from fractions import Fraction
from types import MappingProxyType

from chalicelib.engine.account import Account
from chalicelib.engine.draft import effective_tier
from chalicelib.engine.events import Offer, Window
from chalicelib.rulebook.model import Rulebook

LIFE = "life"


def price(rulebook: Rulebook, account: Account, offer: Offer, today: date) -> int:
    """Points for one piece, for this member on that day."""
    # The offer may name the tier by a code it had when the offer was published.
    codes = rulebook.tier(effective_tier(rulebook, account.standing, today)).codes
    asked = next((offer.tier_prices[code] for code in codes if code in offer.tier_prices), offer.price_points)
    if not offer.member_day or not rulebook.member_day.includes(today):
        return asked
    return -(-asked * Fraction(rulebook.redemption.member_day_factor(codes)) // 1)


def in_tier(rulebook: Rulebook, account: Account, offer: Offer, today: date) -> bool:
    """Whether the member's tier of that day is high enough."""
    tier = effective_tier(rulebook, account.standing, today)
    return not offer.min_tier or rulebook.rank(tier) >= rulebook.rank(offer.min_tier)


def tagged(account: Account, offer: Offer) -> bool:
    """Whether the member carries one of the tags that the offer asks for."""
    return not offer.tags or any(tag in account.tags for tag in offer.tags)


def left_of_limits(account: Account, offer: Offer, today: date) -> int | None:
    """How many pieces more this member may have today; None without a limit."""
    used = account.redeemed.get(offer.offer_id, {})
    return min((max(0, most - _used(used, window, today)) for window, most in offer.limits.items()), default=None)


def _used(used: Mapping[str, int], window: Window, today: date) -> int:
    if window == "lifetime":
        return sum(pieces for period, pieces in used.items() if period.startswith(LIFE))
    # A tap of just before midnight may be decided after one of the next day, and is measured against that day too:
    # else the two days would make room for each other again and again.
    first = _period(window, today)
    return sum(pieces for period, pieces in used.items() if _window(period) == window and period >= first)


def _period(window: Window, on: date) -> str:
    return f"d:{on}" if window == "day" else f"{on:%Y-%m}"


def _window(period: str) -> Window:
    return "lifetime" if period.startswith(LIFE) else "day" if period.startswith("d:") else "month"


def counted(account: Account, offer: Offer, pieces: int, today: date) -> Mapping[str, Mapping[str, int]]:
    """What the member has redeemed of limited offers, with `pieces` more of this one today. Days and months that are
    over are forgotten, and so is the whole life of an offer that has closed: it never opens again."""
    kept = {offer_id: {p: n for p, n in used.items() if _counts(p, today)}
            for offer_id, used in account.redeemed.items()}  # fmt: skip
    used = kept.get(offer.offer_id, {})
    for window in offer.limits:
        if window == "lifetime":
            before = _used(used, window, today)
            used = {p: n for p, n in used.items() if not p.startswith(LIFE)}
            used[f"{LIFE}:{offer.closes_on}"] = before + pieces
        else:
            period = _period(window, today)
            used = {**used, period: used.get(period, 0) + pieces}
    kept[offer.offer_id] = used
    return MappingProxyType({offer_id: used for offer_id, used in kept.items() if used})


def uncounted(
    account: Account, offer_id: str, windows: Collection[Window], pieces: int, on: date
) -> Mapping[str, Mapping[str, int]]:
    """What the member has redeemed of limited offers without `pieces` of this one that the limits of these windows
    counted on the day `on`, whatever the offer says by now."""

    def less(period: str, counted: int) -> int:
        window = _window(period)
        same = window in windows and (window == "lifetime" or period == _period(window, on))
        return max(0, counted - pieces) if same else counted

    left = {p: less(p, n) for p, n in account.redeemed.get(offer_id, {}).items()}
    others = {other: used for other, used in account.redeemed.items() if other != offer_id}
    used = {p: n for p, n in left.items() if n}
    return MappingProxyType({**others, offer_id: used} if used else others)


def _counts(period: str, today: date) -> bool:
    if period.startswith(LIFE):
        return period[len(LIFE) + 1 :] >= today.isoformat()
    return period >= _period(_window(period), today)
