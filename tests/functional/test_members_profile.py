"""Consents, profile and phone number: what a member may say about itself, and what we ask before keeping it."""

import json

import pytest

from chalicelib import ledger
from chalicelib.members import service
from chalicelib.members.items import PhoneItem, PhoneOwnerItem
from infra.local.wechat_server import FakeWechat
from tests.functional.members_room import accept_privacy_policy, act
from tests.harness.api import Api, Clock, Member, Reply

GETPHONE = "/wxa/business/getuserphonenumber"
AVATAR = "https://thirdwx.qlogo.cn/mmopen/vi_32/a-b_c~1/132?x=1&y=%E5%BC%A0#f"


@pytest.fixture
def ann(api: Api) -> Member:
    """A member who accepted the privacy policy."""
    member = api.log_in("ann")
    accept_privacy_policy(api, member)
    return member


def change(api: Api, member: Member, **fields: object) -> Reply:
    return act(api, member, "PATCH", "/v1/me", fields)


def bind(api: Api, member: Member, code: str, key: str | None = None) -> Reply:
    return act(api, member, "POST", "/v1/me/phone", {"code": code}, key)


def consent(api: Api, member: Member, **changes: object) -> Reply:
    body = {"name": "privacy_policy", "version": "1.0", "granted": True, **changes}
    return act(api, member, "POST", "/v1/me/consents", body)


def profile(api: Api, member: Member) -> dict[str, object]:
    reply = api.call("GET", "/v1/me", token=member.token)
    assert reply.status == 200
    found: dict[str, object] = reply.body["profile"]
    return found


def owner_of(e164: str) -> str:
    try:
        return PhoneOwnerItem.get(service._phone_key(e164), "owner").member_id
    except PhoneOwnerItem.DoesNotExist:
        return ""


def test_nothing_about_the_member_is_kept_before_the_privacy_policy_is_accepted(api: Api, wechat: FakeWechat) -> None:
    member = api.log_in()
    wechat.rules.calls.clear()
    for _ in range(2):
        for reply in (change(api, member, nickname="Ann"), bind(api, member, "phone:13800001111")):
            assert (reply.status, reply.code) == (409, "CONSENT_REQUIRED")
        # Consent to something else is not consent to this, and a consent withdrawn is none.
        assert consent(api, member, name="marketing").status == 200
    assert list(wechat.rules.calls) == []
    assert consent(api, member).body["changed"] == ["consents"]
    assert change(api, member, nickname="Ann").status == 200
    assert consent(api, member, granted=False).status == 200
    assert change(api, member, nickname="Bea").code == "CONSENT_REQUIRED"
    assert profile(api, member)["nickname"] == "Ann"


def test_a_consent_is_kept_with_its_version_and_business_date(api: Api, clock: Clock) -> None:
    clock.pass_(hours=12, minutes=1)  # one minute past midnight in Shanghai
    member = api.log_in()
    assert consent(api, member, version="2.1-zh").status == 200
    assert consent(api, member, name="marketing").status == 200
    assert profile(api, member)["consents"] == {"privacy_policy": "2.1-zh@2026-11-25", "marketing": "1.0@2026-11-25"}
    consent(api, member, name="marketing", granted=False)
    assert profile(api, member)["consents"] == {"privacy_policy": "2.1-zh@2026-11-25"}


def test_a_consent_that_is_not_one_is_refused(api: Api, ann: Member) -> None:
    for changes in (
        {"name": "everything"},
        {"version": ""},
        {"version": "1" * 17},
        {"version": "1 0"},
        {"version": "1.0\n"},
        {"version": "１.0"},
        {"granted": None},
        {"granted": "perhaps"},
        {"on": "2020-01-01"},
    ):
        assert consent(api, ann, **changes).status == 422, changes


def test_a_profile_takes_what_people_really_write(api: Api, ann: Member) -> None:
    for nickname, kept in (
        ("张三", "张三"),
        ("  Ann  ", "Ann"),
        ("e\u0301", "\u00e9"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
        ("\U0001fae8", "\U0001fae8"),  # newer than this Python's Unicode tables
        ("<b>Ann</b> & 'co'", "<b>Ann</b> & 'co'"),
        ("a" * 32, "a" * 32),
        ("محمد", "محمد"),
        ("…", "…"),
    ):
        assert change(api, ann, nickname=nickname).status == 200, nickname
        assert profile(api, ann)["nickname"] == kept
    for avatar_url in (AVATAR, "https://a.b:8443/", "https://a.b/" + "x" * 288):
        assert change(api, ann, avatar_url=avatar_url).body["changed"] == ["avatar_url"], avatar_url
        assert profile(api, ann)["avatar_url"] == avatar_url


def test_a_profile_refuses_what_would_mislead_or_break_who_reads_it(api: Api, ann: Member) -> None:
    nicknames = (
        "", "   ", "a" * 33, "a\x00b", "a\nb", "a\u2028b", "\u202eevil", "a\u2066b", "\ue000", "\u200b", "\u3164",
        "\u2800", "\u200d\ufe0f", "\ufb2c" * 32, 7, ["a"], {"a": 1}, True,
    )  # fmt: skip
    avatars = (
        "http://a.b/c", "https://", "https://a.b", "javascript:alert(1)", "https://a.b/\"onerror=x", "https://a.b/<x>",
        "https://a.b/ x", "https://me@a.b/", "https://a.b:١/", "https://例子.cn/a", "https://a.b/" + "x" * 289,
        "https://a.b/x\n", "data:image/png;base64,AA", 1,
    )  # fmt: skip
    birthdays = (
        "", "1-1", "00-10", "13-01", "02-30", "04-31", "11-00", "1990-01-01", "٠١-٠١", "01-01\n", " 01-01", 101,
    )  # fmt: skip
    for field, values in (("nickname", nicknames), ("avatar_url", avatars), ("birthday", birthdays)):
        for value in values:
            reply = change(api, ann, **{field: value})
            assert (reply.status, reply.code) == (422, "INVALID_FIELDS"), (field, value)
            assert reply.body["error"]["details"][0]["field"] == field, (field, value)
    for nothing in ({}, {"nickname": None}, {"phone_bound": True}, {"balance": 5}, {"nickname": "A", "tier": "gold"}):
        assert change(api, ann, **nothing).status == 422, nothing
    found = profile(api, ann)
    assert [found[field] for field in ("nickname", "avatar_url", "birthday")] == ["", "", ""]
    assert api.account(ann).seq == 2


def test_a_birthday_is_set_once_and_the_same_one_again_is_no_change_of_mind(api: Api, ann: Member) -> None:
    assert change(api, ann, birthday="02-29").status == 200
    assert change(api, ann, birthday="02-29", nickname="Ann").status == 200
    refused = change(api, ann, birthday="03-01", nickname="Bea")
    assert (refused.status, refused.code) == (409, "BIRTHDAY_FIXED")
    found = profile(api, ann)
    assert (found["birthday"], found["nickname"]) == ("02-29", "Ann")


def test_completing_the_profile_pays_once(api: Api, ann: Member) -> None:
    assert change(api, ann, nickname="Ann", avatar_url=AVATAR).body["entry"]["points"] == 0
    done = change(api, ann, birthday="05-06")
    assert (done.body["entry"]["points"], [line["rule"] for line in done.body["entry"]["lines"]]) == (50, ["profile"])
    assert change(api, ann, nickname="Bea").body["entry"]["points"] == 0
    consent(api, ann, granted=False)
    consent(api, ann)
    assert change(api, ann, nickname="Cleo", avatar_url=AVATAR, birthday="05-06").body["entry"]["points"] == 0
    assert api.account(ann).balance == 150


def test_the_journal_keeps_the_names_of_changed_fields_and_never_their_values(api: Api, ann: Member) -> None:
    change(api, ann, nickname="Unmistakable", avatar_url=AVATAR, birthday="05-06")
    bind(api, ann, "phone:13800001111")
    statement = api.call("GET", "/v1/me/points/entries", token=ann.token)
    stored = [vars(entry) for entry in ledger.statement(ann.member_id, 20, None)[0]]
    for text in (json.dumps(statement.body), str(stored)):
        for value in ("Unmistakable", AVATAR, "05-06", "13800001111"):
            assert value not in text


def test_a_profile_change_repeated_is_answered_again_and_with_other_content_refused(api: Api, ann: Member) -> None:
    first = act(api, ann, "PATCH", "/v1/me", {"nickname": "Ann"}, "same")
    again = act(api, ann, "PATCH", "/v1/me", {"nickname": "Ann"}, "same")
    assert (again.status, again.body) == (200, first.body)
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
    other = act(api, ann, "PATCH", "/v1/me", {"nickname": "Bea"}, "same")
    assert (other.status, other.code) == (409, "IDEMPOTENCY_MISMATCH")
    assert profile(api, ann)["nickname"] == "Ann"


def test_a_phone_is_bound_by_wechat_s_word_and_shown_to_nobody(api: Api, ann: Member, wechat: FakeWechat) -> None:
    reply = bind(api, ann, "phone:13800001111")
    assert (reply.status, reply.body["changed"]) == (200, ["phone_bound"])
    assert profile(api, ann)["phone_bound"] is True
    assert service.phone_of(ann.member_id) == "+8613800001111"
    assert owner_of("+8613800001111") == ann.member_id
    home = api.call("GET", "/v1/me", token=ann.token)
    assert "13800001111" not in json.dumps([reply.body, home.body])
    assert list(wechat.rules.calls).count(GETPHONE) == 1
    bind(api, ann, "phone:51234567:country=852")
    assert service.phone_of(ann.member_id) == "+85251234567"


def test_a_phone_bound_again_under_the_same_key_costs_no_second_call(api: Api, ann: Member, wechat: FakeWechat) -> None:
    first = bind(api, ann, "phone:13800001111", "phone-key")
    for number in range(10):  # more than the account remembers, so that the entry itself has to
        assert change(api, ann, nickname=f"Ann {number}").status == 200
    again = bind(api, ann, "phone:13800001111", "phone-key")
    assert (again.status, again.body) == (200, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    other = bind(api, ann, "phone:13900002222", "phone-key")
    assert (other.status, other.code) == (409, "IDEMPOTENCY_MISMATCH")
    assert list(wechat.rules.calls).count(GETPHONE) == 1


def test_a_phone_that_wechat_does_not_give_is_a_refusal_of_ours(api: Api, ann: Member, wechat: FakeWechat) -> None:
    spent = "phone:13800001111:spent"
    ben = api.log_in("ben")
    accept_privacy_policy(api, ben)
    assert bind(api, ben, spent).status == 200
    before = api.account(ann).seq
    for code, status, expected in (
        ("phone:13800002222:app=wxother", 422, "PHONE_OF_ANOTHER_APP"),
        ("error:40013", 422, "PHONE_OF_ANOTHER_APP"),
        ("error:40029", 422, "PHONE_CODE_INVALID"),
        (spent, 422, "PHONE_CODE_INVALID"),
        ("local:ann", 422, "PHONE_CODE_INVALID"),
        ("error:-1", 503, "WECHAT_BUSY"),
        ("error:45011", 429, "WECHAT_QUOTA"),
        ("error:48001", 502, "WECHAT_MISCONFIGURED"),
        ("garbage", 502, "WECHAT_UNAVAILABLE"),
        ("cut", 502, "WECHAT_UNAVAILABLE"),
    ):
        reply = bind(api, ann, code)
        assert (reply.status, reply.code) == (status, expected), code
    assert api.account(ann).seq == before
    assert service.phone_of(ann.member_id) is None
    wechat.rules.revoke_tokens()
    assert bind(api, ann, "phone:13800002222").status == 200


def test_a_phone_belongs_to_one_member_until_it_is_given_up(api: Api, ann: Member) -> None:
    ben = api.log_in("ben")
    accept_privacy_policy(api, ben)
    assert bind(api, ann, "phone:13800001111:1").status == 200
    taken = bind(api, ben, "phone:13800001111:2")
    assert (taken.status, taken.code) == (409, "PHONE_TAKEN")
    assert ann.member_id not in json.dumps(taken.body)
    assert (profile(api, ben)["phone_bound"], service.phone_of(ben.member_id)) == (False, None)
    # The same number again, and then another: the old one is free.
    assert bind(api, ann, "phone:13800001111:3").status == 200
    assert bind(api, ann, "phone:13900002222:1").status == 200
    assert (owner_of("+8613800001111"), owner_of("+8613900002222")) == ("", ann.member_id)
    assert bind(api, ben, "phone:13800001111:4").status == 200
    assert owner_of("+8613800001111") == ben.member_id
    assert bind(api, ann, "phone:13800001111:5").code == "PHONE_TAKEN"
    assert service.phone_of(ann.member_id) == "+8613900002222"


def test_two_numbers_bound_at_the_same_moment_leave_one_and_free_the_other(
    api: Api, ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, interruptions = service.phone.phone_number, ["phone:13900002222"]

    def while_wechat_answers(wechat: object, code: str) -> object:
        found = real(wechat, code)  # type: ignore[arg-type]
        if interruptions:
            assert bind(api, ann, interruptions.pop()).status == 200
        return found

    monkeypatch.setattr(service.phone, "phone_number", while_wechat_answers)
    assert bind(api, ann, "phone:13800001111").status == 200
    assert service.phone_of(ann.member_id) == "+8613800001111"
    assert (owner_of("+8613900002222"), owner_of("+8613800001111")) == ("", ann.member_id)


@pytest.mark.parametrize("read_too_early", ["+8613800001111", None])
def test_a_number_bound_by_the_other_phone_a_moment_ago_is_the_one_given_up(
    api: Api, ann: Member, monkeypatch: pytest.MonkeyPatch, read_too_early: str | None
) -> None:
    numbers = ("+8613800001111", "+8613900002222", "+8613700003333")
    if read_too_early:
        assert bind(api, ann, "phone:13800001111").status == 200
    assert bind(api, ann, "phone:13900002222").status == 200
    early, read = [read_too_early], service.phone_of
    monkeypatch.setattr(service, "phone_of", lambda member_id: early.pop() if early else read(member_id))
    assert bind(api, ann, "phone:13700003333").status == 200
    assert early == []
    assert [owner_of(number) for number in numbers] == ["", "", ann.member_id]
    assert PhoneItem.get(ann.member_id, "phone").e164 == numbers[2]


def test_another_member_never_sees_a_profile(api: Api, ann: Member) -> None:
    ben = api.log_in("ben")
    change(api, ann, nickname="Unmistakable")
    for path in ("/v1/me", "/v1/me/points", "/v1/me/points/entries"):
        reply = api.call("GET", path, token=ben.token)
        assert ann.member_id not in json.dumps(reply.body)
        assert "Unmistakable" not in json.dumps(reply.body)
