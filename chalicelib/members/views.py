"""Accounts and outcomes as answers."""

from datetime import datetime

from chalicelib import ledger
from chalicelib.engine import streaks
from chalicelib.engine.account import Account
from chalicelib.ledger.tier_view import tier_view
from chalicelib.ledger.views import entry_view
from chalicelib.members import schemas
from chalicelib.members.service import LoggedIn
from chalicelib.rulebook.model import Rulebook
from chalicelib.shared.clock import business_date, rfc3339
from chalicelib.shared.edge import Answer

EXPIRING_SHOWN = 3


def login_answer(found: LoggedIn) -> schemas.LoginAnswer:
    """Tokens and who logged in."""
    account = found.account
    return schemas.LoginAnswer(
        access_token=found.tokens.access_token,
        refresh_token=found.tokens.refresh_token,
        expires_in=found.tokens.expires_in,
        member=schemas.LoginMember(
            member_id=account.member_id,
            is_new=found.is_new,
            nickname=account.profile.nickname,
            tier=account.standing.tier if account.standing else "",
            balance=account.balance,
            invite_code_accepted=found.invite_code_accepted,
        ),
    )


def me(account: Account, rulebook: Rulebook, now: datetime) -> schemas.MeAnswer:
    """The home screen, from the account alone. A member under a test clock sees the clock's day."""
    today = business_date(account.frozen_at or now, rulebook.brand.time_zone)
    profile = account.profile
    return schemas.MeAnswer(
        member_id=account.member_id,
        joined_at=rfc3339(account.joined_at) if account.joined_at else "",
        status=account.status,
        profile=schemas.ProfileView(
            nickname=profile.nickname,
            avatar_url=profile.avatar_url,
            birthday=profile.birthday,
            phone_bound=profile.phone_bound,
            consents=dict(profile.consents),
        ),
        points=_points(account, rulebook),
        tier=tier_view(account, rulebook, today),
        streak=schemas.StreakView(
            length=streaks.length_on(account.streak, today), checked_in_today=streaks.covers(account.streak, today)
        ),
        badges=list(account.badges),
    )


def _points(account: Account, rulebook: Rulebook) -> schemas.PointsView:
    earliest = sorted(account.lots.items())[:EXPIRING_SHOWN]
    return schemas.PointsView(
        balance=account.balance,
        held=account.held,
        pending=account.pending_total,
        debt=account.debt,
        value_fen=account.balance * 100 // rulebook.points_per_yuan_value,
        expiring=[schemas.Expiring(points=points, expires_on=day) for day, points in earliest],
    )


def changed(outcome: ledger.Outcome) -> Answer:
    """What changed, from the stored entry alone."""
    entry = outcome.entry
    body = schemas.ChangedAnswer(changed=list(entry.facts.get("changed", ())), entry=entry_view(entry))
    return Answer(body, replayed=outcome.replayed)


def status(outcome: ledger.Outcome) -> Answer:
    """The entry of a freeze, release or log-out."""
    body = schemas.StatusAnswer(member_id=outcome.entry.member_id, entry=entry_view(outcome.entry))
    return Answer(body, replayed=outcome.replayed)
