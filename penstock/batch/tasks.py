"""How a worker's task ended, from what Step Functions tells of it (J9).

A task that ended is told as ECS describes it: as the result if Step Functions takes it for a success, as
the text of the error's cause if not. Its members are spelled ``ExitCode`` there and ``exitCode`` by ECS
itself, so capitals do not count here. A task that could not be started is an error in plain words.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.batch.lanes import Death

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How much of ECS's words is kept.
_LONGEST_REASON = 300

_MEMORY = ("outofmemory", "oom-kill", "oomkill")
#: What ECS says when there is no room now, or too much is asked of it at once.
_CAPACITY = (
    "resource:",
    "capacity is unavailable",
    "insufficient capacity",
    "no container instances",
    "limit on the number of",
    "rate exceeded",
    "throttl",
    "service unavailable",
    "serverexception",
)
#: The stop codes of a machine that is taken back, and of somebody's stopping the task.
_INTERRUPTIONS = frozenset({"spotinterruption", "terminationnotice", "userinitiated"})


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a task ended other than by its worker's leaving, and ECS's words for it."""

    death: Death
    reason: str


def how_it_ended(outcome: Mapping[str, Any] | None) -> Ended | None:
    """What the outcome of ``ecs:runTask.sync`` says; None if only the wait for the task's end was over.

    ``outcome`` is the task's description, or an object with ``Error`` and ``Cause``.
    """
    told = _lowered(outcome or {})
    if told.get("error") == "States.Timeout":
        return None
    task = _task(told)
    if task is None:
        words = f"{told.get('error', '')}: {told.get('cause', '')}"
        return Ended(_of_words(words.lower()) or Death.ERROR, words[:_LONGEST_REASON])
    return _of_task(task)


def _of_task(task: dict[str, Any]) -> Ended:
    listed = task.get("containers")
    containers = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    words = [str(task.get("stoppedreason") or ""), *(str(one.get("reason") or "") for one in containers)]
    exits = [f"{one.get('name')} exited with {one['exitcode']}" for one in containers if one.get("exitcode")]
    reason = "; ".join(word for word in (*words, *exits) if word)[:_LONGEST_REASON]
    death = _of_words(" ".join(words).lower())
    if death is None:
        taken = str(task.get("stopcode") or "").lower() in _INTERRUPTIONS
        ended_itself = "essential container in task exited" in words[0].lower()
        death = Death.INTERRUPTED if taken and not ended_itself else Death.ERROR
    return Ended(death, reason or "the task ended without a reason")


def _of_words(words: str) -> Death | None:
    if any(word in words for word in _MEMORY):
        return Death.OUT_OF_MEMORY
    return Death.NO_CAPACITY if any(word in words for word in _CAPACITY) else None


def _task(told: dict[str, Any]) -> dict[str, Any] | None:
    """The task among what is told, if one was started."""
    try:
        found = _lowered(json.loads(told["cause"])) if "cause" in told else told
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    tasks = found.get("tasks")
    if isinstance(tasks, list) and tasks and isinstance(tasks[0], dict):
        found = tasks[0]
    return found if "containers" in found or "stoppedreason" in found else None


def _lowered(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name).lower(): _lowered(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_lowered(member) for member in value]
    return value
