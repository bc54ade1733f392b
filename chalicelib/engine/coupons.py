"""Coupons in an entry: which are granted and which withdrawn, as facts of whatever grants or withdraws them.

The coupons themselves lie outside the account; their room makes them of these facts.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from chalicelib.engine.decision import Decision
from chalicelib.engine.draft import Draft
from chalicelib.engine.events import CouponsGranted
from chalicelib.engine.refusals import CouponNotGranted
from chalicelib.rulebook.model import Rulebook
from chalicelib.rulebook.model_coupons import CouponDefinition

GRANTED, WITHDRAWN = "coupons", "coupons_withdrawn"


def granted_by(rulebook: Rulebook, code: object, today: date) -> CouponDefinition | None:
    """The definition of that code; None when there is none, or its last day is over."""
    definition = rulebook.coupons.definition(code) if isinstance(code, str) else None
    return definition if definition and definition.last_day(today) >= today else None


def grant(draft: Draft, code: object, quantity: int, of: str) -> CouponDefinition | None:
    """Grants so many of that definition, for the reason `of` ("<source>#<id>"); None, and nothing, where it cannot."""
    definition = granted_by(draft.rulebook, code, draft.today)
    if definition:
        fact = {"coupon": definition.code, "quantity": quantity, "of": of}
        draft.facts.setdefault(GRANTED, []).append(fact)
    return definition


def of_source(grants: Iterable[Mapping[str, Any]], of: str) -> str:
    """The code of what was granted for that reason; empty when nothing was."""
    return next((str(fact["coupon"]) for fact in grants if fact["of"] == of), "")


def withdraw(draft: Draft, quantity: int, of: str, since: int, since_on: str = "") -> None:
    """Withdraws so many of those granted for the reason `of` by entry number `since` or a later one, and on the day
    `since_on` or a later one, the oldest first."""
    fact = {"quantity": quantity, "of": of, "since": since, **({"since_on": since_on} if since_on else {})}
    draft.facts.setdefault(WITHDRAWN, []).append(fact)


def granted(draft: Draft, event: CouponsGranted) -> Decision:
    """An operator's goodwill. Raises CouponNotGranted."""
    definition = grant(draft, event.coupon, event.quantity, f"operator#{event.cause.key}")
    if definition is None:
        raise CouponNotGranted([{"field": "coupon", "problem": "not in the rulebook, or over"}])
    name, told = definition.name, event.reason
    draft.say("coupons", 0, f"{name.en} × {event.quantity}: {told}", f"{name.zh} × {event.quantity}：{told}")
    return draft.finish("coupons_granted", event.cause, {"actor": event.actor})
