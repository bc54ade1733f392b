"""What every room's request and response models share."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Protocol

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from chalicelib.shared.ids import NATURAL_KEY

NaturalKey = Annotated[
    str, StringConstraints(pattern=NATURAL_KEY.pattern), Field(description="The sender's own id, unique forever.")
]
MemberId = Annotated[str, StringConstraints(pattern=r"^M[0-9A-Z]{18}$")]
OpenId = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_\-]+$")]


def _instant(value: datetime) -> datetime:
    # Business dates lie up to a day away, and validities years: neither may leave the calendar.
    # Both as it is written and in UTC: what is kept is read by the same rule again.
    if 1970 <= value.year <= 9900 and 1970 <= (instant := value.astimezone(UTC)).year <= 9900:
        return instant
    raise ValueError("the year must be 1970 to 9900")


def _written(value: object) -> object:
    # Bare digits, "20260101" among them, would be read as seconds since 1970.
    if not isinstance(value, datetime) and not (isinstance(value, str) and "-" in value):
        raise ValueError("an instant is written as RFC 3339, with its offset")
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_written), AfterValidator(_instant)]


def _day(value: object) -> object:
    # Numbers, and text of bare digits, would be read as seconds since 1970.
    if not isinstance(value, date) and not (isinstance(value, str) and DAY.fullmatch(value)):
        raise ValueError("a date is written as YYYY-MM-DD, the year 1970 to 9900")
    return value


DAY = re.compile(r"(19[7-9]\d|[2-8]\d{3}|9[0-8]\d{2}|9900)-\d\d-\d\d", re.ASCII)
Day = Annotated[date, BeforeValidator(_day)]


# Models are built when first used, not when imported: a cold function needs the few of its one request.
class Request(BaseModel):
    """A body we receive. Unknown fields are refused: a misspelt field must not be silently lost."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Response(BaseModel):
    """A body we answer."""

    model_config = ConfigDict(frozen=True, defer_build=True)


class Worded(Protocol):
    """Anything that is said in both languages."""

    @property
    def zh(self) -> str: ...
    @property
    def en(self) -> str: ...


class Text(Response):
    """A text for members, Chinese first."""

    zh: str
    en: str

    @classmethod
    def of(cls, words: Worded) -> "Text":
        """The same words as an answer holds them."""
        return cls(zh=words.zh, en=words.en)


class PageQuery(Request):
    """Query of every list: `limit` 1–100 and the cursor of the page before."""

    limit: int = Field(default=20, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=2048)


class ErrorBody(Response):
    code: str
    message: str
    message_zh: str
    request_id: str
    retryable: bool
    details: list[dict[str, Any]]


class ErrorAnswer(Response):
    """The one error shape."""

    error: ErrorBody


class Empty(Request):
    """A body without fields; an absent body counts as one."""


__all__ = [
    "Day", "Empty", "ErrorAnswer", "ErrorBody", "Instant", "MemberId", "NaturalKey", "OpenId", "PageQuery", "Request",
    "Response", "Text", "datetime",
]  # fmt: skip
