"""The fold: event → counters → earning → tasks → badges → tier → one decision. Start reading here."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from chalicelib.engine import (
    benefits,
    coupons,
    due,
    events,
    holds,
    lotteries,
    orders,
    points,
    redemptions,
    review,
    streaks,
    tasks,
    tiers,
)
from chalicelib.engine.account import Account
from chalicelib.engine.advance import advance, settle
from chalicelib.engine.counters import ever, read_capped
from chalicelib.engine.decision import Decision
from chalicelib.engine.draft import Draft, named_today
from chalicelib.engine.earning import Situation, pay
from chalicelib.engine.refusals import (
    ClockBackwards,
    FutureInstant,
    InsufficientPoints,
    NotForClients,
    NothingDue,
    UnknownBehaviour,
)
from chalicelib.rulebook.model import Behaviour, Published
from chalicelib.shared.clock import business_date


def process(published: Published, account: Account, event: events.Event, now: datetime) -> Decision:
    """What `event` means for `account` at `now` under this rulebook.

    Pure: the same arguments give the same decision. A member under a test clock lives at the clock's instant. Raises a
    Refusal (engine/refusals.py) when the rules say no; then nothing has happened.
    """
    now = account.frozen_at or now
    decision = _STEPS[type(event)](Draft(published, account, now), event)
    today = business_date(now, published.rulebook.brand.time_zone)
    account = benefits.begun(published.rulebook, account, decision.account, today)
    return replace(decision, account=dated(published, account, now))


def dated(published: Published, account: Account, now: datetime) -> Account:
    """The account with the dates on which something is due by itself next."""
    today = business_date(account.frozen_at or now, published.rulebook.brand.time_zone)
    return account.with_(
        points_due_on=due.next_on(published.rulebook, account),
        tier_due_on=review.next_on(published.rulebook, account, today),
    )


def _joined(draft: Draft, event: events.Joined) -> Decision:
    draft.account = draft.account.with_(joined_at=draft.now, invited_by=event.invited_by)
    draft.standing(tiers.new_standing(draft.rulebook, draft.account, draft.rulebook.tiers.levels[0].code, draft.today))
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
    counted = _count(draft, behaviour, seconds, on)
    pay(draft, what)
    if not counted:
        draft.say(behaviour.code, 0, f"{behaviour.name.en}: beyond what counts in a day",
                  f"{behaviour.name.zh}：超出每日计数上限的部分不计入")  # fmt: skip
    elif not draft.lines:
        draft.say(behaviour.code, 0, f"{behaviour.name.en}: recorded", f"{behaviour.name.zh}：已记录")
    advance(draft, on)
    return draft.finish("behaviour", event.cause, {"behaviour": behaviour.code})


def _count(draft: Draft, behaviour: Behaviour, seconds: int, on: date) -> bool:
    """Grows the behaviour's counters as far as its daily limits leave room; returns whether all of it counted."""
    wanted = {behaviour.code: 1, **({f"{behaviour.code}_seconds": seconds} if behaviour.counts_seconds else {})}
    found = {}
    for metric, amount in wanted.items():
        limit = behaviour.limits.get(metric)
        used = read_capped(draft.account.counters, metric, "day", on) if limit is not None else 0
        found[metric] = amount if limit is None else min(amount, max(0, limit - used))
    for metric, amount in (found | dict.fromkeys(behaviour.metrics, found[behaviour.code])).items():
        draft.count(metric, amount, on)
    return found == wanted


def _profile_changed(draft: Draft, event: events.ProfileChanged) -> Decision:
    profile = replace(draft.account.profile, **event.changes)
    draft.account = draft.account.with_(profile=profile)
    complete = bool(profile.nickname and profile.avatar_url and profile.birthday)
    before = draft.before.profile
    if complete and not (before.nickname and before.avatar_url and before.birthday):
        what = Situation("profile_completed", draft.now, draft.today, first_time=True)
        pay(draft, what)
        draft.count("profile_completed", 1, draft.today)
        advance(draft)
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


def _claimed(draft: Draft, event: events.TaskClaimed) -> Decision:
    tasks.claim(draft, event.task)
    return draft.finish("task_claimed", event.cause, {"task": event.task})


def _rules_changed(draft: Draft, event: events.RulesChanged) -> Decision:
    """What the rules now in force give at once; nobody is stepped down but by the protocol. A due date that has come
    nearer is corrected, else the day would be missed; one further off corrects itself when it is due.

    Raises NothingDue.
    """
    if draft.before.status == "erased":
        raise NothingDue
    settle(draft)
    if draft.lines:
        before, after = draft.before.standing, draft.account.standing
        # Under its name of today: a tier that is only called otherwise has not been left.
        left = named_today(draft.rulebook, before).tier if before else ""
        moved = {"from": left, "to": after.tier} if before and after and left != after.tier else None
        return draft.finish("rules_changed", event.cause, {"moved": moved} if moved else None)
    if not _due_sooner(draft):
        raise NothingDue
    draft.say("rescheduled", 0, "The rules have changed; due dates were corrected", "规则已更新，到期日期已更正")
    return draft.finish("rescheduled", event.cause)


def _due_sooner(draft: Draft) -> bool:
    account = draft.before
    dates = (
        (due.next_on(draft.rulebook, account), account.points_due_on),
        (review.next_on(draft.rulebook, account, draft.today), account.tier_due_on),
    )
    return any(found and (known is None or found < known) for found, known in dates)


def _clock_moved(draft: Draft, event: events.ClockMoved) -> Decision:
    if event.to < draft.now and draft.before.frozen_at:
        raise ClockBackwards([{"field": "to", "problem": f"the clock shows {draft.now.isoformat()} already"}])
    draft.account = draft.account.with_(frozen_at=event.to)
    draft.say("test_clock", 0, f"Test clock: {event.to.isoformat()}", f"测试时钟：{event.to.isoformat()}")
    return draft.finish("clock_moved", event.cause)


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
        events.PointsDue: due.points_due,
        events.TierDue: review.tier_due,
        events.BenefitUsed: benefits.use,
        events.TaskClaimed: _claimed,
        events.TierSet: review.set_tier,
        events.CouponsGranted: coupons.granted,
        events.RulesChanged: _rules_changed,
        events.ClockMoved: _clock_moved,
        events.Redeemed: redemptions.redeem,
        events.RedemptionStep: redemptions.step,
        events.PointsHeld: holds.hold,
        events.HoldStep: holds.step,
        events.Drawn: lotteries.draw,
    }
)
