"""HTTP for members: tiers, tasks, benefits."""

from datetime import date

from chalice.app import Blueprint

from chalicelib import ledger
from chalicelib.engine.account import Account
from chalicelib.ledger.tier_view import TierView, tier_view
from chalicelib.rulebook import store
from chalicelib.rulebook.model import Rulebook
from chalicelib.shared.clock import business_date
from chalicelib.shared.edge import Answer, Call, anonymous, endpoint, member
from chalicelib.shared.schemas import Empty
from chalicelib.tiers import service, views
from chalicelib.tiers.schemas import BenefitsAnswer, DoneAnswer, TasksAnswer, TiersAnswer

routes = Blueprint(__name__)


def _mine(call: Call) -> tuple[Account, Rulebook, date]:
    """The member's account, the rulebook in force, and the member's business date."""
    account = ledger.load(call.member.member_id)
    ledger.admit_reader(account, call.member)
    rulebook = store.current(call.now).rulebook
    return account, rulebook, business_date(account.frozen_at or call.now, rulebook.brand.time_zone)


@routes.route("/v1/tiers", methods=["GET"])
@endpoint(routes, auth=anonymous, answer=TiersAnswer)
def levels(call: Call) -> TiersAnswer:
    """Every tier: how it is reached, how it is kept, what it gives"""
    return views.levels(store.current(call.now).rulebook)


@routes.route("/v1/me/tier", methods=["GET"])
@endpoint(routes, auth=member, answer=TierView)
def my_tier(call: Call) -> TierView:
    """Where the member stands and what is missing"""
    return tier_view(*_mine(call))


@routes.route("/v1/me/tasks", methods=["GET"])
@endpoint(routes, auth=member, answer=TasksAnswer)
def my_tasks(call: Call) -> TasksAnswer:
    """The tasks of today with their progress"""
    return views.my_tasks(*_mine(call))


@routes.route("/v1/me/tasks/{task}/claims", methods=["POST"])
@endpoint(routes, auth=member, body=Empty, answer=DoneAnswer, idempotent=True)
def claim(call: Call) -> Answer:
    """Claim the reward of a completed task"""
    return views.done(service.claim(call.member, call.path["task"], call.idempotency_key, call.now))


@routes.route("/v1/me/benefits", methods=["GET"])
@endpoint(routes, auth=member, answer=BenefitsAnswer)
def my_benefits(call: Call) -> BenefitsAnswer:
    """What the member's tier gives, and what is left of it"""
    return views.my_benefits(*_mine(call))


@routes.route("/v1/me/benefits/{benefit}/uses", methods=["POST"])
@endpoint(routes, auth=member, body=Empty, answer=DoneAnswer, idempotent=True)
def use(call: Call) -> Answer:
    """Use a benefit once"""
    return views.done(service.use(call.member, call.path["benefit"], call.idempotency_key, call.now))
