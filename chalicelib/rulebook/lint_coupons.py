"""Coupons: names that lead nowhere, definitions that are over or give too much away, a surprise that cannot be."""

from collections.abc import Iterator
from datetime import date

from chalicelib.rulebook.findings import Finding, refuse, warn
from chalicelib.rulebook.model import Benefit, Rulebook

# Of one benefit in one month: each is an item of its own.
MAX_QUANTITY = 20


def coupons(rulebook: Rulebook, today: date | None) -> Iterator[Finding]:
    """Every finding about coupons, wherever one is named. Those that are over are found when `today` is given."""
    yield from _definitions(rulebook, today)
    for number, task in enumerate(rulebook.tasks):
        if task.coupon is not None:
            yield from _known(rulebook, task.coupon, f"tasks.{number}.coupon")
    for number, tier in enumerate(rulebook.tiers.levels):
        for index, benefit in enumerate(tier.benefits):
            yield from _benefit(rulebook, benefit, f"tiers.levels.{number}.benefits.{index}.value")
    yield from _surprise(rulebook)


def _definitions(rulebook: Rulebook, today: date | None) -> Iterator[Finding]:
    codes = [definition.code for definition in rulebook.coupons.definitions]
    for number, one in enumerate(rulebook.coupons.definitions):
        path = f"coupons.definitions.{number}"
        if one.code in codes[:number]:
            yield refuse("DUPLICATE_ID", path, f"{one.code} is there already.", f"{one.code} 重复。")
        if one.amount_off_fen and 0 < one.threshold_fen < one.amount_off_fen:
            message = "It takes off more than the order has to cost."
            yield warn("COUPON_ABOVE_THRESHOLD", f"{path}.amount_off_fen", message, "优惠金额高于使用门槛。")
        if today is not None and one.ends_on is not None and one.ends_on < today:
            message = f"It ended on {one.ends_on}: no more are granted."
            yield warn("COUPON_OVER", f"{path}.ends_on", message, f"已于 {one.ends_on} 截止，不再发放。")


def _known(rulebook: Rulebook, code: object, path: str) -> Iterator[Finding]:
    if not isinstance(code, str) or rulebook.coupons.definition(code) is None:
        yield refuse("UNKNOWN_COUPON", path, f"There is no coupon {code}.", f"没有优惠券 {code}。")


def _benefit(rulebook: Rulebook, benefit: Benefit, path: str) -> Iterator[Finding]:
    if "coupon" not in benefit.value:
        return
    yield from _known(rulebook, benefit.value["coupon"], f"{path}.coupon")
    if benefit.monthly > MAX_QUANTITY:
        message = f"At most {MAX_QUANTITY} coupons are granted at once."
        yield refuse("TOO_MANY_COUPONS", f"{path}.per_month", message, f"每次最多发放 {MAX_QUANTITY} 张优惠券。")
    if not benefit.monthly and not benefit.on_birthday:
        message = "It is granted neither each month nor on the birthday."
        yield warn("COUPON_NEVER_GRANTED", f"{path}.coupon", message, "该权益既不按月也不在生日发放。")


def _surprise(rulebook: Rulebook) -> Iterator[Finding]:
    surprise = rulebook.coupons.surprise
    if surprise is None:
        return
    yield from _known(rulebook, surprise.coupon, "coupons.surprise.coupon")
    definition = rulebook.coupons.definition(surprise.coupon)
    if definition and definition.kind != "amount_off":
        message = "The surprise is an amount: its coupon takes an amount off."
        yield refuse("SURPRISE_KIND", "coupons.surprise.coupon", message, "惊喜券只能是立减券。")
    if surprise.budget_fen < surprise.min_fen:
        message = "The budget does not even reach for one."
        yield warn("SURPRISE_WITHOUT_BUDGET", "coupons.surprise.budget_fen", message, "预算不足以发放一张惊喜券。")
