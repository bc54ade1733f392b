"""Load, decide, commit: drawing; and the record of draws, for operators and auditors."""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from chalicelib import ledger
from chalicelib.engine import lotteries
from chalicelib.engine.decision import Decision
from chalicelib.engine.events import Cause, Drawn
from chalicelib.engine.refusals import ConsentNeeded, LotteryUnknown
from chalicelib.ledger import Also
from chalicelib.lottery import items, rules, stock
from chalicelib.lottery.items import DrawItem
from chalicelib.lottery.schemas import DeliveryIn, DrawIn
from chalicelib.rulebook import store
from chalicelib.rulebook.model_lotteries import NUMBERS, Lottery, lottery_of
from chalicelib.shared import audit, callers, dynamo
from chalicelib.shared.clock import parse_instant, rfc3339
from chalicelib.shared.errors import BadCursor, Conflict, NotFound, Unavailable

ATTEMPTS = 8
RECOUNTED = 1_000


class DrawUnknown(NotFound):
    code = "DRAW_UNKNOWN"
    message, message_zh = "There is no such draw.", "没有这次抽奖记录"


class NothingToDeliver(Conflict):
    code = "NOTHING_TO_DELIVER"
    message = "This draw won nothing that the shop hands over."
    message_zh = "该次抽奖没有需要商家发放的奖品"


class AlreadyDelivered(Conflict):
    code = "ALREADY_DELIVERED"
    message, message_zh = "This prize has been handed over; see details.", "该奖品已发放"


def cause_of(draw_id: str) -> Cause:
    """The cause of a draw's entry."""
    return Cause(f"draw#{draw_id}", f"draw#{draw_id}")


def draw(caller: callers.Member, code: str, body: DrawIn, key: str, now: datetime) -> ledger.Outcome:
    """One draw, in one transaction. Raises LotteryUnknown, ConsentNeeded, and whatever the law refuses.

    The number is drawn once: whatever is lost or taken meanwhile, it is the same that is decided on again.
    """
    draw_id = rules.draw_id(caller.member_id, key)
    cause, number = cause_of(draw_id), secrets.randbelow(NUMBERS)
    content = {"operation": "draw", "lottery": code, **body.model_dump(mode="json")}
    for _ in range(ATTEMPTS):
        published = store.current(now)
        lottery = lottery_of(published.rulebook.lotteries, code)
        gone = stock.gone(lottery) if lottery else ()
        event = Drawn(cause, draw_id, code, number, body.expected_points, gone)
        try:
            return ledger.command(caller, event, content, key, now, also=partial(_also, published.version))
        except ledger.AlsoRefused:
            # Somebody took the last piece meanwhile, or a later version, in force by now, has a prize of its own.
            continue
        except (LotteryUnknown, ConsentNeeded):
            # A repeat is a repeat, also when nothing of it could be done any more.
            found, _parked = ledger.look(cause, ledger.body_hash(content))
            if found is None:
                raise
            return ledger.Outcome(found, None, True)
    raise Unavailable


def _also(version: int, decision: Decision) -> list[Also]:
    """The record of the draw, and the piece it wins. Raises AlsoRefused when it was decided under another version than
    the one by which pieces were looked for: that one may have more of them."""
    entry, drawn = decision.entry, decision.entry.facts["draw"]
    if entry.rulebook_version != version:
        raise ledger.AlsoRefused(0)
    lottery = lotteries.find(store.at(version).rulebook, drawn["lottery"])
    prize = lottery.prize(drawn.get("prize", ""))
    found = [Also(items.draw_item(entry))]
    if prize and prize.pieces is not None and not drawn.get("out"):
        found.append(stock.taking(lottery, prize.code))
    return found


def draws_of_day(code: str, on: date, limit: int, cursor: str | None) -> tuple[list[DrawItem], str | None]:
    """A page of a day's draws in their order, whether or not the rulebook still has the lottery, and the next page's
    cursor. Raises LotteryUnknown for what can be no code."""
    if not rules.LOTTERY.fullmatch(code):
        raise LotteryUnknown
    return _page(items.of_day(code, on, limit + 1, _place(cursor)), limit)


def draws_of_member(member_id: str, code: str, limit: int, cursor: str | None) -> tuple[list[DrawItem], str | None]:
    """A page of a member's draws of a lottery, newest first, and the next page's cursor."""
    return _page(items.of_member(member_id, code, limit + 1, _place(cursor)), limit)


def _place(cursor: str | None) -> str | None:
    place: Any = dynamo.decode_cursor(cursor)
    if place is not None and not (isinstance(place, str) and rules.PLACE.fullmatch(place)):
        raise BadCursor
    return place


def _page(found: Sequence[DrawItem], limit: int) -> tuple[list[DrawItem], str | None]:
    shown = list(found[:limit])
    return shown, dynamo.encode_cursor(shown[-1].kind) if len(found) > limit else None


@dataclass(frozen=True)
class Recount:
    """A stretch of a day's draws counted anew: how many, what they gave, how many fell on a prize that had run out, and
    draw → what is wrong with it. levels: prize → (total, left) of the lottery in force; empty when there is none."""

    draws: int
    given: dict[str, int]
    out: int
    wrong: dict[str, list[str]]
    levels: dict[str, tuple[int, int]]


def recount(code: str, on: date, cursor: str | None, now: datetime) -> tuple[Recount, str | None]:
    """Counts and checks up to RECOUNTED draws of a day, and the cursor to go on from. Raises LotteryUnknown."""
    page, following = draws_of_day(code, on, RECOUNTED, cursor)
    given = Counter(item.draw["prize"] for item in page if "prize" in item.draw and not item.draw.get("out"))
    checked = {item.draw["draw_id"]: _problems(item) for item in page}
    lottery = lottery_of(store.current(now).rulebook.lotteries, code)
    found = Recount(
        draws=len(page),
        given=dict(given),
        out=sum(bool(item.draw.get("out")) for item in page),
        wrong={draw_id: problems for draw_id, problems in checked.items() if problems},
        levels=stock.levels(lottery) if lottery else {},
    )
    return found, following


def _problems(item: DrawItem) -> list[str]:
    lottery = lottery_of(store.at(int(item.version)).rulebook.lotteries, item.draw["lottery"])
    drawn_at = parse_instant(item.kind.partition("#")[0])
    return lotteries.check(item.draw, lottery, drawn_at) if lottery else ["its version has no such lottery"]


def deliver(operator: callers.Operator, draw_id: str, body: DeliveryIn, now: datetime) -> DrawItem:
    """Marks a prize as handed over, once, audited in the same transaction; the same call again finds it done. Raises
    DrawUnknown, NothingToDeliver, AlreadyDelivered."""
    # From a path: DynamoDB takes no key of 3 KB.
    entry = ledger.entry(cause_of(draw_id)) if rules.DRAW_ID.fullmatch(draw_id) else None
    if entry is None:
        raise DrawUnknown
    drawn = entry.facts["draw"]
    if drawn.get("kind") != "other" or drawn.get("out"):
        raise NothingToDeliver
    item = items.draw_item(entry)
    told = {"delivered_at": rfc3339(now), "delivered_by": operator.name, "note": body.note}
    record = audit.record(operator.name, "lottery.delivery", draw_id, {"prize": drawn["prize"], "note": body.note}, now)
    for _ in range(ATTEMPTS):
        try:
            with dynamo.together() as writes:
                actions = [getattr(DrawItem, name).set(value) for name, value in told.items()]
                writes.update(item, actions, DrawItem.id.exists() & DrawItem.delivered_at.does_not_exist())
                writes.save(record)
        except dynamo.Overtaken:
            known = items.read_draw(item)
            if known.delivered_at:
                return _same(known, operator, body)
            continue
        return items.read_draw(item)
    raise Unavailable


def _same(known: DrawItem, operator: callers.Operator, body: DeliveryIn) -> DrawItem:
    if (known.delivered_by, known.note) != (operator.name, body.note):
        raise AlreadyDelivered([{"field": "draw_id", "problem": "handed over", "delivered_at": known.delivered_at}])
    return known


def find(code: str, now: datetime) -> tuple[int, Lottery]:
    """The lottery in force, and the version of the rulebook that has it. Raises LotteryUnknown."""
    published = store.current(now)
    return published.version, lotteries.find(published.rulebook, code)
