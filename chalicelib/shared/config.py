"""The one typed settings object, read from the environment when first asked for."""

import os
from dataclasses import dataclass
from functools import lru_cache

# The stage of real members, in which no clock but the real one is ever used.
LIVE = "live"


@dataclass(frozen=True)
class Settings:
    """Names of everything this deployment owns. `stage` is `local`, `dev`, `live`, …"""

    stage: str
    accounts_table: str
    journal_table: str
    members_table: str
    rulebook_table: str
    console_table: str
    metrics_table: str
    redemption_table: str
    lottery_table: str
    coupons_table: str
    notices_table: str
    clocks_table: str
    jobs_table: str
    guard_table: str
    audit_table: str
    token_secret: str
    merchant_secret: str
    wechat_secret: str
    codes_secret: str
    wechat_url: str
    facts_topic_arn: str
    orders_queue_url: str
    orders_dead_queue_url: str
    points_due_queue_url: str
    tier_due_queue_url: str
    holds_due_queue_url: str
    reevaluation_queue_url: str
    coupons_due_queue_url: str
    test_clocks: bool


@lru_cache(maxsize=1)
def settings() -> Settings:
    """Physical names follow one pattern, so a function needs only STAGE and what cannot be derived from it."""
    stage = os.environ.get("STAGE", "local")

    def table(name: str) -> str:
        return os.environ.get(f"{name.upper()}_TABLE", f"membership-{stage}-{name}")

    def secret(variable: str, name: str) -> str:
        return os.environ.get(variable, f"membership/{stage}/{name}")

    return Settings(
        stage=stage,
        accounts_table=table("accounts"),
        journal_table=table("journal"),
        members_table=table("members"),
        rulebook_table=table("rulebook"),
        console_table=table("console"),
        metrics_table=table("metrics"),
        redemption_table=table("redemption"),
        lottery_table=table("lottery"),
        coupons_table=table("coupons"),
        notices_table=table("notices"),
        clocks_table=table("clocks"),
        jobs_table=table("jobs"),
        guard_table=table("guard"),
        audit_table=table("audit"),
        token_secret=secret("TOKEN_SECRET", "tokens"),
        merchant_secret=secret("MERCHANT_SECRET", "merchants"),
        wechat_secret=secret("WECHAT_SECRET", "wechat"),
        codes_secret=secret("CODES_SECRET", "codes"),
        wechat_url=os.environ.get("WECHAT_URL", "https://api.weixin.qq.com"),
        facts_topic_arn=os.environ.get("FACTS_TOPIC_ARN", ""),
        orders_queue_url=os.environ.get("ORDERS_QUEUE_URL", ""),
        orders_dead_queue_url=os.environ.get("ORDERS_DEAD_QUEUE_URL", ""),
        points_due_queue_url=os.environ.get("POINTS_DUE_QUEUE_URL", ""),
        tier_due_queue_url=os.environ.get("TIER_DUE_QUEUE_URL", ""),
        holds_due_queue_url=os.environ.get("HOLDS_DUE_QUEUE_URL", ""),
        reevaluation_queue_url=os.environ.get("REEVALUATION_QUEUE_URL", ""),
        coupons_due_queue_url=os.environ.get("COUPONS_DUE_QUEUE_URL", ""),
        test_clocks=os.environ.get("TEST_CLOCKS") == "on" and stage != LIVE,
    )
