"""The book: the only writer of accounts. A decision is committed whole or not at all, a cause once, forever.

`book` commits, `statement` reads, `verify` checks, `parking` keeps a place for an entry that has not come yet,
`due` runs what happens by itself, `sweep` does so for everybody who is due, `paging` goes from page to page;
`members` is everybody.
"""

from chalicelib.ledger import due, paging, sweep
from chalicelib.ledger.admission import admit, admit_reader
from chalicelib.ledger.book import Also, AlsoFor, Outcome, body_hash, create, execute, load, member_of, wait
from chalicelib.ledger.codec import entry_from_image
from chalicelib.ledger.command import command
from chalicelib.ledger.parking import park
from chalicelib.ledger.refusals import (
    AccountTooLarge,
    AlreadyRecorded,
    AlsoRefused,
    EntryTooLarge,
    IdentityTaken,
    MemberErased,
    MemberFrozen,
    MemberUnknown,
    Parked,
    ScopeTooLarge,
    TokenRevoked,
)
from chalicelib.ledger.scan import members
from chalicelib.ledger.statement import entry, look, redemptions, scope, statement
from chalicelib.ledger.verify import verify

__all__ = [
    "AccountTooLarge",
    "AlreadyRecorded",
    "Also",
    "AlsoFor",
    "AlsoRefused",
    "EntryTooLarge",
    "IdentityTaken",
    "MemberErased",
    "MemberFrozen",
    "MemberUnknown",
    "Outcome",
    "Parked",
    "ScopeTooLarge",
    "TokenRevoked",
    "admit",
    "admit_reader",
    "body_hash",
    "command",
    "create",
    "due",
    "entry",
    "entry_from_image",
    "execute",
    "load",
    "look",
    "member_of",
    "members",
    "paging",
    "park",
    "redemptions",
    "scope",
    "statement",
    "sweep",
    "verify",
    "wait",
]
