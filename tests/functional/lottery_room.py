"""What the tests of the lottery share: a rulebook with one in force, members who may draw, and everybody's calls."""

from typing import Any

import pytest

from chalicelib.lottery import items, service
from chalicelib.rulebook import store
from chalicelib.rulebook.guards import phrase
from chalicelib.rulebook.presets import preset
from tests.functional.redemptions_room import rich
from tests.harness.api import Api, Member, Reply
from tests.unit.raffle import ENDS, NOTHING, OFF, STARTS, loaded, lottery

CONFIRMED = {"lottery_off": phrase("lottery_off")}
ON = STARTS.date().isoformat()


def document(*lotteries: dict[str, Any], **sections: Any) -> dict[str, Any]:
    """The retail preset with these lotteries, or the usual one."""
    return {**preset("retail"), "lotteries": list(lotteries or [lottery()]), "guard_rails": OFF, **sections}


def publish(api: Api, *lotteries: dict[str, Any], **sections: Any) -> int:
    """Puts the document in force now; returns the version."""
    draft = store.save_draft(document(*lotteries, **sections), "test", api.clock.now)
    version = store.publish(draft, None, "test", CONFIRMED, api.clock.now).version
    store.forget()
    return version


def opened(api: Api, *lotteries: dict[str, Any], **sections: Any) -> None:
    """Published in time, and open since this moment."""
    publish(api, *lotteries, **sections)
    api.clock.now = STARTS


def player(api: Api, name: str = "ann", points: int = 1_000) -> Member:
    """A member with so many points, who consented."""
    member = rich(api, name, points)
    consent = {"name": "lottery", "version": "1", "granted": True}
    assert api.call("POST", "/v1/me/consents", consent, token=member.token, key=api.fresh()).status == 200
    return member


def fix(monkeypatch: pytest.MonkeyPatch, *numbers: int) -> list[int]:
    """The next draws have these numbers, the last of them for good; returns the numbers that were drawn."""
    drawn: list[int] = []

    def randbelow(bound: int) -> int:
        assert bound == 1_000_000
        drawn.append(numbers[min(len(drawn), len(numbers) - 1)])
        return drawn[-1]

    monkeypatch.setattr(service.secrets, "randbelow", randbelow)
    return drawn


def draw(api: Api, member: Member, key: str | None = None, code: str = "winter", **body: Any) -> Reply:
    """For at most 10 points unless told."""
    path = f"/v1/me/lotteries/{code}/draws"
    return api.call("POST", path, {"expected_points": 10, **body}, token=member.token, key=key or api.fresh("draw"))


def left(prize: str = "mug", **fields: Any) -> tuple[int, int] | None:
    """(left, total) as they lie there; None: nobody has drawn yet."""
    found = next((item for item in items.read_prizes(loaded(**fields)) if item.kind == prize), None)
    return (int(found.left), int(found.total)) if found else None


__all__ = [
    "CONFIRMED", "ENDS", "NOTHING", "ON", "STARTS", "document", "draw", "fix", "left", "lottery", "opened", "player",
    "publish",
]  # fmt: skip
