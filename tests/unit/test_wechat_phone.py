"""The phone number behind a phone code."""

import json
from collections.abc import Iterator

import pytest

from chalicelib.wechat import refusals
from chalicelib.wechat.client import AccessToken, Wechat
from chalicelib.wechat.phone import PhoneNumber, phone_number
from infra.local.wechat_server import FakeWechat
from tests.unit.test_wechat_client import http_answer, raw_server

NOON = 1_790_000_000
PHONE = "/wxa/business/getuserphonenumber"


@pytest.fixture
def fake() -> Iterator[FakeWechat]:
    with FakeWechat(clock=lambda: NOON) as server:
        yield server


@pytest.fixture
def wechat(fake: FakeWechat) -> Iterator[Wechat]:
    made = Wechat(fake.url, fake.appid, fake.secret)
    yield made
    made.pool.clear()


def test_a_phone_code_becomes_its_number(wechat: Wechat) -> None:
    assert phone_number(wechat, "phone:13812345678") == PhoneNumber("86", "13812345678")


def test_a_foreign_number_comes_without_its_country_code(wechat: Wechat) -> None:
    assert phone_number(wechat, "phone:91234567:country=852") == PhoneNumber("852", "91234567")


def test_a_number_is_not_shown_when_printed() -> None:
    assert "13812345678" not in f"{PhoneNumber('86', '13812345678')!r}"


def test_a_phone_code_works_once(wechat: Wechat) -> None:
    phone_number(wechat, "phone:13812345678:tap 1")
    with pytest.raises(refusals.PhoneCodeInvalid) as caught:
        phone_number(wechat, "phone:13812345678:tap 1")
    assert (caught.value.status, caught.value.code) == (422, "PHONE_CODE_INVALID")
    assert caught.value.details[0]["field"] == "code"
    assert phone_number(wechat, "phone:13812345678:tap 2").number == "13812345678"


@pytest.mark.parametrize(("age_seconds", "accepted"), [(300, True), (301, False)])
def test_a_phone_code_works_for_five_minutes(wechat: Wechat, age_seconds: int, accepted: bool) -> None:
    code = f"phone:13812345678:at={NOON - age_seconds}"
    if accepted:
        assert phone_number(wechat, code)
    else:
        with pytest.raises(refusals.PhoneCodeInvalid):
            phone_number(wechat, code)


@pytest.mark.parametrize("code", ["", "phone:1381234567", "phone:138123456789", "phone:abcdefghijk", "local:alice"])
def test_a_phone_code_that_was_never_issued_is_invalid(wechat: Wechat, code: str) -> None:
    with pytest.raises(refusals.PhoneCodeInvalid):
        phone_number(wechat, code)


def test_a_number_given_to_another_mini_program_is_refused(wechat: Wechat) -> None:
    with pytest.raises(refusals.PhoneOfAnotherApp) as caught:
        phone_number(wechat, "phone:13812345678:app=wxsomeoneelse")
    assert (caught.value.status, caught.value.code) == (422, "PHONE_OF_ANOTHER_APP")


@pytest.mark.parametrize(
    ("errcode", "refusal"),
    [
        (-1, refusals.WechatBusy),
        (40029, refusals.PhoneCodeInvalid),
        (40013, refusals.PhoneOfAnotherApp),
        (45011, refusals.WechatQuota),
        (48001, refusals.WechatMisconfigured),
        (12345, refusals.WechatUnavailable),
    ],
)
def test_each_documented_errcode_is_one_refusal(wechat: Wechat, errcode: int, refusal: type[refusals.Refusal]) -> None:
    with pytest.raises(refusals.Refusal) as caught:
        phone_number(wechat, f"error:{errcode}")
    assert type(caught.value) is refusal


def test_a_lost_answer_is_not_asked_for_again_because_it_may_be_paid_for(fake: FakeWechat, wechat: Wechat) -> None:
    with pytest.raises(refusals.WechatUnavailable):
        phone_number(wechat, "cut")
    assert fake.rules.calls.count(PHONE) == 1


def test_a_rejected_token_costs_the_member_nothing(fake: FakeWechat, wechat: Wechat) -> None:
    phone_number(wechat, "phone:13812345678:1")
    fake.rules.revoke_tokens()
    assert phone_number(wechat, "phone:13812345678:2").number == "13812345678"


GOOD = {"purePhoneNumber": "13812345678", "countryCode": "86", "watermark": {"appid": "wx1", "timestamp": NOON}}


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (GOOD, PhoneNumber("86", "13812345678")),
        ({**GOOD, "countryCode": 86}, PhoneNumber("86", "13812345678")),
        ({**GOOD, "watermark": {"appid": "wx2"}}, refusals.PhoneOfAnotherApp),
        ({**GOOD, "watermark": {}}, refusals.PhoneOfAnotherApp),
        ({**GOOD, "watermark": None}, refusals.WechatUnavailable),
        ({**GOOD, "purePhoneNumber": ""}, refusals.WechatUnavailable),
        ({**GOOD, "purePhoneNumber": None}, refusals.WechatUnavailable),
        ({**GOOD, "purePhoneNumber": "1" * 16}, refusals.WechatUnavailable),
        ({**GOOD, "countryCode": "+86"}, refusals.WechatUnavailable),
        (None, refusals.WechatUnavailable),
    ],
)
def test_only_a_complete_answer_with_our_watermark_is_a_number(
    info: object, expected: PhoneNumber | type[refusals.Refusal]
) -> None:
    listening, url = raw_server(http_answer(json.dumps({"errcode": 0, "phone_info": info}).encode()), [])
    wechat = Wechat(url, "wx1", "s", token=AccessToken("token", good_until=float("inf")))
    with listening:
        if isinstance(expected, PhoneNumber):
            assert phone_number(wechat, "c") == expected
        else:
            with pytest.raises(expected):
                phone_number(wechat, "c")
