"""The data stack: tables, queues, topic, secrets, bucket. It outlives every deployment of the code.

Tables and the bucket are retained when the stack goes; point-in-time recovery and deletion protection are on (deletion
protection is a parameter, so that a stage made for trials can be removed).
"""

from typing import Any

from infra.tables import TABLES, Table, create_table_arguments

Template = dict[str, Any]

# A queue's visibility time-out must exceed six times its function's time-out (AWS Lambda developer guide, SQS).
WORKER_SECONDS = 30
VISIBILITY_SECONDS = 6 * WORKER_SECONDS + 20
RECEIVES = 5
MESSAGE_BYTES = 250_000


def sub(text: str) -> Template:
    """CloudFormation's Fn::Sub."""
    return {"Fn::Sub": text}


def name(thing: str) -> Template:
    """The physical name of a thing of this stage."""
    return sub("membership-${Stage}-" + thing)


def att(resource: str, attribute: str = "Arn") -> Template:
    """CloudFormation's Fn::GetAtt."""
    return {"Fn::GetAtt": [resource, attribute]}


def logical(text: str) -> str:
    """`orders-dead` → `OrdersDead`."""
    return "".join(part.capitalize() for part in text.replace("_", "-").split("-"))


def _table(table: Table) -> Template:
    properties = create_table_arguments(table, "")
    properties["TableName"] = name(table.name)
    properties["PointInTimeRecoverySpecification"] = {"PointInTimeRecoveryEnabled": True}
    properties["DeletionProtectionEnabled"] = {"Fn::If": ["Protected", True, False]}
    properties["SSESpecification"] = {"SSEEnabled": True}
    if table.stream:
        # CloudFormation knows the stream by its view type alone.
        properties["StreamSpecification"] = {"StreamViewType": table.stream}
    if table.ttl:
        properties["TimeToLiveSpecification"] = {"AttributeName": table.ttl, "Enabled": True}
    return {
        "Type": "AWS::DynamoDB::Table",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": properties,
    }


def _queues(queue: str, fifo: bool) -> dict[str, Template]:
    """A queue and its dead-letter queue, which keeps messages for the longest time SQS allows. The queue takes a little
    less than a message may be, so that there is room for the reason when one is set aside."""
    suffix = ".fifo" if fifo else ""
    common: Template = {"FifoQueue": True} if fifo else {}
    dead = logical(queue) + "DeadQueue"
    return {
        dead: {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                **common,
                "QueueName": name(f"{queue}-dead{suffix}"),
                "MessageRetentionPeriod": 1_209_600,
                "SqsManagedSseEnabled": True,
            },
        },
        logical(queue) + "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                **common,
                "QueueName": name(queue + suffix),
                "VisibilityTimeout": VISIBILITY_SECONDS,
                "MaximumMessageSize": MESSAGE_BYTES,
                "MessageRetentionPeriod": 345_600,
                "SqsManagedSseEnabled": True,
                "RedrivePolicy": {"deadLetterTargetArn": att(dead), "maxReceiveCount": RECEIVES},
            },
        },
    }


# What the coupons' queue is told of: kinds of entry, and names of facts within them (`about` of each message).
ABOUT_COUPONS = ("coupons", "coupons_withdrawn", "first", "refunded_in_full")


def _subscription(queue: str, about: tuple[str, ...] = ()) -> dict[str, Template]:
    """The queue is told of every fact, or of those `about` one of these; and SNS may send to it."""
    thing = logical(queue)
    chosen: Template = {"FilterPolicy": {"about": list(about)}} if about else {}
    return {
        f"{thing}Subscription": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": {"Ref": "FactsTopic"},
                "Protocol": "sqs",
                "Endpoint": att(f"{thing}Queue"),
                "RawMessageDelivery": True,
                **chosen,
            },
        },
        f"{thing}QueuePolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [{"Ref": f"{thing}Queue"}],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "sns.amazonaws.com"},
                            "Action": "sqs:SendMessage",
                            "Resource": att(f"{thing}Queue"),
                            "Condition": {"ArnEquals": {"aws:SourceArn": {"Ref": "FactsTopic"}}},
                        }
                    ],
                },
            },
        },
    }


def _topics() -> dict[str, Template]:
    """The topic of facts with its subscriptions (a consumer more is a subscription more), and the topic of alarms, to
    which whoever is on duty subscribes."""
    return {
        "AlarmsTopic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name("alarms")}},
        "FactsTopic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name("facts")}},
        **_subscription("metrics"),
        **_subscription("coupons", ABOUT_COUPONS),
        # Without one of its own the topic is open to the whole account, whatever the roles say.
        "FactsTopicPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {
                "Topics": [{"Ref": "FactsTopic"}],
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")},
                            "Action": "sns:Publish",
                            "Resource": {"Ref": "FactsTopic"},
                        }
                    ],
                },
            },
        },
    }


def _secret(thing: str, description: str, **properties: Any) -> Template:
    return {
        "Type": "AWS::SecretsManager::Secret",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {"Name": sub("membership/${Stage}/" + thing), "Description": description, **properties},
    }


def _secrets() -> dict[str, Template]:
    """Values never appear in a template: keys of tokens and codes are generated, others are set after deployment."""
    generated = {
        "SecretStringTemplate": '{"current": "k1"}',
        "GenerateStringKey": "k1",
        "PasswordLength": 64,
        "ExcludePunctuation": True,
    }
    return {
        "TokensSecret": _secret("tokens", "Keys that sign access tokens", GenerateSecretString=generated),
        "MerchantsSecret": _secret("merchants", "HMAC keys of merchant servers", SecretString="{}"),
        "CodesSecret": _secret("codes", "Keys that seal the codes of virtual offers", GenerateSecretString=generated),
        "WechatSecret": _secret("wechat", "appid and secret of the mini-program", SecretString="{}"),
    }


def _bucket() -> Template:
    return {
        "Type": "AWS::S3::Bucket",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "BucketName": sub("membership-${Stage}-${AWS::AccountId}-${AWS::Region}"),
            "VersioningConfiguration": {"Status": "Enabled"},
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
        },
    }


def template() -> Template:
    """The whole data stack."""
    resources: dict[str, Template] = {logical(table.name) + "Table": _table(table) for table in TABLES}
    resources |= _queues("orders", fifo=True) | _queues("metrics", fifo=False) | _queues("relay", fifo=False)
    # The relay reads a stream; of its pair only the dead-letter queue is used.
    del resources["RelayQueue"]
    resources |= _queues("points-due", fifo=False) | _queues("tier-due", fifo=False)
    resources |= _queues("holds-due", fifo=False) | _queues("reevaluation", fifo=False)
    resources |= _queues("coupons", fifo=False) | _queues("coupons-due", fifo=False)
    resources |= _topics() | _secrets() | {"Bucket": _bucket()}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Membership: data (tables, queues, topic, secrets, bucket)",
        "Parameters": {
            "Stage": {"Type": "String", "AllowedPattern": "[a-z][a-z0-9]{1,15}"},
            "DeletionProtection": {"Type": "String", "AllowedValues": ["on", "off"], "Default": "on"},
        },
        "Conditions": {"Protected": {"Fn::Equals": [{"Ref": "DeletionProtection"}, "on"]}},
        "Resources": resources,
        "Outputs": {
            "FactsTopicArn": {"Value": {"Ref": "FactsTopic"}},
            "OrdersQueueUrl": {"Value": {"Ref": "OrdersQueue"}},
            "OrdersDeadQueueUrl": {"Value": {"Ref": "OrdersDeadQueue"}},
            "PointsDueQueueUrl": {"Value": {"Ref": "PointsDueQueue"}},
            "TierDueQueueUrl": {"Value": {"Ref": "TierDueQueue"}},
            "HoldsDueQueueUrl": {"Value": {"Ref": "HoldsDueQueue"}},
            "ReevaluationQueueUrl": {"Value": {"Ref": "ReevaluationQueue"}},
            "CouponsDueQueueUrl": {"Value": {"Ref": "CouponsDueQueue"}},
            "BucketName": {"Value": {"Ref": "Bucket"}},
        },
    }
