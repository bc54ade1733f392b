"""The guard rails, as a table: what each refuses and the nearest thing it lets pass."""

from typing import Any

import pytest

from chalicelib.rulebook.guards import RISKS, phrase
from chalicelib.rulebook.linter import required_confirmations
from chalicelib.rulebook.model import load
from tests.unit.documents import Row, behaviour, changed, check, findings, goal, multiplier, rule
from tests.unit.documents import task as any_task

SHARING, SUBSCRIBING, CLICK = "POINTS_FOR_SHARING", "POINTS_FOR_SUBSCRIBING", "friend_click"
OFF: dict[str, dict[str, Any]] = {switch: {"guard_rails": {switch: False}} for switch in RISKS}
SHARES, VISITS = ({"counter": {"metric": metric, "at_least": 1}} for metric in ("shares", "visits"))
DAILY = [{"per": "day", "times": 1}]


def paid(points: int, nature: str) -> dict[str, Any]:
    """A behaviour of that nature, and a rule that pays for it."""
    act = behaviour(nature=nature, metrics=["extra_metric"])
    return {"behaviours.+": act, "earning.+": rule(trigger="extra", points={"fixed": points})}


def task(points: int, metric: str, **changes: Any) -> dict[str, Any]:
    """A task that counts this, and awards a badge besides its points."""
    usual = {"goals": [goal(metric, 1)], "points": points, "badge": "sharer"}
    return {"tasks.+": any_task("campaign", **{**usual, **changes})}


def shown(path: str, text: str) -> tuple[str, dict[str, Any]]:
    return path, {path: text}


NATURES = [
    Row(SHARING, "earning.13", paid(1, "share"), paid(0, "share")),
    Row(SHARING, "earning.13", paid(1, "share"), paid(1, "interaction")),
    Row(SHARING, "earning.13", paid(1, "share"), {**paid(1, "share"), **OFF["no_points_for_sharing"]}),
    Row(SHARING, "earning.13", paid(1, CLICK), paid(0, CLICK)),
    Row(SHARING, "earning.13", paid(1, CLICK), {**paid(1, CLICK), **OFF["no_points_for_sharing"]}),
    Row(SUBSCRIBING, "earning.13", paid(1, "subscribe"), paid(0, "subscribe")),
    Row(SUBSCRIBING, "earning.13", paid(1, "subscribe"), {**paid(1, "subscribe"), **OFF["no_points_for_subscribing"]}),
    # Roundabout: the preset's own share behaviour grows `shares`.
    Row(SHARING, "earning.11.when", {"earning.11.when": SHARES}, {"earning.11.when": VISITS}),
    Row(SHARING, "earning.11.when", {"earning.11.when": {"not": {"any": [SHARES]}}}, {"earning.11.when": VISITS}),
    Row(SHARING, "multipliers.0.when", {"multipliers.0.when": SHARES}, {"multipliers.0.when": VISITS}),
    Row(SHARING, "tasks.5.goals.0", task(1, "shares"), task(0, "shares")),
    Row(SHARING, "tasks.5.goals.0", task(1, "share"), task(1, "visits")),
    # Whatever leads further than a badge: a completed task alone would keep a tier.
    *(
        Row(SHARING, "tasks.5.goals.0", task(0, "shares", **changes), task(0, "shares"))
        for changes in ({"badge": None}, {"credits": {"newcomer_uses": 1}}, {"make_up_cards": 1})
    ),
    Row(SHARING, "tasks.5.goals.0", task(1, "shares"), {**task(1, "shares"), **OFF["no_points_for_sharing"]}),
    Row(SHARING, "tasks.5.when", task(1, "visits", when=SHARES), task(0, "visits", when=SHARES)),
    *(
        Row(SHARING, path, task(points, "visits", goals=[goal("visits", 1, **way)]), task(0, "visits", goals=[
            goal("visits", 1, **way)]))
        for points, path, way in (
            (1, "tasks.5.goals.0", {"plus": ["shares"]}),
            (1, "tasks.5.goals.0.also.0", {"also": [goal("shares", 1)]}),
            (1, "tasks.5.goals.0.also.0", {"also": [goal("uses", 1, plus=["share"])]}),
        )
    ),
    Row(SHARING, "tiers.levels.1.promotion.1", {"tiers.levels.1.promotion.1.plus": ["shares"]},
        {"tiers.levels.1.promotion.1.plus": ["visits"]}),
    Row(SHARING, "tiers.levels.1.promotion.1.also.0", {"tiers.levels.1.promotion.1.also": [goal("shares", 9)]},
        {"tiers.levels.1.promotion.1.also": [goal("visits", 9)]}),
    Row(SHARING, "tiers.levels.2.retention.0", {"tiers.levels.2.retention.0.plus": ["shares"]}, {}),
    Row(SHARING, "tiers.levels.1.promotion.2", {"tiers.levels.1.promotion.+": goal("shares", 9)},
        {"badges.1.goal": goal("shares", 9)}),
    Row(SHARING, "tiers.levels.2.retention.3", {"tiers.levels.2.retention.+": goal("shares", 9)},
        {"tiers.levels.2.retention.+": goal("interactions", 9)}),
    # A counter of several behaviours counts a share all the same.
    Row(SHARING, "tasks.1.goals.0", {"behaviours.9.metrics": ["visits"], "badges": []},
        {"behaviours.9.metrics": [], "badges": []}),
    Row(SUBSCRIBING, "tasks.5.goals.0", {**paid(0, "subscribe"), **task(1, "extra_metric")},
        {**paid(0, "subscribe"), **task(0, "extra_metric")}),
    Row(SUBSCRIBING, "tiers.levels.1.promotion.2",
        {**paid(0, "subscribe"), "tiers.levels.1.promotion.+": goal("extra", 9)}, paid(0, "subscribe")),
]  # fmt: skip

INVITES = "capabilities.invites"
REFERRAL = [
    Row("MULTI_LEVEL", f"{INVITES}.levels", {f"{INVITES}.levels": 2}, {f"{INVITES}.levels": 1}),
    Row("MULTI_LEVEL", f"{INVITES}.levels", {f"{INVITES}.levels": 0}, {INVITES: {}}),
    Row("MULTI_LEVEL", f"{INVITES}.levels", {f"{INVITES}.levels": "many"}, {f"{INVITES}.levels": "1"}),
    Row("MULTI_LEVEL", f"{INVITES}.levels", {f"{INVITES}.levels": 2},
        {f"{INVITES}.levels": 2, **OFF["one_referral_level"]}),
    *(
        Row("MULTI_LEVEL", f"{INVITES}.{key}", {f"{INVITES}.{key}": {"points": 50}}, {f"{INVITES}.{key}": {}})
        for key in ("second_level", "indirect_points", "upline", "Downline_Share", "grandparent")
    ),
    Row("MULTI_LEVEL", f"{INVITES}.milestones.0.second_level_points",
        {f"{INVITES}.milestones.0.second_level_points": 5}, {f"{INVITES}.milestones.0.second_level_points": 0}),
]  # fmt: skip

LOTTERY, PRIZE = "capabilities.lottery", "capabilities.lottery.max_prize_fen"
LOTTERIES = [
    *(
        Row("LOTTERY_FOR_INVITES", f"{INVITES}.milestones.0.reward", {f"{INVITES}.milestones.0.reward": reward},
            {f"{INVITES}.milestones.0.reward": innocent})
        for reward, innocent in (("lottery", "discount"), ("three draws", "withdrawn coupon"), ("抽奖一次", "抽象画"))
    ),
    Row("LOTTERY_FOR_INVITES", f"{INVITES}.lottery_tickets", {f"{INVITES}.lottery_tickets": 1},
        {f"{INVITES}.lottery_tickets": 0}),
    Row("LOTTERY_FOR_INVITES", f"{INVITES}.draws", {f"{INVITES}.draws": 1},
        {f"{INVITES}.draws": 1, **OFF["no_lottery_for_invites"]}),
    Row("LOTTERY_FOR_INVITES", f"{LOTTERY}.chances.qualified_invite", {f"{LOTTERY}.chances": {"qualified_invite": 1}},
        {f"{LOTTERY}.chances": {"qualified_invite": 0, "order": 1}}),
    Row("LOTTERY_FOR_INVITES", f"{LOTTERY}.rule", {f"{LOTTERY}.rule": "邀请一人抽一次"},
        {f"{LOTTERY}.rule": "下单一次抽一次"}),
    Row("LOTTERY_ON", f"{LOTTERY}.on", {f"{LOTTERY}.on": True}, {f"{LOTTERY}.on": False}),
    Row("LOTTERY_ON", f"{LOTTERY}.on", {f"{LOTTERY}.on": True}, {f"{LOTTERY}.on": True, **OFF["lottery_off"]}),
    Row("LOTTERY_PRIZE_TOO_HIGH", PRIZE, {PRIZE: 5_000_001}, {PRIZE: 5_000_000}),
    Row("LOTTERY_PRIZE_TOO_HIGH", PRIZE, {PRIZE: "50000"}, {LOTTERY: {}}),
    # The law's own bound: no switch lifts it.
    Row("LOTTERY_PRIZE_TOO_HIGH", PRIZE, {PRIZE: 5_000_001, **OFF["lottery_off"]},
        {PRIZE: 5_000_000, **OFF["lottery_off"]}),
]  # fmt: skip

GIFTS = "capabilities.gifts"
GIVING = {**OFF["no_gifts"], GIFTS: {"on": True, "max_points_per_month": 1}}
PACKAGES = {"capabilities.shop": {"points_packages": [100]}}
MONEY = [
    Row("GIFTS_ON", f"{GIFTS}.on", {f"{GIFTS}.on": True}, {f"{GIFTS}.on": False}),
    Row("GIFTS_ON", f"{GIFTS}.on", {GIFTS: {"on": True, "max_points_per_month": 1}}, GIVING),
    *(
        Row("GIFTS_UNBOUNDED", GIFTS, {**GIVING, f"{GIFTS}.max_points_per_month": most}, GIVING)
        for most in (0, -5, None, "many")
    ),
    Row("GIFTS_UNBOUNDED", GIFTS, {**GIVING, f"{GIFTS}.price_fen": 1}, {**GIVING, f"{GIFTS}.price_fen": 0}),
    Row("PAID_POINTS", "capabilities.shop.points_packages", PACKAGES, {"capabilities.shop": {"points_packages": []}}),
    Row("PAID_POINTS", "capabilities.shop.points_packages", PACKAGES, {**PACKAGES, **OFF["no_paid_points"]}),
    Row("PAID_POINTS", "capabilities.redemption.Cash_Out", {"capabilities.redemption.Cash_Out": True},
        {"capabilities.redemption.cash_offset": True}),
    Row("PAID_POINTS", "earning.11.name", {"earning.11.name.zh": "购买积分"}, {"earning.11.name.zh": "购买商品得积分"}),
    Row("PAID_POINTS", "earning.11.name", {"earning.11.name.en": "ＴＯＰ ＵＰ"}, {"earning.11.name.en": "Top quality"}),
    Row("PAID_POINTS", "behaviours.0.name", {"behaviours.0.name.en": "Recharge"}, {"behaviours.0.name.en": "Charge"}),
    Row("PAID_POINTS", "tasks.0.name", {"tasks.0.name.zh": "积分提现"}, {"tasks.0.name.zh": "提前现身"}),
]  # fmt: skip

BENEFIT = "tiers.levels.1.benefits.0.value"
NAMES = [
    *(
        Row("CURRENCY_WORD", path, {path: bad}, {path: good})
        for path, bad, good in (
            ("brand.points_name.zh", "金币", "金豆"),
            ("brand.points_name.zh", "金幣", "金豆"),
            ("brand.points_name.zh", "店铺通证", "店铺通讯证"),
            ("brand.points_name.en", "tokens", "takings"),
            ("brand.points_name.en", "ＴｏＫｅＮ", "Ｔａｋｅｎ"),
            ("brand.points_name.en", "to\u200bken", "to\u200bkeen"),
            # Points are not called money either, though a sentence may speak of it.
            ("brand.points_name.zh", "会员货币", "会员货品"),
            ("tiers.levels.1.name.zh", "银币卡", "银卡"),
            ("brand.name.zh", "硬币商店", "人民币商店"),
            ("earning.11.name.zh", "人民币换金币", "每消费人民币一元"),
            ("earning.11.name.zh", "通证", "通人民币证"),
            ("tasks.0.name.en", "A TOKEN of thanks", "A sign of thanks"),
            ("badges.0.name.zh", "比特币", "比特"),
            ("multipliers.0.name.zh", "币倍率", "货币倍率"),
            ("behaviours.0.name.en", "token", "taken"),
            ("capabilities.redemption.unit", "星币", "星"),
            (f"{BENEFIT}.gift", "每月 10 金币", "每月 10 元人民币"),
        )
    ),
    Row("CURRENCY_WORD", f"{BENEFIT}.token_holder", {f"{BENEFIT}.token_holder": True},
        {f"{BENEFIT}.token_holder": False}),
]  # fmt: skip

SWITCHES = [
    Row("GUARD_RAIL_OFF", f"guard_rails.{switch}", OFF[switch], {"guard_rails": {switch: True}}, "confirm")
    for switch in RISKS
]
ROWS = [*NATURES, *REFERRAL, *LOTTERIES, *MONEY, *NAMES, *SWITCHES]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_guard_rail_refuses_this_and_lets_its_neighbour_pass(row: Row) -> None:
    check(row)


def test_every_guard_rail_of_the_document_is_one_the_linter_explains() -> None:
    assert set(RISKS) == set(load(changed({})).guard_rails.model_dump())


@pytest.mark.parametrize("switch", RISKS)
def test_a_switch_alone_asks_for_its_own_phrase_and_nothing_else(switch: str) -> None:
    (finding,) = findings(OFF[switch])
    assert (finding.severity, finding.confirm) == ("confirm", phrase(switch))
    assert required_confirmations(load(changed(OFF[switch]))) == {switch: phrase(switch)}
    assert switch in finding.confirm


def test_phrases_differ_so_that_none_confirms_two_switches() -> None:
    assert len({phrase(switch) for switch in RISKS}) == len(RISKS)


def test_a_badge_for_sharing_and_a_merchants_own_count_are_free() -> None:
    assert findings({"badges.1.goal": goal("shares", 1)}) == []
    multiplied = multiplier(triggers=["order_paid"], when={"counter": {"metric": "uses", "at_least": 3}})
    assert findings({"multipliers.+": multiplied}) == []
