"""The ECS task of one API: the user's containers and the dequeuer.

Task definition and service are written as plain CloudFormation properties. CDK's constructs for
them want VPC, cluster and secrets as objects and add rights of their own; here all of these are
names, and ``permissions`` states every right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Aws, RemovalPolicy, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk import beforehand, health, images, permissions, sidecar, task_shape
from cdk.acknowledged import acknowledge
from cdk.arns import Arns
from cdk.role import of_own_account, role
from cdk.statements import read_prefetched
from penstock import names, sizes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cdk.images import Image
    from cdk.stage import Stage
    from penstock.config import AsyncApi, BatchApi, Container

_DEQUEUER_USER = "10001:10001"


_KeyValue = ecs.CfnTaskDefinition.KeyValuePairProperty
_ContainerDefinition = ecs.CfnTaskDefinition.ContainerDefinitionProperty


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskProps:
    """What the task of an API is made from."""

    deployment: str
    api: AsyncApi | BatchApi
    stage: Stage
    #: What the dequeuer is told.
    variables: Mapping[str, str]
    #: Variables of the dequeuer that ECS reads from secrets, as for a container's ``secrets``.
    secrets: Mapping[str, str]
    #: What the task may do.
    rights: iam.PolicyDocument
    #: The repository, from which the dequeuer's image is built.
    root: Path


class Task(Construct):
    """Task definition, roles and log group."""

    def __init__(self, scope: Construct, id_: str, props: TaskProps) -> None:
        super().__init__(scope, id_)
        self._props = props
        self._arns = Arns(Stack.of(self), props.deployment)
        self._log_group = logs.LogGroup(
            self,
            "Log",
            log_group_name=names.log_group(props.deployment, props.api.name),
            retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=RemovalPolicy.DESTROY,
        )
        pod, built = props.api.pod, images.Built(props.stage.images, props.api.capacity.architecture)
        user_images = {
            container.name: images.of_container(self, container, built=built) for container in pod.containers
        }
        dequeuer_image = images.of_dequeuer(self, props.root, built=built, named=pod.dequeuer_image)
        #: What each container runs.
        self.images = {name: image.uri for name, image in user_images.items()} | {
            sidecar.DEQUEUER: dequeuer_image.uri
        }
        task_role = self._add_task_role()
        execution_role = self._add_execution_role([*user_images.values(), dequeuer_image])
        #: Whoever runs the task must be allowed to lend it both.
        self.roles = (task_role, execution_role)
        self.definition = self._add_definition(
            containers=[
                *self._inits(dequeuer_image),
                *(self._container(container, user_images[container.name]) for container in pod.containers),
                self._dequeuer(dequeuer_image),
            ],
            task_role=task_role,
            execution_role=execution_role,
        )

    def _add_definition(
        self, *, containers: list[_ContainerDefinition], task_role: iam.Role, execution_role: iam.Role
    ) -> ecs.CfnTaskDefinition:
        api = self._props.api
        size = task_shape.size(api)
        definition = ecs.CfnTaskDefinition(
            self,
            "Definition",
            family=names.task_family(self._props.deployment, api.name),
            requires_compatibilities=task_shape.compatibilities(api),
            network_mode="awsvpc",
            cpu=str(size.cpu_units) if size else None,
            memory=str(size.memory_mib) if size else None,
            ephemeral_storage=task_shape.storage(api),
            runtime_platform=task_shape.platform(api),
            task_role_arn=task_role.role_arn,
            execution_role_arn=execution_role.role_arn,
            container_definitions=containers,
            volumes=beforehand.volumes(api),
        )
        acknowledge(
            definition,
            "ECS2",
            "Variables hold names, addresses and limits, and what the configuration has under env. Secrets "
            "go under secrets, which ECS takes from Secrets Manager or SSM.",
        )
        return definition

    def _add_task_role(self) -> iam.Role:
        policies = {"worker": self._props.rights}
        if prefetched := self._props.api.pod.prefetch:
            statements = read_prefetched(self._arns, prefetched)
            policies["prefetch"] = iam.PolicyDocument(statements=statements, minimize=True)
        own_tasks = of_own_account("ecs-tasks.amazonaws.com")
        return role(self, "Role", assumed_by=own_tasks, policies=policies)

    def _add_execution_role(self, pulled: list[Image]) -> iam.Role:
        containers = self._props.api.pod.containers
        named = (self._props.secrets, *(container.secrets for container in containers))
        references = [reference for secrets in named for reference in secrets.values()]
        references += [each.registry_credentials for each in containers if each.registry_credentials]
        statements = [
            permissions.write_logs([self._log_group.log_group_arn]),
            *permissions.pull(image.repository_arn for image in pulled if image.repository_arn),
            *permissions.secrets(self._arns, references),
        ]
        start = iam.PolicyDocument(statements=statements, minimize=True)
        agent = iam.ServicePrincipal("ecs-tasks.amazonaws.com")
        return role(self, "ExecutionRole", assumed_by=agent, policies={"start": start})

    def _container(self, container: Container, image: Image) -> _ContainerDefinition:
        port = str(self._props.api.pod.port)
        environment = {**container.env, "PENSTOCK_PORT": port, "CORTEX_PORT": port}
        environment |= beforehand.variables(self._props.api)
        return _ContainerDefinition(
            name=container.name,
            image=image.uri,
            repository_credentials=_credentials(container),
            essential=True,
            # As in Kubernetes: command replaces the image's ENTRYPOINT, args its CMD.
            entry_point=list(container.command) or None,
            command=list(container.args) or None,
            # Shares and reservations, not limits: whatever the task has left over may be used.
            cpu=sizes.cpu_units(container.compute.cpu_millicores),
            memory_reservation=container.compute.mem_mib,
            resource_requirements=task_shape.devices(container.compute),
            environment=_pairs(environment),
            secrets=_secrets(container.secrets),
            mount_points=beforehand.mounts(self._props.api),
            depends_on=beforehand.awaited(self._props.api),
            health_check=health.of_container(container),
            stop_timeout=sidecar.container_stop_seconds(self._props.api),
            linux_parameters=task_shape.linux(container.compute.shm_mib),
            log_configuration=self._logging(),
        )

    def _inits(self, image: Image) -> list[_ContainerDefinition]:
        """What brings something that the user's containers find; each ends before those start."""
        # A task with a size has room for them then, and ECS would refuse one that reserves more than that.
        sized = task_shape.size(self._props.api) is not None
        return [
            _ContainerDefinition(
                name=init.name,
                image=image.uri,
                essential=False,
                memory_reservation=None if sized else init.memory_mib,
                entry_point=["python3", "-m", init.module],
                environment=_pairs(init.environment),
                mount_points=[init.volume.mount(read_only=False)],
                linux_parameters=task_shape.linux(),
                log_configuration=self._logging(),
                readonly_root_filesystem=True,
                user=_DEQUEUER_USER,
            )
            for init in beforehand.inits(self._props.api, deployment=self._props.deployment)
        ]

    def _dequeuer(self, image: Image) -> _ContainerDefinition:
        pod = self._props.api.pod
        size = sizes.dequeuer(pod.max_concurrency)
        return _ContainerDefinition(
            name=sidecar.DEQUEUER,
            image=image.uri,
            essential=True,
            cpu=size.cpu_units,
            memory_reservation=size.memory_mib,
            environment=_pairs(self._props.variables),
            secrets=_secrets(self._props.secrets),
            # Started last, and so stopped first: it drains while the server still answers.
            # Not HEALTHY: that needs a shell or curl in the user's image; the dequeuer probes itself.
            depends_on=[
                ecs.CfnTaskDefinition.ContainerDependencyProperty(
                    container_name=container.name, condition="START"
                )
                for container in pod.containers
            ],
            stop_timeout=sidecar.stop_seconds(self._props.api),
            health_check=health.of_dequeuer(),
            linux_parameters=task_shape.linux(),
            log_configuration=self._logging(),
            readonly_root_filesystem=True,
            user=_DEQUEUER_USER,
        )

    def _logging(self) -> ecs.CfnTaskDefinition.LogConfigurationProperty:
        return ecs.CfnTaskDefinition.LogConfigurationProperty(
            log_driver="awslogs",
            options={
                "awslogs-group": self._log_group.log_group_name,
                "awslogs-region": Aws.REGION,
                "awslogs-stream-prefix": "task",
                # A blocking driver halts the process when CloudWatch is slow, and with it the heartbeats.
                "mode": "non-blocking",
                "max-buffer-size": "25m",
            },
        )


def _credentials(container: Container) -> ecs.CfnTaskDefinition.RepositoryCredentialsProperty | None:
    if container.registry_credentials is None:
        return None
    return ecs.CfnTaskDefinition.RepositoryCredentialsProperty(
        credentials_parameter=container.registry_credentials
    )


def _pairs(environment: Mapping[str, str]) -> list[_KeyValue]:
    return [_KeyValue(name=name, value=value) for name, value in sorted(environment.items())]


def _secrets(references: Mapping[str, str]) -> list[ecs.CfnTaskDefinition.SecretProperty] | None:
    return [
        ecs.CfnTaskDefinition.SecretProperty(name=name, value_from=reference)
        for name, reference in sorted(references.items())
    ] or None
