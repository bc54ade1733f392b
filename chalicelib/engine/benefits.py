"""Benefits of a tier: uses against a quota, and what is granted each month and on the birthday."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType

from chalicelib.engine import counters, coupons
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision
from chalicelib.engine.draft import Draft, effective_tier
from chalicelib.engine.earning import birthday_in
from chalicelib.engine.events import BenefitUsed
from chalicelib.engine.refusals import BenefitNotYours, QuotaExhausted
from chalicelib.rulebook.model import Benefit, Rulebook
from chalicelib.shared.clock import add_months

GRACE_DAYS, MISSED_MONTHS = 30, 12


@dataclass(frozen=True)
class Quota:
    """Uses of a benefit in a window: `used` of `limit`."""

    window: str
    used: int
    limit: int


def of(rulebook: Rulebook, account: Account, today: date) -> tuple[Benefit, ...]:
    """The benefits the member has today."""
    return rulebook.tier(effective_tier(rulebook, account.standing, today)).benefits


def quotas(benefit: Benefit, account: Account, today: date) -> list[Quota]:
    """How much of each quota is used; empty when there is no limit."""
    return [
        Quota(window, counters.read(account.counters, benefit.metric, window, today), limit)
        for window, limit in benefit.quotas.items()
    ]


def use(draft: Draft, event: BenefitUsed) -> Decision:
    """One use. Raises BenefitNotYours, QuotaExhausted."""
    benefit = next((b for b in of(draft.rulebook, draft.account, draft.today) if b.code == event.benefit), None)
    if benefit is None or not benefit.usable:
        raise BenefitNotYours
    for quota in quotas(benefit, draft.account, draft.today):
        if quota.used >= quota.limit:
            raise QuotaExhausted([{"field": "benefit", "problem": f"{quota.limit} uses a {quota.window}"}])
    draft.count(benefit.metric, 1, draft.today)
    left = min((q.limit - q.used - 1 for q in quotas(benefit, draft.before, draft.today)), default=None)
    told, told_zh = ("unlimited", "不限次") if left is None else (f"{left} left", f"剩余 {left} 次")
    draft.say(benefit.code, 0, f"{benefit.name.en}: used, {told}", f"{benefit.name.zh}：已使用，{told_zh}")
    return draft.finish("benefit_used", event.cause, {"benefit": benefit.code, "tier": draft.tier})


def due(rulebook: Rulebook, account: Account, through: date) -> Iterator[tuple[Benefit, str, int]]:
    """(benefit, period, how many) of everything to be granted by the day `through` and not granted yet, by the tier of
    that day: a run that comes late grants the months it missed since the benefit was gained (see `begun`), and a
    birthday up to GRACE_DAYS ago. A benefit is granted either each month or on the birthday."""
    this_month = through.replace(day=1)
    for benefit in of(rulebook, account, through):
        last = account.granted.get(benefit.code, "")
        if benefit.monthly:
            # Without a note it is the rulebook that has it newly: nothing was missed before.
            month = add_months(this_month, 1 - MISSED_MONTHS) if last else this_month
            while month <= through:
                if f"{month:%Y-%m}" > last:
                    yield benefit, f"{month:%Y-%m}", benefit.monthly
                month = add_months(month, 1)
        elif benefit.on_birthday:
            for year in (through.year - 1, through.year):
                day = birthday_in(account, year)
                if day and through - timedelta(days=GRACE_DAYS) <= day <= through and f"{year}" > last:
                    yield benefit, f"{year}", 1


def begun(rulebook: Rulebook, before: Account, after: Account, today: date) -> Account:
    """The account after, which notes of every monthly benefit that the member has newly that the months before were not
    the member's: from this one on they are granted, however late the run comes."""
    had = {benefit.code for benefit in of(rulebook, before, today)} if before.standing else set()
    new = [b.code for b in of(rulebook, after, today) if b.monthly and b.code not in had]
    if not new:
        return after
    # Not granted, only settled: the mark at its end tells the note from a grant, and sorts between the months.
    month = f"{add_months(today.replace(day=1), -1):%Y-%m}-"
    noted = {code: max(month, after.granted.get(code, "")) for code in new}
    return after.with_(granted=MappingProxyType({**after.granted, **noted}))


def granted_for(account: Account, benefit: Benefit) -> str | None:
    """The last month or year it was granted for; None when nothing was granted since the member has it."""
    last = account.granted.get(benefit.code, "")
    return last if last and not last.endswith("-") else None


def grant(draft: Draft, through: date) -> None:
    """Grants all that is due by the day `through`, as entitlements in the entry's facts, and the coupons of those that
    name one."""
    granted = dict(draft.account.granted)
    for benefit, period, quantity in due(draft.rulebook, draft.account, through):
        granted[benefit.code] = period
        entitlement = {"benefit": benefit.code, "period": period, "quantity": quantity, "value": dict(benefit.value)}
        draft.facts.setdefault("entitlements", []).append(entitlement)
        coupons.grant(draft, benefit.value.get("coupon"), quantity, f"benefit#{benefit.code}")
        draft.say(benefit.code, 0, f"{benefit.name.en} × {quantity} for {period}",
                  f"发放{benefit.name.zh} × {quantity}（{period}）")  # fmt: skip
    # What the rulebook no longer has is forgotten, so that accounts stay small; but not within its own month or year,
    # in which it would be granted again if it came back.
    known = {benefit.code for tier in draft.rulebook.tiers.levels for benefit in tier.benefits}
    kept = {c: p for c, p in granted.items() if c in known or p >= f"{through:%Y-%m}"[: len(p)]}
    draft.account = draft.account.with_(granted=MappingProxyType(kept))


def next_grant_on(rulebook: Rulebook, account: Account, today: date) -> date | None:
    """The next day on which something will be granted; today when something is due."""
    if any(True for _ in due(rulebook, account, today)):
        return today
    days = []
    benefits = of(rulebook, account, today)
    if any(benefit.monthly for benefit in benefits):
        days.append(add_months(today.replace(day=1), 1))
    for benefit in benefits:
        if benefit.on_birthday and not benefit.monthly:
            last = account.granted.get(benefit.code, "")
            coming = [birthday_in(account, year) for year in (today.year, today.year + 1, today.year + 2)]
            days += [day for day in coming if day and day > today and f"{day.year}" > last][:1]
    return min(days, default=None)
