"""Two deployments beside each other in one account, of which one's name begins with the other's."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest

from penstock import config, names
from tests.cdk import templates
from tests.cdk.templates import Templates, listed, text

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.synth

OWN = "<AWS::Region>:<AWS::AccountId>"
CONFIG = """\
deployment: {deployment}
auth: {{mode: api_key}}
apis:
  - name: echo
    kind: AsyncAPI
    pod: {{containers: [{{name: server, image: "python:3.13-slim"}}]}}
  - name: sum
    kind: BatchAPI
    input_buckets: [films]
    pod: {{containers: [{{name: server, image: "python:3.13-slim"}}]}}
"""

#: Properties that name a resource for its whole account, or region.
NAMES = frozenset(
    {
        "AlarmName",
        "BucketName",
        "ClusterName",
        "DashboardName",
        "Family",
        "FunctionName",
        "GroupName",
        "LogGroupName",
        "Name",
        "QueueName",
        "RoleName",
        "StateMachineName",
        "TableName",
        "TopicName",
        "UsagePlanName",
    }
)
#: Whose ``Name`` or ``FunctionName`` names something else, or stands within something that has a name.
WITHIN = frozenset(
    {
        "AWS::ApiGateway::Authorizer",
        "AWS::EC2::FlowLog",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Lambda::Permission",
    }
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> tuple[Templates, Templates]:
    made = []
    for deployment in ("prod", "prod-2"):
        folder = tmp_path_factory.mktemp(deployment)
        file = folder / "penstock.yaml"
        file.write_text(CONFIG.format(deployment=deployment))
        made.append(templates.synthesise(config.load(file), "cloud", folder))
    return made[0], made[1]


def resources(made: Templates) -> Iterator[dict[str, Any]]:
    for template in made.by_part.values():
        yield from template["Resources"].values()


def physical_names(made: Templates) -> set[tuple[str, str]]:
    """Type and name of all that has a name of ours."""
    found = set()
    for resource in resources(made):
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind in WITHIN:
            continue
        if kind == "AWS::ECS::Service":
            found.add((kind, f"{text(properties['Cluster'])}/{properties['ServiceName']}"))
        found |= {(kind, text(value)) for name, value in properties.items() if name in NAMES}
    return found


def test_no_name_of_the_one_is_a_name_of_the_other(pair):
    prod, prod_2 = map(physical_names, pair)

    assert len(prod) == len(prod_2) > 20
    assert prod & prod_2 == set()
    assert ("AWS::SSM::Parameter", "/penstock/prod/apis/echo") in prod


def test_nothing_is_exported_and_stacks_have_names_of_their_own(pair):
    for made in pair:
        outputs = [
            output for template in made.by_part.values() for output in template.get("Outputs", {}).values()
        ]
        assert not any("Export" in output for output in outputs)
    prod, prod_2 = (
        {names.stack(d, part) for part in made.by_part}
        for d, made in zip(("prod", "prod-2"), pair, strict=True)
    )
    assert prod & prod_2 == set()


def test_the_one_account_wide_setting_is_the_same_for_both_and_outlives_each(pair):
    for made in pair:
        shared = [one for one in resources(made) if one["Type"] == "AWS::ApiGateway::Account"]
        assert [one["DeletionPolicy"] for one in shared] == ["Retain"]


#: ARNs that roles are given rights to, by type and with the name in them.
ARNS = {
    "AWS::SQS::Queue": (f"sqs:{OWN}:{{}}",),
    "AWS::DynamoDB::Table": (f"dynamodb:{OWN}:table/{{}}",),
    "AWS::S3::Bucket": ("s3:::{}/payloads/x",),
    "AWS::SSM::Parameter": (f"ssm:{OWN}:parameter{{}}",),
    "AWS::Lambda::Function": (f"lambda:{OWN}:function:{{}}",),
    "AWS::StepFunctions::StateMachine": (
        f"states:{OWN}:stateMachine:{{}}",
        f"states:{OWN}:execution:{{}}:x",
    ),
    "AWS::ECS::Service": (f"ecs:{OWN}:service/{{}}",),
    # And of an API with a cluster of its own.
    "AWS::ECS::Cluster": (
        f"ecs:{OWN}:task/{{}}/x",
        f"ecs:{OWN}:task/{{}}_gpu/x",
        f"ecs:{OWN}:service/{{}}_gpu/x",
    ),
    "AWS::Scheduler::ScheduleGroup": (f"scheduler:{OWN}:schedule/{{}}/x",),
}


def arns(made: Templates) -> set[str]:
    return {
        f"arn:<AWS::Partition>:{form.format(name)}"
        for kind, name in physical_names(made)
        for form in ARNS.get(kind, ())
    }


@pytest.mark.parametrize("own", [0, 1], ids=["prod", "prod-2"])
def test_no_role_has_rights_to_what_is_the_others_but_to_see_how_deep_queues_are(pair, own):
    made, other = pair[own], arns(pair[1 - own])
    assert len(other) > 20
    reached: dict[str, set[str]] = {}
    for _, statement in made.statements():
        if statement["Effect"] != "Allow":
            continue
        for pattern in map(text, listed(statement["Resource"])):
            # Where AWS knows no resource the statement says "*", and has a condition of its own.
            for arn in (arn for arn in other if pattern != "*" and fnmatchcase(arn, pattern)):
                reached.setdefault(arn.rpartition(":")[2], set()).update(listed(statement["Action"]))

    looks = {"sqs:GetQueueUrl", "sqs:GetQueueAttributes"}
    # `penstock-prod-*.fifo` is also how queues of `prod-2` are called.
    expected = ("echo.fifo", "echo-dlq.fifo", "sum-dlq.fifo") if own == 0 else ()
    assert reached == {f"penstock-prod-2-{name}": looks for name in expected}
