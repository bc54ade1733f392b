"""Accounts and entries to items and back. What is absent in an item has its default, so older items always load."""

from datetime import date, datetime
from typing import Any

from chalicelib.engine.account import Account, Profile, Standing, Streak
from chalicelib.engine.decision import Entry, Line
from chalicelib.engine.events import Cause
from chalicelib.ledger.items import AccountItem, EntryItem
from chalicelib.shared.clock import rfc3339
from chalicelib.shared.ids import digest

DUE_SHARDS = 16


def _day(text: str) -> date:
    return date.fromisoformat(text)


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _state(account: Account) -> dict[str, Any]:
    standing, streak, profile = account.standing, account.streak, account.profile
    state: dict[str, Any] = {
        "status": account.status if account.status != "active" else None,
        "joined_at": rfc3339(account.joined_at) if account.joined_at else None,
        "lots": {day.isoformat(): points for day, points in account.lots.items()},
        "pending": [[r.isoformat(), e.isoformat(), points] for (r, e), points in account.pending.items()],
        "counters": {metric: dict(periods) for metric, periods in account.counters.items()},
        "standing": [
            standing.tier,
            standing.since.isoformat(),
            standing.valid_until.isoformat() if standing.valid_until else None,
        ]
        if standing
        else None,
        "runs": [[first.isoformat(), last.isoformat()] for first, last in streak.runs],
        "make_ups": [streak.make_up_month, streak.make_ups] if streak.make_ups else None,
        "nickname": profile.nickname,
        "avatar_url": profile.avatar_url,
        "birthday": profile.birthday,
        "phone_bound": profile.phone_bound,
        "consents": dict(profile.consents),
        "tags": list(account.tags),
        "badges": list(account.badges),
        "invited_by": account.invited_by,
        "tokens_from": rfc3339(account.tokens_from) if account.tokens_from else None,
        "requests": {key: list(value) for key, value in account.requests.items()},
    }
    return {name: value for name, value in state.items() if value}


def account_item(account: Account) -> AccountItem:
    """The item, with the due dates the scheduled jobs look for."""
    item = AccountItem(
        id=account.member_id,
        seq=account.seq,
        balance=account.balance,
        debt=account.debt,
        state=_state(account),
    )
    shard = int(digest(account.member_id, 4), 16) % DUE_SHARDS
    points_due = min([*account.lots, *(released for released, _ in account.pending)], default=None)
    if points_due:
        item.points_due_shard, item.points_due_on = f"{shard:02d}", points_due.isoformat()
    if account.standing and account.standing.valid_until:
        item.tier_due_shard, item.tier_due_on = f"{shard:02d}", account.standing.valid_until.isoformat()
    return item


def account_of(item: AccountItem) -> Account:
    """The account an item holds."""
    state: dict[str, Any] = item.state
    standing = state.get("standing")
    make_up_month, make_ups = state.get("make_ups", ("", 0))
    return Account(
        member_id=item.id,
        seq=int(item.seq),
        status=state.get("status", "active"),
        joined_at=_instant(state.get("joined_at")),
        lots={_day(day): points for day, points in sorted(state.get("lots", {}).items())},
        pending={(_day(r), _day(e)): points for r, e, points in state.get("pending", ())},
        debt=int(item.debt),
        counters=state.get("counters", {}),
        standing=Standing(standing[0], _day(standing[1]), _day(standing[2]) if standing[2] else None)
        if standing
        else None,
        streak=Streak(tuple((_day(a), _day(b)) for a, b in state.get("runs", ())), make_ups, make_up_month),
        profile=Profile(
            nickname=state.get("nickname", ""),
            avatar_url=state.get("avatar_url", ""),
            birthday=state.get("birthday", ""),
            phone_bound=state.get("phone_bound", False),
            consents=state.get("consents", {}),
        ),
        tags=tuple(state.get("tags", ())),
        badges=tuple(state.get("badges", ())),
        invited_by=state.get("invited_by", ""),
        tokens_from=_instant(state.get("tokens_from")),
        requests={key: (value[0], value[1]) for key, value in state.get("requests", {}).items()},
    )


def entry_item(entry: Entry, body_hash: str, commit_id: str, request: str | None) -> EntryItem:
    """The item of an entry."""
    return EntryItem(
        scope=entry.cause.scope,
        cause=entry.cause.key,
        member_id=entry.member_id,
        seq=entry.seq,
        at=rfc3339(entry.at),
        kind=entry.kind,
        points=entry.points,
        balance_after=entry.balance_after,
        debt_after=entry.debt_after,
        pending=entry.pending or None,
        pending_after=entry.pending_after or None,
        tier_after=entry.tier_after,
        rulebook_version=entry.rulebook_version,
        lines=[[line.rule, line.points, line.why, line.why_zh] for line in entry.lines],
        moves=[[day.isoformat(), points] for day, points in entry.moves] or None,
        facts=dict(entry.facts) or None,
        body_hash=body_hash,
        commit_id=commit_id,
        request=request,
    )


def entry_of(item: EntryItem) -> Entry:
    """The entry an item holds."""
    return Entry(
        member_id=str(item.member_id),
        seq=int(item.seq or 0),
        at=datetime.fromisoformat(str(item.at)),
        kind=str(item.kind),
        cause=Cause(item.scope, item.cause),
        points=int(item.points or 0),
        pending=int(item.pending or 0),
        balance_after=int(item.balance_after or 0),
        pending_after=int(item.pending_after or 0),
        debt_after=int(item.debt_after or 0),
        tier_after=item.tier_after or "",
        rulebook_version=int(item.rulebook_version or 0),
        lines=tuple(Line(*line) for line in item.lines or ()),
        moves=tuple((_day(day), points) for day, points in item.moves or ()),
        facts=item.facts or {},
    )


def entry_from_image(image: dict[str, Any]) -> Entry:
    """The entry in a stream record's NewImage (DynamoDB JSON)."""
    item = EntryItem()
    item.deserialize(image)
    return entry_of(item)
