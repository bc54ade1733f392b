"""One DynamoDB client a container, with the house's time-outs, whatever tables a function touches."""

from typing import Any
from unittest.mock import patch

import pytest
from botocore.session import Session

from chalicelib import ledger
from chalicelib.engine.events import Cause
from chalicelib.rulebook import store
from chalicelib.shared import dynamo
from chalicelib.shared.guard import Guard
from tests.harness import world


@pytest.mark.usefixtures("aws")
def test_every_model_and_every_transaction_share_one_client() -> None:
    made: list[str] = []
    original = Session.create_client

    def create_client(self: Session, service: str, *arguments: Any, **named: Any) -> Any:
        made.append(service)
        return original(self, service, *arguments, **named)

    dynamo._connection.cache_clear()
    with patch.object(Session, "create_client", create_client):
        assert ledger.member_of("nobody") is None
        assert ledger.entry(Cause("a", "b")) is None
        assert store.versions(1, None) == ([], None)
        Guard(id="x", expires_at=1).save()
        with dynamo.transaction() as writes:
            writes.save(Guard(id="y", expires_at=1))
    assert made == ["dynamodb"]


@pytest.mark.usefixtures("aws")
def test_the_client_gives_up_after_three_attempts_of_a_second_to_connect_and_two_to_read() -> None:
    config = Guard._get_connection().connection.client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (1.0, 2.0)
    assert config.retries == {"total_max_attempts": 3, "mode": "standard"}


@pytest.mark.usefixtures("aws")
def test_every_model_of_the_house_is_a_record() -> None:
    models = world.models()
    assert len(models) >= 10
    assert [model.__name__ for model in models if not issubclass(model, dynamo.Record)] == []
