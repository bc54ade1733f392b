"""A benefit's quota, used by many at once over HTTP: exactly as many uses as there are, whoever comes first, and the
figures count exactly those."""

from collections import Counter

import pytest

from chalicelib.ledger.codec import entry_of
from chalicelib.ledger.items import EntryItem
from chalicelib.shared.clock import business_date
from tests.cloud.brand import Brand, at_once, eventually, kinds
from tests.functional.tiers_room import get, use
from tests.harness.api import Member

THREADS, QUOTA = 8, 3
ZONE = "Asia/Shanghai"

Uses = Counter[tuple[str, str, str]]


def quota(brand: Brand, member: Member) -> list[dict[str, object]]:
    """What is used of the day's uses, as the member reads it."""
    found = {benefit["code"]: benefit for benefit in get(brand, member, "/v1/me/benefits")["items"]}
    return list(found["daily_uses"]["quotas"])


# Functions that start up come one after the other; only those that run already meet each other.
@pytest.mark.parametrize("round_", ["starting", "running", "running again"])
def test_a_quota_of_three_used_by_eight_at_once_is_used_three_times(brand: Brand, round_: str) -> None:
    member, keys = brand.newcomer(), [brand.fresh() for _ in range(THREADS)]
    replies = at_once(THREADS, lambda n: use(brand, member, key=keys[n]))
    assert Counter((reply.status, reply.code) for reply in replies) == {
        (200, ""): QUOTA,
        (409, "QUOTA_EXHAUSTED"): THREADS - QUOTA,
    }
    assert quota(brand, member) == [{"window": "day", "used": QUOTA, "limit": QUOTA}]
    assert kinds(member) == ["joined"] + ["benefit_used"] * QUOTA
    # Asked again, each gets its own answer: those that were served, and those that were not.
    again = at_once(THREADS, lambda n: use(brand, member, key=keys[n]))
    assert [(reply.status, reply.code) for reply in again] == [(reply.status, reply.code) for reply in replies]
    assert kinds(member) == ["joined"] + ["benefit_used"] * QUOTA


def test_one_use_sent_by_eight_at_once_is_one_use(brand: Brand) -> None:
    member, key = brand.newcomer(), brand.fresh()
    replies = at_once(THREADS, lambda _: use(brand, member, key=key))
    assert {reply.status for reply in replies} == {200}
    assert len({str(reply.body) for reply in replies}) == 1
    marks = Counter(reply.headers.get("Idempotency-Replayed") for reply in replies)
    assert marks == {None: 1, "true": THREADS - 1}
    assert kinds(member) == ["joined", "benefit_used"]


def journalled() -> Uses:
    """(business date, benefit, tier) → uses, counted from the journal itself."""
    found = [entry_of(item) for item in EntryItem.scan(EntryItem.kind == "benefit_used")]
    days = [business_date(entry.at, ZONE).isoformat() for entry in found]
    return Counter((day, e.facts["benefit"], e.facts["tier"]) for day, e in zip(days, found, strict=True))


def test_the_figures_tell_the_uses_of_everybody_by_benefit_and_tier(brand: Brand) -> None:
    analyst = brand.operator("analyst")

    def counted() -> Uses:
        days = sorted(day for day, *_ in journalled())
        reply = brand.call("GET", f"/v1/admin/metrics?from={days[0]}&to={days[-1]}", token=analyst)
        assert reply.status == 200, reply
        return Counter({(f["day"], u["benefit"], u["tier"]): u["uses"] for f in reply.body["items"] for u in f["uses"]})

    ann, ben = brand.newcomer(), brand.newcomer()
    assert brand.order(ben, 50_000).body["entry"]["tier_after"] == "silver"
    for member, limit in ((ann, QUOTA), (ben, 10)):
        assert [use(brand, member).status for _ in range(limit + 1)] == [200] * limit + [409]
    assert {tier for _, _, tier in journalled()} == {"normal", "silver"}
    eventually(counted, journalled())
