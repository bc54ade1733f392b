"""Logging in, profile, consents, phone, freezing: load, decide, commit."""

import time
from dataclasses import dataclass
from datetime import datetime

from chalicelib import ledger
from chalicelib.engine import events
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision
from chalicelib.engine.events import Cause
from chalicelib.engine.process import process
from chalicelib.members import rules, sessions
from chalicelib.members.items import PhoneItem, PhoneOwnerItem
from chalicelib.members.schemas import ConsentIn, LoginIn, ProfileIn
from chalicelib.rulebook import store
from chalicelib.shared import audit, callers, guard
from chalicelib.shared.clock import business_date, rfc3339
from chalicelib.shared.errors import Conflict, Unavailable
from chalicelib.shared.ids import digest, new_member_id
from chalicelib.wechat import client, login, phone
from chalicelib.wechat.refusals import LoginCodeUsed

# WeChat's own life of a login code.
CODE_SECONDS = 300
TWIN_TRIES, TWIN_SECONDS = 5, 0.2
BIND_TRIES = 3


class ConsentRequired(Conflict):
    code = "CONSENT_REQUIRED"
    message, message_zh = "The privacy policy must be accepted first.", "请先同意隐私政策"


class BirthdayFixed(Conflict):
    code = "BIRTHDAY_FIXED"
    message, message_zh = "The birthday can be set once.", "生日只能设置一次，如需修改请联系客服"


class PhoneTaken(Conflict):
    code = "PHONE_TAKEN"
    message, message_zh = "This phone number belongs to another member.", "该手机号已绑定其他会员"


@dataclass(frozen=True)
class LoggedIn:
    account: Account
    is_new: bool
    tokens: sessions.Tokens
    invite_code_accepted: bool


def log_in(body: LoginIn, now: datetime) -> LoggedIn:
    """Logs the member of a wx.login code in, creating it at the first time, exactly once."""
    openid = _openid(body.code, now)
    member_id = ledger.member_of(openid)
    account, is_new = (ledger.load(member_id), False) if member_id else _join(openid, body.invite_code, now)
    if account.status == "erased":
        raise ledger.MemberErased
    accepted = is_new and bool(account.invited_by)
    return LoggedIn(account, is_new, sessions.start(account.member_id, now), accepted)


def _openid(code: str, now: datetime) -> str:
    """Whose code it is. A code works once at WeChat; a second tap with it is answered from the first one's outcome."""
    key = f"login#{digest(code)}"
    known = guard.recall(key, now)
    if known:
        return known
    try:
        openid = login.code_to_session(client.from_settings(), code).openid
    except LoginCodeUsed:
        # Its twin may be on the way this very moment.
        for _ in range(TWIN_TRIES):
            known = guard.recall(key, now)
            if known:
                return known
            time.sleep(TWIN_SECONDS)
        raise
    guard.remember(key, openid, now, CODE_SECONDS)
    return openid


def _join(openid: str, invite_code: str | None, now: datetime) -> tuple[Account, bool]:
    member_id = new_member_id()
    # A bad code must not keep anybody from joining; whether a good one counts, the invites capability decides.
    invited_by = invite_code if invite_code and rules.INVITE_CODE.fullmatch(invite_code) else ""
    event = events.Joined(Cause(member_id, "joined"), invited_by)
    decision = process(store.current(now), Account(member_id), event, now)
    try:
        outcome = ledger.create(decision, openid, body_hash=ledger.body_hash({"joined": member_id}))
    except ledger.IdentityTaken as taken:
        return ledger.load(taken.member_id), False
    return outcome.account or decision.account, True


def log_out_everywhere(caller: callers.Member, key: str, now: datetime) -> ledger.Outcome:
    """Refuses every access token and session from before now."""
    cause = Cause(caller.member_id, f"log-out#{digest(key, 24)}")
    event = events.StatusChanged(cause, tokens_from=now)
    return ledger.command(caller, event, {"operation": "log-out"}, key, now, repeats_first=True)


def change_profile(caller: callers.Member, body: ProfileIn, key: str, now: datetime) -> ledger.Outcome:
    """Changes the profile. Raises ConsentRequired, BirthdayFixed."""
    changes = body.changes()
    event = events.ProfileChanged(Cause(caller.member_id, f"profile#{digest(key, 24)}"), changes)

    def check(account: Account) -> None:
        if "privacy_policy" not in account.profile.consents:
            raise ConsentRequired
        born = account.profile.birthday
        if born and changes.get("birthday", born) != born:
            # Else birthday points could be had every day.
            raise BirthdayFixed

    # The hash covers the values; the entry keeps only the names of the fields.
    return ledger.command(caller, event, {"operation": "profile", **changes}, key, now, check=check)


def consent(caller: callers.Member, body: ConsentIn, key: str, now: datetime) -> ledger.Outcome:
    """Records a consent given or withdrawn, with its version and business date."""
    cause = Cause(caller.member_id, f"consent#{digest(key, 24)}")
    published = store.current(now)

    def decide(account: Account) -> Decision:
        on = business_date(account.frozen_at or now, published.rulebook.brand.time_zone)
        consents = {name: value for name, value in account.profile.consents.items() if name != body.name}
        if body.granted:
            consents[body.name] = f"{body.version}@{on}"
        return process(published, account, events.ProfileChanged(cause, {"consents": consents}), now)

    content = ledger.body_hash({"operation": "consent", **body.model_dump()})
    return ledger.execute(
        caller.member_id,
        decide,
        cause=cause,
        request=key,
        body_hash=content,
        # A frozen member may withdraw a consent all the same.
        check=lambda account: ledger.admit_reader(account, caller),
    )


def bind_phone(caller: callers.Member, code: str, key: str, now: datetime) -> ledger.Outcome:
    """Binds the phone number behind WeChat's code, and gives the one before up. Raises ConsentRequired, PhoneTaken."""
    member_id = caller.member_id
    cause = Cause(member_id, f"phone#{digest(key, 24)}")
    content = {"operation": "phone", "code": digest(code)}
    earlier = ledger.entry(cause)
    if earlier:
        # Asked before WeChat is: the code is spent and paid for.
        return ledger.command(caller, events.ProfileChanged(cause, {"phone_bound": True}), content, key, now)
    account = ledger.load(member_id)
    ledger.admit(account, caller)
    if "privacy_policy" not in account.profile.consents:
        raise ConsentRequired
    found = phone.phone_number(client.from_settings(), code)
    e164 = f"+{found.country_code}{found.number}"
    event = events.ProfileChanged(cause, {"phone_bound": True})
    for _ in range(BIND_TRIES):
        try:
            return ledger.command(caller, event, content, key, now, also=_phone_writes(member_id, e164, now))
        except ledger.AlsoRefused as refused:
            if refused.index == 0:
                raise PhoneTaken from refused
            # The member's other phone bound another number meanwhile: that one is now the one to give up.
    raise Unavailable


def _phone_writes(member_id: str, e164: str, now: datetime) -> tuple[ledger.Also, ...]:
    """The number's owner first, if it is free; then the member's number, if it is still the one read here."""
    free = (
        PhoneOwnerItem.id.does_not_exist() | (PhoneOwnerItem.member_id == "") | (PhoneOwnerItem.member_id == member_id)
    )
    old = phone_of(member_id)
    unchanged = (PhoneItem.e164 == old) if old else PhoneItem.id.does_not_exist()
    writes = [
        ledger.Also(PhoneOwnerItem(_phone_key(e164), member_id=member_id), free),
        ledger.Also(PhoneItem(member_id, e164=e164, bound_at=rfc3339(now)), unchanged),
    ]
    if old and old != e164:
        writes.append(ledger.Also(PhoneOwnerItem(_phone_key(old)), PhoneOwnerItem.member_id == member_id))
    return tuple(writes)


def _phone_key(e164: str) -> str:
    return f"phone#{digest(e164)}"


def phone_of(member_id: str) -> str | None:
    """The member's phone number, E.164."""
    try:
        return PhoneItem.get(member_id, "phone", consistent_read=True).e164
    except PhoneItem.DoesNotExist:
        return None


def find(openid: str | None, e164: str | None) -> str:
    """The member with that openid or phone number. Raises MemberUnknown."""
    if openid:
        member_id = ledger.member_of(openid)
    else:
        try:
            member_id = PhoneOwnerItem.get(_phone_key(str(e164)), "owner").member_id
        except PhoneOwnerItem.DoesNotExist:
            member_id = None
    if not member_id:
        raise ledger.MemberUnknown
    return member_id


def set_status(
    operator: callers.Operator, member_id: str, status: str, reason: str, key: str, now: datetime
) -> ledger.Outcome:
    """Freezes or releases a member, audited in the same transaction."""
    cause = Cause(member_id, "status#" + digest(f"{operator.operator_id}#{key}", 24))
    event = events.StatusChanged(cause, status=status)
    published = store.current(now)
    record = audit.record(operator.name, f"member.{status}", member_id, {"reason": reason}, now)

    def decide(account: Account) -> Decision:
        if account.status == "erased":
            raise ledger.MemberErased
        return process(published, account, event, now)

    return ledger.execute(
        member_id,
        decide,
        cause=cause,
        body_hash=ledger.body_hash({"operation": "status", "status": status, "reason": reason}),
        also=(ledger.Also(record),),
    )
