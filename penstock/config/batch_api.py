"""An API for jobs of many batches."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from penstock.config import identifiers
from penstock.config.api import Api, each_once
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

    @field_validator("dead_letter_queues")
    @classmethod
    def _each_queue_once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        each_once(value, what="queue")
        return value
