"""Least privilege, read from the template that is deployed."""

from fnmatch import fnmatchcase
from typing import Any

import pytest

from app import app
from infra.access import ACCESS, statements
from infra.app_stack import QUEUE_WORKERS, RELAY, SCHEDULES, handlers
from tests.packaging.conftest import Template

FUNCTIONS = list(handlers(app))
READS = ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:BatchGetItem")
WRITES = ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem")
ANY = (*READS, *WRITES)


def policy(template: Template, function: str) -> list[dict[str, Any]]:
    """The statements of the role the function really has."""
    (role, attribute) = template["Resources"][function]["Properties"]["Role"]["Fn::GetAtt"]
    assert attribute == "Arn"
    properties = template["Resources"][role]["Properties"]
    assert set(properties) == {"AssumeRolePolicyDocument", "Policies"}
    (only,) = properties["Policies"]
    found: list[dict[str, Any]] = only["PolicyDocument"]["Statement"]
    return found


def _arn(resource: Any) -> str:
    return resource if isinstance(resource, str) else resource["Fn::Sub"]


def may(template: Template, function: str, action: str, resource: str) -> bool:
    """Whether any statement allows it, wildcards and all. `resource` is how the ARN ends: `table/journal`."""
    kind, _, name = resource.partition("/")
    names = {
        "table": "dynamodb:{}:table/membership-${{Stage}}-{}",
        "secret": "secretsmanager:{}:secret:membership/${{Stage}}/{}-a1B2c3",
        "queue": "sqs:{}:membership-${{Stage}}-{}",
        "topic": "sns:{}:membership-${{Stage}}-{}",
    }
    wanted = "arn:${AWS::Partition}:" + names[kind].format("${AWS::Region}:${AWS::AccountId}", name)
    return any(
        statement["Effect"] == "Allow"
        and any(fnmatchcase(action, pattern) for pattern in statement["Action"])
        and any(fnmatchcase(wanted, _arn(pattern)) for pattern in statement["Resource"])
        for statement in policy(template, function)
    )


def test_every_function_has_a_role_of_its_own_that_only_lambda_may_take(app_template: Template) -> None:
    functions = [k for k, r in app_template["Resources"].items() if r["Type"] == "AWS::Serverless::Function"]
    roles = {k: r["Properties"] for k, r in app_template["Resources"].items() if r["Type"] == "AWS::IAM::Role"}
    assert set(functions) == set(FUNCTIONS) == set(ACCESS)
    assert set(roles) == {f"{function}Role" for function in functions}
    for function in functions:
        assert app_template["Resources"][function]["Properties"]["Role"] == {"Fn::GetAtt": [f"{function}Role", "Arn"]}
        # SAM would add policies of its own.
        assert "Policies" not in app_template["Resources"][function]["Properties"]
    for properties in roles.values():
        (trust,) = properties["AssumeRolePolicyDocument"]["Statement"]
        assert trust == {
            "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole",
        }  # fmt: skip


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_says_what_the_access_table_says(app_template: Template, function: str) -> None:
    assert policy(app_template, function) == statements(function)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_action_is_a_star_and_no_resource_but_where_aws_forces_it(app_template: Template, function: str) -> None:
    for statement in policy(app_template, function):
        assert not [action for action in statement["Action"] if "*" in action or "?" in action]
        for resource in map(_arn, statement["Resource"]):
            if resource == "*":
                # ListStreams has no resource-level permission.
                assert statement["Action"] == ["dynamodb:ListStreams"]
            elif "*" in resource:
                # A stream's and a log stream's last part are named by AWS when they are made.
                assert resource.endswith((":table/membership-${Stage}-journal/stream/*", f"-{function}:*"))


# What must never be possible, whoever edits the access table: function, actions, resource.
IMPOSSIBLE = [
    ("InsightsHttp", ANY, "table/members"),
    ("InsightsHttp", ANY, "table/accounts"),
    ("InsightsHttp", WRITES, "table/metrics"),
    ("ConsoleHttp", ANY, "table/accounts"),
    ("ConsoleHttp", ANY, "table/journal"),
    ("ConsoleHttp", ANY, "table/members"),
    ("ConsoleHttp", ("dynamodb:DeleteItem", "dynamodb:UpdateItem"), "table/audit"),
    ("ConsoleHttp", ("secretsmanager:PutSecretValue",), "secret/tokens"),
    ("MembersHttp", WRITES, "table/rulebook"),
    ("MembersHttp", ANY, "table/console"),
    ("MembersHttp", READS, "table/audit"),
    ("EarningHttp", ANY, "table/members"),
    ("EarningHttp", ANY, "table/console"),
    ("EarningHttp", WRITES, "table/rulebook"),
    ("EarningHttp", READS, "table/audit"),
    ("Orders", ANY, "table/members"),
    ("Orders", ANY, "table/guard"),
    ("Orders", WRITES, "table/rulebook"),
    ("Orders", ("sqs:SendMessage",), "queue/orders.fifo"),
    # An inbox is read, and its notices are marked as read; who is told what is decided elsewhere.
    ("NoticesHttp", WRITES, "table/accounts"),
    ("NoticesHttp", ANY, "table/journal"),
    ("NoticesHttp", ("dynamodb:PutItem", "dynamodb:DeleteItem"), "table/notices"),
    ("TiersHttp", ANY, "table/members"),
    ("TiersHttp", WRITES, "table/rulebook"),
    # A schedule only says that it is time; the pages are the workers'.
    *((schedule, ANY, f"table/{table}") for schedule in SCHEDULES for table in ("accounts", "journal", "notices")),
    *((worker, ("dynamodb:UpdateItem", "dynamodb:DeleteItem"), "table/notices") for worker in ("PointsDue", "TierDue")),
    ("PointsDue", ("sqs:SendMessage",), "queue/tier-due"),
    ("TierDue", ("sqs:SendMessage",), "queue/points-due"),
    ("Relay", WRITES, "table/rulebook"),
    ("Relay", ANY, "table/accounts"),
    ("Relay", ANY, "table/journal"),
    ("CountFacts", ANY, "table/accounts"),
    ("CountFacts", ANY, "table/journal"),
    ("CountFacts", ANY, "table/members"),
    # No points leave a journal that nobody can rewrite; no account disappears.
    *((function, ("dynamodb:UpdateItem", "dynamodb:DeleteItem"), "table/journal") for function in FUNCTIONS),
    *((function, ("dynamodb:UpdateItem", "dynamodb:DeleteItem"), "table/accounts") for function in FUNCTIONS),
    *((f, ("dynamodb:BatchWriteItem", "dynamodb:DeleteTable"), "table/accounts") for f in FUNCTIONS),
    # Everybody's account is read only when the rules have changed.
    *((f, ("dynamodb:Scan",), "table/accounts") for f in FUNCTIONS if f != "Reevaluate"),
    # Workers are called by AWS, not by people: they verify nobody and know no secret.
    *(
        (worker, ("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"), f"secret/{secret}")
        for worker in (*QUEUE_WORKERS, *SCHEDULES, RELAY)
        for secret in ("tokens", "merchants", "wechat")
    ),
    *((function, ("sns:Publish",), "topic/facts") for function in FUNCTIONS if function != RELAY),
    *((function, ("sns:Publish",), "topic/alarms") for function in FUNCTIONS),
]


@pytest.mark.parametrize(("function", "actions", "resource"), IMPOSSIBLE)
def test_it_is_impossible(app_template: Template, function: str, actions: tuple[str, ...], resource: str) -> None:
    assert not [action for action in actions if may(app_template, function, action, resource)]


@pytest.mark.parametrize(
    ("secret", "readers", "writers"),
    [
        ("tokens", {f for f in FUNCTIONS if f.endswith("Http")}, set()),
        # Earning, holds and coupons verify merchants, the console issues their keys.
        ("merchants", {"EarningHttp", "HoldsHttp", "CouponsHttp", "ConsoleHttp"}, {"ConsoleHttp"}),
        ("wechat", {"MembersHttp"}, set()),
    ],
)
def test_a_secret_is_known_only_where_it_is_needed(
    app_template: Template, secret: str, readers: set[str], writers: set[str]
) -> None:
    def those_who(action: str) -> set[str]:
        return {f for f in FUNCTIONS if may(app_template, f, f"secretsmanager:{action}", f"secret/{secret}")}

    assert (those_who("GetSecretValue"), those_who("PutSecretValue")) == (readers, writers)


def test_the_check_of_the_impossible_sees_what_is_possible(app_template: Template) -> None:
    assert may(app_template, "Orders", "dynamodb:PutItem", "table/journal")
    assert may(app_template, "Orders", "sqs:SendMessage", "queue/orders-dead.fifo")
    assert may(app_template, RELAY, "sns:Publish", "topic/facts")
    assert may(app_template, "MembersHttp", "secretsmanager:GetSecretValue", "secret/wechat")
