"""Benefits: values the engine cannot count by, and quotas that shrink on the way up."""

from collections.abc import Iterator

from chalicelib.rulebook.findings import Finding, refuse, warn
from chalicelib.rulebook.model import Benefit, Rulebook

_COUNTS = {"feature": ("per_day", "per_month"), "service": ("per_day", "per_month"), "economic": ("per_month",)}


def benefits(rulebook: Rulebook) -> Iterator[Finding]:
    """Every finding about the benefits."""
    below: dict[str, Benefit] = {}
    for number, tier in enumerate(rulebook.tiers.levels):
        codes = [benefit.code for benefit in tier.benefits]
        for index, benefit in enumerate(tier.benefits):
            path = f"tiers.levels.{number}.benefits.{index}"
            if benefit.code in codes[:index]:
                message, message_zh = f"{benefit.code} is there already.", f"{benefit.code} 重复。"
                yield refuse("DUPLICATE_ID", path, message, message_zh)
            yield from _values(benefit, path)
            lower = below.get(benefit.code)
            if lower and _granted_otherwise(lower, benefit):
                message = "One code is granted either each month or on the birthday: give each its own."
                yield refuse("BENEFIT_VALUE", path, message, "同一权益代码不能既按月发放又在生日发放。")
            if lower and _less(benefit, lower):
                message = f"{benefit.name.en}: {tier.name.en} has less of it than a tier below."
                yield warn("QUOTA_SHRINKS", path, message, f"{tier.name.zh}的{benefit.name.zh}少于下级。")
        for code in [code for code in below if code not in codes and _amount(below[code])]:
            name = below.pop(code).name
            message = f"{tier.name.en} has no {name.en}, a tier below has."
            message_zh = f"{tier.name.zh}没有下级拥有的{name.zh}。"
            yield warn("QUOTA_SHRINKS", f"tiers.levels.{number}.benefits", message, message_zh)
        below |= {benefit.code: benefit for benefit in tier.benefits}


def _values(benefit: Benefit, path: str) -> Iterator[Finding]:
    for key, value in benefit.value.items():
        number = isinstance(value, int) and not isinstance(value, bool) and value > 0
        counts = key in _COUNTS.get(benefit.kind, ())
        if (counts and not number) or (key in ("unlimited", "on_birthday") and not isinstance(value, bool)):
            wanted, wanted_zh = (
                ("a number from 1 up", "不小于 1 的整数") if counts else ("true or false", "true 或 false")
            )
            yield refuse("BENEFIT_VALUE", f"{path}.value.{key}", f"{key} is {wanted}.", f"{key} 应为{wanted_zh}。")
    if benefit.monthly and benefit.on_birthday:
        message = "One code is granted either each month or on the birthday: give each its own."
        yield refuse("BENEFIT_VALUE", f"{path}.value.on_birthday", message, "同一权益代码不能既按月发放又在生日发放。")


def _granted_otherwise(lower: Benefit, upper: Benefit) -> bool:
    return bool((lower.monthly and upper.on_birthday) or (lower.on_birthday and upper.monthly))


def _amount(benefit: Benefit) -> bool:
    return benefit.usable or benefit.monthly > 0


def _less(upper: Benefit, lower: Benefit) -> bool:
    """Whether the upper tier may use less, in any window, or is granted less."""
    if upper.monthly < lower.monthly or (lower.usable and not upper.usable):
        return True
    mine, theirs = upper.quotas, lower.quotas
    # A window without a quota has no limit.
    return any(window not in theirs or mine[window] < theirs[window] for window in mine) if lower.usable else False
