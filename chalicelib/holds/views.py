"""Holds as answers. What a write answers is rendered from its stored entry alone: a repeat gets it again."""

from typing import cast

from chalicelib import ledger
from chalicelib.engine import holds
from chalicelib.engine.account import Account
from chalicelib.engine.cash import Quote
from chalicelib.engine.events import HoldRecord
from chalicelib.holds import schemas
from chalicelib.ledger.views import entry_view
from chalicelib.shared.edge import Answer


def quoted(quote: Quote, account: Account) -> schemas.QuoteAnswer:
    """What may pay, or why nothing may."""
    why = quote.why
    return schemas.QuoteAnswer(
        points=quote.points,
        offset_fen=quote.offset_fen,
        balance=account.balance,
        max_percent=quote.percent,
        step_points=quote.step_points,
        least_points=quote.least_points,
        why_nothing=schemas.WhyView(code=why.code, message=why.message, message_zh=why.message_zh) if why else None,
    )


def stepped(outcome: ledger.Outcome) -> Answer:
    """The hold as the entry left it."""
    hold = view(holds.told_by(outcome.entry))
    return Answer(schemas.HoldStepAnswer(hold=hold, entry=entry_view(outcome.entry)), replayed=outcome.replayed)


def view(record: HoldRecord) -> schemas.HoldView:
    """A hold."""
    return schemas.HoldView(
        hold_id=record.hold_id,
        order_id=record.order_id,
        member_id=record.member_id,
        state=cast(schemas.State, record.state),
        points=record.points,
        offset_fen=record.offset_fen,
        captured_points=record.captured_points,
        refunded_points=record.refunded_points,
        expires_at=record.expires_at,
    )
