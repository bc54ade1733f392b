"""Worked examples for the rules in words: each one is a real decision of the engine on an imagined member."""

from datetime import datetime

from chalicelib.engine.account import Account
from chalicelib.engine.decision import Entry
from chalicelib.engine.events import Cause, CheckedIn, Joined, OrderPaid, OrderRefunded, Refund
from chalicelib.engine.orders import record_of
from chalicelib.engine.process import process
from chalicelib.rulebook.model import Published, Words
from chalicelib.shared.errors import Refusal

_MEMBER = "example"


def _words(title_zh: str, title_en: str, entry: Entry) -> Words:
    zh = "；".join(line.why_zh for line in entry.lines)
    en = "; ".join(line.why for line in entry.lines)
    return Words(zh=f"{title_zh}：{zh}。合计 {entry.points:+d}", en=f"{title_en}: {en}. Total {entry.points:+d}")


def examples(published: Published, now: datetime) -> list[Words]:
    """A new member joins, checks in, buys for 268 yuan, and returns half of it."""
    start = Account(_MEMBER)
    joined = process(published, start, Joined(Cause(_MEMBER, "joined")), now)
    today = joined.account.standing.since if joined.account.standing else now.date()
    checked = process(published, joined.account, CheckedIn(Cause(_MEMBER, "check-in"), today), now)
    found = [_words("注册入会", "Joining", joined.entry), _words("第一天签到", "First check-in", checked.entry)]
    cause = Cause("order#example", "order#example")
    try:
        bought = process(published, checked.account, OrderPaid(cause, "example", now, 26800), now)
    except Refusal:
        # A rulebook may allow no order as large as the example.
        return found
    found.append(_words("首次消费 268 元", "First purchase of 268 yuan", bought.entry))
    record = record_of([bought.entry])
    if record:
        refund = OrderRefunded(Cause(cause.scope, "refund"), record, Refund("example", 13400))
        returned = process(published, bought.account, refund, now)
        found.append(_words("退回其中 134 元", "Returning 134 yuan of it", returned.entry))
    return found
