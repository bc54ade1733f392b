"""The fold: event → counters → earning → tier → one decision. Start reading here."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from chalicelib.engine import events, orders, points, streaks
from chalicelib.engine.account import Account
from chalicelib.engine.counters import ever
from chalicelib.engine.decision import Decision
from chalicelib.engine.draft import Draft
from chalicelib.engine.earning import Situation, pay
from chalicelib.engine.refusals import (
    FutureInstant,
    InsufficientPoints,
    NotForClients,
    NothingDue,
    UnknownBehaviour,
)
from chalicelib.engine.tiers import first_standing, promote
from chalicelib.rulebook.model import Published


def process(published: Published, account: Account, event: events.Event, now: datetime) -> Decision:
    """What `event` means for `account` at `now` under this rulebook.

    Pure: the same arguments give the same decision. Raises a Refusal (engine/refusals.py) when the rules say no; then
    nothing has happened.
    """
    return _STEPS[type(event)](Draft(published, account, now), event)


def _joined(draft: Draft, event: events.Joined) -> Decision:
    draft.account = draft.account.with_(joined_at=draft.now, invited_by=event.invited_by)
    draft.standing(first_standing(draft.rulebook, draft.today))
    pay(draft, Situation("joined", draft.now, draft.today, first_time=True))
    return draft.finish("joined", event.cause, {"invited_by": event.invited_by} if event.invited_by else {})


def _behaved(draft: Draft, event: events.Behaved) -> Decision:
    behaviour = draft.rulebook.behaviour(event.behaviour)
    if behaviour is None:
        raise UnknownBehaviour([{"field": "kind", "problem": "not in the rulebook"}])
    if not event.trusted and behaviour.reported_by == "merchant":
        raise NotForClients
    if event.occurred_at > draft.now + orders.SKEW:
        raise FutureInstant([{"field": "occurred_at", "problem": "in the future"}])
    on = draft.on(event.occurred_at)
    seconds = min(event.seconds, behaviour.max_seconds)
    what = Situation(
        behaviour.code, event.occurred_at, on, first_time=ever(draft.before, behaviour.code) == 0, seconds=seconds
    )
    draft.count(behaviour.code, 1, on)
    for metric in behaviour.metrics:
        draft.count(metric, 1, on)
    if behaviour.counts_seconds:
        draft.count(f"{behaviour.code}_seconds", seconds, on)
    pay(draft, what)
    if not draft.lines:
        draft.say(behaviour.code, 0, f"{behaviour.name.en}: recorded", f"{behaviour.name.zh}：已记录")
    promote(draft)
    return draft.finish("behaviour", event.cause, {"behaviour": behaviour.code})


def _profile_changed(draft: Draft, event: events.ProfileChanged) -> Decision:
    profile = replace(draft.account.profile, **event.changes)
    draft.account = draft.account.with_(profile=profile)
    complete = bool(profile.nickname and profile.avatar_url and profile.birthday)
    before = draft.before.profile
    if complete and not (before.nickname and before.avatar_url and before.birthday):
        what = Situation("profile_completed", draft.now, draft.today, first_time=True)
        pay(draft, what)
    if not draft.lines:
        draft.say("profile", 0, "Profile changed", "资料已更新")
    # The names of what changed, never the values: entries are kept forever, personal data is not.
    return draft.finish("profile_changed", event.cause, {"changed": sorted(event.changes)})


_STATUS_WORDS = {
    "active": ("active again", "已恢复正常"),
    "frozen": ("frozen; contact the shop", "已冻结，请联系客服"),
    "erased": ("erased", "已注销"),
}


def _status_changed(draft: Draft, event: events.StatusChanged) -> Decision:
    changes: dict[str, Any] = {}
    if event.status:
        changes["status"] = event.status
        # The reason is the brand's own matter: it stands in the audit trail, not in the member's statement.
        told, told_zh = _STATUS_WORDS[event.status]
        draft.say("status", 0, f"Account {told}", f"账户{told_zh}")
    if event.tokens_from:
        changes["tokens_from"] = event.tokens_from
        draft.say("log_out", 0, "Logged out everywhere", "已在所有设备退出登录")
    draft.account = draft.account.with_(**changes)
    return draft.finish("status_changed", event.cause)


def _adjusted(draft: Draft, event: events.PointsAdjusted) -> Decision:
    reason = event.reason
    if event.returns:
        worth = draft.purse.worth
        draft.purse, repaid = points.give_back(
            draft.purse, event.returns, draft.today, draft.rulebook.expiry.refund_grace_days
        )
        back = draft.purse.worth - worth
        draft.say("returned", back, f"Returned to the lots they came from: {reason}", f"退回原批次：{reason}")
        draft.repaid(repaid)
    elif event.points > 0:
        draft.say("adjustment", event.points, f"Adjustment: {reason}", f"人工调整：{reason}")
        draft.grant(points.expires_on(draft.today, draft.rulebook.expiry), event.points)
    else:
        draft.purse, missing = points.debit(draft.purse, -event.points)
        if missing:
            raise InsufficientPoints([{"field": "points", "problem": f"the balance is {draft.before.balance}"}])
        draft.say("adjustment", event.points, f"Adjustment: {reason}", f"人工调整：{reason}")
    return draft.finish("points_adjusted", event.cause, {"actor": event.actor})


def _expired(draft: Draft, event: events.LotsExpired) -> Decision:
    draft.purse, gone = points.expire(draft.purse, event.through)
    if not gone:
        raise NothingDue
    draft.say("expiry", -gone, f"Points valid until {event.through} expired", f"有效期至 {event.through} 的积分已过期")
    return draft.finish("lots_expired", event.cause, {"through": event.through.isoformat()})


def _released(draft: Draft, event: events.PendingReleased) -> Decision:
    due = [(key, amount) for key, amount in draft.purse.pending.items() if key[0] <= event.through]
    if not due:
        raise NothingDue
    draft.purse, released, repaid = points.release(draft.purse, due)
    draft.say("pending_released", released, f"Pending points released: {released}", f"待入账积分已入账：{released}")
    draft.repaid(repaid)
    return draft.finish("pending_released", event.cause, {"through": event.through.isoformat()})


_STEPS: MappingProxyType[type, Callable[[Draft, Any], Decision]] = MappingProxyType(
    {
        events.Joined: _joined,
        events.OrderPaid: orders.paid,
        events.OrderCompleted: orders.completed,
        events.OrderRefunded: orders.refunded,
        events.Behaved: _behaved,
        events.CheckedIn: streaks.check_in,
        events.ProfileChanged: _profile_changed,
        events.StatusChanged: _status_changed,
        events.PointsAdjusted: _adjusted,
        events.LotsExpired: _expired,
        events.PendingReleased: _released,
    }
)
