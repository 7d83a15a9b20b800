from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore
import pytest

from cdk import bundle as bundling
from cdk import webhooks
from penstock import environment, names
from penstock.catalogue import Catalogue
from penstock.webhooks.hosts import LANE_CALLS, Lane
from penstock.webhooks.schedule import Schedule
from tests.cdk.templates import listed, text
from tests.conftest import FAKE_AWS, ROOT
from webhook_lambda.images import stream_filters
from webhook_lambda.settings import EventSettings, SenderSettings

if TYPE_CHECKING:
    from tests.cdk.templates import Templates

pytestmark = pytest.mark.synth

PART = "webhooks"
OWN = "<AWS::Region>:<AWS::AccountId>"
TABLE = f"arn:<AWS::Partition>:dynamodb:{OWN}:table/penstock-shop"
BUCKET = "arn:<AWS::Partition>:s3:::penstock-shop-<AWS::AccountId>-<AWS::Region>"


def function(templates: Templates, name: str) -> dict[str, Any]:
    [found] = [
        resource["Properties"]
        for resource in templates.of_type(PART, "AWS::Lambda::Function")
        if resource["Properties"]["FunctionName"] == name
    ]
    return found


def variables(templates: Templates, name: str) -> dict[str, str]:
    found = function(templates, name)["Environment"]["Variables"]
    return {key: text(value) for key, value in found.items()}


def mappings(templates: Templates) -> list[dict[str, Any]]:
    found = templates.of_type(PART, "AWS::Lambda::EventSourceMapping")
    return [mapping["Properties"] for mapping in found]


def queue(templates: Templates, name: str) -> dict[str, Any]:
    [found] = [
        resource["Properties"]
        for resource in templates.of_type(PART, "AWS::SQS::Queue")
        if resource["Properties"]["QueueName"] == name
    ]
    return found


def role(templates: Templates, policy_of: str) -> dict[str, list[str]]:
    """What one of the functions may do: action to resources."""
    template = templates.by_part[PART]["Resources"]
    logical_id = function(templates, policy_of)["Role"]["Fn::GetAtt"][0]
    rights: dict[str, list[str]] = {}
    for policy in template[logical_id]["Properties"]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            for action in listed(statement["Action"]):
                rights.setdefault(action, []).extend(text(one) for one in listed(statement["Resource"]))
    return rights


def test_the_stream_is_read_whole_in_batches_that_fail_in_part_and_are_halved(cloud):
    [mapping] = [one for one in mappings(cloud) if "StartingPosition" in one]

    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] == 10
    assert mapping["MaximumRecordAgeInSeconds"] == 6 * 3600
    patterns = [json.loads(one["Pattern"]) for one in mapping["FilterCriteria"]["Filters"]]
    assert patterns == stream_filters()
    assert len(patterns) <= 5, "what Lambda takes"
    # Where records go that were tried too often; the stream's name comes from the data stack.
    assert "Unread" in text(mapping["DestinationConfig"]["OnFailure"]["Destination"])
    parameters = cloud.by_part[PART]["Parameters"].values()
    assert {"/penstock/shop/stream-arn", "/penstock/shop/rest-api-id"} <= {
        p.get("Default") for p in parameters
    }


def test_other_stacks_leave_what_has_no_name_to_choose(cloud):
    parameters = {
        resource["Properties"]["Name"]: text(resource["Properties"]["Value"])
        for part in ("data", "gateway")
        for resource in cloud.of_type(part, "AWS::SSM::Parameter")
    }

    assert "StreamArn" in parameters["/penstock/shop/stream-arn"]
    assert parameters["/penstock/shop/rest-api-id"].startswith("<FrontDoorApi")


def test_each_lane_has_a_queue_and_a_bounded_number_of_calls_one_message_each(cloud):
    found = [one for one in mappings(cloud) if "ScalingConfig" in one]

    assert [one["BatchSize"] for one in found] == [1, 1]
    assert [one["ScalingConfig"] for one in found] == [
        {"MaximumConcurrency": LANE_CALLS[lane]} for lane in Lane
    ]
    timeout = function(cloud, "penstock-shop-webhooks")["Timeout"]
    for lane in Lane:
        properties = queue(cloud, names.webhook_queue("shop", lane))
        assert "FifoQueue" not in properties
        assert properties["VisibilityTimeout"] >= timeout
        assert properties["RedrivePolicy"]["maxReceiveCount"] == 10
        assert properties["SqsManagedSseEnabled"] is True


def test_the_functions_understand_their_environment(cloud, monkeypatch):
    events = environment.read(EventSettings, variables(cloud, "penstock-shop-events"))
    sender = environment.read(SenderSettings, variables(cloud, "penstock-shop-webhooks"))

    assert events.api_url == sender.api_url
    assert sender.api_url.endswith(".execute-api.<AWS::Region>.<AWS::URLSuffix>/live")
    assert sender.schedule == Schedule((5, 300))
    assert sender.loopback == 0
    assert "Events" in events.topic_arn


def test_on_a_developers_machine_links_lead_to_the_emulator_and_loopback_may_be_called(local, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    sender = environment.read(SenderSettings, variables(local, "penstock-shop-webhooks"))

    assert sender.api_url.startswith("http://127.0.0.1:4566/restapis/")
    assert sender.api_url.endswith("/live/_user_request_")
    assert sender.loopback == 1
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    with pytest.raises(environment.SettingsError, match=r"PENSTOCK_API_URL.*AWS_ENDPOINT_URL"):
        environment.read(SenderSettings, variables(local, "penstock-shop-webhooks"))


def test_the_functions_know_the_apis_webhooks_and_what_may_be_called(cloud):
    files = cloud.folder.glob("cdk.out/asset.*/penstock/catalogue.json")
    # All functions are told the same.
    [text_of_all] = {file.read_text() for file in files}
    catalogue = Catalogue.from_json(text_of_all)
    resize = catalogue.find("resize-images")
    assert (resize.webhook_url, resize.webhook_events) == (
        "https://hooks.example.com/resized",
        ("completed",),
    )
    assert resize.webhook_chain == ("echo",)
    assert catalogue.find("echo").webhook_url is None
    assert catalogue.callbacks.deny == ("internal.example.com",)
    assert catalogue.callbacks.ports == (443, 8443)
    assert not catalogue.callbacks.loopback


def test_the_events_function_may_do_what_it_calls(cloud):
    rights = role(cloud, "penstock-shop-events")
    assert rights.pop("logs:PutLogEvents") == rights.pop("logs:CreateLogStream")
    stream = rights.pop("dynamodb:GetRecords")
    assert "streamarn" in stream[0]
    assert rights.pop("dynamodb:GetShardIterator") == rights.pop("dynamodb:DescribeStream") == stream
    first = f"arn:<AWS::Partition>:sqs:{OWN}:penstock-shop-webhooks-first"
    [topic] = rights.pop("sns:Publish")
    assert "Events" in topic
    sends = rights.pop("sqs:SendMessage")
    assert rights.pop("sqs:GetQueueUrl") == sends
    assert (sends[0], len(sends)) == (first, 2)
    assert rights == {
        "dynamodb:ListStreams": [f"{TABLE}/stream/*"],
        "ssm:GetParametersByPath": [
            f"arn:<AWS::Partition>:ssm:{OWN}:parameter/penstock/shop/apis{below}" for below in ("", "/*")
        ],
        "dynamodb:PutItem": [TABLE],
        "s3:GetObject": [f"{BUCKET}/results/*"],
        "s3:ListBucket": [BUCKET],
    }


def test_the_sender_reads_results_but_no_request_and_no_payload_and_calls_the_chains_route_only(cloud):
    rights = role(cloud, "penstock-shop-webhooks")

    assert {action.split(":")[0] for action in rights} == {
        "dynamodb", "execute-api", "logs", "s3", "secretsmanager", "sqs", "ssm",
    }  # fmt: skip
    assert {action: rights[action] for action in rights if action.startswith("s3:")} == {
        "s3:GetObject": [f"{BUCKET}/results/*"],
        "s3:ListBucket": [BUCKET],
    }
    [invoke] = rights["execute-api:Invoke"]
    assert invoke.startswith(f"arn:<AWS::Partition>:execute-api:{OWN}:")
    assert invoke.endswith("/live/POST/chain/*")
    assert rights["secretsmanager:GetSecretValue"] == [
        f"arn:<AWS::Partition>:secretsmanager:{OWN}:secret:penstock/shop/webhook/*"
    ]
    keys = {
        tuple(statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
        for part, statement in cloud.statements()
        if part == PART and "dynamodb:GetItem" in listed(statement["Action"])
    }
    assert keys == {("HOOK#*", "HOST#*", "CALLS#*", "ENDPOINT#*")}


def test_what_goes_wrong_raises_an_alarm(cloud):
    alarms = [alarm["Properties"] for alarm in cloud.of_type(PART, "AWS::CloudWatch::Alarm")]
    by_metric: dict[str, list[dict[str, Any]]] = {}
    for alarm in alarms:
        if "function-" not in text(alarm["AlarmDescription"]):
            by_metric.setdefault(alarm["MetricName"], []).append(alarm)

    exhausted = by_metric.pop("DeliveriesExhausted")
    dimensions = [{d["Name"]: d["Value"] for d in alarm["Dimensions"]} for alarm in exhausted]
    assert dimensions == [{"deployment": "shop", "api": api} for api in ("resize", "echo", "convert")]
    assert {alarm["Threshold"] for alarm in exhausted} == {1}
    [late] = by_metric.pop("IteratorAge")
    assert (late["Threshold"], late["Statistic"]) == (60_000, "Maximum")
    assert len(by_metric.pop("ApproximateNumberOfMessagesVisible")) == 2
    assert by_metric == {}


def test_the_topic_takes_encrypted_connections_only(cloud):
    topic = cloud.properties(PART, "AWS::SNS::Topic")
    assert topic["TopicName"] == "penstock-shop-events"
    policy = cloud.properties(PART, "AWS::SNS::TopicPolicy")
    assert "aws:SecureTransport" in json.dumps(policy)


@pytest.mark.parametrize("entry", [webhooks.STREAM, webhooks.SENDER])
def test_each_handler_starts_on_its_bundle_and_boto3_alone(entry, deployed_config, tmp_path):
    bundle = bundling.write(webhooks.bundle(deployed_config, entry), root=ROOT, target=tmp_path / "code")
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    installed = Path(botocore.__file__).parents[1]
    for name in ("boto3", "botocore", "s3transfer", "urllib3", "dateutil", "six.py", "certifi"):
        if (installed / name).exists():
            (runtime / name).symlink_to(installed / name)
    program = f"import sys; sys.path += [{str(bundle)!r}, {str(runtime)!r}]; import {entry}"
    told = {"DEPLOYMENT": "shop", "TABLE": "t", "BUCKET": "b", "TOPIC_ARN": "arn", "API_URL": "https://x"}

    result = subprocess.run(
        [sys.executable, "-S", "-I", "-B", "-c", program],
        env=FAKE_AWS | {f"PENSTOCK_{name}": value for name, value in told.items()},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    files = {str(path.relative_to(bundle)) for path in bundle.rglob("*")}
    absent = ["pydantic", "boto3", "gateway_lambda", "dequeuer", "penstock/config", "penstock/testing"]
    assert sorted(files & set(absent)) == []
    assert sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file()) < 7_000_000
