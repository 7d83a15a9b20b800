"""Dashboards, alarms and logs: nothing is shown that nobody tells, and each alarm says what to do."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from penstock import config, names
from tests.cdk import emitters, templates
from tests.cdk.aws_metrics import METRICS
from tests.cdk.panels import ALARM, DASHBOARD, body, named, undefined
from tests.cdk.templates import DEPLOYMENT, text
from tests.conftest import ROOT
from tests.ecs_events import deployment_event, task_stopped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cdk.panels import Named
    from tests.cdk.templates import Templates

pytestmark = pytest.mark.synth

REQUESTS, JOBS = ("resize", "echo"), ("convert",)
APIS = (*REQUESTS, *JOBS)
RUNBOOKS = ROOT / "docs" / "runbooks.md"
OWN_TOPIC = "arn:<AWS::Partition>:sns:<AWS::Region>:<AWS::AccountId>:penstock-shop-alarms"
OWN = {"Penstock", "Penstock/Scaling"}


def alarms(cloud: Templates) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in cloud.by_part:
        for alarm in cloud.of_type(part, ALARM):
            yield part, alarm["Properties"]


def for_people(cloud: Templates) -> list[dict[str, Any]]:
    """All but those that scaling acts on."""
    return [
        alarm for _, alarm in alarms(cloud) if alarm.get("MetricName") not in {"TasksMissing", "TasksSpare"}
    ]


def ecs_events() -> list[dict[str, Any]]:
    """One of each kind that is counted, of each API."""
    exited = "Essential container in task exited"
    kinds: tuple[tuple[str, str, tuple[dict[str, Any], ...]], ...] = (
        ("Your Spot Task was interrupted.", "SpotInterruption", ()),
        ("CannotPullContainerError: pull image manifest has been retried 1 time(s)", "TaskFailedToStart", ()),
        (exited, "EssentialContainerExited", ({"exitCode": 1},)),
        (
            exited,
            "EssentialContainerExited",
            ({"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"},),
        ),
    )
    stopped = [
        task_stopped(DEPLOYMENT, api, reason=reason, code=code, containers=containers)
        for api in APIS
        for reason, code, containers in kinds
    ]
    return [*stopped, *(deployment_event(DEPLOYMENT, api) for api in REQUESTS)]


def emitted(cloud: Templates) -> set[Named]:
    """Everything that the parts of this deployment tell."""
    bundles = cloud.folder / "build"
    found = emitters.of_scaling(REQUESTS)
    for entry in ("gateway_lambda.handler", "webhook_lambda.sender", "recovery_lambda.record_handler"):
        found |= emitters.of_function(bundles, entry, apis=APIS)
    found |= emitters.of_function(bundles, "recovery_lambda.stops_handler", apis=APIS, events=ecs_events())
    for api in APIS:
        jobs = api in JOBS
        found |= emitters.of_ends(api, jobs=jobs) | emitters.of_dequeuer(api, jobs=jobs)
    return found


def test_every_metric_of_ours_that_a_panel_or_an_alarm_names_is_told_by_a_part_of_ours(cloud):
    told = emitted(cloud)
    shown = {metric: where for metric, where in named(cloud).items() if metric.namespace in OWN}
    assert len(shown) > 75
    assert {metric: where for metric, where in shown.items() if metric not in told} == {}


def test_every_metric_of_awss_that_is_named_exists_with_those_dimensions(cloud):
    foreign = {metric: where for metric, where in named(cloud).items() if metric.namespace not in OWN}
    wrong = {
        metric: where
        for metric, where in foreign.items()
        if METRICS.get((metric.namespace, metric.name)) != metric.dimension_names
    }
    assert wrong == {}
    assert {(metric.namespace, metric.name) for metric in foreign} == METRICS.keys()


def test_what_is_looked_at_at_aws_is_there(cloud):
    made = {
        resource["Properties"].get(key)
        for part in cloud.by_part
        for kind, key in (
            ("AWS::SQS::Queue", "QueueName"),
            ("AWS::Lambda::Function", "FunctionName"),
            ("AWS::ApiGateway::RestApi", "Name"),
            ("AWS::DynamoDB::Table", "TableName"),
        )
        for resource in cloud.of_type(part, kind)
    }
    looked_at = {
        value
        for metric in named(cloud)
        if metric.namespace not in OWN
        for name, value in metric.dimensions
        if name in {"QueueName", "FunctionName", "ApiName", "TableName"} and not value.startswith("<")
    }
    assert len(looked_at) > 10
    assert looked_at - made == set()


def test_each_alarm_tells_the_topic_and_ends_with_a_section_of_the_runbooks(cloud):
    pages = set(re.findall(r"^## (.+)$", RUNBOOKS.read_text(), re.MULTILINE))
    sections = {heading.lower().replace(" ", "-") for heading in pages}
    linked = set()
    for alarm in for_people(cloud):
        description = text(alarm["AlarmDescription"])
        assert [text(action) for action in alarm["AlarmActions"]] == [OWN_TOPIC]
        found = re.fullmatch(r".+\. Runbook: docs/runbooks\.md#([a-z-]+)", description)
        assert found, description
        assert len(description) <= 1024
        linked.add(found[1])
    assert linked == sections


def test_each_section_says_what_it_means_how_to_look_and_what_to_do():
    parts = RUNBOOKS.read_text().split("\n## ")[1:]
    incomplete = [
        part.splitlines()[0]
        for part in parts
        if not all(f"\n**{word}.**" in part for word in ("Means", "Look", "Do"))
    ]
    assert incomplete == []


def test_each_alarm_says_what_missing_values_mean_and_what_scaling_acts_on_wakes_nobody(cloud):
    for _, alarm in alarms(cloud):
        assert alarm["TreatMissingData"] in {"breaching", "notBreaching"}
    silent = [alarm for _, alarm in alarms(cloud) if alarm not in for_people(cloud)]
    assert len(silent) == 2 * len(REQUESTS)
    assert all("alarms" not in text(action) for alarm in silent for action in alarm["AlarmActions"])


def test_no_alarm_looks_back_further_than_cloudwatch_does(cloud):
    for _, alarm in alarms(cloud):
        periods = [
            query["MetricStat"]["Period"] for query in alarm.get("Metrics", []) if "MetricStat" in query
        ]
        period = alarm.get("Period") or max(periods)
        assert alarm["EvaluationPeriods"] * period <= 24 * 3600


def test_requests_that_may_run_for_hours_are_given_them(cloud):
    def found(api: str, section: str) -> dict[str, Any]:
        [alarm] = [
            one["Properties"]
            for one in cloud.of_type(f"api-{api}", ALARM)
            if text(one["Properties"]["AlarmDescription"]).endswith(f"#{section}")
        ]
        return dict(alarm)

    # resize: 2 h, echo: 10 min.
    assert [found(api, "oldest-age")["Threshold"] for api in REQUESTS] == [3 * 3600, 600 + 3600]
    assert [found(api, "no-completions")["EvaluationPeriods"] for api in REQUESTS] == [27, 5]
    assert (
        found("echo", "no-completions")["EvaluationPeriods"]
        == found("echo", "no-completions")["DatapointsToAlarm"]
    )


def test_each_function_is_watched(cloud):
    functions = {
        function["Properties"]["FunctionName"]
        for part in cloud.by_part
        for function in cloud.of_type(part, "AWS::Lambda::Function")
    }
    by_metric: dict[str, set[str]] = {"Errors": set(), "Throttles": set(), "Duration": set()}
    for metric, where in named(cloud).items():
        if metric.namespace == "AWS/Lambda" and any("alarm" in place for place in where):
            by_metric.setdefault(metric.name, set()).update(value for _, value in metric.dimensions)

    assert by_metric["Throttles"] == functions
    # Their alarms on errors take no call for an error, and name them by reference.
    assert functions - by_metric["Errors"] == {"penstock-shop-sweeper", "penstock-shop-scaling"}
    # These take as much of 15 minutes as they need.
    assert functions - by_metric["Duration"] == {"penstock-shop-batch-plan", "penstock-shop-batch-enqueue"}


def test_there_is_a_dashboard_for_the_deployment_and_one_for_each_api_in_its_own_stack(cloud):
    found = {
        part: [one["Properties"]["DashboardName"] for one in cloud.of_type(part, DASHBOARD)]
        for part in cloud.by_part
    }
    assert {part: made for part, made in found.items() if made} == {
        "monitoring": ["penstock-shop"],
        **{f"api-{api}": [names.dashboard("shop", api)] for api in APIS},
    }


@pytest.mark.parametrize("part", ["monitoring", *(f"api-{api}" for api in APIS)])
def test_a_dashboard_is_a_grid_of_graphs_whose_expressions_know_their_names(cloud, part):
    document = body(cloud.properties(part, DASHBOARD))
    cells: set[tuple[int, int]] = set()
    for widget in document["widgets"]:
        taken = {
            (widget["x"] + x, widget["y"] + y)
            for x in range(widget["width"])
            for y in range(widget["height"])
        }
        assert not taken & cells
        assert max(x for x, _ in taken) < 24
        cells |= taken
        assert undefined(widget) == set()
    assert len(document["widgets"]) > 6


def test_every_log_group_is_kept_for_as_long_as_is_said(watched_otherwise):
    kept = {
        group["Properties"]["LogGroupName"]: group["Properties"]["RetentionInDays"]
        for part in watched_otherwise.by_part
        for group in watched_otherwise.of_type(part, "AWS::Logs::LogGroup")
    }
    assert {
        "/penstock/shop/echo",
        "/aws/lambda/penstock-shop-gateway",
        "/aws/apigateway/penstock-shop",
    } <= set(kept)
    assert set(kept.values()) == {7}


def test_with_a_topic_of_the_users_there_is_none_of_ours_and_all_alarms_tell_theirs(watched_otherwise):
    assert watched_otherwise.of_type("monitoring", "AWS::SNS::Topic") == []
    told = {text(action) for alarm in for_people(watched_otherwise) for action in alarm["AlarmActions"]}
    assert told == {"arn:aws:sns:eu-west-1:123456789012:on-call"}
    assert all(
        "Runbook: https://wiki.example.com/penstock#" in text(alarm["AlarmDescription"])
        for alarm in for_people(watched_otherwise)
    )


def test_without_dashboards_there_are_none(watched_otherwise):
    assert [part for part in watched_otherwise.by_part if watched_otherwise.of_type(part, DASHBOARD)] == []


def test_cloudwatch_may_publish_to_our_topic_and_addresses_are_subscribed(cloud):
    policy = json.dumps(cloud.properties("monitoring", "AWS::SNS::TopicPolicy"))
    assert "cloudwatch.amazonaws.com" in policy
    assert "aws:SecureTransport" in policy
    subscription = cloud.properties("monitoring", "AWS::SNS::Subscription")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "ops@example.com")


def test_ecss_events_of_this_deployment_alone_reach_the_function_that_counts_them(cloud):
    rules = [
        rule["Properties"]["EventPattern"]
        for rule in cloud.of_type("recovery", "AWS::Events::Rule")
        if "EventPattern" in rule["Properties"]
    ]
    [stopped] = [rule for rule in rules if rule["detail-type"] == ["ECS Task State Change"]]
    [failed] = [rule for rule in rules if rule["detail-type"] == ["ECS Deployment State Change"]]

    assert stopped["source"] == failed["source"] == ["aws.ecs"]
    assert stopped["detail"]["lastStatus"] == ["STOPPED"]
    own = "<AWS::Region>:<AWS::AccountId>"
    assert text(stopped["detail"]["taskDefinitionArn"][0]["prefix"]) == (
        f"arn:<AWS::Partition>:ecs:{own}:task-definition/penstock-shop-"
    )
    assert failed["detail"] == {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]}
    assert text(failed["resources"][0]["prefix"]) == f"arn:<AWS::Partition>:ecs:{own}:service/penstock-shop"


@pytest.fixture(scope="session")
def watched_otherwise(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    folder = tmp_path_factory.mktemp("watched")
    file = folder / "penstock.yaml"
    file.write_text(
        templates.SMALL_CONFIG.format(auth="{mode: iam}")
        + "monitoring:\n"
        + "  dashboards: false\n"
        + "  alarm_topic_arn: arn:aws:sns:eu-west-1:123456789012:on-call\n"
        + "  log_retention_days: 7\n"
        + "  runbooks: https://wiki.example.com/penstock\n"
    )
    return templates.synthesise(config.load(file), "cloud", folder)
