"""What a campaign has been given, and its settlement. Each donation is added to the shard of its member in the
transaction that takes the points, and taken from there in the one that gives them back. Settling marks every shard, so
that whoever comes at the same moment is either in the settlement or refused (docs/decisions/0016)."""

from dataclasses import dataclass
from datetime import datetime

from chalicelib import ledger
from chalicelib.ledger import Also
from chalicelib.redemption import items, rules
from chalicelib.redemption.items import SETTLEMENT, SettlementItem, TallyItem
from chalicelib.shared import dynamo
from chalicelib.shared.audit import AuditRecord
from chalicelib.shared.clock import parse_instant, rfc3339
from chalicelib.shared.errors import Conflict, Unavailable

ATTEMPTS = 8
# A donation is taken from the shard it was added to, so there will always be as many.
SHARDS = 8


class CampaignSettled(Conflict):
    code = "CAMPAIGN_SETTLED"
    message, message_zh = (
        "The campaign is settled: nothing of it changes any more.",
        "该公益活动已结算，不能再捐赠或撤回",
    )


@dataclass(frozen=True)
class Totals:
    """Points and number of the donations that were not taken back."""

    points: int
    donations: int


@dataclass(frozen=True)
class Settlement:
    """What the partner got (`amount_fen`, under their `reference`), for these totals, and when that was recorded."""

    reference: str
    amount_fen: int
    totals: Totals
    at: datetime


def given(campaign_id: str, member_id: str, points: int, donations: int) -> Also:
    """The write that adds a donation, or with negative numbers takes it away; refused once the campaign is settled."""
    changes = (
        TallyItem.points.set((TallyItem.points | 0) + points),
        TallyItem.donations.set((TallyItem.donations | 0) + donations),
    )
    shard = f"{rules.home(member_id, SHARDS):02d}"
    return Also(TallyItem(items.tally_id(campaign_id), shard), TallyItem.settled.does_not_exist(), changes)


def totals(campaign_id: str) -> tuple[Totals, bool]:
    """As of this moment, exactly, and whether that is settled: one query."""
    shards = items.tallies(campaign_id)
    return _sum(shards), any(shard.settled for shard in shards)


def _sum(shards: list[TallyItem]) -> Totals:
    return Totals(sum(int(shard.points) for shard in shards), sum(int(shard.donations) for shard in shards))


def settlement(campaign_id: str) -> Settlement | None:
    """What was settled, if it was: one read."""
    item = items.settlement(campaign_id)
    if item is None:
        return None
    found = Totals(int(item.points), int(item.donations))
    return Settlement(item.reference, int(item.amount_fen), found, parse_instant(item.at))


def settle(campaign_id: str, reference: str, amount_fen: int, record: AuditRecord, now: datetime) -> Settlement:
    """Settles a campaign that takes no more donations, with the audit record; a repeat finds the first. Raises
    CampaignSettled when it was settled otherwise, Unavailable."""
    for attempt in range(ATTEMPTS):
        ledger.wait(attempt)
        done = settlement(campaign_id)
        if done:
            if (done.reference, done.amount_fen) != (reference, amount_fen):
                raise CampaignSettled
            return done
        known = {shard.kind: shard for shard in items.tallies(campaign_id)}
        found = _sum(list(known.values()))
        item = SettlementItem(
            SETTLEMENT, campaign_id, reference=reference, amount_fen=amount_fen, points=found.points,
            donations=found.donations, at=rfc3339(now),
        )  # fmt: skip
        try:
            with dynamo.together() as writes:
                writes.save(item, SettlementItem.id.does_not_exist())
                for number in range(SHARDS):
                    shard = TallyItem(items.tally_id(campaign_id), f"{number:02d}")
                    seen = known.get(shard.kind)
                    same = TallyItem.points == int(seen.points) if seen else TallyItem.id.does_not_exist()
                    if seen:
                        same &= TallyItem.donations == int(seen.donations)
                    writes.update(shard, [TallyItem.settled.set(True)], same)
                writes.save(record)
        except dynamo.Overtaken:
            continue
        return Settlement(reference, amount_fen, found, now)
    raise Unavailable
