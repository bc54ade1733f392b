"""HTTP for members: log in, tokens, profile, consents, phone."""

from chalice.app import Blueprint

from chalicelib import ledger
from chalicelib.members import service, sessions, views
from chalicelib.members.schemas import (
    ChangedAnswer,
    ConsentIn,
    LoggedOut,
    LoginAnswer,
    LoginIn,
    MeAnswer,
    PhoneIn,
    ProfileIn,
    RefreshIn,
    StatusAnswer,
    TokensAnswer,
)
from chalicelib.rulebook import store
from chalicelib.shared.edge import Answer, Call, anonymous, endpoint, member
from chalicelib.shared.schemas import Empty

routes = Blueprint(__name__)


@routes.route("/v1/auth/wechat", methods=["POST"])
@endpoint(routes, auth=anonymous, body=LoginIn, answer=LoginAnswer, further=(401, 403))
def log_in(call: Call) -> LoginAnswer:
    """Log in with the code of wx.login"""
    return views.login_answer(service.log_in(call.body, call.now))


@routes.route("/v1/auth/refresh", methods=["POST"])
@endpoint(routes, auth=anonymous, body=RefreshIn, answer=TokensAnswer, further=(401, 403))
def refresh(call: Call) -> TokensAnswer:
    """Exchange a refresh token for a new pair"""
    tokens = sessions.refresh(call.body.refresh_token, call.now)
    return TokensAnswer(**vars(tokens))


@routes.route("/v1/auth/logout", methods=["POST"])
@endpoint(routes, auth=anonymous, body=RefreshIn, answer=LoggedOut)
def log_out(call: Call) -> LoggedOut:
    """End the session of a refresh token"""
    sessions.end(call.body.refresh_token)
    return LoggedOut()


@routes.route("/v1/me/logout-everywhere", methods=["POST"])
@endpoint(routes, auth=member, body=Empty, answer=StatusAnswer, idempotent=True)
def log_out_everywhere(call: Call) -> Answer:
    """Refuse every token issued so far"""
    return views.status(service.log_out_everywhere(call.member, call.idempotency_key, call.now))


@routes.route("/v1/me", methods=["GET"])
@endpoint(routes, auth=member, answer=MeAnswer)
def me(call: Call) -> MeAnswer:
    """The home screen"""
    account = ledger.load(call.member.member_id)
    ledger.admit_reader(account, call.member)
    return views.me(account, store.current(call.now).rulebook, call.now)


@routes.route("/v1/me", methods=["PATCH"])
@endpoint(routes, auth=member, body=ProfileIn, answer=ChangedAnswer, idempotent=True)
def change_profile(call: Call) -> Answer:
    """Change nickname, avatar or birthday"""
    return views.changed(service.change_profile(call.member, call.body, call.idempotency_key, call.now))


@routes.route("/v1/me/phone", methods=["POST"])
@endpoint(routes, auth=member, body=PhoneIn, answer=ChangedAnswer, idempotent=True)
def bind_phone(call: Call) -> Answer:
    """Bind the phone number behind WeChat's code"""
    return views.changed(service.bind_phone(call.member, call.body.code, call.idempotency_key, call.now))


@routes.route("/v1/me/consents", methods=["POST"])
@endpoint(routes, auth=member, body=ConsentIn, answer=ChangedAnswer, idempotent=True)
def consent(call: Call) -> Answer:
    """Give or withdraw a consent"""
    return views.changed(service.consent(call.member, call.body, call.idempotency_key, call.now))
