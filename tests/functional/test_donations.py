"""Donations over HTTP: what they take, what is shown of them, and that what is settled stays as it is."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.redemption import items, offers, tally
from chalicelib.shared import audit
from tests.functional.mall_room import PARTNER, campaign, donate, donated, given, settle
from tests.functional.redemptions_room import cancel, claim, document, offer, redeem, rich, step
from tests.harness import faults
from tests.harness.api import Api, Member


@pytest.fixture
def ann(api: Api) -> Member:
    return rich(api)


def mine(api: Api, member: Member) -> list[Any]:
    reply = api.call("GET", "/v1/me/donations", token=member.token)
    assert reply.status == 200, reply
    return list(reply.body["items"])


def closed(api: Api, campaign_id: str = "water") -> None:
    offers.withdraw(campaign_id, "over", "test", api.clock.now)


def test_points_are_donated_counted_and_certified(api: Api, ann: Member) -> None:
    campaign(api)
    reply = donate(api, ann, 50, key="tap")
    assert reply.status == 200
    redemption = reply.body["redemption"]
    assert (redemption["kind"], redemption["state"], redemption["quantity"]) == ("donation", "placed", 5)
    assert (reply.body["entry"]["points"], api.account(ann).balance) == (-50, 950)
    assert given(api, ann) == (50, 1)
    assert donate(api, ann, 50, key="tap").body == reply.body
    assert given(api, ann) == (50, 1)
    (found,) = mine(api, ann)
    certificate = found["certificate"]
    assert (found["points"], found["state"], certificate["number"]) == (50, "placed", redemption["redemption_id"])
    assert (certificate["partner"], certificate["worth_fen"], certificate["settled"]) == (PARTNER, 50, False)
    assert certificate["donated_on"] == "2026-11-24"
    assert "清水基金会捐赠 50 积分（约合 0.50 元）" in certificate["words"]["zh"]
    assert "不作为税务凭证" in certificate["words"]["zh"]
    assert "no receipt for tax" in certificate["words"]["en"]


@pytest.mark.parametrize(("points", "status"), [
    (10, 200), (990, 200), (1_000, 200), (1_010, 409), (5, 422), (15, 422), (0, 422), (-10, 422), (10**13, 422),
    ("10", 422), (10.0, 422), (None, 422),
])  # fmt: skip
def test_a_donation_is_a_multiple_of_the_price_that_the_balance_is_enough_for(
    api: Api, ann: Member, points: Any, status: int
) -> None:
    campaign(api)
    assert donate(api, ann, points).status == status
    assert api.account(ann).balance == (1_000 - points if status == 200 else 1_000)
    assert given(api, ann) == ((points, 1) if status == 200 else (0, 0))


def test_a_campaign_is_donated_to_and_nothing_else_is(api: Api, ann: Member) -> None:
    campaign(api)
    offer(api)
    assert redeem(api, ann, "water").status == 422
    assert donate(api, ann, 10, "mug").code == "OFFER_UNKNOWN"
    assert donate(api, ann, 10, "nothing").code == "OFFER_UNKNOWN"
    for campaign_id in ("mug", "nothing", "x" * 3_000):
        reply = api.call("GET", f"/v1/donations/{campaign_id}", token=ann.token)
        assert (reply.status, reply.code) == (404, "OFFER_UNKNOWN")
        assert settle(api, campaign_id).code == "OFFER_UNKNOWN"


def test_a_draft_is_no_campaign(api: Api, ann: Member) -> None:
    content = document("water", "donation", donation={"partner": PARTNER}, member_day=False)
    offers.create(content, "test", api.clock.now)
    assert api.call("GET", "/v1/donations/water", token=ann.token).code == "OFFER_UNKNOWN"
    assert settle(api).code == "OFFER_UNKNOWN"


def test_the_same_key_for_a_donation_and_a_redemption_is_a_mismatch(api: Api, ann: Member) -> None:
    campaign(api)
    offer(api)
    donate(api, ann, 10, key="tap")
    assert redeem(api, ann, key="tap").code == "IDEMPOTENCY_MISMATCH"
    assert donate(api, ann, 20, key="tap").code == "IDEMPOTENCY_MISMATCH"


def test_a_repeat_is_a_repeat_whatever_the_campaign_says_by_now(api: Api, ann: Member) -> None:
    campaign(api)
    first = donate(api, ann, 10, key="tap")
    campaign(api, price_points=7)
    assert donate(api, ann, 10, key="tap").body == first.body
    closed(api)
    assert donate(api, ann, 10, key="tap").body == first.body
    settle(api)
    campaign(api)
    assert donate(api, ann, 10, key="tap").body == first.body
    assert (given(api, ann), api.account(ann).balance) == ((10, 1), 990)


def test_a_donation_taken_back_brings_the_points_and_the_totals_back(api: Api, ann: Member) -> None:
    campaign(api)
    kept, back = donated(api, ann, 30), donated(api, ann, 50)
    assert cancel(api, ann, back).body["state"] == "cancelled"
    assert (given(api, ann), api.account(ann).balance) == ((30, 1), 970)
    shown = {one["redemption_id"]: one for one in mine(api, ann)}
    assert (shown[back]["certificate"], shown[back]["state"]) == (None, "cancelled")
    assert shown[kept]["certificate"]["points"] == 30
    assert step(api, kept, "failure").status == 200
    assert (given(api, ann), api.account(ann).balance) == ((0, 0), 1_000)


def test_a_donation_is_nothing_to_be_claimed_used_or_returned(api: Api, ann: Member) -> None:
    campaign(api)
    redemption_id = donated(api, ann)
    assert claim(api, ann, redemption_id).code == "STEP_REFUSED"
    for name in ("use", "return", "fulfilment", "completion", "refund", "replacement"):
        assert step(api, redemption_id, name).code == "STEP_REFUSED", name


def test_campaigns_are_listed_with_what_they_were_given(api: Api, ann: Member) -> None:
    offer(api)
    for number in range(3):
        campaign(api, f"c{number}", sort=-number)
    donated(api, ann, 20, "c1")
    first = api.call("GET", "/v1/donations?limit=2", token=ann.token).body
    second = api.call("GET", f"/v1/donations?limit=2&cursor={first['next_cursor']}", token=ann.token).body
    found = [(one["campaign_id"], one["points"], one["donations"]) for one in [*first["items"], *second["items"]]]
    assert found == [("c2", 0, 0), ("c1", 20, 1), ("c0", 0, 0)]
    assert (second["next_cursor"], first["items"][0]["goal_points"], first["items"][0]["partner"]) == (
        None, 1_000, PARTNER,
    )  # fmt: skip
    assert api.call("GET", "/v1/donations?cursor=mine", token=ann.token).status == 400


def test_a_campaign_takes_donations_from_its_opening_to_its_closing(api: Api, ann: Member) -> None:
    opens, closes = api.clock.now.replace(hour=5), api.clock.now.replace(hour=6)
    campaign(api, opens_at=opens.isoformat(), closes_at=closes.isoformat())
    seen = []
    for hour, minute in ((4, 59), (5, 0), (5, 59), (6, 0)):
        api.clock.now = opens.replace(hour=hour, minute=minute)
        member = api.log_in("ann")
        takes = api.call("GET", "/v1/donations/water", token=member.token).body["takes_donations"]
        seen.append((takes, donate(api, member, 10).code))
    assert seen == [(False, "NOT_ON_SALE"), (True, ""), (True, ""), (False, "NOT_ON_SALE")]


# Settlement ----------------------------------------------------------------------------------------------------------


def test_a_campaign_is_settled_once_and_nothing_of_it_changes_any_more(api: Api, ann: Member) -> None:
    campaign(api)
    redemption_id = donated(api, ann)
    assert settle(api).code == "CAMPAIGN_OPEN"
    closed(api)
    reply = settle(api)
    assert reply.status == 200
    assert (reply.body["points"], reply.body["donations"], reply.body["amount_fen"]) == (50, 1, 5_000)
    assert settle(api).body == reply.body
    assert settle(api, amount_fen=5_001).code == "CAMPAIGN_SETTLED"
    assert settle(api, reference="BANK-2").code == "CAMPAIGN_SETTLED"
    assert cancel(api, ann, redemption_id).code == "CAMPAIGN_SETTLED"
    assert step(api, redemption_id, "cancellation").code == "CAMPAIGN_SETTLED"
    assert step(api, redemption_id, "failure").code == "CAMPAIGN_SETTLED"
    assert (given(api, ann), api.account(ann).balance) == ((50, 1), 950)
    shown = api.call("GET", "/v1/donations/water", token=ann.token).body
    assert (shown["settlement"], shown["takes_donations"]) == (reply.body, False)
    assert mine(api, ann)[0]["certificate"]["settled"] is True
    campaign(api)
    assert donate(api, ann, 10).code == "CAMPAIGN_SETTLED"
    assert api.call("GET", "/v1/donations/water", token=ann.token).body["takes_donations"] is False


def test_what_has_closed_is_settled_without_being_withdrawn(api: Api, ann: Member) -> None:
    campaign(api, closes_at=api.clock.now.replace(hour=6).isoformat())
    donated(api, ann)
    api.clock.now = api.clock.now.replace(hour=5, minute=59)
    assert settle(api).code == "CAMPAIGN_OPEN"
    api.clock.now = api.clock.now.replace(hour=6, minute=0)
    assert settle(api).status == 200
    member = api.log_in("ann")
    (listed,) = api.call("GET", "/v1/donations", token=member.token).body["items"]
    assert listed["settlement"]["points"] == 50


def test_a_campaign_nobody_gave_to_is_settled_too(api: Api, ann: Member) -> None:
    campaign(api)
    closed(api)
    assert settle(api, amount_fen=0).body["points"] == 0
    assert len(items.tallies("water")) == tally.SHARDS


@pytest.mark.parametrize("fields", [
    {"reference": ""}, {"reference": "=1"}, {"amount_fen": -1}, {"amount_fen": 1.5}, {"amount_fen": "1"},
    {"amount_fen": 10**20}, {"reason": "x"}, {"colour": "red"},
])  # fmt: skip
def test_a_settlement_that_makes_no_sense_is_refused(api: Api, fields: dict[str, Any]) -> None:
    campaign(api)
    closed(api)
    assert settle(api, **fields).status == 422
    assert items.settlement("water") is None


def test_a_settlement_is_audited_once_and_not_for_support(api: Api, ann: Member) -> None:
    campaign(api)
    closed(api)
    assert settle(api, token=api.operator("support")).status == 403
    settle(api), settle(api)
    records = audit.page(f"{api.clock.now:%Y-%m-%d}", 50, None)
    (record,) = [record for record in records if record.action == "donation.settle"]
    assert record.details == {"reference": "BANK-2026-1", "amount_fen": 5_000, "reason": "as agreed"}


def test_a_settlement_and_a_cancellation_at_once_agree_on_what_was_given(api: Api, ann: Member) -> None:
    token = api.operator("operator")
    for number in range(5):
        campaign_id = campaign(api, f"c{number}")
        redemption_id = donated(api, ann, 50, campaign_id)
        closed(api, campaign_id)
        with faults.no_sleep(), ThreadPoolExecutor(2) as pool:
            settling = pool.submit(settle, api, campaign_id, token)
            cancelling = pool.submit(cancel, api, ann, redemption_id)
            settled, cancelled = settling.result(), cancelling.result()
        assert settled.status == 200
        kept = cancelled.code == "CAMPAIGN_SETTLED"
        assert cancelled.status == (409 if kept else 200)
        assert (settled.body["points"], settled.body["donations"]) == ((50, 1) if kept else (0, 0))
        assert given(api, ann, campaign_id) == (settled.body["points"], settled.body["donations"])


def test_a_cancellation_between_the_look_and_the_settlement_is_in_it(
    api: Api, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign(api)
    redemption_id = donated(api, ann)
    closed(api)
    look, done = items.tallies, []

    def tallies(campaign_id: str) -> list[items.TallyItem]:
        found = look(campaign_id)
        if not done:
            done.append(cancel(api, ann, redemption_id).status)
        return found

    monkeypatch.setattr(items, "tallies", tallies)
    with faults.no_sleep():
        assert settle(api).body["points"] == 0
    assert done == [200]


def test_many_members_who_give_at_once_are_all_counted(api: Api) -> None:
    campaign(api)
    members = [rich(api, f"m{number}", 200) for number in range(6)]
    with faults.no_sleep(), ThreadPoolExecutor(6) as pool:
        assert {reply.status for reply in pool.map(lambda one: donate(api, one, 10), members)} == {200}
    assert given(api, members[0]) == (60, 6)
    assert len(items.tallies("water")) > 1


@pytest.mark.parametrize("what", ["a donation", "taking it back", "a settlement"])
def test_killed_at_any_call_and_sent_again_it_has_happened_once(
    api: Api, ann: Member, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(offers, "REVALIDATE_SECONDS", float("inf"))
    campaign(api)
    first, token = donated(api, ann, 20), api.operator("operator")
    if what == "a settlement":
        closed(api)
    command = {
        "a donation": lambda: donate(api, ann, 30, key="key"),
        "taking it back": lambda: cancel(api, ann, first, key="key"),
        "a settlement": lambda: settle(api, token=token),
    }[what]
    for number in range(12):
        before = faults.snapshot()
        try:
            with faults.killed_after(number):
                command()
        except faults.Killed:
            pass
        else:
            break
        assert command().status == 200
        expected = {"a donation": (50, 2), "taking it back": (0, 0), "a settlement": (20, 1)}[what]
        assert (given(api, ann), 1_000 - api.account(ann).balance) == (expected, expected[0])
        faults.restore(before)
    assert number >= 2


def test_what_was_donated_goes_to_the_partner_it_was_donated_to(api: Api, ann: Member) -> None:
    campaign(api)
    donated(api, ann)
    others: tuple[dict[str, Any], ...] = (
        {"donation": {"partner": {"zh": "别的基金会", "en": "Another"}}}, {"kind": "virtual", "donation": None},
    )  # fmt: skip
    for other in others:
        with pytest.raises(offers.OfferRefused) as refused:
            offer(api, "water", **{"kind": "donation", "member_day": False, **other})
        assert [detail["code"] for detail in refused.value.details] == ["CAMPAIGN_FIXED"]
    campaign(api, price_points=20)
    offer(api, "mug", "physical")
    with pytest.raises(offers.OfferRefused):
        campaign(api, "mug")


def test_a_donation_can_be_taken_back_until_it_is_settled_and_is_shown_so(api: Api, ann: Member) -> None:
    campaign(api)
    donation = donated(api, ann)

    def cancellable() -> set[bool]:
        one = api.call("GET", f"/v1/me/redemptions/{donation}", token=ann.token).body["redemption"]
        (other,) = api.call("GET", "/v1/me/redemptions", token=ann.token).body["items"]
        return {one["cancellable"], other["cancellable"]}

    assert cancellable() == {True}
    closed(api)
    assert cancellable() == {True}
    assert settle(api).status == 200
    assert cancellable() == {False}
