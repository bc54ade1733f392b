"""What members and operators send about members, and what they get back."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from chalicelib.ledger.tier_view import TierView
from chalicelib.ledger.views import EntryView
from chalicelib.members import rules
from chalicelib.shared.schemas import PageQuery, Request, Response


def _nickname(text: str) -> str:
    clean = rules.clean_nickname(text)
    if clean is None:
        raise ValueError("empty, too long, or with control characters")
    return clean


def _birthday(text: str) -> str:
    if not rules.is_birthday(text):
        raise ValueError("not a month and day, MM-DD")
    return text


Nickname = Annotated[str, StringConstraints(max_length=rules.MAX_NICKNAME), AfterValidator(_nickname)]
Birthday = Annotated[str, AfterValidator(_birthday)]
# A host, and then only what RFC 3986 lets stand in a URL: no quotes, angle brackets or spaces for a page to trip over.
AvatarUrl = Annotated[
    str,
    StringConstraints(
        max_length=300, pattern=r"^https://[A-Za-z0-9.\-]+(:[0-9]{1,5})?/[A-Za-z0-9\-._~:/?#@!$&'()*+,;=%]*$"
    ),
]


class LoginIn(Request):
    """`code` of wx.login, and the code of the member who brought this one."""

    code: str = Field(min_length=1, max_length=128)
    # Without a limit of its own: a bad one is ignored, it must not keep anybody from joining.
    invite_code: str | None = None


class RefreshIn(Request):
    refresh_token: str = Field(min_length=1, max_length=128)


class ProfileIn(Request):
    """Only the fields present are changed."""

    nickname: Nickname | None = None
    avatar_url: AvatarUrl | None = None
    birthday: Birthday | None = None

    @model_validator(mode="after")
    def _something(self) -> "ProfileIn":
        if not self.changes():
            raise ValueError("nothing to change")
        return self

    def changes(self) -> dict[str, Any]:
        """field → new value."""
        return self.model_dump(exclude_none=True)


class PhoneIn(Request):
    """`code` of the phone button (not of wx.login)."""

    code: str = Field(min_length=1, max_length=128)


class ConsentIn(Request):
    name: Literal["privacy_policy", "marketing", "lottery"]
    version: str = Field(pattern=r"^[0-9A-Za-z.\-]{1,16}$")
    granted: bool


class ReasonIn(Request):
    reason: str = Field(min_length=2, max_length=200)


class MemberSearch(Request):
    """Exactly one of the two."""

    openid: str | None = Field(default=None, min_length=1, max_length=64)
    phone: str | None = Field(default=None, pattern=r"^\+[0-9]{6,19}$")

    @model_validator(mode="after")
    def _one(self) -> "MemberSearch":
        if (self.openid is None) == (self.phone is None):
            raise ValueError("exactly one of openid and phone")
        return self


EntriesQuery = PageQuery


class LoginMember(Response):
    member_id: str
    is_new: bool
    nickname: str
    tier: str
    balance: int
    invite_code_accepted: bool


class TokensAnswer(Response):
    access_token: str
    refresh_token: str
    expires_in: int


class LoginAnswer(TokensAnswer):
    member: LoginMember


class LoggedOut(Response):
    logged_out: bool = True


class Expiring(Response):
    points: int
    expires_on: date


class PointsView(Response):
    """`held`: set aside for orders that are being paid; they are not in the balance."""

    balance: int
    held: int
    pending: int
    debt: int
    value_fen: int
    expiring: list[Expiring]


class StreakView(Response):
    length: int
    checked_in_today: bool


class ProfileView(Response):
    nickname: str
    avatar_url: str
    birthday: str
    phone_bound: bool
    consents: dict[str, str]


class MeAnswer(Response):
    """The home screen."""

    member_id: str
    joined_at: str
    status: str
    profile: ProfileView
    points: PointsView
    tier: TierView
    streak: StreakView
    badges: list[str]


class ChangedAnswer(Response):
    """Which fields changed, and the entry that says so."""

    changed: list[str]
    entry: EntryView


class StatusAnswer(Response):
    member_id: str
    entry: EntryView


class StatementAnswer(Response):
    items: list[EntryView]
    next_cursor: str | None


class VerificationAnswer(Response):
    """Problems found by checking every entry; empty when the book is right."""

    member_id: str
    problems: list[str]
