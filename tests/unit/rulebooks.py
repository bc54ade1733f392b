"""A small rulebook for tests of the engine: round numbers, every mechanism once."""

from typing import Any

from chalicelib.rulebook.model import Published, load


def words(text: str) -> dict[str, str]:
    return {"zh": text, "en": text}


def document() -> dict[str, Any]:
    return {
        "brand": {"name": words("店")},
        "behaviours": [
            {"code": "login", "name": words("登录"), "reported_by": "client", "metrics": ["visits"]},
            {"code": "browse", "name": words("浏览"), "reported_by": "client", "counts_seconds": True},
            {"code": "review", "name": words("评价"), "reported_by": "merchant"},
        ],
        "earning": [
            {"id": "join", "name": words("入会"), "trigger": "joined", "points": {"fixed": 100}},
            {
                "id": "purchase",
                "name": words("消费"),
                "trigger": "order_paid",
                "points": {"per_yuan": "1", "category_rates": {"featured": "2"}},
                "multiplied": True,
            },
            {
                "id": "first_order",
                "name": words("首单"),
                "trigger": "order_paid",
                "when": {"first_time": True},
                "points": {"fixed": 50},
            },
            {
                "id": "check_in",
                "name": words("签到"),
                "trigger": "check_in",
                "points": {"by_streak_day": [5, 6, 8, 10, 12, 15, 20]},
            },
            {
                "id": "login",
                "name": words("登录"),
                "trigger": "login",
                "points": {"by_tier": {"normal": 10, "silver": 15, "gold": 20}},
                "caps": [{"per": "day", "times": 1}],
            },
            {
                "id": "browse",
                "name": words("浏览"),
                "trigger": "browse",
                "when": {"seconds_at_least": 300},
                "points": {"fixed": 10},
                "caps": [{"per": "week", "points": 25}],
            },
            {"id": "review", "name": words("评价"), "trigger": "review", "points": {"fixed": 50}},
        ],
        "multipliers": [
            {
                "id": "tier",
                "name": words("等级"),
                "group": "purchase",
                "by_tier": {"normal": "1", "silver": "1.5", "gold": "2"},
            },
            {
                "id": "member_day",
                "name": words("会员日"),
                "group": "purchase",
                "when": {"member_day": True},
                "by_tier": {"normal": "1.5", "silver": "3", "gold": "4"},
            },
            {
                "id": "birthday",
                "name": words("生日"),
                "group": "birthday",
                "when": {"birthday": True},
                "factor": "2",
            },
        ],
        "tiers": {
            "levels": [
                {"code": "normal", "name": words("普通")},
                {
                    "code": "silver",
                    "name": words("银卡"),
                    "promotion": [
                        {"metric": "spend_fen", "at_least": 50000, "name": words("累计消费")},
                        {"metric": "orders", "window": "months:3", "at_least": 3, "name": words("近三月订单")},
                    ],
                },
                {
                    "code": "gold",
                    "name": words("金卡"),
                    "promotion": [{"metric": "spend_fen", "at_least": 200000, "name": words("累计消费")}],
                },
            ]
        },
    }


def published(**changes: Any) -> Published:
    """The document with some sections replaced, as version 1."""
    return Published(version=1, rulebook=load({**document(), **changes}))
