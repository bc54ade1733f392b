"""Who may touch what. One line a function: exactly what its code does, no more. Tests measure every call of every
route and worker and fail on a grant that is missing and on one that nothing uses.

Rights on a table are letters: `g` GetItem, `q` Query, `i` Query on its indexes, `s` Scan, `p` PutItem, `u` UpdateItem,
`d` DeleteItem. A secret is read, `r`, or read and replaced, `rw`.
"""

from dataclasses import dataclass, field
from typing import Any

from infra.data_stack import sub
from infra.tables import TABLES

ACTIONS = {"g": "GetItem", "q": "Query", "s": "Scan", "p": "PutItem", "u": "UpdateItem", "d": "DeleteItem"}


@dataclass(frozen=True)
class Access:
    """The grants of one function, by logical name of the thing. What Lambda itself does in the function's name:
    `consumes` a queue, reads `streams`, and leaves what it gave up in `failures`."""

    tables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    sends: tuple[str, ...] = ()
    publishes: tuple[str, ...] = ()
    consumes: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()


# Nobody may update or delete an entry of the journal: what has happened stays.
ACCESS: dict[str, Access] = {
    "MembersHttp": Access(
        tables={"accounts": "gp", "journal": "gpi", "members": "gqpd", "rulebook": "g", "guard": "gp", "audit": "p"},
        secrets={"tokens": "r", "wechat": "r"},
    ),
    "EarningHttp": Access(
        tables={"accounts": "gp", "journal": "gqpi", "rulebook": "g", "guard": "gp", "audit": "p"},
        secrets={"tokens": "r", "merchants": "r"},
    ),
    "ConsoleHttp": Access(
        tables={"console": "gqpu", "rulebook": "gqp", "guard": "gpu", "audit": "qp"},
        secrets={"tokens": "r", "merchants": "rw"},
    ),
    "NoticesHttp": Access(tables={"accounts": "g", "notices": "gqu"}, secrets={"tokens": "r"}),
    "TiersHttp": Access(
        tables={
            "accounts": "gp",
            "journal": "gqp",
            "rulebook": "g",
            "guard": "g",
            "audit": "p",
            "notices": "p",
            "clocks": "gp",
            "jobs": "qp",
        },
        secrets={"tokens": "r"},
        sends=("reevaluation",),
    ),
    "RedemptionHttp": Access(
        tables={
            "accounts": "gp",
            "journal": "gqpi",
            "rulebook": "g",
            "redemption": "gqpudi",
            "guard": "g",
            "audit": "p",
        },
        secrets={"tokens": "r", "codes": "r"},
    ),
    "HoldsHttp": Access(
        tables={"accounts": "gp", "journal": "gqp", "rulebook": "g", "guard": "p"},
        secrets={"tokens": "r", "merchants": "r"},
    ),
    "LotteryHttp": Access(
        tables={"accounts": "gp", "journal": "gp", "rulebook": "g", "lottery": "gqpui", "guard": "g", "audit": "p"},
        secrets={"tokens": "r"},
    ),
    "CouponsHttp": Access(
        tables={
            "accounts": "gp",
            "journal": "gp",
            "rulebook": "g",
            "coupons": "gqpi",
            "notices": "p",
            "guard": "gp",
            "audit": "p",
        },
        secrets={"tokens": "r", "merchants": "r"},
    ),
    "InsightsHttp": Access(tables={"metrics": "q", "guard": "g"}, secrets={"tokens": "r"}),
    "Orders": Access(
        tables={"accounts": "gp", "journal": "gqp", "rulebook": "g"},
        sends=("orders-dead.fifo",),
        consumes=("orders.fifo",),
    ),
    "Relay": Access(tables={"rulebook": "g"}, publishes=("facts",), streams=("journal",), failures=("relay-dead",)),
    "CountFacts": Access(tables={"metrics": "u", "guard": "p"}, consumes=("metrics",)),
    "IssueCoupons": Access(
        tables={"rulebook": "g", "coupons": "gqpu", "notices": "p"},
        consumes=("coupons",),
    ),
    "CouponExpiry": Access(sends=("coupons-due",)),
    "CouponsDue": Access(
        tables={"rulebook": "g", "coupons": "gpi", "notices": "p"},
        sends=("coupons-due",),
        consumes=("coupons-due",),
    ),
    "PendingRelease": Access(sends=("points-due",)),
    "PointsExpiry": Access(sends=("points-due",)),
    "PointsDue": Access(
        tables={"accounts": "gpi", "journal": "gp", "rulebook": "g", "notices": "p"},
        sends=("points-due",),
        consumes=("points-due",),
    ),
    # Starts the evaluation of everybody when a new rulebook is in force.
    "TierReview": Access(
        tables={"rulebook": "g", "jobs": "qp", "audit": "p"},
        sends=("tier-due", "reevaluation"),
    ),
    "BenefitGrants": Access(sends=("tier-due",)),
    "TierDue": Access(
        tables={"accounts": "gpi", "journal": "gp", "rulebook": "g", "notices": "p"},
        sends=("tier-due",),
        consumes=("tier-due",),
    ),
    # Looks at the index of what is held, and asks for a run only where something has expired.
    "HoldExpiry": Access(tables={"accounts": "i"}, sends=("holds-due",)),
    "HoldsDue": Access(
        tables={"accounts": "gpi", "journal": "gqp", "rulebook": "g"},
        sends=("holds-due",),
        consumes=("holds-due",),
    ),
    "Reevaluate": Access(
        tables={"accounts": "gsp", "journal": "gp", "rulebook": "g", "notices": "p", "jobs": "qp"},
        sends=("reevaluation",),
        consumes=("reevaluation",),
    ),
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
        actions = [f"dynamodb:{action}" for letter, action in ACTIONS.items() if letter in rights]
        if actions:
            found.append(_statement(actions, [_arn("dynamodb", arn)]))
        if "i" in rights:
            found.append(_statement(["dynamodb:Query"], [_arn("dynamodb", f"{arn}/index/{i}") for i in indexes[table]]))
    for secret, rights in access.secrets.items():
        actions = ["secretsmanager:GetSecretValue"] + (["secretsmanager:PutSecretValue"] if "w" in rights else [])
        # Secrets Manager appends six random characters to the name.
        found.append(_statement(actions, [_arn("secretsmanager", f"secret:membership/${{Stage}}/{secret}-??????")]))
    for queue in (*access.sends, *access.failures):
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
