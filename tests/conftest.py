"""Fixtures of every test that needs AWS: moto, made exact, with the tables of the data stack."""

import os

os.environ.update(
    STAGE="test",
    TEST_CLOCKS="on",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
)

from collections.abc import Iterator
from functools import lru_cache

import pytest
from botocore.loaders import JSONFileLoader
from moto import mock_aws

from chalicelib.console import rules as console_rules
from chalicelib.lottery import stock as prizes
from chalicelib.redemption import levels, offers, stock
from chalicelib.rulebook import store
from chalicelib.shared import aws as clients
from chalicelib.shared import clock as chalicelib_clock
from chalicelib.shared import dynamo, secrets
from chalicelib.shared.config import settings
from infra.local.wechat_server import FakeWechat
from tests.harness import world
from tests.harness.api import NOON, Api, Clock
from tests.harness.atomic import atomic_moto
from tests.harness.meter import Meter, metering

# Every test makes its clients anew, and most of what that takes is parsing botocore's own unchanging files.
_parsed = lru_cache(maxsize=None)(JSONFileLoader().load_file)
JSONFileLoader.load_file = lambda self, path: _parsed(path)


def forget() -> None:
    """Drops everything a container would keep between calls."""
    forget_state()
    clients.client.cache_clear()
    dynamo._connection.cache_clear()


def forget_state() -> None:
    """The same but for the clients: to make one takes longer than most tests, and moto answers with a new cloud."""
    settings.cache_clear()
    secrets.forget()
    store.forget()
    levels.forget()
    prizes.forget()
    offers.forget()
    stock.forget()
    world.forget_models()


@pytest.fixture
def aws() -> Iterator[None]:
    """An empty cloud. After the test the invariants of every member are checked."""
    forget_state()
    with mock_aws(), atomic_moto():
        world.create_tables()
        world.create_secrets()
        yield
        problems = world.broken_invariants()
        assert problems == {}
    forget_state()


@pytest.fixture
def meter(aws: None) -> Iterator[Meter]:
    """Counts calls and units from here on."""
    with metering() as counting:
        yield counting


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The whole system's clock, standing at NOON."""
    standing = Clock(NOON)
    monkeypatch.setattr(chalicelib_clock, "now", standing)
    return standing


@pytest.fixture
def wechat(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWechat]:
    """The fake WeChat server, over a real socket; its app is the one of `world.create_secrets`."""
    with FakeWechat("wxtest", "wechat-secret", clock=lambda: clock.now.timestamp()) as server:
        monkeypatch.setenv("WECHAT_URL", server.url)
        yield server


@pytest.fixture
def bare_api(wechat: FakeWechat, aws: None, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The API of a brand that has not published a rulebook yet."""
    monkeypatch.setattr(console_rules, "N", 2)
    return Api(clock)


@pytest.fixture
def api(bare_api: Api) -> Api:
    """The API of a brand with the retail preset in force."""
    bare_api.open()
    return bare_api
