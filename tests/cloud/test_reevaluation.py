"""A new rulebook on the stack as deployed: counted beforehand, then evaluated by itself, once."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import ledger
from chalicelib.engine.events import Cause
from chalicelib.rulebook import store
from tests.cloud.brand import STAGE, Brand, Stack, eventually
from tests.cloud.order_queue import waiting

RULEBOOK = "/v1/admin/rulebook"
# As EventBridge sends it each hour.
HOUR = {
    "version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events", "account": "0",
    "time": "2026-11-24T04:20:00Z", "region": "us-east-1", "resources": [], "detail": {},
}  # fmt: skip


@pytest.fixture
def token(brand: Brand) -> Iterator[str]:
    """An operator's; afterwards the rulebook of before is in force again."""
    version = store.current(brand.clock.now).version
    yield brand.operator("operator", brand.fresh("op").lower())
    store.rollback(version, "test", brand.clock.now)


def easier(document: dict[str, Any]) -> dict[str, Any]:
    """Silver for 300 yuan instead of 500."""
    changed = copy.deepcopy(document)
    (spend,) = [n for n in changed["tiers"]["levels"][1]["promotion"] if n.get("metric") == "spend_fen"]
    assert spend["at_least"] == 50_000
    spend["at_least"] = 30_000
    return changed


def test_a_new_rulebook_is_counted_beforehand_and_then_evaluated_by_itself_once(
    brand: Brand, stack: Stack, token: str
) -> None:
    sqs, functions = stack.client("sqs"), stack.client("lambda")
    url = sqs.get_queue_url(QueueName=f"membership-{STAGE}-reevaluation")["QueueUrl"]

    def job(job_id: str) -> dict[str, Any]:
        return dict(brand.call("GET", f"{RULEBOOK}/jobs/{job_id}", token=token).body)

    members = [brand.newcomer() for _ in range(3)]
    for member, fen in zip(members, (29_999, 30_000, 49_999), strict=True):
        assert brand.order(member, fen).status == 200
    current = brand.call("GET", RULEBOOK, token=token).body["document"]
    draft = brand.call("POST", f"{RULEBOOK}/drafts", {"document": easier(current)}, token=token).body["draft"]

    preview = brand.call("POST", f"{RULEBOOK}/previews", {"draft": draft}, token=token)
    assert preview.status == 202, preview
    eventually(lambda: job(preview.body["job_id"])["state"], "done")
    foreseen = job(preview.body["job_id"])
    (moved,) = foreseen["moved"]
    assert (moved["from_tier"], moved["to_tier"]) == ("normal", "silver")
    assert moved["members"] >= 2
    assert [brand.account(member).standing.tier for member in members] == ["normal"] * 3  # type: ignore[union-attr]

    published = brand.call("POST", f"{RULEBOOK}/publish", {"draft": draft}, token=token)
    assert published.status == 200, published
    version = published.body["version"]
    for _ in range(2):
        answer = functions.invoke(FunctionName=f"membership-{STAGE}-TierReview", Payload=json.dumps(HOUR).encode())
        assert "FunctionError" not in answer, answer["Payload"].read()
    for segment in range(job(f"reevaluation-{version}")["segments"]):
        sqs.send_message(
            QueueUrl=url, MessageBody=json.dumps({"job_id": f"reevaluation-{version}", "segment": segment})
        )
    eventually(lambda: job(f"reevaluation-{version}")["state"], "done")
    eventually(lambda: waiting(sqs, url), 0)
    done = job(f"reevaluation-{version}")
    assert (done["seen"], done["moved"], done["failed"]) == (foreseen["seen"], foreseen["moved"], 0)
    assert (done["started_by"], done["segments_done"]) == ("schedule", done["segments"])
    tiers = [brand.account(member).standing.tier for member in members]  # type: ignore[union-attr]
    assert tiers == ["normal", "silver", "silver"]
    entries = [ledger.entry(Cause(member.member_id, f"rules#{version}")) for member in members]
    assert [entry.kind if entry else None for entry in entries] == [None, "rules_changed", "rules_changed"]
