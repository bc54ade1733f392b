"""The room's own pure rules: what a code looks like, what a coupon takes off an order, which day is its last."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations

from chalicelib.rulebook.model_coupons import CouponDefinition

# Nothing in it can be mistaken for something else, and their number is a prime: that is what the check rests on.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LENGTH = 12
# Every set of them is weighed against every other.
MAX_ON_ORDER = 5

USABLE, USED, EXPIRED, WITHDRAWN = "usable", "used", "expired", "withdrawn"


def _check(body: str) -> str:
    """The last character: the weighted sum modulo 31, which no single slip and no two swapped characters keep."""
    weighted = sum(weight * ALPHABET.index(letter) for weight, letter in enumerate(body, start=1))
    return ALPHABET[weighted % len(ALPHABET)]


def code_of(letters: Sequence[int]) -> str:
    """A code made of eleven random numbers below 31."""
    body = "".join(ALPHABET[letter] for letter in letters)
    return body + _check(body)


def read_code(text: str) -> str | None:
    """The code somebody typed, be it in groups or in small letters; None when it cannot be one."""
    code = text.upper().replace("-", "").replace(" ", "")
    right = len(code) == CODE_LENGTH and all(letter in ALPHABET for letter in code) and _check(code[:-1]) == code[-1]
    return code if right else None


@dataclass(frozen=True)
class Line:
    """One line of an order; `amount_fen` is the line's total."""

    amount_fen: int
    category: str = ""
    sku: str = ""
    quantity: int = 1


@dataclass(frozen=True)
class Order:
    """What the merchant says of an order, before any coupon. Lines may amount to less than the whole: the rest is in no
    category."""

    amount_fen: int
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Use:
    """A coupon already used on the order. `categories`: its scope, everything when empty."""

    definition: str
    discount_fen: int
    categories: tuple[str, ...]
    stacks: bool


@dataclass(frozen=True)
class NotApplicable:
    """Why a coupon cannot be used on an order: `problem` in English, with the number it is about."""

    problem: str
    zh: str


def in_scope_fen(order: Order, categories: Collection[str]) -> int:
    """What of the order is in these categories; all of it when there are none."""
    if not categories:
        return order.amount_fen
    return sum(line.amount_fen for line in order.lines if line.category in categories)


def discount(terms: CouponDefinition, order: Order, used: Sequence[Use]) -> int | NotApplicable:
    """Fen off the order: never more than what is left in the coupon's scope after the coupons used before.

    The threshold and a percentage are of the price before any coupon; what does not come out even is rounded up, in the
    member's favour.
    """
    refused = _beside(terms, used)
    if refused:
        return refused
    amount = in_scope_fen(order, terms.categories)
    shipping = terms.kind == "free_shipping"
    least = max(terms.threshold_fen, 0 if shipping and not terms.categories else 1)
    if amount < least:
        return NotApplicable(
            f"{amount} fen of the order are in its scope, {least} are needed",
            f"适用商品金额 {amount} 分，未达到 {least} 分",
        )
    worth = _worth(terms, order, amount)
    if isinstance(worth, NotApplicable):
        return worth
    off = min(worth, _room(terms.categories, order, used))
    if not off and not shipping:
        return NotApplicable("the order's other coupons leave nothing to take off", "已使用的优惠券已抵扣全部适用金额")
    return off


def _beside(terms: CouponDefinition, used: Sequence[Use]) -> NotApplicable | None:
    if any(use.definition == terms.code for use in used):
        return NotApplicable("another coupon of this kind is used on the order", "该订单已使用同种优惠券")
    if used and not (terms.stacks and all(use.stacks for use in used)):
        return NotApplicable("it cannot be used beside the order's other coupons", "不可与已使用的优惠券同用")
    if len(used) >= MAX_ON_ORDER:
        return NotApplicable(f"{MAX_ON_ORDER} coupons are used on the order", f"每单最多使用 {MAX_ON_ORDER} 张优惠券")
    return None


def _worth(terms: CouponDefinition, order: Order, amount: int) -> int | NotApplicable:
    if terms.amount_off_fen is not None:
        return terms.amount_off_fen
    if terms.percent_off is not None:
        off = -(-amount * terms.percent_off // 100)
        return min(off, terms.max_off_fen) if terms.max_off_fen is not None else off
    if terms.kind == "free_shipping":
        # Shipping is not part of the amount: the merchant waives it.
        return 0
    # Of several lines the dearest piece.
    pieces = [-(-line.amount_fen // line.quantity) for line in order.lines
              if line.sku == terms.sku and (not terms.categories or line.category in terms.categories)]  # fmt: skip
    return (
        max(pieces) if pieces else NotApplicable(f"no piece of {terms.sku} is on the order", "订单中没有可兑换的商品")
    )


def _room(categories: tuple[str, ...], order: Order, used: Sequence[Use]) -> int:
    """What can still come off these categories. What an earlier coupon took is thought to lie outside them as far as
    its own scope goes; so of every scope together, no more comes off than it costs."""

    def left(others: Iterable[Use]) -> int:
        scopes = [set(categories), *(set(use.categories) for use in others)]
        # An empty scope is everything.
        joined = set().union(*scopes) if all(scopes) else set()
        within = [use for use in used if not joined or (use.categories and set(use.categories) <= joined)]
        return in_scope_fen(order, joined) - sum(use.discount_fen for use in within)

    sizes = range(len(used) + 1)
    return max(0, min(left(others) for size in sizes for others in combinations(used, size)))


def last_day(expires_on: date, *, noticed: bool, today: date, notice_days: int) -> date:
    """The last business day on which the coupon may be used, as of today. None ends whose member was not told in time:
    told today, there would be the full notice left."""
    return expires_on if noticed else max(expires_on, today + timedelta(days=notice_days))


def issued(nominal: date, granted_on: date, today: date, notice_days: int) -> tuple[date, bool]:
    """(last day, whether the grant is its notice) of a coupon that is made today for a grant of `granted_on`. One whose
    making came late still leaves the notice, or its whole validity where that is shorter."""
    full = min(notice_days, max(0, (nominal - granted_on).days))
    expires_on = max(nominal, today + timedelta(days=full))
    return expires_on, (expires_on - today).days <= notice_days


def due_on(state: str, expires_on: date, *, noticed: bool, notice_days: int) -> date | None:
    """The next day on which something happens by itself: the notice, or the end on the day after the last."""
    if state != USABLE:
        return None
    return expires_on + timedelta(days=1) if noticed else expires_on - timedelta(days=notice_days)


def come_back(expires_on: date, today: date, grace_days: int) -> date:
    """The last day of a coupon that comes back today."""
    return expires_on if expires_on >= today else today + timedelta(days=grace_days)


def surprise_fen(drawn: int, least: int, left_fen: int) -> int:
    """The amount drawn, or what the budget has left where that is less; 0 when it does not reach for the least."""
    amount = min(drawn, left_fen)
    return amount if amount >= least else 0


def portions(count: int, size: int) -> list[range]:
    """`count` pieces in portions of at most `size`."""
    return [range(begin, min(begin + size, count)) for begin in range(0, count, size)]
