"""A merchant uses coupons on orders: once, on the right order, and given back when the order is."""

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from chalicelib.coupons import items, rules, uses
from tests.functional.coupons_room import (
    about_coupons,
    cancel,
    check_orders,
    definition,
    deliver,
    given,
    held,
    mine,
    states,
    told,
    use,
    with_coupons,
)
from tests.functional.members_room import erase
from tests.harness.api import Api, Member, Reply

TEA = {"sku": "T", "category": "tea", "amount_fen": 3_000}
CUPS = {"sku": "C", "category": "cups", "amount_fen": 7_000, "quantity": 2}
DEFINITIONS = [
    definition(),
    definition("big", amount_off_fen=9_500, stacks=True),
    definition("tea", amount_off_fen=2_000, categories=["tea"], threshold_fen=3_000, stacks=True),
    definition("fifth", kind="percent_off", amount_off_fen=None, percent_off=20, max_off_fen=1_500, stacks=True),
    definition("post", kind="free_shipping", amount_off_fen=None, stacks=True),
    definition("cup", kind="exchange", amount_off_fen=None, sku="C"),
    definition("day", valid_days=1),
]


@pytest.fixture
def ann(api: Api) -> Iterator[Member]:
    """A member of a brand with these coupons. After the test the coupons and the orders agree."""
    api.publish(with_coupons(*DEFINITIONS))
    member = api.log_in("ann")
    yield member
    check_orders(member)


def one(api: Api, member: Member, coupon: str = "ten") -> str:
    (code,) = given(api, member, coupon)
    return code


def answered(reply: Reply) -> tuple[int, str, int | None]:
    return reply.status, reply.code, reply.body.get("discount_fen")


# Once ---------------------------------------------------------------------------------------------------------------


def test_the_same_report_is_the_same_answer_and_another_is_none(api: Api, ann: Member) -> None:
    code = one(api, ann)
    first = use(api, code)
    assert first.body == {
        "code": code, "order_id": "o-1", "used_at": "2026-11-24T04:00:00.000Z", "discount_fen": 1_000,
        "free_shipping": False, "sku": None,
    }  # fmt: skip
    assert "Idempotency-Replayed" not in first.headers
    api.clock.pass_(days=400)
    again = use(api, f"{code[:4]}-{code[4:8]}-{code[8:].lower()}")
    assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (200, first.body, "true")
    assert answered(use(api, code, amount_fen=10_001)) == (409, "IDEMPOTENCY_MISMATCH", None)
    assert answered(use(api, code, items=[TEA])) == (409, "IDEMPOTENCY_MISMATCH", None)
    assert answered(use(api, code, "o-2")) == (409, "COUPON_USED", None)
    (item,) = mine(api, api.log_in("ann"))["items"]
    assert (item["state"], item["discount_fen"], item["used_at"]) == ("used", 1_000, first.body["used_at"])


@pytest.mark.parametrize(
    ("coupon", "fields", "wanted"),
    [
        ("ten", {"amount_fen": 999}, (200, "", 999)),
        ("tea", {"items": [TEA, CUPS]}, (200, "", 2_000)),
        ("tea", {"items": [CUPS]}, (409, "COUPON_NOT_APPLICABLE", None)),
        ("tea", {}, (409, "COUPON_NOT_APPLICABLE", None)),
        ("tea", {"items": [{**TEA, "amount_fen": 2_999}]}, (409, "COUPON_NOT_APPLICABLE", None)),
        ("fifth", {}, (200, "", 1_500)),
        ("fifth", {"amount_fen": 7_499}, (200, "", 1_500)),
        ("fifth", {"amount_fen": 7_494}, (200, "", 1_499)),
        ("post", {}, (200, "", 0)),
        ("cup", {"items": [CUPS]}, (200, "", 3_500)),
        ("cup", {"items": [TEA]}, (409, "COUPON_NOT_APPLICABLE", None)),
        ("ten", {"items": [TEA, CUPS, TEA]}, (422, "INVALID_FIELDS", None)),
        ("ten", {"amount_fen": -1}, (422, "INVALID_FIELDS", None)),
        ("ten", {"amount_fen": 1.5}, (422, "INVALID_FIELDS", None)),
        ("ten", {"order_id": "a#b"}, (422, "INVALID_FIELDS", None)),
        ("ten", {"more": 1}, (422, "INVALID_FIELDS", None)),
        ("ten", {"amount_fen": 0}, (409, "COUPON_NOT_APPLICABLE", None)),
    ],
)
def test_a_use_is_worth_what_the_terms_say(
    api: Api, ann: Member, coupon: str, fields: dict[str, Any], wanted: tuple[int, str, int | None]
) -> None:
    code = one(api, ann, coupon)
    reply = use(api, code, **fields)
    assert answered(reply) == wanted
    assert states(ann) == [rules.USED if reply.status == 200 else rules.USABLE]
    if reply.status == 200:
        assert (reply.body["free_shipping"], reply.body["sku"]) == (coupon == "post", "C" if coupon == "cup" else None)


@pytest.mark.parametrize("code", ["none", "2" * 11, "会" * 12, "2222-2222-2223", "a" * 500])
def test_what_is_no_code_is_unknown(api: Api, ann: Member, code: str) -> None:
    assert use(api, quote(code)).code == "COUPON_UNKNOWN"
    assert api.merchant("GET", f"/v1/coupons/{quote(code)}").code == "COUPON_UNKNOWN"


# Stacking -----------------------------------------------------------------------------------------------------------


def test_coupons_of_an_order_stack_only_if_all_do_and_never_two_of_a_kind(api: Api, ann: Member) -> None:
    big, tea, fifth, other = (one(api, ann, name) for name in ("big", "tea", "fifth", "fifth"))
    ten = one(api, ann, "ten")
    lines = {"items": [TEA, CUPS]}
    assert answered(use(api, big, **lines)) == (200, "", 9_500)
    # Of 10 yuan off tea at most what is left of the whole order: 500.
    assert answered(use(api, tea, **lines)) == (200, "", 500)
    assert answered(use(api, fifth, **lines)) == (409, "COUPON_NOT_APPLICABLE", None)
    assert answered(use(api, fifth, "o-2", **lines)) == (200, "", 1_500)
    assert answered(use(api, other, "o-2", **lines)) == (409, "COUPON_NOT_APPLICABLE", None)
    assert answered(use(api, ten, "o-2", **lines)) == (409, "COUPON_NOT_APPLICABLE", None)
    assert answered(use(api, ten, "o-3", **lines)) == (200, "", 1_000)
    assert answered(use(api, other, "o-3", **lines)) == (409, "COUPON_NOT_APPLICABLE", None)


def test_an_order_takes_the_coupons_of_one_member(api: Api, ann: Member) -> None:
    ben = api.log_in("ben")
    mine_, bens = one(api, ann, "big"), one(api, ben, "tea")
    assert use(api, mine_, items=[TEA]).status == 200
    assert answered(use(api, bens, items=[TEA])) == (409, "COUPON_NOT_APPLICABLE", None)


# Its last day ---------------------------------------------------------------------------------------------------------


def test_its_last_day_ends_at_the_shops_midnight(api: Api, ann: Member) -> None:
    first, second = one(api, ann, "day"), one(api, ann, "day")
    # Noon of the 24th; the 25th is the last day, and ends at 16:00 UTC.
    api.clock.pass_(hours=35, minutes=59)
    assert use(api, first).status == 200
    api.clock.pass_(minutes=1)
    refused = use(api, second, "o-2")
    assert answered(refused) == (409, "COUPON_EXPIRED", None)
    assert refused.body["error"]["details"] == [{"field": "code", "problem": "its last day was 2026-11-25"}]
    assert [item["state"] for item in mine(api, api.log_in("ann"))["items"]] == ["expired", "used"]


# Given back ---------------------------------------------------------------------------------------------------------


def test_an_abandoned_checkout_gives_the_coupon_back_and_keeps_it_off_that_order(api: Api, ann: Member) -> None:
    code = one(api, ann)
    use(api, code)
    first = cancel(api, code)
    assert first.body == {
        "code": code, "order_id": "o-1", "cancelled_at": "2026-11-24T04:00:00.000Z", "given_back": True,
    }  # fmt: skip
    assert sorted(told(ann)) == ["coupon_granted", "coupon_returned"]
    api.clock.pass_(days=1)
    again = cancel(api, code)
    assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (200, first.body, "true")
    # The first report, delivered once more, changes nothing.
    assert use(api, code).code == "COUPON_USE_ENDED"
    assert use(api, code, "o-2").status == 200
    # And a cancellation that comes once more does not touch the other order.
    assert cancel(api, code).body == first.body
    assert states(ann) == [rules.USED]


def test_a_cancellation_that_overtook_its_use_holds(api: Api, ann: Member) -> None:
    code = one(api, ann)
    assert cancel(api, code).body["given_back"] is False
    assert use(api, code).code == "COUPON_USE_ENDED"
    assert use(api, code, "o-2").status == 200
    assert cancel(api, code, "bad%23id").status == 422


def refunded(api: Api, member: Member, order_id: str = "o-1", part: int = 10_000) -> list[Any]:
    """The order is paid and refunded; the facts of it that are about coupons, in order."""
    before = len(about_coupons(member))
    assert api.order(member, 10_000, order_id).status == 200
    assert api.refund(order_id, f"r-{order_id}", part).status == 200
    return about_coupons(member)[before:]


def test_a_full_refund_gives_it_back_and_a_partial_one_does_not(api: Api, ann: Member) -> None:
    code = one(api, ann)
    use(api, code)
    assert [fact["kind"] for fact in refunded(api, ann, part=9_999)] == ["order_paid"]
    before = len(about_coupons(ann))
    api.refund("o-1", "rest", 1)
    (fact,) = about_coupons(ann)[before:]
    assert deliver(fact, fact) == []
    assert told(ann).count("coupon_returned") == 1
    assert use(api, code).code == "COUPON_USE_ENDED"
    assert cancel(api, code).body["given_back"] is True
    (item,) = mine(api, ann)["items"]
    assert (item["state"], item["expires_on"], item["returned_on"]) == ("usable", "2026-12-24", "2026-11-24")
    assert "退回" in item["terms"]["zh"]


def test_a_use_reported_after_the_refund_loses_no_coupon(api: Api, ann: Member) -> None:
    code = one(api, ann)
    assert deliver(*refunded(api, ann)) == []
    assert use(api, code).code == "COUPON_USE_ENDED"
    assert use(api, code, "o-2").status == 200


def test_a_coupon_that_comes_back_after_its_last_day_has_seven_days_more(api: Api, ann: Member) -> None:
    codes = [one(api, ann, "day") for _ in range(2)]
    for number, code in enumerate(codes):
        use(api, code, f"o-{number}")
    api.clock.pass_(days=2)
    for number, code in enumerate(codes):
        assert cancel(api, code, f"o-{number}").body["given_back"] is True
    assert {item.expires_on for item in held(ann)} == {"2026-12-03"}
    api.clock.pass_(days=7)
    assert use(api, codes[0], "o-7").status == 200
    api.clock.pass_(days=1)
    assert use(api, codes[1], "o-8").code == "COUPON_EXPIRED"


def test_one_used_before_its_notice_comes_back_with_as_many(api: Api, ann: Member) -> None:
    code = one(api, ann)
    use(api, code)
    api.clock.pass_(days=40)
    assert cancel(api, code).body["given_back"] is True
    (item,) = held(ann)
    assert (item.expires_on, item.noticed) == ("2027-01-10", True)


def test_an_order_remembers_a_bounded_number_of_coupons(api: Api, ann: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uses, "MAX_REMEMBERED", 2)
    codes = [one(api, ann, "post") for _ in range(3)]
    assert [cancel(api, code).status for code in codes] == [200, 200, 409]
    assert use(api, codes[2]).code == "TOO_MANY_COUPONS"
    assert cancel(api, codes[0]).status == 200


def test_who_is_frozen_uses_no_coupon_and_still_has_it_back(api: Api, ann: Member) -> None:
    before, code = one(api, ann), one(api, ann)
    first = use(api, before)
    path = f"/v1/admin/members/{ann.member_id}/freeze"
    assert api.call("POST", path, {"reason": "a test"}, token=api.operator(), key="freeze").status == 200
    refused = use(api, code, "o-2")
    assert (refused.status, refused.code) == (403, "MEMBER_FROZEN")
    assert use(api, before).body == first.body
    assert cancel(api, before).body["given_back"] is True
    assert states(ann) == [rules.USABLE] * 2


def test_a_coupon_of_somebody_erased_is_not_used(api: Api, ann: Member) -> None:
    code = one(api, ann)
    erase(api, ann)
    assert use(api, code).code == "MEMBER_ERASED"
    assert states(ann) == [rules.USABLE]


# At the same moment ---------------------------------------------------------------------------------------------------


def at_once(*work: Callable[[], Reply]) -> list[Reply]:
    """Each on a thread of its own, let go at the same moment."""
    barrier = threading.Barrier(len(work))

    def run(call: Callable[[], Reply]) -> Reply:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(run, work))


def test_of_many_uses_of_one_coupon_exactly_one_counts(api: Api, ann: Member) -> None:
    code = one(api, ann)
    replies = at_once(*(lambda n=n: use(api, code, f"o-{n}") for n in range(8)))  # type: ignore[misc]
    assert Counter(reply.code for reply in replies) == {"": 1, "COUPON_USED": 7}


def test_of_two_coupons_that_do_not_go_together_exactly_one_is_used(api: Api, ann: Member) -> None:
    codes = given(api, ann, "ten", 2) + given(api, ann, "big", 2)
    replies = at_once(*(lambda code=code: use(api, code) for code in codes))  # type: ignore[misc]
    assert Counter(reply.code for reply in replies) == {"": 1, "COUPON_NOT_APPLICABLE": 3}


def test_the_same_report_at_the_same_moment_is_one_use_and_one_answer(api: Api, ann: Member) -> None:
    code = one(api, ann)
    replies = at_once(*(lambda: use(api, code) for _ in range(6)))
    assert [reply.status for reply in replies] == [200] * 6
    assert len({str(reply.body) for reply in replies}) == 1
    assert sum("Idempotency-Replayed" not in reply.headers for reply in replies) == 1


def test_whatever_comes_together_no_coupon_is_lost_and_none_used_twice(api: Api, ann: Member) -> None:
    dice = random.Random(5)
    codes = given(api, ann, "post", 3)
    facts = [fact for n in range(3) for fact in refunded(api, ann, f"o-{n}")]
    for _ in range(4):
        work: list[Callable[[], Any]] = []
        for _ in range(6):
            code, order = dice.choice(codes), f"o-{dice.randrange(6)}"
            work.append(dice.choice([
                lambda code=code, order=order: use(api, code, order),  # type: ignore[misc]
                lambda code=code, order=order: cancel(api, code, order),  # type: ignore[misc]
                lambda: deliver(*dice.sample(facts, 2)),
            ]))  # fmt: skip
        at_once(*work)
        check_orders(ann)
    for code in codes:
        item = items.by_code(code)
        assert item
        assert item.state in (rules.USED, rules.USABLE)
        if item.state == rules.USABLE:
            assert use(api, code, f"fresh-{code}").status == 200
