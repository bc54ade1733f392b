"""How long jobs are kept: a preview for 90 days, the evaluation of a version for good."""

from datetime import timedelta

import pytest

from chalicelib.tiers import reevaluation
from chalicelib.tiers.reevaluation_items import JobItem
from infra.tables import TABLES
from tests.functional.reevaluation_room import EASIER, JOBS, Shop, in_pages, open_shop
from tests.harness.api import Api


@pytest.fixture
def shop(api: Api, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """9 members in a few pages, and a version to evaluate them under."""
    return in_pages(open_shop(api, monkeypatch), monkeypatch, 9, 3)


def test_a_preview_is_gone_after_90_days_with_all_its_progress(shop: Shop) -> None:
    job_id, started_at = shop.preview(tiers=EASIER)["job_id"], shop.api.clock.now
    shop.work()
    shop.api.clock.now = started_at + timedelta(days=90) - timedelta(milliseconds=1)
    assert shop.job(job_id)["state"] == "done"
    shop.api.clock.now = started_at + timedelta(days=90)
    assert shop.call("GET", f"{JOBS}/{job_id}").code == "JOB_UNKNOWN"
    # Then DynamoDB takes the items away, in whatever order: the job, and the progress of both segments.
    (table,) = (table for table in TABLES if table.name == "jobs")
    expiries = [item.serialize().get(table.ttl) for item in JobItem.query(job_id)]
    assert expiries == [{"N": str(int(shop.api.clock.now.timestamp()))}] * 3


def test_the_evaluation_of_a_version_is_remembered_for_as_long_as_it_is_in_force(shop: Shop) -> None:
    shop.start()
    shop.work()
    shop.api.clock.pass_(days=1000)
    assert shop.job("reevaluation-2")["state"] == "done"
    assert [item.expires_at for item in JobItem.query("reevaluation-2")] == [None] * 3
    reevaluation.reevaluate_if_new(shop.api.clock.now)
    assert shop.waiting() == []
