"""The journal's stream. The mapping (filter: entries only; partial responses; retries) is made by the template."""

from typing import Any

from chalice.app import Blueprint

from chalicelib.notices import service
from chalicelib.shared import clock

workers = Blueprint(__name__)


@workers.lambda_function(name="relay")
def relay(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Publishes a batch of entries; answers from which record on it is to be delivered again."""
    failed = service.relay(event["Records"], clock.now())
    return {"batchItemFailures": [{"itemIdentifier": failed}] if failed else []}
