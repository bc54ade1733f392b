"""A member's own command: admit, decide, commit. What every room's POST of a member comes down to."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision
from chalicelib.engine.events import Caused
from chalicelib.engine.process import process
from chalicelib.ledger.admission import admit
from chalicelib.ledger.book import AlsoFor, Outcome, body_hash, execute
from chalicelib.rulebook import store
from chalicelib.shared.callers import Member


def command(
    caller: Member,
    event: Caused,
    content: dict[str, Any],
    key: str,
    now: datetime,
    *,
    check: Callable[[Account], None] | None = None,
    also: AlsoFor = (),
    account: Account | None = None,
    repeats_first: bool = False,
) -> Outcome:
    """Records what the member does, once for its Idempotency-Key `key` and its cause.

    content: what makes two requests the same · check: refusals of the room's own, raised before anything is decided ·
    also: the room's writes · account: one already loaded, which saves the read · repeats_first: a repeat is answered
    before the caller is admitted, for the command that ends the caller's own token. Raises MemberErased, MemberFrozen,
    TokenRevoked, and whatever `ledger.execute` raises.
    """
    published = store.current(now)

    def decide(account: Account) -> Decision:
        if repeats_first:
            admit(account, caller)
        if check:
            check(account)
        return process(published, account, event, now)

    return execute(
        caller.member_id,
        decide,
        cause=event.cause,
        request=key,
        body_hash=body_hash(content),
        also=also,
        account=account,
        check=None if repeats_first else lambda account: admit(account, caller),
    )
