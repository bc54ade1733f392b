"""What everybody may read before, during and after a lottery, the record that auditors read, and prizes handed over."""

import json
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from chalicelib.lottery import items, service
from chalicelib.rulebook import store
from chalicelib.rulebook.presets import preset
from chalicelib.shared.audit import page
from tests.functional.lottery_room import ENDS, NOTHING, ON, STARTS, draw, fix, lottery, opened, player, publish
from tests.functional.members_room import act
from tests.functional.redemptions_room import offer, redeemed, step
from tests.harness.api import Api, Reply
from tests.unit.raffle import MUG, TEA, TEN, loaded, prize

DAY = timedelta(days=1)


def test_the_disclosure_is_there_for_anybody_before_the_start_and_after_the_end(api: Api) -> None:
    assert api.call("GET", "/v1/lotteries").body == {"items": []}
    version = publish(api)
    for now, state in (
        (api.clock.now, "coming"),
        (STARTS - timedelta(microseconds=1), "coming"),
        (STARTS, "open"),
        (ENDS - timedelta(microseconds=1), "open"),
        (ENDS, "over"),
    ):
        api.clock.now = now
        shown = api.call("GET", "/v1/lotteries/winter").body
        assert (shown["state"], shown["version"]) == (state, version)
        assert api.call("GET", "/v1/lotteries").body["items"] == [shown]
    assert (shown["starts_at"], shown["ends_at"]) == ("2026-11-25T02:00:00.000Z", "2026-12-05T02:00:00.000Z")
    assert (shown["price_points"], shown["draws_per_day"], shown["draws_per_member"]) == (10, 3, 5)
    assert [(p["code"], p["odds"], p["odds_ppm"], p["pieces"], p["left"], p["value_fen"]) for p in shown["prizes"]] == [
        ("ten", "10", 100_000, None, None, 0),
        ("tea", "5", 50_000, 5, 5, 1_500),
        ("mug", "1", 10_000, 1, 1, 5_000),
    ]
    assert (shown["no_prize_odds"], shown["no_prize_odds_ppm"]) == ("84", 840_000)
    assert "不消耗" in shown["out_rule"]["zh"]


def test_anybody_can_compute_the_digest_that_every_draw_carries(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(api)
    shown = api.call("GET", "/v1/lotteries/winter").body
    text = json.dumps(shown["disclosure"], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert sha256(text.encode()).hexdigest() == shown["digest"] == loaded().digest
    fix(monkeypatch, TEN)
    assert draw(api, player(api)).body["draw"]["digest"] == shown["digest"]


def test_a_publication_that_takes_something_from_members_is_refused_and_so_is_such_a_roll_back(api: Api) -> None:
    first = publish(api)
    better = lottery(prizes=[*lottery()["prizes"][:2], prize(pieces=2)])
    publish(api, better)
    token = api.operator()
    typed = {"confirmations": {"lottery_off": "我确认关闭 lottery_off"}}
    for version, field in ((first, "lotteries.0.prizes.2.pieces"), (1, "lotteries")):
        reply = api.call("POST", "/v1/admin/rulebook/rollback", {"version": version, **typed}, token=token)
        assert (reply.status, reply.code) == (422, "RULEBOOK_REFUSED")
        assert [detail["field"] for detail in reply.body["error"]["details"]] == [field]
    api.clock.now = ENDS
    token = api.operator()
    reply = api.call("POST", "/v1/admin/rulebook/rollback", {"version": 1}, token=token)
    assert reply.status == 200, reply


def test_a_coupon_that_can_be_won_is_not_worth_less_before_the_end(api: Api) -> None:
    publish(api)
    coupons = preset("retail")["coupons"]
    (number,) = [n for n, one in enumerate(coupons["definitions"]) if one["code"] == "mall_10"]
    coupons["definitions"][number]["amount_off_fen"] -= 1
    with pytest.raises(store.RulebookRefused) as refused:
        publish(api, coupons=coupons)
    (detail,) = refused.value.details
    assert (detail["code"], detail["field"]) == ("LOTTERY_FROZEN", f"coupons.definitions.{number}.amount_off_fen")


def test_a_lottery_that_lasts_longer_is_not_cut_off_by_a_version_planned_before(api: Api) -> None:
    publish(api)
    draft = store.save_draft(preset("retail"), "test", api.clock.now)
    planned = store.publish(draft, ENDS, "test", {}, api.clock.now).version
    with pytest.raises(store.RulebookRefused) as refused:
        publish(api, lottery(ends_at=(ENDS + timedelta(seconds=1)).isoformat()))
    (detail,) = refused.value.details
    assert (detail["code"], f"Version {planned} is planned" in detail["problem"]) == ("LOTTERY_DROPPED", True)
    publish(api, lottery(draws_per_day=4))


def test_the_first_rulebook_of_a_brand_has_no_lottery_that_begins_at_once(bare_api: Api) -> None:
    bare_api.clock.now = STARTS - timedelta(minutes=59)
    with pytest.raises(store.RulebookRefused):
        publish(bare_api)
    bare_api.clock.now = STARTS - timedelta(hours=1)
    assert publish(bare_api) == 1


def publication(api: Api, document: dict[str, Any], **body: Any) -> Reply:
    token = api.operator()
    draft = api.call("POST", "/v1/admin/rulebook/drafts", {"document": document}, token=token).body["draft"]
    return api.call("POST", "/v1/admin/rulebook/publish", {"draft": draft, **body}, token=token)


def test_a_lottery_needs_the_switch_off_and_the_phrase_typed(api: Api) -> None:
    document = api.call("GET", "/v1/admin/rulebook", token=api.operator()).body["document"]
    document["lotteries"] = [lottery()]
    on = publication(api, document)
    assert (on.code, on.body["error"]["details"][0]["code"]) == ("RULEBOOK_REFUSED", "LOTTERY_ON")
    document["guard_rails"] = {"lottery_off": False}
    assert publication(api, document).code == "CONFIRMATION_MISSING"
    phrase = {"lottery_off": "我确认关闭 lottery_off"}
    assert publication(api, document, confirmations=phrase).status == 200
    assert any("lottery_off" in str(record.details) for record in page(str(api.clock.now.date()), 100, None))


def read(api: Api, what: str, role: str = "analyst", on: str = ON, **query: Any) -> Any:
    asked = "&".join(f"{name}={value}" for name, value in {"on": on, **query}.items())
    reply = api.call("GET", f"/v1/admin/lotteries/winter/{what}?{asked}", token=api.operator(role))
    assert reply.status == 200, reply
    return reply.body


def play(api: Api, monkeypatch: pytest.MonkeyPatch, *numbers: int) -> list[dict[str, Any]]:
    """A member for each number draws it, a second after the one before."""
    fix(monkeypatch, *numbers)
    drawn = []
    for number in range(len(numbers)):
        api.clock.pass_(seconds=1)
        drawn.append(draw(api, player(api, f"m{number}")).body["draw"])
    return drawn


def test_auditors_read_every_draw_of_a_day_in_its_order(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(api)
    drawn = play(api, monkeypatch, TEN, TEA, MUG, MUG, NOTHING)
    first = read(api, "draws", limit=3)
    rest = read(api, "draws", limit=3, cursor=first["next_cursor"])
    found = [*first["items"], *rest["items"]]
    assert rest["next_cursor"] is None
    assert [item["number"] for item in found] == [TEN, TEA, MUG, MUG, NOTHING]
    assert [item["out"] for item in found] == [False, False, False, True, False]
    assert len({item["member_id"] for item in found}) == 5
    assert [{name: item[name] for name in drawn[0]} for item in found] == drawn
    assert read(api, "draws", on="2026-11-26")["items"] == []


def test_a_day_counted_anew_agrees_with_the_stock(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(api)
    play(api, monkeypatch, TEN, TEA, TEA, MUG, MUG, NOTHING)
    monkeypatch.setattr(service, "RECOUNTED", 4)
    pages = [read(api, "recount")]
    pages.append(read(api, "recount", cursor=pages[0]["next_cursor"]))
    assert (pages[1]["next_cursor"], [found["draws"] for found in pages]) == (None, [4, 2])
    assert ([found["out"] for found in pages], [found["wrong"] for found in pages]) == ([0, 1], [[], []])
    given = {"mug": 0, "tea": 0, "ten": 0}
    for one in (one for found in pages for one in found["prizes"]):
        given[one["prize"]] += one["given"]
    assert given == {"mug": 1, "tea": 2, "ten": 1}
    levels = {one["prize"]: (one["total"], one["left"]) for one in pages[0]["prizes"]}
    assert levels == {"mug": (1, 0), "tea": (5, 3), "ten": (None, None)}
    assert all(given[code] + left == total for code, (total, left) in levels.items() if total)


def test_a_record_that_was_tampered_with_is_found(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(api)
    (drawn,) = play(api, monkeypatch, NOTHING)
    (item,) = items.of_day("winter", STARTS.date(), 10, None)
    item.draw = {**item.draw, "prize": "mug"}
    item.save()
    (wrong,) = read(api, "recount")["wrong"]
    assert wrong == {"draw_id": drawn["draw_id"], "problems": ["another prize than the number's"]}


def test_draws_are_still_read_when_the_rulebook_has_the_lottery_no_more(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(api)
    play(api, monkeypatch, MUG)
    api.clock.now = ENDS + 800 * DAY
    api.publish()
    assert [item["prize"] for item in read(api, "draws")["items"]] == ["mug"]
    found = read(api, "recount")
    assert (found["wrong"], found["prizes"]) == ([], [{"prize": "mug", "given": 1, "total": None, "left": None}])
    assert api.call("GET", "/v1/lotteries/winter").code == "LOTTERY_UNKNOWN"


def test_only_their_own_roles_read_the_record_and_only_a_code_is_one(api: Api) -> None:
    path = f"/v1/admin/lotteries/winter/draws?on={ON}"
    statuses = {role: api.call("GET", path, token=api.operator(role)).status
                for role in ("owner", "operator", "analyst", "support")}  # fmt: skip
    assert statuses == {"owner": 200, "operator": 200, "analyst": 200, "support": 403}
    token = api.operator()
    for code in ("Winter", "x" * 33, "a%23b"):
        assert api.call("GET", f"/v1/admin/lotteries/{code}/draws?on={ON}", token=token).code == "LOTTERY_UNKNOWN"
    assert api.call("GET", f"{path}&cursor=WzFd", token=token).code == "BAD_CURSOR"


def deliver(api: Api, draw_id: str, note: str = "at the counter", token: str = "") -> Reply:
    path = f"/v1/admin/draws/{draw_id}/delivery"
    return api.call("POST", path, {"note": note}, token=token or api.operator("support", "sue"))


def test_a_prize_is_handed_over_once_and_audited(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(api)
    drawn = play(api, monkeypatch, MUG)[0]
    token = api.operator("support", "sue")
    first = deliver(api, drawn["draw_id"], token=token)
    assert (first.status, first.body["delivered_by"], first.body["note"]) == (200, "operator:sue", "at the counter")
    api.clock.pass_(minutes=5)
    assert deliver(api, drawn["draw_id"], token=token).body == first.body
    for again in (
        deliver(api, drawn["draw_id"], "by mail", token),
        deliver(api, drawn["draw_id"], token=api.operator()),
    ):
        assert (again.status, again.code) == (409, "ALREADY_DELIVERED")
    records = [r for r in page(str(api.clock.now.date()), 100, None) if r.action == "lottery.delivery"]
    assert [(r.actor, r.target, r.details["prize"]) for r in records] == [("operator:sue", drawn["draw_id"], "mug")]
    member = api.log_in("m0")
    shown = api.call("GET", "/v1/me/lotteries/winter", token=member.token).body["items"][0]
    assert shown["delivered_at"] == first.body["delivered_at"]
    assert "sue" not in json.dumps(shown)


def test_nothing_is_handed_over_of_what_the_shop_does_not_hand_over(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(api)
    drawn = play(api, monkeypatch, TEN, TEA, NOTHING, MUG, MUG)
    token = api.operator("support", "sue")
    codes = [deliver(api, one["draw_id"], token=token).code for one in drawn]
    assert codes == ["NOTHING_TO_DELIVER"] * 3 + ["", "NOTHING_TO_DELIVER"]
    for unknown in ("D" + "0" * 18, "none", "D" * 3_000):
        assert deliver(api, unknown, token=token).code == "DRAW_UNKNOWN"


def test_a_member_of_the_mall_gets_chances_for_points_and_draws_with_them(api: Api) -> None:
    opened(api)
    ann = player(api)
    offer(api, "tickets", "lottery", lottery="winter", chances=2)
    redemption_id = redeemed(api, ann, "tickets", quantity=2)
    assert (api.account(ann).chances["winter"].left, api.account(ann).balance) == (4, 980)
    assert draw(api, ann, expected_points=0).status == 200
    assert step(api, redemption_id, "return", quantity=1).status == 200
    assert api.account(ann).chances["winter"].left == 1
    assert step(api, redemption_id, "return").code == "STEP_REFUSED"
    assert act(api, ann, "GET", "/v1/me/lotteries/winter").body["chances"] == 1
