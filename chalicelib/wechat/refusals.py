"""What can go wrong at WeChat, as the answers our own callers get.

WeChat's errcodes never reach a mini-program: they change, and a client could not act on them.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

from chalicelib.shared.errors import Forbidden, InvalidFields, Refusal, TooManyRequests, Unauthorized, Unavailable


class WechatBusy(Unavailable):
    """errcode -1: WeChat asks for another try a little later."""

    code = "WECHAT_BUSY"
    message, message_zh = "WeChat is busy; try again in a moment.", "微信繁忙，请稍后重试"


class WechatUnavailable(Refusal):
    """No answer in time, an answer that cannot be read, or an errcode no interface explains."""

    status, code, retryable = 502, "WECHAT_UNAVAILABLE", True
    message, message_zh = "WeChat could not be reached; try again.", "暂时无法连接微信，请稍后重试"


class WechatMisconfigured(Refusal):
    """WeChat does not accept our appid, secret, address or permissions: only the operator can put that right."""

    status, code = 502, "WECHAT_MISCONFIGURED"
    message = "WeChat does not accept this mini-program's credentials; the operator has to correct them."
    message_zh = "小程序的微信配置有误，请联系商家处理"


class WechatQuota(TooManyRequests):
    """errcode 45011: the quota of a minute is spent, so a minute is how long to wait."""

    code = "WECHAT_QUOTA"
    message, message_zh = "WeChat's rate limit was reached; wait and try again.", "操作太频繁，请稍后再试"
    wait_seconds: ClassVar[int] = 60

    def __init__(self) -> None:
        super().__init__(retry_after_seconds=self.wait_seconds)


class WechatDailyQuota(WechatQuota):
    """errcode 45009: the quota of a day. WeChat does not say when it ends; an hour keeps clients from hammering."""

    wait_seconds: ClassVar[int] = 3600


class LoginCodeInvalid(Unauthorized):
    """errcode 40029: not a code of this mini-program, or older than five minutes."""

    code = "LOGIN_CODE_INVALID"
    message, message_zh = "The login code is not valid; ask WeChat for a new one.", "登录凭证无效或已过期，请重新登录"


class LoginCodeUsed(Unauthorized):
    """errcode 40163. Told apart from an invalid code because it is how a lost answer shows itself."""

    code = "LOGIN_CODE_USED"
    message, message_zh = "The login code was already used; ask WeChat for a new one.", "登录凭证已使用，请重新登录"


class WechatUserBlocked(Forbidden):
    """errcode 40226: WeChat itself considers the user high-risk and refuses the login."""

    code = "WECHAT_USER_BLOCKED"
    message, message_zh = "WeChat has blocked this user from logging in.", "该微信账号存在风险，暂时无法登录"


class PhoneCodeInvalid(InvalidFields):
    """errcode 40029: unknown, already used, or older than five minutes; WeChat does not say which."""

    code = "PHONE_CODE_INVALID"
    message = "The phone code is not valid; ask for the number again."
    message_zh = "手机号授权已失效，请重新授权"

    def __init__(self) -> None:
        super().__init__([{"field": "code", "problem": "unknown, used, or expired"}])


class PhoneOfAnotherApp(InvalidFields):
    """The number was given to another mini-program: ours has no consent to hold it."""

    code = "PHONE_OF_ANOTHER_APP"
    message = "The phone number was not given to this mini-program."
    message_zh = "该手机号授权不属于本小程序，请重新授权"

    def __init__(self) -> None:
        super().__init__([{"field": "code", "problem": "issued to another mini-program"}])


# errcode → what to raise. Mostly refusals; a file may map one to an exception of its own that it catches itself.
Refusals = Mapping[int, Callable[[], Exception]]

# Errcodes that mean the same for every interface; an interface adds its own, and its own win.
COMMON: Refusals = {
    -1: WechatBusy,
    45009: WechatDailyQuota,
    45011: WechatQuota,
    40013: WechatMisconfigured,  # invalid appid
    40125: WechatMisconfigured,  # invalid appsecret
    40164: WechatMisconfigured,  # our address is not on the mini-program's IP list
    41002: WechatMisconfigured,  # appid missing
    41004: WechatMisconfigured,  # appsecret missing
    48001: WechatMisconfigured,  # the mini-program has no permission for the interface
    48004: WechatMisconfigured,  # the interface was closed to it for irregularities
    50002: WechatMisconfigured,  # the mini-program's account is frozen or cancelled
}
