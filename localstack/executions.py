"""Executions of Step Functions in an emulator that is about to end."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_stepfunctions import SFNClient

CAUSE = "The local stack ended."


def abort_all(client: SFNClient) -> None:
    """Abort what runs, as it cannot go on in the next emulator: which calls it failed, and tells nobody.

    A job whose execution was aborted is ended by its finisher, once there is an emulator again. What
    cannot be aborted is left alone, as when the emulator is what has failed.
    """
    with suppress(BotoCoreError, ClientError):
        machines = [
            machine["stateMachineArn"]
            for page in client.get_paginator("list_state_machines").paginate()
            for machine in page["stateMachines"]
        ]
        for execution in [arn for machine in machines for arn in _running(client, machine)]:
            with suppress(client.exceptions.ExecutionDoesNotExist, client.exceptions.ValidationException):
                client.stop_execution(executionArn=execution, cause=CAUSE)


def _running(client: SFNClient, machine: str) -> Iterator[str]:
    pages = client.get_paginator("list_executions").paginate(stateMachineArn=machine, statusFilter="RUNNING")
    return (execution["executionArn"] for page in pages for execution in page["executions"])
