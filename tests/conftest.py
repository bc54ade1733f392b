"""Fixtures of every test that needs AWS: moto, made exact, with the tables of the data stack."""

import os

os.environ.update(
    STAGE="test",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_ACCESS_KEY_ID="testing",
    AWS_SECRET_ACCESS_KEY="testing",
)

from collections.abc import Iterator

import pytest
from moto import mock_aws

from chalicelib.shared import aws as clients
from chalicelib.shared import dynamo, secrets
from chalicelib.shared.config import settings
from tests.harness import world
from tests.harness.atomic import atomic_moto
from tests.harness.meter import Meter, metering


def forget() -> None:
    """Drops everything a container would keep between calls."""
    settings.cache_clear()
    clients.client.cache_clear()
    dynamo._connection.cache_clear()
    secrets.forget()
    world.forget_models()


@pytest.fixture
def aws() -> Iterator[None]:
    """An empty cloud. After the test the invariants of every member are checked."""
    forget()
    with mock_aws(), atomic_moto():
        world.create_tables()
        world.create_secrets()
        yield
        problems = world.broken_invariants()
        assert problems == {}
    forget()


@pytest.fixture
def meter(aws: None) -> Iterator[Meter]:
    """Counts calls and units from here on."""
    with metering() as counting:
        yield counting
