"""The journal's stream. The mapping (filter: entries only; partial responses; retries) is made by the template."""

from typing import Any

from chalice.app import Blueprint

from chalicelib.notices import service
from chalicelib.shared import clock

workers = Blueprint(__name__)


@workers.lambda_function(name="relay")
def relay(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publishes a batch of entries; answers from which record on it is to be delivered again. Raises when that is the
    first one: the batch comes again either way, and only an invocation that fails raises the function's alarm."""
    records = event["Records"]
    failed = service.relay(records, clock.now())
    if failed == records[0]["dynamodb"]["SequenceNumber"]:
        raise service.NothingRelayed(failed)
    return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}
