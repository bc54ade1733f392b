"""A history moves in: each order decided as of its payment, and the check that proves it, on a small made-up file."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.notices import inbox
from chalicelib.rulebook import store
from chalicelib.rulebook.presets import preset
from chalicelib.shared import aws as clients
from chalicelib.shared.config import settings
from tests.harness.api import NOON, Api, Member
from tests.realdata import book, check, files, import_check, plain
from tests.realdata.book import Book
from tests.realdata.check import Customer, Shown
from tests.realdata.in_process import WECHAT, InProcessBrand, make_queues, work
from tests.realdata.made_up import TOLD, at, history
from tests.realdata.plain import SHANGHAI, Order

PAID = "2025-03-15T12:00:00+08:00"


@pytest.fixture
def brand(api: Api, monkeypatch: pytest.MonkeyPatch) -> InProcessBrand:
    queue = make_queues()
    monkeypatch.setenv("ORDERS_DEAD_QUEUE_URL", queue.dead_url)
    settings.cache_clear()
    return InProcessBrand(api, queue)


def message(member: Member, **fields: Any) -> dict[str, Any]:
    order = {"order_id": "H-1", "member_id": member.member_id, "paid_at": PAID, "amount_fen": 26850}
    return {"type": "order", **order, "as_of": "paid", **fields}


def deliver(brand: InProcessBrand, value: dict[str, Any]) -> None:
    brand.queue.sqs.send_message(
        QueueUrl=brand.queue.url,
        MessageBody=json.dumps(value),
        MessageGroupId=value["member_id"],
        MessageDeduplicationId=brand.api.fresh(),
    )
    assert work(brand.queue) == 1


def statement(brand: InProcessBrand, member: Member) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = brand.api.call("GET", "/v1/me/points/entries", token=member.token).body["items"]
    return found


def test_an_order_of_the_past_earns_as_on_its_day_and_its_entry_says_so(brand: InProcessBrand) -> None:
    ann = brand.api.log_in("ann")
    deliver(brand, message(ann))
    entry = statement(brand, ann)[0]
    # The 15th: 268.5 yuan × 1.5 = 402.75, 100 for the first order, and 500 for the task of that day.
    assert (entry["points"], entry["at"]) == (1002, "2025-03-15T04:00:00.000Z")
    assert entry["lines"][-1] == {
        "rule": "as_of_payment",
        "points": 0,
        "why": "Past order, brought in on 2026-11-24",
        "why_zh": "历史订单，2026-11-24 导入，按付款时间计算",
    }
    facts = ledger.scope("order#H-1")[0].facts
    assert (facts["as_of"], facts["recorded_at"]) == ("paid", "2026-11-24T04:00:00.000Z")
    assert {str(day): points for day, points in brand.api.account(ann).lots.items()} == {
        "2026-03-31": 1002,
        "2027-11-30": 100,
    }


def test_a_tier_of_the_past_is_not_granted_the_months_that_have_passed(brand: InProcessBrand) -> None:
    ann = brand.api.log_in("ann")
    deliver(brand, message(ann, amount_fen=200_000))
    published = store.current(NOON)
    job = ledger.due.JOBS["benefit_grants"]
    granted = ledger.due.run("tier", ann.member_id, published, NOON, inbox.requests, job)
    assert [entry.facts["entitlements"] for entry in granted] == [
        [
            {
                "benefit": "monthly_coupon",
                "period": "2026-11",
                "quantity": 1,
                "value": {"amount_fen": 5000, "per_month": 1, "coupon": "monthly_50"},
            }
        ]
    ]


def test_an_order_reported_as_of_now_says_nothing_of_the_kind(brand: InProcessBrand) -> None:
    ann = brand.api.log_in("ann")
    deliver(brand, message(ann, as_of=None))
    entry = statement(brand, ann)[0]
    assert [line["rule"] for line in entry["lines"]] == ["purchase", "first_order"]
    assert not {"as_of", "recorded_at"} & set(ledger.scope("order#H-1")[0].facts)


def test_the_same_order_in_the_other_mode_is_a_repeat_whichever_came_first(brand: InProcessBrand) -> None:
    ann = brand.api.log_in("ann")
    deliver(brand, message(ann))
    first = statement(brand, ann)[0]
    reply = brand.api.order(ann, 26850, "H-1", paid_at=PAID)
    assert (reply.status, reply.headers["Idempotency-Replayed"]) == (200, "true")
    assert reply.body["entry"] == first

    reply = brand.api.order(ann, 10000, "H-2", paid_at=PAID)
    deliver(brand, message(ann, order_id="H-2", amount_fen=10000))
    assert statement(brand, ann)[0] == reply.body["entry"]
    assert brand.queue.dead_letters() == 0


def test_another_amount_for_the_same_order_is_set_aside(brand: InProcessBrand) -> None:
    ann = brand.api.log_in("ann")
    deliver(brand, message(ann))
    deliver(brand, message(ann, amount_fen=26851))
    assert brand.queue.dead_reasons() == {"IDEMPOTENCY_MISMATCH": 1}


@pytest.mark.parametrize(("ahead", "dead"), [(timedelta(minutes=5), 0), (timedelta(minutes=5, seconds=1), 1)])
def test_the_future_is_no_history(brand: InProcessBrand, ahead: timedelta, dead: int) -> None:
    ann = brand.api.log_in("ann")
    deliver(brand, message(ann, paid_at=(NOON + ahead).isoformat()))
    assert brand.queue.dead_reasons() == ({"FROM_THE_FUTURE": 1} if dead else {})
    assert len(statement(brand, ann)) == 2 - dead


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/points/preview"])
def test_over_http_nobody_chooses_the_instant_of_the_decision(brand: InProcessBrand, path: str) -> None:
    ann = brand.api.log_in("ann")
    body = {name: value for name, value in message(ann).items() if name != "type"}
    reply = brand.api.merchant("POST", path, body)
    assert (reply.status, reply.code) == (422, "INVALID_FIELDS")
    assert len(statement(brand, ann)) == 1


def test_what_arrived_before_a_past_order_is_settled_in_its_entry(brand: InProcessBrand) -> None:
    ann = brand.api.log_in("ann")
    assert brand.api.refund("H-1", "R-1", 26850).status == 202
    deliver(brand, message(ann))
    assert statement(brand, ann)[0]["points"] == 0


def test_a_message_delivered_twice_is_decided_once(brand: InProcessBrand) -> None:
    ann = brand.api.log_in("ann")
    deliver(brand, message(ann))
    deliver(brand, message(ann))
    assert len(statement(brand, ann)) == 2


# The check


@pytest.mark.parametrize(("orders", "points", "tier"), TOLD)
def test_the_plain_calculation_is_what_one_works_out_by_hand(orders: list[Order], points: list[int], tier: str) -> None:
    found = plain.result(orders, NOON.date())
    assert (found.points[1:], found.standing["tier"]) == (points, tier)
    assert found.balance == sum(found.lots.values()) == 100 + sum(points)


def test_a_week_and_a_day_that_a_later_one_has_followed_stay_closed_to_late_orders(brand: InProcessBrand) -> None:
    ann = brand.api.log_in("ann")
    orders = [at("03-17", 20_000), at("03-15", 40_000), at("03-18", 10)]
    for number, order in enumerate(orders):
        paid_at = order.paid_at.isoformat()
        deliver(brand, message(ann, order_id=f"H-{number}", paid_at=paid_at, amount_fen=order.amount_fen))
    # The late order does no task of its own week and day; what it spent counts in the week it came in, for the next.
    expected = plain.result(orders, NOON.date())
    assert expected.points == [100, 300, 600 + 500, 0 + 200]
    assert book.compare(brand.book([ann.member_id])[ann.member_id], expected) == []


def test_a_history_is_right_imported_once_twice_and_interleaved(brand: InProcessBrand) -> None:
    orders = history()
    report = check.run(brand, orders, "t")
    assert report.problems == []
    assert brand.given == 3 * len(orders)


def test_the_made_up_history_meets_every_tier_and_task() -> None:
    results = {who: plain.result(own, NOON.date()) for who, own in files.by_customer(history()).items()}
    assert {result.standing["tier"] for result in results.values()} == set(plain.TIERS)
    assert results["regular"].standing["tier"] == "diamond"
    assert results["regular"].counters["spend_fen"]["life"] < plain.LIFETIME_FEN["silver"]
    assert {task for result in results.values() for task in result.tasks} == {"weekly", "member_day"}


class Lying:
    """A brand of which the n-th reading of the tables is changed by `plant` for one member."""

    def __init__(self, brand: InProcessBrand, reading: int, plant: Any) -> None:
        self.brand, self.reading, self.plant, self.readings = brand, reading, plant, 0
        self.bring_in, self.log_in, self.shown = brand.bring_in, brand.log_in, brand.shown

    def book(self, member_ids: Sequence[str]) -> Book:
        self.readings += 1
        found = dict(self.brand.book(member_ids))
        if self.readings == self.reading:
            one = next(who for who in member_ids if who in found)
            found[one] = self.plant(found[one])
        return found


def stored(result: plain.Result) -> book.Account:
    """The account that is right for a result."""
    entries, worth = [], 0
    for seq, earned in enumerate(result.points, 1):
        worth += earned
        kind, as_of = ("joined", None) if seq == 1 else ("order_paid", "paid")
        entries.append(book.Entry(seq, kind, earned, worth, earned, as_of))
    rest = (result.lots, result.standing, result.counters, result.tasks, [])
    return book.Account(result.seq, result.balance, 0, *rest, tuple(entries))


ORDERS = [at("01-01", 50_000), at("01-15", 50_000)]
RESULT = plain.result(ORDERS, NOON.date())
RIGHT = stored(RESULT)


def _last(**changes: Any) -> tuple[book.Entry, ...]:
    return (*RIGHT.entries[:-1], replace(RIGHT.entries[-1], **changes))


def test_a_right_account_is_right() -> None:
    # 500 + first order + week + promotion; then 3 times 500 + week + member day.
    assert RESULT.points == [100, 500 + 100 + 200 + 500, 1500 + 200 + 500]
    assert RESULT.standing == {
        "tier": "silver",
        "since": "2025-01-01",
        "until": "2026-01-01",
        "seq": 2,
        "base": {"spend_fen": 50_000, "orders": 1, "tasks": 1},
        "grown": ["silver"],
        "earned": {
            "before": {"tier": "normal", "since": "2026-11-24", "seq": 1},
            "spare": [["spend_fen", "", 0, 0]],
        },
    }
    assert book.compare(RIGHT, RESULT) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"balance": 3601}, "balance is 3601, must be 3600"),
        ({"debt": 1}, "debt is 1, must be 0"),
        ({"lots": {**RESULT.lots, "2027-11-30": 99}}, "lots is"),
        ({"standing": {**RESULT.standing, "tier": "gold"}}, "standing is"),
        ({"standing": {**RESULT.standing, "stage": "warned"}}, "standing is"),
        ({"counters": {**RESULT.counters, "orders": {"life": 3}}}, "counters is"),
        ({"tasks": {**RESULT.tasks, "weekly": ["w:2025-01-06", "done"]}}, "tasks is"),
        ({"badges": ["regular"]}, "badges is"),
        ({"seq": 4}, "the last entry's number is 4, must be 3"),
        ({"entries": RIGHT.entries[:-1]}, "entry (number, points, balance after, sum of lines) is None"),
        ({"entries": (*RIGHT.entries, RIGHT.entries[0])}, "entry (number, points, balance after, sum of lines) is (1,"),
        ({"entries": _last(seq=4)}, "entry (number, points, balance after, sum of lines) is (4,"),
        (
            {"entries": _last(points=2199, lines=2199)},
            "entry (number, points, balance after, sum of lines) is (3, 2199",
        ),
        ({"entries": _last(balance_after=1)}, "entry (number, points, balance after, sum of lines) is (3, 2200, 1,"),
        ({"entries": _last(lines=2199)}, "entry (number, points, balance after, sum of lines) is (3, 2200, 3600, 2199"),
        ({"entries": _last(as_of=None)}, "entry 3 does not say"),
        ({"entries": _last(kind="points_adjusted")}, "entry 3 does not say"),
    ],
)
def test_each_wrong_part_of_an_account_is_reported_alone(changes: dict[str, Any], told: str) -> None:
    (problem,) = book.compare(replace(RIGHT, **changes), RESULT)
    assert problem.startswith(told)


def test_a_member_without_account_is_reported() -> None:
    assert book.compare(None, RESULT) == ["there is no account"]


@pytest.mark.parametrize(
    ("reading", "told"),
    [(1, "ta-1: balance is"), (2, "changed by the second import"), (3, "interleaved: tb-")],
)
def test_one_planted_point_is_reported_at_each_pass(brand: InProcessBrand, reading: int, told: str) -> None:
    orders = [order for order in history() if order.customer in ("c1", "c2")][:3]
    lying = Lying(brand, reading, lambda account: replace(account, balance=account.balance + 1))
    report = check.run(lying, orders, "t")
    assert any(told in problem for problem in report.problems)
    assert told in check.told(report)


def test_a_member_shown_a_wrong_balance_is_reported(brand: InProcessBrand, monkeypatch: pytest.MonkeyPatch) -> None:
    right = brand.shown

    def wrong(customers: Sequence[Customer]) -> list[Shown]:
        return [
            (balance + (customer.openid == WECHAT.openid("ta-1")), lots, tier)
            for customer, (balance, lots, tier) in zip(customers, right(customers), strict=True)
        ]

    orders = [Order("c1", datetime(2025, 1, 1, 12, tzinfo=SHANGHAI), 500)]
    monkeypatch.setattr(brand, "shown", wrong)
    assert check.run(brand, orders, "t").problems == ["ta-1: the member is shown something else"]


def test_schedules_stand_still_during_the_check_and_go_on_even_after_a_failure(brand: InProcessBrand) -> None:
    events = clients.client("events")
    events.put_rule(Name="hourly", ScheduleExpression="cron(0 * * * ? *)")
    events.put_rule(Name="halted", ScheduleExpression="cron(0 * * * ? *)", State="DISABLED")
    events.put_rule(Name="pattern", EventPattern='{"source": ["x"]}')

    def states() -> dict[str, str]:
        return {rule["Name"]: rule["State"] for rule in events.list_rules()["Rules"]}

    before = states()
    assert before == {"hourly": "ENABLED", "halted": "DISABLED", "pattern": "ENABLED"}

    def failing() -> None:
        with import_check.schedules_halted(events):
            assert states() == {**before, "hourly": "DISABLED"}
            raise SystemExit

    with pytest.raises(SystemExit):
        failing()
    assert states() == before


def test_a_queue_that_loses_an_order_is_reported(brand: InProcessBrand) -> None:
    class Losing(InProcessBrand):
        def bring_in(self, path: Any) -> int:
            lines = path.read_text().splitlines(keepends=True)
            path.write_text("".join(lines[:-1]))
            return super().bring_in(path)

    orders = [Order("c1", datetime(2025, 1, day, 12, tzinfo=SHANGHAI), 500) for day in (1, 2, 3)]
    problems = check.run(Losing(brand.api, brand.queue), orders, "t").problems
    assert "imported: 2 of 3 rows were sent" in problems


def test_interleaving_changes_the_order_of_customers_and_not_of_one_customer() -> None:
    orders = history()
    shuffled = files.interleaved(orders, 1)
    assert shuffled != orders
    assert files.by_customer(shuffled) == files.by_customer(orders)


WEEK = {"metric": "spend_fen", "window": "week", "at_least": 1}
SHARES = {"metric": "shares", "window": "week", "at_least": 1}


@pytest.mark.parametrize(
    ("section", "value", "named"),
    [
        ("multipliers", [], ["tier factors", "member-day factors"]),
        ("member_day", {"days_of_month": [16]}, ["member day"]),
        ("expiry", {"valid_months": 11}, ["expiry"]),
        ("pending", {"mode": "days"}, ["pending"]),
        ("earning", [], ["joining", "orders"]),
        ("tiers", {"levels": [], "held_months": 12}, ["thresholds"]),
        ("tasks", [{"id": "x", "kind": "weekly", "points": 1, "goals": [WEEK, SHARES]}], ["tasks"]),
        ("tasks", [*preset("retail")["tasks"], {"id": "x", "kind": "weekly", "points": 1, "goals": [WEEK]}], ["tasks"]),
        ("badges", [{"id": "x", "goal": {"metric": "orders", "at_least": 9}}], ["badges"]),
    ],
)
def test_another_brand_s_rules_are_told_apart(section: str, value: Any, named: list[str]) -> None:
    assert plain.differences(preset("retail")) == []
    assert plain.differences({**preset("retail"), section: value}) == named


def test_what_orders_alone_do_not_reach_makes_no_difference() -> None:
    document = preset("retail")
    tasks = [*document["tasks"], {"id": "x", "kind": "weekly", "points": 1, "goals": [WEEK, SHARES]}]
    badges = [{"id": "x", "goal": {**WEEK, "also": [SHARES]}}]
    assert plain.differences({**document, "tasks": tasks, "badges": badges}) == []


@pytest.mark.parametrize(
    "text",
    [
        " 00004 0001 19970101  2   29.33\n 00021 0002 19970118  3   63.3\n",
        "order_id,openid,paid_at,amount_yuan\nA,0001,1997-01-01T12:00:00+08:00,29.33\n"
        "B,0002,1997-01-18T12:00:00+08:00,63.3\n",
        "\ufefforder_id,openid,paid_at,amount_fen\nB,0002,1997-01-18T12:00:00+08:00,6330\n"
        "A,0001,1997-01-01T12:00:00+08:00,2933\n",
    ],
)
def test_both_forms_of_a_file_say_the_same(tmp_path: Any, text: str) -> None:
    path = tmp_path / "orders"
    path.write_text(text, "utf-8")
    assert files.read(path) == [
        Order("0001", datetime(1997, 1, 1, 12, tzinfo=SHANGHAI), 2933),
        Order("0002", datetime(1997, 1, 18, 12, tzinfo=SHANGHAI), 6330),
    ]
