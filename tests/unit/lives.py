"""A member's life on a preset, event by event: the shortest way to say what happened in a test of the engine."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chalicelib.engine import events
from chalicelib.engine.account import Account, Standing
from chalicelib.engine.decision import Entry
from chalicelib.engine.events import Cause, Item, Refund
from chalicelib.engine.orders import record_of
from chalicelib.engine.process import process
from chalicelib.engine.refusals import NothingDue
from chalicelib.ledger.verify import check
from chalicelib.rulebook.model import Published, load
from chalicelib.rulebook.presets import preset
from chalicelib.shared.clock import business_date

MOST_STEPS = 40
MEMBER = "M000000000000000000"
NOON = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
"""Noon in Shanghai, a Tuesday that is nobody's member day."""

BOOKS = {name: Published(version=1, rulebook=load(preset(name))) for name in ("retail", "content", "tool")}


def book(base: str = "retail", **sections: Any) -> Published:
    """A preset with some sections replaced."""
    return Published(version=1, rulebook=load({**preset(base), **sections})) if sections else BOOKS[base]


def shanghai(text: str) -> datetime:
    """`2026-11-15 23:59` on the clock of the shop, as an instant."""
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - timedelta(hours=8)).astimezone(UTC)


class Life:
    """One member who joined 100 days before `now`; the invariants of the book are checked after every entry."""

    def __init__(self, published: Published = BOOKS["retail"], now: datetime = NOON, tier: str = "") -> None:
        self.book, self.now = published, now - timedelta(days=100)
        self.account, self.entries = Account(MEMBER), list[Entry]()
        self._orders: dict[str, list[Entry]] = {}
        self.record(events.Joined(self.cause()))
        if tier:
            self.account = self.account.with_(standing=Standing(tier, self.today))
        self.now = now

    @property
    def today(self) -> date:
        return business_date(self.now, self.book.rulebook.brand.time_zone)

    @property
    def tier(self) -> str:
        return self.entries[-1].tier_after

    @property
    def standing(self) -> Standing:
        assert self.account.standing is not None
        return self.account.standing

    @property
    def kinds(self) -> list[str]:
        return [entry.kind for entry in self.entries]

    def cause(self, key: str = "") -> Cause:
        return Cause(MEMBER, key or f"happening#{len(self.entries)}")

    def record(self, event: events.Event) -> Entry:
        decision = process(self.book, self.account, event, self.now)
        self.account, entry = decision.account, decision.entry
        self.entries.append(entry)
        assert check(self.account, self.entries) == []
        return entry

    def at(self, text: str) -> "Life":
        """Moves to that moment on the shop's clock."""
        self.now = shanghai(text)
        return self

    def pass_(self, **duration: float) -> "Life":
        self.now += timedelta(**duration)
        return self

    def have_birthday(self, birthday: str) -> None:
        self.record(events.ProfileChanged(self.cause(), {"birthday": birthday}))

    def do(self, kind: str, seconds: int = 0, at: datetime | None = None) -> int:
        """A behaviour, by whoever may report it; returns what it earned."""
        known = self.book.rulebook.behaviour(kind)
        trusted = known is not None and known.reported_by == "merchant"
        return self.earned(self.record(events.Behaved(self.cause(), kind, at or self.now, trusted, seconds)))

    def check_in(self) -> int:
        return self.earned(self.record(events.CheckedIn(self.cause(f"check-in#{self.today}"), self.today)))

    def make_up(self, on: str) -> Entry:
        return self.record(events.CheckedIn(self.cause(f"check-in#{on}"), date.fromisoformat(on), make_up=True))

    def order(
        self,
        fen: int,
        *items: Item,
        order_id: str = "",
        at: datetime | None = None,
        early: tuple[Refund, ...] = (),
        completed: bool = False,
    ) -> Entry:
        order_id = order_id or f"O{len(self.entries)}"
        cause = Cause(f"order#{order_id}", f"order#{order_id}")
        paid = events.OrderPaid(cause, order_id, at or self.now, fen, items, early, completed)
        self._orders[order_id] = [self.record(paid)]
        return self.entries[-1]

    def buy(self, fen: int, *items: Item, at: datetime | None = None) -> int:
        """What an order earned, when nothing else about it matters."""
        return self.earned(self.order(fen, *items, at=at))

    def earned(self, entry: Entry) -> int:
        """What the rules of earning paid in an entry; what tasks paid is not in it."""
        rules = {rule.id for rule in self.book.rulebook.earning} - {task.id for task in self.book.rulebook.tasks}
        return sum(line.points for line in entry.lines if line.rule in rules)

    def refund(self, order_id: str, fen: int, *items: Item) -> Entry:
        record = record_of(self._orders[order_id])
        assert record is not None
        refund_id = f"R{len(self.entries)}"
        cause = Cause(f"order#{order_id}", f"refund#{refund_id}")
        return self._step(order_id, events.OrderRefunded(cause, record, Refund(refund_id, fen, items)))

    def granted(self, order_id: str) -> int:
        """The points the order itself earned."""
        record = record_of(self._orders[order_id])
        assert record is not None
        return record.granted

    def complete(self, order_id: str) -> Entry:
        record = record_of(self._orders[order_id])
        assert record is not None
        cause = Cause(f"order#{order_id}", f"completion#{order_id}#{len(self.entries)}")
        return self._step(order_id, events.OrderCompleted(cause, record))

    def _step(self, order_id: str, event: events.Event) -> Entry:
        self._orders[order_id].append(self.record(event))
        return self.entries[-1]

    def adjust(self, points: int, returns: tuple[tuple[date, int], ...] = ()) -> Entry:
        return self.record(events.PointsAdjusted(self.cause(), points, "because", "operator:1", returns))

    def hold(self, tier: str, until: str = "") -> Entry:
        """An operator sets the tier, or lends it until a day."""
        day = date.fromisoformat(until) if until else None
        return self.record(events.TierSet(self.cause(), tier, "because", "operator:1", day))

    def due(self) -> list[Entry]:
        """What is due by now happens, one entry a step; a second run finds nothing."""
        first = len(self.entries)
        for event in (events.PointsDue(), events.TierDue()):
            for _ in range(MOST_STEPS):
                try:
                    self.record(event)
                except NothingDue:
                    break
            else:
                raise AssertionError([entry.kind for entry in self.entries[first:]])
        return self.entries[first:]

    def live(self, text: str) -> list[Entry]:
        """Time passes to that moment on the shop's clock; what is due happens as its day begins. Returns what did."""
        until, first, zone = shanghai(text), len(self.entries), ZoneInfo(self.book.rulebook.brand.time_zone)
        while days := [day for day in (self.account.points_due_on, self.account.tier_due_on) if day]:
            start = datetime.combine(min(days), datetime.min.time(), zone).astimezone(UTC)
            if start > until:
                break
            self.now = max(self.now, start)
            assert self.due(), "the account says that something is due"
        self.now = until
        return self.entries[first:]
