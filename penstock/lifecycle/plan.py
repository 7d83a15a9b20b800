"""In which order a deployment is taken down: pure, from what is there.

Each step may be done again, and a plan that is made anew of what is left goes on where one was broken off.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from penstock.lifecycle.estate import Estate, Service, Stack


class Act(Enum):
    """What a step does; the value is what people read."""

    DELETE_STACK = "delete stack"
    REVOKE_KEY = "revoke API key"
    STOP_EXECUTION = "stop execution"
    STOP_SERVICE = "stop service"
    RELEASE_INSTANCES = "let go of the instances of"
    EMPTY_CLUSTER = "wait for tasks and instances of"
    DELETE_QUEUE = "delete queue of a job"
    DELETE_TIMER = "delete timer of a job"
    EMPTY_BUCKET = "empty bucket"
    DELETE_BUCKET = "delete bucket"
    DELETE_TABLE = "delete table"
    DELETE_LOG_GROUP = "delete log group"
    DELETE_SECRET = "delete secret"  # noqa: S105 - an act, not a secret


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, and to what."""

    act: Act
    target: str
    service: Service | None = None

    def __str__(self) -> str:
        return f"{self.act.value} {self.target}"


#: After the stacks of the APIs, in the reverse of the order in which they were deployed. The gateway goes
#: before all: nothing is accepted that nobody would run.
_SHARED = ("batch", "scaling", "recovery", "webhooks", "monitoring", "network")
_FIRST, _LAST = "gateway", "data"


def destruction(estate: Estate, *, data: bool) -> tuple[Step, ...]:
    """All steps. Without ``data`` the table, the bucket, logs and secrets stay.

    So does the stack that table and bucket belong to: a later deployment finds both through it, where
    without it there would be a table that is in its way.
    """
    return tuple(_steps(estate, data=data))


def _steps(estate: Estate, *, data: bool) -> Iterator[Step]:
    parts = {stack.part: stack for stack in estate.stacks}
    yield from (Step(Act.REVOKE_KEY, key) for key in estate.keys)
    yield from _deletion(parts.get(_FIRST))
    yield from (Step(Act.STOP_EXECUTION, arn) for arn in estate.executions)
    for stack in estate.stacks:
        for service in stack.services:
            yield Step(Act.STOP_SERVICE, f"{service.cluster}/{service.name}", service)
    clusters = {
        cluster
        for stack in estate.stacks
        for cluster in (*stack.clusters, *(service.cluster for service in stack.services))
    }
    for stack in estate.stacks:
        yield from (Step(Act.RELEASE_INSTANCES, group) for group in stack.groups)
    # A provider of instances cannot be deleted while it has some, nor a network while tasks use it.
    yield from (Step(Act.EMPTY_CLUSTER, cluster) for cluster in sorted(clusters))
    for stack in estate.stacks:
        if stack.api is not None:
            yield from _deletion(stack)
    for part in _SHARED:
        yield from _deletion(parts.get(part))
    known = {_FIRST, _LAST, *_SHARED}
    for stack in estate.stacks:
        if stack.api is None and stack.part not in known:
            yield from _deletion(stack)
    yield from (Step(Act.DELETE_QUEUE, url) for url in estate.queues)
    yield from (Step(Act.DELETE_TIMER, name) for name in estate.timers)
    if data:
        yield from _data(estate, parts.get(_LAST))


def _data(estate: Estate, stack: Stack | None) -> Iterator[Step]:
    # Where the stack deletes the bucket itself, it must be empty by then.
    if estate.bucket is not None:
        yield Step(Act.EMPTY_BUCKET, estate.bucket)
    yield from _deletion(stack)
    if estate.bucket is not None:
        yield Step(Act.DELETE_BUCKET, estate.bucket)
    if estate.table is not None:
        yield Step(Act.DELETE_TABLE, estate.table)
    yield from (Step(Act.DELETE_SECRET, name) for name in estate.secrets)
    yield from (Step(Act.DELETE_LOG_GROUP, name) for name in estate.log_groups)


def _deletion(stack: Stack | None) -> Iterator[Step]:
    if stack is not None:
        yield Step(Act.DELETE_STACK, stack.name)
