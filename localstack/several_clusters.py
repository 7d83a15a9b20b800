"""A deployment's clusters as one: the one that APIs share, and those of APIs on instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from localstack.cluster import Cluster, Service, Task


class SeveralClusters:
    """Clusters by name. What is in them says itself which it belongs to."""

    def __init__(self, clusters: Mapping[str, Cluster]) -> None:
        self._clusters = clusters
        #: Which one each service was seen in.
        self._homes: dict[str, Cluster] = {}

    def services(self) -> list[Service]:
        """Return all services with their tasks."""
        found = [(service, cluster) for cluster in self._clusters.values() for service in cluster.services()]
        self._homes = {service.name: cluster for service, cluster in found}
        return [service for service, _ in found]

    def runs(self) -> list[Task]:
        """Return the tasks that run once, for a job: those of no service."""
        return [task for cluster in self._clusters.values() for task in cluster.runs()]

    def stop_task(self, task_arn: str, *, reason: str) -> None:
        """Tell ECS that a task has ended."""
        self._home_of(task_arn).stop_task(task_arn, reason=reason)

    def was_replaced(self, task_arn: str) -> bool:
        """Whether a task that is wanted no more was ended by a deployment or by scaling."""
        return self._home_of(task_arn).was_replaced(task_arn)

    def deploy(self, service: str, definition_arn: str) -> None:
        """Have the service's tasks replaced by those of a task definition."""
        self._homes[service].deploy(service, definition_arn)

    def reconcile(self, service: str) -> None:
        """Have ECS start or stop tasks until the service has as many as it wants."""
        self._homes[service].reconcile(service)

    def _home_of(self, task_arn: str) -> Cluster:
        # arn:aws:ecs:<region>:<account>:task/<cluster>/<id>
        return self._clusters[task_arn.split("/")[-2]]
