"""Which cloud a command on this machine means: stage `local` is the running `make run`, any other stage the AWS account
and region of the AWS_* environment."""

import json
import os
from pathlib import Path
from typing import Any

import boto3
import urllib3

from chalicelib.shared.config import settings
from infra.local.ministack import MiniStack

RUN = Path(__file__).parent.parent / ".local/run.json"


def session() -> Any:
    """A boto3 session for the stage of the environment (STAGE). For `local` the environment is pointed at the running
    local cloud, so that the rooms' own services work on it too. Raises SystemExit when it does not run."""
    if settings().stage == "local":
        try:
            url = str(json.loads(RUN.read_text())["cloud_url"])
            urllib3.request("GET", f"{url}/_ministack/health", timeout=5.0, retries=False)
        except (OSError, ValueError, KeyError, urllib3.exceptions.HTTPError):
            raise SystemExit("the local cloud is not running: `make run` first, or say STAGE=…") from None
        os.environ.update(MiniStack(int(url.rpartition(":")[2]), RUN.parent).environment())
    return boto3.session.Session()
