"""What every command may cost: calls and request units, counted. A change that raises a figure raises it here, in the
same commit, and says why."""

from collections import Counter
from dataclasses import dataclass

# What a container's first call adds: the schedule and the document of the rulebook (where the schedule is read
# anyway, the document alone), and each secret.
COLD = {
    "rules": ({"GetItem": 2}, 2.0),
    "version": ({"GetItem": 1}, 1.0),
    # Every offer in force, by one query: 1 unit for some ten of them.
    "offers": ({"Query": 1}, 1.0),
    "tokens": ({"GetSecretValue": 1}, 0.0),
    "merchants": ({"GetSecretValue": 1}, 0.0),
    "wechat": ({"GetSecretValue": 1}, 0.0),
    "codes": ({"GetSecretValue": 1}, 0.0),
}


@dataclass(frozen=True)
class Budget:
    """`calls` of a warm container, `2×GetItem TransactWriteItems`; units; and what a cold one reads besides."""

    calls: str
    read: float
    write: int
    cold: str = ""

    def counted(self) -> Counter[str]:
        """call → how often."""
        parts = [part.rpartition("×") for part in self.calls.split()]
        return Counter({call: int(times or 1) for times, _, call in parts})


# One read, one transaction of the entry, its index and the account: 2 + 1 + 2 units.
EARN = Budget("GetItem TransactWriteItems", 1, 5, "rules tokens")
# Every merchant's call writes its nonce: 1 unit.
SIGNED_EARN = Budget("PutItem GetItem TransactWriteItems", 1, 6, "rules merchants")
# A step of an order reads the order before it knows whose it is, and again beside the account it decides on.
ORDER_STEP = Budget("PutItem 2×Query GetItem TransactWriteItems", 3, 6, "rules merchants")
HOLD_STEP = Budget("PutItem 2×Query GetItem TransactWriteItems", 3, 7, "rules merchants")
# Every operator's call asks whether the operator's tokens were ended: 1 read.
# An audit record in the same transaction: 2 units.
AUDITED = Budget("2×GetItem TransactWriteItems", 2, 7, "rules tokens")
HOME = Budget("GetItem", 1, 0, "rules tokens")
# The account says whether the token was revoked; the index is read at half the price.
STATEMENT = Budget("GetItem Query", 1.5, 0, "tokens")

BUDGETS: dict[str, Budget] = {
    "POST /v1/auth/wechat": Budget("3×GetItem 2×PutItem Query", 4, 2, "tokens wechat"),
    "POST /v1/auth/wechat, the first time": Budget(
        # 5 of an entry, 2 of the identity, 1 of the first due date in its index; the code's outcome and the session.
        "2×GetItem 2×PutItem Query TransactWriteItems",
        3,
        10,
        "rules tokens wechat",
    ),
    "POST /v1/auth/wechat, tapped twice": Budget("3×GetItem PutItem Query", 4, 1, "tokens"),
    "POST /v1/auth/wechat, on an eleventh device": Budget(
        "3×GetItem 2×PutItem Query DeleteItem", 4, 3, "tokens wechat"
    ),
    "POST /v1/auth/refresh": Budget("2×GetItem PutItem", 2, 1, "tokens"),
    "POST /v1/auth/refresh, used twice": Budget("GetItem DeleteItem", 1, 1),
    "POST /v1/auth/logout": Budget("GetItem DeleteItem", 1, 1),
    "POST /v1/me/logout-everywhere": EARN,
    "GET /v1/me": HOME,
    "PATCH /v1/me": EARN,
    # An earlier answer, the account, the old number, the account again when deciding; number and owner beside.
    "POST /v1/me/phone": Budget("4×GetItem TransactWriteItems", 4, 9, "rules tokens wechat"),
    "POST /v1/me/phone, another number": Budget("4×GetItem TransactWriteItems", 4, 11, "rules tokens wechat"),
    "POST /v1/me/consents": EARN,
    "GET /v1/me/points": HOME,
    "GET /v1/me/points/entries": STATEMENT,
    "GET /v1/rules": Budget("", 0, 0, "rules"),
    "POST /v1/me/check-ins": EARN,
    # The account knows the request, and the entry is read by its key.
    "POST /v1/me/check-ins, replayed": Budget("2×GetItem", 2, 0, "rules tokens"),
    "POST /v1/me/check-ins/make-up": EARN,
    "POST /v1/me/actions": EARN,
    "POST /v1/orders": SIGNED_EARN,
    "POST /v1/orders, by openid": Budget("PutItem 2×GetItem TransactWriteItems", 2, 6, "rules merchants"),
    # The refused transaction is paid for, without its index; then the stored entry is read.
    "POST /v1/orders, replayed": Budget("PutItem 2×GetItem TransactWriteItems", 2, 5, "rules merchants"),
    "POST /v1/orders, refunded before": Budget("PutItem 3×GetItem 2×TransactWriteItems", 3, 10, "rules merchants"),
    "POST /v1/orders/{order_id}/completion": ORDER_STEP,
    "POST /v1/orders/{order_id}/refunds": ORDER_STEP,
    "POST /v1/orders/{order_id}/refunds, replayed": Budget(
        "PutItem 2×Query 2×GetItem TransactWriteItems", 4, 5, "rules merchants"
    ),
    "POST /v1/orders/{order_id}/refunds, before the order": Budget("2×PutItem Query GetItem", 2, 2, "rules merchants"),
    "POST /v1/events": SIGNED_EARN,
    "POST /v1/points/preview": Budget("PutItem 2×GetItem", 2, 1, "rules merchants"),
    "GET /v1/admin/members": Budget("3×GetItem", 3, 0, "rules tokens"),
    "GET /v1/admin/members, by phone": Budget("3×GetItem", 2.5, 0, "rules tokens"),
    "GET /v1/admin/members/{member_id}": Budget("2×GetItem", 2, 0, "rules tokens"),
    "GET /v1/admin/members/{member_id}/entries": Budget("2×GetItem Query", 2.5, 0, "tokens"),
    "GET /v1/admin/members/{member_id}/verification": Budget("2×GetItem Query", 2.5, 0, "tokens"),
    "POST /v1/admin/members/{member_id}/freeze": AUDITED,
    "POST /v1/admin/members/{member_id}/unfreeze": AUDITED,
    "POST /v1/admin/members/{member_id}/adjustments": AUDITED,
    "POST /v1/admin/login": Budget("3×UpdateItem GetItem TransactWriteItems", 1, 5, "tokens"),
    "POST /v1/admin/me/password": Budget("2×GetItem 2×UpdateItem TransactWriteItems", 2, 8, "tokens"),
    "GET /v1/admin/operators": Budget("GetItem Query", 2, 0, "tokens"),
    "POST /v1/admin/operators": Budget("GetItem TransactWriteItems", 1, 4, "tokens"),
    "PATCH /v1/admin/operators/{name}": Budget("2×GetItem TransactWriteItems", 2, 6, "tokens"),
    "GET /v1/admin/rulebook": Budget("2×GetItem", 2, 0, "rules tokens"),
    "GET /v1/admin/rulebook/versions": Budget("GetItem Query", 2, 0, "tokens"),
    "GET /v1/admin/rulebook/versions/{version}": Budget("2×GetItem", 2, 0, "tokens"),
    "GET /v1/admin/rulebook/drafts": Budget("GetItem Query", 2, 0, "tokens"),
    # A document is 3 KB deflated: 6 units in a transaction, and its audit record 2.
    "POST /v1/admin/rulebook/drafts": Budget("2×GetItem Query TransactWriteItems", 3, 8, "tokens"),
    "GET /v1/admin/rulebook/drafts/{draft}": Budget("2×GetItem", 2, 0, "tokens"),
    "PUT /v1/admin/rulebook/drafts/{draft}": Budget("2×GetItem TransactWriteItems", 2, 8, "tokens"),
    # Compared with the rulebook in force.
    "POST /v1/admin/rulebook/validate": Budget("GetItem", 1, 0, "rules tokens"),
    # The version, its draft marked, the schedule, the audit record; read besides: the rulebook in force, to compare.
    "POST /v1/admin/rulebook/publish": Budget("4×GetItem TransactWriteItems", 4, 16, "version tokens"),
    "POST /v1/admin/rulebook/rollback": Budget("4×GetItem TransactWriteItems", 4, 10, "version tokens"),
    # Keys are always read anew before they are shown or changed; a lock and its release, and the audit record.
    "GET /v1/admin/merchant-keys": Budget("GetItem GetSecretValue", 1, 0, "tokens"),
    "POST /v1/admin/merchant-keys": Budget("GetItem 3×PutItem GetSecretValue PutSecretValue", 1, 3, "tokens"),
    "DELETE /v1/admin/merchant-keys/{key_id}": Budget(
        "GetItem 3×PutItem GetSecretValue PutSecretValue", 1, 3, "tokens"
    ),
    "GET /v1/admin/audit": Budget("GetItem Query", 2, 0, "tokens"),
    "GET /v1/admin/metrics": Budget("GetItem Query", 2, 0, "tokens"),
    "GET /v1/tiers": Budget("", 0, 0, "rules"),
    "GET /v1/me/tier": HOME,
    "GET /v1/me/tasks": HOME,
    "POST /v1/me/tasks/{task}/claims": EARN,
    "GET /v1/me/benefits": HOME,
    "POST /v1/me/benefits/{benefit}/uses": EARN,
    "POST /v1/me/benefits/{benefit}/uses, replayed": Budget("2×GetItem", 2, 0, "rules tokens"),
    # An earn, its audit record, its notice, and the account's place in the index of what is due.
    "POST /v1/admin/members/{member_id}/tier": Budget("2×GetItem TransactWriteItems", 2, 11, "rules tokens"),
    "POST /v1/admin/members/{member_id}/tier, replayed": Budget("3×GetItem TransactWriteItems", 3, 8, "rules tokens"),
    "POST /v1/admin/test-clocks": Budget("4×GetItem 2×TransactWriteItems PutItem", 4, 12, "rules tokens"),
    "GET /v1/admin/test-clocks/{clock_id}": Budget("2×GetItem", 2, 0, "tokens"),
    "POST /v1/admin/test-clocks/{clock_id}/advance": Budget(
        "3×GetItem 2×PutItem TransactWriteItems", 3, 7, "rules tokens"
    ),
    # On the way two steps with a notice each, 9 units; then the member is shown the instant.
    "POST /v1/admin/test-clocks/{clock_id}/advance, past something due": Budget(
        "3×GetItem 2×PutItem 3×TransactWriteItems", 3, 25, "rules tokens"
    ),
    # The hold's entries, and its expiry, which leaves the index. With the clock's time and the hold this account passes
    # 1 KB: 2 more.
    "POST /v1/admin/test-clocks/{clock_id}/advance, past a hold": Budget(
        "3×GetItem Query 2×PutItem TransactWriteItems", 4, 10, "rules tokens"
    ),
    # The account; the shards of each offer on the page that has a stock, here one, asked for once a second.
    "GET /v1/offers": Budget("GetItem Query", 2, 0, "rules offers tokens"),
    "GET /v1/offers/{offer_id}": Budget("GetItem Query", 2, 0, "rules offers tokens"),
    "GET /v1/admin/offers": Budget("GetItem Query", 2, 0, "tokens"),
    # The draft and its audit record.
    "POST /v1/admin/offers": Budget("GetItem TransactWriteItems", 1, 4, "tokens"),
    "GET /v1/admin/offers/{offer_id}": Budget("2×GetItem", 2, 0, "tokens"),
    "PUT /v1/admin/offers/{offer_id}": Budget("3×GetItem TransactWriteItems", 3, 4, "tokens"),
    # The draft, the version before, and the stock on sale.
    "POST /v1/admin/offers/{offer_id}/validate": Budget("3×GetItem Query", 4, 0, "rules tokens"),
    # Besides, the draft as it is then. Written: the draft marked, the version, the offer in force, the audit record.
    "POST /v1/admin/offers/{offer_id}/publish": Budget("4×GetItem Query TransactWriteItems", 5, 8, "rules tokens"),
    "POST /v1/admin/offers/{offer_id}/withdraw": Budget("3×GetItem TransactWriteItems", 3, 6, "tokens"),
    "GET /v1/admin/offers/{offer_id}/stock": Budget("GetItem Query", 2, 0, "rules offers tokens"),
    # The shards before and after.
    "PUT /v1/admin/offers/{offer_id}/stock": Budget("GetItem 2×Query TransactWriteItems", 3, 4, "rules offers tokens"),
    # The shards, the account; 6 of an earn that is in one index more, and 2 of the shard.
    "POST /v1/me/redemptions": Budget("Query GetItem TransactWriteItems", 2, 8, "rules offers tokens"),
    "POST /v1/me/redemptions, without a stock": Budget("GetItem TransactWriteItems", 1, 6, "rules offers tokens"),
    # The parcel 2, and its place among what is to be shipped 1.
    "POST /v1/me/redemptions, a parcel": Budget("Query GetItem TransactWriteItems", 2, 11, "rules offers tokens"),
    # Once a month: the shards are made as the newest offer says, 2 units each, and read again.
    "POST /v1/me/redemptions, the first of a month": Budget(
        "2×Query 2×GetItem 2×TransactWriteItems", 4, 10, "rules offers tokens"
    ),
    "POST /v1/me/redemptions, replayed": Budget("Query 2×GetItem", 3, 0, "rules offers tokens"),
    # The shards, which a container that knows it is sold out leaves alone for a second; whether it is a repeat.
    "POST /v1/me/redemptions, sold out": Budget("Query GetItem", 2, 0, "rules offers tokens"),
    # Each code lies twice, 2 units each time; the shard and the audit record 2 each. Known ones are refused, and paid.
    "POST /v1/admin/offers/{offer_id}/codes": Budget(
        "GetItem 2×Query TransactWriteItems", 3, 44, "offers tokens codes"
    ),
    "POST /v1/admin/offers/{offer_id}/codes, all known": Budget(
        "GetItem 2×Query TransactWriteItems", 3, 44, "offers tokens codes"
    ),
    # The shards, some free codes, the account; 8 as any other, 2 of the free code that goes; then the code itself.
    "POST /v1/me/redemptions, a code": Budget(
        "2×Query 2×GetItem TransactWriteItems", 4, 10, "rules offers tokens codes"
    ),
    # The appointment 2, and its place in its day 1.
    "POST /v1/me/redemptions, an appointment": Budget("Query GetItem TransactWriteItems", 2, 11, "rules offers tokens"),
    # The account says whether the token was revoked; the index is read at half the price.
    "GET /v1/me/redemptions": STATEMENT,
    # The account, the entries, and of a physical offer the parcel.
    "GET /v1/me/redemptions/{redemption_id}": Budget("2×GetItem Query", 3, 0, "tokens"),
    "GET /v1/me/redemptions/{redemption_id}, with a code": Budget("2×GetItem Query", 3, 0, "tokens codes"),
    "POST /v1/me/redemptions/{redemption_id}/use": Budget("GetItem Query TransactWriteItems", 2, 6, "rules tokens"),
    # The appointment 2, its place in the days, which moves, 2.
    "POST /v1/me/redemptions/{redemption_id}/appointment": Budget(
        "GetItem Query TransactWriteItems", 2, 10, "rules tokens"
    ),
    "GET /v1/admin/appointments": Budget("GetItem Query", 1.5, 0, "rules tokens"),
    # The parcel alone, in a transaction.
    "POST /v1/me/redemptions/{redemption_id}/address-erasure": Budget(
        "GetItem Query TransactWriteItems", 2, 3, "tokens"
    ),
    "POST /v1/admin/redemptions/{redemption_id}/address-erasure": Budget(
        "GetItem Query TransactWriteItems", 2, 5, "tokens"
    ),
    # Its audit record, outside a transaction.
    "GET /v1/admin/shipments/export": Budget("GetItem Query PutItem", 1.5, 1, "tokens"),
    # A line as any shipment.
    "POST /v1/admin/shipments/import": Budget("2×GetItem 2×Query TransactWriteItems", 4, 12, "rules tokens"),
    "POST /v1/admin/shipments/import, again": Budget("3×GetItem 2×Query TransactWriteItems", 5, 8, "rules tokens"),
    # 6 of a redemption without a stock, 2 of the shard of what was given.
    "POST /v1/me/donations": Budget("GetItem TransactWriteItems", 1, 8, "rules offers tokens"),
    # The account, and what each campaign of the page was given.
    "GET /v1/donations": Budget("GetItem Query", 2, 0, "offers tokens"),
    "GET /v1/donations/{campaign_id}": Budget("GetItem Query", 2, 0, "offers tokens"),
    # Besides, for each campaign whether it is settled.
    "GET /v1/me/donations": Budget("2×GetItem Query", 2.5, 0, "tokens"),
    "POST /v1/me/redemptions/{redemption_id}/cancellation, of a donation": Budget(
        "GetItem Query TransactWriteItems", 2, 8, "rules tokens"
    ),
    # The offer, its draft and version; the settlement, eight shards and the audit record.
    "POST /v1/admin/donations/{campaign_id}/settlement": Budget("5×GetItem Query TransactWriteItems", 6, 20, "tokens"),
    # 6 of an earn in one index more, the shard 2; the parcel 2 and its place among what is to be shipped 1.
    "POST /v1/me/redemptions/{redemption_id}/cancellation": Budget(
        "GetItem Query TransactWriteItems", 2, 11, "rules tokens"
    ),
    "POST /v1/me/redemptions/{redemption_id}/claims": Budget("GetItem Query TransactWriteItems", 2, 9, "rules tokens"),
    "GET /v1/admin/redemptions": Budget("GetItem Query", 1.5, 0, "tokens"),
    "GET /v1/admin/redemptions/{redemption_id}": Budget("2×GetItem 2×Query", 4, 0, "tokens"),
    # The redemption is read before it is known whose it is, and again beside the account. The audit record 2, the
    # parcel 2 and its place in the index, which moves, 2.
    "POST /v1/admin/redemptions/{redemption_id}/steps": Budget(
        "2×GetItem 2×Query TransactWriteItems", 4, 12, "rules tokens"
    ),
    # Besides: the shard, the claim and its place among what is to be decided.
    "POST /v1/admin/redemptions/{redemption_id}/steps, a refund": Budget(
        "2×GetItem 2×Query TransactWriteItems", 4, 16, "rules tokens"
    ),
    "POST /v1/me/cash-offsets/quote": HOME,
    # A signed earn, and the account's place in the index of what is held.
    "POST /v1/holds": Budget("PutItem GetItem TransactWriteItems", 1, 7, "rules merchants"),
    "POST /v1/holds, by openid": Budget("PutItem 2×GetItem TransactWriteItems", 2, 7, "rules merchants"),
    # The law refuses a second hold of the order; then the stored entry is read.
    "POST /v1/holds, replayed": Budget("PutItem 2×GetItem", 2, 1, "rules merchants"),
    "GET /v1/holds/{hold_id}": Budget("PutItem Query", 1, 1, "merchants"),
    # As a step of an order, and the account leaves the index.
    "POST /v1/holds/{hold_id}/capture": HOLD_STEP,
    "POST /v1/holds/{hold_id}/capture, a part": HOLD_STEP,
    # The law refuses what has been done; then the stored entry is read.
    "POST /v1/holds/{hold_id}/capture, replayed": Budget("PutItem 2×Query 2×GetItem", 4, 1, "rules merchants"),
    "POST /v1/holds/{hold_id}/release": HOLD_STEP,
    "POST /v1/holds/{hold_id}/refunds": ORDER_STEP,
    # What is left of each prize, once a second and container.
    "GET /v1/lotteries": Budget("Query", 1, 0, "rules"),
    "GET /v1/lotteries/{lottery}": Budget("Query", 1, 0, "rules"),
    "GET /v1/me/lotteries/{lottery}": Budget("GetItem Query", 1.5, 0, "rules tokens"),
    # 5 of an earn, the record of the draw 2 and its place among the member's 1; read besides, whatever the number: what
    # is left of each prize. None of it, where no prize has pieces.
    "POST /v1/me/lotteries/{lottery}/draws": Budget("GetItem TransactWriteItems", 1, 8, "rules tokens"),
    "POST /v1/me/lotteries/{lottery}/draws, a prize with pieces": Budget(
        "Query GetItem TransactWriteItems", 2, 10, "rules tokens"
    ),
    "POST /v1/me/lotteries/{lottery}/draws, one that has run out": Budget(
        "Query GetItem TransactWriteItems", 2, 8, "rules tokens"
    ),
    "POST /v1/me/lotteries/{lottery}/draws, replayed": Budget("2×GetItem", 2, 0, "rules tokens"),
    "GET /v1/admin/lotteries/{lottery}/draws": Budget("GetItem Query", 2, 0, "tokens"),
    # The day's draws and the prizes.
    "GET /v1/admin/lotteries/{lottery}/recount": Budget("GetItem 2×Query", 3, 0, "rules tokens"),
    # The entry, the record as it is afterwards; the record 2 and its place 1, the audit record 2.
    "POST /v1/admin/draws/{draw_id}/delivery": Budget("3×GetItem TransactWriteItems", 3, 5, "tokens"),
    "GET /v1/me/notices": STATEMENT,
    "GET /v1/me/coupons": Budget("GetItem Query", 1.5, 0, "rules tokens"),
    # The index by code, then the coupon itself.
    "GET /v1/coupons/{code}": Budget("PutItem Query GetItem", 1.5, 1, "rules merchants"),
    # Besides, the order's item and whether its member is frozen; coupon 2, its place among what is due 1, order 2.
    "POST /v1/coupons/{code}/uses": Budget("PutItem Query 3×GetItem TransactWriteItems", 3.5, 6, "rules merchants"),
    "POST /v1/coupons/{code}/uses, replayed": Budget("PutItem Query 2×GetItem", 2.5, 1, "merchants"),
    # And the notice that it has come back.
    "POST /v1/coupons/{code}/uses/{order_id}/cancellation": Budget(
        "PutItem Query 2×GetItem TransactWriteItems", 2.5, 8, "rules merchants"
    ),
    "GET /v1/admin/members/{member_id}/coupons": Budget("2×GetItem Query", 2.5, 0, "rules tokens"),
    "POST /v1/admin/members/{member_id}/coupons": AUDITED,
    # The refused transaction is paid for, without its index; then the stored entry is read.
    "POST /v1/admin/members/{member_id}/coupons, replayed": Budget(
        "3×GetItem TransactWriteItems", 3, 6, "rules tokens"
    ),
    "POST /v1/admin/coupons/{code}/withdrawal": Budget("2×GetItem Query TransactWriteItems", 2.5, 5, "rules tokens"),
    "GET /v1/admin/coupons/surprise": Budget("2×GetItem", 2, 0, "rules tokens"),
    # The coupon 2 with its two places in indexes, the notice 2.
    "IssueCoupons": Budget("TransactWriteItems", 0, 6, "rules"),
    # The refused transaction, and a look whether the coupons are there.
    "IssueCoupons, delivered again": Budget("GetItem TransactWriteItems", 1, 4, "rules"),
    # The grant's coupons, and once more after the one that was withdrawn.
    "IssueCoupons, a withdrawal": Budget("2×Query TransactWriteItems", 2, 3),
    # The order, whether there is a surprise, the budget; the coupon with its places 4, budget, order and notice 2 each.
    "IssueCoupons, a first purchase": Budget("3×GetItem TransactWriteItems", 3, 10, "rules"),
    "IssueCoupons, a first purchase refunded": Budget("2×GetItem 2×TransactWriteItems", 2, 5),
    # Order, coupon with its place among what is due, notice; then whether it had brought a surprise.
    "IssueCoupons, an order with a coupon refunded": Budget("3×GetItem TransactWriteItems", 3, 7, "rules"),
    "CouponExpiry": Budget("2×SendMessageBatch", 0, 0),
    # A page of the index; each coupon, its change 2 with its place moved 2, and its notice 2.
    "CouponsDue": Budget("Query GetItem TransactWriteItems", 1.5, 6, "rules"),
    "CouponsDue, nobody": Budget("Query", 0.5, 0, "rules"),
    "CouponsDue, followed by another page": Budget("Query GetItem TransactWriteItems SendMessage", 1.5, 6, "rules"),
    # The account, the notice, and that it was read.
    "POST /v1/me/notices/{notice_id}/read": Budget("2×GetItem UpdateItem", 2, 1, "tokens"),
    "POST /v1/me/notices/{notice_id}/read, replayed": Budget("2×GetItem", 2, 0, "tokens"),
    # The job and its audit record in one transaction, 2 units each; a message for each segment.
    "POST /v1/admin/rulebook/reevaluations": Budget(
        "GetItem TransactWriteItems SendMessageBatch", 1, 4, "rules tokens"
    ),
    # The refused transaction is paid for; then the job is read.
    "POST /v1/admin/rulebook/reevaluations, asked again": Budget(
        "GetItem TransactWriteItems Query SendMessageBatch", 2, 4, "rules tokens"
    ),
    "POST /v1/admin/rulebook/previews": Budget("2×GetItem TransactWriteItems SendMessageBatch", 2, 4, "rules tokens"),
    "GET /v1/admin/rulebook/jobs/{job_id}": Budget("GetItem Query", 2, 0, "tokens"),
    "Orders": Budget("GetItem TransactWriteItems", 1, 5, "rules"),
    "Orders, a refund": Budget("2×Query GetItem TransactWriteItems", 3, 5, "rules"),
    "Orders, delivered again": Budget("2×GetItem TransactWriteItems", 2, 4, "rules"),
    "Orders, never to succeed": Budget("SendMessage", 0, 0),
    "Relay": Budget("PublishBatch", 0, 0, "rules"),
    # The fact's mark and the figure, in one transaction; the same when the mark is found.
    "CountFacts": Budget("TransactWriteItems", 0, 4),
    "CountFacts, delivered again": Budget("TransactWriteItems", 0, 4),
    # A message for each of 16 shards.
    "PendingRelease": Budget("2×SendMessageBatch", 0, 0),
    "PointsExpiry": Budget("2×SendMessageBatch", 0, 0),
    "BenefitGrants": Budget("2×SendMessageBatch", 0, 0),
    # Besides, everybody is to be evaluated when a new rulebook is in force.
    "TierReview": Budget("3×SendMessageBatch Query TransactWriteItems", 1, 4, "rules"),
    # A page of the index; each member's account, and its step: 5 of an earn, 2 of its place in the index, 2 of the
    # notice.
    "PointsDue": Budget("Query GetItem TransactWriteItems", 1.5, 9, "rules"),
    "PointsDue, nobody": Budget("Query", 0.5, 0, "rules"),
    "PointsDue, who is the other job's": Budget("Query GetItem", 1.5, 0, "rules"),
    "PointsDue, followed by another page": Budget("Query GetItem TransactWriteItems SendMessage", 1.5, 9, "rules"),
    # The loser's transaction is refused and paid for; it reads the entry and the account again.
    "PointsDue, twice at the same time": Budget("2×Query 4×GetItem 2×TransactWriteItems", 5, 15, "rules"),
    "TierDue": Budget("Query GetItem TransactWriteItems", 1.5, 9, "rules"),
    "TierDue, followed by another page": Budget("Query GetItem TransactWriteItems SendMessage", 1.5, 9, "rules"),
    "TierDue, twice at the same time": Budget("2×Query 4×GetItem 2×TransactWriteItems", 5, 15, "rules"),
    # The job with its progress, and a page of accounts. Each member who is moved: 1 read; the entry, its index and the
    # account 5, the tier's due date moved in its index 2, the notice 2. At last the progress, 2.
    # The promoted member's account passes 1 KB: two tiers in one order, and a benefit of each month from now on.
    # Every minute: a look at each shard of the index, at half the price.
    "HoldExpiry": Budget("16×Query", 8, 0),
    "HoldExpiry, something has expired": Budget("16×Query SendMessageBatch", 8, 0),
    # The page, the account, the hold; an earn that leaves an index.
    "HoldsDue": Budget("2×Query GetItem TransactWriteItems", 2.5, 6, "rules"),
    "HoldsDue, followed by another page": Budget("2×Query GetItem TransactWriteItems SendMessage", 2.5, 6, "rules"),
    # The loser's transaction is refused and paid for; it reads the entry and the account again.
    "HoldsDue, twice at the same time": Budget("4×Query 4×GetItem 2×TransactWriteItems", 7, 10, "rules"),
    "Reevaluate": Budget("Query Scan GetItem 2×TransactWriteItems", 3, 13, "rules"),
    "Reevaluate, delivered again": Budget("Query Scan GetItem TransactWriteItems", 3, 2, "rules"),
    "Reevaluate, nobody moved and more to come": Budget(
        "Query Scan TransactWriteItems SendMessageBatch", 2, 2, "rules"
    ),
    # A preview reads the draft, and the rules in force not at all.
    "Reevaluate, a preview": Budget("Query GetItem Scan TransactWriteItems", 3, 2),
}
