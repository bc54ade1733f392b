"""Outcomes as answers. An answer is a function of the stored entry, so a repeat gets the first answer again."""

import re
from datetime import date, datetime
from typing import Literal

from chalicelib import ledger
from chalicelib.earning import rules
from chalicelib.earning.schemas import (
    CheckInAnswer,
    EntryAnswer,
    EventIn,
    LotNoticeView,
    LotView,
    OrderAnswer,
    OrderIn,
    PendingView,
    PointsAnswer,
    PreviewAnswer,
    RuleItem,
    RulesAnswer,
    RuleSection,
)
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Entry
from chalicelib.ledger.views import entry_view
from chalicelib.rulebook import words
from chalicelib.rulebook.model import Published, Rulebook
from chalicelib.shared.edge import Answer
from chalicelib.shared.errors import invalid
from chalicelib.shared.ids import NATURAL_KEY
from chalicelib.shared.schemas import Text


def natural_key(value: str) -> str:
    """A merchant's id from the path. Raises InvalidFields."""
    if not re.fullmatch(NATURAL_KEY, value):
        raise invalid("order_id", "1–64 of A–Z a–z 0–9 . _ : - , starting with a letter or digit")
    return value


def order_answer(order_id: str, outcome: ledger.Outcome | None) -> Answer:
    """200 with the entry, or 202 when the order itself has not arrived yet."""
    if outcome is None:
        return Answer(OrderAnswer(status="awaiting_order", order_id=order_id, member_id=None, entry=None), 202)
    entry = outcome.entry
    body = OrderAnswer(status="recorded", order_id=order_id, member_id=entry.member_id, entry=entry_view(entry))
    return Answer(body, replayed=outcome.replayed)


def entry_answer(outcome: ledger.Outcome) -> Answer:
    """The entry written."""
    entry = outcome.entry
    return Answer(EntryAnswer(member_id=entry.member_id, entry=entry_view(entry)), replayed=outcome.replayed)


def preview_answer(body: OrderIn | EventIn, entry: Entry) -> PreviewAnswer:
    """An entry that was not written."""
    order_id = body.order_id if isinstance(body, OrderIn) else None
    status: Literal["recorded"] | None = "recorded" if order_id else None
    return PreviewAnswer(member_id=entry.member_id, entry=entry_view(entry), status=status, order_id=order_id)


def check_in_answer(outcome: ledger.Outcome) -> Answer:
    """The day and the streak it made."""
    entry = outcome.entry
    on, streak = date.fromisoformat(entry.facts["on"]), int(entry.facts["streak"])
    return Answer(CheckInAnswer(on=on, streak=streak, entry=entry_view(entry)), replayed=outcome.replayed)


def points_answer(account: Account, rulebook: Rulebook) -> PointsAnswer:
    """Lots, earliest expiry first."""
    return PointsAnswer(
        balance=account.balance,
        held=account.held,
        pending=account.pending_total,
        debt=account.debt,
        value_fen=account.balance * 100 // rulebook.points_per_yuan_value,
        lots=[
            LotView(points=n, expires_on=day, notices=_lot_notices(account, rulebook, day))
            for day, n in sorted(account.lots.items())
        ],
        pending_lots=[
            PendingView(points=n, releases_on=released, expires_on=expires)
            for (released, expires), n in sorted(account.pending.items())
        ],
    )


def _lot_notices(account: Account, rulebook: Rulebook, day: date) -> list[LotNoticeView]:
    """Every notice asked for or given, the earliest first."""
    given = account.noticed.get(day, {})
    days_before = sorted({*rulebook.expiry.notice_days, *given}, reverse=True)
    return [
        LotNoticeView(days_before=n, given_on=given[n].on, points=given[n].points)
        if n in given
        else LotNoticeView(days_before=n, given_on=None, points=None)
        for n in days_before
    ]


def rules_answer(published: Published, now: datetime) -> RulesAnswer:
    """The rulebook's own words, and examples computed by the engine itself."""
    sections = [
        RuleSection(
            code=section.code,
            title=Text.of(section.title),
            items=[RuleItem(rule=item.rule, zh=item.zh, en=item.en) for item in section.items],
        )
        for section in words.sections(published.rulebook)
    ]
    return RulesAnswer(
        version=published.version,
        brand=Text.of(published.rulebook.brand.name),
        sections=sections,
        examples=[Text.of(example) for example in rules.examples(published, now)],
    )
