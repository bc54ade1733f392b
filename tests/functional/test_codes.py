"""Codes of virtual offers, over HTTP: loaded once, each given once, readable by whoever has it and by nobody else."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.redemption import items, offers
from chalicelib.redemption.items import CodeItem
from chalicelib.shared import audit, secrets
from chalicelib.shared.config import settings
from tests.functional.mall_room import coded, free, load, use
from tests.functional.redemptions_room import (
    claim,
    document,
    offer,
    redeem,
    redeemed,
    restocked_by_somebody_else,
    rich,
    show,
    step,
)
from tests.harness import faults
from tests.harness.api import Api, Member

FIVE = tuple(f"CODE-{number}-XYZ" for number in range(5))


@pytest.fixture
def ann(api: Api) -> Member:
    return rich(api)


# Loading -------------------------------------------------------------------------------------------------------------


def test_the_same_code_loaded_twice_is_one_code(api: Api) -> None:
    coded(api)
    assert load(api, *FIVE[:3], FIVE[0]).body == {"new": 3, "known": 1, "left": 3}
    assert load(api, *FIVE).body == {"new": 2, "known": 3, "left": 5}
    assert load(api, *FIVE).body == {"new": 0, "known": 5, "left": 5}
    assert free() == 5


def test_the_same_code_of_two_offers_is_two(api: Api) -> None:
    coded(api, *FIVE)
    coded(api, *FIVE, offer_id="songs")
    assert (free("films"), free("songs")) == (5, 5)


def test_two_hundred_codes_at_once_are_the_most_and_are_spread_over_the_shards(api: Api) -> None:
    coded(api, stock={"mode": "codes", "shards": 8})
    many = [f"C{number:04}" for number in range(201)]
    assert load(api, *many).status == 422
    assert load(api, *many[:200]).body == {"new": 200, "known": 0, "left": 200}
    assert [int(shard.left) for shard in items.shards("films", "all")] == [25] * 8
    assert load(api, *many[100:]).status == 200
    assert free() == 201


NO_CODES: tuple[list[Any], ...] = (
    [], [""], [" A"], ["A "], ["a\nb"], ["a\tb"], ["码"], ["A" * 129], [1], [None], ["\u202eA"], [["A"]],
)  # fmt: skip


def test_what_is_no_code_is_refused_and_nothing_is_loaded(api: Api) -> None:
    coded(api)
    for codes in NO_CODES:
        path = "/v1/admin/offers/films/codes"
        reply = api.call("POST", path, {"codes": ["GOOD", *codes] if codes else []}, token=api.operator())
        assert reply.status == 422, codes
        assert reply.body["error"]["details"][0]["field"].startswith("codes"), codes
    assert load(api, "A", "A B", "https://brand.example/?c=1", "!" * 128).body["new"] == 4
    assert free() == 4


def test_only_an_offer_of_codes_takes_codes(api: Api) -> None:
    offer(api, "mug", "virtual", stock={"mode": "total", "pieces": 5})
    assert load(api, "A", offer_id="mug").code == "OFFER_NOT_CODED"
    assert load(api, "A", offer_id="nothing").code == "OFFER_UNKNOWN"


def test_the_stock_is_the_codes_and_nothing_else(api: Api) -> None:
    coded(api, *FIVE)
    token = api.operator("operator")
    stock = "/v1/admin/offers/films/stock"
    assert api.call("PUT", stock, {"pieces": 9}, token=token).code == "CODES_ARE_THE_STOCK"
    shown = api.call("GET", stock, token=token).body
    assert (shown["mode"], shown["pieces"], shown["sold"], shown["left"]) == ("codes", 5, 0, 5)
    change = {"document": document("films", "virtual", stock={"mode": "total", "pieces": 9}), "revision": 1}
    assert api.call("PUT", "/v1/admin/offers/films", change, token=token).status == 200
    refused = api.call("POST", "/v1/admin/offers/films/publish", {}, token=token)
    assert [found["code"] for found in refused.body["error"]["details"]] == ["CODES_FIXED"]


def test_a_coded_offer_is_published_again_whatever_is_sold(api: Api, ann: Member) -> None:
    coded(api, *FIVE)
    redeemed(api, ann, "films")
    offer(api, "films", "virtual", stock={"mode": "codes", "low_percent": 50})
    assert free() == 4


def test_loading_killed_anywhere_and_done_again_has_loaded_each_once(api: Api) -> None:
    coded(api)
    token = api.operator("operator")
    many = [f"C{number:04}" for number in range(50)]
    for number in range(20):
        before = faults.snapshot()
        try:
            with faults.killed_after(number):
                load(api, *many, token=token)
        except faults.Killed:
            pass
        else:
            break
        assert load(api, *many, token=token).body["left"] == 50
        assert free() == 50
        faults.restore(before)
    assert number > 3


def test_two_operators_who_load_the_same_file_at_once_load_it_once(api: Api) -> None:
    coded(api)
    token = api.operator("operator")
    with faults.no_sleep(), ThreadPoolExecutor(2) as pool:
        replies = list(pool.map(lambda _: load(api, *FIVE, token=token), range(2)))
    assert {reply.status for reply in replies} == {200}
    assert sum(reply.body["new"] for reply in replies) == 5
    assert free() == 5


def test_loading_is_audited_by_count(api: Api) -> None:
    coded(api, *FIVE)
    (record,) = [found for found in audit.page(f"{api.clock.now:%Y-%m-%d}", 50, None) if found.action == "offer.codes"]
    assert (record.target, record.details) == ("films", {"new": 5})


# Giving --------------------------------------------------------------------------------------------------------------


def test_a_code_is_given_shown_again_and_gone_from_the_pool(api: Api, ann: Member) -> None:
    coded(api, *FIVE)
    reply = redeem(api, ann, "films", key="tap", quantity=2)
    assert reply.status == 200
    mine = reply.body["codes"]
    assert (len(set(mine)), set(mine) <= set(FIVE), free()) == (2, True, 3)
    assert redeem(api, ann, "films", key="tap", quantity=2).body == reply.body
    redemption_id = reply.body["redemption"]["redemption_id"]
    assert show(api, ann, redemption_id)["codes"] == mine
    assert (reply.body["redemption"]["state"], api.account(ann).balance) == ("fulfilled", 980)


def test_other_offers_have_no_codes(api: Api, ann: Member) -> None:
    offer(api)
    assert redeem(api, ann).body["codes"] == []


@pytest.mark.parametrize(("quantity", "status"), [(5, 200), (6, 422)])
def test_five_codes_at_once_are_the_most(api: Api, ann: Member, quantity: int, status: int) -> None:
    coded(api, *FIVE, "SIXTH")
    assert redeem(api, ann, "films", quantity=quantity).status == status


def test_a_pool_that_runs_dry_is_sold_out_until_more_are_loaded(api: Api, ann: Member) -> None:
    coded(api)
    assert redeem(api, ann, "films").code == "SOLD_OUT"
    load(api, *FIVE[:2])
    first = redeem(api, ann, "films", key="first")
    refused = redeem(api, ann, "films", quantity=2)
    assert (refused.code, refused.body["error"]["details"][0]["left"]) == ("SOLD_OUT", 1)
    assert redeem(api, ann, "films").status == 200
    assert redeem(api, ann, "films").code == "SOLD_OUT"
    assert redeem(api, ann, "films", key="first").body == first.body
    assert (free(), api.account(ann).balance) == (0, 980)


def test_a_code_that_came_back_is_burnt(api: Api, ann: Member) -> None:
    coded(api, FIVE[0])
    redemption_id = redeemed(api, ann, "films")
    refused = step(api, redemption_id, "return", restock=True)
    assert (refused.code, refused.body["error"]["details"][0]["field"]) == ("STEP_REFUSED", "restock")
    assert step(api, redemption_id, "return").body["state"] == "returned"
    assert (free(), api.account(ann).balance) == (0, 1_000)
    assert load(api, FIVE[0]).body == {"new": 0, "known": 1, "left": 0}
    restocked_by_somebody_else()
    assert redeem(api, ann, "films").code == "SOLD_OUT"


def test_a_refunded_claim_burns_the_code_too(api: Api, ann: Member) -> None:
    coded(api, FIVE[0])
    redemption_id = redeemed(api, ann, "films")
    claim(api, ann, redemption_id)
    assert step(api, redemption_id, "refund", restock=True).code == "STEP_REFUSED"
    assert step(api, redemption_id, "refund").body["state"] == "returned"
    assert free() == 0


def test_a_member_marks_a_code_as_used_once(api: Api, ann: Member) -> None:
    coded(api, *FIVE)
    redemption_id = redeemed(api, ann, "films")
    assert use(api, ann, redemption_id).body["state"] == "used"
    assert use(api, ann, redemption_id).code == "STEP_REFUSED"
    assert use(api, rich(api, "bob"), redemption_id).code == "REDEMPTION_UNKNOWN"
    offer(api)
    assert use(api, ann, redeemed(api, ann)).code == "STEP_REFUSED"


def test_a_coded_redemption_killed_at_any_call_and_sent_again_has_given_one_code(
    api: Api, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offers, "REVALIDATE_SECONDS", float("inf"))
    coded(api, *FIVE)
    for number in range(9):
        before = faults.snapshot()
        try:
            with faults.killed_after(number):
                redeem(api, ann, "films", key="key")
        except faults.Killed:
            pass
        else:
            break
        again = redeem(api, ann, "films", key="key")
        assert (again.status, len(again.body["codes"])) == (200, 1)
        assert (free(), api.account(ann).balance) == (4, 990)
        faults.restore(before)
    assert number >= 4  # the shards, the free codes, the account, the transaction, the code


@pytest.mark.parametrize("codes", [1, 3])
def test_two_taps_at_once_never_get_the_same_code(api: Api, ann: Member, codes: int) -> None:
    bob = rich(api, "bob")
    coded(api, *FIVE[:codes])
    with faults.no_sleep(), ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda n: redeem(api, (ann, bob)[n % 2], "films"), range(4)))
    given = [reply.body["codes"][0] for reply in replies if reply.status == 200]
    assert (len(given), len(set(given)), free()) == (codes, codes, 0)
    assert Counter(reply.code for reply in replies) == {"": codes, "SOLD_OUT": 4 - codes}


def test_one_tap_sent_twice_at_once_takes_one_code(api: Api, ann: Member) -> None:
    coded(api, *FIVE)
    for number in range(5):
        with faults.no_sleep(), ThreadPoolExecutor(2) as pool:
            pair = list(pool.map(lambda _: redeem(api, ann, "films", key=f"tap-{number}"), range(2)))  # noqa: B023
        assert [reply.status for reply in pair] == [200, 200]
        assert pair[0].body == pair[1].body
        assert free() == 4 - number


def test_a_code_taken_between_the_look_and_the_transaction_is_chosen_around(api: Api, ann: Member) -> None:
    coded(api, *FIVE)
    # PynamoDB sends the deletion of the free code before the entry and the account.
    refused = faults.cancelled("ConditionalCheckFailed", "None", "None", "None")
    with faults.answering("TransactWriteItems", refused) as made:
        assert redeem(api, ann, "films").status == 200
    assert (len(made), free()) == (2, 4)


# At rest -------------------------------------------------------------------------------------------------------------


def test_a_code_stands_nowhere_in_plain_text_and_support_sees_its_end(
    api: Api, ann: Member, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "VERY-SECRET-CODE-1234"
    coded(api, secret)
    redemption_id = redeemed(api, ann, "films")
    show(api, ann, redemption_id)
    shown = api.call("GET", f"/v1/admin/redemptions/{redemption_id}", token=api.operator("support"))
    assert shown.body["codes"] == ["••••1234"]
    assert [item for item in faults.state() if secret in item] == []
    logged = capsys.readouterr()
    assert secret not in logged.out + logged.err
    entries = api.call("GET", "/v1/me/points/entries", token=ann.token).body
    assert secret not in json.dumps(entries)


def rotate() -> None:
    found = secrets.read(settings().codes_secret)
    secrets.write(settings().codes_secret, {**found, "current": "k2", "k2": "f" * 32})


def test_a_new_key_seals_from_now_on_and_the_old_one_still_opens(api: Api, ann: Member) -> None:
    coded(api, FIVE[0])
    redemption_id = redeemed(api, ann, "films")
    rotate()
    assert load(api, FIVE[0], FIVE[1]).body == {"new": 1, "known": 1, "left": 1}
    assert {item.key for item in CodeItem.query("codes#films")} == {"k1", "k2"}
    assert redeem(api, ann, "films").body["codes"] == [FIVE[1]]
    assert show(api, ann, redemption_id)["codes"] == [FIVE[0]]


def spoil(place: str) -> None:
    for item in CodeItem.query(place):
        item.sealed = ("B" if item.sealed[0] == "A" else "A") + item.sealed[1:]
        item.save()


def test_a_code_that_was_tampered_with_is_not_given(api: Api, ann: Member, capsys: pytest.CaptureFixture[str]) -> None:
    coded(api, FIVE[0])
    spoil("free-codes#films")
    reply = redeem(api, ann, "films")
    assert (reply.status, reply.code, reply.body["error"]["retryable"]) == (503, "CODES_UNREADABLE", True)
    assert (free(), api.account(ann).balance) == (1, 1_000)
    assert '"codes_unreadable": 1' in capsys.readouterr().out
    load(api, FIVE[1])
    assert redeem(api, ann, "films").body["codes"] == [FIVE[1]]


def test_a_code_spoilt_after_it_was_given_is_shown_as_unreadable_and_nothing_fails(api: Api, ann: Member) -> None:
    coded(api, *FIVE[:2])
    first = redeem(api, ann, "films", key="tap")
    spoil("codes#films")
    redemption_id = first.body["redemption"]["redemption_id"]
    assert show(api, ann, redemption_id)["codes"] == [None]
    assert redeem(api, ann, "films", key="tap").body["codes"] == [None]
    token = api.operator("support")
    assert api.call("GET", f"/v1/admin/redemptions/{redemption_id}", token=token).body["codes"] == [None]


def test_a_code_moved_to_another_offer_opens_nothing(api: Api, ann: Member) -> None:
    coded(api, FIVE[0])
    coded(api, FIVE[0], offer_id="songs")
    (moved,) = CodeItem.query("free-codes#films")
    (target,) = CodeItem.query("free-codes#songs")
    target.sealed = moved.sealed
    target.save()
    assert redeem(api, ann, "songs").code == "CODES_UNREADABLE"


def rang(capsys: pytest.CaptureFixture[str]) -> bool:
    return '"codes_low": 1' in capsys.readouterr().out


def test_it_rings_when_no_more_than_a_share_of_the_codes_is_left(
    api: Api, ann: Member, capsys: pytest.CaptureFixture[str]
) -> None:
    coded(api, *FIVE, stock={"mode": "codes", "low_percent": 40})
    for expected in (False, False, True, True):  # 4, 3, 2, 1 of 5 left
        redeemed(api, ann, "films")
        assert rang(capsys) is expected


@pytest.mark.parametrize("sealed", ["", "A", "AAAA", "not base64", "码"])
def test_what_was_never_sealed_is_not_opened(api: Api, ann: Member, sealed: str) -> None:
    coded(api, *FIVE)
    redemption_id = redeemed(api, ann, "films")
    for item in CodeItem.query("codes#films"):
        item.sealed, item.key = sealed or item.sealed, item.key if sealed else "k9"
        item.save()
    assert show(api, ann, redemption_id)["codes"] == [None]
