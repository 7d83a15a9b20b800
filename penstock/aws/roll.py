"""The ``Roll`` port on ECS."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING

from penstock import names
from penstock.aws.faults import translated
from penstock.descriptions import service_view, task_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.literals import DesiredStatusType

    from penstock.workers import ServiceView, TaskView

#: DescribeServices takes no more at once.
_SERVICES_A_CALL = 10
#: DescribeTasks takes no more at once. Of each API, at most this many that run are looked at, and as
#: many that stopped: enough to see what is wrong.
MOST_TASKS = 100


class EcsRoll:
    """Services and tasks of one deployment.

    The client is made when it is first needed: most calls of the gateway ask for no worker.
    """

    def __init__(
        self, connect: Callable[[], ECSClient], deployment: str, *, cluster_of: Callable[[str], str]
    ) -> None:
        self._connect = connect
        self._deployment = deployment
        #: The cluster of an API, by its name.
        self._cluster_of = cluster_of

    def services(self, apis: Sequence[str]) -> Mapping[str, ServiceView]:
        """See ``Roll.services``."""
        by_cluster: dict[str, list[str]] = defaultdict(list)
        for api in apis:
            by_cluster[self._cluster_of(api)].append(api)
        return {
            api: view
            for cluster, inside in by_cluster.items()
            for start in range(0, len(inside), _SERVICES_A_CALL)
            for api, view in self._described(cluster, inside[start : start + _SERVICES_A_CALL])
        }

    def tasks(self, api: str) -> Sequence[TaskView]:
        """See ``Roll.tasks``."""
        wanted: tuple[DesiredStatusType, ...] = ("RUNNING", "STOPPED")
        return [view for status in wanted for view in self._tasks(api, status)]

    def _described(self, cluster: str, apis: Sequence[str]) -> list[tuple[str, ServiceView]]:
        named = {names.service(api): api for api in apis}
        with translated("describe services"):
            answer = self._client.describe_services(cluster=cluster, services=list(named))
        return [
            (named[service["serviceName"]], service_view(service))
            for service in answer["services"]
            # One that was deleted is told of for a while.
            if service["status"] != "INACTIVE"
        ]

    def _tasks(self, api: str, status: DesiredStatusType) -> list[TaskView]:
        cluster, family = self._cluster_of(api), names.task_family(self._deployment, api)
        with translated("describe tasks"):
            arns = self._client.list_tasks(
                cluster=cluster, family=family, desiredStatus=status, maxResults=MOST_TASKS
            )["taskArns"]
            if not arns:
                return []
            return list(map(task_view, self._client.describe_tasks(cluster=cluster, tasks=arns)["tasks"]))

    @cached_property
    def _client(self) -> ECSClient:
        return self._connect()
