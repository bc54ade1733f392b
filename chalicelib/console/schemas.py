"""What the console's routes take and answer."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints

from chalicelib.console.rules import MIN_PASSWORD, NAME
from chalicelib.rulebook import store
from chalicelib.rulebook.findings import Severity
from chalicelib.shared.audit import AuditRecord
from chalicelib.shared.schemas import Day, Instant, PageQuery, Request, Response

OperatorName = Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")]
Role = Literal["owner", "operator", "analyst", "support"]
NewPassword = Annotated[str, StringConstraints(min_length=MIN_PASSWORD, max_length=128)]
AnyPassword = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class View(Response):
    """An answer that shows a value of the service, field by field."""

    @classmethod
    def of(cls, source: object) -> Self:
        return cls.model_validate(source, from_attributes=True)


# Operators


class LoginIn(Request):
    name: OperatorName
    password: AnyPassword


class OperatorOut(View):
    name: str
    role: Role
    disabled: bool
    created_at: datetime
    created_by: str
    password_changed_at: datetime


class LoginOut(View):
    access_token: str
    expires_in: int = Field(description="seconds")
    operator: OperatorOut


class OperatorIn(Request):
    name: OperatorName
    role: Role
    password: NewPassword


class OperatorChangeIn(Request):
    """What is absent stays as it is."""

    role: Role | None = None
    disabled: bool | None = None
    password: NewPassword | None = None


class PasswordIn(Request):
    current_password: AnyPassword
    new_password: NewPassword


class OperatorList(Response):
    items: list[OperatorOut]
    next_cursor: str | None


class Done(Response):
    """Nothing to tell beyond that it was done."""

    done: bool = True


# Rulebook


class DocumentIn(Request):
    document: dict[str, Any]


class DraftChangeIn(DocumentIn):
    revision: int = Field(ge=1, description="the revision that was read; another save meanwhile is a conflict")


class PublishIn(Request):
    draft: int = Field(strict=True, ge=1, lt=10**9)
    effective_at: Instant | None = Field(default=None, description="now, when absent")
    confirmations: dict[str, str] = Field(
        default_factory=dict, max_length=50, description="guard rail → the phrase that confirms switching it off"
    )


class RollbackIn(Request):
    version: int = Field(strict=True, ge=1, lt=10**9)
    confirmations: dict[str, str] = Field(default_factory=dict, max_length=50)


class FindingOut(View):
    code: str
    severity: Severity
    path: str
    message: str
    message_zh: str


class ConfirmationOut(Response):
    """A guard rail this document switches off, and the phrase to type when publishing."""

    guard_rail: str
    phrase: str


class FindingsOut(Response):
    publishable: bool = Field(description="nothing is refused; confirmations may still be asked for")
    findings: list[FindingOut]
    confirmations: list[ConfirmationOut]

    @classmethod
    def of(cls, review: store.Review) -> Self:
        return cls(
            publishable=review.publishable,
            findings=[FindingOut.of(finding) for finding in review.findings],
            confirmations=[ConfirmationOut(guard_rail=n, phrase=p) for n, p in review.confirmations.items()],
        )


class DraftSummary(View):
    draft: int
    revision: int
    saved_by: str
    saved_at: datetime
    published_as: int | None


class DraftOut(DraftSummary):
    document: dict[str, Any]


class DraftList(Response):
    items: list[DraftSummary]
    next_cursor: str | None


class VersionSummary(View):
    version: int
    effective_at: datetime
    published_by: str
    published_at: datetime
    origin: str = Field(description="`draft 3`, or `version 1` when it is a roll-back to that version")


class VersionOut(VersionSummary):
    document: dict[str, Any]


class VersionList(Response):
    items: list[VersionSummary]
    next_cursor: str | None


class Planned(Response):
    version: int
    effective_at: datetime


class CurrentOut(VersionOut):
    """The version in force, and what is planned after it."""

    planned: list[Planned]

    @classmethod
    def now(cls, version: store.Version, planned: list[tuple[int, datetime]]) -> Self:
        coming = [Planned(version=number, effective_at=instant) for number, instant in planned]
        return cls(**VersionOut.of(version).model_dump(), planned=coming)


# Keys and the audit trail


class MerchantKeyOut(View):
    key_id: str
    created_at: str


class NewMerchantKeyOut(MerchantKeyOut):
    secret: str = Field(description="shown this once")


class MerchantKeyList(Response):
    items: list[MerchantKeyOut]
    next_cursor: None = None


class AuditQuery(PageQuery):
    day: Day | None = Field(default=None, description="UTC date; today, when absent")


class AuditOut(Response):
    at: str
    actor: str
    action: str
    target: str
    details: dict[str, Any]

    @classmethod
    def of(cls, record: AuditRecord) -> Self:
        return cls(
            at=record.at_id.partition("#")[0],
            actor=record.actor,
            action=record.action,
            target=record.target,
            details=dict(record.details),
        )


class AuditList(Response):
    items: list[AuditOut]
    next_cursor: str | None
