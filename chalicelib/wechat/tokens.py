"""The access token: `POST /cgi-bin/stable_token` (getStableAccessToken), and calls that carry it.

Facts relied upon: without `force_refresh` repeated calls return the same token, so containers share one without
talking to each other; WeChat renews it five minutes before its end, and for those minutes old and new both work.
`force_refresh` would kill the token other containers hold, so it is never used. 40001, 40014 and 42001 mean that a
token is not, or no longer, good.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.wechat.client import AccessToken, Wechat
from chalicelib.wechat.refusals import Refusals, WechatMisconfigured, WechatUnavailable

# Within the five minutes in which asking again brings the new token, and well before a call could outlive the old one.
MARGIN_SECONDS = 60.0

_TOKEN_REFUSALS: Refusals = {40001: WechatMisconfigured}  # here it means a wrong secret


class _TokenRejected(Exception):
    """WeChat did not accept the access token."""


def access_token(wechat: Wechat) -> str:
    """The token in memory, or a fetched one when there is none or its end is near."""
    now = wechat.clock()
    if wechat.token and now < wechat.token.good_until:
        return wechat.token.value
    body = {
        "grant_type": "client_credential",
        "appid": wechat.appid,
        "secret": wechat.secret,
        "force_refresh": False,
    }
    answer = wechat.post("/cgi-bin/stable_token", body, _TOKEN_REFUSALS, repeatable=True)
    value, expires_in = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(value, str) or not value or not isinstance(expires_in, int):
        raise WechatUnavailable
    wechat.token = AccessToken(value, now + expires_in - MARGIN_SECONDS)
    return value


def post_with_token(
    wechat: Wechat, path: str, body: Mapping[str, Any], refusals: Refusals, *, repeatable: bool = False
) -> dict[str, Any]:
    """POSTs with the access token. A rejected one is dropped and the call made once more: WeChat checks the token
    before it looks at anything else, so the rejected call did nothing."""
    rejected: Refusals = {**refusals, 40001: _TokenRejected, 40014: _TokenRejected, 42001: _TokenRejected}
    for _ in range(2):
        token = access_token(wechat)
        try:
            return wechat.post(path, body, rejected, query={"access_token": token}, repeatable=repeatable)
        except _TokenRejected:
            if wechat.token and wechat.token.value == token:
                wechat.token = None
    raise WechatUnavailable
