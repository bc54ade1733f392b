"""A member's year with a brand on the retail preset, told over HTTP from joining to the leap day after.

Read it as documentation: each chapter moves the shop's clock, does what people do, and states what the member then
reads. Amounts are yuan in the names and fen on the wire. The book's invariants are checked when the story ends.
"""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib import ledger
from chalicelib.notices import inbox
from chalicelib.rulebook import store
from tests.harness.api import Api

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Ann:
    """Ann, the shop she buys from, and the clock on its wall."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.self = api.log_in("ann")

    def on(self, when: str) -> None:
        """`2026-12-15 20:00` on the shop's clock; tokens live two hours, so she logs in again."""
        self.api.clock.now = datetime.fromisoformat(when).replace(tzinfo=SHANGHAI).astimezone(self.api.clock.now.tzinfo)
        self.self = self.api.log_in("ann")

    def asks(self, method: str, path: str, body: Any = None) -> Any:
        reply = self.api.call(method, path, body, token=self.self.token, key=self.api.fresh())
        assert reply.status == 200, reply
        return reply.body

    def does(self, kind: str, seconds: int = 0) -> int:
        action = {"action_id": self.api.fresh("action"), "kind": kind, "seconds": seconds}
        return int(self.asks("POST", "/v1/me/actions", action)["entry"]["points"])

    def checks_in(self) -> int:
        return int(self.asks("POST", "/v1/me/check-ins", {})["entry"]["points"])

    def buys(self, yuan: int, order_id: str, featured_yuan: int = 0) -> Any:
        items = [{"sku": "S-1", "category": "featured", "amount_fen": featured_yuan * 100}] if featured_yuan else []
        reply = self.api.order(self.self, yuan * 100, order_id, items=items)
        assert reply.status == 200, reply
        return reply.body["entry"]

    def returns(self, yuan: int, order_id: str, refund_id: str) -> Any:
        reply = self.api.refund(order_id, refund_id, yuan * 100)
        assert reply.status == 200, reply
        return reply.body["entry"]

    def is_corrected(self, points: int, reason: str, **more: Any) -> Any:
        reply = self.api.call(
            "POST",
            f"/v1/admin/members/{self.self.member_id}/adjustments",
            {"points": points, "reason": reason, **more},
            token=self.api.operator("operator"),
            key=self.api.fresh(),
        )
        assert reply.status == 200, reply
        return reply.body["entry"]

    def overnight(self) -> list[tuple[str, int]]:
        """What the schedules do of her points and her tier: (kind, points) of each step."""
        now, found = self.api.clock.now, store.current(self.api.clock.now)
        steps = [
            *ledger.due.run("points", self.self.member_id, found, now, inbox.requests),
            *ledger.due.run("tier", self.self.member_id, found, now, inbox.requests),
        ]
        return [(step.kind, step.points) for step in steps]

    @property
    def home(self) -> Any:
        return self.asks("GET", "/v1/me")

    @property
    def balance(self) -> int:
        return int(self.home["points"]["balance"])

    @property
    def tier(self) -> str:
        return str(self.home["tier"]["code"])

    @property
    def lots(self) -> dict[str, int]:
        return {lot["expires_on"]: lot["points"] for lot in self.asks("GET", "/v1/me/points")["lots"]}


def reads(entry: Any) -> list[str]:
    """What the entry's lines say in Chinese."""
    return [line["why_zh"] for line in entry["lines"]]


def reads_in_english(entry: Any) -> list[str]:
    return [line["why"] for line in entry["lines"]]


def test_a_members_year(api: Api) -> None:
    api.clock.now = datetime(2026, 11, 24, 12, tzinfo=SHANGHAI).astimezone(api.clock.now.tzinfo)
    ann = Ann(api)
    she_joins_and_tells_who_she_is(ann)
    her_first_week_of_small_things(ann)
    she_misses_a_day_and_makes_it_up(ann)
    her_first_order_brings_her_silver(ann)
    the_year_ends_at_midnight_in_shanghai(ann)
    she_spends_and_then_returns_an_order(ann)
    her_birthday_repays_the_debt(ann)
    a_wrong_correction_is_undone(ann)
    a_large_order_on_a_member_day_brings_gold_and_its_refund_takes_it_away(ann)
    the_shop_reports_late_and_in_the_wrong_order(ann)
    a_second_year_begins(ann)
    she_is_told_twice_before_points_expire(ann)
    the_leap_day_is_her_birthday_and_the_last_day_of_her_oldest_points(ann)
    every_line_of_her_statement_adds_up(ann)


def she_joins_and_tells_who_she_is(ann: Ann) -> None:
    """24 November: 100 for joining; consent comes before the profile, and a complete profile pays 50."""
    assert (ann.balance, ann.tier) == (100, "normal")
    ann.asks("POST", "/v1/me/consents", {"name": "privacy_policy", "version": "1.0", "granted": True})
    profile = {"nickname": "小安", "avatar_url": "https://img.example/ann.png", "birthday": "02-29"}
    changed = ann.asks("PATCH", "/v1/me", profile)
    assert reads(changed["entry"]) == ["完善资料：50"]
    assert ann.balance == 150


def her_first_week_of_small_things(ann: Ann) -> None:
    """A login is worth 10 a day, five minutes of browsing 10, five comments 5 each, a survey 50 a month; all three in a
    day make the daily pack, 50 more; the first check-in completes the newcomer's tasks, 100 more."""
    assert [ann.does("browse", seconds=300), ann.does("survey")] == [10, 50]
    assert [ann.does("comment") for _ in range(6)] == [5, 5, 5, 5, 5, 0]
    week = []
    for day in range(24, 31):
        ann.on(f"2026-11-{day} 21:00")
        week.append((ann.does("login"), ann.checks_in()))
    assert week == [(60, 105), (10, 7), (10, 9), (10, 12), (10, 15), (10, 18), (10, 20)]
    assert ann.balance == 541
    # Points live twelve months and leave at the end of that month: so far there is one such day.
    assert ann.lots == {"2027-11-30": 541}


def she_misses_a_day_and_makes_it_up(ann: Ann) -> None:
    """The eighth day starts the week's table again; a make-up repairs the streak and pays nothing itself."""
    ann.on("2026-12-01 08:00")
    assert ann.checks_in() == 5
    ann.on("2026-12-03 08:00")
    made_up = ann.asks("POST", "/v1/me/check-ins/make-up", {"on": "2026-12-02"})
    assert (made_up["streak"], reads(made_up["entry"])) == (9, ["补签 2026-12-02，连续签到 9 天"])
    assert ann.checks_in() == 9  # the third day of the second week
    assert (ann.balance, ann.home["streak"]) == (555, {"length": 10, "checked_in_today": True})


def her_first_order_brings_her_silver(ann: Ann) -> None:
    """A point a yuan, two for featured goods, 100 for the first order. Three orders in three months make silver, and
    the newcomer's tasks have counted as two: she is silver in the very entry of the order, and a promotion pays 500.
    On the 15th silver gets three points a yuan, and whoever buys that day 500 more."""
    ann.on("2026-12-10 20:00")
    first = ann.buys(268, "D-1", featured_yuan=68)
    assert reads(first) == [
        "消费：消费 268 元按品类计 336", "首单奖励：100", "升级为银卡，有效期至 2027-12-10", "等级提升：500",
    ]  # fmt: skip
    assert reads_in_english(first) == [
        "Purchases: 268 yuan at category rates = 336", "The first order: 100",
        "Promoted to Silver, held until 2027-12-10", "A promotion: 500",
    ]  # fmt: skip
    ann.on("2026-12-15 20:00")
    assert reads(ann.buys(100, "D-2")) == ["消费：100 元 × 1 × 3（会员日倍率） = 300", "会员日专属任务：500"]
    ann.on("2026-12-20 20:00")
    assert reads(ann.buys(132, "D-3")) == ["消费：132 元 × 1 × 1.5（等级倍率） = 198"]
    assert (ann.balance, ann.tier) == (2489, "silver")


def the_year_ends_at_midnight_in_shanghai(ann: Ann) -> None:
    """A minute apart, but another day, another month and another year: everything counts again."""
    ann.on("2026-12-31 23:59")
    assert [ann.does("login"), ann.does("login"), ann.does("survey"), ann.does("survey")] == [15, 0, 50, 0]
    ann.on("2027-01-01 00:00")  # in UTC still the old year
    assert [ann.does("login"), ann.does("survey")] == [15, 50]
    assert ann.lots == {"2027-11-30": 541, "2027-12-31": 2013, "2028-01-31": 65}


def she_spends_and_then_returns_an_order(ann: Ann) -> None:
    """What was earned by an order and is already spent when the order is returned becomes a debt, plainly told. The
    task of the day is not done without the order, and its points go back too."""
    ann.on("2027-01-15 20:00")
    assert ann.buys(200, "J-1")["points"] == 600 + 500  # silver on the member day: three times, and its task
    ann.is_corrected(-3166, "兑换礼品，柜台登记")
    assert ann.lots == {"2028-01-31": 553}  # the earliest were spent first
    ann.on("2027-01-20 20:00")
    returned = ann.returns(200, "J-1", "J-1-R")
    assert reads(returned) == [
        "退款 200 元，收回积分 600",
        "其中 47 分已使用，记为欠分",
        "会员日专属任务：退款后不再满足，收回积分 500",
        "其中 500 分已使用，记为欠分",
    ]
    assert reads_in_english(returned)[-1] == "500 points were already spent and are owed"
    points = ann.home["points"]
    assert (points["balance"], points["debt"], ann.tier) == (0, 547, "silver")


def her_birthday_repays_the_debt(ann: Ann) -> None:
    """Born on 29 February: in other years the 28th is her day, and purchases of that day count double."""
    ann.on("2027-02-28 00:30")
    assert ann.overnight() == [("benefits_granted", 0)]  # the birthday gift of her tier
    ann.on("2027-02-28 10:00")
    gift = ann.buys(300, "F-1")
    assert reads(gift) == [
        "消费：300 元 × 1 × 1.5（等级倍率） × 2（生日倍率） = 900",
        "其中 547 分用于偿还欠分",
        "每周任务：200",
    ]
    assert ann.home["points"]["debt"] == 0
    ann.on("2027-03-01 10:00")
    assert ann.buys(10, "M-1")["points"] == 15
    # Twelve months later is February of a leap year, and its last day is the 29th.
    assert ann.lots == {"2028-02-29": 553, "2028-03-31": 15}


def a_wrong_correction_is_undone(ann: Ann) -> None:
    """An operator takes points from the wrong member; the reversal puts them back where they came from."""
    ann.on("2027-04-01 10:00")
    wrong = ann.is_corrected(-560, "误扣积分")
    assert ann.lots == {"2028-03-31": 8}
    undone = ann.is_corrected(560, "撤销误扣积分", reverses=wrong["cause"])
    assert reads(undone) == ["退回原批次：撤销误扣积分"]
    assert ann.lots == {"2028-02-29": 553, "2028-03-31": 15}


def a_large_order_on_a_member_day_brings_gold_and_its_refund_takes_it_away(ann: Ann) -> None:
    """2,000 yuan in a life make gold; the order itself is still paid as silver. When part of it is returned the money
    no longer suffices: the promotion is undone, until she buys what is missing. It pays 500 once only."""
    ann.on("2027-06-15 20:00")
    large = ann.buys(1190, "G-1")
    assert reads(large) == [
        "消费：1190 元 × 1 × 3（会员日倍率） = 3570", "每周任务：200", "会员日专属任务：500",
        "升级为金卡，有效期至 2028-06-15", "等级提升：500",
    ]  # fmt: skip
    ann.on("2027-06-16 20:00")
    assert ann.buys(100, "G-2")["points"] == 200
    partial = ann.returns(119, "G-1", "G-1-R")
    assert reads(partial) == [
        "退款 119 元，收回积分 357",  # a tenth of the money, a tenth of the points
        "退款后不再满足金卡的升级条件，恢复为银卡",
    ]
    assert (ann.balance, ann.tier) == (568 + 4770 + 200 - 357, "silver")
    ann.on("2027-06-17 20:00")
    again = ann.buys(30, "G-3")
    assert reads(again) == ["消费：30 元 × 1 × 1.5（等级倍率） = 45", "升级为金卡，有效期至 2028-06-17"]
    assert (ann.balance, ann.tier) == (5226, "gold")


def the_shop_reports_late_and_in_the_wrong_order(ann: Ann) -> None:
    """A review, and an order whose refund and completion arrive before it does: settled together when it comes."""
    ann.on("2027-07-10 20:00")
    review = {
        "event_id": "review-1", "member_id": ann.self.member_id, "kind": "review_approved",
        "occurred_at": (ann.api.clock.now - timedelta(days=3)).isoformat(),
    }  # fmt: skip
    for _ in range(2):
        assert ann.api.merchant("POST", "/v1/events", review).body["entry"]["points"] == 50
    assert ann.api.refund("L-1", "L-1-R", 2_500).body["status"] == "awaiting_order"
    assert ann.api.complete("L-1").status == 202
    late = ann.buys(50, "L-1")
    assert reads(late) == ["消费：50 元 × 1 × 2（等级倍率） = 100", "退款 25 元，收回积分 50"]
    assert ann.returns(25, "L-1", "L-1-R") == late  # reported again: the answer is the entry that settled it
    assert ann.balance == 5326


def a_second_year_begins(ann: Ann) -> None:
    """The schedules stood still for half a year: she loses nothing by it, the coupons of seven months come together.
    Half-way through her year of gold she has done little to keep it, and is told so. A streak crosses the year."""
    ann.on("2027-12-01 00:30")
    assert ann.overnight() == [("benefits_granted", 0)]
    assert ann.overnight() == []
    ann.on("2027-12-17 00:30")
    assert ann.overnight() == [("tier_early_warning", 0)]
    ann.on("2027-12-31 22:00")
    assert ann.checks_in() == 5
    ann.on("2028-01-01 22:00")
    assert ann.checks_in() == 7
    assert ann.balance == 5338


def she_is_told_twice_before_points_expire(ann: Ann) -> None:
    """Thirty days and seven days before the last day of a lot; without both on record it would stay. In between come
    the month's coupons."""
    happened = []
    for day in ("2028-01-29", "2028-01-30", "2028-02-21", "2028-02-22"):
        ann.on(f"{day} 00:30")
        happened.append(ann.overnight())
    assert happened == [
        [("benefits_granted", 0)], [("expiry_noticed", 0)], [("benefits_granted", 0)], [("expiry_noticed", 0)],
    ]  # fmt: skip
    inbox = [notice for notice in ann.asks("GET", "/v1/me/notices")["items"] if notice["kind"] == "expiry_noticed"]
    assert {notice["body"]["zh"] for notice in inbox} == {"553 积分将于 2028-02-29 后过期"}
    assert len(inbox) == 2


def the_leap_day_is_her_birthday_and_the_last_day_of_her_oldest_points(ann: Ann) -> None:
    """On 29 February the points of last February still count; on 1 March they are gone."""
    ann.on("2028-02-28 12:00")
    assert ann.buys(100, "Y-1")["points"] == 200
    ann.on("2028-02-29 12:00")
    assert ann.overnight() == [("benefits_granted", 0)]
    assert ann.checks_in() == 10
    birthday = ann.buys(100, "Y-2")
    assert reads(birthday) == ["消费：100 元 × 1 × 2（等级倍率） × 2（生日倍率） = 400"]
    ann.on("2028-03-01 00:30")
    assert ann.overnight() == [("expiry_noticed", 0), ("lots_expired", -553), ("benefits_granted", 0)]
    assert ann.checks_in() == 7
    assert (ann.balance, ann.tier) == (5338 + 200 + 10 + 400 - 553 + 7, "gold")


def every_line_of_her_statement_adds_up(ann: Ann) -> None:
    """Page by page, newest first, every entry follows from the one before and every line says why."""
    entries, cursor = [], ""
    while cursor is not None:
        page = ann.asks("GET", f"/v1/me/points/entries?limit=20{cursor and '&cursor=' + cursor}")
        entries += page["items"]
        cursor = page["next_cursor"]
    assert [entry["seq"] for entry in entries] == list(range(len(entries), 0, -1))
    worth = 0
    for entry in reversed(entries):
        worth += entry["points"]
        assert entry["balance_after"] - entry["debt_after"] == worth
        assert sum(line["points"] for line in entry["lines"]) == entry["points"]
        assert all(line["why"] and line["why_zh"] for line in entry["lines"])
    assert worth == ann.balance == 5402
    (expired,) = [entry for entry in entries if entry["kind"] == "lots_expired"]
    assert reads(expired) == ["有效期至 2028-02-29 的积分已过期"]
    assert reads_in_english(expired) == ["Points valid until 2028-02-29 expired"]
