"""Coupons made of facts: granted and withdrawn by entries, however each fact is delivered."""

import json
import random
import threading
from itertools import permutations
from typing import Any

import pytest

from chalicelib.coupons import items, rules
from chalicelib.ledger import due
from chalicelib.notices import inbox
from chalicelib.rulebook import store
from chalicelib.rulebook.presets import preset
from tests.functional.coupons_room import (
    about_coupons,
    definition,
    deliver,
    given,
    grant,
    held,
    mine,
    settle,
    states,
    told,
    use,
    with_coupons,
)
from tests.functional.redemptions_room import offer, redeemed, rich, step
from tests.functional.tiers_room import claim, with_task
from tests.harness.api import Api, Member


@pytest.fixture
def ann(api: Api) -> Member:
    """A member with points in a brand with the coupon `ten`."""
    api.publish(with_coupons(definition()))
    return rich(api)


def bought(api: Api, member: Member, quantity: int = 1) -> str:
    """A redemption of an offer that gives `ten`; its fact is not delivered yet."""
    offer(api, "ten_off", coupon="ten")
    return redeemed(api, member, "ten_off", quantity=quantity)


def contents(member: Member) -> list[Any]:
    """Everything about the member's coupons but what chance decides."""
    return [(item.kind, item.state, item.expires_on, bool(item.noticed), item.recalled) for item in held(member)]


# Granting -----------------------------------------------------------------------------------------------------------


def test_a_redeemed_offer_is_in_the_members_hands_once_its_fact_is_delivered(api: Api, ann: Member) -> None:
    bought(api, ann, 3)
    assert mine(api, ann)["items"] == []
    settle(ann)
    items_ = mine(api, ann)["items"]
    assert len({item["code"] for item in items_}) == 3
    assert all(rules.read_code(item["code"]) == item["code"] for item in items_)
    first = items_[0]
    assert {key: first[key] for key in ("coupon", "kind", "name", "state", "granted_on", "expires_on")} == {
        "coupon": "ten", "kind": "amount_off", "name": {"zh": "券", "en": "coupon"}, "state": "usable",
        "granted_on": "2026-11-24", "expires_on": "2026-12-24",
    }  # fmt: skip
    assert first["terms"] == {"zh": "减 10 元；不可与其他优惠券同用", "en": "10 yuan off; not with another coupon"}
    assert first["worth"]["amount_off_fen"] == 1_000
    # One notice a grant, not a piece.
    assert told(ann) == ["coupon_granted"]
    (notice,) = [n for n in inbox.page(ann.member_id, 100, None)[0] if n.kind == "coupon_granted"]
    assert notice.body["zh"] == "券 × 3 已到账，有效期至 2026-12-24。"


def test_a_tasks_coupon_comes_with_the_order_that_completes_it(api: Api, ann: Member) -> None:
    goal = {"metric": "orders", "window": "day", "at_least": 1, "name": {"zh": "订单", "en": "orders"}}
    api.publish({**with_task(id="buyer", kind="daily", goals=[goal], coupon="ten"), **with_coupons(definition())})
    api.order(ann, 1_000, "o-1")
    settle(ann)
    assert [item.source for item in held(ann) if item.source != "surprise#o-1"] == ["task#buyer"]
    api.refund("o-1", "r-1", 1_000)
    settle(ann)
    assert states(ann) == [rules.WITHDRAWN] * 2
    assert mine(api, ann)["items"] == []


def test_a_benefits_coupons_come_with_their_month(api: Api) -> None:
    member = api.log_in("gia")
    body = {"tier": "gold", "reason": "a courtesy"}
    path = f"/v1/admin/members/{member.member_id}/tier"
    assert api.call("POST", path, body, token=api.operator(), key="gold").status == 200

    published = store.current(api.clock.now)
    due.run("tier", member.member_id, published, api.clock.now, inbox.requests, due.JOBS["benefit_grants"])
    settle(member)
    assert [(item.source, item.definition.code) for item in held(member)] == [("benefit#monthly_coupon", "monthly_50")]


def test_goodwill_stands_in_the_statement_and_the_audit_trail_and_is_given_once(api: Api, ann: Member) -> None:
    replies = [grant(api, ann, "ten", 2, key="same") for _ in range(2)]
    # Two operators, so two grants; the same operator's repeat is in test_http_idempotency.
    assert [reply.status for reply in replies] == [200, 200]
    assert replies[0].body["entry"]["lines"][0]["why"] == "coupon × 2: a courtesy"
    settle(ann)
    assert len(held(ann)) == 4
    day = "2026-11-24"
    trail = api.call("GET", f"/v1/admin/audit?day={day}", token=api.operator()).body["items"]
    assert [one["details"] for one in trail if one["action"] == "coupons.grant"] == [
        {"coupon": "ten", "quantity": "2", "reason": "a courtesy"}
    ] * 2
    refused = grant(api, ann, "none")
    assert (refused.status, refused.code) == (422, "COUPON_NOT_GRANTED")


def test_the_terms_are_those_of_the_rulebook_of_the_grant_whenever_they_are_issued(api: Api, ann: Member) -> None:
    bought(api, ann)
    api.publish(with_coupons(definition(amount_off_fen=1)))
    (before,) = about_coupons(ann)
    assert deliver(before) == []
    api.publish({"coupons": {}, "tiers": {**_without_coupons()}})
    assert deliver(before) == []
    (item,) = held(ann)
    assert item.definition.amount_off_fen == 1_000
    assert use(api, item.code).body["discount_fen"] == 1_000


def _without_coupons() -> dict[str, Any]:

    tiers: dict[str, Any] = preset("retail")["tiers"]
    for level in tiers["levels"]:
        for benefit in level["benefits"]:
            benefit.get("value", {}).pop("coupon", None)
    return tiers


def test_more_pieces_than_one_transaction_takes_are_all_issued(api: Api, ann: Member) -> None:
    bought(api, ann, 60)
    settle(ann)
    settle(ann)
    assert len({item.code for item in held(ann)}) == 60
    assert told(ann) == ["coupon_granted"]


@pytest.mark.parametrize(("on", "state"), [("2026-10-25", rules.USABLE), ("2026-10-24", rules.EXPIRED)])
def test_an_order_of_the_past_brings_what_would_be_left_of_its_coupon(
    api: Api, ann: Member, on: str, state: str
) -> None:
    grant(api, ann)
    (fact,) = about_coupons(ann)
    past = {**fact, "on": on, "facts": {**fact["facts"], "as_of": "paid"}}
    assert deliver(past, past) == []
    (item,) = held(ann)
    assert (item.state, item.due_on is None) == (state, state == rules.EXPIRED)
    assert told(ann) == (["coupon_granted"] if state == rules.USABLE else [])


# Delivered twice, together, in any order ------------------------------------------------------------------------------


def test_a_fact_delivered_again_issues_nothing_more(api: Api, ann: Member) -> None:
    bought(api, ann, 2)
    (fact,) = about_coupons(ann)
    assert deliver(fact, fact) == []
    codes = [item.code for item in held(ann)]
    api.clock.pass_(days=40)
    assert deliver(fact) == []
    assert [item.code for item in held(ann)] == codes
    assert told(ann) == ["coupon_granted"]


def test_two_deliveries_at_the_same_moment_are_one(api: Api, ann: Member) -> None:
    redemption = bought(api, ann, 3)
    step(api, redemption, "return", quantity=1)
    granted, withdrawn = about_coupons(ann)
    for fact in (granted, withdrawn):
        barrier, failures = threading.Barrier(4), []  # type: threading.Barrier, list[list[str]]

        def consume(fact: Any = fact, barrier: threading.Barrier = barrier, failures: Any = failures) -> None:
            barrier.wait()
            failures.append(deliver(fact))

        threads = [threading.Thread(target=consume) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == [[], [], [], []]
    assert sorted(states(ann)) == [rules.USABLE, rules.USABLE, rules.WITHDRAWN]


def redelivered(facts: list[Any], rounds: int = 20) -> None:
    """As a queue would: what was given back comes again after the others, until nothing is."""
    waiting = list(facts)
    for _ in range(rounds):
        if not waiting:
            return
        failed = deliver(*waiting)
        waiting = [waiting[int(message[1:])] for message in failed]
    raise AssertionError("a message that never succeeds")


def test_whatever_the_order_of_grants_and_withdrawals_the_end_is_the_same(api: Api, ann: Member) -> None:
    redemption = bought(api, ann, 3)
    step(api, redemption, "return", quantity=1)
    step(api, redemption, "return", quantity=1)
    facts = about_coupons(ann)
    assert len(facts) == 3
    ends = set()
    for order in permutations(facts):
        for item in held(ann):
            item.delete()
        # Another instant, of which there is no notice yet.
        api.clock.pass_(seconds=1)
        redelivered([*order, random.Random(3).choice(order)])
        ends.add(json.dumps(sorted(states(ann))))
    assert ends == {json.dumps([rules.USABLE, rules.WITHDRAWN, rules.WITHDRAWN])}


def test_a_withdrawal_that_overtook_its_grant_comes_again(api: Api, ann: Member) -> None:
    redemption = bought(api, ann)
    step(api, redemption, "return")
    granted, withdrawn = about_coupons(ann)
    assert deliver(withdrawn) == ["m0"]
    assert held(ann) == []
    assert deliver(withdrawn, granted) == ["m0"]
    assert deliver(withdrawn) == []
    assert states(ann) == [rules.WITHDRAWN]


# Withdrawing --------------------------------------------------------------------------------------------------------


def test_a_used_piece_is_withdrawn_last_and_once_it_comes_back(api: Api, ann: Member) -> None:
    redemption = bought(api, ann, 2)
    settle(ann)
    first, second = (item.code for item in held(ann))
    assert use(api, first, "o-1").status == 200
    step(api, redemption, "return", quantity=1)
    settle(ann)
    assert states(ann) == [rules.USED, rules.WITHDRAWN]
    step(api, redemption, "return", quantity=1)
    settle(ann)
    assert states(ann) == [rules.USED, rules.WITHDRAWN]
    assert api.merchant("POST", f"/v1/coupons/{first}/uses/o-1/cancellation", {}).body["given_back"] is True
    assert states(ann) == [rules.WITHDRAWN] * 2
    assert use(api, second, "o-2").code == "COUPON_NOT_USABLE"


def test_what_an_operator_withdrew_is_not_asked_for_twice(api: Api, ann: Member) -> None:
    redemption = bought(api, ann)
    settle(ann)
    (item,) = held(ann)
    path, body = f"/v1/admin/coupons/{item.code}/withdrawal", {"reason": "given by mistake"}
    replies = [api.call("POST", path, body, token=api.operator("support")) for _ in range(2)]
    assert [(reply.status, reply.body["state"]) for reply in replies] == [(200, rules.WITHDRAWN)] * 2
    trail = api.call("GET", "/v1/admin/audit?day=2026-11-24", token=api.operator()).body["items"]
    assert [one["action"] for one in trail].count("coupon.withdraw") == 1
    step(api, redemption, "return")
    assert deliver(*about_coupons(ann)) == []
    assert states(ann) == [rules.WITHDRAWN]


def test_of_a_task_that_was_tapped_the_withdrawal_waits_for_its_grant_too(api: Api, ann: Member) -> None:
    goal = {"metric": "orders", "window": "day", "at_least": 1, "name": {"zh": "订单", "en": "orders"}}
    task = with_task(id="buyer", kind="daily", claim="tap", goals=[goal], coupon="ten")
    api.publish({**task, **with_coupons(definition(), surprise=None)})
    api.order(ann, 1_000, "o-1")
    assert claim(api, ann, "buyer").status == 200
    api.refund("o-1", "r-1", 1_000)
    granted, withdrawn = [fact for fact in about_coupons(ann) if not fact["facts"].get("first")]
    assert deliver(withdrawn) == ["m0"]
    assert deliver(granted) == deliver(withdrawn) == []
    assert states(ann) == [rules.WITHDRAWN]


@pytest.mark.parametrize("how", ["auto", "tap"])
def test_two_orders_for_a_fen_that_are_both_refunded_leave_no_coupon(api: Api, ann: Member, how: str) -> None:
    goal = {"metric": "orders", "window": "day", "at_least": 1, "name": {"zh": "订单", "en": "orders"}}
    task = with_task(id="buyer", kind="daily", claim=how, goals=[goal], coupon="ten", points=30)
    api.publish({**task, **with_coupons(definition(), surprise=None)})
    before = api.account(ann).balance
    api.order(ann, 1, "o-1")
    assert (claim(api, ann, "buyer").status == 200) == (how == "tap")
    api.order(ann, 1, "o-2")
    for order_id in ("o-1", "o-2"):
        api.refund(order_id, f"r-{order_id}", 1)
    settle(ann)
    assert (states(ann), api.account(ann).balance) == ([rules.WITHDRAWN], before)


# Poison -------------------------------------------------------------------------------------------------------------

BAD: list[Any] = [
    "not json", "[]", "{}", {"facts": []}, {"facts": {"first": True}}, {"facts": {"coupons": [{"coupon": "ten"}]}},
    {"facts": {"coupons": [{"coupon": "ten", "quantity": 0, "of": "task#t"}]}},
    {"facts": {"coupons": [{"coupon": "gone", "quantity": 1, "of": "task#t"}]}},
    {"member_id": "somebody"}, {"rulebook_version": 99}, {"seq": 0},
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(BAD)))
def test_a_poison_message_is_given_back_alone_wherever_it_stands(api: Api, ann: Member, number: int) -> None:
    grant(api, ann)
    (fact,) = about_coupons(ann)
    bad = BAD[number] if isinstance(BAD[number], str) else {**fact, **BAD[number]}
    for place in range(2):
        batch = [fact]
        batch.insert(place, bad)
        assert deliver(*batch) == [f"m{place}"]
    assert len(held(ann)) == 1


def test_a_coupon_lies_where_its_code_and_its_day_are_found(api: Api, ann: Member) -> None:
    (code,) = given(api, ann)
    (item,) = held(ann)
    found = items.by_code(code)
    assert found
    assert (found.id, found.kind) == (ann.member_id, item.kind)
    assert (item.due_on, item.due_shard is not None) == ("2026-12-21", True)
