"""What makes the number of tasks follow the queue, as it is deployed."""

from __future__ import annotations

import json

import pytest

from penstock.scaling.decision import ScalingPolicy
from penstock.scaling.timetable import Bounds, Timetable
from penstock.simulator import template
from penstock.simulator.autoscalers import StepScaling
from scaling_lambda.settings import from_json

pytestmark = pytest.mark.synth


def test_no_deployment_writes_a_desired_count(cloud):
    for part in cloud.by_part:
        for service in cloud.of_type(part, "AWS::ECS::Service"):
            assert "DesiredCount" not in service["Properties"]


def test_the_target_is_the_apis_service_within_its_bounds(cloud):
    target = cloud.properties("api-resize", "AWS::ApplicationAutoScaling::ScalableTarget")
    assert target["ResourceId"] == "service/penstock-shop/resize"
    assert target["ScalableDimension"] == "ecs:service:DesiredCount"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 100)


def test_alarms_look_every_ten_seconds_and_act_on_one_value(cloud):
    alarms = {
        alarm["Properties"]["MetricName"]: alarm["Properties"]
        for alarm in cloud.of_type("api-resize", "AWS::CloudWatch::Alarm")
        if "Ref" in alarm["Properties"]["AlarmActions"][0]
    }
    assert alarms.keys() == {"TasksMissing", "TasksSpare"}
    for alarm in alarms.values():
        assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["Threshold"]) == (10, 1, 1)
        assert alarm["TreatMissingData"] == "notBreaching"
        assert {one["Name"]: one["Value"] for one in alarm["Dimensions"]} == {
            "deployment": "shop",
            "api": "resize",
        }
        assert len(alarm["AlarmActions"]) == 1


def test_what_the_simulator_reads_from_the_template_is_what_it_makes_of_the_policy(cloud):
    deployed = template.read(cloud.by_part["api-resize"])
    made = StepScaling.of(ScalingPolicy(min_replicas=1, max_replicas=100))
    assert deployed.timetable == Timetable(Bounds(1, 100))
    assert sorted(deployed.policies, key=lambda policy: policy.sign) == sorted(
        made.policies, key=lambda policy: policy.sign
    )


def test_deployed_steps_add_and_take_what_is_asked_for_and_never_more(cloud):
    for policy in template.read(cloud.by_part["api-resize"]).policies:
        changes = [policy.sign * policy.change(asked) for asked in range(120)]
        assert all(0 < change <= asked for asked, change in enumerate(changes) if asked)
        assert (changes[0], changes[1], changes[98], changes[99], changes[119]) == (0, 1, 98, 99, 99)


def test_the_function_is_called_every_minute_and_knows_the_policies_of_all_requests_apis(cloud):
    rule = cloud.properties("scaling", "AWS::Events::Rule")
    [file] = cloud.folder.glob("cdk.out/asset.*/scaling_lambda/policies.json")
    apis = from_json(file.read_text())

    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert [api.name for api in apis] == ["resize", "echo"]
    assert apis[0].policy.target_in_flight == apis[0].policy.max_concurrency == 4


def test_batch_apis_do_not_scale_by_their_queue(cloud):
    assert "AWS::ApplicationAutoScaling" not in json.dumps(cloud.by_part.get("api-convert", {}))
