"""Coupons made of facts: what an entry granted is issued, what it withdrew is taken back.

A coupon's id is made of the entry, the grant and the piece, so a fact delivered again finds its coupons there. Each
piece is withdrawn by one withdrawal, which leaves its mark on it, so a fact delivered again withdraws no further one.
"""

import secrets
from collections.abc import Iterable
from datetime import date, datetime

from chalicelib.coupons import items, notes, rules, service
from chalicelib.coupons.items import CouponItem
from chalicelib.coupons.schemas import FactIn, GrantedIn, WithdrawnIn
from chalicelib.rulebook import store
from chalicelib.rulebook.model_coupons import CouponDefinition
from chalicelib.shared import dynamo
from chalicelib.shared.errors import Unavailable

# Pieces written together, with their notice.
PORTION = 25
_ENTRY = "entry#"
_RANKS = {rules.USABLE: 0, rules.USED: 1, rules.EXPIRED: 2, rules.WITHDRAWN: 3}


class NotDefined(Exception):
    """The rulebook under which the entry was decided has no such coupon: a fact of nobody we know."""


class NotIssuedYet(Exception):
    """Fewer coupons are there than are to be withdrawn: the fact of their grant is still on its way."""


def make(
    member_id: str,
    kind: str,
    source: str,
    seq: int,
    terms: CouponDefinition,
    dates: tuple[date, date],
    notice_days: int,
) -> CouponItem:
    """A coupon that nobody has seen yet. `dates`: of the grant, and today."""
    granted_on, today = dates
    expires_on, noticed = rules.issued(terms.last_day(granted_on), granted_on, today, notice_days)
    return CouponItem(
        member_id,
        kind,
        code=rules.code_of([secrets.randbelow(len(rules.ALPHABET)) for _ in range(rules.CODE_LENGTH - 1)]),
        source=source,
        seq=seq,
        terms=terms.model_dump(mode="json", exclude_none=True),
        granted_on=granted_on.isoformat(),
        expires_on=expires_on.isoformat(),
        notice_days=notice_days,
        noticed=noticed,
    ).dated()


def issue(fact: FactIn, now: datetime) -> int:
    """Issues what the entry granted, by the terms of its own rulebook; returns how many portions were new. Raises
    NotDefined."""
    return sum(_issue(fact, number, grant, now) for number, grant in enumerate(fact.facts.coupons))


def _issue(fact: FactIn, number: int, grant: GrantedIn, now: datetime) -> int:
    coupons = store.at(fact.rulebook_version).rulebook.coupons
    terms = coupons.definition(grant.coupon)
    if terms is None:
        raise NotDefined(grant.coupon)
    dates = fact.on, service.today(now)
    # An order of years ago that is brought in gives nobody a coupon of today.
    over = bool(fact.facts.as_of) and terms.last_day(fact.on) < dates[1]
    new = 0
    for portion in rules.portions(grant.quantity, PORTION):
        kinds = [items.kind_of(fact.seq, number, piece) for piece in portion]
        made = [make(fact.member_id, k, grant.of, fact.seq, terms, dates, coupons.notice_days) for k in kinds]
        if over:
            made = [_over(item, terms.last_day(fact.on)) for item in made]
        new += _put(made, grant.quantity if portion.start == 0 and not over else 0, now)
    return new


def _over(item: CouponItem, ended_on: date) -> CouponItem:
    """The coupon as it would be by now, had it been made in its time and not been used."""
    item.state, item.expires_on, item.noticed = rules.EXPIRED, ended_on.isoformat(), True
    return item.dated()


def _put(made: list[CouponItem], announced: int, now: datetime) -> bool:
    """All of them, with the notice of `announced` pieces; False when they were there."""
    for _ in range(service.ATTEMPTS):
        try:
            with dynamo.together() as writes:
                for item in made:
                    writes.save(item, CouponItem.id.does_not_exist())
                if announced:
                    notes.granted(made[0], announced, now).write(writes)
        except dynamo.Overtaken:
            if items.coupon(made[0].id, made[0].kind):
                return False
            continue
        return True
    raise Unavailable


def withdraw(fact: FactIn) -> None:
    """Withdraws what the entry withdrew. Raises NotIssuedYet."""
    for number, withdrawal in enumerate(fact.facts.coupons_withdrawn):
        _withdraw(fact, mark(fact.seq, number), withdrawal)


def mark(seq: int, number: int) -> str:
    """What withdrawal number `number` of that entry leaves on the coupons it takes."""
    return f"{_ENTRY}{seq}#{number}"


def _withdraw(fact: FactIn, own: str, withdrawal: WithdrawnIn) -> None:
    for _ in range(service.ATTEMPTS * withdrawal.quantity):
        there = items.since(fact.member_id, withdrawal.since, fact.seq)
        since_on = str(withdrawal.since_on or "")
        found = [item for item in there if item.source == withdrawal.of and item.granted_on >= since_on]
        missing = withdrawal.quantity - sum(item.recalled == own for item in found)
        if missing <= 0:
            return
        if not _recall_first(found, own):
            raise NotIssuedYet(withdrawal.of)
    raise Unavailable


def by_entry(item: CouponItem) -> bool:
    """Whether an entry has recalled it; an operator may have, too."""
    return str(item.recalled or "").startswith(_ENTRY)


def _recall_first(found: Iterable[CouponItem], own: str) -> bool:
    """Recalls the first that no entry has recalled: of the earliest entry, one that is not used before one that is.
    False when there is none."""
    free = [item for item in found if not by_entry(item)]
    if not free:
        return False
    item = min(free, key=lambda each: (int(each.seq), _RANKS[each.state], each.kind))
    recall(item, own)
    try:
        with dynamo.together() as writes:
            writes.save(item, item.changed())
    except dynamo.Overtaken:
        pass  # it is looked at again
    return True


def recall(item: CouponItem, by: str) -> None:
    """Withdraws it; one that is used, once it comes back."""
    item.recalled = by
    if item.state == rules.USABLE:
        item.state = rules.WITHDRAWN
