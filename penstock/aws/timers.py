"""The ``Timers`` port on EventBridge Scheduler."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from penstock.aws.faults import translated

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_scheduler import EventBridgeSchedulerClient

    from penstock.batch.jobs import JobKey


class SchedulerTimers:
    """One-shot schedules that call a function and then remove themselves."""

    def __init__(
        self,
        client: EventBridgeSchedulerClient,
        *,
        group: str,
        name: Callable[[JobKey], str],
        function_arn: str,
        role_arn: str,
        event: Callable[[JobKey], dict[str, str]],
    ) -> None:
        """``role_arn`` is what Scheduler calls the function with, ``event`` what it tells it."""
        self._client = client
        self._group = group
        self._name = name
        self._function_arn = function_arn
        self._role_arn = role_arn
        self._event = event

    def set(self, key: JobKey, *, at_ms: int) -> None:
        """See ``Timers.set``."""
        # Never before its time: to the next whole second, which is all that the expression takes.
        moment = datetime.fromtimestamp(math.ceil(at_ms / 1000), UTC).strftime("%Y-%m-%dT%H:%M:%S")
        with translated("set the job's timer"):
            try:
                self._client.create_schedule(
                    GroupName=self._group,
                    Name=self._name(key),
                    ScheduleExpression=f"at({moment})",
                    ScheduleExpressionTimezone="UTC",
                    FlexibleTimeWindow={"Mode": "OFF"},
                    ActionAfterCompletion="DELETE",
                    Target={
                        "Arn": self._function_arn,
                        "RoleArn": self._role_arn,
                        "Input": json.dumps(self._event(key)),
                    },
                )
            except self._client.exceptions.ConflictException:
                return  # an earlier try, whose answer was lost

    def clear(self, key: JobKey) -> None:
        """See ``Timers.clear``."""
        with translated("clear the job's timer"):
            try:
                self._client.delete_schedule(GroupName=self._group, Name=self._name(key))
            except self._client.exceptions.ResourceNotFoundException:
                return
