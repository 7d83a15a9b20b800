"""Events of executions that ended, as EventBridge puts them into a queue (J10)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.batch.job_ids import is_job_id
from penstock.batch.jobs import JobKey

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class EndedExecution:
    """An execution that ended otherwise than by succeeding; it has the name of its job."""

    key: JobKey
    status: str


def ended_execution(body: str, machines: Mapping[str, str]) -> EndedExecution | None:
    """What the message tells of; None if no job of ours. ``machines`` has the APIs by state machine."""
    detail = json.loads(body)["detail"]
    machine = detail["stateMachineArn"].rpartition(":")[2]
    job = detail["name"]
    if machine not in machines or not is_job_id(job):
        return None
    return EndedExecution(JobKey(api=machines[machine], id=job), detail["status"])
