"""What happens to a tier by itself: early warning → warning and sprint → review → grace → one step down.

Nobody is stepped down without a warning on record at least `warning_days` before the review; a review that finds none,
or a late one, gives it and postpones itself. Every step is one entry with a dated cause: a second run writes nothing.
"""

from datetime import date, timedelta

from chalicelib.engine import benefits, retention
from chalicelib.engine.account import Account, Standing, Temporary
from chalicelib.engine.decision import Decision
from chalicelib.engine.draft import Draft
from chalicelib.engine.due import reschedule
from chalicelib.engine.events import TierDue, TierSet
from chalicelib.engine.refusals import NothingDue, UnknownTier
from chalicelib.engine.retention import SAFE, early_warning_on, pace, progress
from chalicelib.engine.tiers import lower, new_standing
from chalicelib.rulebook.model import Rulebook

DAY = timedelta(days=1)


def next_on(rulebook: Rulebook, account: Account, today: date) -> date | None:
    """The next date on which something happens to the tier or is granted; None when nothing ever will."""
    standing = account.standing
    if account.status == "erased":
        return None
    days = [benefits.next_grant_on(rulebook, account, today)]
    if standing:
        days.append(_stage_due_on(rulebook, standing))
        days.append(standing.temporary.until + DAY if standing.temporary else None)
    return min((day for day in days if day), default=None)


def _stage_due_on(rulebook: Rulebook, standing: Standing) -> date | None:
    if standing.valid_until is None:
        return None
    if standing.stage == "grace":
        return standing.grace_until + DAY if standing.grace_until else None
    if standing.stage == "warned":
        return standing.valid_until + DAY
    warning = standing.valid_until - timedelta(days=rulebook.tiers.retention.warning_days)
    early = early_warning_on(rulebook, standing) if standing.stage == "" else None
    return min(early, warning) if early else warning


def tier_due(draft: Draft, event: TierDue) -> Decision:
    """The next step that is due today. Raises NothingDue."""
    standing = draft.account.standing
    if standing is None or draft.before.status == "erased":
        raise NothingDue
    # What the tier grants comes first: a run that is late must not take away what it would have granted in time.
    through = _last_day(draft.today, standing)
    if any(True for _ in benefits.due(draft.rulebook, draft.account, through)):
        benefits.grant(draft, through)
        return draft.finish("benefits_granted", draft.dated(f"benefits#{through}"))
    if standing.temporary and standing.temporary.until < draft.today:
        return _lent_ended(draft, standing)
    due_on = _stage_due_on(draft.rulebook, standing)
    if due_on and due_on <= draft.today:
        return _stage(draft, standing, due_on)
    return reschedule(draft, "tier", draft.before.tier_due_on)


def _last_day(today: date, standing: Standing) -> date:
    """Today, or the last day of a tier that has ended meanwhile."""
    lent = standing.temporary.until if standing.temporary else today
    grace = standing.grace_until if standing.stage == "grace" and standing.grace_until else today
    return min(today, lent, grace)


def _stage(draft: Draft, standing: Standing, due_on: date) -> Decision:
    if standing.stage == "grace":
        return _after_grace(draft, standing)
    if standing.stage == "warned":
        return _review(draft, standing)
    early = early_warning_on(draft.rulebook, standing) if standing.stage == "" else None
    if early and early == due_on and draft.today < _warning_on(draft.rulebook, standing):
        return _early(draft, standing, early)
    return _warn_or_pass(draft, standing)


def _warning_on(rulebook: Rulebook, standing: Standing) -> date:
    assert standing.valid_until is not None  # noqa: S101
    return standing.valid_until - timedelta(days=rulebook.tiers.retention.warning_days)


def _percent(draft: Draft) -> int:
    return int(progress(draft.rulebook, draft.account, draft.today) * 100)


def _early(draft: Draft, standing: Standing, on: date) -> Decision:
    """Half-way: a warning for who is below pace, a look ahead for everybody else."""
    below = progress(draft.rulebook, draft.account, draft.today) < pace(draft.rulebook, standing, draft.today)
    draft.standing(standing.with_(stage="early"))
    name, percent = draft.rulebook.tier(standing.tier).name, _percent(draft)
    if below:
        draft.facts["notice"] = {"about": "tier_early_warning", "percent": percent}
        draft.say("tier_early_warning", 0, f"{name.en}: {percent} % of what keeps it, below pace",
                  f"{name.zh}保级进度 {percent}%，落后于时间进度")  # fmt: skip
    else:
        draft.say("tier_on_pace", 0, f"{name.en}: {percent} % of what keeps it, on pace",
                  f"{name.zh}保级进度 {percent}%，进度正常")  # fmt: skip
    kind = "tier_early_warning" if below else "tier_on_pace"
    return draft.finish(kind, draft.dated(f"tier-early#{on}"))


def _warn_or_pass(draft: Draft, standing: Standing) -> Decision:
    """Who is safe already waits for the review without a warning; everybody else is warned, and the sprint begins.

    The member has the full time from the warning: when it comes late, the end of the tier moves with it.
    """
    assert standing.valid_until is not None  # noqa: S101
    name, percent = draft.rulebook.tier(standing.tier).name, _percent(draft)
    days = timedelta(days=draft.rulebook.tiers.retention.warning_days)
    until = max(standing.valid_until, draft.today + days)
    safe = progress(draft.rulebook, draft.account, draft.today) >= SAFE
    if safe:
        draft.standing(standing.with_(stage="warned", warned_on=None))
        draft.say("tier_safe", 0, f"{name.en} is safe: {percent} %", f"{name.zh}已达到保级条件：{percent}%")
        return draft.finish("tier_safe", draft.dated(f"tier-safe#{standing.valid_until}"))
    draft.standing(standing.with_(stage="warned", warned_on=draft.today, valid_until=until))
    draft.facts["notice"] = {"about": "tier_warning", "percent": percent, "valid_until": until.isoformat()}
    draft.say("tier_warning", 0, f"{name.en} ends on {until} unless kept: {percent} % so far; the sprint begins",
              f"{name.zh}将于 {until} 到期，保级进度 {percent}%，保级冲刺开始")  # fmt: skip
    if until > standing.valid_until:
        draft.say("tier_postponed", 0, f"The warning came late, so the end moved from {standing.valid_until}",
                  f"通知晚于规定时间，到期日由 {standing.valid_until} 顺延")  # fmt: skip
    return draft.finish("tier_warned", draft.dated(f"tier-warning#{standing.valid_until}"))


def _review(draft: Draft, standing: Standing) -> Decision:
    """Kept, or grace. Who was safe at the warning and no longer is (a refund) is warned now: see `_warn_or_pass`."""
    if progress(draft.rulebook, draft.account, draft.today) >= SAFE:
        retention.kept(draft)
        return draft.finish("tier_kept", draft.dated(f"tier-review#{standing.valid_until}"))
    if standing.warned_on is None:
        return _warn_or_pass(draft, standing)
    grace = draft.rulebook.tiers.retention.grace_days
    until = draft.today - DAY + timedelta(days=grace)
    name, percent = draft.rulebook.tier(standing.tier).name, _percent(draft)
    draft.standing(standing.with_(stage="grace", grace_until=until))
    draft.facts["notice"] = {"about": "tier_grace", "percent": percent, "grace_until": until.isoformat()}
    draft.say("tier_grace", 0, f"{name.en} was not kept ({percent} %): grace until {until}",
              f"{name.zh}未达到保级条件（{percent}%），宽限至 {until}")  # fmt: skip
    return draft.finish("tier_grace", draft.dated(f"tier-review#{standing.valid_until}"))


def _after_grace(draft: Draft, standing: Standing) -> Decision:
    """One step down; never more, however little was done."""
    rank = draft.rulebook.rank(standing.tier)
    below = draft.rulebook.tiers.levels[max(0, rank - 1)]
    draft.standing(lower(draft.rulebook, draft.account, below.code, draft.today))
    lost = draft.rulebook.tier(standing.tier).name
    draft.facts["lapsed"] = {"from": standing.tier, "to": below.code}
    draft.facts["notice"] = {"about": "tier_lapsed", "from": standing.tier, "to": below.code}
    draft.say("tier_lapsed", 0, f"{lost.en} has ended: {below.name.en} from now on",
              f"{lost.zh}已到期，调整为{below.name.zh}")  # fmt: skip
    return draft.finish("tier_lapsed", draft.dated(f"tier-lapse#{standing.grace_until}"))


def _lent_ended(draft: Draft, standing: Standing) -> Decision:
    assert standing.temporary is not None  # noqa: S101
    lent, held = draft.rulebook.tier(standing.temporary.tier).name, draft.rulebook.tier(standing.tier).name
    draft.standing(standing.with_(temporary=None))
    draft.say("temporary_tier_ended", 0, f"{lent.en} was lent until {standing.temporary.until}: {held.en} again",
              f"体验{lent.zh}已于 {standing.temporary.until} 到期，恢复为{held.zh}")  # fmt: skip
    key = f"temporary-tier#{standing.temporary.tier}#{standing.temporary.until}"
    return draft.finish("temporary_tier_ended", draft.dated(key))


def set_tier(draft: Draft, event: TierSet) -> Decision:
    """An operator's word: a tier held from today, or one lent until a date. Raises UnknownTier."""
    levels = {tier.code: tier for tier in draft.rulebook.tiers.levels}
    if event.tier not in levels:
        raise UnknownTier([{"field": "tier", "problem": f"one of {', '.join(levels)}"}])
    name, facts = levels[event.tier].name, {"actor": event.actor}
    rulebook, account = draft.rulebook, draft.account
    standing = account.standing or new_standing(rulebook, account, rulebook.tiers.levels[0].code, draft.today)
    if event.until:
        draft.standing(standing.with_(temporary=Temporary(event.tier, event.until)))
        draft.say("tier_lent", 0, f"{name.en} until {event.until}: {event.reason}",
                  f"体验{name.zh}至 {event.until}：{event.reason}")  # fmt: skip
        return draft.finish("tier_lent", event.cause, facts)
    # A tier that was taken away is lost like any other: what reached it once does not reach it again.
    down = rulebook.rank(event.tier) < rulebook.rank(standing.tier)
    draft.standing((lower if down else new_standing)(rulebook, account, event.tier, draft.today))
    draft.say("tier_set", 0, f"{name.en}: {event.reason}", f"等级调整为{name.zh}：{event.reason}")
    return draft.finish("tier_set", event.cause, {**facts, "from": standing.tier, "to": event.tier})
