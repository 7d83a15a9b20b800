from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore
import pytest

from cdk import bundle as bundling
from cdk import recovery
from penstock import environment
from recovery_lambda.settings import Settings
from tests.cdk.templates import text
from tests.conftest import FAKE_AWS, ROOT

if TYPE_CHECKING:
    from tests.cdk.templates import Templates

pytestmark = pytest.mark.synth


def function(templates: Templates, name: str) -> dict[str, Any]:
    found = [resource["Properties"] for resource in templates.of_type("recovery", "AWS::Lambda::Function")]
    [properties] = [one for one in found if one["FunctionName"] == name]
    return dict(properties)


@pytest.mark.parametrize(
    ("name", "handler"),
    [
        ("penstock-shop-sweeper", "recovery_lambda.sweep_handler.handler"),
        ("penstock-shop-recorder", "recovery_lambda.record_handler.handler"),
        ("penstock-shop-stops", "recovery_lambda.stops_handler.handler"),
    ],
)
def test_both_functions_understand_their_environment(cloud, name, handler):
    properties = function(cloud, name)
    variables = {key: text(value) for key, value in properties["Environment"]["Variables"].items()}

    settings = environment.read(Settings, variables)

    assert (settings.deployment, settings.table) == ("shop", "penstock-shop")
    assert settings.bucket == "penstock-shop-<AWS::AccountId>-<AWS::Region>"
    assert properties["Handler"] == handler
    assert variables["POWERTOOLS_SERVICE_NAME"] == recovery.SERVICE


def test_the_sweeper_is_called_every_minute_and_no_sweep_runs_into_the_next(cloud):
    [rule] = [
        one["Properties"]
        for one in cloud.of_type("recovery", "AWS::Events::Rule")
        if "ScheduleExpression" in one["Properties"]
    ]

    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 minute)", "ENABLED")
    [target] = rule["Targets"]
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
    assert function(cloud, "penstock-shop-sweeper")["Timeout"] < 60


def test_a_sweep_that_failed_is_not_repeated_by_lambda(cloud):
    configured = cloud.of_type("recovery", "AWS::Lambda::EventInvokeConfig")

    assert {one["Properties"]["MaximumRetryAttempts"] for one in configured} == {0}
    assert len(configured) == 3


def test_sweeps_that_fail_or_do_not_happen_raise_an_alarm(cloud):
    [alarm] = [
        one["Properties"]
        for one in cloud.of_type("recovery", "AWS::CloudWatch::Alarm")
        if "#sweeps-fail" in text(one["Properties"]["AlarmDescription"])
    ]

    assert (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"]) == ("AWS/Lambda", "Errors", 1)
    assert alarm["TreatMissingData"] == "breaching"
    [dimension] = alarm["Dimensions"]
    sweeper = cloud.by_part["recovery"]["Resources"][dimension["Value"]["Ref"]]
    assert sweeper["Properties"]["FunctionName"] == "penstock-shop-sweeper"


@pytest.mark.parametrize("entry", [recovery.SWEEPER, recovery.RECORDER, recovery.STOPS])
def test_each_handler_starts_on_its_bundle_and_boto3_alone(deployed_config, tmp_path, entry):
    bundle = bundling.write(recovery.bundle(deployed_config, entry), root=ROOT, target=tmp_path / "code")
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    installed = Path(botocore.__file__).parents[1]
    for name in ("boto3", "botocore", "s3transfer", "urllib3", "dateutil", "six.py", "certifi"):
        if (installed / name).exists():
            (runtime / name).symlink_to(installed / name)
    program = f"import sys; sys.path += [{str(bundle)!r}, {str(runtime)!r}]; import {entry}"
    variables = {"PENSTOCK_DEPLOYMENT": "shop", "PENSTOCK_TABLE": "t", "PENSTOCK_BUCKET": "b"}

    result = subprocess.run(
        [sys.executable, "-S", "-I", "-B", "-c", program],
        env=FAKE_AWS | variables,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    files = {path.name for path in bundle.rglob("*")}
    assert not files & {"chalice", "boto3", "gateway_lambda", "dequeuer", "pydantic"}
