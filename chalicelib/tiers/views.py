"""Accounts, rulebooks and outcomes as answers."""

from datetime import date

from chalicelib import ledger
from chalicelib.engine import benefits, retention, tasks
from chalicelib.engine.account import Account
from chalicelib.engine.draft import effective_tier
from chalicelib.ledger.views import entry_view
from chalicelib.rulebook.model import Benefit, Need, Rulebook
from chalicelib.shared.clock import rfc3339
from chalicelib.shared.edge import Answer
from chalicelib.shared.schemas import Text
from chalicelib.tiers import schemas
from chalicelib.tiers.clocks import Clock


def _need(need: Need) -> schemas.NeedView:
    return schemas.NeedView(metric=need.metric, window=need.window, at_least=need.at_least, name=Text.of(need.name))


def _benefit(benefit: Benefit) -> schemas.BenefitView:
    return schemas.BenefitView(
        code=benefit.code, kind=benefit.kind, name=Text.of(benefit.name), value=dict(benefit.value)
    )


def levels(rulebook: Rulebook) -> schemas.TiersAnswer:
    """Every tier, from the first up."""
    return schemas.TiersAnswer(
        items=[
            schemas.LevelView(
                code=tier.code,
                name=Text.of(tier.name),
                colour=tier.colour,
                promotion=[[_need(need) for need in goal.needs] for goal in tier.promotion],
                retention=[_need(need) for need in retention.goals(rulebook, tier.code)],
                held_months=rulebook.tiers.held_months,
                benefits=[_benefit(benefit) for benefit in tier.benefits],
            )
            for tier in rulebook.tiers.levels
        ]
    )


def my_tasks(account: Account, rulebook: Rulebook, today: date) -> schemas.TasksAnswer:
    """Every task that can be done today, with its progress."""
    return schemas.TasksAnswer(
        items=[
            schemas.TaskView(
                task=state.task.id,
                kind=state.task.kind,
                name=Text.of(state.task.name),
                points=state.task.points,
                badge=state.task.badge,
                claim=state.task.claim,
                state=state.state,
                ends_on=state.task.ends_on,
                goals=[
                    schemas.GoalView(
                        metric=goal.metric,
                        have=goal.have,
                        need=goal.need,
                        name=Text(zh=goal.name_zh, en=goal.name_en),
                    )
                    for goal in state.goals
                ],
            )
            for state in tasks.states(rulebook, account, today)
        ]
    )


def my_benefits(account: Account, rulebook: Rulebook, today: date) -> schemas.BenefitsAnswer:
    """What today's tier gives, and what is left of each quota."""
    return schemas.BenefitsAnswer(
        tier=effective_tier(rulebook, account.standing, today),
        items=[
            schemas.MyBenefitView(
                **_benefit(benefit).model_dump(),
                usable=benefit.usable,
                quotas=[
                    schemas.QuotaView(window=quota.window, used=quota.used, limit=quota.limit)
                    for quota in benefits.quotas(benefit, account, today)
                ],
                granted_for=benefits.granted_for(account, benefit),
            )
            for benefit in benefits.of(rulebook, account, today)
        ],
    )


def done(outcome: ledger.Outcome) -> Answer:
    """The entry of a claim, a use or an operator's word."""
    body = schemas.DoneAnswer(member_id=outcome.entry.member_id, entry=entry_view(outcome.entry))
    return Answer(body, replayed=outcome.replayed)


def clock(found: Clock) -> schemas.ClockAnswer:
    """A test clock, and what happened while it moved."""
    return schemas.ClockAnswer(
        clock_id=found.clock_id,
        frozen_at=rfc3339(found.frozen_at),
        members=list(found.members),
        happened=[schemas.Happening(member_id=e.member_id, entry=entry_view(e)) for e in found.happened],
        finished=found.finished,
    )
