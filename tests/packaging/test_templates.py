"""What the two stacks promise: nothing is lost in a queue, nothing is lost from a table, somebody is told."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app import app
from chalicelib.coupons.expiry import JOB as COUPON_EXPIRY
from chalicelib.ledger.due import JOBS
from infra.access import ACCESS
from infra.app_stack import (
    HTTP_SECONDS,
    LOG_DAYS,
    MAX_CONCURRENCY,
    MEMORY_MB,
    QUEUE_WORKERS,
    RELAY,
    SCHEDULES,
    handlers,
)
from infra.data_stack import VISIBILITY_SECONDS, WORKER_SECONDS, logical
from infra.tables import TABLES
from tests.packaging.conftest import Template

REGIONS = ("us-east-1", "cn-north-1", "cn-northwest-1")


def lint(template: Template, folder: Path) -> list[str]:
    """cfn-lint's errors and warnings, for all regions in one go. Nothing is ignored."""
    path = folder / "template.json"
    path.write_text(json.dumps(template))
    program = Path(sys.executable).with_name("cfn-lint")
    command = [str(program), "--regions", *REGIONS, "--format", "json", "--template", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout or "[]")
    assert bool(found) == bool(done.returncode), done.stderr
    return [f"{one['Rule']['Id']} {one['Location']['Path']}: {one['Message']}" for one in found]


def test_both_templates_are_clean_in_aws_and_aws_china(
    app_template: Template, data_template: Template, tmp_path: Path
) -> None:
    assert lint(app_template, tmp_path) == []
    assert lint(data_template, tmp_path) == []


def test_the_lint_finds_what_is_wrong(data_template: Template, tmp_path: Path) -> None:
    broken = json.loads(json.dumps(data_template))
    broken["Resources"]["OrdersQueue"]["Properties"]["VisibilityTimeout"] = 43_201
    broken["Resources"]["JournalTable"]["Properties"]["StreamSpecification"] = {"StreamViewType": "ALL_OF_IT"}
    broken["Parameters"]["Unused"] = {"Type": "String"}
    assert {finding.split(" ")[0] for finding in lint(broken, tmp_path)} == {"E3030", "E3034", "W2001"}


def mappings(template: Template, function: str) -> dict[str, Any]:
    """The one event source of a worker."""
    (source,) = template["Resources"][function]["Properties"]["Events"].values()
    found: dict[str, Any] = source["Properties"]
    return found


@pytest.mark.parametrize("function", QUEUE_WORKERS)
def test_a_queue_worker_fails_message_by_message_and_never_loses_one(
    app_template: Template, data_template: Template, function: str
) -> None:
    mapping, (queue,) = mappings(app_template, function), ACCESS[function].consumes
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": MAX_CONCURRENCY[function]}
    assert mapping["Queue"]["Fn::Sub"].endswith(f":membership-${{Stage}}-{queue}")
    resources, thing = data_template["Resources"], logical(queue.split(".")[0])
    properties = resources[f"{thing}Queue"]["Properties"]
    assert properties["QueueName"]["Fn::Sub"] == f"membership-${{Stage}}-{queue}"
    assert properties["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": [f"{thing}DeadQueue", "Arn"]}
    assert properties["RedrivePolicy"]["maxReceiveCount"] >= 5
    timeout = app_template["Resources"][function]["Properties"]["Timeout"]
    assert properties["VisibilityTimeout"] == VISIBILITY_SECONDS > 6 * timeout
    dead = resources[f"{thing}DeadQueue"]["Properties"]
    # The longest SQS allows, and never shorter than the queue's own: a message keeps its age when it moves.
    assert dead["MessageRetentionPeriod"] == 1_209_600 > properties["MessageRetentionPeriod"]
    assert dead.get("FifoQueue") == properties.get("FifoQueue")


def test_the_relay_takes_entries_only_and_gives_up_nothing_silently(
    app_template: Template, data_template: Template
) -> None:
    mapping = mappings(app_template, RELAY)
    (only,) = mapping["FilterCriteria"]["Filters"]
    pattern = {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"seq": {"N": [{"exists": True}]}}}}
    assert json.loads(only["Pattern"]) == pattern
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert 0 < mapping["MaximumRetryAttempts"] <= 100
    (failures,) = ACCESS[RELAY].failures
    destination = mapping["DestinationConfig"]["OnFailure"]["Destination"]["Fn::Sub"]
    assert destination.endswith(f":membership-${{Stage}}-{failures}")
    names = [r["Properties"].get("QueueName") for r in data_template["Resources"].values() if "Queue" in r["Type"]]
    assert {"Fn::Sub": f"membership-${{Stage}}-{failures}"} in names
    assert ACCESS[RELAY].streams == ("journal",)


def test_each_schedule_is_a_function_of_its_own_and_the_hourly_ones_have_each_a_minute_of_their_own(
    app_template: Template,
) -> None:
    found = {}
    for function in SCHEDULES:
        (event,) = app_template["Resources"][function]["Properties"]["Events"].values()
        assert event["Type"] == "Schedule"
        found[function] = event["Properties"]["Schedule"]
    assert len(set(SCHEDULES.values())) == len(SCHEDULES) == 6
    # What must come first: a release before the expiry of what it released, grants before the tier ends that grants.
    assert found == {
        "PendingRelease": "cron(0 * * * ? *)",
        "PointsExpiry": "cron(10 * * * ? *)",
        "BenefitGrants": "cron(20 * * * ? *)",
        "TierReview": "cron(30 * * * ? *)",
        "CouponExpiry": "cron(40 * * * ? *)",
        # Members wait for their points.
        "HoldExpiry": "cron(* * * * ? *)",
    }


def test_a_member_who_could_not_be_decided_rings_an_alarm_of_the_job(app_template: Template) -> None:
    for function, handler in SCHEDULES.items():
        alarm = app_template["Resources"][f"{function}Members"]["Properties"]
        assert (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"]) == ("membership", "members_not_decided", 1)
        job = {"Name": "job", "Value": handler.rpartition(".")[2]}
        assert alarm["Dimensions"] == [job, {"Name": "stage", "Value": {"Ref": "Stage"}}]
        assert job["Value"] in {*JOBS, COUPON_EXPIRY}


def test_a_schedule_that_stops_firing_rings_an_alarm(app_template: Template) -> None:
    resources = app_template["Resources"]
    # Seconds without a run in which at least two should have been: hourly ones, and those of every minute.
    silent_seconds = {r"cron\(\d+ \* \* \* \? \*\)": 7200, r"cron\(\* \* \* \* \? \*\)": 600}
    schedules = {
        function: event["Properties"]["Schedule"]
        for function, resource in resources.items()
        for event in resource["Properties"].get("Events", {}).values()
        if event["Type"] == "Schedule"
    }
    # Of the template, not of our own list: a schedule that the list does not know would ring nothing.
    assert set(schedules) == set(SCHEDULES)
    for function, schedule in schedules.items():
        alarm = resources[f"{function}Silent"]["Properties"]
        assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("AWS/Lambda", "Invocations", "Sum")
        name = {"Fn::Sub": f"membership-${{Stage}}-{function}"}
        assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": name}]
        assert resources[function]["Properties"]["FunctionName"] == name
        # None at all in the whole of two periods, and no data is none.
        (seconds,) = (seconds for pattern, seconds in silent_seconds.items() if re.fullmatch(pattern, schedule))
        assert (alarm["Period"] * 2, alarm["EvaluationPeriods"]) == (seconds, 2)
        assert "DatapointsToAlarm" not in alarm
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
        assert alarm["TreatMissingData"] == "breaching"
    # Every other alarm is about something that happened: where nothing does, nothing is wrong.
    silent = {name for name, r in resources.items() if r["Properties"].get("TreatMissingData") == "breaching"}
    assert silent == {f"{function}Silent" for function in SCHEDULES}


@pytest.mark.parametrize("worker", [*QUEUE_WORKERS, *SCHEDULES, RELAY])
def test_a_worker_s_concurrency_is_set_aside_only_when_the_account_has_room(
    app_template: Template, worker: str
) -> None:
    reserved = app_template["Resources"][worker]["Properties"]["ReservedConcurrentExecutions"]
    assert reserved == {"Fn::If": ["Reserved", MAX_CONCURRENCY[worker], {"Ref": "AWS::NoValue"}]}
    assert app_template["Conditions"]["Reserved"] == {"Fn::Equals": [{"Ref": "ReservedConcurrency"}, "on"]}
    assert app_template["Parameters"]["ReservedConcurrency"]["Default"] == "off"


@pytest.mark.parametrize("function", handlers(app))
def test_a_function_is_sized_logged_and_watched(app_template: Template, function: str) -> None:
    resources = app_template["Resources"]
    properties = resources[function]["Properties"]
    assert properties["MemorySize"] == MEMORY_MB == 512
    assert properties["Timeout"] == (HTTP_SECONDS if function.endswith("Http") else WORKER_SECONDS)
    assert properties["Handler"] == handlers(app)[function]
    assert properties["CodeUri"] == {"Bucket": "a-bucket", "Key": "code/package.zip"}
    assert resources[f"{function}Logs"]["Properties"] == {
        "LogGroupName": {"Fn::Sub": f"/aws/lambda/membership-${{Stage}}-{function}"},
        "RetentionInDays": LOG_DAYS,
    }
    # Else Lambda makes the group itself, without an end.
    assert resources[function]["DependsOn"] == f"{function}Logs"
    assert properties["FunctionName"]["Fn::Sub"] == f"membership-${{Stage}}-{function}"
    for metric in ("Errors", "Throttles"):
        alarm = resources[f"{function}{metric}"]["Properties"]
        assert (alarm["MetricName"], alarm["Namespace"], alarm["Threshold"]) == (metric, "AWS/Lambda", 1)
        assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": properties["FunctionName"]}]


def test_every_alarm_tells_somebody(app_template: Template, data_template: Template) -> None:
    alarms = {k: r["Properties"] for k, r in app_template["Resources"].items() if r["Type"].endswith("::Alarm")}
    # A stream's delay is IteratorAge; a queue's, its oldest message; what waits in a dead-letter queue; the API's 5xx.
    assert {"RelayAge", "OrdersAge", "MetricsAge", "ApiErrors"} <= set(alarms)
    assert {"OrdersDeadMessages", "MetricsDeadMessages", "RelayDeadMessages"} <= set(alarms)
    assert {"PointsDueAge", "PointsDueDeadMessages", "TierDueAge", "TierDueDeadMessages"} <= set(alarms)
    arn = "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:membership-${Stage}-alarms"
    assert [alarm["AlarmActions"] for alarm in alarms.values()] == [[{"Fn::Sub": arn}]] * len(alarms)
    assert (
        data_template["Resources"]["AlarmsTopic"]["Properties"]["TopicName"]["Fn::Sub"] == "membership-${Stage}-alarms"
    )
    queues = [r["Properties"]["QueueName"] for r in data_template["Resources"].values() if r["Type"].endswith("Queue")]
    watched = [a["Dimensions"][0]["Value"] for a in alarms.values() if a["Namespace"] == "AWS/SQS"]
    assert sorted(map(str, watched)) == sorted(map(str, queues))


def test_the_api_is_regional_and_each_route_goes_to_its_own_room(app_template: Template) -> None:
    api = app_template["Resources"]["RestAPI"]["Properties"]
    assert api["EndpointConfiguration"] == "REGIONAL"
    for path, methods in app.routes.items():
        for method, route in methods.items():
            integration = api["DefinitionBody"]["paths"][path][method.lower()]["x-amazon-apigateway-integration"]
            room = route.view_function.__module__.split(".")[1]
            assert f"functions/${{{room.capitalize()}Http.Arn}}/invocations" in integration["uri"]["Fn::Sub"]
    assert "APIHandler" not in json.dumps(app_template)


def test_every_arn_names_its_partition(app_template: Template, data_template: Template) -> None:
    for template in (app_template, data_template):
        assert "arn:aws:" not in json.dumps(template)
        assert "amazonaws.com.cn" not in json.dumps(template)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_can_be_restored_and_cannot_be_lost(data_template: Template, table: Any) -> None:
    resource = data_template["Resources"][f"{logical(table.name)}Table"]
    assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == ("Retain", "Retain")
    properties = resource["Properties"]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["DeletionProtectionEnabled"] == {"Fn::If": ["Protected", True, False]}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    view = {"StreamViewType": "NEW_IMAGE"} if table.name in ("accounts", "journal") else None
    assert properties.get("StreamSpecification") == view
    # Only notes that nobody relies on are tidied up by DynamoDB.
    tidied = {"AttributeName": "expires_at", "Enabled": True} if table.name in ("guard", "jobs") else None
    assert properties.get("TimeToLiveSpecification") == tidied


def test_deletion_protection_is_on_unless_a_stage_is_made_for_trials(data_template: Template) -> None:
    assert data_template["Parameters"]["DeletionProtection"] == {
        "Type": "String", "AllowedValues": ["on", "off"], "Default": "on",
    }  # fmt: skip
    assert data_template["Conditions"]["Protected"] == {"Fn::Equals": [{"Ref": "DeletionProtection"}, "on"]}


def test_secrets_and_files_are_kept_encrypted_and_private(data_template: Template) -> None:
    resources = data_template["Resources"].values()
    kept = [r for r in resources if r["Type"] in ("AWS::SecretsManager::Secret", "AWS::S3::Bucket")]
    assert len(kept) == 5
    assert {(r["DeletionPolicy"], r["UpdateReplacePolicy"]) for r in kept} == {("Retain", "Retain")}
    (bucket,) = [r["Properties"] for r in kept if r["Type"] == "AWS::S3::Bucket"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert all(r["Properties"]["SqsManagedSseEnabled"] for r in resources if r["Type"] == "AWS::SQS::Queue")
