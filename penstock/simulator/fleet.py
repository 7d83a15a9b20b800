"""Tasks, and the requests that wait for them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from penstock.simulator.clock import Agenda
    from penstock.simulator.delays import Delays
    from penstock.simulator.workload import ServiceTime


class State(Enum):
    """Where a task is."""

    STARTING = "starting"
    RUNNING = "running"
    #: Takes nothing more; what runs may end.
    DRAINING = "draining"
    GONE = "gone"


@dataclass(slots=True, eq=False)
class Task:
    """One task and its slots."""

    number: int
    asked_at: float
    state: State = State.STARTING
    busy: int = 0
    busy_since: float | None = None
    #: Starts of the runs in it.
    runs: dict[int, float] = field(default_factory=dict)


@dataclass(slots=True)
class Totals:
    """What a fleet has done."""

    waits: list[float] = field(default_factory=list)
    completed: int = 0
    #: Runs that were given back or cut off, and ran again.
    interrupted: int = 0
    #: Busy tasks that were stopped by scaling.
    busy_stopped: int = 0
    task_seconds: float = 0.0
    peak: int = 0


class Fleet:
    """An ECS service with its workers: starts and stops tasks to follow the desired count."""

    def __init__(
        self,
        agenda: Agenda,
        delays: Delays,
        *,
        service_time: ServiceTime,
        max_concurrency: int,
        random: Random,
    ) -> None:
        self._agenda = agenda
        self._delays = delays
        self._service_time = service_time
        self._slots = max_concurrency
        self._random = random
        self._queue: deque[float] = deque()
        self._free: list[Task] = []
        self._numbers = count()
        self._runs = count()
        #: When the machines that stand idle go.
        self._idle_until: list[float] = []
        self.tasks: set[Task] = set()
        self.desired = 0
        #: Each change of the desired count, with its moment.
        self.decisions: list[tuple[float, int]] = []
        self.totals = Totals()

    @property
    def visible(self) -> int:
        """Requests that wait."""
        return len(self._queue)

    @property
    def in_progress(self) -> int:
        """Requests that run."""
        return sum(task.busy for task in self.tasks)

    @property
    def running(self) -> int:
        """Tasks that can work."""
        return sum(task.state is State.RUNNING for task in self.tasks)

    def arrive(self) -> None:
        """A request comes in."""
        self._queue.append(self._agenda.now)
        self._work()

    def want(self, desired: int) -> None:
        """Follow a new desired count."""
        if desired != self.desired:
            self.decisions.append((self._agenda.now, desired))
        self.desired = desired
        kept = [task for task in self.tasks if task.state in {State.STARTING, State.RUNNING}]
        for _ in range(desired - len(kept)):
            self._start()
        if len(kept) > desired:
            for task in self._to_stop(kept)[: len(kept) - desired]:
                self._stop(task)

    def _start(self) -> None:
        now = self._agenda.now
        task = Task(next(self._numbers), asked_at=now)
        self.tasks.add(task)
        self.totals.peak = max(self.totals.peak, len(self.tasks))
        self._agenda.at(now + self._start_seconds(now), lambda: self._ready(task))
        if self._delays.spot_interruptions_per_hour:
            rate = self._delays.spot_interruptions_per_hour / 3600
            self._agenda.at(now + self._random.expovariate(rate), lambda: self._interrupt(task))

    def _start_seconds(self, now: float) -> float:
        self._idle_until = [until for until in self._idle_until if until > now]
        if self._idle_until:
            self._idle_until.pop()
            return self._delays.model_load
        return self._delays.provision + self._delays.image_pull + self._delays.model_load

    def _ready(self, task: Task) -> None:
        if task.state is State.STARTING:
            task.state = State.RUNNING
            self._free.append(task)
            self._work()

    def _to_stop(self, tasks: list[Task]) -> list[Task]:
        """Tasks that may be stopped: those on their way first, then idle ones; protected ones never."""
        now = self._agenda.now

        def stoppable(task: Task) -> bool:
            return task.busy_since is None or now - task.busy_since < self._delays.protection

        return sorted(
            (task for task in tasks if stoppable(task)),
            key=lambda task: (task.state is State.RUNNING, task.busy, -task.number),
        )

    def _stop(self, task: Task) -> None:
        self.totals.busy_stopped += bool(task.busy)
        self._drain(task, self._delays.drain)

    def _interrupt(self, task: Task) -> None:
        """The machine is taken back; ECS starts another task in its place."""
        if task.state in {State.STARTING, State.RUNNING}:
            self._drain(task, min(self._delays.drain, self._delays.spot_notice))
            self.want(self.desired)

    def _drain(self, task: Task, seconds: float) -> None:
        if not task.busy:
            self._end(task)
            return
        task.state = State.DRAINING
        self._agenda.at(self._agenda.now + seconds, lambda: self._give_back(task))

    def _give_back(self, task: Task) -> None:
        if task.state is State.DRAINING:
            self.totals.interrupted += task.busy
            # In front, with the time of their arrival: they have waited already.
            self._queue.extendleft(sorted(task.runs.values(), reverse=True))
            self._end(task)
            self._work()

    def _end(self, task: Task) -> None:
        now = self._agenda.now
        task.state, task.busy = State.GONE, 0
        task.runs.clear()
        self.tasks.discard(task)
        self.totals.task_seconds += now - task.asked_at
        if self._delays.idle_hold:
            self._idle_until.append(now + self._delays.idle_hold)

    def close(self) -> None:
        """Count the time of the tasks that are left."""
        now = self._agenda.now
        self.totals.task_seconds += sum(now - task.asked_at for task in self.tasks)

    def _work(self) -> None:
        while self._queue and self._free:
            task = self._free[-1]
            if task.state is not State.RUNNING or task.busy >= self._slots:
                self._free.pop()
                continue
            self._run(task, self._queue.popleft())

    def _run(self, task: Task, arrived: float) -> None:
        now, number = self._agenda.now, next(self._runs)
        self.totals.waits.append(now - arrived)
        task.runs[number] = arrived
        task.busy += 1
        if task.busy_since is None:
            task.busy_since = now
        self._agenda.at(now + self._service_time.draw(self._random), self._finisher(task, number))

    def _finisher(self, task: Task, number: int) -> Callable[[], None]:
        def finish() -> None:
            if task.runs.pop(number, None) is None:
                return
            self.totals.completed += 1
            task.busy -= 1
            if not task.busy:
                task.busy_since = None
            if task.state is State.RUNNING:
                self._free.append(task)
                self._work()
            elif not task.busy:
                self._end(task)

        return finish
