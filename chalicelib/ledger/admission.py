"""Whether a member's own request may go on: the account is loaded anyway, so these checks cost nothing."""

from chalicelib.engine.account import Account
from chalicelib.ledger.refusals import MemberErased, MemberFrozen, TokenRevoked
from chalicelib.shared.callers import Member


def admit_reader(account: Account, caller: Member) -> None:
    """For reads: a frozen member may still look. Raises MemberErased, TokenRevoked."""
    if account.status == "erased":
        raise MemberErased
    if account.tokens_from and caller.issued_at <= account.tokens_from:
        raise TokenRevoked


def admit(account: Account, caller: Member) -> None:
    """For commands. Raises MemberErased, MemberFrozen, TokenRevoked."""
    admit_reader(account, caller)
    if account.status == "frozen":
        raise MemberFrozen
