"""What is done to the workers while they work: SIGKILL of whole tasks, and tasks stopped through ECS."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from localstack.task_pair import PairState
from penstock import names
from penstock.records import RequestKey

if TYPE_CHECKING:
    from localstack.task_pair import PairView
    from localstack.up import LocalStack

KILL_EVERY_SECONDS = 2.0
ROLL_EVERY_SECONDS = 7.0

_ENDS = frozenset({"finish", "retry", "give_back", "abandon"})


@dataclass(frozen=True, slots=True)
class Kill:
    """A task that was killed, and the requests that it was at work on."""

    at_ms: int
    held: frozenset[RequestKey]


@dataclass(slots=True)
class Storm:
    """Kills a random task every two seconds, and has ECS stop another every seven."""

    local: LocalStack
    ecs: Any
    chance: random.Random
    kills: list[Kill] = field(default_factory=list)
    rollouts: int = 0
    #: Tasks that are done for, though the agent may not have noticed yet.
    _doomed: set[str] = field(default_factory=set)

    def rage(self, stop: threading.Event) -> None:
        """Go on until told to stop."""
        next_roll = time.monotonic() + ROLL_EVERY_SECONDS
        while not stop.wait(KILL_EVERY_SECONDS):
            if time.monotonic() >= next_roll and self._roll():
                next_roll = time.monotonic() + ROLL_EVERY_SECONDS
            self._kill()

    def _victim(self) -> PairView | None:
        victims = [pair for pair in self.local.pairs() if _works(pair) and pair.task_arn not in self._doomed]
        if not victims:
            return None
        victim = self.chance.choice(victims)
        self._doomed.add(victim.task_arn)
        return victim

    def _kill(self) -> None:
        victim = self._victim()
        if victim:
            # The dequeuer first: with its server gone it could still tell of it.
            for group in (victim.dequeuer_pid, victim.server_pid):
                with suppress(ProcessLookupError):
                    os.killpg(group, signal.SIGKILL)
            at_ms = time.time_ns() // 1_000_000
            self.kills.append(Kill(at_ms, held(victim.dequeuer_log.read_text())))

    def _roll(self) -> bool:
        """Have ECS stop a task; false if that was not possible just now."""
        victim = self._victim()
        # ECS may be away, and the task may have ended by itself meanwhile.
        with suppress(BotoCoreError, ClientError):
            if victim:
                self.ecs.stop_task(
                    cluster=names.cluster(self.local.deployment), task=victim.task_arn, reason="Rollout"
                )
                self.rollouts += 1
                return True
        return False


def _works(pair: PairView) -> bool:
    """Whether its dequeuer has said that it has started: killed before, it would hold nothing."""
    log = pair.dequeuer_log
    return pair.state is PairState.RUNNING and log.exists() and log.stat().st_size > 0


def held(log: str) -> frozenset[RequestKey]:
    """The requests that a dequeuer was at work on, by what it had logged when it died."""
    started: set[RequestKey] = set()
    for line in log.splitlines():
        with suppress(json.JSONDecodeError):
            said = json.loads(line)
            if isinstance(said, dict) and {"action", "api", "id"} <= said.keys():
                key = RequestKey(api=said["api"], id=said["id"])
                if said["action"] == "start":
                    started.add(key)
                elif said["action"] in _ENDS:
                    started.discard(key)
    return frozenset(started)
