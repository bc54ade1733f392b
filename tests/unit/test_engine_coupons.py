"""Coupons in the law: which entries grant them, which withdraw them, and which order was a first one."""

from typing import Any

import pytest

from chalicelib.engine.decision import Entry
from chalicelib.engine.events import CouponsGranted, Refund, TaskClaimed
from chalicelib.engine.refusals import CouponNotGranted, NotOnSale
from chalicelib.engine.tasks import states
from chalicelib.rulebook.lint_entry import entry_bytes
from chalicelib.rulebook.model import load
from tests.unit.documents import changed
from tests.unit.lives import Life, book, shanghai
from tests.unit.mall import Mall
from tests.unit.rulebooks import published
from tests.unit.test_engine_benefits import benefit, giving
from tests.unit.test_engine_tasks_undone import WEEKLY
from tests.unit.test_rulebook_coupons import NAMED, definition

COUPONS = {"definitions": [definition(code="tea"), definition(code="old", valid_days=None, ends_on="2026-11-24")]}
GIVES = {**WEEKLY, "coupon": "tea"}
TAPPED = {**GIVES, "claim": "tap"}


def weekly(task: dict[str, Any] = GIVES) -> Life:
    return Life(book(tasks=[task], coupons=COUPONS))


def facts(entry: Entry) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What the entry grants, and withdraws."""
    return entry.facts.get("coupons", []), entry.facts.get("coupons_withdrawn", [])


def granted(of: str, quantity: int = 1, coupon: str = "tea") -> dict[str, Any]:
    return {"coupon": coupon, "quantity": quantity, "of": of}


# Tasks --------------------------------------------------------------------------------------------------------------


def test_a_task_grants_its_coupon_in_the_entry_that_completes_it() -> None:
    life = weekly()
    assert facts(life.order(29_999)) == ([], [])
    entry = life.order(1)
    assert facts(entry) == ([granted("task#weekly")], [])
    assert ("Coupon: coupon", "优惠券：券") in [(line.why, line.why_zh) for line in entry.lines]
    assert facts(life.order(30_000)) == ([], [])


def test_the_third_invite_that_counts_grants_a_coupon_and_no_later_one() -> None:
    invite = {"code": "invite", "name": NAMED, "metrics": ["qualified_invites"]}
    goal = {"metric": "qualified_invites", "window": "lifetime", "at_least": 3, "name": NAMED}
    task = {"id": "invited", "name": NAMED, "kind": "newcomer", "goals": [goal], "coupon": "tea"}
    life = Life(book(behaviours=[invite], earning=[], tasks=[task], coupons=COUPONS))
    found = []
    for _ in range(6):
        life.do("invite")
        found.append(facts(life.entries[-1])[0])
    assert found == [[], [], [granted("task#invited")], [], [], []]


def test_a_refund_that_undoes_the_task_withdraws_its_coupon() -> None:
    life = weekly()
    paid = life.order(30_000, order_id="A")
    assert facts(life.refund("A", 1)) == ([], [{"quantity": 1, "of": "task#weekly", "since": paid.seq}])
    # Done again, it is granted again.
    assert facts(life.order(30_000, order_id="B")) == ([granted("task#weekly")], [])


def test_what_the_task_gave_then_is_withdrawn_whatever_it_gives_now() -> None:
    life = weekly()
    paid = life.order(30_000, order_id="A")
    life.book = book(tasks=[WEEKLY], coupons=COUPONS)
    assert facts(life.refund("A", 1)) == ([], [{"quantity": 1, "of": "task#weekly", "since": paid.seq}])


def test_a_task_that_gave_none_withdraws_none() -> None:
    life = weekly(WEEKLY)
    life.order(30_000, order_id="A")
    life.book = book(tasks=[GIVES], coupons=COUPONS)
    entry = life.refund("A", 1)
    assert (facts(entry), entry.facts["tasks_undone"]) == (([], []), ["weekly"])


@pytest.mark.parametrize("tapped", [False, True])
def test_a_task_that_waits_for_a_tap_grants_with_the_tap(tapped: bool) -> None:
    life = weekly(TAPPED)
    paid = life.order(30_000, order_id="A")
    assert facts(paid) == ([], [])
    if tapped:
        assert facts(life.record(TaskClaimed(life.cause(), "weekly"))) == ([granted("task#weekly")], [])
        assert [shown.state for shown in states(life.book.rulebook, life.account, life.today)] == ["done"]
    # Whatever the task gives by now, and however it is claimed.
    life.book = book(tasks=[WEEKLY], coupons=COUPONS)
    withdrawn = [{"quantity": 1, "of": "task#weekly", "since": paid.seq}] if tapped else []
    assert facts(life.refund("A", 1)) == ([], withdrawn)


@pytest.mark.parametrize(("day", "grants"), [("2026-11-24 23:59", True), ("2026-11-25 00:00", False)])
def test_a_coupon_that_has_ended_is_not_granted(day: str, grants: bool) -> None:
    life = Life(book(tasks=[{**WEEKLY, "coupon": "old"}], coupons=COUPONS), shanghai(day))
    entry = life.order(30_000)
    assert facts(entry)[0] == ([granted("task#weekly", coupon="old")] if grants else [])
    assert "weekly" in entry.facts["tasks"]


# Benefits -----------------------------------------------------------------------------------------------------------


def test_a_benefit_that_names_a_coupon_grants_so_many_of_it_each_month() -> None:
    tiers = giving(gold=[benefit("monthly", per_month=2, coupon="tea"), benefit("plain", per_month=1)]).rulebook.tiers
    life = Life(published(tiers=tiers.model_dump(), coupons=COUPONS))
    life.hold("gold")
    (entry,) = life.due()
    assert facts(entry) == ([granted("benefit#monthly", 2)], [])
    assert [one["benefit"] for one in entry.facts["entitlements"]] == ["monthly", "plain"]


# The mall -----------------------------------------------------------------------------------------------------------


def mall(coupon: str = "tea", **fields: Any) -> Mall:
    return Mall(100, book=published(earning=[], coupons=COUPONS), kind="coupon", coupon=coupon, **fields)


def test_a_redeemed_coupon_offer_grants_as_many_as_were_redeemed() -> None:
    shop = mall()
    shop.redeem(3)
    assert facts(shop.scopes["R0"][0]) == ([granted("redemption#R0", 3)], [])
    assert shop.record().coupon == "tea"


def test_pieces_given_back_withdraw_as_many() -> None:
    shop = mall()
    shop.redeem(3)
    first = shop.scopes["R0"][0].seq
    assert facts(shop.step("return", 1)) == ([], [{"quantity": 1, "of": "redemption#R0", "since": first}])
    assert facts(shop.step("claim")) == ([], [])
    assert facts(shop.step("refund")) == ([], [{"quantity": 2, "of": "redemption#R0", "since": first}])


def test_an_offer_of_a_coupon_that_nobody_grants_takes_no_points() -> None:
    for coupon, until in (("none", ""), ("old", "2026-11-25 00:00")):
        shop = mall(coupon)
        if until:
            shop.life.at(until)
        with pytest.raises(NotOnSale):
            shop.redeem()
        assert shop.life.account.balance == 100


def test_a_redemption_from_before_coupons_withdraws_none() -> None:
    shop = Mall(100, kind="coupon")
    shop.redeem()
    assert shop.record().coupon == ""
    assert facts(shop.step("return")) == ([], [])


# Operators ----------------------------------------------------------------------------------------------------------


def test_goodwill_is_an_entry_of_its_own() -> None:
    life = Life(book(coupons=COUPONS))
    cause = life.cause("coupons#1")
    entry = life.record(CouponsGranted(cause, "tea", 2, "sorry", "operator:ada"))
    assert (entry.kind, entry.points, entry.facts["actor"]) == ("coupons_granted", 0, "operator:ada")
    assert facts(entry) == ([granted(f"operator#{cause.key}", 2)], [])
    assert entry.lines[0].why == "coupon × 2: sorry"
    for coupon in ("none", "old"):
        with pytest.raises(CouponNotGranted):
            life.at("2026-11-25 00:00").record(CouponsGranted(life.cause(), coupon, 1, "sorry", "operator:ada"))


# First orders and full refunds --------------------------------------------------------------------------------------


def test_a_first_order_says_so_and_so_does_the_next_one_after_a_full_refund() -> None:
    life = Life(book(coupons=COUPONS))
    assert life.order(1_000, order_id="A").facts["first"] is True
    assert "first" not in life.order(1_000, order_id="B").facts
    assert "refunded_in_full" not in life.refund("A", 999).facts
    assert life.refund("A", 1).facts["refunded_in_full"] is True
    assert "first" not in life.order(1_000).facts
    alone = Life(book(coupons=COUPONS))
    alone.order(1_000, order_id="A")
    alone.refund("A", 1_000)
    assert alone.order(1_000).facts["first"] is True


@pytest.mark.parametrize(("fen", "full"), [(1_000, True), (999, False)])
def test_a_refund_that_came_before_its_payment_says_so_there(fen: int, full: bool) -> None:
    life = Life(book(coupons=COUPONS))
    entry = life.order(1_000, order_id="A", early=(Refund("r", fen),))
    assert entry.facts["first"] is True
    assert ("refunded_in_full" in entry.facts) == full


# Entries have a size ------------------------------------------------------------------------------------------------


def test_every_coupon_that_may_be_granted_makes_the_largest_entry_larger() -> None:
    def size(coupon: str | None, many: int) -> int:
        value = {"per_month": 1, **({"coupon": coupon} if coupon else {})}
        benefits = [{**benefit(f"b{number}"), "value": value} for number in range(many)]
        tasks = [{**WEEKLY, "coupon": coupon, "id": f"t{number}"} for number in range(10 - many)]
        tiers = {f"tiers.levels.{rank}.benefits": benefits if rank == 3 else [] for rank in range(4)}
        return entry_bytes(load(changed({"tasks": tasks, "badges": [], **tiers})))

    # Of ten tasks at once, and of a year of ten monthly benefits at once.
    for many, least in ((0, 10 * 100), (10, 120 * 100)):
        assert size("mall_10", many) - size(None, many) > least
