"""What the emulator's ECS wants to run, and what an agent has to tell it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from botocore.exceptions import ConnectionError as NoConnection
from botocore.exceptions import HTTPClientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ContainerDefinitionOutputTypeDef

DEQUEUER_CONTAINER = "dequeuer"
#: What ECS takes where a container definition says nothing.
DEFAULT_STOP_TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """As much of a task definition as runs here."""

    arn: str
    dequeuer_environment: Mapping[str, str]
    dequeuer_stop_seconds: int
    server_stop_seconds: int


@dataclass(frozen=True, slots=True)
class Task:
    """A task that ECS wants to run."""

    arn: str
    service: str
    definition: TaskDefinition

    @property
    def short_id(self) -> str:
        """Enough of the id to tell tasks apart in logs."""
        return self.arn.rsplit("/", 1)[-1][:8]


@dataclass(frozen=True, slots=True)
class Service:
    """A service and the tasks it has now."""

    name: str
    desired_count: int
    tasks: tuple[Task, ...]


class ClusterUnreachable(Exception):
    """ECS gave no answer; what was asked of it may have happened or not."""


class Cluster(Protocol):
    """The agent's view of ECS; every method may raise ClusterUnreachable."""

    def services(self) -> Sequence[Service]:
        """Return all services with their tasks."""
        ...

    def stop_task(self, task_arn: str, *, reason: str) -> None:
        """Tell ECS that a task has ended."""
        ...

    def reconcile(self, service: str) -> None:
        """Have ECS start or stop tasks until the service has as many as it wants."""
        ...


class EcsCluster:
    """One cluster of the emulator."""

    def __init__(self, client: ECSClient, *, name: str) -> None:
        self._client = client
        self._name = name
        #: A registered revision never changes.
        self._definitions: dict[str, TaskDefinition] = {}

    def services(self) -> list[Service]:
        """Return all services with their tasks."""
        with _translated():
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

    def stop_task(self, task_arn: str, *, reason: str) -> None:
        """Tell ECS that a task has ended."""
        with _translated():
            self._client.stop_task(cluster=self._name, task=task_arn, reason=reason)

    def reconcile(self, service: str) -> None:
        """Make the emulator compare the service with its tasks, which it does at each update only.

        After StopTask it leaves the service short of a task, and after a restart without any. An
        update without a change starts what is missing, without a new deployment.
        """
        with _translated():
            self._client.update_service(cluster=self._name, service=service)

    def _described(self, arns: list[str]) -> Iterator[Service]:
        # DescribeServices takes at most 10.
        for service in self._client.describe_services(cluster=self._name, services=arns)["services"]:
            name = service["serviceName"]
            yield Service(name=name, desired_count=service["desiredCount"], tasks=tuple(self._tasks(name)))

    def _tasks(self, service: str) -> Iterator[Task]:
        pages = self._client.get_paginator("list_tasks").paginate(cluster=self._name, serviceName=service)
        for arns in (page["taskArns"] for page in pages):
            described = self._client.describe_tasks(cluster=self._name, tasks=arns)["tasks"] if arns else []
            for task in described:
                # Tasks from before a restart are STOPPED, yet listed as wanted.
                if task["lastStatus"] != "STOPPED":
                    definition = self._definition(task["taskDefinitionArn"])
                    yield Task(arn=task["taskArn"], service=service, definition=definition)

    def _definition(self, arn: str) -> TaskDefinition:
        if arn not in self._definitions:
            described = self._client.describe_task_definition(taskDefinition=arn)["taskDefinition"]
            self._definitions[arn] = parsed(arn, described["containerDefinitions"])
        return self._definitions[arn]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (NoConnection, HTTPClientError) as error:
        raise ClusterUnreachable(str(error)) from error


def parsed(arn: str, containers: list[ContainerDefinitionOutputTypeDef]) -> TaskDefinition:
    """Take what runs here out of container definitions, in the words of DescribeTaskDefinition."""
    stop_seconds = {
        container["name"]: container.get("stopTimeout", DEFAULT_STOP_TIMEOUT_SECONDS)
        for container in containers
    }
    [dequeuer] = [container for container in containers if container["name"] == DEQUEUER_CONTAINER]
    return TaskDefinition(
        arn=arn,
        dequeuer_environment={
            variable["name"]: variable["value"] for variable in dequeuer.get("environment", [])
        },
        dequeuer_stop_seconds=stop_seconds.pop(DEQUEUER_CONTAINER),
        # The user's containers are one process here; it gets as long as the most patient of them.
        server_stop_seconds=max(stop_seconds.values(), default=DEFAULT_STOP_TIMEOUT_SECONDS),
    )
