"""What follows from every action, in the same entry: tasks → tier → badges. Counters and earning came before."""

from datetime import date

from chalicelib.engine import retention, tasks, tiers
from chalicelib.engine.draft import Draft


def advance(draft: Draft, on: date | None = None) -> None:
    """Completes tasks, and all that follows from where the counters stand now. `on`: the day of what happened, where
    that is not today."""
    _invited_in_sprint(draft)
    tasks.complete(draft, on)
    settle(draft)


def settle(draft: Draft) -> None:
    """Promotes (what a promotion pays may complete tasks, and they may promote again), keeps or brings back a tier that
    is being lost, awards badges."""
    while tiers.promote(draft):
        tasks.grow(draft)
        tasks.complete(draft)
    retention.reinstate_if_earned(draft)
    retention.keep_if_safe(draft)
    tasks.badges(draft)


def _invited_in_sprint(draft: Draft) -> None:
    """A qualified invite in the sprint: progress and points."""
    metric = "qualified_invites"
    before = draft.before.counters.get(metric, {}).get("life", 0)
    gained = draft.account.counters.get(metric, {}).get("life", 0) - before
    if gained > 0:
        retention.sprint_invites(draft, gained)
