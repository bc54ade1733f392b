"""Claims, uses, and an operator's word: load → decide → commit."""

from datetime import datetime

from chalicelib import ledger
from chalicelib.engine import events
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision
from chalicelib.engine.events import Cause
from chalicelib.engine.process import process
from chalicelib.notices import inbox
from chalicelib.rulebook import store
from chalicelib.shared import audit, callers
from chalicelib.shared.clock import business_date
from chalicelib.shared.errors import invalid
from chalicelib.shared.ids import digest
from chalicelib.tiers.schemas import TierIn


def claim(caller: callers.Member, task: str, key: str, now: datetime) -> ledger.Outcome:
    """The tap on a completed task."""
    event = events.TaskClaimed(Cause(caller.member_id, f"claim#{digest(key, 24)}"), task)
    return ledger.command(caller, event, {"operation": "claim", "task": task}, key, now)


def use(caller: callers.Member, benefit: str, key: str, now: datetime) -> ledger.Outcome:
    """One use of a benefit, within its quota."""
    event = events.BenefitUsed(Cause(caller.member_id, f"use#{digest(key, 24)}"), benefit)
    return ledger.command(caller, event, {"operation": "use", "benefit": benefit}, key, now)


def set_tier(operator: callers.Operator, member_id: str, body: TierIn, key: str, now: datetime) -> ledger.Outcome:
    """Sets or lends a tier, audited in the same transaction. Raises UnknownTier, and InvalidFields for a loan that is
    over already."""
    published = store.current(now)
    cause = Cause(member_id, f"tier-set#{digest(f'{operator.operator_id}#{key}', 24)}")
    event = events.TierSet(cause, body.tier, body.reason, operator.name, body.until)
    details = {"tier": body.tier, "until": body.until.isoformat() if body.until else None, "reason": body.reason}
    record = audit.record(operator.name, "member.tier", member_id, details, now)

    def decide(account: Account) -> Decision:
        if account.status == "erased":
            raise ledger.MemberErased
        if body.until and body.until < business_date(account.frozen_at or now, published.rulebook.brand.time_zone):
            raise invalid("until", "in the past")
        return process(published, account, event, now)

    return ledger.execute(
        member_id,
        decide,
        cause=cause,
        body_hash=ledger.body_hash({"operation": "tier", **body.model_dump(mode="json")}),
        also=lambda decision: [ledger.Also(record), *inbox.requests(decision)],
    )
