"""The app stack's merge template: generated from the app's own routes and handlers, merged by `chalice package`.

Chalice puts every route behind one function. Here each room gets its own HTTP function, each path's integration points
at its room, and every function gets its own role, log group and alarms. Chalice's own function serves nothing any more
and is taken out after packaging (`prune`).
"""

import json
import sys
from typing import Any

from chalice.app import Chalice

from chalicelib.shared.config import LIVE
from infra.access import ACCESS, statements
from infra.alarms import alarms
from infra.data_stack import WORKER_SECONDS, Template, att, logical, name, sub

# Members wait for HTTP answers: API Gateway gives up at 29 s, the mini-program long before.
HTTP_SECONDS = 10
MEMORY_MB = 512
LOG_DAYS = 30

QUEUE_WORKERS = {
    "Orders": ("chalicelib.earning.workers.orders", "OrdersSqsEventSource", "orders.fifo", 10),
    "CountFacts": ("chalicelib.insights.workers.count_facts", "CountFactsSqsEventSource", "metrics", 10),
    # A message is a page of members: one fits an invocation.
    "PointsDue": ("chalicelib.earning.workers.points_due", "PointsDueSqsEventSource", "points-due", 1),
    "TierDue": ("chalicelib.tiers.workers.tier_due", "TierDueSqsEventSource", "tier-due", 1),
    "HoldsDue": ("chalicelib.holds.workers.holds_due", "HoldsDueSqsEventSource", "holds-due", 1),
    "Reevaluate": (
        "chalicelib.tiers.reevaluation_workers.reevaluate",
        "ReevaluateSqsEventSource",
        "reevaluation",
        1,
    ),
    "IssueCoupons": ("chalicelib.coupons.workers.issue_coupons", "IssueCouponsSqsEventSource", "coupons", 10),
    "CouponsDue": ("chalicelib.coupons.workers.coupons_due", "CouponsDueSqsEventSource", "coupons-due", 1),
}
# function → handler, which is named as its job. When each runs stands beside its code.
SCHEDULES = {
    "PendingRelease": "chalicelib.earning.workers.pending_release",
    "PointsExpiry": "chalicelib.earning.workers.points_expiry",
    "BenefitGrants": "chalicelib.tiers.workers.benefit_grants",
    "TierReview": "chalicelib.tiers.workers.tier_review",
    "HoldExpiry": "chalicelib.holds.workers.hold_expiry",
    "CouponExpiry": "chalicelib.coupons.workers.coupon_expiry",
}
RELAY = "Relay"
NO_TEST_CLOCKS_IN_LIVE = {
    "RuleCondition": {"Fn::Equals": [{"Ref": "Stage"}, LIVE]},
    "Assertions": [
        {
            "Assert": {"Fn::Equals": [{"Ref": "TestClocks"}, "off"]},
            "AssertDescription": "test clocks move members' time: they are never on in the live stage",
        }
    ],
}
# How many copies of a worker may run at once, so that a flood in a queue leaves the account's concurrency to members.
# A queue's mapping keeps to it by itself. With ReservedConcurrency=on the same number is also set aside for the worker,
# so that a rush of members cannot starve it, and it caps the relay, whose stream has no other bound. Off by default:
# AWS refuses a reservation that leaves the account fewer than 100, and a new account may have 10 in all.
# HTTP functions have none: a reservation is a ceiling too, and the ceiling of members is the account's.
MAX_CONCURRENCY = {
    "Orders": 50,
    "CountFacts": 10,
    "PointsDue": 5,
    "TierDue": 5,
    "HoldsDue": 5,
    "Reevaluate": 8,
    "IssueCoupons": 10,
    "CouponsDue": 5,
    RELAY: 20,
}
MAX_CONCURRENCY |= dict.fromkeys(SCHEDULES, 1)
# Only entries leave the journal: a place kept for one has no `seq`. (A parked place becomes an entry by MODIFY.)
ENTRIES = {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"seq": {"N": [{"exists": True}]}}}}


def room_of(view: Any) -> str:
    """The room of a handler: chalicelib.<room>.…"""
    return str(view.__module__.split(".")[1])


def http_rooms(app: Chalice) -> list[str]:
    """Every room with routes."""
    return sorted({room_of(entry.view_function) for methods in app.routes.values() for entry in methods.values()})


def http_function(room: str) -> str:
    """The logical name of a room's HTTP function."""
    return f"{room.capitalize()}Http"


def handlers(app: Chalice) -> dict[str, str]:
    """function → handler string, for every function of the stack."""
    found = {http_function(room): f"chalicelib.{room}.entry.http" for room in http_rooms(app)}
    found |= {function: handler for function, (handler, *_) in QUEUE_WORKERS.items()}
    return found | SCHEDULES | {RELAY: "chalicelib.notices.workers.relay"}


def _environment(function: str) -> Template:
    variables: Template = {"STAGE": {"Ref": "Stage"}}
    if function == "Orders":
        variables["ORDERS_DEAD_QUEUE_URL"] = {"Ref": "OrdersDeadQueueUrl"}
    for queue in ("points-due", "tier-due", "holds-due", "reevaluation", "coupons-due"):
        if queue in ACCESS[function].sends:
            variables[f"{queue.upper().replace('-', '_')}_QUEUE_URL"] = {"Ref": f"{logical(queue)}QueueUrl"}
    if function == RELAY:
        variables["FACTS_TOPIC_ARN"] = {"Ref": "FactsTopicArn"}
    if function == "TiersHttp":
        variables["TEST_CLOCKS"] = {"Ref": "TestClocks"}
    if function == "MembersHttp":
        variables["WECHAT_URL"] = {"Ref": "WechatUrl"}
    return {"Variables": variables}


def _common(function: str, seconds: int) -> Template:
    return {
        "FunctionName": name(function),
        "Role": att(f"{function}Role"),
        "MemorySize": MEMORY_MB,
        "Timeout": seconds,
        "Environment": _environment(function),
        "Tags": {"function": function},
    }


def _http(room: str) -> Template:
    function = http_function(room)
    return {
        function: {
            "Type": "AWS::Serverless::Function",
            "DependsOn": f"{function}Logs",
            "Properties": {
                "Runtime": "python3.11",
                "Handler": f"chalicelib.{room}.entry.http",
                "CodeUri": "./deployment.zip",
                **_common(function, HTTP_SECONDS),
            },
        },
        f"{function}InvokePermission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "FunctionName": {"Ref": function},
                "Action": "lambda:InvokeFunction",
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": sub("arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${RestAPI}/*"),
            },
        },
    }


def _worker(function: str) -> Template:
    reserved = {"Fn::If": ["Reserved", MAX_CONCURRENCY[function], {"Ref": "AWS::NoValue"}]}
    return {**_common(function, WORKER_SECONDS), "ReservedConcurrentExecutions": reserved}


def _queue_worker(function: str) -> Template:
    _, event, queue, batch = QUEUE_WORKERS[function]
    mapping = {
        "Queue": sub("arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:membership-${Stage}-" + queue),
        "BatchSize": batch,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": MAX_CONCURRENCY[function]},
    }
    return {
        function: {
            "DependsOn": f"{function}Logs",
            "Properties": {**_worker(function), "Events": {event: {"Properties": mapping}}},
        }
    }


def _schedule(function: str) -> Template:
    """A scheduled function: Chalice's own template has the schedule."""
    return {function: {"DependsOn": f"{function}Logs", "Properties": _worker(function)}}


def _relay() -> Template:
    mapping = {
        "Stream": {"Ref": "JournalStreamArn"},
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 100,
        "MaximumRetryAttempts": 50,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "FilterCriteria": {
            "Filters": [{"Pattern": json.dumps(ENTRIES)}],
        },
        "DestinationConfig": {
            "OnFailure": {
                "Destination": sub(
                    "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:membership-${Stage}-relay-dead"
                )
            }
        },
    }
    return {
        RELAY: {
            "DependsOn": f"{RELAY}Logs",
            "Properties": {
                **_worker(RELAY),
                "Events": {"Journal": {"Type": "DynamoDB", "Properties": mapping}},
            },
        }
    }


def _role(function: str) -> Template:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    policy = {"Version": "2012-10-17", "Statement": statements(function)}
    return {
        f"{function}Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": trust,
                "Policies": [{"PolicyName": "access", "PolicyDocument": policy}],
            },
        },
        f"{function}Logs": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {
                "LogGroupName": sub(f"/aws/lambda/membership-${{Stage}}-{function}"),
                "RetentionInDays": LOG_DAYS,
            },
        },
    }


def _gateway_response(status: str | None, code: str, message: str, message_zh: str, retryable: bool) -> Template:
    """What API Gateway answers by itself, in our error shape; under its own status when none is given."""
    body = (
        f'{{"error": {{"code": "{code}", "message": "{message}", "message_zh": "{message_zh}", '
        f'"request_id": "$context.requestId", "retryable": {str(retryable).lower()}, "details": []}}}}'
    )
    headers = {"gatewayresponse.header.X-Request-Id": "context.requestId"}
    if status == "429":
        headers["gatewayresponse.header.Retry-After"] = "'1'"
    kept = {"statusCode": status} if status else {}
    return {**kept, "responseTemplates": {"application/json": body}, "responseParameters": headers}


GATEWAY_RESPONSES = {
    "MISSING_AUTHENTICATION_TOKEN": _gateway_response("404", "NOT_FOUND", "There is nothing here.", "没有找到", False),
    "REQUEST_TOO_LARGE": _gateway_response("413", "BODY_TOO_LARGE", "The body is too large.", "请求内容过大", False),
    "THROTTLED": _gateway_response("429", "TOO_MANY_REQUESTS", "Too many requests.", "操作太频繁，请稍后再试", True),
    "DEFAULT_4XX": _gateway_response(None, "REFUSED", "The request was refused.", "请求被拒绝", False),
    "DEFAULT_5XX": _gateway_response("503", "UNAVAILABLE", "Temporarily unavailable.", "系统繁忙，请稍后重试", True),
}


def _paths(app: Chalice) -> Template:
    """Each path's integration, pointed at its room's function."""
    paths: Template = {}
    for path, methods in app.routes.items():
        for method, entry in methods.items():
            function = http_function(room_of(entry.view_function))
            uri = sub(
                "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
                f"${{{function}.Arn}}/invocations"
            )
            paths.setdefault(path, {})[method.lower()] = {"x-amazon-apigateway-integration": {"uri": uri}}
    return paths


def template(app: Chalice) -> Template:
    """The merge template."""
    functions = list(handlers(app))
    resources: Template = {}
    for room in http_rooms(app):
        resources |= _http(room)
    for worker in QUEUE_WORKERS:
        resources |= _queue_worker(worker)
    for schedule in SCHEDULES:
        resources |= _schedule(schedule)
    resources |= _relay()
    for function in functions:
        resources |= _role(function)
    resources |= alarms(functions, QUEUE_WORKERS, SCHEDULES)
    resources["RestAPI"] = {
        "Properties": {
            "Name": name("api"),
            "DefinitionBody": {
                "paths": _paths(app),
                "x-amazon-apigateway-gateway-responses": GATEWAY_RESPONSES,
            },
        }
    }
    return {
        "Description": "Membership: app (functions, API)",
        "Parameters": {
            "Stage": {"Type": "String", "AllowedPattern": "[a-z][a-z0-9]{1,15}"},
            "JournalStreamArn": {"Type": "String"},
            "FactsTopicArn": {"Type": "String"},
            "OrdersDeadQueueUrl": {"Type": "String"},
            "PointsDueQueueUrl": {"Type": "String"},
            "TierDueQueueUrl": {"Type": "String"},
            "HoldsDueQueueUrl": {"Type": "String"},
            "ReevaluationQueueUrl": {"Type": "String"},
            "CouponsDueQueueUrl": {"Type": "String"},
            "WechatUrl": {"Type": "String", "Default": "https://api.weixin.qq.com"},
            "ReservedConcurrency": {"Type": "String", "AllowedValues": ["on", "off"], "Default": "off"},
            "TestClocks": {"Type": "String", "AllowedValues": ["on", "off"], "Default": "off"},
        },
        # CloudFormation itself refuses test clocks among real members, before anything is deployed.
        "Rules": {"NoTestClocksInLive": NO_TEST_CLOCKS_IN_LIVE},
        "Conditions": {"Reserved": {"Fn::Equals": [{"Ref": "ReservedConcurrency"}, "on"]}},
        "Resources": resources,
        "Outputs": {"ApiId": {"Value": {"Ref": "RestAPI"}}},
    }


def prune(packaged: Template, bucket: str, key: str) -> Template:
    """`chalice package`'s result without the function that serves nothing, its code taken from S3."""
    for gone in ("APIHandler", "APIHandlerInvokePermission"):
        packaged["Resources"].pop(gone, None)
    for output in ("APIHandlerArn", "APIHandlerName"):
        packaged.get("Outputs", {}).pop(output, None)
    for resource in packaged["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
            # The wheels in the package are for the interpreter that packaged them.
            resource["Properties"]["Runtime"] = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return packaged
