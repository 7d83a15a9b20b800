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

from cdk import images, job_spec, permissions, sidecar, sizes
from cdk.acknowledged import acknowledge
from cdk.arns import Arns
from cdk.role import of_own_account, role
from penstock import names
from penstock.config import BatchApi

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cdk.images import Image
    from cdk.stage import Stage
    from penstock.config import AsyncApi, Container

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
        mode, pod = props.stage.images, props.api.pod
        user_images = {
            container.name: images.of_container(self, container, mode=mode) for container in pod.containers
        }
        dequeuer_image = images.of_dequeuer(self, props.root, mode=mode)
        task_role = self._add_task_role()
        execution_role = self._add_execution_role([*user_images.values(), dequeuer_image])
        #: Whoever runs the task must be allowed to lend it both.
        self.roles = (task_role, execution_role)
        self.definition = self._add_definition(
            containers=[
                *self._job_spec(dequeuer_image),
                *(self._container(container, user_images[container.name]) for container in pod.containers),
                self._dequeuer(dequeuer_image),
            ],
            task_role=task_role,
            execution_role=execution_role,
        )

    def _add_definition(
        self, *, containers: list[_ContainerDefinition], task_role: iam.Role, execution_role: iam.Role
    ) -> ecs.CfnTaskDefinition:
        size = sizes.task(self._props.api)
        definition = ecs.CfnTaskDefinition(
            self,
            "Definition",
            family=names.task_family(self._props.deployment, self._props.api.name),
            requires_compatibilities=["FARGATE"],
            network_mode="awsvpc",
            cpu=str(size.cpu_units),
            memory=str(size.memory_mib),
            runtime_platform=ecs.CfnTaskDefinition.RuntimePlatformProperty(
                cpu_architecture="X86_64", operating_system_family="LINUX"
            ),
            task_role_arn=task_role.role_arn,
            execution_role_arn=execution_role.role_arn,
            container_definitions=containers,
            volumes=job_spec.volumes(self._props.api),
        )
        acknowledge(
            definition,
            "ECS2",
            "Variables hold names, addresses and limits, and what the configuration has under env. Secrets "
            "go under secrets, which ECS takes from Secrets Manager or SSM.",
        )
        return definition

    def _add_task_role(self) -> iam.Role:
        return role(
            self,
            "Role",
            assumed_by=of_own_account("ecs-tasks.amazonaws.com"),
            policies={"worker": self._props.rights},
        )

    def _add_execution_role(self, pulled: list[Image]) -> iam.Role:
        references = [
            reference
            for container in self._props.api.pod.containers
            for reference in container.secrets.values()
        ]
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
        environment |= job_spec.variables(self._props.api)
        return _ContainerDefinition(
            name=container.name,
            image=image.uri,
            essential=True,
            # As in Kubernetes: command replaces the image's ENTRYPOINT, args its CMD.
            entry_point=list(container.command) or None,
            command=list(container.args) or None,
            # Shares and reservations, not limits: whatever the task has left over may be used.
            cpu=sizes.cpu_units(container.compute.cpu_millicores),
            memory_reservation=container.compute.mem_mib,
            environment=_pairs(environment),
            secrets=[
                ecs.CfnTaskDefinition.SecretProperty(name=name, value_from=reference)
                for name, reference in sorted(container.secrets.items())
            ]
            or None,
            mount_points=job_spec.mounts(self._props.api, read_only=True),
            depends_on=job_spec.awaited(self._props.api),
            stop_timeout=sidecar.STOP_SECONDS,
            linux_parameters=_init_process(),
            log_configuration=self._logging(),
        )

    def _job_spec(self, image: Image) -> list[_ContainerDefinition]:
        """What writes the file with the job, in a task for jobs; it ends before the others start."""
        api = self._props.api
        if not isinstance(api, BatchApi):
            return []
        definition = _ContainerDefinition(
            name=sidecar.JOB_SPEC,
            image=image.uri,
            essential=False,
            entry_point=["python3", "-m", "dequeuer.job_spec"],
            environment=_pairs(sidecar.of_job_spec(api, deployment=self._props.deployment)),
            mount_points=job_spec.mounts(api, read_only=False),
            linux_parameters=_init_process(),
            log_configuration=self._logging(),
            readonly_root_filesystem=True,
            user=_DEQUEUER_USER,
        )
        return [definition]

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
            # Started last, and so stopped first: it drains while the server still answers.
            # Not HEALTHY: that needs a shell or curl in the user's image; the dequeuer probes itself.
            depends_on=[
                ecs.CfnTaskDefinition.ContainerDependencyProperty(
                    container_name=container.name, condition="START"
                )
                for container in pod.containers
            ],
            stop_timeout=sidecar.STOP_SECONDS,
            health_check=_health_check(),
            linux_parameters=_init_process(),
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


def _health_check() -> ecs.CfnTaskDefinition.HealthCheckProperty:
    # Three times unanswered: an event loop that stands still for a minute or two gets a new task.
    return ecs.CfnTaskDefinition.HealthCheckProperty(
        command=["CMD", "python3", "-m", "dequeuer.healthcheck"],
        interval=30,
        timeout=15,
        retries=3,
        start_period=60,
    )


def _init_process() -> ecs.CfnTaskDefinition.LinuxParametersProperty:
    # A shell as first process swallows SIGTERM; an init passes it on, and reaps what is left behind.
    return ecs.CfnTaskDefinition.LinuxParametersProperty(init_process_enabled=True)


def _pairs(environment: Mapping[str, str]) -> list[_KeyValue]:
    return [_KeyValue(name=name, value=value) for name, value in sorted(environment.items())]
