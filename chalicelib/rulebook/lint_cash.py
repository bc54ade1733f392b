"""Points as cash that could not be charged exactly, are for tiers there are not, or give much of an order away."""

from collections.abc import Iterator

from chalicelib.rulebook.findings import Finding, refuse, warn
from chalicelib.rulebook.model import Rulebook

PATH = "redemption.cash"
WARNED_PERCENT = 50


def cash(rulebook: Rulebook) -> Iterator[Finding]:
    """Every finding about points that pay for orders."""
    of, anchor = rulebook.redemption.cash, rulebook.points_per_yuan_value
    if of is None:
        return
    if of.step_points * 100 % anchor:
        message = f"A step of {of.step_points} points is not worth whole fen when {anchor} are worth 1 yuan."
        message_zh = f"{anchor} 积分价值 1 元时，每档 {of.step_points} 积分不是整数分。"
        yield refuse("STEP_NOT_WHOLE_FEN", f"{PATH}.step_points", message, message_zh)
    for code in of.by_tier:
        if code not in rulebook.ranks:
            yield refuse("UNKNOWN_TIER", f"{PATH}.by_tier.{code}", f"There is no tier {code}.", f"没有等级 {code}。")
    shares = {f"{PATH}.max_percent": of.max_percent}
    shares |= {f"{PATH}.by_tier.{code}": percent for code, percent in of.by_tier.items()}
    for path, percent in shares.items():
        if percent > WARNED_PERCENT:
            message = f"Points may pay for {percent} % of an order, more than half of it."
            yield warn("OFFSET_SHARE_HIGH", path, message, f"积分最多可抵订单的 {percent}%，超过一半。")
