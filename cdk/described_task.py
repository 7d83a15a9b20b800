"""What the task of an API would be, for an emulator without ECS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk import beforehand, sidecar
from penstock import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdk.task import TaskProps


class DescribedTask(Construct):
    """A parameter with as much of the container definitions as ``localstack/`` needs to run them.

    In the words of ECS's own ``DescribeTaskDefinition``, so that one parser reads both. User
    variables are left out: what runs here takes them from the configuration's ``local`` section.
    """

    def __init__(self, scope: Construct, id_: str, props: TaskProps) -> None:
        super().__init__(scope, id_)
        stop_seconds = sidecar.container_stop_seconds(props.api)
        mounts = [
            {"sourceVolume": volume.name, "containerPath": volume.folder}
            for volume in beforehand.shared(props.api)
        ]
        containers = [
            *(
                {"name": item.name, "stopTimeout": stop_seconds, "mountPoints": mounts}
                for item in props.api.pod.containers
            ),
            *(
                {"name": init.name, "environment": _pairs(init.environment)}
                for init in beforehand.inits(props.api, deployment=props.deployment)
            ),
            {
                "name": sidecar.DEQUEUER,
                "environment": _pairs(props.variables),
                "stopTimeout": sidecar.stop_seconds(props.api),
            },
        ]
        ssm.StringParameter(
            self,
            "Parameter",
            parameter_name=names.task_parameter(props.deployment, props.api.name),
            string_value=Stack.of(self).to_json_string(containers),
        )


def _pairs(environment: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in sorted(environment.items())]
