"""Login: `GET /sns/jscode2session` (code2Session).

Facts relied upon: a code works once and for five minutes; -1 busy, 40029 invalid, 40163 already used, 40226 user
blocked, 45011 quota (100 a minute and user); `unionid` is there only when the mini-program is bound to an Open
Platform account. The room that logs members in remembers a code's outcome, so that a double tap is not an error.
"""

from dataclasses import dataclass, field

from chalicelib.wechat.client import Wechat
from chalicelib.wechat.refusals import LoginCodeInvalid, LoginCodeUsed, Refusals, WechatUnavailable, WechatUserBlocked

_REFUSALS: Refusals = {40029: LoginCodeInvalid, 40163: LoginCodeUsed, 40226: WechatUserBlocked}


@dataclass(frozen=True)
class WechatIdentity:
    """Who a login code belongs to. Out of repr because both ids are personal data."""

    openid: str = field(repr=False)
    unionid: str | None = field(default=None, repr=False)


def code_to_session(wechat: Wechat, code: str) -> WechatIdentity:
    """The identity behind a `wx.login` code. The session_key is dropped here: nothing we offer needs it."""
    query = {
        "appid": wechat.appid,
        "secret": wechat.secret,
        "js_code": code,
        "grant_type": "authorization_code",
    }
    answer = wechat.get("/sns/jscode2session", query, _REFUSALS)
    openid, unionid = answer.get("openid"), answer.get("unionid")
    if not isinstance(openid, str) or not openid:
        raise WechatUnavailable
    return WechatIdentity(openid, unionid if isinstance(unionid, str) and unionid else None)
