"""HTTP for members: the inbox."""

from chalice.app import Blueprint

from chalicelib import ledger
from chalicelib.notices import inbox
from chalicelib.notices.schemas import NoticesAnswer, NoticeView, ReceiptView
from chalicelib.shared.edge import Answer, Call, endpoint, member
from chalicelib.shared.schemas import Empty, PageQuery, Text

routes = Blueprint(__name__)


@routes.route("/v1/me/notices", methods=["GET"])
@endpoint(routes, auth=member, query=PageQuery, answer=NoticesAnswer)
def notices(call: Call) -> NoticesAnswer:
    """The member's notices, newest first"""
    ledger.admit_reader(ledger.load(call.member.member_id), call.member)
    page, cursor = inbox.page(call.member.member_id, call.query.limit, call.query.cursor)
    return NoticesAnswer(items=[_view(notice) for notice in page], next_cursor=cursor)


@routes.route("/v1/me/notices/{notice_id}/read", methods=["POST"])
@endpoint(routes, auth=member, body=Empty, answer=NoticeView, idempotent=True)
def read(call: Call) -> Answer:
    """Mark a notice as read"""
    ledger.admit(ledger.load(call.member.member_id), call.member)
    notice, replayed = inbox.read(call.member.member_id, call.path["notice_id"], call.now)
    return Answer(_view(notice), replayed=replayed)


def _view(notice: inbox.Notice) -> NoticeView:
    return NoticeView(
        notice_id=notice.notice_id,
        kind=notice.kind,
        cause=notice.cause,
        at=notice.at,
        title=Text(**notice.title),
        body=Text(**notice.body),
        channels=[ReceiptView(**receipt) for receipt in notice.channels],
        read_at=notice.read_at,
    )
