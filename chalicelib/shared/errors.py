"""Refusals: a class with a status and a stable code. Anything else that reaches the rim is our bug (500).

    Refusal
    ├── Malformed            400  not JSON, a bad cursor
    ├── Unauthorized         401
    ├── Forbidden            403
    ├── NotFound             404
    ├── Conflict             409
    ├── BodyTooLarge         413
    ├── InvalidFields        422  details: [{field, problem}]
    ├── TooManyRequests      429  with Retry-After
    └── Unavailable          503  retryable

Rooms derive their own from these, beside the code that raises them.
"""

from collections.abc import Sequence
from typing import Any, ClassVar


class Refusal(Exception):
    """Base of every answer that is not a success. `details` is a list of JSON objects."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "REFUSED"
    message: ClassVar[str] = "The request was refused."
    message_zh: ClassVar[str] = "请求被拒绝"
    retryable: ClassVar[bool] = False

    def __init__(
        self, details: Sequence[dict[str, Any]] | None = None, *, retry_after_seconds: int | None = None
    ) -> None:
        super().__init__(self.code)
        self.details = list(details or [])
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        return f"{self.code}: {self.message} {self.details or ''}".rstrip()


class Malformed(Refusal):
    status, code = 400, "MALFORMED"
    message, message_zh = "The request could not be read.", "请求格式有误"


class BadCursor(Malformed):
    code = "BAD_CURSOR"
    message, message_zh = "The cursor is not one we issued.", "翻页游标无效，请从第一页重新加载"


class Unauthorized(Refusal):
    status, code = 401, "UNAUTHORIZED"
    message, message_zh = "Missing or invalid credentials.", "请先登录"


class TokenExpired(Unauthorized):
    code = "TOKEN_EXPIRED"
    message, message_zh = "The access token has expired; refresh it.", "登录已过期，请重新登录"


class Forbidden(Refusal):
    status, code = 403, "FORBIDDEN"
    message, message_zh = "You may not do this.", "没有权限"


class NotFound(Refusal):
    status, code = 404, "NOT_FOUND"
    message, message_zh = "There is nothing here.", "没有找到"


class Conflict(Refusal):
    status, code = 409, "CONFLICT"
    message, message_zh = "The request conflicts with the current state.", "当前状态不允许该操作"


class IdempotencyMismatch(Conflict):
    code = "IDEMPOTENCY_MISMATCH"
    message = "This key was already used with different content."
    message_zh = "该请求编号已用于不同的内容"


class BodyTooLarge(Refusal):
    status, code = 413, "BODY_TOO_LARGE"
    message, message_zh = "The body is larger than 256 KB.", "请求内容过大"


class InvalidFields(Refusal):
    status, code = 422, "INVALID_FIELDS"
    message, message_zh = "Some fields are not valid; see details.", "部分字段不正确"


class TooManyRequests(Refusal):
    status, code, retryable = 429, "TOO_MANY_REQUESTS", True
    message, message_zh = "Too many requests; wait and try again.", "操作太频繁，请稍后再试"


class Unavailable(Refusal):
    status, code, retryable = 503, "UNAVAILABLE", True
    message, message_zh = "Temporarily unavailable; the same request may be sent again.", "系统繁忙，请稍后重试"


def invalid(field: str, problem: str) -> InvalidFields:
    """One bad field, found beyond what a schema can say."""
    return InvalidFields([{"field": field, "problem": problem}])
