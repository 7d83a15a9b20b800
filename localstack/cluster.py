"""What the emulator's ECS wants to run, and what an agent has to tell it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import ConnectionError as NoConnection
from botocore.exceptions import HTTPClientError

from localstack.circuit_breaker import Breaker
from localstack.rollout import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import (
        ContainerDefinitionOutputTypeDef,
        DeploymentCircuitBreakerTypeDef,
        TaskOverrideOutputTypeDef,
    )

DEQUEUER_CONTAINER = "dequeuer"
#: In the order in which they run here; ECS runs them at the same time.
INIT_CONTAINERS = ("prefetch", "spec")
SHARED_VOLUME = "mnt"
#: What ECS takes where a container definition says nothing.
DEFAULT_STOP_TIMEOUT_SECONDS = 30

#: Why the emulator says that it stopped a task of a service, other than that somebody asked it to.
_REASONS_TO_REPLACE = frozenset(
    {
        "Deployment capacity limit",
        "Deployment completed",
        "Service scaling down",
        "Task definition updated",
    }
)


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """As much of a task definition as runs here."""

    arn: str
    dequeuer_environment: Mapping[str, str]
    dequeuer_stop_seconds: int
    server_stop_seconds: int
    #: The variables of those containers that must end well before the others start, by their names.
    inits: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    #: Whether the containers have a folder in common.
    shares_folder: bool = False
    #: Of the task role, where there is one.
    role_arn: str | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A task that ECS wants to run."""

    arn: str
    #: What its service is named after.
    api: str
    definition: TaskDefinition
    #: What RunTask gave the dequeuer besides; None for a task that a service keeps running.
    of_job: Mapping[str, str] | None = None

    @property
    def id(self) -> str:
        """The last part of its ARN."""
        return self.arn.rsplit("/", 1)[-1]

    @property
    def short_id(self) -> str:
        """Enough of the id to tell tasks apart in logs."""
        return self.id[:8]


@dataclass(frozen=True, slots=True)
class Service:
    """A service and the tasks it has now."""

    name: str
    desired_count: int
    tasks: tuple[Task, ...]
    #: ARN of the task definition that all of its tasks should be of.
    definition: str
    limits: Limits = field(default_factory=Limits)
    #: None where nothing is rolled back.
    breaker: Breaker | None = None


class ClusterUnreachable(Exception):
    """ECS gave no answer; what was asked of it may have happened or not."""


class Cluster(Protocol):
    """The agent's view of ECS; every method may raise ClusterUnreachable."""

    def services(self) -> Sequence[Service]:
        """Return all services with their tasks."""
        ...

    def runs(self) -> Sequence[Task]:
        """Return the tasks that run once, for a job: those of no service."""
        ...

    def stop_task(self, task_arn: str, *, reason: str) -> None:
        """Tell ECS that a task has ended."""
        ...

    def was_replaced(self, task_arn: str) -> bool:
        """Whether a task that is wanted no more was ended by a deployment or by scaling."""
        ...

    def reconcile(self, service: str) -> None:
        """Have ECS start or stop tasks until the service has as many as it wants."""
        ...

    def deploy(self, service: str, definition_arn: str) -> None:
        """Have the service's tasks replaced by those of a task definition."""
        ...


class EcsCluster:
    """One cluster of the emulator."""

    def __init__(self, client: ECSClient, *, name: str) -> None:
        self._client = client
        self._name = name
        #: A registered revision never changes.
        self._definitions: dict[str, TaskDefinition] = {}
        #: Tasks of services, which need not be looked at again to know that they are.
        self._serving: set[str] = set()

    def services(self) -> list[Service]:
        """Return all services with their tasks."""
        with translated():
            arns = [
                arn
                for page in self._client.get_paginator("list_services").paginate(cluster=self._name)
                for arn in page["serviceArns"]
            ]
            return [
                service
                for start in range(0, len(arns), 10)
                for service in self._described(arns[start : start + 10])
            ]

    def runs(self) -> list[Task]:
        """Return the tasks that run once, for a job: those of no service."""
        with translated():
            pages = self._client.get_paginator("list_tasks").paginate(cluster=self._name)
            arns = [arn for page in pages for arn in page["taskArns"] if arn not in self._serving]
            return [
                task for start in range(0, len(arns), 100) for task in self._runs(arns[start : start + 100])
            ]

    def stop_task(self, task_arn: str, *, reason: str) -> None:
        """Tell ECS that a task has ended."""
        with translated():
            self._client.stop_task(cluster=self._name, task=task_arn, reason=reason)

    def was_replaced(self, task_arn: str) -> bool:
        """Whether the emulator itself ended the task, for a deployment or for scaling."""
        with translated():
            described = self._client.describe_tasks(cluster=self._name, tasks=[task_arn])["tasks"]
        return any(task.get("stoppedReason") in _REASONS_TO_REPLACE for task in described)

    def deploy(self, service: str, definition_arn: str) -> None:
        """Have the service's tasks replaced by those of a task definition."""
        with translated():
            self._client.update_service(cluster=self._name, service=service, taskDefinition=definition_arn)

    def reconcile(self, service: str) -> None:
        """Make the emulator compare the service with its tasks, which it does at each update only.

        After StopTask it leaves the service short of a task, and after a restart without any. An
        update without a change starts what is missing, without a new deployment.
        """
        with translated():
            self._client.update_service(cluster=self._name, service=service)

    def _described(self, arns: list[str]) -> Iterator[Service]:
        # DescribeServices takes at most 10.
        for service in self._client.describe_services(cluster=self._name, services=arns)["services"]:
            name, configuration = service["serviceName"], service.get("deploymentConfiguration", {})
            yield Service(
                name=name,
                desired_count=service["desiredCount"],
                tasks=tuple(self._tasks(name)),
                definition=service["taskDefinition"],
                limits=Limits(
                    configuration.get("minimumHealthyPercent", 100), configuration.get("maximumPercent", 200)
                ),
                breaker=_breaker(configuration.get("deploymentCircuitBreaker")),
            )

    def _tasks(self, service: str) -> Iterator[Task]:
        pages = self._client.get_paginator("list_tasks").paginate(cluster=self._name, serviceName=service)
        for arns in (page["taskArns"] for page in pages):
            described = self._client.describe_tasks(cluster=self._name, tasks=arns)["tasks"] if arns else []
            for task in described:
                # Tasks from before a restart are STOPPED, yet listed as wanted.
                if task["lastStatus"] != "STOPPED":
                    definition = self._definition(task["taskDefinitionArn"])
                    yield Task(arn=task["taskArn"], api=service, definition=definition)

    def _runs(self, arns: list[str]) -> Iterator[Task]:
        # DescribeTasks takes at most 100.
        for task in self._client.describe_tasks(cluster=self._name, tasks=arns)["tasks"]:
            if task.get("group", "").startswith("service:"):
                self._serving.add(task["taskArn"])
                continue
            # Whoever starts tasks by hand has tasks without a dequeuer, perhaps; those of jobs are told
            # their job.
            of_job = _given(task.get("overrides", {}))
            if of_job and task["lastStatus"] != "STOPPED":
                definition = self._definition(task["taskDefinitionArn"])
                api = definition.dequeuer_environment["PENSTOCK_API"]
                yield Task(task["taskArn"], api, definition, of_job)

    def _definition(self, arn: str) -> TaskDefinition:
        if arn not in self._definitions:
            described = self._client.describe_task_definition(taskDefinition=arn)["taskDefinition"]
            self._definitions[arn] = replace(
                parsed(arn, described["containerDefinitions"]),
                # The emulator has an empty name where there is no role.
                role_arn=described.get("taskRoleArn") or None,
            )
        return self._definitions[arn]


@contextmanager
def translated() -> Iterator[None]:
    """Raise ClusterUnreachable where the emulator gives no answer."""
    try:
        yield
    except (NoConnection, HTTPClientError) as error:
        raise ClusterUnreachable(str(error)) from error


def _breaker(configured: DeploymentCircuitBreakerTypeDef | None) -> Breaker | None:
    if configured is None or not (configured.get("enable") and configured.get("rollback")):
        return None
    threshold = configured.get("thresholdConfiguration")
    if threshold is None:
        return Breaker()
    value = int(threshold["value"])
    return Breaker(count=value) if threshold["type"] == "COUNT" else Breaker(percent=value)


def _given(overrides: TaskOverrideOutputTypeDef) -> dict[str, str]:
    return {
        variable["name"]: variable["value"]
        for container in overrides.get("containerOverrides", [])
        if container.get("name") == DEQUEUER_CONTAINER
        for variable in container.get("environment", [])
    }


def parsed(arn: str, containers: list[ContainerDefinitionOutputTypeDef]) -> TaskDefinition:
    """Take what runs here out of container definitions, in the words of DescribeTaskDefinition."""
    stop_seconds = {
        container["name"]: container.get("stopTimeout", DEFAULT_STOP_TIMEOUT_SECONDS)
        for container in containers
    }
    by_name = {container["name"]: container for container in containers}
    return TaskDefinition(
        arn=arn,
        dequeuer_environment=_variables(by_name[DEQUEUER_CONTAINER]),
        dequeuer_stop_seconds=stop_seconds.pop(DEQUEUER_CONTAINER),
        # The user's containers are one process here; it gets as long as the most patient of them.
        server_stop_seconds=max(
            (seconds for name, seconds in stop_seconds.items() if name not in INIT_CONTAINERS),
            default=DEFAULT_STOP_TIMEOUT_SECONDS,
        ),
        inits={name: _variables(by_name[name]) for name in INIT_CONTAINERS if name in by_name},
        shares_folder=any(
            mount.get("sourceVolume") == SHARED_VOLUME
            for container in containers
            for mount in container.get("mountPoints", [])
        ),
    )


def _variables(container: ContainerDefinitionOutputTypeDef) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container.get("environment", [])}
