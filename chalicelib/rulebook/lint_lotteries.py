"""Lotteries: what the law, the arithmetic or a promise forbids, and ways to a chance that may not be one."""

from collections.abc import Iterator
from datetime import date
from fractions import Fraction

from chalicelib.rulebook.conditions import metrics_in
from chalicelib.rulebook.findings import Finding, refuse, warn
from chalicelib.rulebook.lint_goals import counted, placed
from chalicelib.rulebook.model import Rulebook, Task, Threshold
from chalicelib.rulebook.model_lotteries import NUMBERS, Lottery
from chalicelib.shared.clock import business_date

# What law or promise forbids, whatever the switches say.
MAX_PRIZE_FEN = 5_000_000
_INVITING = ("share", "friend_click")


def lotteries(rulebook: Rulebook, today: date | None) -> Iterator[Finding]:
    """Every finding about lotteries and the tasks that give chances. Tasks for a lottery that is over are found when
    `today` is given."""
    if rulebook.lotteries and rulebook.guard_rails.lottery_off:
        yield refuse("LOTTERY_ON", "lotteries", "The lottery is off by default.", "抽奖默认关闭。")
    codes = [lottery.code for lottery in rulebook.lotteries]
    for number, lottery in enumerate(rulebook.lotteries):
        path = f"lotteries.{number}"
        if lottery.code in codes[:number]:
            yield refuse("DUPLICATE_ID", path, f"{lottery.code} is there already.", f"{lottery.code} 重复。")
        yield from _odds(lottery, path)
        yield from _prizes(rulebook, lottery, path)
        if lottery.price_points is None and not any(lottery.code in task.chances for task in rulebook.tasks):
            message = "No task gives a chance and no points buy a draw: only an offer of the mall can lead here."
            yield warn(
                "LOTTERY_WITHOUT_WAY", path, message, "没有任务赠送抽奖机会，也不可用积分抽奖，只能通过商城兑换机会。"
            )
    yield from _chances(rulebook, today)


def _odds(lottery: Lottery, path: str) -> Iterator[Finding]:
    total = sum(prize.odds_ppm for prize in lottery.prizes)
    if total > NUMBERS:
        message = f"The odds add up to {total} of a million."
        yield refuse(
            "LOTTERY_ODDS_ABOVE_ONE", f"{path}.prizes", message, f"中奖概率合计为百万分之 {total}，超过 100%。"
        )
    price = lottery.price_points
    if price is not None and lottery.pays_more(Fraction(price)):
        # Whoever draws long enough would have points from nothing; no member has a use for such a game but that.
        message = f"A draw of {price} points gives back more points than that on average."
        yield refuse("LOTTERY_PAYS_MORE", f"{path}.price_points", message, f"每次消耗 {price} 积分，平均返还积分更多。")


def _prizes(rulebook: Rulebook, lottery: Lottery, path: str) -> Iterator[Finding]:
    named = rulebook.capabilities.get("lottery", {}).get("max_prize_fen")
    most = min(named, MAX_PRIZE_FEN) if isinstance(named, int) and named > 0 else MAX_PRIZE_FEN
    codes = [prize.code for prize in lottery.prizes]
    for number, prize in enumerate(lottery.prizes):
        place = f"{path}.prizes.{number}"
        if prize.code in codes[:number]:
            yield refuse("DUPLICATE_ID", place, f"{prize.code} is there already.", f"{prize.code} 重复。")
        # Points are worth what the anchor says, rounded up, whatever else is claimed of them.
        worth = max(prize.value_fen, -(-prize.points * 100 // rulebook.points_per_yuan_value))
        if worth > most:
            message, message_zh = f"A prize is worth at most {most} fen.", f"单个奖品价值不得超过 {most} 分（人民币）。"
            yield refuse("LOTTERY_PRIZE_TOO_HIGH", place, message, message_zh)
        limit = rulebook.limits.max_points_per_entry
        if prize.points > limit:
            message = f"It pays above the limit of {limit} for an entry: the draw would always be refused."
            yield refuse("GRANT_ABOVE_LIMIT", place, message, f"奖品积分超过每笔上限 {limit}，将始终被拒绝。")
        if prize.coupon:
            yield from _coupon(rulebook, lottery, prize.coupon, f"{place}.coupon")


def _coupon(rulebook: Rulebook, lottery: Lottery, code: str, path: str) -> Iterator[Finding]:
    """A coupon that is won has to be there, and not over, until the last draw."""
    definition = rulebook.coupons.definition(code)
    if definition is None:
        yield refuse("UNKNOWN_COUPON", path, f"There is no coupon {code}.", f"没有优惠券 {code}。")
    elif definition.ends_on and definition.ends_on <= business_date(lottery.ends_at, rulebook.brand.time_zone):
        message = f"It ends on {definition.ends_on}, and the lottery does not end before."
        yield refuse("COUPON_ENDS_FIRST", path, message, f"优惠券 {definition.ends_on} 到期，早于抽奖结束。")


def _chances(rulebook: Rulebook, today: date | None) -> Iterator[Finding]:
    known = {lottery.code: lottery for lottery in rulebook.lotteries}
    inviting: set[str] | None = None
    for number, task in enumerate(rulebook.tasks):
        for code in task.chances:
            place = f"tasks.{number}.chances.{code}"
            if code not in known:
                yield refuse("UNKNOWN_LOTTERY", place, f"No lottery {code}.", f"没有抽奖活动 {code}。")
            elif today and known[code].ends_at.date() < today:
                yield warn("LOTTERY_OVER", place, f"The lottery {code} is over.", f"抽奖活动 {code} 已结束。")
        if task.chances:
            inviting = inviting_metrics(rulebook) if inviting is None else inviting
            for metric in sorted(_read(rulebook, task) & inviting):
                message = f"{metric} counts invites, shares or friends' clicks: no lottery chance for these."
                message_zh = f"{metric} 统计邀请、分享或好友点击，不得以抽奖机会奖励。"
                yield refuse("CHANCE_FOR_INVITES", f"tasks.{number}.chances", message, message_zh)
                break


def inviting_metrics(rulebook: Rulebook) -> set[str]:
    """Every counter that an invite, a share or a friend's click can grow, be it by a rule that pays for it or by a task
    that counts it."""
    found = {"qualified_invites"}
    inviting = {behaviour.code: behaviour for behaviour in rulebook.behaviours if behaviour.nature in _INVITING}
    for behaviour in inviting.values():
        found |= {behaviour.code, f"{behaviour.code}_seconds", *behaviour.metrics}
    while grown := _led_to(rulebook, set(inviting), found) - found:
        found |= grown
    return found


def _led_to(rulebook: Rulebook, behaviours: set[str], metrics: set[str]) -> set[str]:
    """The counters of rules and tasks that those behaviours and counters lead to."""
    found: set[str] = set()
    for rule in rulebook.earning:
        if rule.trigger in behaviours or {metric for metric, _ in metrics_in(rule.when)} & metrics:
            found |= {f"rule_{rule.id}", f"paid_{rule.id}"}
    for task in rulebook.tasks:
        if _read(rulebook, task) & metrics:
            found |= {*task.credits, *(() if task.honorary else ("tasks",))}
    return found


def _read(rulebook: Rulebook, task: Task) -> set[str]:
    """What a task counts: by its goals, its condition, and for growth by what a promotion counts."""
    found = {metric for metric, _ in metrics_in(task.when)} | _of_goals(task.goals)
    if task.kind == "growth":
        found |= {metric for tier in rulebook.tiers.levels for metric in _of_goals(tier.promotion)}
    return found


def _of_goals(goals: tuple[Threshold, ...]) -> set[str]:
    return {metric for goal in goals for _, need in placed(goal, "") for _, metric in counted(need, "")}
