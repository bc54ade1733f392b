"""botocore clients with explicit time-outs, one per service and container. boto3 is never imported at run time."""

from functools import lru_cache
from typing import Any

CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 1.0, 2.0, 3


@lru_cache(maxsize=8)
def client(service: str) -> Any:
    """A botocore client for `service`; the import is lazy because most functions need only DynamoDB."""
    from botocore.config import Config
    from botocore.session import get_session

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
    )
    return get_session().create_client(service, config=config)
