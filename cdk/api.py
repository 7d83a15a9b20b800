"""One API: its queue, its task, and the service that keeps tasks running."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk import deployment, network, permissions, sidecar
from cdk.arns import Arns
from cdk.dead_letters import DeadLetters
from cdk.described_task import DescribedTask
from cdk.queues import Queues
from cdk.registration import Registration
from cdk.scaling import ServiceScaling
from cdk.stage import Compute
from cdk.task import Task, TaskProps
from penstock import names

if TYPE_CHECKING:
    from pathlib import Path

    from cdk.stage import Stage
    from penstock.config import AsyncApi

_Network = ecs.CfnService.NetworkConfigurationProperty


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiProps:
    """What the stack of an API is made from."""

    deployment: str
    api: AsyncApi
    stage: Stage
    root: Path


class Api(Construct):
    """Everything that exists once per API."""

    def __init__(self, scope: Construct, id_: str, props: ApiProps) -> None:
        super().__init__(scope, id_)
        queues = Queues(self, "Queues", deployment=props.deployment, api=props.api.name)
        DeadLetters(
            self,
            "DeadLetters",
            deployment=props.deployment,
            api=props.api.name,
            queue=queues.dead_letters,
        )
        Registration(self, "Registration", deployment=props.deployment, api=props.api)
        arns = Arns(Stack.of(self), props.deployment)
        task = TaskProps(
            deployment=props.deployment,
            api=props.api,
            stage=props.stage,
            variables=sidecar.of_requests(
                props.api,
                deployment=props.deployment,
                queue_url=queues.requests.queue_url,
                dead_letter_url=queues.dead_letters.queue_url,
                stage=props.stage,
            ),
            rights=permissions.worker(arns, props.api),
            root=props.root,
        )
        if props.stage.compute is Compute.ECS:
            self._add_service(props, Task(self, "Task", task))
        else:
            DescribedTask(self, "Task", task)

    def _add_service(self, props: ApiProps, task: Task) -> None:
        # No desired count: it is 1 when the service is created, which proves that the image starts,
        # and each later deploy leaves it as scaling has set it.
        service = ecs.CfnService(
            self,
            "Service",
            service_name=names.service(props.api.name),
            cluster=props.api.cluster(props.deployment),
            task_definition=task.definition.ref,
            launch_type="FARGATE",
            deployment_configuration=deployment.configuration(props.api),
            # Workers take from a queue: an even spread gains nothing, and each move drains a worker.
            availability_zone_rebalancing="DISABLED",
            network_configuration=self._network(props.deployment),
            propagate_tags="SERVICE",
            enable_ecs_managed_tags=True,
            enable_execute_command=False,
        )
        if props.stage.auto_scaling:
            ServiceScaling(self, "Scaling", deployment=props.deployment, api=props.api, service=service)

    def _network(self, deployment: str) -> _Network:
        subnet_ids = ssm.StringListParameter.value_for_typed_list_parameter(
            self, names.parameter(deployment, network.SUBNET_IDS)
        )
        security_group_id = ssm.StringParameter.value_for_string_parameter(
            self, names.parameter(deployment, network.SECURITY_GROUP_ID)
        )
        return _Network(
            awsvpc_configuration=ecs.CfnService.AwsVpcConfigurationProperty(
                subnets=subnet_ids,
                security_groups=[security_group_id],
                # Public subnets without NAT: without an address the task cannot even pull its image.
                assign_public_ip="ENABLED",
            )
        )
