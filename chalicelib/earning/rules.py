"""Worked examples for the rules in words: each one is a real decision of the engine on an imagined member."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from chalicelib.engine.account import Account
from chalicelib.engine.decision import Entry
from chalicelib.engine.events import Cause, CheckedIn, Joined, OrderPaid, OrderRefunded, Refund
from chalicelib.engine.orders import record_of
from chalicelib.engine.process import process
from chalicelib.rulebook.model import Published
from chalicelib.shared.errors import Refusal

_MEMBER = "example"


@dataclass(frozen=True)
class Example:
    """One worked example. Longer than a document's own texts may be: every rule that pays has its say."""

    zh: str
    en: str


def _example(title_zh: str, title_en: str, entry: Entry) -> Example:
    zh = "；".join(line.why_zh for line in entry.lines)
    en = "; ".join(line.why for line in entry.lines)
    return Example(f"{title_zh}：{zh}。合计 {entry.points:+d}", f"{title_en}: {en}. Total {entry.points:+d}")


def examples(published: Published, now: datetime) -> list[Example]:
    """A new member joins, checks in, buys for 268 yuan, and returns half of it: as far as the rulebook allows that."""
    found: list[Example] = []
    with suppress(Refusal):
        found.extend(_story(published, now))
    return found


def _story(published: Published, now: datetime) -> Iterator[Example]:
    joined = process(published, Account(_MEMBER), Joined(Cause(_MEMBER, "joined")), now)
    yield _example("注册入会", "Joining", joined.entry)
    today = joined.account.standing.since if joined.account.standing else now.date()
    checked = process(published, joined.account, CheckedIn(Cause(_MEMBER, "check-in"), today), now)
    yield _example("第一天签到", "First check-in", checked.entry)
    cause = Cause("order#example", "order#example")
    bought = process(published, checked.account, OrderPaid(cause, "example", now, 26800), now)
    yield _example("首次消费 268 元", "First purchase of 268 yuan", bought.entry)
    record = record_of([bought.entry])
    if record:
        refund = OrderRefunded(Cause(cause.scope, "refund"), record, Refund("example", 13400))
        returned = process(published, bought.account, refund, now)
        yield _example("退回其中 134 元", "Returning 134 yuan of it", returned.entry)
