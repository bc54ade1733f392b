"""Repeats are made harmless by their key."""

from typing import Any

from chalicelib.shared import edge
from tests.functional.lottery_room import publish
from tests.functional.mall_room import campaign, coded
from tests.functional.members_room import accept_privacy_policy, act
from tests.functional.redemptions_room import ADDRESS, offer, redeemed, ship
from tests.functional.tiers_room import with_task
from tests.harness.api import Api
from tests.unit.raffle import lottery


def test_a_member_s_write_needs_a_key_of_1_to_255_printable_characters(api: Api) -> None:
    member = api.log_in()
    accept_privacy_policy(api, member)
    for key, status in (
        (None, 422), ("", 422), ("k", 200), ("k" * 255, 200), ("k" * 256, 422), ("a b", 200), ("a\tb", 422),
        ("a\x7f", 422), ("é", 200), ("\xa0", 422),
    ):  # fmt: skip
        headers = {} if key is None else {"Idempotency-Key": key}
        body = {"nickname": f"Ann {status}"}
        reply = api.call("PATCH", "/v1/me", body, token=member.token, headers=headers)
        assert reply.status == status, key
        if status == 422:
            assert reply.body["error"]["details"][0]["field"] == "Idempotency-Key"
    small = api.call("PATCH", "/v1/me", {"nickname": "Ann 200"}, token=member.token, headers={"idempotency-key": "k"})
    assert small.headers["Idempotency-Replayed"] == "true"


def test_a_key_belongs_to_its_member(api: Api) -> None:
    ann, ben = api.log_in("ann"), api.log_in("ben")
    replies = [act(api, member, "POST", "/v1/me/check-ins", {}, key="same") for member in (ann, ben)]
    assert [reply.status for reply in replies] == [200, 200]
    assert all("Idempotency-Replayed" not in reply.headers for reply in replies)


def test_every_write_sent_twice_is_one_act_and_one_answer(api: Api) -> None:
    goal = {"metric": "orders", "window": "day", "at_least": 1, "name": {"zh": "订单", "en": "orders"}}
    tapped = with_task(id="tapped", kind="daily", claim="tap", points=5, goals=[goal])
    publish(api, lottery(starts_at="2026-11-25T00:00:00Z"), **tapped)
    api.log_in()
    api.clock.pass_(days=1)
    member, owner = api.log_in(), api.operator()
    api.order(member, 60_000)
    lent = {"tier": "diamond", "reason": "a courtesy", "until": "2026-12-24"}
    api.call("POST", f"/v1/admin/members/{member.member_id}/tier", lent, token=api.operator(), key="lent")
    notice = api.call("GET", "/v1/me/notices", token=member.token).body["items"][0]["notice_id"]
    offer(api), offer(api, "visit", "service")
    mug, used, visit = redeemed(api, member), redeemed(api, member), redeemed(api, member, "visit")
    coded(api, "CODE-1"), campaign(api), offer(api, "box", "physical")
    film, massage = redeemed(api, member, "films"), redeemed(api, member, "visit")
    box = redeemed(api, member, "box", address=ADDRESS)
    ship(api, box)
    tea = {"offer_id": "mug", "quantity": 1, "expected_points": 10}
    use, broken = {"step": "use", "reason": "at the counter"}, {"reason": "broken", "pictures": []}
    later, gift = {"appointment_at": "2026-12-25T02:00:00Z"}, {"campaign_id": "water", "points": 10}
    at = f"/v1/admin/members/{member.member_id}"
    consent = {"name": "privacy_policy", "version": "1", "granted": True}
    agreed = {**consent, "name": "lottery"}
    action = {"action_id": "a", "kind": "browse"}
    coupon = {"coupon": "mall_10", "quantity": 1, "reason": "sorry"}
    writes: tuple[tuple[str, str, dict[str, Any], str, dict[str, Any] | None], ...] = (
        ("POST", "/v1/me/consents", consent, member.token, {**consent, "version": "2"}),
        ("PATCH", "/v1/me", {"nickname": "Ann"}, member.token, {"nickname": "Bea"}),
        ("POST", "/v1/me/phone", {"code": "phone:13800001111"}, member.token, {"code": "phone:13800002222"}),
        ("POST", "/v1/me/actions", action, member.token, {**action, "action_id": "b"}),
        ("POST", "/v1/me/check-ins", {}, member.token, None),
        ("POST", "/v1/me/check-ins/make-up", {"on": "2026-11-24"}, member.token, {"on": "2026-11-23"}),
        ("POST", "/v1/me/consents", agreed, member.token, {**agreed, "version": "2"}),
        ("POST", "/v1/me/lotteries/winter/draws", {"expected_points": 10}, member.token, {"expected_points": 11}),
        ("POST", f"{at}/adjustments", {"points": 5, "reason": "sorry"}, owner, {"points": 6, "reason": "sorry"}),
        ("POST", f"{at}/tier", {"tier": "gold", "reason": "sorry"}, owner, {"tier": "diamond", "reason": "sorry"}),
        ("POST", "/v1/me/tasks/tapped/claims", {}, member.token, None),
        ("POST", "/v1/me/benefits/daily_uses/uses", {}, member.token, None),
        ("POST", f"/v1/me/notices/{notice}/read", {}, member.token, None),
        ("POST", "/v1/me/redemptions", tea, member.token, {**tea, "expected_points": 11}),
        ("POST", "/v1/me/donations", gift, member.token, {**gift, "points": 20}),
        ("POST", f"/v1/me/redemptions/{film}/use", {}, member.token, None),
        ("POST", f"/v1/me/redemptions/{massage}/appointment", later, member.token,
         {"appointment_at": "2026-12-26T02:00:00Z"}),
        ("POST", f"/v1/me/redemptions/{box}/address-erasure", {}, member.token, None),
        ("POST", f"/v1/me/redemptions/{visit}/cancellation", {}, member.token, None),
        ("POST", f"/v1/me/redemptions/{mug}/claims", broken, member.token, {**broken, "reason": "lost"}),
        ("POST", f"/v1/admin/redemptions/{used}/steps", use, owner, {**use, "reason": "another"}),
        ("POST", f"{at}/coupons", coupon, owner, {**coupon, "quantity": 2}),
        ("POST", f"{at}/freeze", {"reason": "asked for"}, owner, {"reason": "another"}),
        ("POST", f"{at}/unfreeze", {"reason": "asked for"}, owner, {"reason": "another"}),
        ("POST", "/v1/me/logout-everywhere", {}, member.token, None),
    )  # fmt: skip
    idempotent = {name for name, contract in edge.CONTRACTS.items() if contract.idempotent}
    # Of the consents there are two, the second for the draw.
    assert len(writes) == len(idempotent) + 1, idempotent
    for number, (method, path, body, token, other) in enumerate(writes):
        before, key = api.account(member).seq, f"key-{number}"
        first = api.call(method, path, body, token=token, key=key)
        assert (first.status, "Idempotency-Replayed" in first.headers) == (200, False), (path, first)
        again = api.call(method, path, body, token=token, key=key)
        assert (again.status, again.body) == (first.status, first.body), path
        assert again.headers["Idempotency-Replayed"] == "true", path
        if other:
            reply = api.call(method, path, other, token=token, key=key)
            assert (reply.status, reply.code) == (409, "IDEMPOTENCY_MISMATCH"), (path, reply)
        # A notice is read, and an address erased, without an entry.
        assert api.account(member).seq == before + (not {"notices", "address-erasure"} & set(path.split("/"))), path


def test_a_merchant_s_report_needs_no_key_and_is_answered_again_forever(api: Api) -> None:
    member = api.log_in()
    paid = api.order(member, 10_000, "o-1", paid_at="2026-11-24T03:00:00Z")
    assert (paid.status, "Idempotency-Replayed" in paid.headers) == (200, False)
    api.clock.pass_(days=400)
    again = api.order(member, 10_000, "o-1", paid_at="2026-11-24T11:00:00+08:00")
    assert (again.status, again.body, again.headers["Idempotency-Replayed"]) == (200, paid.body, "true")
    other = api.order(member, 10_001, "o-1", paid_at="2026-11-24T03:00:00Z")
    assert (other.status, other.code) == (409, "IDEMPOTENCY_MISMATCH")
