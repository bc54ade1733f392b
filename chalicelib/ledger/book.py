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

from pynamodb.exceptions import GetError, QueryError, TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision, Entry
from chalicelib.engine.events import Cause
from chalicelib.ledger.codec import account_item, account_of, entry_item, entry_of
from chalicelib.ledger.items import AccountItem, EntryItem, IdentityItem, text_of
from chalicelib.ledger.refusals import (
    AccountTooLarge,
    AlsoRefused,
    EntryTooLarge,
    IdentityTaken,
    MemberUnknown,
    Parked,
)
from chalicelib.shared import dynamo
from chalicelib.shared.errors import Conflict, Forbidden, IdempotencyMismatch, InvalidFields, Unavailable
from chalicelib.shared.ids import digest, random_code

ATTEMPTS = 8
BACKOFF_SECONDS, BACKOFF_CAP_SECONDS = 0.02, 0.4
# A rulebook under which an account could pass 4 KB is not published. One KB more is for what rules now gone left, two
# for the limited offers a member has redeemed (at most `redemptions.MAX_LIMITED_OFFERS`, some 98 bytes each), and 640
# bytes for what is held (at most `holds.MAX_HOLDS`, 118 bytes each).
MAX_ACCOUNT_BYTES = 7808
MAX_ENTRY_BYTES = 16 * 1024
MAX_ALSO = 20
REMEMBERED_REQUESTS = 8
MAX_ID_LENGTH = 64

_REFUSED = "ConditionalCheckFailed"
# Reasons of a cancelled transaction that are nobody's mistake; any other is our bug.
_PASSING = frozenset((None, _REFUSED, "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"))


@dataclass(frozen=True)
class Also:
    """A room's own write in the same transaction, under an optional condition: the whole item, or with `actions` only
    these changes of the item at its key; with `gone` the item is deleted."""

    item: Model
    condition: Condition | None = None
    actions: tuple[Action, ...] = ()
    gone: bool = False

    def write(self, writes: TransactWrite) -> None:
        """Adds it to a transaction."""
        if self.gone:
            writes.delete(self.item, self.condition)
        elif self.actions:
            writes.update(self.item, list(self.actions), self.condition)
        else:
            writes.save(self.item, self.condition)


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
    return account_of(load_item(member_id))


def load_item(member_id: str) -> AccountItem:
    """The account as it lies there."""
    if "#" in member_id or len(member_id) > MAX_ID_LENGTH:
        # From an operator's path; identities lie in the same table.
        raise MemberUnknown
    try:
        return AccountItem.get(member_id, consistent_read=True)
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
    check: Callable[[Account], None] | None = None,
) -> Outcome:
    """Loads, decides, commits; decides again after a lost race.

    body_hash: digest of the request's content · request: the member's Idempotency-Key · cause: the one the decision
    will have; there an earlier identical request is looked for when the engine refuses this one · account: one already
    loaded, which saves the read · replaces: the revision of the parked place this entry takes · check: refusals that
    hold for a repeat too, raised before anything else.

    Raises MemberUnknown, IdempotencyMismatch, Parked, AlsoRefused, AccountTooLarge, EntryTooLarge, Unavailable, and
    whatever `decide` raises.
    """
    write = _Write(body_hash, digest(request, 12) if request else None, random_code(12), replaces)
    for attempt in range(ATTEMPTS):
        wait(attempt)
        account = account or load(member_id)
        if check:
            check(account)
        earlier = _remembered(account, write, cause)
        if earlier:
            return write.outcome_of(earlier)
        try:
            decision = decide(account)
        except (Conflict, Forbidden, InvalidFields):
            # A repeat of what the rules refuse by now (done already, no longer the member's, or the rules have changed)
            # is still a repeat.
            found = stored(cause) if cause else None
            if found and found.seq is not None and write.request in (None, found.request):
                return write.outcome_of(found)
            raise
        decision = _with_request(decision, write)
        outcome = write.commit(decision, also(decision) if callable(also) else also)
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
    write = _Write(body_hash, None, random_code(12), None)
    for attempt in range(ATTEMPTS):
        wait(attempt)
        try:
            outcome = write.commit(decision, also)
        except AlsoRefused as refused:
            if not openid or refused.index:
                raise
            owner = member_of(openid)
            if owner:
                raise IdentityTaken(owner) from refused
            continue
        if outcome:
            return outcome
    raise Unavailable


def _remembered(account: Account, write: "_Write", cause: Cause | None) -> EntryItem | None:
    """The entry of an earlier request with the same Idempotency-Key, if it is among the account's last few.

    Where the cause does not lead to it (a check-in repeated on the next day), the index does. The index may be a moment
    behind, and deciding again would refuse what was done: so it is asked again, and at last Unavailable is raised.
    """
    known = account.requests.get(write.request) if write.request else None
    if known is None:
        return None
    content, seq = known
    if content != write.body_hash[:8]:
        raise IdempotencyMismatch
    found = stored(cause) if cause else None
    if found and found.seq == seq:
        return found
    for attempt in range(ATTEMPTS):
        wait(attempt)
        try:
            found = next(iter(EntryItem.by_seq.query(account.member_id, EntryItem.seq == seq, limit=1)), None)
        except QueryError as error:
            raise dynamo.as_refusal(error) from error
        if found:
            return found
    raise Unavailable


def _with_request(decision: Decision, write: "_Write") -> Decision:
    if write.request is None:
        return decision
    known = {**decision.account.requests, write.request: (write.body_hash[:8], decision.entry.seq)}
    newest = dict(sorted(known.items(), key=lambda pair: pair[1][1])[-REMEMBERED_REQUESTS:])
    return replace(decision, account=replace(decision.account, requests=newest))


@dataclass(frozen=True)
class _Write:
    """The attempts of one command: they share a commit id, so that each recognises what an earlier one wrote.
    `request` is the digest of the member's Idempotency-Key."""

    body_hash: str
    request: str | None
    commit_id: str
    replaces: int | None

    def commit(self, decision: Decision, also: Sequence[Also]) -> Outcome | None:
        """One attempt. None: the race was lost or the answer is unknown: read and decide again."""
        entry, account = decision.entry, decision.account
        new_entry = entry_item(entry, self.body_hash, self.commit_id, self.request)
        new_account = account_item(account)
        _check_sizes(new_account, new_entry, also)
        try:
            with dynamo.transaction() as writes:
                writes.save(new_entry, self._place())
                before = decision.before.seq
                writes.save(new_account, (AccountItem.seq == before) if before else AccountItem.id.does_not_exist())
                for extra in also:
                    extra.write(writes)
        except TransactWriteError as error:
            return self._failed(error, decision, sum(extra.gone for extra in also))
        return Outcome(entry, account, False)

    def _place(self) -> Condition:
        free = EntryItem.cause.does_not_exist()
        return free if self.replaces is None else (EntryItem.revision == self.replaces)

    def _failed(self, error: TransactWriteError, decision: Decision, deletes: int) -> Outcome | None:
        codes = [reason.code if reason else None for reason in error.cancellation_reasons]
        # PynamoDB sends what is to be deleted before everything else.
        codes = codes[deletes:] + codes[:deletes]
        if not codes:
            if not dynamo.is_busy(error):
                raise error
            # The answer is unknown: look before trying again.
            item = stored(decision.entry.cause)
            return self.outcome_of(item, decision) if item and item.seq is not None else None
        if codes[0] == _REFUSED:
            return self._occupied(decision)
        if set(codes) - _PASSING:
            raise error
        if codes[:2] == [None, None] and _REFUSED in codes:
            # Only now: while another transaction holds the entry or the account, that one may be this very command,
            # half visible.
            raise AlsoRefused(codes.index(_REFUSED) - 2) from error
        return None

    def _occupied(self, decision: Decision) -> Outcome | None:
        item = stored(decision.entry.cause)
        if item is None:
            return None
        if item.seq is None:
            raise Parked(dict(item.parked or {}), int(item.revision or 0))
        if self.request not in (None, item.request) and item.seq > decision.before.seq:
            # Another request did the same since the account was read: whether this one may too, the engine says.
            return None
        return self.outcome_of(item, decision)

    def outcome_of(self, item: EntryItem, decision: Decision | None = None) -> Outcome:
        """What an entry found at our cause means for us. Raises IdempotencyMismatch for another content."""
        own = item.commit_id == self.commit_id
        if not own and item.body_hash != self.body_hash:
            raise IdempotencyMismatch
        # A decision made after our own entry had landed unseen has counted it twice, and is not what was written.
        written = decision if own and decision and decision.entry.seq == item.seq else None
        return Outcome(entry_of(item), written.account if written else None, not own)


def _check_sizes(account: AccountItem, entry: EntryItem, also: Sequence[Also]) -> None:
    """Refuses long before DynamoDB would (400 KB an item, 100 items a transaction)."""
    if len(text_of(account.state).encode()) > MAX_ACCOUNT_BYTES:
        raise AccountTooLarge
    if len(text_of([entry.lines, entry.moves, entry.facts]).encode()) > MAX_ENTRY_BYTES:
        raise EntryTooLarge
    if len(also) > MAX_ALSO:
        raise ValueError(f"at most {MAX_ALSO} writes beside the entry")


def wait(attempt: int) -> None:
    """Before a further attempt, counted from 1: full jitter, a random part of a doubling, capped time."""
    if attempt:
        time.sleep(random.random() * min(BACKOFF_CAP_SECONDS, BACKOFF_SECONDS * 2 ** (attempt - 1)))  # noqa: S311
