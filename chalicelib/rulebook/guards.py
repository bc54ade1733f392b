"""The guard rails: what the platform's rules and the product's promises refuse. Each can be switched off only by typing
a phrase, except those a document cannot ask for at all."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from chalicelib.rulebook.conditions import metrics_in
from chalicelib.rulebook.findings import Finding, refuse
from chalicelib.rulebook.lint_goals import counted, placed
from chalicelib.rulebook.lint_lotteries import MAX_PRIZE_FEN
from chalicelib.rulebook.metrics import sources
from chalicelib.rulebook.model import Behaviour, Rulebook, Threshold

# guard rail → (what switching it off allows, in Chinese and English)
RISKS = {
    "no_points_for_sharing": (
        "分享或好友点击可得积分，可能被平台判定为诱导分享",
        "points for sharing or a friend's click",
    ),
    "no_points_for_subscribing": ("订阅消息可得积分，可能被平台判定为诱导订阅", "points for subscribing to messages"),
    "one_referral_level": ("多级邀请奖励，可能被认定为传销", "more than one level of referral rewards"),
    "no_lottery_for_invites": ("以抽奖机会奖励邀请", "lottery chances as a reward for invites"),
    "no_paid_points": ("积分可以购买或兑现", "points that can be bought or turned into cash"),
    "no_gifts": ("会员之间赠送积分", "gifts of points between members"),
    "lottery_off": ("开启抽奖", "the lottery"),
}
# What law or promise forbids with a switch off too.
FORBIDDEN_WORDS = ("币", "幣", "通证", "通證", "token")
# Ordinary words for money that happen to contain a forbidden one. Points themselves may not be called even these.
INNOCENT_WORDS = ("人民币", "人民幣", "货币", "貨幣")
# Words that tell a sale of points, in names and in keys of the capabilities' sections.
SOLD_WORDS = (
    "购买积分",
    "积分充值",
    "充值",
    "积分提现",
    "提现",
    "buy points",
    "top up",
    "top-up",
    "recharge",
    "cash out",
)
SOLD_KEYS = ("points_packages", "points_price", "buy_points", "cash_out", "withdraw", "top_up", "recharge")
SECOND_LEVEL_KEYS = ("second_level", "indirect", "upline", "downline", "grandparent")
INVITE_WORDS = ("invite", "邀请")


def phrase(switch: str) -> str:
    """What must be typed, exactly, to switch a guard rail off."""
    return f"我确认关闭 {switch}"


def required_confirmations(rulebook: Rulebook) -> dict[str, str]:
    """guard rail switched off → the phrase to type."""
    return {switch: phrase(switch) for switch in RISKS if not getattr(rulebook.guard_rails, switch)}


def switched_off(rulebook: Rulebook) -> Iterator[Finding]:
    """One finding for each guard rail that is off."""
    for switch, typed in required_confirmations(rulebook).items():
        zh, en = RISKS[switch]
        yield Finding(
            "GUARD_RAIL_OFF",
            "confirm",
            f"guard_rails.{switch}",
            f"Switching this off allows {en}; type the phrase to confirm.",
            f"关闭此项将允许：{zh}。请输入确认语。",
            typed,
        )


def _guarded(rulebook: Rulebook, behaviour: Behaviour | None) -> tuple[str, str, str] | None:
    """(code, Chinese, English) when a guard rail that is on forbids paying for this behaviour."""
    rails = rulebook.guard_rails
    nature = behaviour.nature if behaviour else ""
    if nature in ("share", "friend_click") and rails.no_points_for_sharing:
        zh, en = ("分享", "sharing") if nature == "share" else ("好友点击", "a friend's click")
        return "POINTS_FOR_SHARING", zh, en
    if nature == "subscribe" and rails.no_points_for_subscribing:
        return "POINTS_FOR_SUBSCRIBING", "订阅消息", "subscribing"
    return None


def paid_natures(rulebook: Rulebook) -> Iterator[Finding]:
    """Points for what must not be paid: directly, or by a condition, a task or a tier that counts it."""
    for number, rule in enumerate(rulebook.earning):
        found = _guarded(rulebook, rulebook.behaviour(rule.trigger))
        if found and rule.points.most() != 0:
            code, zh, en = found
            yield refuse(code, f"earning.{number}", f"No points for {en}.", f"不得因{zh}发放积分。")
    growers = sources(rulebook)
    for path, metric in _metrics_that_pay(rulebook):
        for behaviour in growers.get(metric, ()):
            found = _guarded(rulebook, behaviour)
            if found:
                code, zh, en = found
                message = f"{metric} counts {en}, which nothing may reward except a badge."
                yield refuse(code, path, message, f"{metric} 统计{zh}，除勋章外不得作为奖励条件。")
                break


def _metrics_that_pay(rulebook: Rulebook) -> Iterator[tuple[str, str]]:
    """(path, metric) of every counter that leads to points or a tier. Badges are free to count anything, and so are
    tasks that lead to a badge and nothing else: they count as no completed task."""
    for number, rule in enumerate(rulebook.earning):
        yield from ((f"earning.{number}.when", metric) for metric, _ in sorted(metrics_in(rule.when)))
    for number, multiplier in enumerate(rulebook.multipliers):
        yield from ((f"multipliers.{number}.when", metric) for metric, _ in sorted(metrics_in(multiplier.when)))
    for number, task in enumerate(rulebook.tasks):
        if not task.honorary:
            yield from ((f"tasks.{number}.when", metric) for metric, _ in sorted(metrics_in(task.when)))
            yield from _counted(task.goals, f"tasks.{number}.goals")
    for number, tier in enumerate(rulebook.tiers.levels):
        for kind, goals in (("promotion", tier.promotion), ("retention", tier.retention)):
            yield from _counted(goals, f"tiers.levels.{number}.{kind}")


def _counted(goals: tuple[Threshold, ...], path: str) -> Iterator[tuple[str, str]]:
    for index, goal in enumerate(goals):
        for place, need in placed(goal, f"{path}.{index}"):
            yield from ((place, metric) for _, metric in counted(need, place))


def capabilities(rulebook: Rulebook) -> Iterator[Finding]:
    """What the sections of later capabilities may not ask for while the guard rails are on."""
    sections = rulebook.capabilities
    yield from _invites(rulebook, sections.get("invites", {}))
    yield from _lottery(rulebook, sections.get("lottery", {}))
    yield from _gifts(rulebook, sections.get("gifts", {}))
    yield from _sold(rulebook)


def _invites(rulebook: Rulebook, invites: dict[str, Any]) -> Iterator[Finding]:
    rails = rulebook.guard_rails
    if rails.one_referral_level:
        if invites.get("levels", 1) not in (1, "1", [1]):
            path = "capabilities.invites.levels"
            yield refuse("MULTI_LEVEL", path, "One level of referral only.", "邀请奖励只能有一级。")
        for path, key, value in _walk(invites, "capabilities.invites"):
            if any(word in key.lower() for word in SECOND_LEVEL_KEYS) and value:
                yield refuse("MULTI_LEVEL", path, "One level of referral only.", "邀请奖励只能有一级。")
    if rails.no_lottery_for_invites:
        for path, told in _told(invites, "capabilities.invites"):
            # Whole words: "withdrawn" draws nothing.
            if "抽奖" in told or {"lottery", "draw", "draws"} & set(re.split(r"[^a-z]+", told)):
                yield _lottery_for_invites(path)


def _lottery_for_invites(path: str) -> Finding:
    return refuse("LOTTERY_FOR_INVITES", path, "No lottery chance for an invite.", "不得以抽奖机会奖励邀请。")


def _told(section: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """(path, key and text) of everything in a section that is not switched off."""
    for place, key, value in _walk(section, path):
        if value:
            yield place, _folded(f"{key} {value}" if isinstance(value, str) else key)


def _lottery(rulebook: Rulebook, lottery: dict[str, Any]) -> Iterator[Finding]:
    if rulebook.guard_rails.no_lottery_for_invites:
        for path, told in _told(lottery, "capabilities.lottery"):
            if any(word in told for word in INVITE_WORDS):
                yield _lottery_for_invites(path)
    if rulebook.guard_rails.lottery_off and lottery.get("on"):
        yield refuse("LOTTERY_ON", "capabilities.lottery.on", "The lottery is off by default.", "抽奖默认关闭。")
    prize = lottery.get("max_prize_fen", 0)
    if not isinstance(prize, int) or prize > MAX_PRIZE_FEN:
        yuan = MAX_PRIZE_FEN // 100
        message, message_zh = f"A prize is worth at most {yuan} yuan.", f"单个奖品价值不得超过 {yuan} 元。"
        yield refuse("LOTTERY_PRIZE_TOO_HIGH", "capabilities.lottery.max_prize_fen", message, message_zh)


def _gifts(rulebook: Rulebook, gifts: dict[str, Any]) -> Iterator[Finding]:
    if not gifts.get("on"):
        return
    if rulebook.guard_rails.no_gifts:
        yield refuse("GIFTS_ON", "capabilities.gifts.on", "Gifts between members are off.", "会员之间不可赠送积分。")
        return
    most = gifts.get("max_points_per_month")
    if not isinstance(most, int) or most < 1 or gifts.get("price_fen"):
        message = "Gifts need max_points_per_month and have no price."
        yield refuse("GIFTS_UNBOUNDED", "capabilities.gifts", message, "赠送积分须设每月上限，且不得收费。")


def _sold(rulebook: Rulebook) -> Iterator[Finding]:
    """Points for money, or money for points: by the capabilities' keys and by what rules and behaviours are called."""
    if not rulebook.guard_rails.no_paid_points:
        return
    sections = _walk(rulebook.capabilities, "capabilities")
    found = [path for path, key, value in sections if key.lower() in SOLD_KEYS and value]
    for name in ("earning", "behaviours", "tasks"):
        for number, part in enumerate(getattr(rulebook, name)):
            called = _folded(f"{part.name.zh} {part.name.en}")
            if any(word in called for word in SOLD_WORDS):
                found.append(f"{name}.{number}.name")
    for path in found:
        yield refuse("PAID_POINTS", path, "Points are neither bought nor cashed.", "积分不可购买，也不可兑现。")


def _walk(value: Any, path: str) -> Iterator[tuple[str, str, Any]]:
    """(path, key, value) of everything below; an element of a list has its list's key."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield f"{path}.{key}", str(key), child
            yield from _walk(child, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for number, child in enumerate(value):
            yield f"{path}.{number}", path.rsplit(".", 1)[-1], child
            yield from _walk(child, f"{path}.{number}")


def _folded(text: str) -> str:
    """As a reader sees it: one width, one case, nothing invisible."""
    plain = unicodedata.normalize("NFKC", text).lower()
    return "".join(character for character in plain if unicodedata.category(character) != "Cf")


def names(document: dict[str, Any]) -> Iterator[Finding]:
    """Points must not be called a currency: every member-facing text is read, and every text of the capabilities."""
    for path, key, value in _walk(document, ""):
        path = path.removeprefix(".")
        shown = key in ("zh", "en") or path.startswith("capabilities.") or ".benefits." in path
        # Of a benefit that is simply there, members see the key.
        text = key if value is True else value
        if shown and isinstance(text, str):
            text = _folded(text)
            for innocent in () if path.startswith("brand.points_name.") else INNOCENT_WORDS:
                text = text.replace(innocent, " ")
            found = [word for word in FORBIDDEN_WORDS if word in text]
            if found:
                message = f"Points are not called {found[0]}."
                yield refuse("CURRENCY_WORD", path, message, f"积分不得使用“{found[0]}”等货币化名称。")
