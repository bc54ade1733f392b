"""What the law refuses, each with its stable code."""

from chalicelib.shared.errors import Conflict, Forbidden, InvalidFields, NotFound


class AlreadyCheckedIn(Conflict):
    code = "ALREADY_CHECKED_IN"
    message, message_zh = "This day is already checked in.", "这一天已经签到过了"


class MakeUpRefused(Conflict):
    code = "MAKE_UP_REFUSED"
    message, message_zh = "This day cannot be made up; see details.", "这一天不能补签"


class UnknownBehaviour(InvalidFields):
    code = "UNKNOWN_BEHAVIOUR"
    message, message_zh = "The rulebook has no such behaviour.", "规则中没有这种行为"


class NotForClients(Forbidden):
    code = "BEHAVIOUR_NOT_FOR_CLIENTS"
    message, message_zh = "Only a merchant server may report this.", "该行为只能由商家上报"


class FutureInstant(InvalidFields):
    code = "FROM_THE_FUTURE"
    message = "The instant lies more than 5 minutes in the future."
    message_zh = "时间不能晚于当前时间"


class OrderTooLarge(InvalidFields):
    code = "ORDER_TOO_LARGE"
    message, message_zh = "The order is above the rulebook's limit.", "订单金额超出规则上限"


class RefundExceedsOrder(Conflict):
    code = "REFUND_EXCEEDS_ORDER"
    message, message_zh = "More would be refunded than was paid.", "退款金额超过订单实付金额"


class InsufficientPoints(Conflict):
    code = "INSUFFICIENT_POINTS"
    message, message_zh = "There are not enough points.", "积分不足"


class NothingDue(Conflict):
    code = "NOTHING_DUE"
    message, message_zh = "Nothing is due on that date.", "没有到期的积分"


class TooManyPoints(InvalidFields):
    code = "TOO_MANY_POINTS"
    message, message_zh = "One entry may not grant that many points.", "单次积分超出上限"


class NothingToClaim(Conflict):
    code = "NOTHING_TO_CLAIM"
    message, message_zh = "This task has nothing to claim now.", "该任务没有可领取的奖励"


class BenefitNotYours(Forbidden):
    code = "BENEFIT_NOT_YOURS"
    message, message_zh = "Your tier does not have this benefit, or it is not one to use up.", "当前等级没有该权益"


class QuotaExhausted(Conflict):
    code = "QUOTA_EXHAUSTED"
    message, message_zh = "This benefit is used up for now.", "该权益的次数已用完"


class ClockBackwards(Conflict):
    code = "CLOCK_BACKWARDS"
    message, message_zh = "A test clock only goes forward.", "测试时钟不能倒退"


class UnknownTier(InvalidFields):
    code = "UNKNOWN_TIER"
    message, message_zh = "The rulebook has no such tier.", "规则中没有这个等级"


class NotOnSale(Conflict):
    code = "NOT_ON_SALE"
    message, message_zh = "The offer is not on sale now.", "该商品当前不可兑换"


class OfferNotYours(Forbidden):
    code = "OFFER_NOT_YOURS"
    message, message_zh = "The offer is for other members; see details.", "该商品仅限指定会员兑换"


class LimitReached(Conflict):
    code = "LIMIT_REACHED"
    message, message_zh = "You have redeemed as many of these as one member may.", "已达到每人兑换上限"


class PriceRose(Conflict):
    code = "PRICE_ROSE"
    message, message_zh = "The price has risen since you saw it; see details.", "兑换所需积分已变化，请确认后重试"


class TooManyLimitedOffers(Conflict):
    code = "TOO_MANY_LIMITED_OFFERS"
    message = "You have redeemed very many different limited offers; wait until the month is over."
    message_zh = "本期兑换的限量商品种类过多，请下月再试"


class AtCheckout(Conflict):
    code = "AT_CHECKOUT"
    message = "Points pay a part of an order when it is checked out; there is nothing to redeem here."
    message_zh = "积分抵现请在结算时使用"


class CashOff(Conflict):
    code = "CASH_OFFSET_OFF"
    message, message_zh = "Points do not pay for orders here.", "暂不支持积分抵现"


class CashNotYours(Conflict):
    code = "CASH_OFFSET_NOT_YOURS"
    message, message_zh = "Points do not pay for orders at your tier.", "当前等级不支持积分抵现"


class AmountTooSmall(Conflict):
    code = "AMOUNT_TOO_SMALL"
    message, message_zh = "The order is too small to be paid in points.", "订单金额未达到积分抵现门槛"


class OffsetTooHigh(Conflict):
    code = "OFFSET_TOO_HIGH"
    message, message_zh = "Points pay a smaller part of an order; see details.", "抵现积分超过该订单可用上限"


class OrderHeld(Conflict):
    code = "ORDER_HELD"
    message = "Points are held for this order already; release that hold first."
    message_zh = "该订单已预占积分，请先取消原预占"


class TooManyHolds(Conflict):
    code = "TOO_MANY_HOLDS"
    message = "Points are held for as many orders as one member may have open."
    message_zh = "待支付订单占用积分过多，请先完成或取消"


class HoldExpired(Conflict):
    code = "HOLD_EXPIRED"
    message, message_zh = "The hold has expired.", "积分预占已过期"


class HoldReleased(Conflict):
    code = "HOLD_RELEASED"
    message, message_zh = "The hold has been released.", "积分预占已释放"


class HoldCaptured(Conflict):
    code = "HOLD_CAPTURED"
    message, message_zh = "The hold has been captured.", "积分预占已扣除"


class HoldNotCaptured(Conflict):
    code = "HOLD_NOT_CAPTURED"
    message, message_zh = "The hold has not been captured.", "积分预占尚未扣除"


class RefundExceedsHold(Conflict):
    code = "REFUND_EXCEEDS_HOLD"
    message, message_zh = "More points would be refunded than were captured.", "退回积分超过已扣除积分"


class CouponNotGranted(InvalidFields):
    code = "COUPON_NOT_GRANTED"
    message, message_zh = "There is no such coupon to grant now.", "没有可发放的该优惠券"


class StepRefused(Conflict):
    code = "STEP_REFUSED"
    message, message_zh = "The redemption's state does not allow this.", "当前状态不允许该操作"


class LotteryUnknown(NotFound):
    code = "LOTTERY_UNKNOWN"
    message, message_zh = "There is no such lottery.", "没有这个抽奖活动"


class LotteryClosed(Conflict):
    code = "LOTTERY_CLOSED"
    message, message_zh = "The lottery has not begun, or is over; see details.", "抽奖活动未开始或已结束"


class ConsentNeeded(Forbidden):
    code = "CONSENT_NEEDED"
    message = "Consent to the lottery's rules first: it is for members of 14 years and above."
    message_zh = "参与抽奖须年满 14 周岁并同意抽奖规则"


class DrawsUsedUp(Conflict):
    code = "DRAWS_USED_UP"
    message, message_zh = "You have drawn as often as one member may; see details.", "已达到每人抽奖次数上限"


class NoChance(Conflict):
    code = "NO_CHANCE"
    message, message_zh = "You have no chance left for a draw.", "没有抽奖机会了"
