"""`python -m infra.deploy STAGE`: package, then the two stacks through CloudFormation. Never `chalice deploy`.

Works the same against AWS, AWS China and the local cloud: region, partition and endpoint come from the environment.
"""

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError, WaiterError

from infra import app_stack, data_stack, package

Say = Callable[[str], None]


def stack_name(stage: str, part: str) -> str:
    """`membership-<stage>-data` or `-app`."""
    return f"membership-{stage}-{part}"


class StackFailed(SystemExit):
    """CloudFormation gave up; the message carries its reasons."""


def outputs(cloudformation: Any, name: str) -> dict[str, str]:
    """The stack's outputs; empty when there is no such stack or it never came up."""
    try:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError:
        return {}
    if stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"):
        return {}
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def apply(
    cloudformation: Any, name: str, template: dict[str, Any], parameters: dict[str, str], url: str | None = None
) -> dict[str, str]:
    """Creates or updates a stack and waits. `url` is where the template lies when it is too large to send.

    An unchanged template with unchanged parameters is not sent again. Raises StackFailed.
    """
    body = json.dumps(template, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.sha256((body + json.dumps(parameters, sort_keys=True)).encode()).hexdigest()[:32]
    exists = _status(cloudformation, name)
    if exists in ("ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED"):
        # A stack that never came up can only be deleted.
        cloudformation.delete_stack(StackName=name)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 2})
        exists = None
    if exists and _tag(cloudformation, name, "template") == digest:
        return outputs(cloudformation, name)
    arguments: dict[str, Any] = {
        "StackName": name,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Tags": [{"Key": "template", "Value": digest}],
        **({"TemplateURL": url} if url else {"TemplateBody": body}),
    }
    try:
        if exists:
            cloudformation.update_stack(**arguments)
        else:
            cloudformation.create_stack(**arguments)
        waiter = "stack_update_complete" if exists else "stack_create_complete"
        cloudformation.get_waiter(waiter).wait(StackName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 600})
    except ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise StackFailed(f"{name}: {error}") from error
    except WaiterError as error:
        raise StackFailed(f"{name}: {_reasons(cloudformation, name) or error}") from error
    return outputs(cloudformation, name)


def _status(cloudformation: Any, name: str) -> str | None:
    try:
        return str(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
    except ClientError:
        return None


def _tag(cloudformation: Any, name: str, key: str) -> str | None:
    tags = cloudformation.describe_stacks(StackName=name)["Stacks"][0].get("Tags", [])
    return next((tag["Value"] for tag in tags if tag["Key"] == key), None)


def _reasons(cloudformation: Any, name: str) -> str:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [e for e in events if e["ResourceStatus"].endswith("FAILED")]
    return "; ".join(f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', '?')}" for e in failed[-5:])


def deploy(
    session: Any,
    stage: str,
    parameters: dict[str, str],
    protected: bool,
    say: Say,
    amend: Callable[[dict[str, Any]], None] = lambda template: None,
) -> dict[str, str]:
    """Both stacks of a stage. Returns the outputs of both. `amend` changes the app stack's template in place before it
    is sent: the local cloud asks for a permission by another name."""
    cloudformation, s3 = session.client("cloudformation"), session.client("s3")
    say("package")
    zip_path, template = package.build()
    say("data stack: tables, queues, topic, secrets")
    data = apply(
        cloudformation,
        stack_name(stage, "data"),
        data_stack.template(),
        {"Stage": stage, "DeletionProtection": "on" if protected else "off"},
    )
    bucket, key = data["BucketName"], f"code/{zip_path.name}"
    if not _uploaded(s3, bucket, key):
        say("upload")
        s3.upload_file(str(zip_path), bucket, key)
    pruned = app_stack.prune(template, bucket, key)
    amend(pruned)
    template_key = f"templates/{zip_path.stem}.json"
    s3.put_object(Bucket=bucket, Key=template_key, Body=json.dumps(pruned, ensure_ascii=False).encode())
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": template_key}).split("?")[0]
    say("app stack: functions, API")
    urls = (
        "OrdersDeadQueueUrl", "PointsDueQueueUrl", "TierDueQueueUrl", "HoldsDueQueueUrl", "ReevaluationQueueUrl",
        "CouponsDueQueueUrl",
    )  # fmt: skip
    wanted = {name: data[name] for name in ("FactsTopicArn", *urls)}
    # Asked of the table: one restored from a backup has another stream than the one the data stack remembers.
    journal = session.client("dynamodb").describe_table(TableName=f"membership-{stage}-journal")["Table"]
    wanted["JournalStreamArn"] = journal["LatestStreamArn"]
    app = apply(cloudformation, stack_name(stage, "app"), pruned, {"Stage": stage, **wanted, **parameters}, url)
    return {**data, **app}


def _uploaded(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError:
        return False
    return True


def main(stage: str) -> None:
    """Deploys to the account and region of the environment and prints where the API answers. RESERVED_CONCURRENCY=on
    sets the workers' share of the account's concurrency aside; TEST_CLOCKS=on allows test clocks, but for in the stage
    `live`."""
    started = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - started:6.1f} s  {what}", flush=True)

    wanted = {
        "ReservedConcurrency": os.environ.get("RESERVED_CONCURRENCY") or "off",
        "TestClocks": os.environ.get("TEST_CLOCKS") or "off",
    }
    found = deploy(boto3.session.Session(), stage, wanted, protected=True, say=say)
    say(f"done: {found.get('EndpointURL')}")


if __name__ == "__main__":
    main(sys.argv[1])
