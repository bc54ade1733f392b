"""Operators write, check, publish and withdraw offers; every change is audited, and of two at once one is told."""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.redemption import items, offers
from chalicelib.shared import dynamo
from chalicelib.shared.dynamo import encode_cursor
from tests.functional.redemptions_room import document, redeem, rich
from tests.harness.api import Api, Reply
from tests.harness.meter import metering

BASE = "/v1/admin/offers"


class Desk:
    """An operator at work."""

    def __init__(self, api: Api) -> None:
        self.api, self.token = api, api.operator("operator", "ada")

    def call(self, method: str, path: str = "", body: Any = None) -> Reply:
        self.api.clock.pass_(seconds=1)  # the trail tells the order of what happened in different moments
        return self.api.call(method, BASE + path, body, token=self.token)

    def create(self, offer_id: str = "mug", **fields: Any) -> Reply:
        return self.call("POST", "", {"document": document(offer_id, **fields)})

    def change(self, revision: int, offer_id: str = "mug", **fields: Any) -> Reply:
        return self.call("PUT", f"/{offer_id}", {"document": document(offer_id, **fields), "revision": revision})

    def do(self, what: str, offer_id: str = "mug") -> Reply:
        return self.call("POST", f"/{offer_id}/{what}", {"reason": "not this year"} if what == "withdraw" else {})

    def refused(self) -> list[str]:
        """Why the mug cannot be published."""
        return [found["code"] for found in self.do("validate").body["findings"] if found["severity"] == "refuse"]

    def audited(self) -> list[tuple[str, str, dict[str, Any]]]:
        """(action, target, details) of everything about offers, the first first."""
        found = self.api.call("GET", "/v1/admin/audit?limit=100", token=self.token).body["items"]
        assert {record["actor"] for record in found if record["action"].startswith("offer.")} <= {"operator:ada"}
        return [(r["action"], r["target"], r["details"]) for r in reversed(found) if r["action"].startswith("offer.")]


@pytest.fixture
def desk(api: Api) -> Desk:
    return Desk(api)


def listed(api: Api) -> dict[str, int]:
    """offer id → price, as a member reads the mall."""
    found = api.call("GET", "/v1/offers", token=api.log_in("ann").token)
    return {item["offer_id"]: item["base_points"] for item in found.body["items"]}


def test_an_offer_is_drafted_checked_published_changed_and_withdrawn(desk: Desk, api: Api) -> None:
    made = desk.create(price_points=0)
    assert (made.status, made.body["revision"], made.body["version"], made.body["in_force"]) == (201, 1, 0, False)
    found = desk.do("validate")
    assert (found.status, found.body["publishable"]) == (200, False)
    assert [(f["code"], f["path"]) for f in found.body["findings"]] == [("INVALID", "price_points")]
    assert found.body["findings"][0].keys() == {"code", "severity", "path", "message", "message_zh"}
    refused = desk.do("publish")
    assert (refused.status, refused.code) == (422, "OFFER_REFUSED")
    assert refused.body["error"]["details"][0]["field"] == "price_points"
    assert desk.change(1, price_points=300).body["revision"] == 2
    checked = desk.do("validate").body
    assert (checked["publishable"], [f["code"] for f in checked["findings"]]) == (True, ["OFFER_WITHOUT_COUPON"])
    assert desk.refused() == []
    published = desk.do("publish")
    assert (published.status, published.body["version"], published.body["in_force"]) == (200, 1, True)
    assert listed(api) == {"mug": 300}
    # What is being worked on changes nothing until it is published.
    assert desk.change(2, price_points=200).status == 200
    assert listed(api) == {"mug": 300}
    assert desk.do("publish").body["version"] == 2
    assert listed(api) == {"mug": 200}
    withdrawn = desk.do("withdraw")
    assert (withdrawn.status, withdrawn.body["version"], withdrawn.body["in_force"]) == (200, 2, False)
    assert listed(api) == {}
    assert api.call("GET", "/v1/offers/mug", token=api.log_in("ann").token).code == "OFFER_UNKNOWN"
    assert redeem(api, rich(api), expected_points=200).code == "OFFER_UNKNOWN"
    assert desk.do("publish").body["version"] == 3
    assert listed(api) == {"mug": 200}
    assert desk.audited() == [
        ("offer.save", "mug", {"revision": 1}), ("offer.save", "mug", {"revision": 2}),
        ("offer.publish", "mug", {"version": 1, "revision": 2}), ("offer.save", "mug", {"revision": 3}),
        ("offer.publish", "mug", {"version": 2, "revision": 3}),
        ("offer.withdraw", "mug", {"version": 2, "reason": "not this year"}),
        ("offer.publish", "mug", {"version": 3, "revision": 3}),
    ]  # fmt: skip


def test_every_published_version_is_kept_as_it_was(desk: Desk) -> None:
    desk.create(price_points=300)
    desk.do("publish")
    desk.change(1, price_points=200)
    desk.do("publish")
    prices = {
        version: item.document["price_points"] for version in (1, 2) if (item := items.read_version("mug", version))
    }
    assert prices == {1: 300, 2: 200}
    assert items.read_version("mug", 3) is None


def test_of_two_editors_one_is_told_to_look_again(desk: Desk) -> None:
    assert desk.create().status == 201
    assert (desk.create(price_points=20).status, desk.create().code) == (409, "OFFER_EXISTS")
    assert desk.change(1, price_points=20).status == 200
    for stale in (1, 3):
        reply = desk.change(stale, price_points=30)
        assert (reply.status, reply.code) == (409, "OFFER_CHANGED")
    shown = desk.call("GET", "/mug").body
    assert (shown["revision"], shown["document"]["price_points"], shown["saved_by"]) == (2, 20, "operator:ada")
    assert len(desk.audited()) == 2


@pytest.mark.parametrize("meanwhile", ["save", "publish"])
def test_what_is_published_is_what_was_checked(desk: Desk, monkeypatch: pytest.MonkeyPatch, meanwhile: str) -> None:
    desk.create(price_points=300)
    checked = offers._review

    def interrupted(*arguments: Any) -> Any:
        found = checked(*arguments)
        monkeypatch.setattr(offers, "_review", checked)
        reply = desk.change(1, price_points=1) if meanwhile == "save" else desk.do("publish")
        assert reply.status == 200
        return found

    monkeypatch.setattr(offers, "_review", interrupted)
    reply = desk.do("publish")
    assert (reply.status, reply.code) == (409, "OFFER_CHANGED")
    assert desk.call("GET", "/mug").body["version"] == (0 if meanwhile == "save" else 1)


def test_a_draft_saved_while_it_is_withdrawn_loses_nothing(desk: Desk) -> None:
    desk.create()
    desk.do("publish")
    assert desk.change(1, price_points=50).body["in_force"] is True
    assert desk.do("withdraw").body["revision"] == 2
    changed = desk.change(2, price_points=60).body
    assert (changed["revision"], changed["in_force"], changed["version"]) == (3, False, 1)


@pytest.mark.parametrize("published", [False, True])
def test_only_what_is_in_force_is_withdrawn_and_once(desk: Desk, published: bool) -> None:
    desk.create()
    if published:
        desk.do("publish")
        assert desk.do("withdraw").status == 200
    reply = desk.do("withdraw")
    assert (reply.status, reply.code) == (409, "OFFER_NOT_IN_FORCE")
    assert [action for action, _, _ in desk.audited()].count("offer.withdraw") == published


def test_an_offer_nobody_made_is_unknown_by_any_route(desk: Desk) -> None:
    for name in ("none", "x" * 200, "Mug", "a%23b", "%20", "offers"):
        for method, what, body in (
            ("GET", "", None), ("PUT", "", {"document": {"offer_id": name}, "revision": 1}), ("POST", "/validate", {}),
            ("POST", "/publish", {}), ("POST", "/withdraw", {"reason": "no more"}), ("GET", "/stock", None),
            ("PUT", "/stock", {"pieces": 1}),
        ):  # fmt: skip
            reply = desk.call(method, f"/{name}{what}", body)
            assert reply.status in (404, 422), (name, method, what, reply)
            if method == "GET":
                assert reply.code == "OFFER_UNKNOWN"


def nested(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(("document", "field"), [
    ({}, "document.offer_id"), ({"offer_id": "Mug"}, "document.offer_id"), ({"offer_id": ["mug"]}, "document.offer_id"),
    ({"offer_id": "a" * 33}, "document.offer_id"), ({"offer_id": "mug\n"}, "document.offer_id"),
    ({"offer_id": "mug", "words": "x" * 16_000}, "document"), ({"offer_id": "mug", "words": nested(60)}, "document"),
    ({"offer_id": "mug", "words": nested(20_000)}, None),
])  # fmt: skip
def test_what_cannot_be_kept_is_refused(desk: Desk, document: dict[str, Any], field: str | None) -> None:
    if field is None:
        raw = b'{"document": {"offer_id": "mug", "words": ' + b"[" * 20_000 + b"]" * 20_000 + b"}}"
        reply = desk.api.call("POST", BASE, raw=raw, token=desk.token)
        assert reply.status in (400, 422)
    else:
        reply = desk.call("POST", "", {"document": document})
        assert (reply.status, reply.body["error"]["details"][0]["field"]) == (422, field)
    assert desk.call("GET").body["items"] == []


def test_an_offer_is_saved_under_its_own_id(desk: Desk) -> None:
    desk.create()
    reply = desk.call("PUT", "/mug", {"document": document("cup"), "revision": 1})
    assert (reply.status, reply.body["error"]["details"][0]["field"]) == (422, "document.offer_id")


def test_a_document_of_the_largest_size_is_kept(desk: Desk) -> None:
    room = offers.MAX_DOCUMENT_BYTES - len('{"offer_id": "mug", "words": ""}')
    assert desk.call("POST", "", {"document": {"offer_id": "mug", "words": "x" * (room + 1)}}).status == 422
    assert desk.call("POST", "", {"document": {"offer_id": "mug", "words": "x" * room}}).status == 201


def test_offers_are_listed_by_id_page_by_page(desk: Desk) -> None:
    for name in ("cup", "bag", "pen", "mug", "hat"):
        desk.create(name)
    desk.do("publish", "mug")
    found, cursor, pages = list[tuple[str, bool]](), "", 0
    while pages == 0 or cursor:
        page = desk.call("GET", f"?limit=2{cursor and f'&cursor={cursor}'}").body
        found += [(item["offer_id"], item["in_force"]) for item in page["items"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert found == [("bag", False), ("cup", False), ("hat", False), ("mug", True), ("pen", False)]
    assert pages == 3
    for key in (7, "x" * 1_100, "\ud800", "Mug"):
        assert desk.call("GET", f"?cursor={encode_cursor(key)}").code == "BAD_CURSOR"


def test_a_revision_beyond_every_number_of_a_table_has_changed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.create()
    monkeypatch.setattr(dynamo, "together", None)
    assert desk.change(10**40 + 1).code == "OFFER_CHANGED"


@pytest.mark.parametrize(("instant", "code"), [
    ("9900-12-31T23:59:59-00:01", "OFFER_REFUSED"), ("9900-12-31T23:59:59+00:00", ""),
])  # fmt: skip
def test_what_is_published_can_be_read_again(desk: Desk, api: Api, instant: str, code: str) -> None:
    desk.create(opens_at=instant)
    assert desk.do("publish").code == code
    assert api.call("GET", "/v1/offers", token=api.log_in().token).status == 200


def test_as_many_offers_as_are_read_together_and_no_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offers, "MAX_IN_FORCE", 2)
    for name in ("bag", "cup", "mug"):
        desk.create(name)
    assert [desk.do("publish", name).status for name in ("bag", "cup", "mug")] == [200, 200, 409]
    assert desk.do("publish", "mug").code == "TOO_MANY_OFFERS"
    # One that is there already may be published again, and a place that is given up taken.
    assert desk.do("publish", "cup").status == 200
    assert desk.do("withdraw", "bag").status == 200
    assert desk.do("publish", "mug").status == 200


def test_withdrawing_does_not_reopen_what_has_closed(desk: Desk, api: Api) -> None:
    closes = api.clock.now + timedelta(days=1)
    desk.create(closes_at=closes.isoformat(), limits={"lifetime": 1})
    desk.do("publish")
    desk.do("withdraw")
    later = (closes + timedelta(seconds=1)).isoformat()
    desk.change(1, closes_at=later, limits={"lifetime": 1})
    assert desk.refused() == ["LIFETIME_EXTENDED"]
    api.clock.now = closes
    desk.token = api.operator("operator")
    desk.change(2, closes_at=(closes + timedelta(days=9)).isoformat())
    assert desk.refused() == ["OFFER_CLOSED"]


def test_a_container_learns_of_a_change_within_seconds_and_asks_no_more_than_that(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = [100.0]
    monkeypatch.setattr(offers, "monotonic", lambda: moment[0])
    offers.forget()
    assert offers.in_force() == {}
    # Another container publishes.
    known = offers._cache
    monkeypatch.setattr(offers, "_cache", offers._Cache())
    desk.create()
    desk.do("publish")
    monkeypatch.setattr(offers, "_cache", known)
    with metering() as meter:
        for moment[0], there, queries in ((104.9, False, 0), (105.0, True, 1), (109.9, True, 1), (110.0, True, 2)):
            assert ("mug" in offers.in_force()) is there
            assert meter.calls["Query"] == queries
