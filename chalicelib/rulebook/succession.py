"""One rulebook after another: what publishing it would take from members at once.

Everybody's tier is on record by its code, and a code the rulebook in force knows nothing of is the first tier. So a
document follows another only when it knows every code of it: as a tier of its own, or as what one was `formerly`. And
since nobody loses a tier without a warning, those it moves stay above those they were above.
"""

from collections.abc import Iterator
from datetime import datetime

from chalicelib.rulebook import succession_lotteries
from chalicelib.rulebook.findings import Finding, refuse
from chalicelib.rulebook.model import Rulebook, Tier

PATH = "tiers.levels"


def succession(before: Rulebook | None, after: Rulebook, effective_at: datetime) -> Iterator[Finding]:
    """Every finding about `after` when it comes into force at that instant after `before` (None: it is the first)."""
    yield from succession_lotteries.succession(before.lotteries if before else (), after.lotteries, effective_at)
    if before:
        yield from succession_lotteries.coupons(before.lotteries, before.coupons, after.coupons, effective_at)
        yield from _tiers(before, after)


def _tiers(before: Rulebook, after: Rulebook) -> Iterator[Finding]:
    for rank, tier in enumerate(before.tiers.levels):
        for code in tier.codes:
            if code not in after.ranks:
                message = f"Nothing says where holders of {code} go: name it in `formerly` of their new tier."
                message_zh = f"未说明原等级 {code} 的会员归入哪个等级，请写入新等级的 formerly。"
                yield refuse("TIER_DROPPED", PATH, message, message_zh)
            elif after.ranks[code] != after.ranks.get(tier.code, after.ranks[code]):
                message = f"{code} stands for {tier.code} already: members are on record with either."
                yield refuse("TIER_CODE_TAKEN", PATH, message, f"{code} 已代表等级 {tier.code}，不能另作他用。")
        if tier.code in after.ranks:
            yield from _moved(before, after, tier, rank)


def _moved(before: Rulebook, after: Rulebook, tier: Tier, rank: int) -> Iterator[Finding]:
    heir = after.tiers.levels[after.ranks[tier.code]]
    below = [lower.code for lower in before.tiers.levels[:rank]]
    overtaken = any(after.rank(code) > after.rank(tier.code) for code in below)
    # Where the highest tier is left out, the next lower one is the best there is.
    joins_lower = heir.code in below and heir is not after.tiers.levels[-1]
    if overtaken or joins_lower:
        message = f"Holders of {tier.code} would step down without a warning; no publication may do that."
        message_zh = f"{tier.name.zh}会员会被直接降级；发布规则不得使会员降级。"
        yield refuse("TIER_STEPPED_DOWN", PATH, message, message_zh)
    elif (rank == 0) != (after.rank(tier.code) == 0):
        message = f"The first tier has no end and is never reviewed: {tier.code} may neither become it nor leave it."
        yield refuse("FIRST_TIER_MOVED", PATH, message, f"最低等级没有有效期，{tier.code} 不能变为或离开最低等级。")
