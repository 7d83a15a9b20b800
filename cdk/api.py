"""One API: its queue, its task, and the service that keeps tasks running."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Stack
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from cdk import deployment, permissions, sidecar, tracing
from cdk.arns import Arns
from cdk.dead_letters import DeadLetters
from cdk.described_task import DescribedTask
from cdk.own_cluster import ClusterProps, OwnCluster
from cdk.placement import placement
from cdk.queues import Queues
from cdk.registration import Registration
from cdk.release import ReleaseRecord
from cdk.scaling import ServiceScaling
from cdk.stage import Compute
from cdk.strategy import shares
from cdk.task import Task, TaskProps
from penstock import names
from penstock.config import CapacityKind

if TYPE_CHECKING:
    from pathlib import Path

    from cdk.placement import Placement
    from cdk.stage import Stage
    from penstock.config import AsyncApi, Network, Tracing

_Network = ecs.CfnService.NetworkConfigurationProperty
_Share = ecs.CfnService.CapacityProviderStrategyItemProperty
_Strategy = ecs.CfnService.PlacementStrategyProperty


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiProps:
    """What the stack of an API is made from."""

    deployment: str
    api: AsyncApi
    network: Network
    tracing: Tracing | None
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
            )
            | tracing.of_task(props.tracing),
            secrets=tracing.secrets_of_task(props.tracing),
            rights=permissions.worker(arns, props.api),
            root=props.root,
        )
        if props.stage.compute is Compute.ECS:
            made = Task(self, "Task", task)
            self._add_service(props, made)
            ReleaseRecord(self, "Release", deployment=props.deployment, api=props.api, task=made)
        else:
            DescribedTask(self, "Task", task)

    def _add_service(self, props: ApiProps, task: Task) -> None:
        place = placement(self, deployment=props.deployment, configured=props.network)
        # No desired count: it is 1 when the service is created, which proves that the image starts,
        # and each later deploy leaves it as scaling has set it.
        service = ecs.CfnService(
            self,
            "Service",
            service_name=names.service(props.api.name),
            cluster=props.api.cluster(props.deployment),
            task_definition=task.definition.ref,
            capacity_provider_strategy=[
                _Share(capacity_provider=share.provider, weight=share.weight, base=share.base)
                for share in shares(props.api, props.deployment)
            ],
            placement_strategies=_packed(props.api),
            deployment_configuration=deployment.configuration(props.api),
            # Workers take from a queue: an even spread gains nothing, and each move drains a worker.
            availability_zone_rebalancing="DISABLED",
            network_configuration=_network(place),
            propagate_tags="SERVICE",
            enable_ecs_managed_tags=True,
            enable_execute_command=False,
        )
        if props.api.own_cluster:
            cluster = ClusterProps(deployment=props.deployment, api=props.api, place=place, stage=props.stage)
            # Deleted before what its tasks run on.
            service.node.add_dependency(OwnCluster(self, "Capacity", cluster))
        if props.stage.auto_scaling:
            ServiceScaling(self, "Scaling", deployment=props.deployment, api=props.api, service=service)


def _network(place: Placement) -> _Network:
    return _Network(
        awsvpc_configuration=ecs.CfnService.AwsVpcConfigurationProperty(
            subnets=place.subnet_ids,
            security_groups=[place.security_group_id],
            assign_public_ip=place.assign_public_ip,
        )
    )


def _packed(api: AsyncApi) -> list[_Strategy] | None:
    """Tasks fill one instance before another gets any, so that it is soon empty again."""
    if api.capacity.kind is not CapacityKind.EC2:
        return None
    return [_Strategy(type="binpack", field="MEMORY")]
