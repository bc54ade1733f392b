"""A brand on moto for the benchmarks: the retail rulebook in force and one member of some months."""

import os

os.environ.update(
    STAGE="bench",
    AWS_DEFAULT_REGION="us-east-1",
    AWS_ACCESS_KEY_ID="bench",
    AWS_SECRET_ACCESS_KEY="bench",  # noqa: S106 (moto takes any)
)

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from moto import mock_aws

from chalicelib.earning import service
from chalicelib.earning.schemas import OrderIn
from chalicelib.rulebook import store
from chalicelib.rulebook.presets import preset
from chalicelib.shared import callers, clock, secrets
from tests.harness import world
from tests.harness.atomic import atomic_moto

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Brand:
    """`token` is the member's access token at `now`, where the clock stands."""

    now: datetime
    member_id: str
    token: str


def order(member_id: str, number: str, at: datetime) -> OrderIn:
    """A paid order of 99 yuan."""
    return OrderIn(order_id=number, member_id=member_id, paid_at=at, amount_fen=9_900)


@contextmanager
def brand() -> Iterator[Brand]:
    """Opens the brand; its clock stands still, and its one container stays warm: looking for a newer rulebook every 5
    seconds and for new keys every minute is no part of a request's cost."""
    forever = float("inf")
    with (
        mock_aws(),
        atomic_moto(),
        patch.object(clock, "now", lambda: NOW),
        patch.object(store, "REVALIDATE_SECONDS", forever),
        patch.object(secrets, "_CACHE_SECONDS", forever),
    ):
        world.create_tables()
        world.create_secrets()
        first = NOW - timedelta(days=180)
        draft = store.save_draft(preset("retail"), "bench", first)
        published = store.publish(draft, None, "bench", {}, first)
        member_id = f"M{'0' * 17}1"
        world.join(member_id, published, first)
        for number in range(6):
            at = first + timedelta(days=30 * number)
            service.report_order(order(member_id, f"history-{number}", at), at)
        yield Brand(NOW, member_id, callers.sign_token("member", member_id, NOW))
