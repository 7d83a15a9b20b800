"""An API for jobs of many batches."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from penstock.config import identifiers
from penstock.config.api import Api
from penstock.config.findings import each_once
from penstock.config.pod import Pod, crowded
from penstock.config.webhook import JobWebhook
from penstock.kinds import Kind


class BatchApi(Api):
    """An API that splits each job into batches, and runs workers until every batch has ended."""

    kind: Literal[Kind.BATCH]
    """`BatchAPI`: jobs of many batches."""

    dead_letter_queues: tuple[
        Annotated[
            str,
            AfterValidator(identifiers.fifo_queue_arn),
            Field(json_schema_extra={"pattern": f"^{identifiers.FIFO_QUEUE_ARN_PATTERN}$"}),
        ],
        ...,
    ] = ()
    """ARNs of SQS FIFO queues of yours that jobs may name for their failed batches."""

    webhook: JobWebhook = Field(default_factory=JobWebhook)
    """Who is told of the start and the end of a job."""

    @field_validator("pod")
    @classmethod
    def _room_for_the_spec(cls, value: Pod) -> Pod:
        beside = (*value.beside, "what writes the job's file")
        if limit := crowded(len(value.containers), beside):
            raise ValueError(f"must have {limit}")
        return value

    @field_validator("pod")
    @classmethod
    def _replaced_by_the_job(cls, value: Pod) -> Pod:
        by_command = [
            each.name for each in value.containers if each.liveness_probe and each.liveness_probe.exec
        ]
        if by_command:
            raise ValueError(
                f"must not have a liveness_probe with exec, as {', '.join(by_command)} has: "
                "ECS notes that a job's task is unhealthy, and does nothing; use http_get or tcp_socket"
            )
        return value

    @field_validator("dead_letter_queues")
    @classmethod
    def _each_queue_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        each_once(value, what="queue")
        return value
