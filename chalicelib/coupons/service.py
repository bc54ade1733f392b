"""What members and operators do with coupons: look at them, grant them in goodwill, withdraw one."""

from dataclasses import dataclass
from datetime import date, datetime

from chalicelib import ledger
from chalicelib.coupons import items, rules
from chalicelib.coupons.items import CouponItem
from chalicelib.coupons.schemas import GrantIn
from chalicelib.engine.account import Account
from chalicelib.engine.decision import Decision
from chalicelib.engine.events import Cause, CouponsGranted
from chalicelib.engine.process import process
from chalicelib.rulebook import store
from chalicelib.rulebook.model_coupons import Surprise
from chalicelib.shared import audit, callers, dynamo
from chalicelib.shared.clock import business_date
from chalicelib.shared.errors import BadCursor, Conflict, NotFound, Unavailable
from chalicelib.shared.ids import digest

ATTEMPTS = 8
# A page is looked for among so many at most, read so many at a time; then the cursor goes on, though the page be short.
MAX_LOOKED_AT, PORTION = 400, 20


class CouponUnknown(NotFound):
    code = "COUPON_UNKNOWN"
    message, message_zh = "There is no such coupon.", "没有这张优惠券"


class CouponNotUsable(Conflict):
    code = "COUPON_NOT_USABLE"
    message, message_zh = "The coupon is used, expired or withdrawn; see details.", "优惠券已使用、已过期或已收回"


def today(now: datetime) -> date:
    """The shop's business date: coupons live by it, whatever a test clock shows a member."""
    return business_date(now, store.current(now).rulebook.brand.time_zone)


def state_of(item: CouponItem, on: date) -> str:
    """Its state on that day: one whose last day is over has expired, though nobody has marked it yet."""
    over = item.state == rules.USABLE and item.last_day(on) < on
    return rules.EXPIRED if over else str(item.state)


def find(text: str) -> CouponItem:
    """The coupon of a code as somebody typed it. Raises CouponUnknown; what cannot be a code costs no read."""
    code = rules.read_code(text)
    item = items.by_code(code) if code else None
    if item is None:
        raise CouponUnknown
    return item


def page(
    member_id: str, states: tuple[str, ...], on: date, limit: int, cursor: str | None
) -> tuple[list[CouponItem], str | None]:
    """A page of the member's coupons in one of these states on that day, newest first, and the next page's cursor."""
    before = dynamo.decode_cursor(cursor)
    if before is not None and not (isinstance(before, str) and 0 < len(before) <= 64):
        raise BadCursor
    found: list[CouponItem] = []
    portion = max(limit, PORTION)
    for _ in range(0, MAX_LOOKED_AT, portion):
        some = items.of_member(member_id, before, portion + 1)
        for item in some[:portion]:
            if len(found) == limit:
                return found, dynamo.encode_cursor(before)
            before = item.kind
            if state_of(item, on) in states:
                found.append(item)
        if len(some) <= portion:
            return found, None
    return found, dynamo.encode_cursor(before)


def grant(operator: callers.Operator, member_id: str, body: GrantIn, key: str, now: datetime) -> ledger.Outcome:
    """Coupons in goodwill: an entry of the member's, audited in its transaction; the coupons follow from its fact.
    Raises MemberUnknown, MemberErased, CouponNotGranted."""
    cause = Cause(member_id, f"coupons#{digest(f'{operator.operator_id}#{key}', 24)}")
    event = CouponsGranted(cause, body.coupon, body.quantity, body.reason, operator.name)
    details = {"coupon": body.coupon, "quantity": str(body.quantity), "reason": body.reason}
    record = audit.record(operator.name, "coupons.grant", f"member:{member_id}", details, now)

    def decide(account: Account) -> Decision:
        if account.status == "erased":
            raise ledger.MemberErased
        return process(store.current(now), account, event, now)

    return ledger.execute(
        member_id,
        decide,
        cause=cause,
        body_hash=ledger.body_hash({"operation": "coupons", **body.model_dump()}),
        also=[ledger.Also(record)],
    )


def withdraw(operator: callers.Operator, text: str, reason: str, now: datetime) -> CouponItem:
    """Takes a coupon from its member, audited in the same transaction; one that was withdrawn stays so. Raises
    CouponUnknown, CouponNotUsable."""
    for _ in range(ATTEMPTS):
        item = find(text)
        if item.state == rules.WITHDRAWN:
            return item
        state = state_of(item, today(now))
        if state != rules.USABLE:
            raise CouponNotUsable([{"field": "code", "problem": f"it is {state}"}])
        target = f"coupon:{item.id}/{item.kind}"
        item.state, item.recalled = rules.WITHDRAWN, operator.name
        try:
            with dynamo.together() as writes:
                writes.save(audit.record(operator.name, "coupon.withdraw", target, {"reason": reason}, now))
                writes.save(item, item.changed())
        except dynamo.Overtaken:
            continue
        return item
    raise Unavailable


@dataclass(frozen=True)
class Budget:
    """The surprise as it stands: fen and coupons drawn; `surprise` is None when the rulebook has none."""

    surprise: Surprise | None
    drawn_fen: int
    drawn: int


def budget(now: datetime) -> Budget:
    """What was drawn of the present surprise's budget."""
    surprise = store.current(now).rulebook.coupons.surprise
    if surprise is None:
        return Budget(None, 0, 0)
    item = items.budget(surprise.coupon)
    return Budget(surprise, int(item.drawn_fen), int(item.drawn))
