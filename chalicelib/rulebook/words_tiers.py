"""Tiers, how they are kept and lost, tasks and badges, read aloud."""

from collections.abc import Iterator
from fractions import Fraction

from chalicelib.rulebook.model import Badge, Benefit, Rulebook, Task, Threshold, Tier, Words
from chalicelib.rulebook.phrases import (
    PERIODS,
    Item,
    Pair,
    condition,
    decimal,
    goal,
    money,
    plural,
    points,
    sentence,
    times,
)


def tier(rulebook: Rulebook, level: Tier) -> Item:
    """How it is reached, for how long, how kept, what it gives."""
    parts: list[Pair] = []
    months = rulebook.tiers.held_months
    percent = rulebook.tiers.retention_percent_of_promotion
    if level.promotion:
        parts.append(_any_of("升级条件", "reached by", [_together(rulebook, g) for g in level.promotion]))
        parts.append((f"有效期 {months} 个月", f"held for {plural(months, 'month')}"))
    else:
        parts.append(("注册即可获得", "everybody starts here"))
    if level.retention:
        parts.append(_any_of("保级条件", "kept by", [_together(rulebook, g) for g in level.retention]))
    elif level.promotion and percent is not None:
        parts.append(
            (
                f"保级需在有效期内达到升级条件的 {percent}%",
                f"kept by reaching {percent} % of any of them within the period",
            )
        )
    if level.benefits:
        told = [_benefit(rulebook, benefit) for benefit in level.benefits]
        parts.append((f"权益：{'、'.join(b[0] for b in told)}", f"benefits: {', '.join(b[1] for b in told)}"))
    return sentence(level.code, level.name, parts)


def _together(rulebook: Rulebook, threshold: Threshold) -> Pair:
    told = [goal(rulebook, need) for need in threshold.needs]
    return "且".join(t[0] for t in told), " and ".join(t[1] for t in told)


def _any_of(zh: str, en: str, goals: list[Pair]) -> Pair:
    one = "" if len(goals) == 1 else "（满足任一）"
    return f"{zh}{one}：{'，或'.join(g[0] for g in goals)}", f"{en} {', or '.join(g[1] for g in goals)}"


def _benefit(rulebook: Rulebook, benefit: Benefit) -> Pair:
    """The name with its values; keys this page does not know are shown as they are."""
    parts = [_benefit_value(rulebook, benefit, k, value) for k, value in benefit.value.items() if value is not False]
    zh, en = "，".join(p[0] for p in parts), ", ".join(p[1] for p in parts)
    return (
        f"{benefit.name.zh}（{zh}）" if zh else benefit.name.zh,
        f"{benefit.name.en} ({en})" if en else benefit.name.en,
    )


def _benefit_value(rulebook: Rulebook, benefit: Benefit, key: str, value: int | str | bool) -> Pair:
    if value is True:
        known = {"unlimited": ("不限次", "unlimited"), "on_birthday": ("生日当天发放", "granted on the birthday")}
        return known.get(key, (key, key))
    if isinstance(value, int):
        if key == "pay_percent":
            return f"{decimal(Fraction(value, 10))} 折", f"{100 - value} % off"
        if key.endswith("_fen"):
            return f"{money(value)} 元", f"{money(value)} yuan"
        if key == "per_month" and benefit.monthly:
            return f"每月发放 {value} 份", f"{value} granted each month"
        if key in ("per_day", "per_month"):
            zh, en = PERIODS[key.removeprefix("per_")]
            return f"{zh}最多使用 {value} 次", f"used at most {times(value)} {en}"
    return _coupon(rulebook, str(value)) if key == "coupon" else (str(value), str(value))


def _coupon(rulebook: Rulebook, code: str) -> Pair:
    """What members call a coupon."""
    definition = rulebook.coupons.definition(code)
    return (definition.name.zh, definition.name.en) if definition else (code, code)


# Keeping and losing -------------------------------------------------------------------------------------------------


def retention(rulebook: Rulebook) -> Iterator[Item]:
    """The protocol, step by step: nobody should be surprised by it."""
    policy, held = rulebook.tiers.retention, rulebook.tiers.held_months
    yield _progress(rulebook)
    if 0 < policy.early_warning_months < held:
        months = policy.early_warning_months
        yield Item(
            "retention_early_warning",
            f"提前提醒：等级有效期过 {months} 个月时，保级进度落后于时间进度的，会提前提醒。",
            f"Early warning: {plural(months, 'month')} into the period, who is behind its pace is told.",
        )
    days = policy.warning_days
    yield Item(
        "retention_warning",
        f"正式通知：到期前 {days} 天仍未达到保级条件的，发出通知并开始保级冲刺，直至到期。"
        f"通知晚于到期前 {days} 天的，到期日顺延，保证通知后有 {days} 天；没有通知，不会降级。",
        f"Warning: who is not safe {plural(days, 'day')} before the end is warned, and the sprint begins. "
        f"When the warning comes later than that, the end moves: there are always {plural(days, 'day')} after it. "
        "Nobody loses a tier without a warning.",
    )
    yield _sprint(rulebook)
    yield _grace(rulebook)
    yield Item(
        "retention_step_down",
        "降级：宽限期满仍未达到的，只降一级；此后再次升级到失去的等级及其以下等级，累计条件从降级时重新计算。",
        "Step down: after the grace the tier goes down by one step, never more; for reaching the lost tier again, or "
        "one below it, totals count from the step down.",
    )
    if policy.reinstatement_days:
        back = policy.reinstatement_days
        yield Item(
            "retention_reinstatement",
            f"恢复：降级后 {back} 天内，降级以来的进度达到原等级的保级条件，即恢复原等级。",
            f"Reinstatement: within {plural(back, 'day')} of a step down, what was done since then and would "
            "have kept the lost tier brings it back.",
        )
    yield Item(
        "tier_promotion",
        "升级：达到更高等级的条件即刻升级，可一次升多级，并结束上述任何阶段，重新计算有效期。",
        "Promotion: reaching the next tiers promotes at once, several steps if earned; it ends every stage above and "
        "begins a new period.",
    )
    yield Item(
        "tier_refund",
        "退款与升级：退款后，升级时所依据的条件没有一项仍然成立的，撤销该次升级，恢复升级前的等级和有效期。",
        "A refund after a promotion: when none of what the promotion rested on still stands, it is undone and the "
        "tier of before is back with its dates.",
    )
    yield Item(
        "tier_temporary",
        "体验等级：在所示日期前享有其权益，到期后恢复所持等级，不影响保级。",
        "A tier that is lent gives its benefits until its date; then the tier held applies again, untouched.",
    )


def _progress(rulebook: Rulebook) -> Item:
    each = rulebook.tiers.retention.task_percent
    zh = "保级进度：在等级有效期内，各项保级条件的完成比例相加，满额即保级；两项各完成一半，与一项全部完成同样有效"
    en = (
        "Keeping a tier: the parts done of its conditions add up over the period, and a whole keeps it; half of two is "
        "as good as all of one"
    )
    if each:
        zh += f"；保级条件未计任务的等级，每完成一项任务另计 {each}%"
        en += f"; where no condition counts tasks, each completed task adds {each} %"
    return Item("retention_progress", f"{zh}。", f"{en}.")


def _sprint(rulebook: Rulebook) -> Item:
    sprint = rulebook.tiers.retention.sprint
    purchase, invite = points(rulebook, sprint.purchase_points), points(rulebook, sprint.invite_points)
    more, each = sprint.purchase_percent, sprint.invite_percent
    return Item(
        "retention_sprint",
        f"保级冲刺：任务积分 {sprint.task_points_factor} 倍；每天首笔消费进度加 {more}%、得 {purchase[0]}；"
        f"每成功邀请一位好友进度加 {each}%、得 {invite[0]}。",
        f"Sprint: points of tasks ×{sprint.task_points_factor}; the first purchase of a day adds {more} % and "
        f"{purchase[1]}; each qualified invite adds {each} % and {invite[1]}.",
    )


def _grace(rulebook: Rulebook) -> Item:
    policy = rulebook.tiers.retention
    if not policy.grace_days:
        zh, en = "宽限期：到期未达到保级条件的，没有宽限期。", "Grace: none; who is not safe at the end steps down."
        return Item("retention_grace", zh, en)
    zh = f"宽限期：到期未达到保级条件的，宽限 {policy.grace_days} 天，期间达到即保级"
    en = f"Grace: who is not safe at the end has {plural(policy.grace_days, 'more day')}"
    en += "; getting there keeps the tier at once"
    if policy.grace_extensions and policy.grace_extension_days:
        zh += f"；期间每完成一项任务延长 {policy.grace_extension_days} 天，最多延长 {policy.grace_extensions} 次"
        en += f"; each task completed in it adds {plural(policy.grace_extension_days, 'day')}, at most "
        en += times(policy.grace_extensions)
    return Item("retention_grace", f"{zh}。", f"{en}.")


# Tasks and badges ---------------------------------------------------------------------------------------------------

_KINDS = {
    "newcomer": ("每人一次", "once per member"),
    "daily": ("每天一次", "once a day"),
    "weekly": ("每周一次", "once a week"),
    "exclusive": ("每个会员日一次", "once on each member day"),
    "growth": ("首次升级到从未达到过的等级时", "at a promotion to a tier never held before"),
}


def task(rulebook: Rulebook, one: Task) -> Item:
    """When, for whom, what to do, what it gives, and whether it has to be claimed."""
    told = [_when(one)]
    if not one.goals and one.kind != "growth":
        told.append(("由品牌认定", "decided by the brand"))
    if one.when:
        zh, en = condition(rulebook, one.when)
        told.append((f"条件：{zh}", f"condition: {en}"))
    window = "dates" if one.kind == "campaign" else ""
    needs = [goal(rulebook, need, window) for threshold in one.goals for need in threshold.needs]
    if needs:
        told.append(("，且".join(g[0] for g in needs), ", and ".join(g[1] for g in needs)))
    rewards = list(_rewards(rulebook, one))
    if rewards:
        zh, en = "、".join(r[0] for r in rewards), " and ".join(r[1] for r in rewards)
        space = " " if zh[0].isdigit() else ""
        told.append((f"完成得{space}{zh}" if one.goals else f"得{space}{zh}", f"{en} when done" if one.goals else en))
    if one.honorary:
        told.append(("荣誉任务，不计入完成任务数", "for honour: it is not counted as a completed task"))
    if one.claim == "tap":
        told.append(("完成后须在本期内点击领取", "to be claimed with a tap before its period ends"))
    return sentence(one.id, one.name, told)


def _when(one: Task) -> Pair:
    if one.kind == "campaign":
        return f"{one.starts_on} 至 {one.ends_on}，一次", f"once, from {one.starts_on} to {one.ends_on}"
    return _KINDS[one.kind]


def _rewards(rulebook: Rulebook, one: Task) -> Iterator[Pair]:
    if one.points:
        yield points(rulebook, one.points)
    if one.badge:
        name = next(
            (badge.name for badge in rulebook.badges if badge.id == one.badge), Words(zh=one.badge, en=one.badge)
        )
        yield f"勋章“{name.zh}”", f"the badge “{name.en}”"
    if one.make_up_cards:
        yield f"补签卡 {one.make_up_cards} 张", plural(one.make_up_cards, "make-up card")
    for lottery in rulebook.lotteries:
        if count := one.chances.get(lottery.code):
            yield f"“{lottery.name.zh}”抽奖机会 {count} 次", f"{plural(count, 'chance')} of “{lottery.name.en}”"
    if one.coupon:
        zh, en = _coupon(rulebook, one.coupon)
        yield f"优惠券“{zh}”", f"the coupon “{en}”"
    for metric, amount in one.credits.items():
        yield _credit(rulebook, metric, amount)


def _credit(rulebook: Rulebook, metric: str, amount: int) -> Pair:
    """Which way up it shortens, by how much."""
    read = [
        (level.name, need.name)
        for level in rulebook.tiers.levels for way in level.promotion for need in way.needs
        if metric in (need.metric, *need.plus)
    ]  # fmt: skip
    if not read:
        return f"额外计数 {amount}", f"{amount} counted besides"
    zh = "、".join(f"{level.zh}升级进度（{name.zh}）" for level, name in read)
    en = " and ".join(f"{name.en} on the way to {level.en}" for level, name in read)
    return f"{zh}加计 {amount}", f"{amount} more {en}"


def badge(rulebook: Rulebook, one: Badge) -> Item:
    """What it is for, and the title it carries."""
    told = [_together(rulebook, one.goal)] if one.goal else []
    tasks = [t.name for t in rulebook.tasks if t.badge == one.id]
    if tasks:
        told.append((f"完成{'、'.join(t.zh for t in tasks)}", f"by completing {' or '.join(t.en for t in tasks)}"))
    told = told or [("由品牌授予", "given by the brand")]
    if one.title:
        told.append((f"获得称号“{one.title.zh}”", f"its bearer is called “{one.title.en}”"))
    return sentence(one.id, one.name, told)
