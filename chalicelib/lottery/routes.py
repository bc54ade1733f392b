"""HTTP for everybody: the lotteries with their disclosure; and for members: drawing, and their draws."""

from chalice.app import Blueprint

from chalicelib import ledger
from chalicelib.lottery import service, views
from chalicelib.lottery.schemas import DrawAnswer, DrawIn, LotteriesAnswer, LotteryView, MyLotteryAnswer
from chalicelib.rulebook import store
from chalicelib.shared.edge import Answer, Call, anonymous, endpoint, member
from chalicelib.shared.schemas import PageQuery

routes = Blueprint(__name__)


@routes.route("/v1/lotteries", methods=["GET"])
@endpoint(routes, auth=anonymous, answer=LotteriesAnswer)
def listed(call: Call) -> LotteriesAnswer:
    """Every lottery with its disclosure, also before its start and after its end"""
    published = store.current(call.now)
    found = published.rulebook.lotteries
    return LotteriesAnswer(items=[views.lottery(published.version, one, call.now) for one in found])


@routes.route("/v1/lotteries/{lottery}", methods=["GET"])
@endpoint(routes, auth=anonymous, answer=LotteryView, further=(404,))
def show(call: Call) -> LotteryView:
    """One lottery with its disclosure"""
    version, found = service.find(call.path["lottery"], call.now)
    return views.lottery(version, found, call.now)


@routes.route("/v1/me/lotteries/{lottery}", methods=["GET"])
@endpoint(routes, auth=member, query=PageQuery, answer=MyLotteryAnswer)
def mine(call: Call) -> MyLotteryAnswer:
    """The member's chances and draws of a lottery"""
    account = ledger.load(call.member.member_id)
    ledger.admit_reader(account, call.member)
    _, found = service.find(call.path["lottery"], call.now)
    page = service.draws_of_member(account.member_id, found.code, call.query.limit, call.query.cursor)
    return views.mine(account, found, store.current(call.now).rulebook.brand.time_zone, call.now, page)


@routes.route("/v1/me/lotteries/{lottery}/draws", methods=["POST"])
@endpoint(routes, auth=member, body=DrawIn, answer=DrawAnswer, idempotent=True)
def draw(call: Call) -> Answer:
    """Draw"""
    lottery = call.path["lottery"]
    return views.drawn(service.draw(call.member, lottery, call.body, call.idempotency_key, call.now))
