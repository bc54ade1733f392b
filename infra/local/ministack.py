"""MiniStack as a child: bound to 127.0.0.1, state kept, IAM enforced, stopped by SIGTERM (SIGKILL loses state)."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3
import urllib3

from infra.deploy import Say, deploy

REGION = "us-east-1"
ADMIN_KEY, ADMIN_SECRET = "local-admin", "local-admin-secret"
START_SECONDS, STOP_SECONDS = 40, 40


class CloudFailed(SystemExit):
    """MiniStack did not start, with where to read why."""


class MiniStack:
    """`with MiniStack(port, folder) as cloud: cloud.session()`; state and log lie in `folder`."""

    def __init__(self, port: int, folder: Path) -> None:
        self.url, self.port, self.folder = f"http://127.0.0.1:{port}", port, folder
        self.process: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        """What AWS clients need to reach it as administrator."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ADMIN_KEY,
            "AWS_SECRET_ACCESS_KEY": ADMIN_SECRET,
            "AWS_DEFAULT_REGION": REGION,
        }

    def session(self) -> Any:
        """A boto3 session as administrator."""
        return boto3.session.Session(
            aws_access_key_id=ADMIN_KEY, aws_secret_access_key=ADMIN_SECRET, region_name=REGION
        )

    def deploy(self, stage: str, wechat_url: str, say: Say) -> dict[str, str]:
        """Both stacks of a stage, by CloudFormation. Returns the outputs of both."""
        parameters = {"WechatUrl": wechat_url, "TestClocks": "on"}
        return deploy(self.session(), stage, parameters, protected=False, say=say, amend=_name_batches)

    def stop_left_over(self) -> bool:
        """Ends the process that a killed run left behind in this folder, so that it writes its state. True if any."""
        path = self.folder / f"ministack-{self.port}.pid"
        try:
            pid = int(path.read_text())
            running = "ministack" in Path(f"/proc/{pid}/cmdline").read_text()
        except (OSError, ValueError):
            return False
        if running:
            os.kill(pid, signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
                time.sleep(0.1)
        return running

    def __enter__(self) -> "MiniStack":
        self.folder.mkdir(parents=True, exist_ok=True)
        self._rewind_streams()
        environment = {
            **os.environ,
            **self.environment(),
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_HOST": "127.0.0.1",
            "AUTH": "true",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.folder / "state"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self.folder / "s3"),
            "TMPDIR": str(self.folder),
            "IOT_MTLS_ENABLED": "false",
            "SFTP_ENABLED": "false",
            # Functions stay warm for a working day instead of five minutes.
            "LAMBDA_WARM_TTL_SECONDS": "36000",
        }
        # The child must not point at itself, or its own clients would loop.
        environment.pop("AWS_ENDPOINT_URL")
        command = [str(Path(sys.executable).with_name("ministack"))]
        with (self.folder / "ministack.log").open("ab") as log:
            # A session of its own: Ctrl-C reaches us alone, and we stop it in order.
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        self._wait()
        return self

    def _rewind_streams(self) -> None:
        """MiniStack keeps how far each stream was read but not the stream, which begins anew: without this the relay
        would wait at a position that the new stream reaches only after as many entries as before."""
        path = self.folder / "state" / "lambda.json"
        if path.exists():
            state = json.loads(path.read_text())
            state["payload"].pop("dynamodb_stream_positions", None)
            path.write_text(json.dumps(state))

    def _wait(self) -> None:
        assert self.process is not None  # noqa: S101
        pool = urllib3.PoolManager(retries=False, timeout=1.0)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if pool.request("GET", f"{self.url}/_ministack/health").status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                time.sleep(0.1)
        self.stop()
        raise CloudFailed(f"the local cloud did not start; see {self.folder / 'ministack.log'}")

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """SIGTERM, and time to write its state."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def _name_batches(template: dict[str, Any]) -> None:
    """AWS lets `sns:Publish` and `sqs:SendMessage` send batches too and knows no other action; MiniStack asks for the
    call's own name."""
    for resource in template["Resources"].values():
        for policy in resource["Properties"].get("Policies", ()) if resource["Type"] == "AWS::IAM::Role" else ():
            for statement in policy["PolicyDocument"]["Statement"]:
                for action in ("sns:Publish", "sqs:SendMessage"):
                    if action in statement["Action"]:
                        statement["Action"].append(f"{action}Batch")
