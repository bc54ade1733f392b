"""What the retail brand promises is said to its members, with the product's own numbers."""

import pytest

from chalicelib.rulebook import words
from chalicelib.rulebook.model import load
from tests.unit.documents import changed, told

# (item, Chinese, English)
RETAIL = [
    ("join", "得 100 积分", "100 points"),
    ("profile", "得 50 积分；每位会员最多 1 次", "50 points; at most once per member"),
    ("login", "普通会员得 10、银卡得 15、金卡得 20、钻石得 30 积分", "Member 10, Silver 15, Gold 20, Diamond 30"),
    ("check_in", "第 1 至 7 天依次得 5、7、9、12、15、18、20 积分", "days 1 to 7 in a row give 5, 7, 9, 12, 15, 18,"),
    ("browse", "得 10 积分；条件：单次满 5 分钟", "10 points; condition: for at least 5 minutes at a time"),
    ("feature", "得 20 积分", "20 points"),
    ("comment", "得 5 积分；可享积分倍率；每天最多 5 次", "5 points; multipliers apply; at most 5 times a day"),
    ("review", "得 50 积分", "50 points"),
    ("survey", "得 50 积分；可享积分倍率；每月最多 1 次", "50 points; multipliers apply; at most once a month"),
    ("purchase", "消费 1 元得 1 积分，精选品类每元得 2 积分；可享积分倍率",
     "1 point for each yuan paid, 2 points for featured categories; multipliers apply"),
    ("first_order", "得 100 积分；条件：首次", "100 points; condition: the first time"),
    ("tier", "普通会员 1 倍、银卡 1.5 倍、金卡 2 倍、钻石 3 倍", "Member ×1, Silver ×1.5, Gold ×2, Diamond ×3"),
    ("birthday", "2 倍；条件：生日当天；适用于每日登录、签到、浏览、使用核心功能、评论、点赞、投票、",
     "×2; condition: on the birthday; applies to Daily login, Check-in, Browsing,"),
    ("tier", "；适用于消费。", "; applies to Purchases."),
    ("stacking", "等级倍率、会员日倍率不叠加，取其中最高；其余倍率相乘",
     "Of tier multiplier and member day the highest applies; all others multiply"),
    ("member_days", "每月 15 日", "day 15 of the month"),
    ("silver", "累计消费满 500 元，或近 3 个月订单满 3 笔",
     "spend of at least 500 yuan in total, or 3 or more orders in the last 3 months"),
    ("silver", "近 3 个月订单满 3 笔（含新人任务）", "3 or more orders in the last 3 months (Newcomer tasks included)"),
    ("silver", "保级需在有效期内达到升级条件的 80%", "kept by reaching 80 % of any of them within the period"),
    ("silver", "生日礼遇（生日当天发放，生日折扣券）", "birthday gift (granted on the birthday, Birthday coupon)"),
    ("silver", "9.8 折", "2 % off"),
    ("gold", "累计消费满 2000 元，或近 3 个月订单满 10 笔，或累计成功邀请满 5 次",
     "at least 2000 yuan in total, or 10 or more orders in the last 3 months, or 5 or more qualified invites in total"),
    ("gold", "有效期内消费满 1000 元，或有效期内使用服务满 5 次，或有效期内完成任务满 50 次",
     "5 or more uses of the service within the period, or 50 or more completed tasks within the period"),
    ("gold", "9.5 折）、包邮、优惠券（50 元，每月发放 1 份，月度优惠券）",
     "5 % off), free shipping, coupon (50 yuan, 1 granted each month, Monthly coupon)"),
    ("gold", "核心功能（不限次）", "core feature (unlimited)"),
    ("diamond", "累计消费满 10000 元，或近 3 个月订单满 25 笔；有效期 12 个月",
     "at least 10000 yuan in total, or 25 or more orders in the last 3 months; held for 12 months"),
    ("normal", "核心功能（每天最多使用 3 次）", "core feature (used at most 3 times a day)"),
    ("silver", "核心功能（每天最多使用 10 次）", "core feature (used at most 10 times a day)"),
    ("retention_progress", "完成比例相加，满额即保级", "add up over the period, and a whole keeps it"),
    ("retention_progress", "每完成一项任务另计 2%", "each completed task adds 2 %"),
    ("retention_early_warning", "过 6 个月时，保级进度落后于时间进度的", "6 months into the period, who is behind"),
    ("retention_warning", "到期前 30 天仍未达到保级条件的，发出通知并开始保级冲刺", "30 days before the end is warned"),
    ("retention_warning", "到期日顺延，保证通知后有 30 天；没有通知，不会降级",
     "the end moves: there are always 30 days after it. Nobody loses a tier without a warning"),
    ("retention_sprint", "任务积分 2 倍；每天首笔消费进度加 5%、得 50 积分；每成功邀请一位好友进度加 10%、得 200 积分",
     "tasks ×2; the first purchase of a day adds 5 % and 50 points; each qualified invite adds 10 % and 200 points"),
    ("retention_grace", "宽限 30 天，期间达到即保级；期间每完成一项任务延长 30 天，最多延长 3 次",
     "has 30 more days; getting there keeps the tier at once; each task completed in it adds 30 days, at most 3 times"),
    ("retention_step_down", "只降一级；此后再次升级到失去的等级及其以下等级，累计条件从降级时重新计算",
     "down by one step, never more; for reaching the lost tier again, or one below it, totals count from the step"),
    ("retention_reinstatement", "降级后 90 天内", "within 90 days of a step down"),
    ("tier_promotion", "即刻升级，可一次升多级", "promotes at once, several steps if earned"),
    ("tier_refund", "撤销该次升级，恢复升级前的等级和有效期",
     "it is undone and the tier of before is back with its dates"),
    ("tier_temporary", "到期后恢复所持等级", "then the tier held applies again"),
    ("newcomer", "每人一次；累计完善资料满 1 次，且累计签到满 1 次；完成得 100 积分、银卡升级进度（订单）加计 2",
     "once per member; 1 or more completed profiles in total, and 1 or more check-ins in total; 100 points and 2 more "
     "orders on the way to Silver when done"),
    ("promoter", "由品牌授予；获得称号“推广达人”", "given by the brand; its bearer is called “Star Promoter”"),
    ("daily", "每天一次；当天登录满 1 次，且当天浏览满 1 次，且当天互动满 1 次；完成得 50 积分",
     "50 points when done"),
    ("weekly", "每周一次；本周消费满 300 元；完成得 200 积分",
     "once a week; spend of at least 300 yuan in a week; 200 points when done"),
    ("growth", "首次升级到从未达到过的等级时；得 500 积分", "a tier never held before; 500 points"),
    ("value", "100 积分价值 1 元", "100 points are worth 1 yuan"),
    ("expiry", "积分自获得起 12 个月有效，于到期当月的月末失效，先到期的先使用；",
     "Points last 12 months, to the end of that month; the earliest expiry is spent first; "),
    ("expiry", "到期前 30、7 天通知，通知未按时发出的，到期日顺延",
     "notice is given 30 and 7 days before, and when one comes late the date moves"),
]  # fmt: skip


@pytest.mark.parametrize(("item", "zh", "en"), RETAIL, ids=[f"{row[0]} {row[1]}" for row in RETAIL])
def test_the_retail_brands_promises_are_said(item: str, zh: str, en: str) -> None:
    said = told(changed({}))[item]
    assert zh in said[0]
    assert en in said[1]


@pytest.mark.parametrize(("item", "zh", "en"), [
    ("member_day", "普通会员 1.5 倍、银卡 3 倍、金卡 4 倍、钻石 6 倍；条件：会员日",
     "Member ×1.5, Silver ×3, Gold ×4, Diamond ×6; condition: on member day"),
    ("member_day", "每个会员日一次；当天下单满 1 笔；完成得 500 积分",
     "once on each member day; 1 or more orders in a day; 500 points when done"),
])  # fmt: skip
def test_a_multiplier_and_a_task_of_one_name_are_both_said(item: str, zh: str, en: str) -> None:
    sections = words.sections(load(changed({})))
    said = [found for section in sections for found in section.items if found.rule == item]
    assert len(said) == 2
    assert any(zh in found.zh and en in found.en for found in said)
