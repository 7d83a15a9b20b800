"""What a deployment has in its account, and what may be done to that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from penstock import names
from penstock.amounts import amount

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: What the stacks of APIs are called, after the deployment.
_API = "api-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """An ECS service of a stack."""

    cluster: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """One stack, and what is in it that must be ended before it can be deleted."""

    name: str
    #: ``data``, ``gateway``, ``api-<name>`` and so on.
    part: str
    services: tuple[Service, ...] = ()
    #: ARNs of the state machines of jobs.
    machines: tuple[str, ...] = ()
    #: Groups of instances, by name.
    groups: tuple[str, ...] = ()
    #: Clusters that are the stack's own.
    clusters: tuple[str, ...] = ()

    @property
    def api(self) -> str | None:
        """The API that it is of; None for what all APIs share."""
        return self.part.removeprefix(_API) if self.part.startswith(_API) else None


def api_part(api: str) -> str:
    """The part that an API's stack is."""
    return f"{_API}{api}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """Everything of one deployment; all but the stacks is what CloudFormation does not know."""

    deployment: str
    #: Where all that is, to be shown.
    account: str = ""
    region: str = ""
    stacks: tuple[Stack, ...] = ()
    #: ARNs of the executions that run.
    executions: tuple[str, ...] = ()
    #: URLs of queues of jobs.
    queues: tuple[str, ...] = ()
    #: Names of the jobs' timers.
    timers: tuple[str, ...] = ()
    #: Ids of API Gateway's entries of API keys.
    keys: tuple[str, ...] = ()
    #: Table and bucket, if they are there.
    table: str | None = None
    bucket: str | None = None
    log_groups: tuple[str, ...] = ()
    #: Names of the secrets of webhooks.
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Who is in a cluster."""

    tasks: int
    instances: int

    def __str__(self) -> str:
        return f"{amount(self.tasks, 'task')}, {amount(self.instances, 'instance')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What an API has left to do."""

    #: In its queue, and in the hands of workers.
    visible: int = 0
    in_flight: int = 0
    dead_letters: int = 0
    #: Requests that have not ended, as far as they were counted.
    open: int = 0
    #: Jobs that run.
    jobs: int = 0

    @property
    def nothing(self) -> bool:
        """Whether its stack may go."""
        return self == Work()

    def __str__(self) -> str:
        counts = {
            "in the queue": self.visible,
            "being worked on": self.in_flight,
            "dead letters": self.dead_letters,
            "open requests": self.open,
            "running jobs": self.jobs,
        }
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing left"


class StackStuck(Exception):
    """CloudFormation could not delete a stack; the text has its reason. What it has deleted is gone."""


class Account(Protocol):
    """The account and region of one deployment. Every method may raise ``DependencyError``.

    What ends something is fine where there is nothing any more, so that all may be done again.
    """

    def estate(self) -> Estate:
        """All that is there."""

    def accepting(self) -> frozenset[str]:
        """Names of the APIs that the deployed gateway takes requests and jobs for; empty without one."""

    def work(self, stack: Stack) -> Work:
        """What the API of a stack has left to do."""

    def crowd(self, cluster: str) -> Crowd:
        """Who is in a cluster; nobody if it does not exist."""

    def desired(self, service: Service) -> int:
        """How many tasks a service should have."""

    def scale(self, service: Service, *, tasks: int, follow: bool) -> None:
        """Give a service that many tasks; whether its scaling goes on from there."""

    def stop_tasks(self, cluster: str) -> None:
        """Stop tasks of no service, and give idle instances back."""

    def release_instances(self, group: str) -> None:
        """Want no instance in a group any more, and protect none from being ended."""

    def stop_execution(self, arn: str) -> None:
        """Stop a job's execution."""

    def delete_stack(self, name: str, *, told: Callable[[str], None]) -> None:
        """Delete a stack and wait for its end; ``StackStuck``. Each step is told on the way."""

    def delete_queue(self, url: str) -> None:
        """Delete a queue with all that is in it."""

    def delete_timer(self, name: str) -> None:
        """Delete a job's timer."""

    def delete_key(self, key_id: str) -> None:
        """Delete API Gateway's entry of an API key."""

    def delete_table(self, name: str) -> None:
        """Delete the table, also if it is protected."""

    def empty_bucket(self, name: str, *, told: Callable[[str], None]) -> None:
        """Delete all objects, their versions, and uploads that were begun."""

    def delete_bucket(self, name: str) -> None:
        """Delete the empty bucket."""

    def delete_log_group(self, name: str) -> None:
        """Delete a log group."""

    def delete_secret(self, name: str) -> None:
        """Delete a secret for good, without the days in which it could be restored."""


def functions(deployment: str) -> Sequence[str]:
    """Names of all Lambda functions that a deployment may have."""
    return (
        names.gateway_function(deployment),
        names.authorizer_function(deployment),
        names.sweeper_function(deployment),
        names.recorder_function(deployment),
        names.stops_function(deployment),
        names.scaling_function(deployment),
        names.event_function(deployment),
        names.webhook_function(deployment),
        *(names.batch_function(deployment, step) for step in ("plan", "enqueue", "finish")),
    )
