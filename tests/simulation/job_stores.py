"""The stores of jobs as functions and workers see them: the in-memory ones, over the network."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from penstock.batch.belongings import DeadLettersRefused
from penstock.batch.ports import QueueGone
from penstock.ports import DependencyError
from penstock.transitions import Transition

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Sequence

    from penstock.batch.commits import Part
    from penstock.batch.jobs import JobKey
    from penstock.batch.messages import JobMessage
    from penstock.testing import MemoryJobParts, MemoryWorkerJobs
    from tests.simulation.job_world import JobWorld
    from tests.simulation.network import Network
    from tests.simulation.queue import UnrulyQueue
    from tests.simulation.replay import Script

#: What a service answers besides a result; other errors are the simulation's own.
_ANSWERS = (QueueGone, DeadLettersRefused)


class Remote:
    """A port of a function: each method of the stand-in is a call."""

    def __init__(self, network: Network, script: Script, target: Any, *, port: str, service: str) -> None:
        self._network = network
        self._script = script
        self._target = target
        self._port = port
        self._service = service

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            point = self._network.point(_name(self._port, method, arguments))
            perform = partial(_answered, getattr(self._target, method), *arguments, **named)
            return self._script.call(lambda: self._network.call(point, self._service, "job", perform))

        return call


def _answered(method: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    try:
        answer = method(*arguments, **named)
    except _ANSWERS as error:
        return error
    return list(answer) if hasattr(answer, "__next__") else answer


def _name(port: str, method: str, arguments: tuple[Any, ...]) -> str:
    move = next((f":{one.move}" for one in arguments if isinstance(one, Transition)), "")
    return f"{port}.{method}{move}"


class WorkerJobs:
    """The ``WorkerJobs`` port."""

    def __init__(self, network: Network, target: MemoryWorkerJobs, parts: MemoryJobParts) -> None:
        self._network = network
        self._target = target
        self._parts = parts

    def __getattr__(self, method: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        def call(*arguments: Any, **named: Any) -> Coroutine[Any, Any, Any]:
            point = self._network.point(_name("jobs", method, arguments))
            perform = partial(_finished, partial(getattr(self._target, method), *arguments, **named))
            return self._network.call(point, "records", "job", perform)

        return call

    async def parts(self, key: JobKey) -> AsyncIterator[Sequence[Part]]:
        """See ``WorkerJobs.parts``."""
        point = self._network.point("jobs.parts")
        yield await self._network.call(point, "records", "job", lambda: list(self._parts.parts(key)))


def _finished(make: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """What a coroutine returns that waits for nothing."""
    try:
        make().send(None)
    except StopIteration as ended:
        return ended.value
    raise AssertionError("it waits")


class Sender:
    """The ``JobSender`` port."""

    def __init__(self, network: Network, queue: JobQueue) -> None:
        self._network = network
        self._queue = queue

    def send(self, message: JobMessage) -> Coroutine[Any, Any, None]:
        """See ``JobSender.send``."""
        put = partial(self._queue.put, message.encode(), group=message.group, deduplication_id=message.group)
        return self._network.call(self._network.point("sender.send"), "queue", message.group, put)


class JobQueue:
    """A job's queue by its URL: it may be gone, and then refuses whatever is asked of it."""

    def __init__(self, world: JobWorld, url: str) -> None:
        self._world = world
        self._url = url

    def receive(self, limit: int, wait_seconds: int) -> Any:
        """As ``UnrulyQueue``."""
        return self._asked(lambda queue: queue.receive(limit, wait_seconds))

    def hide(self, handle: str, *, seconds: int) -> Any:
        """As ``UnrulyQueue``."""
        return self._asked(lambda queue: queue.hide(handle, seconds=seconds))

    def delete(self, handle: str) -> Any:
        """As ``UnrulyQueue``."""
        return self._asked(lambda queue: queue.delete(handle))

    def put(self, body: str, *, group: str, deduplication_id: str) -> Any:
        """As ``UnrulyQueue``."""
        return self._asked(lambda queue: queue.put(body, group=group, deduplication_id=deduplication_id))

    def _asked(self, ask: Callable[[UnrulyQueue], Any]) -> Any:
        queue = self._world.queues.get(self._url)
        return DependencyError("the queue does not exist") if queue is None else ask(queue)


class Queues:
    """The ``JobQueues`` port."""

    def __init__(self, world: JobWorld) -> None:
        self._world = world

    def create(self, key: JobKey) -> str:
        """See ``JobQueues.create``."""
        url = f"memory://{key.id}"
        if url not in self._world.queues:
            self._world.queues[url] = self._world.new_job_queue()
        return url

    def delete(self, key: JobKey) -> None:
        """See ``JobQueues.delete``."""
        self._world.queues.pop(f"memory://{key.id}", None)
