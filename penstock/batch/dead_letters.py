"""What the caller's own dead-letter queue gets of a batch that failed for good (J12)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock.batch.messages import travels

if TYPE_CHECKING:
    from penstock.batch.commits import FailedBatch
    from penstock.batch.jobs import JobKey


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One message for a FIFO queue."""

    #: Group and deduplication id: the same for this batch of this job, whenever it is sent.
    id: str
    body: str
    attributes: dict[str, str]


def letter(key: JobKey, batch: FailedBatch, body: bytes | None, *, bucket: str) -> DeadLetter:
    """The batch as its container got it, or where it lies if it does not travel.

    ``body`` is None if it is stored no more; of one that does not travel it may be the beginning only.
    """
    told = {
        "penstock_api": key.api,
        "penstock_job_id": key.id,
        "penstock_batch_id": batch.id,
        "penstock_error": batch.failure.code,
    }
    text = _text(body)
    if text is None or not travels(text):
        pointer = {
            "api": key.api,
            "job_id": key.id,
            "batch_id": batch.id,
            "items": batch.items,
            "body_url": f"s3://{bucket}/{batch.body_key}",
        }
        text = json.dumps(pointer)
    return DeadLetter(id=f"{key.id}-{batch.id}", body=text, attributes=told)


def _text(body: bytes | None) -> str | None:
    try:
        return None if body is None else body.decode()
    except UnicodeDecodeError:
        return None
