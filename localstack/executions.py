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
    """Abort what runs: it cannot go on in the next emulator, and this one would wait for it.

    A job whose execution is aborted is ended by its finisher, once there is an emulator again. What
    cannot be aborted is left alone, as when the emulator is what has failed.
    """
    with suppress(BotoCoreError, ClientError):
        machines = [
            machine["stateMachineArn"]
            for page in client.get_paginator("list_state_machines").paginate()
            for machine in page["stateMachines"]
        ]
        for execution in [arn for machine in machines for arn in _running(client, stateMachineArn=machine)]:
            runs = client.list_map_runs(executionArn=execution)["mapRuns"]
            # The emulator does not end the children of a Distributed Map with their parent.
            children = [arn for run in runs for arn in _running(client, mapRunArn=run["mapRunArn"])]
            for arn in (execution, *children):
                with suppress(ClientError):  # it has ended by itself
                    client.stop_execution(executionArn=arn, cause=CAUSE)


def _running(client: SFNClient, **of: str) -> Iterator[str]:
    pages = client.get_paginator("list_executions").paginate(statusFilter="RUNNING", **of)
    return (execution["executionArn"] for page in pages for execution in page["executions"])
