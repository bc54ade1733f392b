"""Three members of a brand on the retail preset, and the year after all three became gold: who keeps a tier, how, and
what becomes of somebody who does not.

Read it as documentation. One test clock moves all three; the shop's own clock stands still. Every chapter moves the
clock to an evening in Shanghai, says what happened by itself on the way (date, whom, what), and then what people do and
read. Ann keeps gold by small tasks. Ben is warned, sprints, and keeps it. Cat is warned, loses it, and comes back. The
book's invariants are checked when the story ends.
"""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.functional.tiers_room import TestClock, get, notices
from tests.harness.api import Api

SHANGHAI = ZoneInfo("Asia/Shanghai")


class Year:
    """The three, their clock, and what an instant of it looks like to them."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.members = {name: api.log_in(name) for name in ("ann", "ben", "cat")}
        self.names = {member.member_id: name for name, member in self.members.items()}
        self.clock = TestClock.for_(api, *self.members.values())
        self.instant = api.clock.now.astimezone(SHANGHAI)
        self.coupons: Counter[str] = Counter()

    def until(self, day: date | str) -> list[str]:
        """Eight in the evening of that day. Returns what happened by itself on the way, `2027-05-24 ann tier_on_pace`;
        the coupon that gold is given each month is counted in `coupons` instead."""
        self.instant = datetime.fromisoformat(f"{day} 20:00").replace(tzinfo=SHANGHAI)
        self.clock.to(self.instant)
        told = []
        for thing in self.clock.last["happened"]:
            name, kind = self.names[thing["member_id"]], thing["entry"]["kind"]
            if kind == "benefits_granted":
                self.coupons[name] += 1
                continue
            on = datetime.fromisoformat(thing["entry"]["at"]).astimezone(SHANGHAI).date()
            told.append(f"{on} {name} {kind}")
        return told

    def buys(self, name: str, yuan: int) -> Any:
        reply = self.api.order(self.members[name], yuan * 100, paid_at=self.instant.isoformat())
        assert reply.status == 200, reply
        return reply.body["entry"]

    def does(self, name: str, kind: str) -> Any:
        body = {"action_id": self.api.fresh("action"), "kind": kind}
        token = self.members[name].token
        reply = self.api.call("POST", "/v1/me/actions", body, token=token, key=self.api.fresh())
        assert reply.status == 200, reply
        return reply.body["entry"]

    def daily_task(self, name: str) -> Any:
        """Looks in, around, and likes something: the last of the three completes the daily task."""
        self.does(name, "login")
        self.does(name, "browse")
        return self.does(name, "like")

    def is_served(self, name: str) -> Any:
        body = {
            "event_id": self.api.fresh("service"), "member_id": self.members[name].member_id,
            "kind": "service_finished", "occurred_at": self.instant.isoformat(),
        }  # fmt: skip
        reply = self.api.merchant("POST", "/v1/events", body)
        assert reply.status == 200, reply
        return reply.body["entry"]

    def tier(self, name: str) -> Any:
        home = get(self.api, self.members[name], "/v1/me")["tier"]
        assert home == get(self.api, self.members[name], "/v1/me/tier")
        return home

    def balance(self, name: str) -> int:
        return int(get(self.api, self.members[name], "/v1/me")["points"]["balance"])

    def kept_by(self, name: str) -> tuple[int, str]:
        """(percent of what keeps the tier, the stage of losing it)."""
        found = self.tier(name)["retention"]
        return found["percent"], found["stage"]

    def inbox(self, name: str) -> list[str]:
        """What the member was told in the app, newest first, coupons left out."""
        found = notices(self.api, self.members[name])
        return [body for kind, body in found if kind != "benefits_granted"]


def reads(entry: Any) -> list[str]:
    return [line["why_zh"] for line in entry["lines"]]


def test_three_members_a_year(api: Api) -> None:
    year = Year(api)
    all_three_become_gold(year)
    ann_comes_by_every_monday_and_thursday(year)
    after_six_months_two_are_behind(year)
    a_month_before_the_end_two_are_warned(year)
    ben_sprints(year)
    the_year_is_over(year)
    cat_is_given_time_and_uses_some_of_it(year)
    cat_steps_down(year)
    cat_comes_back(year)
    what_is_left_to_each(year)


def all_three_become_gold(year: Year) -> None:
    """24 November 2026: 2,000 yuan in a life make gold, at once, from nothing. It is held a year."""
    for name in year.members:
        entry = year.buys(name, 2000)
        assert reads(entry) == [
            "消费：2000 元 × 1 = 2000",
            "首单奖励：100",
            "每周任务：200",
            "升级为金卡，有效期至 2027-11-24",
            "等级提升：500",
        ]
        # With the 100 for joining.
        assert year.balance(name) == 2900
        gold = year.tier(name)
        assert (gold["code"], gold["since"], gold["valid_until"]) == ("gold", "2026-11-24", "2027-11-24")
        assert gold["progress"][0]["words"] == {"zh": "再消费 8000 元可升级钻石", "en": "8000 yuan to Diamond"}
        # 1,000 yuan, 5 uses or 50 tasks keep it, or a part of each; the promotion was a task in itself.
        assert [(share["metric"], share["have"], share["need"]) for share in gold["retention"]["shares"]] == [
            ("spend_fen", 0, 100_000),
            ("uses", 0, 5),
            ("tasks", 1, 50),
        ]
        assert year.kept_by(name) == (2, "held")


def ann_comes_by_every_monday_and_thursday(year: Year) -> None:
    """Looking in, around, and liking something is the daily task: 50 points, and 2 % of what keeps gold, each time."""
    day, percents = date(2026, 11, 30), []
    while len(percents) < 49:
        assert year.until(day) == []
        assert reads(year.daily_task("ann")) == ["点赞：5", "每日任务：50"]
        percents.append(year.kept_by("ann")[0])
        day += timedelta(days=3 if day.isoweekday() == 1 else 4)
    assert percents == list(range(4, 102, 2))
    assert year.instant.date() == date(2027, 5, 17)
    assert year.tier("ann")["retention"]["safe"]
    # 20 for a login as gold, 5 for the like, 50 for the task, 49 times.
    assert year.balance("ann") == 2900 + 49 * 75


def after_six_months_two_are_behind(year: Year) -> None:
    """Half of the year has gone: who has not half of what keeps the tier is told so, early."""
    assert year.until("2027-05-24") == [
        "2027-05-24 ann tier_on_pace",
        "2027-05-24 ben tier_early_warning",
        "2027-05-24 cat tier_early_warning",
    ]
    assert year.inbox("ann") == []
    assert year.inbox("ben") == year.inbox("cat") == ["金卡保级进度 2%，落后于时间进度"]
    assert year.kept_by("ben") == (2, "early")


def a_month_before_the_end_two_are_warned(year: Year) -> None:
    """Thirty days before the end, to the day. Whoever is safe is left in peace."""
    assert year.until("2027-10-24") == []
    assert year.until("2027-10-25") == [
        "2027-10-25 ann tier_safe",
        "2027-10-25 ben tier_warned",
        "2027-10-25 cat tier_warned",
    ]
    assert year.inbox("ann") == []
    for name in ("ben", "cat"):
        assert year.inbox(name)[0] == "金卡将于 2027-11-24 到期，保级进度 2%，保级冲刺开始"
        assert year.kept_by(name) == (2, "sprint")
        assert year.tier(name)["retention"]["warned_on"] == "2027-10-25"


def ben_sprints(year: Year) -> None:
    """In the sprint tasks pay double, and the first purchase of a day is 5 % by itself, and 50 points. Fifty yuan are
    5 % of 1,000, and the daily task 2 %: an evening is worth 12 %. After eight it is 98 %, not enough; the ninth is."""
    evenings = [date(2027, 10, 26) + timedelta(days=3 * number) for number in range(9)]
    percents, happened = [], []
    for evening in evenings:
        happened += year.until(evening)
        assert reads(year.buys("ben", 50)) == [
            "消费：50 元 × 1 × 2（等级倍率） = 100",
            "保级冲刺，今日消费：50",
        ]
        assert reads(year.daily_task("ben")) == ["点赞：5", "每日任务：50 × 2（保级冲刺）= 100"]
        percents.append(year.kept_by("ben")[0])
    assert percents == [14, 26, 38, 50, 62, 74, 86, 98, 110]
    # 100 and 50 for the purchase, 20 for the login, 5 for the like, 100 for the task.
    assert year.balance("ben") == 2900 + 9 * 275
    # Meanwhile everybody's points of last November are about to expire, and everybody is told.
    assert happened == [f"2027-10-31 {name} expiry_noticed" for name in ("ann", "ben", "cat")]
    assert year.inbox("cat")[0] == "2900 积分将于 2027-11-30 后过期"


def the_year_is_over(year: Year) -> None:
    """24 November 2027 is gold's last day; on the 25th two begin another year, and Cat has thirty days of grace."""
    assert year.until("2027-11-24") == [f"2027-11-23 {name} expiry_noticed" for name in ("ann", "ben", "cat")]
    assert year.until("2027-11-25") == [
        "2027-11-25 ann tier_kept",
        "2027-11-25 ben tier_kept",
        "2027-11-25 cat tier_grace",
    ]
    for name in ("ann", "ben"):
        assert year.inbox(name)[0] == "保级成功：金卡有效期至 2028-11-25"
        assert (year.tier(name)["valid_until"], year.kept_by(name)) == ("2028-11-25", (0, "held"))
    assert year.inbox("cat")[0] == "金卡未达到保级条件（2%），宽限至 2027-12-24"
    assert (year.tier("cat")["code"], year.kept_by("cat")) == ("gold", (2, "grace"))
    # The points that were announced twice leave with the month, and not before.
    balances = {"ann": 2900 + 49 * 75, "ben": 2900 + 9 * 275, "cat": 2900}
    assert year.until("2027-11-30") == []
    assert {name: year.balance(name) for name in year.members} == balances
    assert sorted(year.until("2027-12-01")) == [
        "2027-12-01 ann expiry_noticed",  # of her points of last December
        "2027-12-01 ann lots_expired",
        "2027-12-01 ben lots_expired",
        "2027-12-01 cat lots_expired",
    ]
    # Ann's first evening was in November too.
    assert {name: year.balance(name) for name in year.members} == {"ann": 48 * 75, "ben": 9 * 275, "cat": 0}


def cat_is_given_time_and_uses_some_of_it(year: Year) -> None:
    """A completed task in the time of grace extends it by thirty days."""
    assert year.until("2027-12-20") == []
    assert reads(year.daily_task("cat")) == ["点赞：5", "每日任务：50", "保级宽限期延长至 2028-01-23"]
    assert year.tier("cat")["retention"]["grace_until"] == "2028-01-23"
    assert [line for line in year.until("2028-01-23") if "cat" in line] == []
    assert year.tier("cat")["code"] == "gold"


def cat_steps_down(year: Year) -> None:
    """One step and no more, 91 days after the warning. What made her gold once does not make her gold again."""
    assert [line for line in year.until("2028-01-24") if "cat" in line] == ["2028-01-24 cat tier_lapsed"]
    assert year.inbox("cat")[0] == "金卡已到期，调整为银卡"
    silver = year.tier("cat")
    assert (silver["code"], silver["since"], silver["valid_until"]) == ("silver", "2028-01-24", "2029-01-24")
    assert silver["progress"][0]["words"]["zh"] == "再消费 2000 元可升级金卡"


def cat_comes_back(year: Year) -> None:
    """Within ninety days what would have kept gold brings it back: 600 of 1,000 yuan, and two of five uses."""
    year.until("2028-03-01")
    assert reads(year.buys("cat", 600)) == ["消费：600 元 × 1 × 1.5（等级倍率） = 900", "每周任务：200"]
    assert reads(year.is_served("cat")) == ["完成服务：已记录"]
    assert year.tier("cat")["code"] == "silver"
    assert reads(year.is_served("cat")) == ["完成服务：已记录", "恢复金卡，有效期至 2029-03-01"]
    assert year.tier("cat")["code"] == "gold"


def what_is_left_to_each(year: Year) -> None:
    """Gold was given a coupon each month, Cat but for the February in which she was silver; and every balance is the
    sum of what its owner did, less what was told of in time and expired."""
    year.until("2028-03-02")
    assert year.coupons == {"ann": 17, "ben": 17, "cat": 16}
    # Of Ann's evenings those of December, January and February have gone meanwhile, 25 of them.
    assert {name: year.balance(name) for name in year.members} == {
        "ann": (48 - 25) * 75,
        "ben": 9 * 275,
        "cat": 75 + 900 + 200,
    }
