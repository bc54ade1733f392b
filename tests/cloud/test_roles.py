"""Least privilege, enforced: with each function's own role every call on every table, secret, queue and topic is tried,
and exactly those succeed that infra/access.py declares. A probe runs under the role and hands out the credentials it
was given, as any code in that function could use them."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.access import ACCESS
from infra.tables import TABLES, Table
from tests.cloud.brand import STAGE, Stack

DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AuthorizationErrorException"}
PROBE = """import os
def handler(event, context):
    return [os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")]
"""

DEAD = ("orders-dead.fifo", "metrics-dead", "points-due-dead", "tier-due-dead", "holds-due-dead", "reevaluation-dead",
        "coupons-dead", "coupons-due-dead", "relay-dead")  # fmt: skip
QUEUES = (
    "orders.fifo",
    "metrics",
    "points-due",
    "tier-due",
    "holds-due",
    "reevaluation",
    "coupons",
    "coupons-due",
    *DEAD,
)
WRITES = set("pud")

# Promises of the architecture, kept whatever infra/access.py grants.
WRITE_ACCOUNTS = {
    "MembersHttp", "EarningHttp", "TiersHttp", "RedemptionHttp", "HoldsHttp", "LotteryHttp", "CouponsHttp", "Orders",
    "PointsDue", "TierDue", "HoldsDue", "Reevaluate",
}  # fmt: skip
SCAN = {"Reevaluate": {"accounts"}}
READ_SECRETS = {
    "tokens": {
        "MembersHttp",
        "EarningHttp",
        "TiersHttp",
        "RedemptionHttp",
        "HoldsHttp",
        "LotteryHttp",
        "NoticesHttp",
        "ConsoleHttp",
        "InsightsHttp",
        "CouponsHttp",
    },
    "merchants": {"EarningHttp", "HoldsHttp", "CouponsHttp", "ConsoleHttp"},
    "wechat": {"MembersHttp"},
    "codes": {"RedemptionHttp"},
}
REPLACE_SECRETS = {"tokens": set(), "merchants": {"ConsoleHttp"}, "wechat": set(), "codes": set()}
PUBLISH_FACTS = {"Relay"}


@dataclass(frozen=True)
class Role:
    """Clients with the credentials of one function."""

    function: str
    session: Any

    def client(self, service: str) -> Any:
        return self.session.client(service, config=Config(retries={"total_max_attempts": 1}))


def allowed(call: Callable[..., Any], **arguments: Any) -> bool:
    """Whether the role may make this call. Calls that would change something are made so that, if allowed, they are
    refused for another reason."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"] not in DENIED
    return True


@pytest.fixture(scope="module", params=sorted(ACCESS))
def role(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Role]:
    """The role of each function in turn."""
    functions, name = stack.client("lambda"), f"probe-{request.param}"
    deployed = functions.get_function_configuration(FunctionName=f"membership-{STAGE}-{request.param}")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("probe.py", PROBE)
    functions.create_function(
        FunctionName=name,
        Runtime=deployed["Runtime"],
        Role=deployed["Role"],
        Handler="probe.handler",
        Timeout=60,
        Code={"ZipFile": code.getvalue()},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    key, secret, token = json.loads(functions.invoke(FunctionName=name)["Payload"].read())
    yield Role(request.param, boto3.session.Session(key, secret, token, region_name=stack.session.region_name))
    functions.delete_function(FunctionName=name)


def test_the_credentials_are_those_of_the_functions_own_role(role: Role) -> None:
    arn = role.client("sts").get_caller_identity()["Arn"]
    assert f"assumed-role/membership-{STAGE}-app-{role.function}Role" in arn


def table_rights(role: Role, table: Table) -> str:
    """The letters of infra/access.py for what the role may do with this table."""
    dynamodb = role.client("dynamodb")
    keys = (table.hash_key, table.range_key) if table.range_key else (table.hash_key,)
    named, key = {"TableName": f"membership-{STAGE}-{table.name}"}, {name: {table.keys[name]: "0"} for name in keys}
    never: dict[str, Any] = {**named, "ExpressionAttributeNames": {"#k": table.hash_key}}
    never["ConditionExpression"] = "attribute_exists(#k) AND attribute_not_exists(#k)"

    def query(hash_key: str, **index: str) -> bool:
        values, names = {":k": {"S": "0"}}, {"#k": hash_key}
        condition: dict[str, Any] = {"KeyConditionExpression": "#k = :k", "ExpressionAttributeNames": names}
        return allowed(dynamodb.query, ExpressionAttributeValues=values, **condition, **named, **index)

    may = {
        "g": allowed(dynamodb.get_item, Key=key, **named),
        "q": query(table.hash_key),
        "p": allowed(dynamodb.put_item, Item=key, **never),
        "u": allowed(dynamodb.update_item, Key=key, **never),
        "d": allowed(dynamodb.delete_item, Key=key, **never),
        "s": allowed(dynamodb.scan, Limit=1, **named),
        "i": any(query(index.hash_key, IndexName=index.name) for index in table.indexes),
    }
    assert allowed(dynamodb.transact_write_items, TransactItems=[{"Put": {"Item": key, **never}}]) == may["p"]
    assert not allowed(dynamodb.delete_table, **named)
    return "".join(letter for letter, yes in may.items() if yes)


def test_each_role_may_do_to_each_table_what_its_code_does_and_no_more(role: Role) -> None:
    found = {table.name: set(table_rights(role, table)) for table in TABLES}
    granted = ACCESS[role.function].tables
    assert found == {name: set(granted.get(name, "")) for name in found}
    assert {name for name, letters in found.items() if "s" in letters} == SCAN.get(role.function, set())
    writes = {name for name, letters in found.items() if letters & WRITES}
    assert ("accounts" in writes) == ("journal" in writes) == (role.function in WRITE_ACCOUNTS)
    # What has happened stays.
    assert not found["journal"] & {"u", "d"}
    assert not found["audit"] & {"u", "d"}


def test_each_role_reads_and_replaces_its_own_secrets_and_no_other(role: Role, stack: Stack) -> None:
    manager, administrator = role.client("secretsmanager"), stack.client("secretsmanager")
    for secret, readers in READ_SECRETS.items():
        name = f"membership/{STAGE}/{secret}"
        same = administrator.get_secret_value(SecretId=name)["SecretString"]
        assert allowed(manager.get_secret_value, SecretId=name) == (role.function in readers)
        replaces = allowed(manager.put_secret_value, SecretId=name, SecretString=same)
        assert replaces == (role.function in REPLACE_SECRETS[secret])
        assert not allowed(manager.delete_secret, SecretId=name)


def test_each_role_uses_its_own_queues_and_topic_and_no_other(role: Role, stack: Stack) -> None:
    sqs, sns, access = role.client("sqs"), role.client("sns"), ACCESS[role.function]
    sends, receives = set(), set()
    for queue in QUEUES:
        url = stack.client("sqs").get_queue_url(QueueName=f"membership-{STAGE}-{queue}")["QueueUrl"]
        # A message with a character SQS does not take; a receive of more than it gives.
        if allowed(sqs.send_message, QueueUrl=url, MessageBody="\x01", MessageGroupId="g"):
            sends.add(queue)
        if allowed(sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=11):
            receives.add(queue)
        assert not allowed(sqs.purge_queue, QueueUrl=url)
    assert (sends, receives) == ({*access.sends, *access.failures}, set(access.consumes))
    assert not receives & {*DEAD}
    twins = [{"Id": "same", "Message": "same"}] * 2
    publishes = allowed(sns.publish_batch, TopicArn=stack.outputs["FactsTopicArn"], PublishBatchRequestEntries=twins)
    assert publishes == (role.function in PUBLISH_FACTS)


def test_no_role_can_widen_itself_or_touch_another_function(role: Role) -> None:
    iam, functions, s3 = role.client("iam"), role.client("lambda"), role.client("s3")
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
    name = role.client("sts").get_caller_identity()["Arn"].split("/")[1]
    assert not allowed(iam.put_role_policy, RoleName=name, PolicyName="wider", PolicyDocument=document)
    other = f"membership-{STAGE}-EarningHttp"
    assert not allowed(functions.invoke, FunctionName=other, Payload="{}")
    assert not allowed(functions.update_function_code, FunctionName=other, ZipFile=b"")
    assert not allowed(s3.list_buckets)
