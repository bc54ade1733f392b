"""The member's phone number: `POST /wxa/business/getuserphonenumber` (getPhoneNumber).

Facts relied upon: the code comes from a tap on the phone button, works once and for five minutes, and is not a login
code; each successful call costs money; `phone_info.watermark.appid` names the mini-program the number was given to;
`countryCode` has been seen both as text and as a number.
"""

from dataclasses import dataclass, field
from typing import Any

from chalicelib.wechat.client import Wechat
from chalicelib.wechat.refusals import PhoneCodeInvalid, PhoneOfAnotherApp, Refusals, WechatUnavailable
from chalicelib.wechat.tokens import post_with_token

# 40013 says, on this interface, that the code was issued to another mini-program.
_REFUSALS: Refusals = {40029: PhoneCodeInvalid, 40163: PhoneCodeInvalid, 40013: PhoneOfAnotherApp}


@dataclass(frozen=True)
class PhoneNumber:
    """`country_code` without a plus sign (`86`), `number` without the country code."""

    country_code: str
    number: str = field(repr=False)


def phone_number(wechat: Wechat, code: str) -> PhoneNumber:
    """The number behind a phone code. Never repeated after a lost answer: the code may be spent, and paid for."""
    answer = post_with_token(wechat, "/wxa/business/getuserphonenumber", {"code": code}, _REFUSALS)
    info = _object(answer, "phone_info")
    if _object(info, "watermark").get("appid") != wechat.appid:
        raise PhoneOfAnotherApp
    country_code, number = str(info.get("countryCode", "")), str(info.get("purePhoneNumber", ""))
    if not _digits(country_code, 4) or not _digits(number, 15):
        raise WechatUnavailable
    return PhoneNumber(country_code, number)


def _object(answer: dict[str, Any], name: str) -> dict[str, Any]:
    value = answer.get(name)
    if not isinstance(value, dict):
        raise WechatUnavailable
    return value


def _digits(text: str, longest: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= longest
