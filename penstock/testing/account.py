"""A fake of ``Account``: a deployment in memory, from which things go as they do in AWS."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock.lifecycle.estate import Crowd, StackStuck, Work
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.lifecycle.estate import Estate, Service, Stack


class MemoryAccount:
    """What is in it is open to tests that plant or look."""

    def __init__(self, estate: Estate) -> None:
        self.here = estate
        self.takes: frozenset[str] = frozenset()
        #: By the name of the stack.
        self.left: dict[str, Work] = {}
        #: By the name of the service, and whether its scaling goes on.
        self.tasks: dict[str, int] = {}
        self.following: dict[str, bool] = {}
        #: By the name of the cluster: who goes at the next look, and so on.
        self.crowds: dict[str, list[Crowd]] = {}
        #: Stacks that cannot be deleted, and why.
        self.stuck: dict[str, str] = {}
        #: What fails, by its target.
        self.failing: set[str] = set()
        #: All that was done, in order.
        self.done: list[str] = []

    def estate(self) -> Estate:
        """See ``Account.estate``."""
        return self.here

    def accepting(self) -> frozenset[str]:
        """See ``Account.accepting``."""
        return self.takes

    def work(self, stack: Stack) -> Work:
        """See ``Account.work``."""
        return self.left.get(stack.name, Work())

    def crowd(self, cluster: str) -> Crowd:
        """See ``Account.crowd``."""
        waiting = self.crowds.get(cluster, [])
        return waiting[0] if waiting else Crowd(tasks=0, instances=0)

    def desired(self, service: Service) -> int:
        """See ``Account.desired``."""
        return self.tasks.get(service.name, 0)

    def scale(self, service: Service, *, tasks: int, follow: bool) -> None:
        """See ``Account.scale``."""
        self._do("scale", service.name)
        self.tasks[service.name] = tasks
        self.following[service.name] = follow

    def stop_tasks(self, cluster: str) -> None:
        """See ``Account.stop_tasks``."""
        self._do("stop tasks", cluster)
        self.crowds[cluster].pop(0)

    def release_instances(self, group: str) -> None:
        """See ``Account.release_instances``."""
        self._do("release", group)
        self.here = replace(self.here, stacks=tuple(replace(one, groups=()) for one in self.here.stacks))

    def stop_execution(self, arn: str) -> None:
        """See ``Account.stop_execution``."""
        self._remove("executions", arn)

    def delete_stack(self, name: str, *, told: Callable[[str], None]) -> None:
        """See ``Account.delete_stack``."""
        told("    DELETE_IN_PROGRESS")
        if name in self.stuck:
            raise StackStuck(self.stuck[name])
        self._do("delete stack", name)
        stacks = tuple(stack for stack in self.here.stacks if stack.name != name)
        self.here = replace(self.here, stacks=stacks)

    def delete_queue(self, url: str) -> None:
        """See ``Account.delete_queue``."""
        self._remove("queues", url)

    def delete_timer(self, name: str) -> None:
        """See ``Account.delete_timer``."""
        self._remove("timers", name)

    def delete_key(self, key_id: str) -> None:
        """See ``Account.delete_key``."""
        self._remove("keys", key_id)

    def delete_table(self, name: str) -> None:
        """See ``Account.delete_table``."""
        self._do("delete table", name)
        self.here = replace(self.here, table=None)

    def empty_bucket(self, name: str, *, told: Callable[[str], None]) -> None:
        """See ``Account.empty_bucket``."""
        self._do("empty", name)
        told("    1 objects deleted")

    def delete_bucket(self, name: str) -> None:
        """See ``Account.delete_bucket``."""
        self._do("delete bucket", name)
        self.here = replace(self.here, bucket=None)

    def delete_log_group(self, name: str) -> None:
        """See ``Account.delete_log_group``."""
        self._remove("log_groups", name)

    def delete_secret(self, name: str) -> None:
        """See ``Account.delete_secret``."""
        self._remove("secrets", name)

    def _remove(self, kind: str, target: str) -> None:
        self._do(f"remove from {kind}", target)
        rest: dict[str, Any] = {kind: tuple(one for one in getattr(self.here, kind) if one != target)}
        self.here = replace(self.here, **rest)

    def _do(self, what: str, target: str) -> None:
        if target in self.failing:
            raise DependencyError(f"{what} {target}: throttled")
        self.done.append(f"{what} {target}")
