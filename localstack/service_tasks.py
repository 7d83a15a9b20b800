"""The tasks of services: as many as each wants, of the revision that it wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localstack.circuit_breaker import Rollout
from localstack.opening import Opening, stopped_reason
from localstack.rollout import Replica, next_step
from localstack.task_pair import PairState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from localstack.agent_parts import AgentParts
    from localstack.backoff import Backoff
    from localstack.cluster import Service, Task
    from localstack.task_pair import TaskPair


class ServiceTasks:
    """Follows the services, at the pace that their deployments and their tasks' protection allow.

    The emulator replaces all tasks of a service at once. That is what is wanted; what runs follows
    step by step, and a pair outlives the task that it was started for until it may be stopped.
    """

    def __init__(self, parts: AgentParts) -> None:
        self._parts = parts
        #: By the ARN of the task that each stands for.
        self._pairs: dict[str, TaskPair] = {}
        #: Tasks whose pairs are still to come, by their ARNs.
        self._openings: dict[str, Opening] = {}
        #: Those of them that stand for a task that a deployment or scaling has ended.
        self._outdated: set[str] = set()
        self._backoffs: dict[str, Backoff] = {}
        self._rollouts: dict[str, Rollout] = {}

    def __bool__(self) -> bool:
        """Whether any process is left."""
        return bool(self._pairs or self._openings)

    def pairs(self) -> list[TaskPair]:
        """Return the pairs there are, oldest first."""
        return sorted(self._pairs.values(), key=lambda pair: pair.started)

    def report_deaths(self) -> None:
        """Tell ECS of tasks that have ended by themselves."""
        for arn, pair in self._pairs.items():
            death = pair.death() if pair.state is PairState.RUNNING else None
            if death is None:
                continue
            wanted = arn not in self._outdated
            # First, as it may not get through: then all of it is done at the next poll.
            self._parts.cluster.stop_task(arn, reason=stopped_reason(death))
            self._parts.note(
                f"{pair.task.api} {pair.task.short_id}: {death}{'; the task is replaced' if wanted else ''}"
            )
            if wanted:
                self._count_death(pair.task, started=pair.started)
            pair.stop()

    def reconcile(self, services: Iterable[Service]) -> bool:
        """Have ECS go on with services that lack tasks or are between two revisions; whether any was."""
        behind = [service for service in services if self._is_behind(service)]
        for service in behind:
            self._parts.cluster.reconcile(service.name)
        return bool(behind)

    def follow(self, services: Sequence[Service]) -> None:
        """Start and stop what may be started and stopped now."""
        wanted = {task.arn for service in services for task in service.tasks}
        known = {service.name for service in services}
        for arn in [arn for arn in self._pairs if arn not in wanted]:
            pair = self._pairs[arn]
            if pair.task.api in known and (arn in self._outdated or self._parts.cluster.was_replaced(arn)):
                self._outdated.add(arn)
            else:
                # Whoever stops a task, or deletes its service, asks neither for others nor for protection.
                pair.stop()
        for arn, opening in list(self._openings.items()):
            if arn not in wanted:
                opening.stop()
            opening.advance()
            self._settle(arn)
        for service in services:
            self._follow(service)
            self._go_back_if_broken(service)

    def advance(self) -> list[TaskPair]:
        """Go on with ends as far as possible without waiting; return the pairs that have ended by that."""
        for arn, opening in list(self._openings.items()):
            if opening.stopped:
                opening.advance()
                self._settle(arn)
        for pair in self._pairs.values():
            pair.advance()
        ended = [arn for arn, pair in self._pairs.items() if pair.state is PairState.ENDED]
        self._outdated.difference_update(ended)
        return [self._pairs.pop(arn) for arn in ended]

    def stop(self) -> None:
        """Begin to end all; ECS is not told, as when a machine goes."""
        for opening in self._openings.values():
            opening.stop()
        for pair in self._pairs.values():
            pair.stop()

    def kill(self) -> None:
        """End all at once."""
        for opening in self._openings.values():
            opening.stop()
        for pair in self._pairs.values():
            pair.kill()

    def _is_behind(self, service: Service) -> bool:
        missing = service.desired_count - len(service.tasks)
        if missing > 0:
            return self._parts.clock() >= self._backoffs.get(service.name, self._parts.backoff).not_before
        return missing < 0 or any(task.definition.arn != service.definition for task in service.tasks)

    def _follow(self, service: Service) -> None:
        begun = self._pairs.keys() | self._openings.keys()
        waiting = {task.arn: task for task in service.tasks if task.arn not in begun}
        self._adopt(service, waiting)
        replicas = self._replicas(service)
        there_are = [
            *(pair.task for pair in self._pairs.values()),
            *(opening.task for opening in self._openings.values()),
        ]
        step = next_step(
            service.limits,
            desired=service.desired_count,
            waiting=list(waiting),
            replicas=replicas,
            ending=sum(task.api == service.name for task in there_are) - len(replicas),
        )
        for arn in step.start:
            self._start(waiting[arn])
        for arn in step.stop:
            (self._pairs.get(arn) or self._openings[arn]).stop()
        healthy = sum(replica.healthy and replica.wanted for replica in replicas)
        rollout = self._rollouts.get(service.name, Rollout(service.definition)).towards(service.definition)
        self._rollouts[service.name] = rollout.after_look(healthy=healthy, desired=service.desired_count)

    def _adopt(self, service: Service, waiting: dict[str, Task]) -> None:
        """Let outdated pairs go on in the place of tasks that wait, where their revision is wanted again."""
        fitting = [arn for arn in self._outdated if _fits(self._pairs[arn], service)]
        for old, new in zip(fitting, list(waiting), strict=False):
            del waiting[new]
            self._outdated.remove(old)
            self._pairs[new] = self._pairs.pop(old)

    def _replicas(self, service: Service) -> list[Replica]:
        must_last = self._parts.backoff.healthy_after_seconds
        opening = [
            Replica(
                arn,
                wanted=each.task.definition.arn == service.definition,
                healthy=False,
                protected=False,
            )
            for arn, each in self._openings.items()
            if each.task.api == service.name and not each.stopped
        ]
        return opening + [
            Replica(
                arn,
                wanted=arn not in self._outdated and pair.task.definition.arn == service.definition,
                healthy=pair.is_healthy(after_seconds=must_last),
                protected=self._parts.is_protected(pair.task.id),
            )
            for arn, pair in self._pairs.items()
            if pair.task.api == service.name and pair.state is PairState.RUNNING
        ]

    def _start(self, task: Task) -> None:
        self._openings[task.arn] = Opening(task, self._parts.starters[task.api], note=self._parts.note)
        self._settle(task.arn)

    def _settle(self, arn: str) -> None:
        """Take over a pair that is there by now, or give up a task that will have none."""
        opening = self._openings[arn]
        if opening.at_work:
            return
        if opening.pair is not None:
            self._pairs[arn] = opening.pair
        elif opening.reason is not None:
            # As a container whose image cannot be started: the service tries again, ever more rarely.
            # First, as it may not get through.
            self._parts.cluster.stop_task(arn, reason=opening.reason)
            self._count_death(opening.task, started=self._parts.clock())
        del self._openings[arn]

    def _count_death(self, task: Task, *, started: float) -> None:
        backoff = self._backoffs.get(task.api, self._parts.backoff)
        self._backoffs[task.api] = backoff.after_death(started=started, now=self._parts.clock())
        rollout = self._rollouts.get(task.api, Rollout(task.definition.arn))
        self._rollouts[task.api] = rollout.after_death(task.definition.arn)

    def _go_back_if_broken(self, service: Service) -> None:
        rollout = self._rollouts[service.name]
        if service.breaker is None:
            return
        good = rollout.way_back(service.breaker, desired=service.desired_count)
        if good is not None:
            # First, as it may not get through.
            self._parts.cluster.deploy(service.name, good)
            self._rollouts[service.name] = rollout.towards(good)
            self._backoffs.pop(service.name, None)
            self._parts.note(
                f"{service.name}: the deployment has failed, as {rollout.failures} tasks did one after the "
                "other; back to the revision before"
            )


def _fits(pair: TaskPair, service: Service) -> bool:
    is_of_service = pair.task.api == service.name and pair.task.definition.arn == service.definition
    return is_of_service and pair.state is PairState.RUNNING
