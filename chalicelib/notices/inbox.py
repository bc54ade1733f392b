"""The in-app inbox: written in the transaction of the entry that asks for a notice, so that the entry is the proof.

Other channels come with their capability; what they attempt is added to the same notice.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.exceptions import DoesNotExist, GetError, QueryError, UpdateError

from chalicelib import ledger
from chalicelib.engine.decision import Decision
from chalicelib.notices.items import NoticeItem
from chalicelib.shared import dynamo
from chalicelib.shared.clock import rfc3339
from chalicelib.shared.errors import BadCursor, NotFound
from chalicelib.shared.ids import digest

Pair = tuple[str, str]
# Kinds of entry a member is told of, and what the message is called.
TITLES: dict[str, Pair] = {
    "expiry_noticed": ("积分即将到期", "Points are about to expire"),
    "lots_expired": ("积分已过期", "Points have expired"),
    "pending_released": ("积分已入账", "Points have arrived"),
    "tier_early_warning": ("保级进度提醒", "Keeping your tier"),
    "tier_warned": ("等级即将到期", "Your tier is about to end"),
    "tier_grace": ("等级宽限期", "Time of grace"),
    "tier_kept": ("保级成功", "Your tier is kept"),
    "tier_lapsed": ("等级调整", "Your tier has changed"),
    "temporary_tier_ended": ("体验等级到期", "The tier on loan has ended"),
    "tier_lent": ("体验等级", "A tier on loan"),
    "rules_changed": ("会员规则已更新", "The rules have changed"),
    "tier_set": ("等级调整", "Your tier has changed"),
    "benefits_granted": ("权益已发放", "Benefits granted"),
}
INBOX = "inbox"
MAX_ID_LENGTH = 64


class NoticeUnknown(NotFound):
    code = "NOTICE_UNKNOWN"
    message, message_zh = "There is no such notice.", "没有这条通知"


@dataclass(frozen=True)
class Notice:
    """A notice as its member sees it: `title` and `body` are {zh, en}; `channels` [{channel, at, outcome}]."""

    notice_id: str
    kind: str
    cause: str
    at: str
    title: dict[str, str]
    body: dict[str, str]
    channels: list[dict[str, str]]
    read_at: str | None


def requests(decision: Decision) -> list[ledger.Also]:
    """The notice a decision's entry asks for, to be written in its transaction; none for most entries."""
    entry = decision.entry
    if entry.kind not in TITLES:
        return []
    body = "；".join(line.why_zh for line in entry.lines), "; ".join(line.why for line in entry.lines)
    return [notice(entry.member_id, entry.cause.key, entry.kind, TITLES[entry.kind], body, entry.at)]


def notice(member_id: str, cause: str, kind: str, title: Pair, body: Pair, at: datetime) -> ledger.Also:
    """A notice to be written in the transaction of what it tells; refused when it is there. `title`, `body`: Chinese,
    English · cause: what it tells of, once an instant."""
    stamp = rfc3339(at)
    item = NoticeItem(
        member_id,
        # Every character of it may stand in a path as it is.
        f"{stamp}_{digest(cause, 12)}",
        cause=cause,
        kind=kind,
        at=stamp,
        title={"zh": title[0], "en": title[1]},
        body={"zh": body[0], "en": body[1]},
        channels=[{"channel": INBOX, "at": stamp, "outcome": "delivered"}],
    )
    return ledger.Also(item, NoticeItem.at_id.does_not_exist())


def page(member_id: str, limit: int, cursor: str | None) -> tuple[list[Notice], str | None]:
    """The inbox, newest first, and the cursor of the next page."""
    before = _before(cursor)
    condition = NoticeItem.at_id < before if before else None
    try:
        found = list(NoticeItem.query(member_id, condition, scan_index_forward=False, limit=limit + 1))
    except QueryError as error:
        raise dynamo.as_refusal(error) from error
    more = {"before": found[limit - 1].at_id} if len(found) > limit else None
    return [_notice(item) for item in found[:limit]], dynamo.encode_cursor(more)


def _before(cursor: str | None) -> str | None:
    key: Any = dynamo.decode_cursor(cursor)
    if key is None:
        return None
    before = key.get("before") if isinstance(key, dict) else None
    if not isinstance(before, str) or not 0 < len(before) <= MAX_ID_LENGTH:
        raise BadCursor
    return before


def read(member_id: str, notice_id: str, now: datetime) -> tuple[Notice, bool]:
    """Marks a notice as read; the first instant stays. And whether it was read before. Raises NoticeUnknown."""
    if len(notice_id) > MAX_ID_LENGTH:
        raise NoticeUnknown
    try:
        item = NoticeItem.get(member_id, notice_id, consistent_read=True)
        replayed = item.read_at is not None
        if not replayed:
            # Sent again after a lost answer, it is harmless: what is set stays.
            item.update([NoticeItem.read_at.set(NoticeItem.read_at | rfc3339(now))])
    except DoesNotExist as error:
        raise NoticeUnknown from error
    except (GetError, UpdateError) as error:
        raise dynamo.as_refusal(error) from error
    return _notice(item), replayed


def _notice(item: NoticeItem) -> Notice:
    return Notice(item.at_id, item.kind, item.cause, item.at, item.title, item.body, item.channels, item.read_at)
