"""Tasks where there is no ECS: one for each API, as its parameter describes it."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from localstack.cluster import Service, Task, parsed
from localstack.errors import NotDeployed
from penstock import names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_ssm import SSMClient

    from localstack.cluster import TaskDefinition


class DescribedCluster:
    """What the stacks of a stage without compute want to run. It is in this process alone."""

    def __init__(self, client: SSMClient, *, deployment: str, apis: Sequence[str]) -> None:
        self._definitions = {
            names.service(api): _definition(client, names.task_parameter(deployment, api)) for api in apis
        }
        self._tasks: dict[str, Task] = {}
        for service in self._definitions:
            self.reconcile(service)

    def services(self) -> list[Service]:
        """Return all services with their tasks."""
        return [
            Service(
                name=name,
                desired_count=1,
                tasks=tuple(task for task in self._tasks.values() if task.api == name),
                definition=definition.arn,
            )
            for name, definition in self._definitions.items()
        ]

    def runs(self) -> list[Task]:
        """Return nothing: there is nobody who starts tasks for a job."""
        return []

    def stop_task(self, task_arn: str, *, reason: str) -> None:  # noqa: ARG002 - there is nobody to tell it to
        """Forget a task that has ended."""
        del self._tasks[task_arn]

    def was_replaced(self, task_arn: str) -> bool:  # noqa: ARG002 - true of none
        """Return False: nothing is deployed or scaled here."""
        return False

    def deploy(self, service: str, definition_arn: str) -> None:
        """Keep to the description: an API has one, so nothing is ever rolled back."""

    def reconcile(self, service: str) -> None:
        """Have the service's one task."""
        if not any(task.api == service for task in self._tasks.values()):
            task = Task(f"task/{uuid.uuid4().hex}", service, self._definitions[service])
            self._tasks[task.arn] = task


def _definition(client: SSMClient, parameter: str) -> TaskDefinition:
    try:
        described = client.get_parameter(Name=parameter)["Parameter"]["Value"]
    except client.exceptions.ParameterNotFound as error:
        raise NotDeployed(f"the parameter {parameter} is missing; try --fresh") from error
    return parsed(parameter, json.loads(described))
