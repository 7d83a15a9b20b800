"""The ``Queues`` port on SQS and the ``Workers`` port on ECS."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from penstock import names
from penstock.aws.faults import translated
from penstock.aws.queue_urls import QueueUrls
from penstock.overview import Crew, Depth
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ecs.type_defs import ServiceTypeDef
    from mypy_boto3_sqs import SQSClient


class SqsQueues:
    """Depths as SQS estimates them; they settle within a minute after the last change."""

    def __init__(self, client: SQSClient, queue_name: Callable[[str], str]) -> None:
        self._client = client
        self._urls = QueueUrls(client, queue_name)

    def depth(self, api: str) -> Depth:
        """See ``Queues.depth``."""
        with translated("ask for the queue's depth"):
            attributes = self._client.get_queue_attributes(
                QueueUrl=self._urls.of(api),
                AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
            )["Attributes"]
        return Depth(
            visible=int(attributes["ApproximateNumberOfMessages"]),
            in_flight=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        )


#: DescribeServices takes no more at once.
_SERVICES_A_CALL = 10


class EcsCrews:
    """The ``Crews`` port: the services of each cluster, ten a call, of those that exist."""

    def __init__(self, client: ECSClient, cluster: Callable[[str], str]) -> None:
        self._client = client
        self._cluster = cluster

    def counts(self, apis: Sequence[str]) -> Mapping[str, Crew]:
        """See ``Crews.counts``."""
        found: dict[str, Crew] = {}
        for cluster, some in self._calls(apis):
            found |= self._counted(cluster, some)
        return found

    def _calls(self, apis: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        """Clusters, each with up to ten of its APIs."""
        members: dict[str, list[str]] = {}
        for api in apis:
            members.setdefault(self._cluster(api), []).append(api)
        for cluster, listed in members.items():
            for start in range(0, len(listed), _SERVICES_A_CALL):
                yield cluster, listed[start : start + _SERVICES_A_CALL]

    def _counted(self, cluster: str, apis: Sequence[str]) -> Mapping[str, Crew]:
        services = {names.service(api): api for api in apis}
        with translated("count workers"):
            try:
                answer = self._client.describe_services(cluster=cluster, services=list(services))
            except self._client.exceptions.ClusterNotFoundException:
                # One that is not deployed yet, or no more.
                return {}
        return {services[service["serviceName"]]: _crew(service) for service in answer["services"]}


class EcsWorkers:
    """Counts of each API's ECS service.

    The client is made when it is first needed: most calls of the gateway never ask for workers,
    and should not pay for it at each cold start.
    """

    def __init__(self, connect: Callable[[], ECSClient], cluster: Callable[[str], str]) -> None:
        self._connect = connect
        self._cluster = cluster

    def count(self, api: str) -> Crew:
        """See ``Workers.count``."""
        with translated("count workers"):
            services = self._client.describe_services(
                cluster=self._cluster(api), services=[names.service(api)]
            )["services"]
        if not services:
            raise DependencyError(f"count workers: the cluster has no service {names.service(api)}")
        return _crew(services[0])

    @cached_property
    def _client(self) -> ECSClient:
        return self._connect()


def _crew(service: ServiceTypeDef) -> Crew:
    return Crew(desired=service["desiredCount"], running=service["runningCount"])
