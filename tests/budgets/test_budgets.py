"""Every command keeps its budget, and each function may do what its code was seen to do and nothing else. One file, so
that what a scene does in a cold container is measured once for both."""

from collections import Counter

import pytest

from app import app
from infra.access import ACCESS, ACTIONS
from infra.app_stack import QUEUE_WORKERS, RELAY, SCHEDULES, http_function, room_of
from tests.budgets.budgets import BUDGETS, COLD, EARN, SIGNED_EARN
from tests.budgets.conftest import Measurements
from tests.budgets.scenes import SCENES

# The calls most made, measured in a warm container too: here a cache that stopped working would show.
BUSIEST = [
    "GET /v1/me",
    "GET /v1/me/points/entries",
    "GET /v1/rules",
    "POST /v1/me/check-ins",
    "POST /v1/me/actions",
    "POST /v1/orders",
    "POST /v1/me/redemptions",
    "POST /v1/holds",
    "HoldExpiry",
    "POST /v1/auth/wechat",
    "Orders",
    "Relay",
]


def test_every_route_and_worker_has_a_budget_and_no_budget_is_left_over() -> None:
    routes = {f"{method} {path}" for path, methods in app.routes.items() for method in methods}
    assert {name.partition(", ")[0] for name in BUDGETS} == routes | {*QUEUE_WORKERS, *SCHEDULES, RELAY}
    assert set(BUDGETS) == set(SCENES)


@pytest.mark.parametrize("scene", BUDGETS)
def test_the_first_call_of_a_container_keeps_its_budget(measured: Measurements, scene: str) -> None:
    budget, found = BUDGETS[scene], measured.cold(scene)
    extra = [COLD[name] for name in budget.cold.split()]
    calls = sum((Counter(calls) for calls, _ in extra), budget.counted())
    assert found.calls == calls
    assert (found.read_units, found.write_units) == (budget.read + sum(read for _, read in extra), budget.write)


@pytest.mark.parametrize("scene", BUSIEST)
def test_a_warm_container_keeps_its_budget(measured: Measurements, scene: str) -> None:
    budget, found = BUDGETS[scene], measured.warm(scene)
    assert (found.calls, found.read_units, found.write_units) == (budget.counted(), budget.read, budget.write)


@pytest.mark.parametrize("scene", [name for name, budget in BUDGETS.items() if budget in (EARN, SIGNED_EARN)])
def test_an_earn_writes_two_items_of_at_most_1_kilobyte(measured: Measurements, scene: str) -> None:
    found = measured.cold(scene)
    assert found.items == 2
    assert found.largest <= 1024


def function_of(scene: str) -> str:
    """The function a scene runs in."""
    thing = scene.partition(", ")[0]
    if " " not in thing:
        return thing
    method, path = thing.split(" ")
    return http_function(room_of(app.routes[path][method].view_function))


def granted(function: str) -> set[tuple[str, str]]:
    """(action, thing) that the function's own code may do; what Lambda does in its name is left out."""
    access = ACCESS[function]
    found = {
        (f"dynamodb:{action}", table)
        for table, rights in access.tables.items()
        for letter, action in ACTIONS.items()
        if letter in rights
    }
    found |= {("dynamodb:Query", f"{table}/index") for table, rights in access.tables.items() if "i" in rights}
    for secret, rights in access.secrets.items():
        found |= {("secretsmanager:GetSecretValue", secret)} if "r" in rights else set()
        found |= {("secretsmanager:PutSecretValue", secret)} if "w" in rights else set()
    found |= {("sqs:SendMessage", queue) for queue in access.sends}
    return found | {("sns:Publish", topic) for topic in access.publishes}


def done(measured: Measurements, scene: str) -> set[tuple[str, str]]:
    """The same, as the scene did it in a cold container."""
    names = {(action, thing.removeprefix("membership-test-")) for action, thing in measured.cold(scene).uses}
    return {(action, f"{thing.partition('/')[0]}/index" if "/" in thing else thing) for action, thing in names}


@pytest.mark.parametrize("function", ACCESS)
def test_a_function_may_do_exactly_what_its_code_does(measured: Measurements, function: str) -> None:
    scenes = [scene for scene in SCENES if function_of(scene) == function]
    assert scenes
    seen = set().union(*(done(measured, scene) for scene in scenes))
    assert {"missing": seen - granted(function), "unused": granted(function) - seen} == {
        "missing": set(),
        "unused": set(),
    }
