"""The ``Roll`` port on ECS, and what ECS's events say in the same words."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from penstock import names
from penstock.aws.faults import translated
from penstock.workers import ContainerView, ServiceView, TaskView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_ecs import ECSClient

    from penstock.catalogue import ApiEntry

#: DescribeServices and DescribeTasks take no more at once.
_SERVICES_A_CALL = 10
_TASKS_A_CALL = 100
#: Of each API, at most this many that run and as many that stopped: enough to see what is wrong.
MOST_TASKS = 100
_MESSAGES = 3


class EcsRoll:
    """Services and tasks of one deployment.

    The client is made when it is first needed: most calls of the gateway ask for no worker.
    """

    def __init__(self, connect: Callable[[], ECSClient], deployment: str) -> None:
        self._connect = connect
        self._deployment = deployment

    def services(self, apis: Sequence[ApiEntry]) -> Mapping[str, ServiceView]:
        """See ``Roll.services``."""
        found: dict[str, ServiceView] = {}
        named = {names.service(api.name): api.name for api in apis}
        listed = list(named)
        for start in range(0, len(listed), _SERVICES_A_CALL):
            with translated("describe services"):
                answer = self._client.describe_services(
                    cluster=names.cluster(self._deployment), services=listed[start : start + _SERVICES_A_CALL]
                )
            for service in answer["services"]:
                if service["status"] != "INACTIVE":
                    found[named[service["serviceName"]]] = service_view(service)
        return found

    def tasks(self, api: ApiEntry) -> Sequence[TaskView]:
        """See ``Roll.tasks``."""
        cluster = names.cluster(self._deployment)
        with translated("describe tasks"):
            arns = [arn for wanted in ("RUNNING", "STOPPED") for arn in self._arns(cluster, api.name, wanted)]
            return [
                task_view(task)
                for start in range(0, len(arns), _TASKS_A_CALL)
                for task in self._client.describe_tasks(
                    cluster=cluster, tasks=arns[start : start + _TASKS_A_CALL]
                )["tasks"]
            ]

    def _arns(self, cluster: str, api: str, wanted: str) -> list[str]:
        return self._client.list_tasks(
            cluster=cluster,
            family=names.task_family(self._deployment, api),
            desiredStatus="STOPPED" if wanted == "STOPPED" else "RUNNING",
            maxResults=MOST_TASKS,
        )["taskArns"]

    @cached_property
    def _client(self) -> ECSClient:
        return self._connect()


def service_view(service: Mapping[str, Any]) -> ServiceView:
    """Read one service of DescribeServices."""
    deployments = service.get("deployments", [])
    latest = next((one for one in deployments if one.get("status") == "PRIMARY"), {})
    return ServiceView(
        desired=service["desiredCount"],
        running=service["runningCount"],
        pending=service.get("pendingCount", 0),
        updating=latest.get("rolloutState") == "IN_PROGRESS",
        failed_tasks=latest.get("failedTasks", 0),
        messages=tuple(event["message"] for event in service.get("events", [])[:_MESSAGES]),
    )


def task_view(task: Mapping[str, Any]) -> TaskView:
    """Read one task of DescribeTasks, or the detail of a task state change event: they are alike."""
    return TaskView(
        id=task["taskArn"].rpartition("/")[2],
        of_service=task.get("group", "").startswith("service:"),
        last_status=task["lastStatus"],
        desired_status=task.get("desiredStatus", ""),
        health=task.get("healthStatus", ""),
        stop_code=task.get("stopCode") or "",
        stopped_reason=task.get("stoppedReason") or "",
        created_ms=_moment(task.get("createdAt")),
        started_ms=_moment(task.get("startedAt")),
        stopped_ms=_moment(task.get("stoppedAt")),
        containers=tuple(_containers(task)),
    )


def _containers(task: Mapping[str, Any]) -> Iterator[ContainerView]:
    for container in task.get("containers", []):
        yield ContainerView(
            name=container.get("name", ""),
            exit_code=container.get("exitCode"),
            reason=container.get("reason") or "",
        )


def _moment(value: datetime | str | None) -> int | None:
    """Milliseconds; an event has the time as text, the API as a datetime."""
    if not value:
        return None
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
