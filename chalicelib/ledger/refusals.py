"""What the book refuses."""

from typing import Any

from chalicelib.shared.errors import Conflict, Forbidden, NotFound, Unauthorized


class MemberUnknown(NotFound):
    code = "MEMBER_UNKNOWN"
    message, message_zh = "There is no such member.", "会员不存在"


class MemberErased(Forbidden):
    code = "MEMBER_ERASED"
    message, message_zh = "This member has been erased.", "该会员已注销"


class MemberFrozen(Forbidden):
    code = "MEMBER_FROZEN"
    message, message_zh = "This member is frozen; contact the shop.", "账户已被冻结，请联系客服"


class TokenRevoked(Unauthorized):
    code = "TOKEN_REVOKED"
    message, message_zh = "This login has been revoked; log in again.", "登录已失效，请重新登录"


class AccountTooLarge(Conflict):
    code = "ACCOUNT_TOO_LARGE"
    message, message_zh = "The account has reached its size limit.", "账户数据超出上限，请联系客服"


class EntryTooLarge(Conflict):
    code = "ENTRY_TOO_LARGE"
    message, message_zh = "What happened is too large for one entry.", "该笔记录数据超出上限"


class ScopeTooLarge(Conflict):
    code = "TOO_MANY_ENTRIES"
    message, message_zh = "Too much has been recorded under this number.", "该单号下的记录过多"


class AlreadyRecorded(Conflict):
    """The place one wanted to keep is already taken by the entry itself."""

    code = "ALREADY_RECORDED"


class IdentityTaken(Exception):
    """That outside identity already has a member: `member_id`."""

    def __init__(self, member_id: str) -> None:
        super().__init__("identity taken")
        self.member_id = member_id


class AlsoRefused(Exception):
    """The condition of the room's own write number `index` failed; nothing was written."""

    def __init__(self, index: int) -> None:
        super().__init__(f"write {index} refused")
        self.index = index


class Parked(Exception):
    """Something arrived before the entry it belongs to and waits at its place: decide again with it."""

    def __init__(self, parked: dict[str, Any], revision: int) -> None:
        super().__init__("parked")
        self.parked, self.revision = parked, revision
