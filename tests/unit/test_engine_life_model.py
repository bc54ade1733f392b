"""Whatever happens to a member in whatever order: nothing but refusals, and what must always hold does."""

import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import event as seen
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib.engine import events
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision, Entry
from chalicelib.engine.draft import effective_tier
from chalicelib.engine.events import Cause, Refund
from chalicelib.engine.orders import record_of
from chalicelib.engine.process import process
from chalicelib.engine.refusals import NothingDue
from chalicelib.ledger.codec import account_item, account_of
from chalicelib.ledger.verify import check
from chalicelib.rulebook.model import Published, load
from chalicelib.rulebook.presets import preset
from chalicelib.shared.clock import business_date
from chalicelib.shared.errors import Refusal
from tests.unit.documents import goal
from tests.unit.lives import MEMBER, MOST_STEPS
from tests.unit.rulebooks import document, words

DAY = timedelta(days=1)


def small(**retention: Any) -> dict[str, Any]:
    """The small rulebook with every mechanism of tiers and tasks, and thresholds a few actions away."""
    found = document()
    _, silver, gold = found["tiers"]["levels"]
    silver["promotion"] = [goal("spend_fen", 20_000), goal("orders", 3, "months:3"), goal("steps", 3, "period")]
    gold["promotion"] = [{**goal("spend_fen", 60_000), "also": [goal("visits", 2)]}, goal("qualified_invites", 2)]
    silver["retention"] = [goal("spend_fen", 10_000, "period"), goal("visits", 4, "months:12")]
    top = {"code": "diamond", "name": words("钻石"), "promotion": [goal("spend_fen", 150_000)]}
    coupon = {"code": "coupon", "kind": "economic", "name": words("券"), "value": {"per_month": 1}}
    gift = {"code": "gift", "kind": "honour", "name": words("礼"), "value": {"on_birthday": True}}
    uses = {"code": "uses", "kind": "feature", "name": words("用"), "value": {"per_day": 2}}
    silver["benefits"], gold["benefits"], top["benefits"] = [gift, uses], [coupon, gift, uses], [coupon, gift]
    found["tiers"] |= {
        "levels": [*found["tiers"]["levels"], top], "retention_percent_of_promotion": 50, "held_months": 8,
        "retention": retention,
    }  # fmt: skip
    found["behaviours"].append({"code": "invite", "name": words("邀请"), "metrics": ["qualified_invites"]})
    found["tasks"] = [
        {"id": "new", "name": words("新"), "kind": "newcomer", "goals": [goal("visits", 1)], "credits": {"steps": 2}},
        {"id": "day", "name": words("日"), "kind": "daily", "goals": [goal("visits", 1, "day")], "points": 5},
        {"id": "tap", "name": words("点"), "kind": "weekly", "goals": [goal("orders", 1, "week")], "claim": "tap",
         "points": 9},
        {"id": "up", "name": words("升"), "kind": "growth", "points": 50, "credits": {"steps": 1}},
    ]  # fmt: skip
    found["pending"] = {"mode": "days", "days": 7}
    return found


BOOKS = {
    "small": small(),
    "hasty": small(grace_days=0, grace_extension_days=1, early_warning_months=1, warning_days=45),
    **{name: preset(name) for name in ("retail", "content", "tool")},
}


class Life(RuleBasedStateMachine):
    """One member, any events, any jumps of time, jobs that run daily or stand still, rulebooks that change."""

    @initialize(name=st.sampled_from(sorted(BOOKS)))
    def start(self, name: str) -> None:
        self.use(name)
        self.now = datetime(2026, 1, 31, 4, 0, tzinfo=UTC)
        self.account, self.entries = Account(MEMBER), list[Entry]()
        self.orders: dict[str, list[Entry]] = {}
        self.warned: dict[str, date] = {}
        self.grown = 0
        self.happen(events.Joined(self.cause()))

    def use(self, name: str) -> None:
        self.book = Published(version=1, rulebook=load(BOOKS[name]))

    @property
    def today(self) -> date:
        return business_date(self.now, self.book.rulebook.brand.time_zone)

    def cause(self) -> Cause:
        return Cause(MEMBER, f"happening#{len(self.entries)}")

    def happen(self, event: events.Event) -> Entry | None:
        try:
            decision = process(self.book, self.account, event, self.now)
        except Refusal:
            return None
        assert process(self.book, self.account, event, self.now) == decision
        self.no_step_down_but_by_the_protocol(decision, event)
        self.account = decision.account
        self.entries.append(decision.entry)
        assert account_of(account_item(self.account)) == self.account, "stored and read it is the same"
        seen(decision.entry.kind)
        return decision.entry

    def no_step_down_but_by_the_protocol(self, decision: Decision, event: events.Event) -> None:
        rank = self.book.rulebook.rank
        before, after = decision.before.standing, decision.account.standing
        assert after is not None
        if before is None or rank(after.tier) >= rank(before.tier) or isinstance(event, events.TierSet):
            return
        if isinstance(event, events.OrderRefunded):
            assert "promotion_undone" in decision.entry.facts
            return
        assert decision.entry.kind == "tier_lapsed"
        assert rank(before.tier) - rank(after.tier) == 1, "one step at a time"
        assert before.warned_on is not None
        assert self.today - before.warned_on >= timedelta(days=30), "a warning thirty days before"
        # The proof is on record: the entry that gave the warning.
        warnings = [entry.at for entry in self.entries if entry.kind == "tier_warned"]
        assert before.warned_on in {business_date(at, self.book.rulebook.brand.time_zone) for at in warnings}

    def due(self) -> None:
        for event in (events.PointsDue(), events.TierDue()):
            for _ in range(MOST_STEPS):
                if self.happen(event) is None:
                    break
            else:
                raise AssertionError(f"it does not end: {[entry.kind for entry in self.entries[-5:]]}")
            try:
                process(self.book, self.account, event, self.now)
            except NothingDue:
                continue
            raise AssertionError("a second run writes")
        for day in (self.account.points_due_on, self.account.tier_due_on):
            assert day is None or day > self.today, "what was due is done"

    @rule(days=st.sampled_from([1, 3, 8, 31, 92, 200, 400]), daily=st.booleans())
    def time_passes(self, days: int, daily: bool) -> None:
        """The jobs run on every day on which something is due, or on the last day alone."""
        end = self.now + days * DAY
        while daily and (dates := [d for d in (self.account.points_due_on, self.account.tier_due_on) if d]):
            if min(dates) > end.date():
                break
            self.now += max(0, (min(dates) - self.today).days) * DAY
            self.due()
        self.now = end
        self.due()

    @rule(fen=st.sampled_from([0, 1, 9_999, 20_000, 60_000, 160_000]), late=st.integers(0, 40), back=st.booleans())
    def buy(self, fen: int, late: int, back: bool) -> None:
        order_id = f"O{len(self.entries)}"
        early = (Refund("early", max(1, fen // 2)),) if back and fen else ()
        paid = events.OrderPaid(Cause(order_id, order_id), order_id, self.now - late * DAY, fen, early_refunds=early)
        entry = self.happen(paid)
        if entry:
            self.orders[order_id] = [entry]

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), share=st.sampled_from([1, 50, 100]))
    def refund(self, data: st.DataObject, share: int) -> None:
        order_id = data.draw(st.sampled_from(sorted(self.orders)))
        record = record_of(self.orders[order_id])
        assert record is not None
        fen = (record.amount_fen - record.refunded_fen) * share // 100
        entry = self.happen(events.OrderRefunded(self.cause(), record, Refund(f"R{len(self.entries)}", fen)))
        if entry:
            self.orders[order_id].append(entry)

    @rule(kind=st.sampled_from(["login", "browse", "invite", "feature_used", "like", "plan_paid", "dance"]))
    def act(self, kind: str) -> None:
        self.happen(events.Behaved(self.cause(), kind, self.now, trusted=True, seconds=7_200))

    @rule(ago=st.integers(0, 5))
    def check_in(self, ago: int) -> None:
        self.happen(events.CheckedIn(self.cause(), self.today - ago * DAY, make_up=ago > 0))

    @rule(points=st.sampled_from([-500, -50, 50, 500]))
    def adjust(self, points: int) -> None:
        self.happen(events.PointsAdjusted(self.cause(), points, "because", "operator:1"))

    @precondition(lambda self: any(entry.kind == "points_adjusted" and entry.points < 0 for entry in self.entries))
    @rule()
    def give_back(self) -> None:
        taken = [entry for entry in self.entries if entry.kind == "points_adjusted" and entry.points < 0]
        self.happen(events.PointsAdjusted(self.cause(), -taken[-1].points, "undone", "operator:1", taken[-1].moves))

    @rule(tier=st.sampled_from(["normal", "silver", "gold", "diamond"]), lent_days=st.sampled_from([None, -1, 0, 7]))
    def set_tier(self, tier: str, lent_days: int | None) -> None:
        until = None if lent_days is None else self.today + lent_days * DAY
        self.happen(events.TierSet(self.cause(), tier, "because", "operator:1", until))

    @rule(
        code=st.sampled_from(["uses", "daily_uses", "coupon"]),
        task=st.sampled_from(["tap", "day"]),
        month=st.integers(1, 12),
    )
    def small_things(self, code: str, task: str, month: int) -> None:
        self.happen(events.BenefitUsed(self.cause(), code))
        self.happen(events.TaskClaimed(self.cause(), task))
        self.happen(events.ProfileChanged(self.cause(), {"birthday": f"{month:02d}-29"}))

    @rule(name=st.sampled_from(sorted(BOOKS)))
    def the_rules_change(self, name: str) -> None:
        self.use(name)
        self.happen(events.RulesChanged(self.cause()))

    @invariant()
    def the_standing_is_whole(self) -> None:
        standing, rulebook = self.account.standing, self.book.rulebook
        assert standing is not None
        assert not standing.stage or standing.valid_until, "only what ends is being lost"
        assert (standing.grace_until is not None) == (standing.stage == "grace")
        assert standing.stage != "grace" or standing.warned_on
        effective = effective_tier(rulebook, standing, self.today)
        assert rulebook.rank(effective) >= rulebook.rank(standing.tier)
        ranks = [rulebook.rank(lapse.tier) for lapse in standing.lapses]
        assert len(ranks) <= 3
        assert 0 <= standing.extensions <= rulebook.tiers.retention.grace_extensions
        assert standing.bonus >= 0

    @invariant()
    def what_is_pending_has_its_date(self) -> None:
        account, standing = self.account, self.account.standing
        assert (account.points_due_on is None) == (not account.lots and not account.pending)
        if standing and (standing.valid_until or standing.temporary):
            assert account.tier_due_on is not None

    @invariant()
    def a_tier_grows_once(self) -> None:
        grown = sum(line.rule in ("growth", "up") for entry in self.entries for line in entry.lines)
        assert grown <= 3

    def teardown(self) -> None:
        if hasattr(self, "account"):
            assert check(self.account, self.entries) == []


# `LIFE_EXAMPLES=2000 LIFE_STEPS=100` makes it the long run.
Life.TestCase.settings = settings(
    max_examples=int(os.environ.get("LIFE_EXAMPLES", "100")),
    stateful_step_count=int(os.environ.get("LIFE_STEPS", "40")),
    deadline=None,
    derandomize=True,
)
TestLife: Callable[..., Any] = Life.TestCase
