"""The rulebook read aloud, in Chinese and English. Every number comes from the document; there is no second copy.

Worked examples are not here: the room that answers computes them with the engine itself.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from chalicelib.rulebook import words_cash, words_coupons, words_lotteries, words_tiers
from chalicelib.rulebook.model import Cap, EarningRule, Formula, Multiplier, Rulebook, Words
from chalicelib.rulebook.phrases import (
    PERIODS,
    Item,
    Pair,
    category,
    condition,
    duration,
    plural,
    points,
    sentence,
    times,
)


@dataclass(frozen=True)
class Section:
    code: str
    title: Words
    items: tuple[Item, ...]


def sections(rulebook: Rulebook) -> list[Section]:
    """Everything a member may want to know, in the order a newcomer asks. A section without sentences is left out."""
    found = [
        _section("earning", "如何获得积分", "How points are earned", _earning(rulebook)),
        _section("multipliers", "积分倍率", "Multipliers", _multipliers(rulebook)),
        _section("tiers", "会员等级", "Tiers", (words_tiers.tier(rulebook, tier) for tier in rulebook.tiers.levels)),
        _section("retention", "保级与降级", "Keeping and losing a tier", words_tiers.retention(rulebook)),
        _section("tasks", "任务", "Tasks", (words_tiers.task(rulebook, task) for task in rulebook.tasks)),
        _section("badges", "勋章", "Badges", (words_tiers.badge(rulebook, badge) for badge in rulebook.badges)),
        _section("check_ins", "签到与补签", "Check-ins and make-ups", [_streak(rulebook)]),
        _section("redemption", "积分兑换", "Redemption", _redemption(rulebook)),
        _section(
            "lotteries", "抽奖", "Lotteries", (words_lotteries.lottery(rulebook, one) for one in rulebook.lotteries)
        ),
        _section("coupons", "优惠券", "Coupons", words_coupons.coupons(rulebook)),
        _section("validity", "积分价值与有效期", "Value and validity", _validity(rulebook)),
        _section("refunds", "退款", "Refunds", [_refunds(rulebook)]),
    ]
    return [section for section in found if section.items]


def _section(code: str, zh: str, en: str, items: Iterable[Item]) -> Section:
    return Section(code, Words(zh=zh, en=en), tuple(items))


# Earning -----------------------------------------------------------------------------------------------------------


def _earning(rulebook: Rulebook) -> Iterator[Item]:
    for rule in rulebook.earning:
        yield sentence(rule.id, rule.name, _rule(rulebook, rule))
    for behaviour in rulebook.behaviours:
        if behaviour.counts_seconds:
            zh, en = duration(behaviour.max_seconds)
            limits = [(f"每次最多计时 {zh}", f"at most {en} count at a time")]
            if behaviour.seconds_per_day is not None:
                zh, en = duration(behaviour.seconds_per_day)
                limits.append((f"每天最多计时 {zh}", f"at most {en} a day"))
            yield sentence(f"{behaviour.code}_timing", behaviour.name, limits)
        if behaviour.counted_per_day is not None:
            most = behaviour.counted_per_day
            limit = f"等级与任务每天最多计 {most} 次", f"tiers and tasks count it at most {times(most)} a day"
            yield sentence(f"{behaviour.code}_counting", behaviour.name, [limit])
    yield Item(
        "rounding",
        "每项规则对每笔订单或每次行为计算一次，乘以倍率后舍去小数。",
        "Each rule is computed once for an order or action, multipliers included, and rounded down.",
    )
    windows = {window for used in rulebook.windows.values() for window in used}
    if any(window == "week" or window.startswith("months:") for window in windows):
        yield Item(
            "periods",
            "月按自然月计，包括当月；周从周一开始。",
            "Months are calendar months, the current one included; weeks begin on Monday.",
        )


def _rule(rulebook: Rulebook, rule: EarningRule) -> Iterator[Pair]:
    yield _formula(rulebook, rule.points)
    if rule.when:
        zh, en = condition(rulebook, rule.when)
        yield f"条件：{zh}", f"condition: {en}"
    if rule.multiplied:
        yield "可享积分倍率", "multipliers apply"
    for cap in rule.caps:
        yield _cap(rulebook, cap)
    if rule.valid_months is not None:
        yield f"有效期 {rule.valid_months} 个月", f"valid for {plural(rule.valid_months, 'month')}"


def _formula(rulebook: Rulebook, formula: Formula) -> Pair:
    if formula.per_yuan is not None:
        zh, en = points(rulebook, formula.per_yuan)
        rates = [(category(rulebook, code), points(rulebook, rate)) for code, rate in formula.category_rates.items()]
        return (
            f"消费 1 元得 {zh}" + "".join(f"，{name[0]}每元得 {rate[0]}" for name, rate in rates),
            f"{en} for each yuan paid" + "".join(f", {rate[1]} for {name[1]}" for name, rate in rates),
        )
    if formula.by_tier is not None:
        named = [(rulebook.tier(code).name, amount) for code, amount in formula.by_tier.items()]
        zh, en = rulebook.brand.points_name.zh, rulebook.brand.points_name.en
        return (
            f"{'、'.join(f'{name.zh}得 {amount}' for name, amount in named)} {zh}",
            f"{', '.join(f'{name.en} {amount}' for name, amount in named)} {en}",
        )
    if formula.by_streak_day is not None:
        return _streak_table(rulebook, formula.by_streak_day)
    zh, en = points(rulebook, formula.fixed)
    return f"得 {zh}", en


def _streak_table(rulebook: Rulebook, days: tuple[int, ...]) -> Pair:
    zh, en = points(rulebook, "、".join(map(str, days)))[0], points(rulebook, ", ".join(map(str, days)))[1]
    if len(days) == 1:
        return f"每天得 {zh}", f"{en} each day"
    told = f"连续签到第 1 至 {len(days)} 天依次得 {zh}", f"days 1 to {len(days)} in a row give {en}"
    if len(days) < rulebook.streak.cycle_days:
        return f"{told[0]}，之后每天 {days[-1]}", f"{told[1]}, later days {days[-1]}"
    return told


def _cap(rulebook: Rulebook, cap: Cap) -> Pair:
    zh, en = PERIODS[cap.per]
    if cap.times is not None:
        return f"{zh}最多 {cap.times} 次", f"at most {times(cap.times)} {en}"
    told_zh, told_en = points(rulebook, cap.points)
    return f"{zh}最多 {told_zh}", f"at most {told_en} {en}"


# Multipliers -------------------------------------------------------------------------------------------------------


def _multipliers(rulebook: Rulebook) -> Iterator[Item]:
    for multiplier in rulebook.multipliers:
        yield sentence(multiplier.id, multiplier.name, _multiplier(rulebook, multiplier))
    if rulebook.multipliers:
        yield Item("stacking", *_stacking(rulebook))
    days = [str(day) for day in sorted(set(rulebook.member_day.days_of_month))]
    subject = "Member day is day" if len(days) == 1 else "Member days are days"
    yield Item("member_days", f"会员日为每月 {'、'.join(days)} 日。", f"{subject} {' and '.join(days)} of the month.")


def _multiplier(rulebook: Rulebook, multiplier: Multiplier) -> Iterator[Pair]:
    if multiplier.by_tier is not None:
        named = [(rulebook.tier(code).name, factor) for code, factor in multiplier.by_tier.items()]
        yield (
            "、".join(f"{name.zh} {factor} 倍" for name, factor in named),
            ", ".join(f"{name.en} ×{factor}" for name, factor in named),
        )
    else:
        yield f"{multiplier.factor} 倍", f"×{multiplier.factor}"
    if multiplier.when:
        zh, en = condition(rulebook, multiplier.when)
        yield f"条件：{zh}", f"condition: {en}"
    paid = [rule.name for rule in rulebook.earning if rule.multiplied and rule.trigger in multiplier.triggers]
    if paid:
        yield f"适用于{'、'.join(name.zh for name in paid)}", f"applies to {', '.join(name.en for name in paid)}"


def _stacking(rulebook: Rulebook) -> Pair:
    """Which multipliers exclude each other: the highest of a group applies, groups multiply."""
    groups: dict[str, list[Words]] = {}
    for multiplier in rulebook.multipliers:
        groups.setdefault(multiplier.group, []).append(multiplier.name)
    shared = [names for names in groups.values() if len(names) > 1]
    zh = [f"{'、'.join(n.zh for n in names)}不叠加，取其中最高" for names in shared]
    en = [f"of {' and '.join(n.en for n in names)} the highest applies" for names in shared]
    if len(groups) > 1:
        zh.append("其余倍率相乘" if shared else "各项倍率相乘")
        en.append("all others multiply" if shared else "multipliers multiply each other")
    if not zh:
        return "以上倍率直接相乘于积分。", "The points are multiplied by it."
    told = "; ".join(en)
    return f"{'；'.join(zh)}。", f"{told[0].upper()}{told[1:]}."


# Check-ins, redemption, validity, refunds --------------------------------------------------------------------------


def _streak(rulebook: Rulebook) -> Item:
    streak = rulebook.streak
    cards = any(task.make_up_cards for task in rulebook.tasks)
    zh = f"连续签到每 {streak.cycle_days} 天为一轮。"
    en = f"Streaks run in cycles of {plural(streak.cycle_days, 'day')}. "
    if streak.make_up_within_days and (streak.make_ups_per_month or cards):
        told = list(_make_ups(rulebook, cards))
        zh += f"可补签最近 {streak.make_up_within_days} 天，{'，'.join(pair[0] for pair in told)}；"
        zh += "补签恢复连续天数，不发放积分。"
        en += f"The last {plural(streak.make_up_within_days, 'day')} can be made up, "
        en += f"{', '.join(pair[1] for pair in told)}; a make-up repairs the streak and does not pay."
    else:
        zh, en = f"{zh}不可补签。", f"{en}Missed days cannot be made up."
    return Item("streak", zh, en)


def _make_ups(rulebook: Rulebook, cards: bool) -> Iterator[Pair]:
    """What a make-up costs: of the month's own, and beyond them a card."""
    streak = rulebook.streak
    if streak.make_ups_per_month:
        cost = points(rulebook, streak.make_up_cost_points)
        told = (
            (f"每次消耗 {cost[0]}", f"for {cost[1]} each")
            if streak.make_up_cost_points
            else ("不消耗积分", "free of charge")
        )
        yield (
            f"每月最多 {streak.make_ups_per_month} 次，{told[0]}",
            f"at most {times(streak.make_ups_per_month)} a month, {told[1]}",
        )
    if cards:
        yield ("用完后每次使用补签卡", "then with a make-up card") if streak.make_ups_per_month else (
            "每次使用补签卡", "with a make-up card"
        )  # fmt: skip


def _redemption(rulebook: Rulebook) -> Iterator[Item]:
    of = rulebook.redemption
    named = [(tier.name, of.member_day_factor(tier.codes)) for tier in rulebook.tiers.levels]
    if of.member_day_factors:
        zh = "、".join(f"{name.zh} {factor} 倍" for name, factor in named)
        en = ", ".join(f"{name.en} ×{factor}" for name, factor in named)
        yield Item(
            "member_day_prices",
            f"会员日兑换价：{zh}，向上取整；个别商品除外。",
            f"Prices on a member day: {en}, rounded up; single offers may be left out.",
        )
    begins = [str(points) for points in of.bands]
    name = rulebook.brand.points_name
    yield Item(
        "bands",
        f"兑换商品按所需{name.zh}分档，各档分别从 {'、'.join(begins)} 起。",
        f"Offers lie in bands by their price, which begin at {', '.join(begins)} {name.en}.",
    )
    yield from words_cash.cash(rulebook)


def _validity(rulebook: Rulebook) -> Iterator[Item]:
    expiry, anchor, name = rulebook.expiry, rulebook.points_per_yuan_value, rulebook.brand.points_name
    days = [str(day) for day in sorted(set(expiry.notice_days), reverse=True)]
    zh, en = points(rulebook, anchor)
    yield Item("value", f"{zh}价值 1 元。", f"{en} {'is' if anchor == 1 else 'are'} worth 1 yuan.")
    yield Item(
        "expiry",
        f"{name.zh}自获得起 {expiry.valid_months} 个月有效，于到期当月的月末失效，先到期的先使用"
        + (f"；到期前 {'、'.join(days)} 天通知，通知未按时发出的，到期日顺延。" if days else "。"),
        f"{name.en[0].upper()}{name.en[1:]} last {plural(expiry.valid_months, 'month')}, to the end of that month; "
        "the earliest expiry is spent first"
        + (
            f"; notice is given {' and '.join(days)} days before, and when one comes late the date moves."
            if days
            else "."
        ),
    )
    if rulebook.pending.mode == "days":
        wait = rulebook.pending.days
        zh = f"订单所得在付款 {wait} 天后或订单完成时入账，有效期从付款 {wait} 天后起算。"
        en = f"What an order earns counts {plural(wait, 'day')} after payment or when it is completed; "
        yield Item("pending", zh, f"{en}its validity begins {plural(wait, 'day')} after payment.")
    else:
        yield Item("pending", "订单所得在付款后立即入账。", "What an order earns counts as soon as it is paid.")


def _refunds(rulebook: Rulebook) -> Item:
    grace = rulebook.expiry.refund_grace_days
    name = rulebook.brand.points_name
    zh = f"退款按比例收回该订单所得；退还的已用{name.zh}恢复原有效期，原有效期已过的给予 {grace} 天有效期；"
    en = (
        f"A refund takes back what the order earned, in proportion; {name.en} that were spent and are returned keep "
        f"their old expiry date, or get {plural(grace, 'day')} if it has passed; "
    )
    if rulebook.refunds.policy == "debt":
        zh += "余额不足时记为欠分，由之后所得偿还。"
        en += "what was already spent is owed and repaid by later earnings."
    else:
        zh += "以当时余额为限。"
        en += "no more than the balance is taken."
    return Item("refunds", zh, en)
