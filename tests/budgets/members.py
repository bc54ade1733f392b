"""The members the scenes are about."""

from collections.abc import Callable
from typing import Any

from tests.harness.api import Api, Member

Call = Callable[[], Any]
Scene = Callable[[Api], Call]


def regular(api: Api, name: str = "ann") -> Member:
    """A member of some weeks: consent, orders in three months, a few days checked in, two of them missed."""
    member = api.log_in(name)
    consent = {"name": "privacy_policy", "version": "1", "granted": True}
    assert api.call("POST", "/v1/me/consents", consent, token=member.token, key=api.fresh()).status == 200
    for number in range(3):
        api.clock.pass_(days=31)
        member = api.log_in(name)
        assert api.order(member, 12_300 + number).status == 200
        assert api.call("POST", "/v1/me/check-ins", token=member.token, key=api.fresh()).status == 200
    api.clock.pass_(days=3)
    return api.log_in(name)


def paid(api: Api) -> Member:
    member = regular(api)
    assert api.order(member, 9_900, "o-1").status == 200
    return member
