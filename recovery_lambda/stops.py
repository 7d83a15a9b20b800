"""What ECS's events say of an API's tasks and deployments, in numbers and in the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from penstock import names
from penstock.descriptions import task_view
from penstock.metrics import Metric
from penstock.workers import WorkerState, worker_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)

TASK = "ECS Task State Change"
DEPLOYMENT = "ECS Deployment State Change"
FAILED = "SERVICE_DEPLOYMENT_FAILED"

_METRICS = {
    WorkerState.INTERRUPTED: Metric.TASKS_INTERRUPTED,
    WorkerState.IMAGE_PULL_ERROR: Metric.TASKS_NOT_STARTED,
    WorkerState.START_ERROR: Metric.TASKS_NOT_STARTED,
    WorkerState.OUT_OF_MEMORY: Metric.TASKS_OUT_OF_MEMORY,
    WorkerState.FAILED: Metric.TASKS_FAILED,
}


class Stops:
    """Counts tasks that stopped, other than by being told to, and deployments that ECS gave up."""

    def __init__(
        self, deployment: str, *, clusters: Mapping[str, str], count: Callable[[str, Metric], None]
    ) -> None:
        self._by_family = {names.task_family(deployment, api): api for api in clusters}
        self._by_service = {f"{cluster}/{names.service(api)}": api for api, cluster in clusters.items()}
        self._count = count

    def note(self, event: Mapping[str, Any]) -> None:
        """Take one event; those of other deployments, whose names begin alike, are passed over."""
        if event["detail-type"] == TASK:
            self._note_task(event["detail"])
        elif event["detail"]["eventName"] == FAILED:
            self._note_deployment(event)

    def _note_task(self, task: Mapping[str, Any]) -> None:
        family = task["taskDefinitionArn"].rpartition("/")[2].partition(":")[0]
        api = self._by_family.get(family)
        if api is None:
            return
        worker = worker_of(task_view(task), now_ms=0)
        context = {"action": "task_stopped", "api": api, "task": worker.id, "state": worker.state.value}
        logger.info("task stopped", extra={**context, "reason": worker.reason})
        metric = _METRICS.get(worker.state)
        if metric is not None:
            self._count(api, metric)

    def _note_deployment(self, event: Mapping[str, Any]) -> None:
        for arn in event["resources"]:
            api = self._by_service.get(arn.partition(":service/")[2])
            if api is not None:
                context = {"action": "deployment_failed", "api": api, "reason": event["detail"].get("reason")}
                logger.error("deployment failed", extra=context)
                self._count(api, Metric.DEPLOYMENTS_FAILED)
