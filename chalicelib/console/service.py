"""Operators: logging in and accounts. Keys are in `keys.py`."""

import secrets as random
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.exceptions import GetError, QueryError, TransactWriteError
from pynamodb.expressions.update import Action

from chalicelib.console import rules
from chalicelib.console.items import OPERATORS, OperatorItem
from chalicelib.shared import audit, callers, dynamo, guard
from chalicelib.shared.clock import parse_instant, rfc3339
from chalicelib.shared.errors import (
    BadCursor,
    Conflict,
    NotFound,
    TooManyRequests,
    Unauthorized,
    invalid,
)
from chalicelib.shared.ids import digest

TRY_SECONDS = 900
# A guesser at one address gets under a thousand tries a day at one name, and strangers cannot lock its owner out; many
# addresses together get under twenty thousand. An office behind one address still gets in.
TRIES_PER_NAME, TRIES_PER_ADDRESS, TRIES_PER_NAME_ANYWHERE = 10, 60, 200


class WrongCredentials(Unauthorized):
    code = "WRONG_CREDENTIALS"
    message, message_zh = "The name or the password is wrong.", "账号或密码不正确"


class TooManyTries(TooManyRequests):
    code = "TOO_MANY_TRIES"
    message, message_zh = "Too many tries; wait and try again.", "尝试次数过多，请稍后再试"


class OperatorUnknown(NotFound):
    code = "OPERATOR_UNKNOWN"
    message, message_zh = "There is no such operator.", "没有这个账号"


class NameTaken(Conflict):
    code = "NAME_TAKEN"
    message, message_zh = "This name is already in use; names are never given twice.", "该账号名已被使用"


class NotYourself(Conflict):
    code = "NOT_YOURSELF"
    message = "Owners cannot disable themselves or change their own role: one owner must remain."
    message_zh = "不能停用自己或修改自己的角色"


@dataclass(frozen=True)
class Account:
    """An operator as others may see one."""

    name: str
    role: str
    disabled: bool
    created_at: datetime
    created_by: str
    password_changed_at: datetime


@dataclass(frozen=True)
class Session:
    operator: Account
    access_token: str
    expires_in: int


def log_in(name: str, password: str, client_ip: str, now: datetime) -> Session:
    """A token for two hours. A wrong name, a wrong password and a disabled account are told apart by nobody."""
    _throttle(f"login-ip#{digest(client_ip)}", TRIES_PER_ADDRESS, now)
    item = _verified(name, password, client_ip, now)
    if item.disabled:
        raise WrongCredentials
    token = callers.sign_token("operator", name, now, role=item.role)
    _save(None, audit.record(f"operator:{name}", "operator.login", f"operator:{name}", {}, now))
    return Session(_account(item), token, callers.ACCESS_SECONDS)


def operators(limit: int, cursor: str | None) -> tuple[list[Account], str | None]:
    """Operators by name, and the cursor of the next page."""
    after = dynamo.decode_cursor(cursor)
    name = after.get("after") if isinstance(after, dict) else None
    if after is not None and not (isinstance(name, str) and rules.NAME.fullmatch(name)):
        raise BadCursor
    condition = OperatorItem.kind > name if name else None
    try:
        found = list(OperatorItem.query(OPERATORS, condition, limit=limit + 1, consistent_read=True))
    except QueryError as error:
        raise dynamo.as_refusal(error) from error
    more = {"after": found[limit - 1].kind} if len(found) > limit else None
    return [_account(item) for item in found[:limit]], dynamo.encode_cursor(more)


def create(name: str, role: str, password: str, actor: str, now: datetime) -> Account:
    """A new operator. Raises NameTaken."""
    item = OperatorItem(
        kind=name,
        role=role,
        password=_hashed(password),
        created_at=rfc3339(now),
        created_by=actor,
        password_changed_at=rfc3339(now),
    )
    record = audit.record(actor, "operator.create", f"operator:{name}", {"role": role}, now)
    if not _save(item, record):
        raise NameTaken
    return _account(item)


def bootstrap_owner(name: str, password: str, now: datetime) -> bool:
    """The first owner, made by whoever deploys (there is nobody yet to ask over HTTP). False when the name exists."""
    try:
        create(name, "owner", password, "deployment", now)
    except NameTaken:
        return False
    return True


def change(
    name: str, role: str | None, disabled: bool | None, password: str | None, actor: str, now: datetime
) -> Account:
    """Changes what is not None. Raises OperatorUnknown or NotYourself."""
    if actor == f"operator:{name}" and (role is not None or disabled is not None):
        raise NotYourself
    changes: list[Action] = []
    details: dict[str, Any] = {}
    if role is not None:
        changes.append(OperatorItem.role.set(role))
        details["role"] = role
    if disabled is not None:
        changes.append(OperatorItem.disabled.set(disabled))
        details["disabled"] = disabled
    if password is not None:
        changes += _password_changes(password, now)
        details["password"] = "replaced"  # noqa: S105
    if not changes:
        raise invalid("body", "nothing to change")
    _update(name, changes, audit.record(actor, "operator.change", f"operator:{name}", details, now), now)
    item = _find(name)
    if item is None:
        raise OperatorUnknown
    return _account(item)


def change_own_password(name: str, current: str, new: str, client_ip: str, now: datetime) -> None:
    """Replaces the operator's own password. Raises WrongCredentials, TooManyTries."""
    _verified(name, current, client_ip, now)
    record = audit.record(f"operator:{name}", "operator.password", f"operator:{name}", {}, now)
    _update(name, _password_changes(new, now), record, now)


def _verified(name: str, password: str, client_ip: str, now: datetime) -> OperatorItem:
    """The operator whose password this is. The try is counted before it is judged, so that parallel guesses count."""
    _throttle(f"login#{digest(f'{name}#{client_ip}')}", TRIES_PER_NAME, now)
    _throttle(f"login-name#{digest(name)}", TRIES_PER_NAME_ANYWHERE, now)
    item = _find(name)
    if not rules.is_password(password, item.password if item else rules.NOBODY) or item is None:
        raise WrongCredentials
    return item


def _throttle(key: str, tries: int, now: datetime) -> None:
    if guard.count_try(key, now, TRY_SECONDS) > tries:
        raise TooManyTries(retry_after_seconds=TRY_SECONDS - int(now.timestamp()) % TRY_SECONDS)


def _hashed(password: str) -> str:
    if len(password) < rules.MIN_PASSWORD:
        raise invalid("password", f"at least {rules.MIN_PASSWORD} characters")
    return rules.hash_password(password, random.token_bytes(rules.SALT_BYTES))


def _password_changes(password: str, now: datetime) -> list[Action]:
    return [OperatorItem.password.set(_hashed(password)), OperatorItem.password_changed_at.set(rfc3339(now))]


def _find(name: str) -> OperatorItem | None:
    try:
        return OperatorItem.get(OPERATORS, name, consistent_read=True)
    except OperatorItem.DoesNotExist:
        return None
    except GetError as error:
        raise dynamo.as_refusal(error) from error


def _save(item: OperatorItem | None, record: audit.AuditRecord) -> bool:
    """The record and, if any, the new operator it is about. False when the name exists."""
    try:
        with dynamo.transaction() as writes:
            if item:
                writes.save(item, OperatorItem.kind.does_not_exist())
            writes.save(record)
    except TransactWriteError as error:
        dynamo.check_refused(error)
        return False
    return True


def _update(name: str, changes: list[Action], record: audit.AuditRecord, now: datetime) -> None:
    """Changes the operator and ends every token issued before, together. Raises OperatorUnknown."""
    if not rules.NAME.fullmatch(name):
        raise OperatorUnknown
    try:
        with dynamo.transaction() as writes:
            writes.update(OperatorItem(OPERATORS, name), changes, OperatorItem.kind.exists())
            writes.save(callers.tokens_ended(name, now))
            writes.save(record)
    except TransactWriteError as error:
        dynamo.check_refused(error)
        raise OperatorUnknown from error


def _account(item: OperatorItem) -> Account:
    return Account(
        name=item.kind,
        role=item.role,
        disabled=bool(item.disabled),
        created_at=parse_instant(item.created_at),
        created_by=item.created_by,
        password_changed_at=parse_instant(item.password_changed_at),
    )
