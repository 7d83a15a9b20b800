"""The ``Executions`` port on Step Functions."""

from __future__ import annotations

import json
from functools import cached_property
from typing import TYPE_CHECKING

from penstock import names
from penstock.aws.faults import translated

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_stepfunctions import SFNClient

    from penstock.batch.jobs import JobKey


class StepFunctionsExecutions:
    """Standard executions, which are named as their jobs.

    The client is made when it is first needed: most calls of the gateway start none.
    """

    def __init__(self, connect: Callable[[], SFNClient], deployment: str, *, arn_prefix: str) -> None:
        self._connect = connect
        self._deployment = deployment
        self._arn_prefix = arn_prefix

    @cached_property
    def _client(self) -> SFNClient:
        return self._connect()

    def start(self, key: JobKey) -> None:
        """See ``Executions.start``."""
        with translated("start execution"):
            try:
                self._client.start_execution(
                    stateMachineArn=f"{self._arn_prefix}{names.state_machine(self._deployment, key.api)}",
                    name=key.id,
                    input=json.dumps({"api": key.api, "job": key.id}),
                )
            except self._client.exceptions.ExecutionAlreadyExists:
                # It runs, or has run: a name is given once in 90 days.
                return
