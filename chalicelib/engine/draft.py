"""A decision in the making: the running state of one fold over one event."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from chalicelib.engine import counters, points
from chalicelib.engine.account import Account, Base, Standing
from chalicelib.engine.decision import Decision, Entry, Line
from chalicelib.engine.events import Cause
from chalicelib.engine.refusals import TooManyPoints
from chalicelib.rulebook.model import Published, Rulebook
from chalicelib.shared.clock import business_date

# What was granted earlier, order by order, is released together: each of them was within the limit.
_NEVER_REFUSED = frozenset({"joined", "pending_released"})


def effective_tier(rulebook: Rulebook, standing: Standing | None, today: date) -> str:
    """The code of the tier whose benefits the member has on that day."""
    held = rulebook.tier(standing.tier if standing else "").code
    lent = standing.temporary if standing else None
    if lent and today <= lent.until and rulebook.rank(lent.tier) > rulebook.rank(held):
        return rulebook.tier(lent.tier).code
    return held


def named_today(rulebook: Rulebook, standing: Standing) -> Standing:
    """The standing under the codes its tiers have today: a rulebook may rename those of before, or say which of its own
    their holders hold. A code it knows nothing of is left as it is."""
    if not any(tier.formerly for tier in rulebook.tiers.levels):
        return standing

    def today(code: str) -> str:
        return rulebook.tier(code).code if code in rulebook.ranks else code

    rank, earned, lent = rulebook.rank(standing.tier), standing.earned, standing.temporary
    lapses = (replace(lapse, tier=today(lapse.tier)) for lapse in standing.lapses)
    return standing.with_(
        tier=today(standing.tier),
        earned=replace(earned, before=named_today(rulebook, earned.before)) if earned else None,
        # What was lost may be part of what is held by now.
        lapses=tuple(lapse for lapse in lapses if rulebook.rank(lapse.tier) > rank),
        temporary=replace(lent, tier=today(lent.tier)) if lent else None,
        grown=tuple(dict.fromkeys(today(code) for code in standing.grown)),
    )


def _within(standing: Standing, counted: counters.Counters) -> Standing:
    """The standing where none of its counts is above the counter it was taken from: one that was pruned starts from 0
    again, and so must what is taken off it, should the rulebook read it again (a roll-back)."""

    def less(base: Base) -> Base:
        return {m: min(n, counted[m]["life"]) for m, n in base.items() if counted.get(m, {}).get("life")}

    earned = standing.earned
    return standing.with_(
        base=less(standing.base),
        lapses=tuple(replace(lapse, base=less(lapse.base)) for lapse in standing.lapses),
        earned=replace(earned, before=_within(earned.before, counted)) if earned else None,
    )


@dataclass
class Draft:
    """Mutable on purpose, and only inside `process`: each step reads and adds, `finish` freezes the result."""

    published: Published
    before: Account
    now: datetime
    account: Account = field(init=False)
    purse: points.Purse = field(init=False)
    lines: list[Line] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    grown: bool = False  # promoted to a tier never held before
    returned: int = 0  # points that only came back to the lots they were taken from

    def __post_init__(self) -> None:
        standing = self.before.standing
        named = named_today(self.rulebook, standing) if standing else None
        self.account = self.before.with_(standing=named) if named is not standing else self.before
        self.purse = points.open_purse(self.before)

    @property
    def rulebook(self) -> Rulebook:
        return self.published.rulebook

    @property
    def today(self) -> date:
        """The business date of the decision."""
        return self.on(self.now)

    @property
    def tier(self) -> str:
        """The member's tier code while this event is decided: the one held, or a higher one lent."""
        return effective_tier(self.rulebook, self.account.standing, self.today)

    def on(self, instant: datetime) -> date:
        """The business date of an instant."""
        return business_date(instant, self.rulebook.brand.time_zone)

    def count(self, metric: str, amount: int, on: date) -> None:
        """Adds to a counter, if the rulebook reads it."""
        counted = counters.add(self.account.counters, self.rulebook, metric, amount, on)
        self.account = self.account.with_(counters=counted)

    def say(self, rule: str, change: int, why: str, why_zh: str) -> None:
        """Adds a line."""
        self.lines.append(Line(rule, change, why, why_zh))

    def grant(self, expires_on: date, amount: int) -> None:
        """Adds a lot; whatever of it repays debt is shown as a line of its own."""
        self.purse, repaid = points.grant(self.purse, expires_on, amount)
        self.repaid(repaid)

    def repaid(self, amount: int) -> None:
        """The line for debt repaid. It carries 0: the points were counted by the line that earned them."""
        if amount:
            self.say("debt_repaid", 0, f"{amount} of these points repaid debt", f"其中 {amount} 分用于偿还欠分")

    def short(self, owed: int, forgiven: int) -> None:
        """The lines for points taken back that were spent already: owed, or forgiven."""
        if owed:
            self.say("debt", 0, f"{owed} points were already spent and are owed", f"其中 {owed} 分已使用，记为欠分")
        if forgiven:
            told = f"{forgiven} points were already spent and are forgiven"
            self.say("forgiven", 0, told, f"其中 {forgiven} 分已使用，予以免除")

    def standing(self, standing: Standing) -> None:
        """Sets the tier."""
        self.account = self.account.with_(standing=standing)

    def dated(self, key: str) -> Cause:
        """The cause of a step that happens by itself: `key` tells what and its date, the number tells two steps of the
        same day apart. That a step is made once follows from the account: made, it is no longer due."""
        return Cause(self.before.member_id, f"{key}#{self.before.seq + 1}")

    def finish(self, kind: str, cause: Cause, facts: Mapping[str, Any] | None = None) -> Decision:
        """Freezes the account and its entry. Raises TooManyPoints when it grants more than the rulebook's limit for one
        entry: joining is never refused, and neither is what takes points back, returns them, or releases what was
        granted before."""
        opened = points.open_purse(self.before)
        change = self.purse.worth - opened.worth
        pending = sum(self.purse.pending.values()) - self.before.pending_total
        most = max(change - self.returned, pending)
        if kind not in _NEVER_REFUSED and most > self.rulebook.limits.max_points_per_entry:
            raise TooManyPoints
        seq = self.before.seq + 1
        kept, standing = counters.pruned(self.account.counters, self.rulebook), self.account.standing
        if standing and kept is not self.account.counters:
            standing = _within(standing, kept)
        account = self.account.with_(
            seq=seq,
            standing=standing,
            lots=self.purse.lots,
            pending=self.purse.pending,
            debt=self.purse.debt,
            counters=kept,
        )
        entry = Entry(
            member_id=account.member_id,
            seq=seq,
            at=self.now,
            kind=kind,
            cause=cause,
            points=change,
            pending=pending,
            balance_after=account.balance,
            pending_after=account.pending_total,
            debt_after=account.debt,
            tier_after=account.standing.tier if account.standing else "",
            rulebook_version=self.published.version,
            lines=tuple(self.lines),
            moves=self.purse.moves,
            facts={**self.facts, **(facts or {})},
        )
        return Decision(self.before, account, entry)
