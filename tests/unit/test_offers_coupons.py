"""Offers of kind coupon name what they give."""

from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.redemption.documents import Before, findings, load
from chalicelib.rulebook.model import load as load_rulebook
from chalicelib.rulebook.presets import preset
from tests.functional.redemptions_room import document
from tests.unit.lives import NOON

RULEBOOK = load_rulebook(preset("retail"))


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"coupon": "mall_10"}, []),
        ({"coupon": "none"}, [("UNKNOWN_COUPON", "refuse", "coupon")]),
        ({}, [("OFFER_WITHOUT_COUPON", "warn", "coupon")]),
    ],
    ids=["known", "unknown", "none"],
)
def test_a_coupon_that_an_offer_names_is_in_the_rulebook(
    fields: dict[str, Any], found: list[tuple[str, str, str]]
) -> None:
    offer = load(document(price_points=100, **fields))
    told = findings(offer, RULEBOOK, Before(), NOON)
    assert [(finding.code, finding.severity, finding.path) for finding in told] == found
    assert offer.for_engine("Asia/Shanghai").coupon == fields.get("coupon", "")


def test_no_other_kind_of_offer_names_one() -> None:
    with pytest.raises(ValidationError):
        load(document(kind="virtual", coupon="mall_10"))
    assert load(document(kind="virtual")).coupon is None
