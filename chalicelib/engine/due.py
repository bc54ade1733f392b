"""What happens to points by itself: pending portions are released, expiries are announced, lots expire.

A lot leaves only when every notice of the rulebook is on record, for all of its points, at least so many days before
its last day. A notice that is given late moves the lot's date: the member has the full time from it.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from types import MappingProxyType

from chalicelib.engine import points
from chalicelib.engine.account import Account, Notice
from chalicelib.engine.decision import Decision
from chalicelib.engine.draft import Draft
from chalicelib.engine.events import PointsDue
from chalicelib.engine.refusals import NothingDue
from chalicelib.rulebook.model import Rulebook

DAY = timedelta(days=1)


def next_on(rulebook: Rulebook, account: Account) -> date | None:
    """The next date on which something happens to the points; None when nothing ever will."""
    if account.status == "erased":
        return None
    days = [released for released, _ in account.pending]
    for day, amount in account.lots.items():
        missing = _missing(rulebook, account, day, amount)
        days.append(day - timedelta(days=max(missing)) if missing else day + DAY)
    return min(days, default=None)


def _missing(rulebook: Rulebook, account: Account, day: date, amount: int) -> list[int]:
    """The notices not on record for a lot: days before. One that told of fewer points than there are now is none."""
    given = account.noticed.get(day, {})
    return [n for n in rulebook.expiry.notice_days if n not in given or given[n].points < amount]


def points_due(draft: Draft, event: PointsDue) -> Decision:
    """The next step that is due today. Raises NothingDue."""
    if draft.before.status == "erased":
        raise NothingDue
    released = [key[0] for key in draft.purse.pending if key[0] <= draft.today]
    if released:
        return _release(draft, max(released))
    due = {day: notices for day in draft.purse.lots if (notices := _to_give(draft, day))}
    if due:
        return _announce(draft, due)
    over = [day for day in draft.purse.lots if day < draft.today]
    if over:
        return _expire(draft, max(over))
    return reschedule(draft, "points", draft.before.points_due_on)


def reschedule(draft: Draft, what: str, due_on: date | None) -> Decision:
    """Nothing is due. Where the account said otherwise, a rulebook has changed since, and the date is corrected: else
    the member would be looked at on every run. Raises NothingDue."""
    if due_on is None or due_on > draft.today:
        raise NothingDue
    draft.say("rescheduled", 0, "Nothing is due; the date was corrected", "暂无到期事项，日期已更正")
    return draft.finish("rescheduled", draft.dated(f"{what}-rescheduled#{draft.today}"))


def _release(draft: Draft, through: date) -> Decision:
    due = [(key, amount) for key, amount in draft.purse.pending.items() if key[0] <= through]
    draft.purse, released, repaid = points.release(draft.purse, due)
    draft.say("pending_released", released, f"Pending points released: {released}", f"待入账积分已入账：{released}")
    draft.repaid(repaid)
    return draft.finish("pending_released", draft.dated(f"release#{through}"), {"through": through.isoformat()})


def _to_give(draft: Draft, day: date) -> list[int]:
    """The notices of a lot that are due today and not on record."""
    missing = _missing(draft.rulebook, draft.account, day, draft.purse.lots[day])
    return sorted(n for n in missing if day - timedelta(days=n) <= draft.today)


def _announce(draft: Draft, due: Mapping[date, list[int]]) -> Decision:
    """Records the notices; the room that asked writes them to the member's inbox in the same transaction."""
    told = []
    for day, notices in sorted(due.items()):
        amount = draft.purse.lots[day]
        until = max(day, draft.today + timedelta(days=max(notices)))
        # Where the date moves, the nearer notices are not due yet: each has its own time before the new one.
        notices = [n for n in notices if until - timedelta(days=n) <= draft.today]
        given = draft.account.noticed.get(day, {})
        _note(draft, {day: {**given, **dict.fromkeys(notices, Notice(draft.today, amount))}})
        told.append({"points": amount, "expires_on": until.isoformat(), "notices": notices})
        draft.say("expiry_notice", 0, f"{amount} points expire after {until}", f"{amount} 积分将于 {until} 后过期")
        if until > day:
            _postpone(draft, day, until)
            draft.say("expiry_postponed", 0, f"The notice came late, so their date {day} moved",
                      f"通知晚于规定时间，原到期日 {day} 顺延")  # fmt: skip
    return draft.finish("expiry_noticed", draft.dated(f"expiry-notice#{draft.today}"), {"expiring": told})


def _note(draft: Draft, changes: Mapping[date, Mapping[int, Notice]]) -> None:
    """Replaces what is on record of some lots. Days that are over are forgotten; those of a lot that was spent are not,
    for what is given back to it has been told of."""
    noticed = {**draft.account.noticed, **changes}
    kept = {day: given for day, given in noticed.items() if given and (day >= draft.today or day in draft.purse.lots)}
    draft.account = draft.account.with_(noticed=MappingProxyType(kept))


def _postpone(draft: Draft, day: date, until: date) -> None:
    """Moves a lot with its notices. Where it joins another, no notice told of the points of both."""
    notices = {} if until in draft.purse.lots else draft.account.noticed[day]
    draft.purse = points.postpone(draft.purse, day, until)
    _note(draft, {day: {}, until: notices})


def _expire(draft: Draft, through: date) -> Decision:
    draft.purse, gone = points.expire(draft.purse, through)
    _note(draft, {})
    draft.say("expiry", -gone, f"Points valid until {through} expired", f"有效期至 {through} 的积分已过期")
    return draft.finish("lots_expired", draft.dated(f"expiry#{through}"), {"through": through.isoformat()})
