"""What every scene costs, measured once a session over real calls."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from moto import mock_aws

from chalicelib.console import rules as console_rules
from chalicelib.redemption import levels, offers, stock
from chalicelib.rulebook import store
from chalicelib.shared import aws as clients
from chalicelib.shared import clock as chalicelib_clock
from chalicelib.shared import secrets
from chalicelib.shared.config import settings
from infra.local.wechat_server import FakeWechat
from tests.budgets.scenes import SCENES
from tests.conftest import forget_state
from tests.harness import world
from tests.harness.api import NOON, Api, Clock
from tests.harness.atomic import atomic_moto
from tests.harness.meter import Meter, metering


@contextmanager
def brand() -> Iterator[Api]:
    """An API with the retail preset in force, a topic and a dead-letter queue; closed, its invariants are checked."""
    forget_state()
    clock = Clock(NOON)
    with (
        pytest.MonkeyPatch.context() as patch,
        FakeWechat("wxtest", "wechat-secret", clock=lambda: clock.now.timestamp()) as wechat,
        mock_aws(),
        atomic_moto(),
    ):
        patch.setattr(chalicelib_clock, "now", clock)
        patch.setattr(console_rules, "N", 2)
        # Looking for a newer rulebook costs one read unit every 5 seconds and container: not part of any call's cost.
        patch.setattr(store, "REVALIDATE_SECONDS", float("inf"))
        # Nor is looking for newer offers, as often.
        patch.setattr(offers, "REVALIDATE_SECONDS", float("inf"))
        world.create_tables()
        world.create_secrets()
        queue = {"QueueName": "membership-test-orders-dead.fifo", "Attributes": {"FifoQueue": "true"}}
        patch.setenv("ORDERS_DEAD_QUEUE_URL", clients.client("sqs").create_queue(**queue)["QueueUrl"])
        for name in ("reevaluation", "points-due", "tier-due", "holds-due", "coupons-due"):
            url = clients.client("sqs").create_queue(QueueName=f"membership-test-{name}")["QueueUrl"]
            patch.setenv(f"{name.upper().replace('-', '_')}_QUEUE_URL", url)
        topic = clients.client("sns").create_topic(Name="membership-test-facts")
        patch.setenv("FACTS_TOPIC_ARN", topic["TopicArn"])
        patch.setenv("WECHAT_URL", wechat.url)
        settings.cache_clear()
        api = Api(clock)
        api.open()
        yield api
        assert world.broken_invariants() == {}
    forget_state()


class Measurements:
    """Scenes measured when first asked for."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bool], Meter] = {}

    def warm(self, scene: str) -> Meter:
        """The call in a container that knows the rulebook and the secrets."""
        return self._measured(scene, warm=True)

    def cold(self, scene: str) -> Meter:
        """The first call of a container."""
        return self._measured(scene, warm=False)

    def _measured(self, scene: str, warm: bool) -> Meter:
        if (scene, warm) not in self._known:
            with brand() as api:
                self._known[scene, warm] = _measure(api, scene, warm)
        return self._known[scene, warm]


def _measure(api: Api, scene: str, warm: bool) -> Meter:
    call = SCENES[scene](api)
    secrets.forget()
    for room in (store, levels, offers, stock):
        room.forget()
    if warm:
        store.current(api.clock.now)
        offers.in_force()
        for secret in (settings().token_secret, settings().merchant_secret, settings().wechat_secret):
            secrets.read(secret)
    # Which free codes are looked at is a matter of chance, and so is whether the look goes past the last one.
    random.seed(1)
    with metering() as meter:
        answer = call()
    # A schedule answers nothing.
    refused = answer["batchItemFailures"] if isinstance(answer, dict) else answer is not None and answer.status >= 300
    assert bool(refused) == scene.endswith(("used twice", "sold out")), answer
    return meter


@pytest.fixture(scope="session")
def measured() -> Measurements:
    """scene → what it cost."""
    return Measurements()
