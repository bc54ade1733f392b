"""Coupons as answers."""

from datetime import date, datetime
from typing import Any

from chalicelib import ledger
from chalicelib.coupons import rules, schemas, service, uses
from chalicelib.coupons.items import CouponItem
from chalicelib.ledger.views import entry_view
from chalicelib.rulebook import store, words_coupons
from chalicelib.rulebook.model import Rulebook
from chalicelib.shared.edge import Answer
from chalicelib.shared.schemas import Text


def _fields(item: CouponItem, rulebook: Rulebook, on: date) -> dict[str, Any]:
    definition = item.definition
    told = words_coupons.terms(rulebook, definition)
    if item.returned_on:
        told.append((f"已于 {item.returned_on} 退回", f"came back on {item.returned_on}"))
    return {
        "code": item.code,
        "coupon": definition.code,
        "kind": definition.kind,
        "name": Text.of(definition.name),
        "terms": Text(zh="；".join(zh for zh, _ in told), en="; ".join(en for _, en in told)),
        "worth": schemas.WorthView(
            amount_off_fen=definition.amount_off_fen,
            percent_off=definition.percent_off,
            max_off_fen=definition.max_off_fen,
            sku=definition.sku,
            threshold_fen=definition.threshold_fen,
            categories=list(definition.categories),
            stacks=definition.stacks,
        ),
        "state": service.state_of(item, on),
        "granted_on": item.granted_on,
        "expires_on": item.last_day(on) if item.state == rules.USABLE else item.expires_on,
        "returned_on": item.returned_on,
        "used_at": item.used_at,
        "discount_fen": int(item.discount_fen) if item.discount_fen is not None else None,
    }


def coupons(page: tuple[list[CouponItem], str | None], now: datetime) -> schemas.CouponList:
    """A page of a member's own coupons."""
    rulebook, on = store.current(now).rulebook, service.today(now)
    shown = [schemas.CouponView(**_fields(item, rulebook, on)) for item in page[0]]
    return schemas.CouponList(items=shown, next_cursor=page[1])


def held(page: tuple[list[CouponItem], str | None], now: datetime) -> schemas.HeldList:
    """A page of a member's coupons for operators."""
    return schemas.HeldList(items=[one_held(item, now) for item in page[0]], next_cursor=page[1])


def one_held(item: CouponItem, now: datetime) -> schemas.HeldView:
    """One coupon for operators."""
    return schemas.HeldView(
        **_fields(item, store.current(now).rulebook, service.today(now)),
        source=item.source,
        seq=int(item.seq),
        order_id=item.order_id,
        recalled=item.recalled,
    )


def quote(item: CouponItem, query: schemas.QuoteQuery, now: datetime) -> schemas.QuoteAnswer:
    """What the coupon is, and what it would take off."""
    on = service.today(now)
    usable = service.state_of(item, on) == rules.USABLE
    found = uses.quote(item, query.order(), on) if query.amount_fen is not None or not usable else None
    problem = Text(zh=found.zh, en=found.problem) if isinstance(found, rules.NotApplicable) else None
    return schemas.QuoteAnswer(
        coupon=schemas.CouponView(**_fields(item, store.current(now).rulebook, on)),
        usable=usable,
        discount_fen=found if isinstance(found, int) else None,
        problem=problem,
    )


def used(found: uses.Used) -> Answer:
    """A use, the same at every repeat."""
    body = schemas.UseAnswer(
        code=found.code,
        order_id=found.order_id,
        used_at=found.at,
        discount_fen=found.discount_fen,
        free_shipping=found.free_shipping,
        sku=found.sku,
    )
    return Answer(body, replayed=found.replayed)


def ended(found: uses.Ended) -> Answer:
    """A cancellation, the same at every repeat."""
    body = schemas.CancellationAnswer(
        code=found.code, order_id=found.order_id, cancelled_at=found.at, given_back=found.given_back
    )
    return Answer(body, replayed=found.replayed)


def granted(outcome: ledger.Outcome) -> Answer:
    """The entry of a grant."""
    return Answer(schemas.GrantAnswer(entry=entry_view(outcome.entry)), replayed=outcome.replayed)


def budget(found: service.Budget) -> schemas.SurpriseAnswer:
    """What was drawn of the surprise's budget."""
    surprise = found.surprise
    whole = surprise.budget_fen if surprise else 0
    return schemas.SurpriseAnswer(
        on=surprise is not None,
        coupon=surprise.coupon if surprise else None,
        budget_fen=whole,
        drawn_fen=found.drawn_fen,
        left_fen=max(0, whole - found.drawn_fen),
        drawn=found.drawn,
    )
