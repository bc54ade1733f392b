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
from tests.unit.documents import changed, goal, multiplier, place, rule

Changes = dict[str, Any]
NAMED = {"zh": "名", "en": "name"}
# What members need not know, or what this version does not play yet.
UNTOLD = ("schema_version", "capabilities", "limits")
# Retail leaves these to their defaults.
DEFAULTS: Changes = {"behaviours.1.max_seconds": 14_400, "streak.make_up_cost_points": 20}


def told(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """rule → its sentence, Chinese and English."""
    sections = words.sections(load(document))
    return {item.rule: (item.zh, item.en) for section in sections for item in section.items}


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


# What the retail brand promises, as a member reads it.
RETAIL = [
    ("join", "得 100 积分", "100 points"),
    ("profile", "得 50 积分；每位会员最多 1 次", "50 points; at most once per member"),
    ("login", "普通会员得 10、银卡得 15、金卡得 20、钻石得 30 积分", "Member 10, Silver 15, Gold 20, Diamond 30"),
    ("check_in", "第 1 至 7 天依次得 5、7、9、12、15、18、20 积分", "days 1 to 7 in a row give 5, 7, 9, 12, 15, 18,"),
    ("browse", "得 10 积分；条件：单次满 5 分钟", "10 points; condition: for at least 5 minutes at a time"),
    ("feature", "得 20 积分", "20 points"),
    ("comment", "得 5 积分；每天最多 5 次", "5 points; at most 5 times a day"),
    ("review", "得 50 积分", "50 points"),
    ("survey", "得 50 积分；每月最多 1 次", "50 points; at most once a month"),
    ("purchase", "消费 1 元得 1 积分，精选品类每元得 2 积分；可享积分倍率",
     "1 point for each yuan paid, 2 points for featured categories; multipliers apply"),
    ("first_order", "得 100 积分；条件：首次", "100 points; condition: the first time"),
    ("tier", "普通会员 1 倍、银卡 1.5 倍、金卡 2 倍、钻石 3 倍", "Member ×1, Silver ×1.5, Gold ×2, Diamond ×3"),
    ("birthday", "2 倍；条件：生日当天；适用于消费", "×2; condition: on the birthday; applies to Purchases"),
    ("stacking", "等级倍率、会员日倍率不叠加，取其中最高；其余倍率相乘",
     "Of tier multiplier and member day the highest applies; all others multiply"),
    ("member_days", "每月 15 日", "day 15 of the month"),
    ("silver", "累计消费满 500 元，或近 3 个月订单满 3 笔",
     "spend of at least 500 yuan in total, or 3 or more orders in the last 3 months"),
    ("silver", "保级需达到升级条件的 80%", "kept by reaching 80 % of any of them"),
    ("silver", "9.8 折", "2 % off"),
    ("gold", "累计消费满 2000 元，或近 3 个月订单满 10 笔，或累计成功邀请满 5 次",
     "at least 2000 yuan in total, or 10 or more orders in the last 3 months, or 5 or more qualified invites in total"),
    ("gold", "近 12 个月消费满 1000 元，或近 12 个月使用服务满 5 次，或近 12 个月完成任务满 50 次",
     "5 or more uses of the service in the last 12 months, or 50 or more completed tasks in the last 12 months"),
    ("gold", "9.5 折）、包邮、优惠券（50 元，每月 1 次）", "5 % off), free shipping, coupon (50 yuan, once a month)"),
    ("diamond", "累计消费满 10000 元，或近 3 个月订单满 25 笔；有效期 12 个月",
     "at least 10000 yuan in total, or 25 or more orders in the last 3 months; held for 12 months"),
    ("normal", "核心功能（每天 3 次）", "core feature (3 times a day)"),
    ("newcomer", "完成得 100 积分", "100 points when done"),
    ("daily", "当天登录满 1 次，且当天浏览满 1 次，且当天互动满 1 次；完成得 50 积分", "50 points when done"),
    ("weekly", "本周消费满 300 元；完成得 200 积分", "spend of at least 300 yuan in a week; 200 points when done"),
    ("growth", "得 500 积分", "500 points"),
    ("value", "100 积分价值 1 元", "100 points are worth 1 yuan"),
    ("expiry", "积分自获得起 12 个月有效，于到期当月的月末失效，先到期的先使用；到期前 30、7 天通知",
     "Points last 12 months, to the end of that month; the earliest expiry is spent first; notice is given 30 and 7"),
]  # fmt: skip


@pytest.mark.parametrize(("item", "zh", "en"), RETAIL, ids=[f"{row[0]} {row[1]}" for row in RETAIL])
def test_the_retail_brands_promises_are_said(item: str, zh: str, en: str) -> None:
    said = told(changed({}))[item]
    assert zh in said[0]
    assert en in said[1]


@pytest.mark.parametrize(("item", "zh", "en"), [
    ("member_day", "普通会员 1.5 倍、银卡 3 倍、金卡 4 倍、钻石 6 倍；条件：会员日",
     "Member ×1.5, Silver ×3, Gold ×4, Diamond ×6; condition: on member day"),
    ("member_day", "当天下单满 1 笔；完成得 500 积分", "1 or more orders in a day; 500 points when done"),
])  # fmt: skip
def test_a_multiplier_and_a_task_of_one_name_are_both_said(item: str, zh: str, en: str) -> None:
    sections = words.sections(load(changed({})))
    said = [found for section in sections for found in section.items if found.rule == item]
    assert len(said) == 2
    assert any(zh in found.zh and en in found.en for found in said)


# Sentences ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_part_has_a_sentence_and_every_sentence_is_whole(name: str) -> None:
    rulebook = load(changed({}, name))
    said = told(changed({}, name))
    parts = {*(r.id for r in rulebook.earning), *(m.id for m in rulebook.multipliers), *(t.id for t in rulebook.tasks)}
    parts |= {*(t.code for t in rulebook.tiers.levels), *(b.id for b in rulebook.badges)}
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
    ({"earning.4.when.seconds_at_least": 60}, "browse", "满 1 分钟", "at least 1 minute at a time"),
    ({"earning.4.when.seconds_at_least": 61}, "browse", "满 61 秒", "at least 61 seconds at a time"),
    ({"tiers.levels.1.promotion.1.window": "months:1"}, "silver", "本月订单满 3 笔", "3 or more orders in a month"),
    ({"badges.0.goal.name.zh": "累计签到"}, "regular", "：累计签到满 30 次", "30 or more check-ins in total"),
    ({"badges.0": {"id": "b", "name": NAMED}}, "b", "由品牌授予", "given by the brand"),
    ({"badges.0.goal": {**goal("paid_purchase", 9), "name": {"zh": "消费所得", "en": "earnings"}}}, "regular",
     "累计消费所得满 9 积分", "earnings of at least 9 points in total"),
    ({"tasks.0": {"id": "t", "name": NAMED, "kind": "campaign"}}, "t", "由品牌认定", "decided by the brand"),
    ({"category_names": {}}, "purchase", "，featured每元得 2 积分", "2 points for featured"),
    ({}, "periods", "月按自然月计，包括当月；周从周一开始", "Months are calendar months, the current one included"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "item", "zh", "en"), VARIANTS, ids=[str(row[0])[:60] for row in VARIANTS])
def test_a_setting_is_said_as_it_is(changes: Changes, item: str, zh: str, en: str) -> None:
    said = told(changed(changes))[item]
    assert zh in said[0]
    assert en in said[1]


def test_a_brand_without_multipliers_months_or_weeks_says_nothing_about_them() -> None:
    bare = changed({"multipliers": [], "tasks": [], "badges": [], "earning": [rule()]})
    for tier in bare["tiers"]["levels"][1:]:
        tier["promotion"], tier["retention"] = [goal("orders", 3 + len(tier["benefits"]))], []
    assert {"stacking", "periods"} & set(told(bare)) == set()
    assert "member_days" in told(bare)
    assert {section.code for section in words.sections(load(bare))} == {
        "earning", "multipliers", "tiers", "check_ins", "validity", "refunds",
    }  # fmt: skip


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
    assert decisions[2].entry.points + decisions[2].entry.pending == (402 if now is INSTANTS[1] else 268) + 100


def test_a_brand_that_takes_no_such_order_shows_the_other_examples() -> None:
    for limit, count in ((26799, 2), (26800, 4)):
        published = Published(version=1, rulebook=load(changed({"limits": {"max_order_fen": limit}})))
        assert len(examples(published, INSTANTS[0])) == count
