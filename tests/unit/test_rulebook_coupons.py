"""The rulebook's section on coupons: what it may say, what the linter finds in it, what members are told."""

from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.rulebook import words_coupons
from chalicelib.rulebook.model import load
from chalicelib.rulebook.model_coupons import CouponDefinition
from chalicelib.rulebook.presets import preset
from tests.unit.documents import Row, changed, check, goal, task, told

NAMED = {"zh": "券", "en": "coupon"}
GOLD = "tiers.levels.2.benefits.2.value"
SHARER = task(id="sharing", points=0, badge="sharer", goals=[goal("shares", 1, "day")])


def definition(**fields: Any) -> dict[str, Any]:
    """10 yuan off, for 30 days."""
    base: dict[str, Any] = {"code": "extra", "name": NAMED, "kind": "amount_off", "amount_off_fen": 1_000}
    return {key: value for key, value in {**base, "valid_days": 30, **fields}.items() if value is not None}


def _defined(**fields: Any) -> dict[str, Any]:
    return {"coupons.definitions.+": definition(**fields)}


ROWS = [
    Row("DUPLICATE_ID", "coupons.definitions.5", _defined(code="mall_10"), _defined()),
    Row("COUPON_ABOVE_THRESHOLD", "coupons.definitions.5.amount_off_fen", _defined(threshold_fen=999),
        _defined(threshold_fen=1_000), "warn"),
    Row("COUPON_OVER", "coupons.definitions.5.ends_on", _defined(valid_days=None, ends_on="2026-11-23"),
        _defined(valid_days=None, ends_on="2026-11-24"), "warn"),
    Row("UNKNOWN_COUPON", "tasks.0.coupon", {"tasks.0.coupon": "none"}, {"tasks.0.coupon": "mall_10"}),
    Row("UNKNOWN_COUPON", f"{GOLD}.coupon", {f"{GOLD}.coupon": "none"}, {f"{GOLD}.coupon": "mall_10"}),
    Row("UNKNOWN_COUPON", f"{GOLD}.coupon", {f"{GOLD}.coupon": 7}),
    Row("TOO_MANY_COUPONS", f"{GOLD}.per_month", {f"{GOLD}.per_month": 21}, {f"{GOLD}.per_month": 20}),
    Row("COUPON_NEVER_GRANTED", f"{GOLD}.coupon", {GOLD: {"coupon": "mall_10"}},
        {GOLD: {"coupon": "mall_10", "per_month": 1}}, "warn"),
    Row("UNKNOWN_COUPON", "coupons.surprise.coupon", {"coupons.surprise.coupon": "none"}),
    # Sharing may earn a badge and nothing else.
    Row("POINTS_FOR_SHARING", "tasks.5.goals.0", {"tasks.+": {**SHARER, "coupon": "mall_10"}}, {"tasks.+": SHARER}),
    Row("SURPRISE_KIND", "coupons.surprise.coupon", {"coupons.surprise.coupon": "birthday_20"},
        {"coupons.surprise.coupon": "mall_10"}),
    Row("SURPRISE_WITHOUT_BUDGET", "coupons.surprise.budget_fen", {"coupons.surprise.budget_fen": 99},
        {"coupons.surprise.budget_fen": 100}, "warn"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_linter_finds_it_and_not_its_neighbour(row: Row) -> None:
    check(row)


SOUND: list[dict[str, Any]] = [
    {},
    {"kind": "percent_off", "amount_off_fen": None, "percent_off": 1},
    {"kind": "percent_off", "amount_off_fen": None, "percent_off": 99, "max_off_fen": 1},
    {"kind": "free_shipping", "amount_off_fen": None},
    {"kind": "exchange", "amount_off_fen": None, "sku": "A-1"},
    {"valid_days": None, "ends_on": "2027-01-31"},
]
UNSOUND: list[dict[str, Any]] = [
    {"amount_off_fen": None},
    {"amount_off_fen": 0},
    {"percent_off": 10},
    {"sku": "A-1"},
    {"max_off_fen": 10},
    {"kind": "percent_off", "amount_off_fen": None},
    {"kind": "percent_off", "amount_off_fen": None, "percent_off": 0},
    {"kind": "percent_off", "amount_off_fen": None, "percent_off": 100},
    {"kind": "percent_off", "percent_off": 10},
    {"kind": "free_shipping"},
    {"kind": "exchange", "amount_off_fen": None},
    {"valid_days": None},
    {"valid_days": 0},
    {"ends_on": "2027-01-31"},
    {"threshold_fen": -1},
    {"unknown": 1},
]


@pytest.mark.parametrize("fields", SOUND, ids=str)
def test_a_definition_has_what_its_kind_asks_for(fields: dict[str, Any]) -> None:
    assert CouponDefinition.model_validate(definition(**fields)).code == "extra"


@pytest.mark.parametrize("fields", UNSOUND, ids=str)
def test_a_definition_has_nothing_else(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CouponDefinition.model_validate(definition(**fields))


def test_there_are_fifty_definitions_at_most() -> None:
    for count, fits in ((50, True), (51, False)):
        document = changed({"coupons": {"definitions": [definition(code=f"c{n}") for n in range(count)]}})
        if fits:
            assert len(load(document).coupons.definitions) == count
        else:
            with pytest.raises(ValidationError):
                load(document)


def test_a_surprise_draws_between_its_bounds() -> None:
    surprise = {"coupon": "surprise", "min_fen": 500, "max_fen": 500, "budget_fen": 0}
    assert load(changed({"coupons.surprise": surprise})).coupons.surprise
    with pytest.raises(ValidationError):
        load(changed({"coupons.surprise": {**surprise, "max_fen": 499}}))


def test_an_older_document_has_no_coupons_and_its_tasks_give_none() -> None:
    document = preset("retail")
    del document["coupons"]
    for tier in document["tiers"]["levels"]:
        for benefit in tier["benefits"]:
            benefit.get("value", {}).pop("coupon", None)
    rulebook = load(document)
    assert (rulebook.coupons.definitions, rulebook.coupons.surprise) == ((), None)
    assert {one.coupon for one in rulebook.tasks} == {None}
    assert "coupon_notices" not in told(document)


def test_a_task_that_gives_a_coupon_is_not_only_honorary() -> None:
    badge = task(id="t", points=0, badge="regular")
    for coupon, honorary in ((None, True), ("mall_10", False)):
        fields = {**badge, **({"coupon": coupon} if coupon else {})}
        assert load(changed({"tasks.+": fields})).tasks[-1].honorary == honorary


TERMS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "减 10 元；不可与其他优惠券同用", "10 yuan off; not with another coupon"),
    ({"threshold_fen": 9_950, "stacks": True}, "满 99.5 元减 10 元；可与其他可叠加的优惠券同用",
     "10 yuan off for 99.5 yuan or more; may be used with other coupons that may"),
    ({"kind": "percent_off", "amount_off_fen": None, "percent_off": 15, "max_off_fen": 2_000},
     "减 15%，最多减 20 元；", "15 % off, at most 20 yuan; "),
    ({"kind": "free_shipping", "amount_off_fen": None, "categories": ["featured", "tea"]},
     "免运费；适用于精选品类、tea；", "free shipping; on featured categories and tea; "),
    ({"kind": "exchange", "amount_off_fen": None, "sku": "A-1", "words": {"zh": "到店领取。", "en": "In the shop."}},
     "可免费兑换 A-1 一件；不可与其他优惠券同用；到店领取",
     "one piece of A-1 free; not with another coupon; In the shop"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "zh", "en"), TERMS, ids=[row[1][:20] for row in TERMS])
def test_the_terms_are_said_as_they_are(fields: dict[str, Any], zh: str, en: str) -> None:
    one = CouponDefinition.model_validate(definition(**fields))
    said = words_coupons.terms(load(preset("retail")), one)
    assert "；".join(pair[0] for pair in said).startswith(zh)
    assert "; ".join(pair[1] for pair in said).startswith(en)


def test_members_read_of_the_surprise_what_may_be_drawn() -> None:
    said = told(preset("retail"))
    assert "随机减 1 至 10 元" in said["surprise"][0] or "1 至 10 元" in said["surprise"][0]
    assert "1 to 10 yuan" in said["surprise"][1]
    assert "3 天" in said["coupon_notices"][0]
    assert "7 more days" in said["coupon_notices"][1]
