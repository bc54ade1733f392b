"""Coupons as their member, a merchant and operators see them."""

import json
from typing import Any

import pytest

from chalicelib.coupons import service
from tests.functional.coupons_room import MINE, definition, given, held, mine, use, with_coupons
from tests.harness.api import Api, Member

POST = definition("post", kind="free_shipping", amount_off_fen=None)
TEA = definition("tea", threshold_fen=3_000, categories=["tea"])
CUP = definition("cup", kind="exchange", amount_off_fen=None, sku="C")


@pytest.fixture
def ann(api: Api) -> Member:
    api.publish(with_coupons(definition(), definition("day", valid_days=1), POST, TEA, CUP))
    return api.log_in("ann")


def listed(api: Api, member: Member, query: str) -> tuple[list[str], str | None]:
    body = mine(api, member, query)
    return [item["code"] for item in body["items"]], body["next_cursor"]


def test_coupons_are_listed_newest_first_page_by_page(api: Api, ann: Member) -> None:
    codes = [given(api, ann)[0] for _ in range(5)]
    seen: list[str] = []
    cursor, pages = "", 0
    while pages == 0 or cursor:
        page, following = listed(api, ann, f"?limit=2{cursor}")
        seen, pages = [*seen, *page], pages + 1
        cursor = f"&cursor={following}" if following else ""
    assert (seen, pages) == (codes[::-1], 3)
    assert listed(api, ann, "?limit=5") == (codes[::-1], None)


def test_a_state_lists_its_own_and_what_is_withdrawn_is_shown_to_operators_only(api: Api, ann: Member) -> None:
    usable, used, over, gone = (given(api, ann, name)[0] for name in ("ten", "ten", "day", "post"))
    use(api, used)
    path, reason = f"/v1/admin/coupons/{gone}/withdrawal", {"reason": "a mistake"}
    assert api.call("POST", path, reason, token=api.operator()).body["recalled"].startswith("operator:")
    api.clock.pass_(days=2)
    ann = api.log_in("ann")
    for state, codes in (("usable", [usable]), ("used", [used]), ("expired", [over])):
        assert listed(api, ann, f"?state={state}")[0] == codes
    assert set(listed(api, ann, "")[0]) == {usable, used, over}
    path = f"/v1/admin/members/{ann.member_id}/coupons"
    shown = api.call("GET", path, token=api.operator("support")).body["items"]
    assert [(item["code"], item["state"], item["order_id"]) for item in shown] == [
        (gone, "withdrawn", None), (over, "expired", None), (used, "used", "o-1"), (usable, "usable", None),
    ]  # fmt: skip
    assert {item["source"].partition("#")[0] for item in shown} == {"operator"}
    only = api.call("GET", f"{path}?state=used", token=api.operator()).body["items"]
    assert [item["code"] for item in only] == [used]
    for code in (used, over):
        refused = api.call("POST", f"/v1/admin/coupons/{code}/withdrawal", reason, token=api.operator())
        assert (refused.status, refused.code) == (409, "COUPON_NOT_USABLE")
    assert api.call("GET", "/v1/admin/members/nobody/coupons", token=api.operator()).code == "MEMBER_UNKNOWN"


def test_a_member_reads_no_order_and_no_other_member(api: Api, ann: Member) -> None:
    ben = api.log_in("ben")
    (code,) = given(api, ann)
    use(api, code, "order-of-ben")
    text = json.dumps(mine(api, ann))
    assert "order-of-ben" not in text
    assert "operator" not in text
    assert mine(api, ben)["items"] == []


def test_a_search_for_a_rare_state_goes_on_with_the_cursor(
    api: Api, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    (oldest,) = given(api, ann)
    use(api, oldest)
    given(api, ann, "ten", 6)
    monkeypatch.setattr(service, "MAX_LOOKED_AT", 4)
    monkeypatch.setattr(service, "PORTION", 2)
    page, cursor = listed(api, ann, "?state=used&limit=2")
    looked = 1
    while not page and cursor:
        page, cursor = listed(api, ann, f"?state=used&limit=2&cursor={cursor}")
        looked += 1
    assert (page, looked) == ([oldest], 2)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?state=withdrawn", 422),
        ("?limit=0", 422),
        ("?limit=101", 422),
        ("?cursor=mine", 400),
        ("?cursor=MTI", 400),
        ("?cursor=Ilx1ZDgwMCI", 400),
    ],
)
def test_bad_questions_are_refused(api: Api, ann: Member, query: str, status: int) -> None:
    assert api.call("GET", MINE + query, token=ann.token).status == status


QUOTES: list[tuple[str, str, int | None, bool]] = [
    ("ten", "", None, False),
    ("ten", "?amount_fen=999", 999, False),
    ("ten", "?amount_fen=0", None, True),
    ("tea", "?amount_fen=3000", None, True),
    ("tea", "?amount_fen=3000&category=tea", 1_000, False),
    ("tea", "?amount_fen=2999&category=tea", None, True),
    ("post", "?amount_fen=5", 0, False),
    ("cup", "?amount_fen=500&sku=C", 500, False),
    ("cup", "?amount_fen=500", None, True),
]


@pytest.mark.parametrize(("coupon", "query", "discount_fen", "problem"), QUOTES, ids=[f"{q[0]} {q[1]}" for q in QUOTES])
def test_a_merchant_looks_a_coupon_up_before_using_it(
    api: Api, ann: Member, coupon: str, query: str, discount_fen: int | None, problem: bool
) -> None:
    (code,) = given(api, ann, coupon)
    before = [item.serialize() for item in held(ann)]
    path, _, question = f"/v1/coupons/{code}{query}".partition("?")
    asked: dict[str, Any] = dict(pair.split("=") for pair in question.split("&")) if question else {}
    body = api.merchant("GET", path, query=asked or None).body
    assert (body["usable"], body["discount_fen"], body["problem"] is not None) == (True, discount_fen, problem)
    assert body["coupon"]["code"] == code
    assert [item.serialize() for item in held(ann)] == before


def test_what_is_used_or_over_is_quoted_as_such(api: Api, ann: Member) -> None:
    (used,), (over,) = given(api, ann), given(api, ann, "day")
    use(api, used)
    api.clock.pass_(days=2)
    for code, told in ((used, "it is used"), (over, "it is expired")):
        body = api.merchant("GET", f"/v1/coupons/{code}", query={"amount_fen": "500"}).body
        assert (body["usable"], body["discount_fen"], body["problem"]["en"]) == (False, None, told)
