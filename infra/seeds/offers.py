"""The demo brand's mall: an offer of each kind, one of them limited for a lifetime, one that many will want at once,
one of codes, which are made up here."""

import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from chalicelib.redemption import codes, offers

ACTOR = "deployment"
DEMO_CODES = 50


def documents(now: datetime) -> list[dict[str, Any]]:
    """The offers as an operator would write them, for a mall that opens now."""
    return [
        {
            "offer_id": "mug", "kind": "physical", "sort": 10, "price_points": 800, "tier_prices": {"diamond": 600},
            "name": {"zh": "手工陶瓷杯", "en": "Stoneware mug"},
            "words": {"zh": "每月限量 100 件，包邮寄出。", "en": "A hundred each month, sent free of charge."},
            "stock": {"mode": "month", "pieces": 100}, "limits": {"month": 2}, "value_fen": 1_500,
        },
        {
            "offer_id": "coupon_10", "kind": "coupon", "sort": 20, "price_points": 1_000, "member_day": False,
            "name": {"zh": "10 元优惠券", "en": "10 yuan coupon"},
            "words": {"zh": "下单时抵扣 10 元。", "en": "Takes 10 yuan off an order."},
            "limits": {"day": 1}, "value_fen": 1_000, "coupon": "mall_10",
        },
        {
            "offer_id": "video_month", "kind": "virtual", "sort": 30, "price_points": 1_800,
            "name": {"zh": "影音会员月卡", "en": "A month of films"},
            "words": {"zh": "兑换后立即生效。", "en": "Begins as soon as it is redeemed."},
            "stock": {"mode": "month", "pieces": 100}, "value_fen": 1_800,
        },
        {
            "offer_id": "pottery_class", "kind": "service", "sort": 40, "price_points": 5_000, "min_tier": "silver",
            "tier_prices": {"gold": 4_500, "diamond": 4_000},
            "name": {"zh": "陶艺体验课", "en": "Pottery class"},
            "words": {"zh": "两小时小班体验，兑换后预约时间。", "en": "Two hours in a small class, at your time."},
            "stock": {"mode": "month", "pieces": 20}, "limits": {"month": 1}, "value_fen": 12_800,
        },
        {
            "offer_id": "early_access", "kind": "privilege", "sort": 50, "price_points": 500,
            "name": {"zh": "新品优先购", "en": "Early access"},
            "words": {"zh": "新品提前一天开放购买，每人限兑一次。", "en": "New arrivals a day early; once a member."},
            "limits": {"lifetime": 1}, "closes_at": (now + timedelta(days=180)).isoformat(),
        },
        {
            "offer_id": "speaker", "kind": "physical", "sort": 60, "price_points": 20_000, "min_tier": "gold",
            "tier_prices": {"diamond": 18_000},
            "name": {"zh": "限量蓝牙音箱", "en": "Limited speaker"},
            "words": {"zh": "限量 500 件，兑完即止。", "en": "Five hundred of them, and no more."},
            "stock": {"mode": "total", "pieces": 500, "shards": 8}, "limits": {"month": 1}, "value_fen": 29_900,
        },
        {
            "offer_id": "coffee_code", "kind": "virtual", "sort": 70, "price_points": 1_500,
            "name": {"zh": "咖啡兑换码", "en": "Coffee code"},
            "words": {"zh": "兑换后得到一个兑换码，到店出示。", "en": "A code to show at the counter."},
            "stock": {"mode": "codes"}, "value_fen": 1_800,
        },
        {
            "offer_id": "clean_water", "kind": "donation", "sort": 80, "price_points": 100, "member_day": False,
            "name": {"zh": "乡村饮水计划", "en": "Clean water"},
            "words": {"zh": "积分由品牌折算为善款，结算前可撤回。",
                      "en": "The brand turns points into money; until then they can be taken back."},
            "donation": {"partner": {"zh": "清水公益基金会", "en": "Clear Water Foundation"}, "goal_points": 1_000_000},
        },
        {
            "offer_id": "cash", "kind": "cash", "sort": 90, "price_points": 100, "member_day": False,
            "name": {"zh": "积分抵现", "en": "Points as cash"},
            "words": {"zh": "结算时抵扣部分订单金额，100 积分抵 1 元。", "en": "Pay a part of an order."},
        },
    ]  # fmt: skip


def seed(now: datetime) -> None:
    """Publishes those that are not there yet; what operators have made of the others stays."""
    for document in documents(now):
        try:
            offers.create(document, ACTOR, now)
        except offers.OfferExists:
            continue
        # An operator may have left out a tier that one of them names: then it stays a draft.
        with suppress(offers.OfferRefused):
            offers.publish(document["offer_id"], ACTOR, now)
            if document.get("stock") == {"mode": "codes"}:
                made_up = [f"DEMO-{secrets.token_hex(4).upper()}" for _ in range(DEMO_CODES)]
                codes.load(document["offer_id"], made_up, ACTOR, now)
