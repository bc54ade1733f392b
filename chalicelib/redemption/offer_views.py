"""Offers as answers: to a member, for whom each is priced, and to operators."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from chalicelib.engine import cash
from chalicelib.engine import offers as law
from chalicelib.engine.account import Account
from chalicelib.engine.events import Offer
from chalicelib.redemption import codes, offers
from chalicelib.redemption import offer_schemas as schemas
from chalicelib.redemption.documents import OfferDocument
from chalicelib.redemption.levels import Level
from chalicelib.redemption.offers import Draft, place
from chalicelib.rulebook.conditions import MAX_FEN
from chalicelib.rulebook.findings import Finding
from chalicelib.rulebook.model import Rulebook
from chalicelib.shared import dynamo
from chalicelib.shared.clock import business_date
from chalicelib.shared.schemas import Text


@dataclass(frozen=True)
class Looker:
    """Who looks, under which rules, and at what instant of theirs."""

    account: Account
    rulebook: Rulebook
    now: datetime

    @property
    def today(self) -> date:
        """Their business date."""
        return business_date(self.now, self.rulebook.brand.time_zone)

    def sees(self, document: OfferDocument) -> bool:
        """Whether the offer is there for them at all: not when it has closed, nor when it asks for a tag they have
        not. One that has not opened yet, or is for a higher tier, is something to look forward to."""
        over = document.closes_at is not None and self.now >= document.closes_at
        return not over and law.tagged(self.account, self._offer(document))

    def price(self, document: OfferDocument) -> int:
        """Points for one piece."""
        return law.price(self.rulebook, self.account, self._offer(document), self.today)

    def view(self, document: OfferDocument, stock_left: int | None) -> schemas.OfferView:
        """The offer as it is for them."""
        offer, price = self._offer(document), self.price(document)
        return schemas.OfferView(
            offer_id=document.offer_id,
            kind=document.kind,
            name=Text.of(document.name),
            words=Text.of(document.words),
            pictures=list(document.pictures),
            price_points=price,
            base_points=document.price_points,
            band=self.rulebook.redemption.band(document.price_points),
            affordable=self.account.balance >= price,
            points_to_go=max(0, price - self.account.balance),
            for_tier=law.in_tier(self.rulebook, self.account, offer, self.today),
            min_tier=document.min_tier,
            limit_left=law.left_of_limits(self.account, offer, self.today),
            stock_left=stock_left,
            on_sale=(document.opens_at is None or document.opens_at <= self.now) and self.sees(document),
            opens_at=document.opens_at,
            closes_at=document.closes_at,
            cancellable=document.cancellable,
            cash=self._cash() if document.kind == "cash" else None,
            lottery=document.lottery,
            chances=document.chances,
        )

    def _cash(self) -> schemas.CashView:
        quote = cash.quote(self.rulebook, self.account, MAX_FEN, self.today)
        return schemas.CashView(
            points=quote.points,
            offset_fen=quote.offset_fen,
            max_percent=quote.percent,
            step_points=quote.step_points,
        )

    def _offer(self, document: OfferDocument) -> Offer:
        return document.for_engine(self.rulebook.brand.time_zone)


def page(
    looker: Looker,
    documents: Sequence[OfferDocument],
    query: schemas.OffersQuery,
    stock_left: Callable[[OfferDocument], int | None],
) -> schemas.OffersAnswer:
    """A page of what they see, in the order of the mall. `stock_left` is asked of the page's offers only."""
    after = offers.after(query.cursor)
    listed = [
        document
        for document in documents
        if (after is None or place(document) > after)
        and query.kind in (None, document.kind)
        and query.band in (None, looker.rulebook.redemption.band(document.price_points))
        and looker.sees(document)
        and (query.affordable is None or looker.price(document) <= looker.account.balance)
    ]
    shown = listed[: query.limit]
    return schemas.OffersAnswer(
        items=[looker.view(document, stock_left(document)) for document in shown],
        next_cursor=dynamo.encode_cursor(list(place(shown[-1]))) if len(listed) > len(shown) else None,
        balance=looker.account.balance,
        member_day=looker.rulebook.member_day.includes(looker.today),
    )


def summary(draft: Draft) -> schemas.OfferDraftOut:
    """An offer as operators see it."""
    return schemas.OfferDraftOut(
        offer_id=draft.offer_id,
        revision=draft.revision,
        saved_by=draft.saved_by,
        saved_at=draft.saved_at,
        version=draft.version,
        in_force=draft.offered,
        document=dict(draft.document),
    )


def findings(found: Sequence[Finding]) -> schemas.OfferFindingsOut:
    """What publishing would say."""
    return schemas.OfferFindingsOut(
        publishable=all(finding.severity != "refuse" for finding in found),
        findings=[
            schemas.OfferFindingOut(
                code=finding.code,
                severity=finding.severity,
                path=finding.path,
                message=finding.message,
                message_zh=finding.message_zh,
            )
            for finding in found
        ],
    )


def stock(level: Level) -> schemas.StockOut:
    """The pieces of the present period."""
    return schemas.StockOut(
        offer_id=level.offer_id,
        mode=level.mode,
        period=level.period,
        pieces=level.pieces,
        sold=level.pieces - level.left,
        left=level.left,
        shards=[schemas.ShardOut(total=total, left=left) for total, left in level.shards],
    )


def loaded(found: codes.Loaded) -> schemas.CodesOut:
    """What became of the codes that were sent."""
    return schemas.CodesOut(new=found.new, known=found.known, left=found.left)
