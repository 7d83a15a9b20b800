"""Stacks of APIs that have left the configuration: they go when nothing is left to do there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.lifecycle.estate import StackStuck, Work
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from penstock.lifecycle.estate import Account, Stack

#: Parts that APIs of one kind share, and which a configuration without such an API does not have.
_SHARED = ("batch", "scaling")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A stack that the configuration does not have: of an API, or of what only such APIs needed."""

    stack: Stack
    work: Work
    #: Whether the deployed gateway still takes something for it: the configuration is not deployed yet.
    accepting: bool = False
    #: Whether its service had no task for what it has to do, and was given one.
    woken: bool = False

    @property
    def name(self) -> str:
        """What people call it."""
        return self.stack.api or self.stack.part

    @property
    def may_go(self) -> bool:
        """Whether nothing is lost with it."""
        return self.work.nothing and not self.accepting


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one."""

    candidate: Candidate
    #: Why it was not deleted; None if it was.
    refused: str | None


class Pruner:
    """Finds them, wakes those that sleep over their work, deletes those that are done."""

    def __init__(self, account: Account, *, configured: Collection[str], told: Callable[[str], None]) -> None:
        """``configured`` are the parts that the configuration has; ``told`` hears of what takes long."""
        self._account = account
        self._configured = frozenset(configured)
        self._told = told

    def candidates(self) -> Sequence[Candidate]:
        """All stacks of APIs that the configuration does not have, with what is left to do.

        Without any, those that no API needs any more: an earlier run may have been broken off before them.

        A service with work and no task to do it is given one: Application Auto Scaling may have been
        told to keep none. ``DependencyError``.
        """
        departed = [stack for stack in self._account.estate().stacks if self._departed(stack)]
        if not departed:
            return self._idle()
        accepting = self._account.accepting()
        return [self._looked_at(stack, accepting) for stack in departed]

    def delete(self, candidates: Sequence[Candidate]) -> Sequence[Outcome]:
        """Delete those that may go, and then what no API needs any more."""
        outcomes = [self._deleted(candidate) for candidate in candidates]
        if all(outcome.refused is None for outcome in outcomes):
            outcomes += map(self._deleted, self._idle())
        return outcomes

    def _departed(self, stack: Stack) -> bool:
        return stack.api is not None and stack.part not in self._configured

    def _looked_at(self, stack: Stack, accepting: Collection[str]) -> Candidate:
        work = self._account.work(stack)
        woken = False
        if not work.nothing:
            for service in stack.services:
                if self._account.desired(service) == 0:
                    self._account.scale(service, tasks=1, follow=True)
                    woken = True
        return Candidate(stack=stack, work=work, accepting=stack.api in accepting, woken=woken)

    def _deleted(self, candidate: Candidate) -> Outcome:
        if candidate.accepting:
            return Outcome(
                candidate, "the deployed gateway takes requests for it: deploy the configuration first"
            )
        if not candidate.work.nothing:
            return Outcome(candidate, str(candidate.work))
        try:
            # Counts of queues are estimates that settle: what came in last is looked for once more.
            work = self._account.work(candidate.stack) if candidate.stack.api is not None else candidate.work
            if not work.nothing:
                return Outcome(candidate, str(work))
            self._told(f"delete stack {candidate.stack.name}")
            self._account.delete_stack(candidate.stack.name, told=self._told)
        except (DependencyError, StackStuck) as error:
            return Outcome(candidate, str(error))
        return Outcome(candidate, None)

    def _idle(self) -> Sequence[Candidate]:
        return [
            Candidate(stack=stack, work=Work())
            for stack in self._account.estate().stacks
            if stack.part in _SHARED and stack.part not in self._configured
        ]
