"""The rules read aloud: every number comes from the document, in both languages, and the sentences are right."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.earning.rules import examples
from chalicelib.engine.account import Account
from chalicelib.engine.events import Cause, CheckedIn, Joined, OrderPaid, OrderRefunded, Refund
from chalicelib.engine.orders import record_of
from chalicelib.engine.process import process
from chalicelib.rulebook import words
from chalicelib.rulebook.conditions import Condition
from chalicelib.rulebook.model import Published, load
from chalicelib.rulebook.phrases import condition
from chalicelib.rulebook.presets import NAMES
from chalicelib.shared.clock import business_date
from tests.unit.documents import changed, goal, multiplier, place, rule, task, told

Changes = dict[str, Any]
NAMED = {"zh": "名", "en": "name"}
# What members need not know, or what this version does not play yet.
# Of the surprise only what may be drawn is told, not what its definition says or how much there is of it.
UNTOLD = (
    "schema_version", "capabilities", "limits", "coupons.surprise.budget_fen", "coupons.definitions.4.amount_off_fen",
)  # fmt: skip
# Retail leaves these to their defaults.
DEFAULTS: Changes = {"behaviours.1.max_seconds": 14_400, "streak.make_up_cost_points": 20}


def whole(document: dict[str, Any]) -> tuple[str, str]:
    """Everything, Chinese and English."""
    items = [item for section in words.sections(load(document)) for item in section.items]
    return "\n".join(item.zh for item in items), "\n".join(item.en for item in items)


def numbers(value: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(path, number, a neighbouring one) of every number of a document: integers, rates, months of windows, hours."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from numbers(child, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from numbers(child, f"{path}.{index}")
    elif isinstance(value, int) and not isinstance(value, bool):
        yield path, value, value + 1
    elif isinstance(value, str) and path.startswith("redemption.member_day_factors"):
        # Never above 1.
        yield path, value, str(Decimal(value) - Decimal("0.25"))
    elif isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value):
        yield path, value, str(Decimal(value) + Decimal("0.25"))
    elif isinstance(value, str) and value.startswith("months:"):
        yield path, value, f"months:{int(value[7:]) - 1}"
    elif isinstance(value, str) and path.endswith(".hours"):
        yield path, value, "08:30–22:15"


def of_members(name: str) -> tuple[dict[str, Any], list[tuple[str, Any, Any]]]:
    """A preset with its numbers written out, and those a member should know."""
    document = changed({**DEFAULTS, "tiers.retention_percent_of_promotion": 80}, name)
    return document, [found for found in numbers(document) if not found[0].startswith(UNTOLD)]


# Numbers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_each_number_changed_alone_changes_the_words_in_both_languages(name: str) -> None:
    document, found = of_members(name)
    # Where every tier says how it is kept, the common share says nothing.
    silent = set() if name == "retail" else {"tiers.retention_percent_of_promotion"}
    zh, en = whole(document)
    deaf = set()
    for path, number, other in found:
        container, key = place(document, path)
        container[key] = other
        changed_zh, changed_en = whole(document)
        container[key] = number
        if changed_zh == zh or changed_en == en:
            deaf.add(path)
    assert len(found) > 75
    assert deaf == silent


def sayable(document: dict[str, Any]) -> set[str]:
    """Every number the document's words may use: its own, in yuan, hours, minutes, tenths or per cent off."""
    found = {"1"}  # 1 yuan, day 1
    for path, number, _ in numbers(load(document).model_dump(mode="json", by_alias=True)):
        if path.startswith(UNTOLD):
            continue
        text = str(number).removeprefix("months:")
        found.update(re.findall(r"\d+(?:\.\d+)?", text))
        if isinstance(number, int):
            found.update(f"{number / size:f}".rstrip("0").rstrip(".") for size in (100, 60, 3600, 10))
            found.add(str(100 - number))
        if path.endswith("by_streak_day.0"):
            found.add(str(len(load(document).earning[int(path.split(".")[1])].points.by_streak_day or ())))
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("moved", [False, True], ids=["as it is", "every number moved"])
def test_no_number_is_said_that_is_not_in_the_document(name: str, moved: bool) -> None:
    document, found = of_members(name)
    for path, _, other in found if moved else ():
        container, key = place(document, path)
        container[key] = other
    allowed = sayable(document)
    for text in whole(document):
        assert set(re.findall(r"\d+(?:\.\d+)?", text)) <= allowed


# Sentences ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_part_has_a_sentence_and_every_sentence_is_whole(name: str) -> None:
    rulebook = load(changed({}, name))
    said = told(changed({}, name))
    parts = {*(r.id for r in rulebook.earning), *(m.id for m in rulebook.multipliers), *(t.id for t in rulebook.tasks)}
    parts |= {*(t.code for t in rulebook.tiers.levels), *(b.id for b in rulebook.badges)}
    stages = ("progress", "early_warning", "warning", "sprint", "grace", "step_down", "reinstatement")
    parts |= {f"retention_{stage}" for stage in stages}
    assert parts <= set(said)
    for zh, en in said.values():
        assert re.search(r"[\u4e00-\u9fff].*。$", zh)
        assert en[0].isupper() or en[0].isdigit()
        assert en.endswith(".")
        assert not re.search(r"[\u4e00-\u9fff]", en)
        assert not re.search(
            r"None|\{|\}|  |：。|；。|；；|: \.|; \.|\b1 (points|months|days|hours|minutes)\b", zh + en
        )
        assert zh.count("（") == zh.count("）")
        assert en.count("(") == en.count(")")


# changes → (item, Chinese, English)
VARIANTS: list[tuple[Changes, str, str, str]] = [
    ({"expiry.valid_months": 1}, "expiry", "1 个月有效", "Points last 1 month, to"),
    ({"earning.0.valid_months": 1}, "join", "有效期 1 个月", "valid for 1 month."),
    ({"earning.0.points.fixed": 1}, "join", "得 1 积分", "Joining: 1 point."),
    ({"tiers.held_months": 1}, "gold", "有效期 1 个月", "held for 1 month;"),
    ({"points_per_yuan_value": 1}, "value", "1 积分价值 1 元", "1 point is worth 1 yuan."),
    ({"brand.points_name": {"zh": "星星", "en": "stars"}}, "expiry", "星星自获得起", "Stars last"),
    ({"brand.points_name": {"zh": "星星", "en": "stars"}}, "refunds", "已用星星", "stars that were spent"),
    ({"pending": {"mode": "days", "days": 1}}, "pending", "付款 1 天后或订单完成时入账，有效期从付款 1 天后起算",
     "counts 1 day after payment or when it is completed; its validity begins 1 day after payment"),
    ({}, "member_day_prices", "会员日兑换价：普通会员 0.8 倍、银卡 0.8 倍、金卡 0.7 倍、钻石 0.5 倍，向上取整；",
     "Prices on a member day: Member ×0.8, Silver ×0.8, Gold ×0.7, Diamond ×0.5, rounded up; single offers may be"),
    ({}, "bands", "所需积分分档，各档分别从 100、1000、10000 起。", "which begin at 100, 1000, 10000 points."),
    ({}, "pending", "付款后立即入账", "as soon as it is paid"),
    ({}, "refunds", "记为欠分", "is owed"),
    ({"refunds.policy": "within_balance"}, "refunds", "以当时余额为限", "no more than the balance is taken"),
    ({}, "streak", "每月最多 3 次，不消耗积分", "at most 3 times a month, free of charge"),
    ({"streak.make_up_cost_points": 20}, "streak", "每次消耗 20 积分", "for 20 points each"),
    ({"streak.make_ups_per_month": 1, "streak.make_up_within_days": 1}, "streak", "可补签最近 1 天，每月最多 1 次",
     "The last 1 day can be made up, at most once a month"),
    ({"streak.make_ups_per_month": 0}, "streak", "不可补签", "Missed days cannot be made up."),
    ({"streak.make_up_within_days": 0}, "streak", "不可补签", "Missed days cannot be made up."),
    ({"streak.cycle_days": 9}, "check_in", "，之后每天 20", ", later days 20"),
    ({"earning.3.points.by_streak_day": [5]}, "check_in", "每天得 5 积分", "5 points each day"),
    ({"member_day.days_of_month": [28, 8, 8]}, "member_days", "每月 8、28 日", "Member days are days 8 and 28 of"),
    ({"multipliers": [multiplier()]}, "stacking", "直接相乘于积分", "The points are multiplied by it."),
    ({"multipliers": [multiplier(), multiplier(id="b", group="b")]}, "stacking", "各项倍率相乘", "Multipliers "),
    ({"earning.2.caps.0": {"per": "week", "points": 99}}, "login", "每周最多 99 积分", "at most 99 points a week"),
    ({"behaviours.1.max_seconds": 3600}, "browse_timing", "1 小时", "at most 1 hour count"),
    ({"behaviours.1.seconds_per_day": 7200}, "browse_timing", "；每天最多计时 2 小时。", "; at most 2 hours a day."),
    ({"behaviours.5.counted_per_day": 5}, "like_counting", "点赞：等级与任务每天最多计 5 次。",
     "Likes: tiers and tasks count it at most 5 times a day."),
    ({"behaviours.5.counted_per_day": 1}, "like_counting", "每天最多计 1 次", "at most once a day"),
    ({"earning.4.when.seconds_at_least": 60}, "browse", "满 1 分钟", "at least 1 minute at a time"),
    ({"earning.4.when.seconds_at_least": 61}, "browse", "满 61 秒", "at least 61 seconds at a time"),
    ({"tiers.levels.1.promotion.1.window": "months:1"}, "silver", "本月订单满 3 笔", "3 or more orders in a month"),
    ({"badges.0.goal.name.zh": "累计签到"}, "regular", "：累计签到满 30 次", "30 or more check-ins in total"),
    ({"badges.0": {"id": "b", "name": NAMED}}, "b", "由品牌授予", "given by the brand"),
    ({"badges.0.goal": {**goal("paid_purchase", 9), "name": {"zh": "消费所得", "en": "earnings"}}}, "regular",
     "累计消费所得满 9 积分", "earnings of at least 9 points in total"),
    ({"tasks.0": {"id": "t", "name": NAMED, "kind": "weekly"}}, "t", "每周一次；由品牌认定",
     "once a week; decided by the brand"),
    ({"tasks.0": task("campaign", goals=[goal("spend_fen", 200_00, also=[goal("visits", 3)])])}, "extra",
     "2026-11-01 至 2026-11-30，一次；活动期间目标满 200 元，且活动期间目标满 3 次；完成得 10 积分",
     "once, from 2026-11-01 to 2026-11-30; goal of at least 200 yuan during the campaign, and 3 or more goal during "
     "the campaign; 10 points when done"),
    ({"tasks.0": task("campaign", starts_on="2026-11-02")}, "extra", "2026-11-02 至", "from 2026-11-02 to"),
    ({"tasks.0": task("campaign", ends_on="2026-11-29")}, "extra", "至 2026-11-29", "to 2026-11-29"),
    ({"tasks.0": task(when={"tier": ["gold"]})}, "extra", "条件：等级为金卡", "condition: for tier Gold"),
    ({"tasks.0": task(claim="tap")}, "extra", "完成后须在本期内点击领取", "claimed with a tap before its period ends"),
    ({"tasks.0": task(goals=[goal("visits", 1)], points=0, badge="sharer")}, "extra",
     "完成得勋章“热心分享”；荣誉任务，不计入完成任务数",
     "the badge “Sharer” when done; for honour: it is not counted as a completed task"),
    ({"tasks.0": task(goals=[goal("visits", 1)], badge="sharer", make_up_cards=1)}, "extra",
     "完成得 10 积分、勋章“热心分享”、补签卡 1 张", "10 points and the badge “Sharer” and 1 make-up card when done"),
    ({"tasks.0": task(badge="sharer")}, "sharer", "累计分享满 10 次；完成任务",
     "10 or more shares in total; by completing task"),
    ({"tasks.0": task(goals=[goal("visits", 1)], credits={"steps": 7})}, "extra", "额外计数 7", "7 counted besides"),
    ({"tasks.0": task(make_up_cards=2)}, "streak", "每月最多 3 次，不消耗积分，用完后每次使用补签卡；",
     "at most 3 times a month, free of charge, then with a make-up card;"),
    ({"tasks.0": task(make_up_cards=2), "streak.make_ups_per_month": 0}, "streak", "7 天，每次使用补签卡；",
     "The last 7 days can be made up, with a make-up card;"),
    ({"badges.0.title": {"zh": "常客", "en": "regular guest"}}, "regular", "满 30 次；获得称号“常客”",
     "in total; its bearer is called “regular guest”"),
    ({"tiers.levels.1.promotion.0.also": [goal("visits", 9)]}, "silver", "累计消费满 500 元且累计目标满 9 次，或",
     "spend of at least 500 yuan in total and 9 or more goal in total, or"),
    ({"tiers.levels.1.promotion.0.plus": ["visits", "paid_login"]}, "silver", "满 500 元（含每日登录、每日登录）",
     "in total (daily login and Daily login included)"),
    ({"tiers.retention.grace_days": 0}, "retention_grace", "没有宽限期", "Grace: none;"),
    ({"tiers.retention.grace_extensions": 0}, "retention_grace", "期间达到即保级。", "keeps the tier at once."),
    ({f"tiers.retention.{name}": 1 for name in ("grace_days", "grace_extension_days", "grace_extensions")},
     "retention_grace", "宽限 1 天", "has 1 more day; getting there keeps the tier at once; each task completed in it "
     "adds 1 day, at most once"),
    ({"tiers.retention.task_percent": 0}, "retention_progress", "同样有效。", "as good as all of one."),
    ({"tiers.levels.0.benefits.0": {"code": "x", "kind": "service", "name": NAMED, "value": {"per_month": 2}}},
     "normal", "名（每月最多使用 2 次）", "name (used at most twice a month)"),
    ({"expiry.notice_days": []}, "expiry", "先到期的先使用。", "the earliest expiry is spent first."),
    ({"category_names": {}}, "purchase", "，featured每元得 2 积分", "2 points for featured"),
    ({}, "periods", "月按自然月计，包括当月；周从周一开始", "Months are calendar months, the current one included"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "item", "zh", "en"), VARIANTS, ids=[str(row[0])[:60] for row in VARIANTS])
def test_a_setting_is_said_as_it_is(changes: Changes, item: str, zh: str, en: str) -> None:
    said = told(changed(changes))[item]
    assert zh in said[0]
    assert en in said[1]


def test_a_brand_without_multipliers_months_or_weeks_says_nothing_about_them() -> None:
    bare = changed({"multipliers": [], "tasks": [], "badges": [], "earning": [rule()], "coupons": {}})
    for tier in bare["tiers"]["levels"][1:]:
        tier["promotion"], tier["retention"] = [goal("orders", 3 + len(tier["benefits"]))], []
        tier["benefits"] = []
    assert {"stacking", "periods"} & set(told(bare)) == set()
    assert "member_days" in told(bare)
    bare["redemption"] = {"member_day_factors": {}}
    assert "member_day_prices" not in told(bare)
    assert {section.code for section in words.sections(load(bare))} == {
        "earning", "multipliers", "tiers", "retention", "check_ins", "redemption", "validity", "refunds",
    }  # fmt: skip


@pytest.mark.parametrize(("changes", "silent"), [
    ({"tiers.retention.early_warning_months": 0}, "retention_early_warning"),
    ({"tiers.held_months": 6}, "retention_early_warning"),
    ({"tiers.retention.reinstatement_days": 0}, "retention_reinstatement"),
])  # fmt: skip
def test_a_stage_that_is_switched_off_is_not_promised(changes: Changes, silent: str) -> None:
    assert silent in told(changed({}))
    assert set(told(changed({}))) - set(told(changed(changes))) == {silent}


CLAUSES: list[tuple[dict[str, Any], str, str]] = [
    ({"all": [{"first_time": True}]}, "首次", "the first time"),
    ({"all": [{"first_time": False}, {"birthday": False}]}, "（非首次且非生日当天）",
     "(not the first time and not on the birthday)"),
    ({"any": [{"member_day": False}, {"birthday": True}]}, "（非会员日或生日当天）",
     "(not on member day or on the birthday)"),
    ({"not": {"tier": ["silver", "gold"]}}, "不满足“等级为银卡、金卡”", "not (for tier Silver or Gold)"),
    ({"tag": ["vip", "old"]}, "带有标签 vip、old", "for members tagged vip or old"),
    ({"category": ["featured", "tea"]}, "订单含精选品类、tea", "with an item of featured categories or tea"),
    ({"weekday": [7, 6, 6]}, "周六、周日", "on Saturday or Sunday"),
    ({"day_of_month": [31, 1]}, "每月 1、31 日", "on day 1 or 31 of the month"),
    ({"dates": {"starts_on": "2026-11-01", "ends_on": "2026-11-11"}}, "2026-11-01 至 2026-11-11",
     "from 2026-11-01 to 2026-11-11"),
    ({"time_of_day": {"starts_at": "09:00", "ends_at": "18:30"}}, "09:00 至 18:30", "from 09:00 to 18:30"),
    ({"time_of_day": {"starts_at": "22:00", "ends_at": "02:00"}}, "22:00 至次日 02:00",
     "from 22:00 to 02:00 the next day"),
    ({"amount": {"at_least_fen": 9950}}, "订单满 99.5 元", "for an order of at least 99.5 yuan"),
    ({"amount": {"at_most_fen": 10001}}, "订单不超过 100.01 元", "for an order of at most 100.01 yuan"),
    ({"amount": {"at_least_fen": 100, "at_most_fen": 200}}, "订单满 1 元且不超过 2 元",
     "for an order of at least 1 yuan and at most 2 yuan"),
    ({"counter": {"metric": "interactions", "window": "week", "at_least": 3}}, "本周评论、点赞、投票满 3 次",
     "with 3 or more comments or likes or votes in a week"),
    ({"counter": {"metric": "spend_fen", "window": "months:3", "at_least": 100}}, "近 3 个月消费满 1 元",
     "with spend of at least 1 yuan in the last 3 months"),
    ({"counter": {"metric": "browse_seconds", "at_least": 7200}}, "累计浏览满 2 小时",
     "with browsing of at least 2 hours in total"),
    ({"counter": {"metric": "paid_survey", "window": "month", "at_least": 50}}, "本月问卷或反馈满 50 积分",
     "with A survey or feedback of at least 50 points in a month"),
    ({"counter": {"metric": "unheard_of", "window": "day", "at_least": 2}}, "当天unheard_of满 2 次",
     "with 2 or more unheard_of in a day"),
    ({"seconds_at_least": 90}, "单次满 90 秒", "for at least 90 seconds at a time"),
]  # fmt: skip


@pytest.mark.parametrize(("tree", "zh", "en"), CLAUSES, ids=[row[1] for row in CLAUSES])
def test_each_condition_reads_as_a_clause(tree: dict[str, Any], zh: str, en: str) -> None:
    assert condition(load(changed({})), Condition.model_validate(tree)) == (zh, en)


# Worked examples ----------------------------------------------------------------------------------------------------

INSTANTS = [datetime(2026, 11, 24, 4, tzinfo=UTC), datetime(2026, 12, 14, 20, tzinfo=UTC)]  # the second: member day


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("now", INSTANTS, ids=["a day", "member day in Shanghai"])
@pytest.mark.parametrize("changes", [{}, {"pending": {"mode": "days"}}], ids=["at once", "pending"])
def test_the_worked_examples_are_the_engines_decisions(name: str, now: datetime, changes: Changes) -> None:
    published = Published(version=1, rulebook=load(changed(changes, name)))
    today, cause = business_date(now, "Asia/Shanghai"), Cause("m", "c")
    decisions = [process(published, Account("m"), Joined(cause), now)]
    decisions.append(process(published, decisions[-1].account, CheckedIn(cause, today), now))
    decisions.append(process(published, decisions[-1].account, OrderPaid(cause, "o", now, 26800), now))
    order = record_of([decisions[-1].entry])
    assert order is not None
    decisions.append(process(published, decisions[-1].account, OrderRefunded(cause, order, Refund("r", 13400)), now))
    found = examples(published, now)
    assert len(found) == len(decisions)
    for example, decision in zip(found, decisions, strict=True):
        entry = decision.entry
        assert example.zh.endswith(f"：{'；'.join(line.why_zh for line in entry.lines)}。合计 {entry.points:+d}")
        assert example.en.endswith(f": {'; '.join(line.why for line in entry.lines)}. Total {entry.points:+d}")
    # On member day the order is the day's own task too.
    assert decisions[2].entry.points + decisions[2].entry.pending == (402 + 500 if now is INSTANTS[1] else 268) + 100


def test_a_brand_that_takes_no_such_order_shows_the_other_examples() -> None:
    for limit, count in ((26799, 2), (26800, 4)):
        published = Published(version=1, rulebook=load(changed({"limits": {"max_order_fen": limit}})))
        assert len(examples(published, INSTANTS[0])) == count
