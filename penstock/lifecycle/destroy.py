"""Carries a plan out, step by step, and goes on past what fails: the rest can still go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.lifecycle.estate import StackStuck
from penstock.lifecycle.plan import Act, destruction
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from penstock.lifecycle.estate import Account
    from penstock.lifecycle.plan import Step

#: An instance drains for two minutes at most, and leaves a few after that.
CLUSTER_SECONDS = 900
PAUSE_SECONDS = 5

#: The second is for what came while the rest went: a job that was being planned makes a queue.
_ROUNDS = 2


class StillThere(Exception):
    """What must be gone by now is not; the text says what there is."""


@dataclass(frozen=True, slots=True)
class Left:
    """A step that was not done, and why."""

    step: Step
    reason: str


class Destroyer:
    """Takes one deployment down. May be broken off anywhere and begun again."""

    def __init__(
        self,
        account: Account,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        told: Callable[[str], None],
    ) -> None:
        """``clock`` is in seconds; ``told`` hears of what takes long."""
        self._account = account
        self._clock = clock
        self._sleep = sleep
        self._told = told
        self._acts: Mapping[Act, Callable[[str], None]] = {
            Act.DELETE_STACK: lambda name: account.delete_stack(name, told=told),
            Act.REVOKE_KEY: account.delete_key,
            Act.STOP_EXECUTION: account.stop_execution,
            Act.RELEASE_INSTANCES: account.release_instances,
            Act.EMPTY_CLUSTER: self._empty_cluster,
            Act.DELETE_QUEUE: account.delete_queue,
            Act.DELETE_TIMER: account.delete_timer,
            Act.EMPTY_BUCKET: lambda name: account.empty_bucket(name, told=told),
            Act.DELETE_BUCKET: account.delete_bucket,
            Act.DELETE_TABLE: account.delete_table,
            Act.DELETE_LOG_GROUP: account.delete_log_group,
            Act.DELETE_SECRET: account.delete_secret,
        }

    def destroy(self, *, data: bool) -> Sequence[Left]:
        """Do all; then look again, for what came while the rest went. What is left is returned.

        ``DependencyError`` if what is there cannot be seen.
        """
        tried: set[Step] = set()
        reasons: dict[Step, str] = {}
        for _ in range(_ROUNDS):
            # What has failed would mostly fail, and wait, again.
            steps = [step for step in self._steps(data=data) if step not in reasons]
            reasons |= {left.step: left.reason for left in self._carry_out(steps)}
            tried.update(steps)
        remaining = self._steps(data=data)
        failed = [Left(step, reasons[step]) for step in remaining if step in reasons]
        # What is done may be listed all the same: SQS does so with a queue for another minute.
        late = [Left(step, "it came while the rest went") for step in remaining if step not in tried]
        return failed or late

    def _steps(self, *, data: bool) -> Sequence[Step]:
        return destruction(self._account.estate(), data=data)

    def _carry_out(self, steps: Sequence[Step]) -> Sequence[Left]:
        left = []
        for number, step in enumerate(steps, 1):
            self._told(f"[{number}/{len(steps)}] {step}")
            try:
                self._do(step)
            except (DependencyError, StackStuck, StillThere) as error:
                self._told(f"    not done: {error}")
                left.append(Left(step, str(error)))
        return left

    def _do(self, step: Step) -> None:
        if step.service is not None:
            self._account.scale(step.service, tasks=0, follow=False)
        else:
            self._acts[step.act](step.target)

    def _empty_cluster(self, cluster: str) -> None:
        until, told = self._clock() + CLUSTER_SECONDS, None
        while (crowd := self._account.crowd(cluster)).tasks or crowd.instances:
            if self._clock() >= until:
                raise StillThere(f"after {CLUSTER_SECONDS // 60} minutes there are {crowd}")
            # Again each time: a job's machine may have started one meanwhile.
            self._account.stop_tasks(cluster)
            if crowd != told:
                self._told(f"    {crowd}")
                told = crowd
            self._sleep(PAUSE_SECONDS)
