"""An offer as an operator writes it, and what a careful colleague would say before it goes live."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, model_validator

from chalicelib.engine.events import Offer, OfferKind, Window
from chalicelib.redemption import rules
from chalicelib.rulebook import guards, linter
from chalicelib.rulebook.conditions import MAX_FEN, Code, Part
from chalicelib.rulebook.findings import Finding, refuse, warn
from chalicelib.rulebook.model import Rulebook, Words
from chalicelib.rulebook.model_lotteries import Lottery, lottery_of
from chalicelib.shared.clock import business_date
from chalicelib.shared.schemas import Instant

OFFER_ID = re.compile(r"[a-z][a-z0-9_]{0,31}")
MAX_NAME = 60
# How long an account may have to remember what was redeemed of an offer that is limited for a lifetime.
MAX_LIFETIME = timedelta(days=366)

Price = Annotated[int, Field(ge=1, le=100_000_000)]
Pieces = Annotated[int, Field(ge=0, le=10_000_000)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=32)]
# A host, and then only what RFC 3986 lets stand in a URL: no quotes, angle brackets or spaces for a page to trip over.
PictureUrl = Annotated[
    str,
    StringConstraints(
        max_length=300, pattern=r"^https://[A-Za-z0-9.\-]+(:[0-9]{1,5})?/[A-Za-z0-9\-._~:/?#@!$&'()*+,;=%]*$"
    ),
]


class Stock(Part):
    """`none`: never runs out. `total`, `month`: what it begins with, once or every business month. `codes`: as many as
    codes were loaded, each of which one member gets; `low_percent`: an alarm rings when no more of them are left. Over
    how many shards the pieces lie is a matter of how many members tap at the same moment."""

    mode: rules.Mode = "none"
    pieces: Pieces = 0
    shards: int = Field(default=1, ge=1, le=16)
    low_percent: int = Field(default=10, ge=0, le=100)

    @model_validator(mode="after")
    def _counted(self) -> Self:
        if (self.mode in ("none", "codes")) != (self.pieces == 0):
            raise ValueError("an offer with a stock has pieces, one without, or with codes, has none")
        return self


class Donation(Part):
    """partner: who gets what is donated · goal_points: what the campaign hopes for, shown and no limit"""

    partner: Words
    goal_points: int | None = Field(default=None, ge=1, le=10**12)

    @model_validator(mode="after")
    def _short(self) -> Self:
        # The partner stands in the entry of each donation.
        if max(len(self.partner.zh), len(self.partner.en)) > MAX_NAME:
            raise ValueError(f"a partner's name has at most {MAX_NAME} characters")
        return self


class OfferDocument(Part):
    """price_points: for one piece · tier_prices: tier → its own price · tags: a member needs one of them, none when
    empty · limits: window → pieces a member may have · opens_at, closes_at: on sale from, and until just before ·
    member_day: whether the rulebook's factors of a member day apply · value_fen: what it is worth, for operators only ·
    cancellable: by the member · lottery, chances: of an offer of kind lottery, what each piece gives · sort: the
    smallest is listed first · donation: of a campaign, and of it alone · coupon: the definition of what an offer of
    kind coupon gives
    """

    offer_id: Code
    kind: OfferKind
    name: Words
    words: Words
    pictures: tuple[PictureUrl, ...] = Field(default=(), max_length=9)
    price_points: Price
    tier_prices: dict[Code, Price] = Field(default_factory=dict, max_length=5)
    min_tier: Code | None = None
    tags: tuple[Tag, ...] = Field(default=(), max_length=10)
    limits: dict[Window, Annotated[int, Field(ge=1, le=1_000_000)]] = Field(default_factory=dict)
    opens_at: Instant | None = None
    closes_at: Instant | None = None
    member_day: bool = True
    stock: Stock = Stock()
    value_fen: int | None = Field(default=None, ge=0, le=MAX_FEN)
    cancellable: bool = True
    lottery: Code | None = None
    chances: int = Field(default=0, ge=0, le=100)
    sort: int = Field(default=0, ge=-1_000_000, le=1_000_000)
    donation: Donation | None = None
    coupon: Code | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if max(len(self.name.zh), len(self.name.en)) > MAX_NAME:
            raise ValueError(f"a name has at most {MAX_NAME} characters")
        if self.opens_at and self.closes_at and self.closes_at <= self.opens_at:
            raise ValueError("closes_at is not after opens_at")
        if self.coded and self.kind != "virtual":
            raise ValueError("only a virtual offer gives codes")
        if (self.kind == "donation") != (self.donation is not None):
            raise ValueError("donation belongs to the kind donation")
        if self.donation and (self.tier_prices or self.member_day or self.stock.mode != "none"):
            raise ValueError("a campaign has one price for everybody, member_day false, and no stock")
        if {self.kind == "lottery", self.lottery is not None, self.chances > 0} not in ({True}, {False}):
            raise ValueError("an offer of kind lottery names its lottery and gives chances, no other does")
        if self.coupon and self.kind != "coupon":
            raise ValueError("only an offer of kind coupon names one")
        return self

    @property
    def coded(self) -> bool:
        """Each piece is a code."""
        return self.stock.mode == "codes"

    def for_engine(self, time_zone: str) -> Offer:
        """What the law needs of it."""
        last = self.closes_at - timedelta(microseconds=1) if self.closes_at else None
        return Offer(
            offer_id=self.offer_id,
            kind=self.kind,
            name=self.name,
            price_points=self.price_points,
            tier_prices=MappingProxyType(self.tier_prices),
            min_tier=self.min_tier or "",
            tags=self.tags,
            limits=MappingProxyType(self.limits),
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            closes_on=business_date(last, time_zone) if last else None,
            member_day=self.member_day,
            lottery=self.lottery or "",
            chances=self.chances,
            coupon=self.coupon or "",
        )


@dataclass(frozen=True)
class Before:
    """What there is already: the newest published version (None: this is the first), and how many pieces the present
    period of the stock has and has sold (None: it has not begun)."""

    document: OfferDocument | None = None
    pieces: int | None = None
    sold: int = 0


def load(document: dict[str, Any]) -> OfferDocument:
    """Reads a stored document. Raises pydantic's ValidationError."""
    return OfferDocument.model_validate(document)


def read(document: dict[str, Any]) -> tuple[OfferDocument | None, list[Finding]]:
    """The document; None, and an `INVALID` finding for each place that is wrong, when it is none."""
    return linter.read(document, load)


def findings(offer: OfferDocument, rulebook: Rulebook, before: Before, now: datetime) -> list[Finding]:
    """What there is to say of it, the grave things first."""
    found = [
        *_tiers(offer, rulebook),
        *_coupon(offer, rulebook),
        *_dates(offer, before.document, now),
        *_stock(offer, before),
        *_campaign(offer, before.document),
        *_bands(offer, rulebook),
        *_cash(offer, rulebook),
        *_lottery(offer, rulebook, now),
        *guards.names(offer.model_dump(mode="json")),
    ]
    return sorted(found, key=lambda finding: finding.severity != "refuse")


def _tiers(offer: OfferDocument, rulebook: Rulebook) -> Iterator[Finding]:
    known = {tier.code for tier in rulebook.tiers.levels}
    named = [(f"tier_prices.{code}", code) for code in offer.tier_prices]
    named += [("min_tier", offer.min_tier)] if offer.min_tier else []
    for path, code in named:
        if code not in known:
            yield refuse("UNKNOWN_TIER", path, f"The rulebook has no tier {code}.", f"规则中没有等级 {code}。")
    for code, price in offer.tier_prices.items():
        if price > offer.price_points:
            message = f"{code} would pay {price}, more than everybody's {offer.price_points}."
            message_zh = f"{code} 的价格 {price} 高于基础价格 {offer.price_points}。"
            yield refuse("TIER_PRICE_ABOVE_BASE", f"tier_prices.{code}", message, message_zh)


def _coupon(offer: OfferDocument, rulebook: Rulebook) -> Iterator[Finding]:
    if offer.coupon and rulebook.coupons.definition(offer.coupon) is None:
        message, message_zh = f"The rulebook has no coupon {offer.coupon}.", f"规则中没有优惠券 {offer.coupon}。"
        yield refuse("UNKNOWN_COUPON", "coupon", message, message_zh)
    if offer.kind == "coupon" and not offer.coupon:
        message = "It names no coupon: whoever redeems it is given none by itself."
        yield warn("OFFER_WITHOUT_COUPON", "coupon", message, "未指定优惠券，兑换后不会自动发券。")


def _dates(offer: OfferDocument, before: OfferDocument | None, now: datetime) -> Iterator[Finding]:
    """An offer that has closed never opens again: accounts have forgotten what was redeemed of it."""
    closes_at, closed_at = offer.closes_at, before.closes_at if before else None
    moved = before is None or closes_at != closed_at
    if moved and closed_at and closed_at <= now:
        message = "It has closed and never opens again; make a new offer."
        yield refuse("OFFER_CLOSED", "closes_at", message, "该商品已下架，不能再次上架，请新建商品。")
    elif moved and closes_at and closes_at <= now:
        yield refuse("CLOSES_IN_PAST", "closes_at", "closes_at has passed.", "下架时间已过。")
    if "lifetime" not in offer.limits:
        if before and "lifetime" in before.limits and not (closed_at and closed_at <= now):
            # Else it could be dropped, the offer prolonged, and the limit put back for accounts that have forgotten.
            message = "A limit for a lifetime may be raised, never dropped; make a new offer."
            yield refuse("LIFETIME_DROPPED", "limits", message, "终身限兑只能放宽，不能取消，请新建商品。")
        return
    if closes_at is None:
        message = "A limit for a lifetime needs closes_at."
        yield refuse("LIFETIME_WITHOUT_END", "closes_at", message, "设置终身限兑的商品须设下架时间。")
    elif closes_at - now > MAX_LIFETIME:
        message = f"A limit for a lifetime is kept for {MAX_LIFETIME.days} days at most."
        message_zh = f"设置终身限兑的商品须在 {MAX_LIFETIME.days} 天内下架。"
        yield refuse("LIFETIME_TOO_LONG", "closes_at", message, message_zh)
    elif before and "lifetime" in before.limits and closed_at and closes_at > closed_at:
        # What members redeemed is remembered until the day on which the offer was to close when they did.
        message = "With a limit for a lifetime it may close earlier than published, never later; make a new offer."
        message_zh = "设置终身限兑的商品只能提前下架，不能延后，请新建商品。"
        yield refuse("LIFETIME_EXTENDED", "closes_at", message, message_zh)


def _stock(offer: OfferDocument, before: Before) -> Iterator[Finding]:
    wanted, there, old = offer.stock.pieces, before.pieces, before.document
    if old and offer.coded != old.coded:
        # What is in the stock would be pieces without codes, or codes that nobody can have.
        message = "Whether an offer gives codes is fixed once it has been published; make a new offer."
        yield refuse("CODES_FIXED", "stock.mode", message, "是否发放兑换码在首次发布后不能更改，请新建商品。")
    if offer.stock.mode in ("none", "codes") or there is None:
        return
    if wanted < before.sold:
        message = f"{before.sold} pieces are sold already."
        yield refuse("STOCK_BELOW_SOLD", "stock.pieces", message, f"已兑换 {before.sold} 件，库存不能低于此数。")
    elif wanted != there:
        message = f"The stock that is on sale keeps its {there} pieces; its own page changes them."
        yield warn("STOCK_STAYS", "stock.pieces", message, f"当前库存仍为 {there} 件，请在库存页面调整。")


def _campaign(offer: OfferDocument, before: OfferDocument | None) -> Iterator[Finding]:
    """What was donated is settled with the partner it was donated to."""
    partner, promised = (one.donation.partner if one and one.donation else None for one in (offer, before))
    if before and partner != promised:
        message = "Whether it is a campaign, and for whom, is fixed once it has been published; make a new offer."
        yield refuse(
            "CAMPAIGN_FIXED", "donation", message, "是否为公益活动及其受赠方在首次发布后不能更改，请新建商品。"
        )


def _cash(offer: OfferDocument, rulebook: Rulebook) -> Iterator[Finding]:
    """What is paid at checkout has the rulebook's rules, and none of an offer that is redeemed."""
    if offer.kind != "cash":
        return
    if rulebook.redemption.cash is None:
        message = "The rulebook does not let points pay for orders."
        yield refuse("CASH_OFFSET_OFF", "kind", message, "规则未开启积分抵现。")
    elif offer.price_points != rulebook.redemption.cash.step_points:
        step = rulebook.redemption.cash.step_points
        message = f"The price of points as cash is a step of them, {step}."
        yield refuse("CASH_PRICE_NOT_A_STEP", "price_points", message, f"积分抵现的价格须为一档积分：{step}。")
    rules = {
        "tier_prices": bool(offer.tier_prices), "limits": bool(offer.limits), "member_day": offer.member_day,
        "stock": offer.stock.mode != "none",
    }  # fmt: skip
    for path, given in rules.items():
        if given:
            message = "What is paid at checkout follows the rulebook's rules alone."
            yield refuse("CASH_HAS_NO_SUCH_RULE", path, message, "积分抵现只按规则手册执行，商品上不能另设此项。")


def _bands(offer: OfferDocument, rulebook: Rulebook) -> Iterator[Finding]:
    prices = {"price_points": offer.price_points}
    prices |= {f"tier_prices.{code}": price for code, price in offer.tier_prices.items()}
    for path, price in prices.items():
        if not rulebook.redemption.band(price):
            first = rulebook.redemption.bands[0]
            message = f"It costs less than {first}, where the first band begins."
            yield warn("BELOW_BANDS", path, message, f"价格低于首个价格带的起点 {first}。")


def _lottery(offer: OfferDocument, rulebook: Rulebook, now: datetime) -> Iterator[Finding]:
    if offer.lottery is None:
        return
    lottery = lottery_of(rulebook.lotteries, offer.lottery)
    if lottery is None:
        message, message_zh = f"The rulebook has no lottery {offer.lottery}.", f"规则中没有抽奖活动 {offer.lottery}。"
        yield refuse("UNKNOWN_LOTTERY", "lottery", message, message_zh)
        return
    yield from _pays_more(offer, rulebook, lottery)
    if lottery.over(now):
        yield refuse("LOTTERY_OVER", "lottery", "Its lottery is over.", "对应的抽奖活动已结束。")
    elif offer.closes_at is None or offer.closes_at > lottery.ends_at:
        message = "It stays on sale beyond the end of its lottery, and is refused from then on."
        yield warn("OUTLASTS_LOTTERY", "closes_at", message, "该商品的下架时间晚于抽奖结束时间，抽奖结束后不可兑换。")


def _pays_more(offer: OfferDocument, rulebook: Rulebook, lottery: Lottery) -> Iterator[Finding]:
    """A chance for fewer points than it wins on average would be points from nothing."""
    factors = [Fraction(factor) for factor in rulebook.redemption.member_day_factors.values()]
    factor = min(factors, default=Fraction(1)) if offer.member_day else Fraction(1)
    cheapest = -(-min([offer.price_points, *offer.tier_prices.values()]) * factor // 1)
    if lottery.pays_more(Fraction(cheapest, offer.chances)):
        message = f"Its chances win more points on average than the {cheapest} it costs at its cheapest."
        message_zh = f"所含抽奖机会平均赢得的积分高于其最低兑换价 {cheapest}。"
        yield refuse("LOTTERY_PAYS_MORE", "price_points", message, message_zh)
