"""The app stack's alarms: what somebody on duty has to hear of. Each tells what to do (docs/operations.md)."""

from infra.data_stack import Template, logical, name, sub

SCHEDULE_SECONDS = 3600
# Schedules that fire more often than every hour: how long one of them may be silent, halved.
SOONER_SECONDS = {"HoldExpiry": 300}


def dead_letters(queue: str) -> str:
    """The queue that takes what this one gave up."""
    base, dot, suffix = queue.partition(".")
    return f"{base}-dead{dot}{suffix}"


def _alarm(
    metric: str, namespace: str, dimensions: Template, threshold: int, what: str, statistic: str = "Sum"
) -> Template:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": what,
            "Namespace": namespace,
            "MetricName": metric,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            "Statistic": statistic,
            "Period": 300,
            "EvaluationPeriods": 1,
            "Threshold": threshold,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [
                sub("arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:membership-${Stage}-alarms")
            ],
        },
    }


def _silent(function: str) -> Template:
    """Rings when a schedule stopped firing, which no other alarm would tell: no invocation makes no error. Two periods
    in a row, since one of the alarm's hours may begin just after one run and end just before the next."""
    seconds = SOONER_SECONDS.get(function, SCHEDULE_SECONDS)
    told = {3600: "two hours", 300: "ten minutes"}[seconds]
    what = f"{function} was not invoked for {told}: its schedule does not fire (docs/operations.md)"
    alarm = _alarm("Invocations", "AWS/Lambda", {"FunctionName": name(function)}, 1, what)
    alarm["Properties"] |= {
        "Period": seconds,
        "EvaluationPeriods": 2,
        "ComparisonOperator": "LessThanThreshold",
        # Of a function that is not invoked there is no data.
        "TreatMissingData": "breaching",
    }
    return alarm


def alarms(
    functions: list[str], queue_workers: dict[str, tuple[str, str, str, int]], schedules: dict[str, str]
) -> Template:
    """Every alarm of the app stack. `queue_workers` and `schedules` as `app_stack` has them."""
    found: Template = {}
    for function in functions:
        dimensions = {"FunctionName": name(function)}
        found[f"{function}Errors"] = _alarm("Errors", "AWS/Lambda", dimensions, 1, f"{function} raised")
        found[f"{function}Throttles"] = _alarm("Throttles", "AWS/Lambda", dimensions, 1, f"{function} was throttled")
    queues = [queue for _, _, queue, _ in queue_workers.values()]
    for queue in [*(dead_letters(queue) for queue in queues), "relay-dead"]:
        key = logical(queue.split(".")[0])
        metric = "ApproximateNumberOfMessagesVisible"
        what = f"messages wait in {queue}: read their reason, mend, redrive (docs/operations.md)"
        found[f"{key}Messages"] = _alarm(metric, "AWS/SQS", {"QueueName": name(queue)}, 1, what, "Maximum")
    for queue in queues:
        key = logical(queue.split(".")[0])
        what = f"{queue} is more than 10 minutes behind"
        metric = "ApproximateAgeOfOldestMessage"
        found[f"{key}Age"] = _alarm(metric, "AWS/SQS", {"QueueName": name(queue)}, 600, what, "Maximum")
    for function, handler in schedules.items():
        job = handler.rpartition(".")[2]
        what = f"{job}: members who could not be decided: search the log of the queue's worker for `failure`"
        which: Template = {"job": job, "stage": {"Ref": "Stage"}}
        found[f"{function}Members"] = _alarm("members_not_decided", "membership", which, 1, what)
        found[f"{function}Silent"] = _silent(function)
    stage: Template = {"stage": {"Ref": "Stage"}}
    what = "an offer's codes run low: search the log of RedemptionHttp for `codes_are_low`, load more"
    found["CodesLow"] = _alarm("codes_low", "membership", stage, 1, what)
    what = "codes that cannot be opened: search the log of RedemptionHttp for `code_unreadable` (docs/operations.md)"
    found["CodesUnreadable"] = _alarm("codes_unreadable", "membership", stage, 1, what)
    # A bug behind a route is answered with 500, not raised: only the API's own count shows it.
    what = "the API answered 5xx: search the functions' logs for `failure`"
    found["ApiErrors"] = _alarm("5XXError", "AWS/ApiGateway", {"ApiName": name("api")}, 1, what)
    what = "facts are more than 10 minutes behind the journal"
    found["RelayAge"] = _alarm("IteratorAge", "AWS/Lambda", {"FunctionName": name("Relay")}, 600_000, what, "Maximum")
    return found
