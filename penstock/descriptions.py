"""ECS's descriptions of services and tasks, as the API and its events give them, read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from penstock.workers import ContainerView, ServiceView, TaskView

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: How many of a service's messages are kept.
_MESSAGES = 3


def service_view(service: Mapping[str, Any]) -> ServiceView:
    """Read one service of DescribeServices."""
    deployments = service.get("deployments", [])
    latest: Mapping[str, Any] = next((one for one in deployments if one.get("status") == "PRIMARY"), {})
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
