"""The only writer of accounts: one decision, one transaction.

The entry's key is its cause, so the entry itself is the guard against recording a cause twice, and the account's `seq`
is its version. A lost race reads and decides again; a lost answer is recognised by the commit id; a repeat with the
same content gets the stored entry; the same cause with other content is refused.
"""

import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pynamodb.exceptions import GetError, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision, Entry
from chalicelib.engine.events import Cause
from chalicelib.ledger.codec import account_item, account_of, entry_item, entry_of
from chalicelib.ledger.items import AccountItem, EntryItem, IdentityItem
from chalicelib.ledger.refusals import AccountTooLarge, AlsoRefused, IdentityTaken, MemberUnknown, Parked
from chalicelib.shared import dynamo
from chalicelib.shared.errors import Conflict, IdempotencyMismatch, Unavailable
from chalicelib.shared.ids import digest, random_code

ATTEMPTS = 8
BACKOFF_SECONDS, BACKOFF_CAP_SECONDS = 0.02, 0.4
MAX_ACCOUNT_BYTES = 4096
MAX_ENTRY_BYTES = 16 * 1024
MAX_ALSO = 20
REMEMBERED_REQUESTS = 8


@dataclass(frozen=True)
class Also:
    """A room's own write in the same transaction: the whole item, under an optional condition."""

    item: Model
    condition: Condition | None = None


@dataclass(frozen=True)
class Outcome:
    """The entry that stands for the cause. `replayed`: it was there before this call. `account` is the account after,
    when this call wrote it."""

    entry: Entry
    account: Account | None
    replayed: bool


Decide = Callable[[Account], Decision]
AlsoFor = Sequence[Also] | Callable[[Decision], Sequence[Also]]


def body_hash(value: Any) -> str:
    """The digest of a request's content, independent of key order and spacing."""
    return digest(json.dumps(value, sort_keys=True, separators=(",", ":"), default=str), 32)


def _identity(openid: str) -> str:
    return f"wechat#{openid}"


def load(member_id: str) -> Account:
    """The account: one consistent read. Raises MemberUnknown."""
    try:
        return account_of(AccountItem.get(member_id, consistent_read=True))
    except AccountItem.DoesNotExist as error:
        raise MemberUnknown from error
    except GetError as error:
        raise dynamo.as_refusal(error) from error


def member_of(openid: str) -> str | None:
    """Whose openid this is."""
    try:
        return IdentityItem.get(_identity(openid), consistent_read=True).member_id
    except IdentityItem.DoesNotExist:
        return None
    except GetError as error:
        raise dynamo.as_refusal(error) from error


def stored(cause: Cause) -> EntryItem | None:
    """The item at the cause's key: an entry, or a place kept for one."""
    try:
        return EntryItem.get(cause.scope, cause.key, consistent_read=True)
    except EntryItem.DoesNotExist:
        return None
    except GetError as error:
        raise dynamo.as_refusal(error) from error


def execute(
    member_id: str,
    decide: Decide,
    *,
    body_hash: str,
    cause: Cause | None = None,
    request: str | None = None,
    also: AlsoFor = (),
    account: Account | None = None,
    replaces: int | None = None,
) -> Outcome:
    """Loads, decides, commits; decides again after a lost race.

    body_hash: digest of the request's content · request: the member's Idempotency-Key · cause: where to look for an
    earlier identical request when the engine refuses this one · account: one already loaded, which saves the read ·
    replaces: the revision of the parked place this entry takes.

    Raises MemberUnknown, IdempotencyMismatch, Parked, AlsoRefused, Unavailable, and whatever `decide` raises.
    """
    write = _Write(body_hash, random_code(12), replaces)
    for attempt in range(ATTEMPTS):
        account = account or load(member_id)
        earlier = _remembered(account, request, body_hash)
        if earlier:
            return earlier
        try:
            decision = decide(account)
        except Conflict:
            found = stored(cause) if cause else None
            if found and found.seq is not None:
                return write.outcome_of(found, None)
            raise
        decision = _with_request(decision, request, body_hash)
        outcome = write.commit(decision, also(decision) if callable(also) else also, attempt)
        if outcome:
            return outcome
        account = None
    raise Unavailable


def create(decision: Decision, openid: str | None, *, body_hash: str, also: Sequence[Also] = ()) -> Outcome:
    """Writes a new account with its first entry, and its identity, in one transaction.

    Raises IdentityTaken when the openid already has a member.
    """
    identity = IdentityItem(id=_identity(openid), member_id=decision.account.member_id) if openid else None
    also = [*([Also(identity, IdentityItem.id.does_not_exist())] if identity else []), *also]
    write = _Write(body_hash, random_code(12), None)
    for attempt in range(ATTEMPTS):
        try:
            outcome = write.commit(decision, also, attempt)
        except AlsoRefused as refused:
            owner = member_of(str(openid)) if openid and refused.index == 0 else None
            if owner is None:
                raise
            if owner == decision.account.member_id and (item := stored(decision.entry.cause)):
                return write.outcome_of(item, decision.account)
            raise IdentityTaken(owner) from refused
        if outcome:
            return outcome
    raise Unavailable


def _remembered(account: Account, request: str | None, content: str) -> Outcome | None:
    """The outcome of an earlier request with the same Idempotency-Key, if it is among the last few."""
    if request is None:
        return None
    known = account.requests.get(digest(request, 12))
    if known is None:
        return None
    if known[0] != content[:8]:
        raise IdempotencyMismatch
    item = next(iter(EntryItem.by_seq.query(account.member_id, EntryItem.seq == known[1], limit=1)), None)
    return Outcome(entry_of(item), None, True) if item else None


def _with_request(decision: Decision, request: str | None, content: str) -> Decision:
    if request is None:
        return decision
    known = dict(decision.account.requests)
    known[digest(request, 12)] = (content[:8], decision.entry.seq)
    newest = dict(sorted(known.items(), key=lambda pair: pair[1][1])[-REMEMBERED_REQUESTS:])
    return replace(decision, account=replace(decision.account, requests=newest))


@dataclass(frozen=True)
class _Write:
    """The attempts of one command: they share a commit id, so that each recognises what an earlier one wrote."""

    body_hash: str
    commit_id: str
    replaces: int | None

    def commit(self, decision: Decision, also: Sequence[Also], attempt: int) -> Outcome | None:
        """One attempt. None: the race was lost or the answer is unknown; wait is over, read and decide again."""
        entry, account = decision.entry, decision.account
        new_entry = entry_item(entry, self.body_hash, self.commit_id)
        new_account = account_item(account)
        _check_sizes(new_account, new_entry, also)
        try:
            with dynamo.transaction() as writes:
                writes.save(new_entry, self._place())
                before = decision.before.seq
                writes.save(new_account, (AccountItem.seq == before) if before else AccountItem.id.does_not_exist())
                for extra in also:
                    writes.save(extra.item, extra.condition)
        except TransactWriteError as error:
            return self._failed(error, decision, attempt)
        return Outcome(entry, account, False)

    def _place(self) -> Condition:
        free = EntryItem.cause.does_not_exist()
        return free if self.replaces is None else (EntryItem.revision == self.replaces)

    def _failed(self, error: TransactWriteError, decision: Decision, attempt: int) -> Outcome | None:
        codes = [reason.code if reason else "None" for reason in error.cancellation_reasons]
        if not codes:
            if not dynamo.is_busy(error):
                raise error
            # The answer is unknown: look before trying again.
            item = stored(decision.entry.cause)
            if item and item.seq is not None:
                return self.outcome_of(item, decision.account)
        elif codes[0] == "ConditionalCheckFailed":
            return self._occupied(decision)
        elif codes[1] != "ConditionalCheckFailed":
            for index, code in enumerate(codes[2:]):
                if code == "ConditionalCheckFailed":
                    raise AlsoRefused(index) from error
            if set(codes) - {"None", "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}:
                raise error
        wait(attempt)
        return None

    def _occupied(self, decision: Decision) -> Outcome | None:
        item = stored(decision.entry.cause)
        if item is None:
            return None
        if item.seq is None:
            raise Parked(dict(item.parked or {}), int(item.revision or 0))
        return self.outcome_of(item, decision.account)

    def outcome_of(self, item: EntryItem, account: Account | None) -> Outcome:
        """What an entry found at our cause means for us. Raises IdempotencyMismatch for another content."""
        if item.commit_id == self.commit_id:
            return Outcome(entry_of(item), account, False)
        if item.body_hash != self.body_hash:
            raise IdempotencyMismatch
        return Outcome(entry_of(item), None, True)


def _check_sizes(account: AccountItem, entry: EntryItem, also: Sequence[Also]) -> None:
    """Refuses long before DynamoDB would (400 KB an item, 100 items a transaction)."""
    if len(json.dumps(account.state, ensure_ascii=False).encode()) > MAX_ACCOUNT_BYTES:
        raise AccountTooLarge
    if len(json.dumps([entry.lines, entry.facts], ensure_ascii=False).encode()) > MAX_ENTRY_BYTES:
        raise AccountTooLarge
    if len(also) > MAX_ALSO:
        raise ValueError(f"at most {MAX_ALSO} writes beside the entry")


def wait(attempt: int) -> None:
    """Full jitter: a random part of a doubling, capped time."""
    time.sleep(random.random() * min(BACKOFF_CAP_SECONDS, BACKOFF_SECONDS * 2**attempt))  # noqa: S311
