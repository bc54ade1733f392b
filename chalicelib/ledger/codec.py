"""Accounts and entries to items and back. What is absent in an item has its default, so older items always load."""

from datetime import UTC, date, datetime
from typing import Any

from chalicelib.engine.account import (
    Account,
    Base,
    Chances,
    Earned,
    Hold,
    Lapse,
    Notice,
    Profile,
    Spare,
    Standing,
    Streak,
    Temporary,
)
from chalicelib.engine.decision import Entry, Line
from chalicelib.engine.events import Cause
from chalicelib.ledger.items import AccountItem, EntryItem
from chalicelib.shared.clock import rfc3339
from chalicelib.shared.config import LIVE, settings
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
        "standing": _standing(standing) if standing else None,
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
        "tasks": {task: list(value) for task, value in account.tasks.items()},
        "make_up_cards": account.make_up_cards,
        "chances": {code: _chances(found) for code, found in account.chances.items()},
        "granted": dict(account.granted),
        "redeemed": {offer_id: dict(used) for offer_id, used in account.redeemed.items()},
        "holds": {
            hold_id: [rfc3339(hold.expires_at), hold.points, hold.order] for hold_id, hold in account.holds.items()
        },
        "noticed": {
            day.isoformat(): {str(n): [notice.on.isoformat(), notice.points] for n, notice in given.items()}
            for day, given in account.noticed.items()
        },
        "frozen_at": rfc3339(account.frozen_at) if account.frozen_at else None,
    }
    return {name: value for name, value in state.items() if value}


def _chances(found: Chances) -> list[Any]:
    # A lottery ends at a whole second; an account has no byte to spare.
    return [int(found.ends_at.timestamp()), found.left, found.drawn, _text(found.on), found.drawn_on]


def _chances_of(state: list[Any]) -> Chances:
    ends_at, left, drawn, on, drawn_on = state
    return Chances(datetime.fromtimestamp(ends_at, UTC), left, drawn, _date(on), drawn_on)


def account_item(account: Account) -> AccountItem:
    """The item, with the due dates the scheduled jobs look for."""
    item = AccountItem(
        id=account.member_id,
        seq=account.seq,
        balance=account.balance,
        debt=account.debt,
        state=_state(account),
    )
    shard = f"{int(digest(account.member_id, 4), 16) % DUE_SHARDS:02d}"
    if account.points_due_on:
        item.points_due_shard, item.points_due_on = shard, account.points_due_on.isoformat()
    if account.tier_due_on:
        item.tier_due_shard, item.tier_due_on = shard, account.tier_due_on.isoformat()
    if account.hold_due_at:
        item.hold_due_shard, item.hold_due_at = shard, rfc3339(account.hold_due_at)
    return item


def _standing(standing: Standing, names: list[str] | None = None) -> dict[str, Any]:
    """Short keys, absent when at their default: a standing is a quarter of an account. Its counts stand in the order of
    `of`, the metrics' names, which the standings of before that lie in it share."""
    outermost = names is None
    names = names or sorted(_metrics(standing))
    earned, lent = standing.earned, standing.temporary
    state: dict[str, Any] = {
        "of": names if outermost else None,
        "tier": standing.tier,
        "since": standing.since.isoformat(),
        "until": _text(standing.valid_until),
        "seq": standing.seq,
        "base": _counts(standing.base, names),
        "stage": standing.stage,
        "warned": _text(standing.warned_on),
        "bonus": standing.bonus,
        "sprint": _text(standing.sprint_on),
        "grace": _text(standing.grace_until),
        "extended": standing.extensions,
        "earned": [_standing(earned.before, names), [[_spare(s, names) for s in way] for way in earned.ways]]
        if earned
        else None,
        "lapses": [
            [lapse.tier, lapse.on.isoformat(), lapse.seq, _counts(lapse.base, names)] for lapse in standing.lapses
        ],
        "lent": [lent.tier, lent.until.isoformat()] if lent else None,
        "grown": list(standing.grown),
    }
    return {name: value for name, value in state.items() if value}


def _metrics(standing: Standing) -> set[str]:
    """Every metric a standing counts."""
    found = {*standing.base, *(metric for lapse in standing.lapses for metric in lapse.base)}
    if standing.earned:
        found |= _metrics(standing.earned.before)
        found |= {metric for way in standing.earned.ways for spare in way for metric in spare.metrics}
    return found


def _counts(base: Base, names: list[str]) -> list[int]:
    """The counts in the order of their names; nothing when all are 0."""
    return [base.get(name, 0) for name in names] if base else []


def _base(counts: list[int], names: list[str]) -> Base:
    return {name: count for name, count in zip(names, counts, strict=False) if count}


def _spare(spare: Spare, names: list[str]) -> list[Any]:
    since = spare.since.isoformat() if spare.since > date.min else 0
    return [[names.index(metric) for metric in spare.metrics], since, spare.after, spare.left]


def _spare_of(state: list[Any], names: list[str]) -> Spare:
    metrics, since, after, left = state
    return Spare(tuple(names[index] for index in metrics), _day(since) if since else date.min, after, left)


def _standing_of(state: dict[str, Any] | list[Any], names: list[str] | None = None) -> Standing:
    if isinstance(state, list):  # as accounts were written before the protocol of retention
        return Standing(state[0], _day(state[1]), _day(state[2]) if state[2] else None, grown=(state[0],))
    names = state.get("of", []) if names is None else names
    earned, lent = state.get("earned"), state.get("lent")
    return Standing(
        tier=state["tier"],
        since=_day(state["since"]),
        valid_until=_date(state.get("until")),
        seq=state.get("seq", 0),
        base=_base(state.get("base", []), names),
        stage=state.get("stage", ""),
        warned_on=_date(state.get("warned")),
        bonus=state.get("bonus", 0),
        sprint_on=_date(state.get("sprint")),
        grace_until=_date(state.get("grace")),
        extensions=state.get("extended", 0),
        earned=Earned(
            _standing_of(earned[0], names), tuple(tuple(_spare_of(s, names) for s in way) for way in earned[1])
        )
        if earned
        else None,
        lapses=tuple(
            Lapse(tier, _day(on), _base(counts, names), seq) for tier, on, seq, counts in state.get("lapses", ())
        ),
        temporary=Temporary(lent[0], _day(lent[1])) if lent else None,
        grown=tuple(state.get("grown", ())),
    )


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _date(text: str | None) -> date | None:
    return _day(text) if text else None


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
        standing=_standing_of(standing) if standing else None,
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
        tasks={task: (period, done) for task, (period, done) in state.get("tasks", {}).items()},
        make_up_cards=state.get("make_up_cards", 0),
        chances={code: _chances_of(found) for code, found in state.get("chances", {}).items()},
        granted=state.get("granted", {}),
        redeemed=state.get("redeemed", {}),
        holds={
            hold_id: Hold(datetime.fromisoformat(at), points, order)
            for hold_id, (at, points, order) in state.get("holds", {}).items()
        },
        noticed={
            _day(day): {int(n): Notice(_day(on), points) for n, (on, points) in given.items()}
            for day, given in state.get("noticed", {}).items()
        },
        # Whatever an account says, in the live stage time is the real one.
        frozen_at=_instant(state.get("frozen_at")) if settings().stage != LIVE else None,
        points_due_on=_date(item.points_due_on),
        tier_due_on=_date(item.tier_due_on),
    )


def entry_item(entry: Entry, body_hash: str, commit_id: str, request: str | None) -> EntryItem:
    """The item of an entry."""
    redemption_seq = entry.facts.get("redemption_seq")
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
        redeemer=entry.member_id if redemption_seq else None,
        redemption_seq=redemption_seq,
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
