"""What redeeming costs, counted: a redemption of each kind, a donation, and being told that it is sold out."""

from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

from chalicelib import ledger
from chalicelib.engine.events import Cause, PointsAdjusted
from chalicelib.engine.process import process
from chalicelib.redemption import codes, levels, offers, service, stock
from chalicelib.redemption.schemas import RedeemIn
from chalicelib.redemption.stock import SoldOut
from chalicelib.rulebook import store
from chalicelib.shared.callers import Member
from infra.bench_world import NOW
from tests.harness.meter import metering
from tests.harness.world import join

PRICE = 10
ADDRESS = {
    "name": "安然", "phone": "13800138000", "province": "浙江省", "city": "杭州市", "district": "西湖区",
    "street": "文三路 100 号",
}  # fmt: skip
CAMPAIGN = {"donation": {"partner": {"zh": "基金会", "en": "Foundation"}}, "member_day": False}
STOCK: dict[str, Any] = {"mode": "total", "pieces": 9}


def _on_sale(offer_id: str, kind: str, **fields: Any) -> None:
    words = {"zh": offer_id, "en": offer_id}
    content = {"offer_id": offer_id, "kind": kind, "name": words, "words": words, "price_points": PRICE, **fields}
    offers.create(content, "bench", NOW)
    offers.publish(offer_id, "bench", NOW)


def _cases(member: Member) -> Iterator[tuple[str, Callable[[], object]]]:
    def tap(offer_id: str, key: str = "", address: dict[str, str] | None = None) -> Callable[[], object]:
        body = RedeemIn.model_validate(
            {"offer_id": offer_id, "quantity": 1, "expected_points": PRICE, "address": address}
        )
        return lambda: service.redeem(member, body, key or f"bench-{offer_id}", NOW)

    def sold_out() -> None:
        try:
            tap("last", "another")()
        except SoldOut:
            return
        raise AssertionError("there was a piece left")

    _on_sale("plain", "coupon")
    yield "without a stock", tap("plain")
    for offer_id, kind, what in (("stocked", "coupon", "with a stock"), ("parcel", "physical", "a parcel")):
        _on_sale(offer_id, kind, stock=STOCK)
        stock.look(offers.find(offer_id).document, "all")
        yield what, tap(offer_id, address=ADDRESS if kind == "physical" else None)
    _on_sale("coded", "virtual", stock={"mode": "codes"})
    codes.load("coded", [f"BENCH-{number:03}" for number in range(200)], "bench", NOW)
    yield "a code", tap("coded")
    _on_sale("campaign", "donation", **CAMPAIGN)
    yield "a donation", lambda: service.donate(member, "campaign", PRICE, "bench-donation", NOW)
    yield "the same tap again", tap("stocked")
    _on_sale("last", "coupon", stock={"mode": "total", "pieces": 1})
    tap("last")()
    yield "sold out, the first time in a second", sold_out
    yield "sold out, from then on", sold_out


def by_kind() -> list[tuple[str, str, float, int]]:
    """(what is redeemed, calls to AWS, read units, write units) in a warm container."""
    member_id = f"M{'4' * 18}"
    published = store.current(NOW)
    account = join(member_id, published, NOW)
    given = PointsAdjusted(Cause(member_id, "bench"), 10_000, "for the bench", "bench")
    ledger.execute(account.member_id, lambda found: process(published, found, given, NOW), body_hash="bench")
    for room in (levels, offers, stock):
        room.forget()
    found = []
    with patch.object(offers, "REVALIDATE_SECONDS", float("inf")), patch.object(stock, "SOLD_OUT_SECONDS", 60.0):
        for what, command in _cases(Member(member_id, NOW)):
            offers.in_force()
            with metering() as meter:
                command()
            calls = ", ".join(f"{count} {name}" for name, count in sorted(meter.calls.items()))
            found.append((what, calls, meter.read_units, meter.write_units))
    return found
