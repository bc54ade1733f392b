"""Each function may do what its code was seen to do, over every scene of it, and nothing else."""

import pytest

from app import app
from infra.access import ACCESS, ACTIONS
from infra.app_stack import http_function, room_of
from tests.budgets.conftest import Measurements
from tests.budgets.scenes import SCENES


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
