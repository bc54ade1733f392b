"""Who may touch what. One line a function; a test reads the generated roles and compares.

`r` reads a table, `w` writes it; a secret is read, or `rw` read and replaced.
"""

from dataclasses import dataclass, field
from typing import Any

from infra.data_stack import sub
from infra.tables import TABLES

READ = ["dynamodb:GetItem", "dynamodb:Query"]
WRITE = ["dynamodb:ConditionCheckItem", "dynamodb:DeleteItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]


@dataclass(frozen=True)
class Access:
    """The grants of one function, by logical name of the thing."""

    tables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    sends: tuple[str, ...] = ()
    consumes: tuple[str, ...] = ()
    publishes: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()


ACCESS: dict[str, Access] = {
    "MembersHttp": Access(
        tables={"accounts": "rw", "journal": "rw", "members": "rw", "rulebook": "r", "guard": "rw", "audit": "w"},
        secrets={"tokens": "r", "wechat": "r"},
    ),
    "EarningHttp": Access(
        tables={"accounts": "rw", "journal": "rw", "rulebook": "r", "guard": "rw", "audit": "w"},
        secrets={"tokens": "r", "merchants": "r"},
    ),
    "ConsoleHttp": Access(
        tables={"console": "rw", "rulebook": "rw", "guard": "rw", "audit": "rw"},
        secrets={"tokens": "r", "merchants": "rw"},
    ),
    "InsightsHttp": Access(tables={"metrics": "r"}, secrets={"tokens": "r"}),
    "Orders": Access(
        tables={"accounts": "rw", "journal": "rw", "rulebook": "r"},
        sends=("orders-dead.fifo",),
        consumes=("orders.fifo",),
    ),
    "Relay": Access(tables={"rulebook": "r"}, publishes=("facts",), streams=("journal",), sends=("relay-dead",)),
    "CountFacts": Access(tables={"metrics": "rw", "guard": "rw"}, consumes=("metrics",)),
}


def _arn(service: str, resource: str) -> Any:
    return sub("arn:${AWS::Partition}:" + service + ":${AWS::Region}:${AWS::AccountId}:" + resource)


def _statement(actions: list[str], resources: list[Any]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": sorted(actions), "Resource": resources}


def statements(function: str) -> list[dict[str, Any]]:
    """The policy statements of one function."""
    access = ACCESS[function]
    indexes = {table.name: [index.name for index in table.indexes] for table in TABLES}
    found = []
    for table, rights in access.tables.items():
        arn = f"table/membership-${{Stage}}-{table}"
        actions = (READ if "r" in rights else []) + (WRITE if "w" in rights else [])
        found.append(_statement(actions, [_arn("dynamodb", arn)]))
        if "r" in rights and indexes[table]:
            found.append(_statement(["dynamodb:Query"], [_arn("dynamodb", f"{arn}/index/{i}") for i in indexes[table]]))
    for secret, rights in access.secrets.items():
        actions = ["secretsmanager:GetSecretValue"] + (["secretsmanager:PutSecretValue"] if "w" in rights else [])
        # Secrets Manager appends six random characters to the name.
        found.append(_statement(actions, [_arn("secretsmanager", f"secret:membership/${{Stage}}/{secret}-??????")]))
    for queue in access.sends:
        found.append(_statement(["sqs:SendMessage"], [_arn("sqs", f"membership-${{Stage}}-{queue}")]))
    for queue in access.consumes:
        actions = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        found.append(_statement(actions, [_arn("sqs", f"membership-${{Stage}}-{queue}")]))
    for topic in access.publishes:
        found.append(_statement(["sns:Publish"], [_arn("sns", f"membership-${{Stage}}-{topic}")]))
    for stream in access.streams:
        actions = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
        found.append(_statement(actions, [_arn("dynamodb", f"table/membership-${{Stage}}-{stream}/stream/*")]))
        # ListStreams knows no resource: AWS forces the star.
        found.append(_statement(["dynamodb:ListStreams"], ["*"]))
    log_group = f"log-group:/aws/lambda/membership-${{Stage}}-{function}:*"
    found.append(_statement(["logs:CreateLogStream", "logs:PutLogEvents"], [_arn("logs", log_group)]))
    return found
