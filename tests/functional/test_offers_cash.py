"""Points as cash in the mall: shown with what the balance may pay, and paid at checkout, not redeemed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.redemption import documents, offers
from chalicelib.redemption.documents import Before
from chalicelib.rulebook.model import load
from chalicelib.rulebook.presets import preset
from tests.functional.holds_room import CASH, held, open_till, quote
from tests.functional.redemptions_room import document, offer, redeem, rich
from tests.harness.api import Api, Member
from tests.unit.documents import changed

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
PLAIN: dict[str, Any] = {"price_points": 10, "member_day": False}


@pytest.fixture
def ann(api: Api) -> Member:
    open_till(api)
    offer(api, "cash", "cash", **PLAIN)
    return rich(api, points=777)


def shown(api: Api, member: Member) -> Any:
    return api.call("GET", "/v1/offers/cash", token=member.token).body


def test_it_is_shown_with_what_the_balance_may_pay_at_most(api: Api, ann: Member) -> None:
    assert shown(api, ann)["cash"] == {"points": 770, "offset_fen": 770, "max_percent": 50, "step_points": 10}
    (listed,) = api.call("GET", "/v1/offers?kind=cash", token=ann.token).body["items"]
    assert listed == shown(api, ann)
    # The same as a quote for an order that takes any of them.
    assert quote(api, ann, 10**12).body["points"] == 770
    held(api, ann, 700)
    assert (shown(api, ann)["cash"]["points"], shown(api, ann)["affordable"]) == (70, True)
    held(api, ann, 70, "h-2")
    assert (shown(api, ann)["cash"]["points"], shown(api, ann)["points_to_go"]) == (0, 3)


def test_an_offer_that_is_redeemed_says_nothing_of_cash(api: Api, ann: Member) -> None:
    offer(api)
    assert api.call("GET", "/v1/offers/mug", token=ann.token).body["cash"] is None


def test_redeeming_it_is_refused_and_costs_nothing(api: Api, ann: Member) -> None:
    reply = redeem(api, ann, "cash")
    assert (reply.status, reply.code) == (409, "AT_CHECKOUT")
    assert reply.body["error"]["message_zh"] == "积分抵现请在结算时使用"
    assert api.account(ann).balance == 777


def test_when_the_rulebook_takes_it_back_nothing_may_pay(api: Api, ann: Member) -> None:
    api.publish({"redemption": {}})
    assert shown(api, ann)["cash"] == {"points": 0, "offset_fen": 0, "max_percent": 0, "step_points": 0}


def test_nor_is_it_published_where_points_do_not_pay(api: Api) -> None:
    api.publish({"redemption": {}})
    with pytest.raises(offers.OfferRefused):
        offer(api, "cash", "cash", **PLAIN)


def said(changes: dict[str, Any] | None = None, **fields: Any) -> set[tuple[str, str]]:
    """(code, path) of what is said of the offer, under the retail preset with these changes."""
    found, wrong = documents.read(document("cash", "cash", **{**PLAIN, "price_points": 100, **fields}))
    assert found, wrong
    rulebook = load(changed(changes or {}))
    return {(f.code, f.path) for f in documents.findings(found, rulebook, Before(), NOW) if f.severity == "refuse"}


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"price_points": 101}, "CASH_PRICE_NOT_A_STEP", "price_points"),
        ({"member_day": True}, "CASH_HAS_NO_SUCH_RULE", "member_day"),
        ({"limits": {"day": 1}}, "CASH_HAS_NO_SUCH_RULE", "limits"),
        ({"tier_prices": {"gold": 100}}, "CASH_HAS_NO_SUCH_RULE", "tier_prices"),
        ({"stock": {"mode": "total", "pieces": 1}}, "CASH_HAS_NO_SUCH_RULE", "stock"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else value,
)
def test_it_has_the_rulebooks_rules_alone(fields: dict[str, Any], code: str, path: str) -> None:
    assert said() == set()
    assert said(**fields) == {(code, path)}


def test_it_needs_a_rulebook_that_lets_points_pay() -> None:
    assert said({"redemption.cash": None}) == {("CASH_OFFSET_OFF", "kind")}
    assert preset("retail")["redemption"]["cash"]["max_percent"] != CASH["max_percent"]
