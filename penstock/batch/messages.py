r"""What travels through a job's queue.

The first line says what it is, as JSON; behind it comes the batch's body as the container gets it, byte
for byte. A body that is too large, or has characters that SQS does not take, lies in S3.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from penstock import versions
from penstock.batch.job_ids import COMPLETE, is_batch_id, is_job_id
from penstock.batch.jobs import JobKey
from penstock.messages import MalformedMessage, read_json

#: Longest body that travels in its message. SQS takes 1 MiB in one call, which holds up to ten messages.
MOST_INLINE_BYTES = 256 * 1024

#: SQS refuses what XML 1.0 does not know.
_REFUSED = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchMessage:
    """One batch on its way to a worker; it has either a body or the key of one."""

    job: JobKey
    #: Group and deduplication id as well: a chunk that is enqueued again makes no second message (J3).
    batch: str
    items: int
    body: str | None = None
    body_key: str | None = None

    @property
    def group(self) -> str:
        """Group and deduplication id."""
        return self.batch

    def encode(self) -> str:
        """The text of the message."""
        head = _head(self.job) | {"batch": self.batch, "items": self.items}
        if self.body is None:
            return _line(head | {"body_key": self.body_key})
        return f"{_line(head)}\n{self.body}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteMessage:
    """The job's last message: call ``/on-job-complete`` (J6)."""

    job: JobKey

    @property
    def group(self) -> str:
        """Group and deduplication id."""
        return COMPLETE

    def encode(self) -> str:
        """The text of the message."""
        return _line(_head(self.job) | {"complete": True})


JobMessage = BatchMessage | CompleteMessage


def travels(body: str) -> bool:
    """Whether a body may be part of its message; else it goes to S3."""
    return len(body.encode()) <= MOST_INLINE_BYTES and _REFUSED.search(body) is None


def decode(text: str) -> JobMessage:
    """Read what ``encode`` wrote; anything else raises ``MalformedMessage``.

    ``UnknownVersion`` for what a later function wrote.
    """
    head, newline, body = text.partition("\n")
    fields = read_json(head)
    match fields:
        case {"v": 1, "api": str(api), "job": str(job), "complete": True} if is_job_id(job) and not newline:
            return CompleteMessage(job=JobKey(api=api, id=job))
        case {"v": 1, "api": str(api), "job": str(job), "batch": str(batch), "items": int(items)} if (
            is_job_id(job) and is_batch_id(batch)
        ):
            return _batch(
                JobKey(api=api, id=job), batch, items, body if newline else fields.get("body_key"), newline
            )
        case _:
            raise MalformedMessage("the message is no batch's of version 1")


def decode_for(job: JobKey, text: str) -> JobMessage:
    """Read a message of this job's queue; one of another job's is malformed there, too."""
    message = decode(text)
    if message.job != job:
        raise MalformedMessage(f"the message is for job {message.job.id} of API {message.job.api[:64]!r}")
    return message


def _batch(job: JobKey, batch: str, items: int, rest: object, newline: str) -> BatchMessage:
    if not isinstance(rest, str):
        raise MalformedMessage("the message has neither a body nor the key of one")
    if newline:
        return BatchMessage(job=job, batch=batch, items=items, body=rest)
    return BatchMessage(job=job, batch=batch, items=items, body_key=rest)


def _head(job: JobKey) -> dict[str, object]:
    return {"v": versions.VERSION, "api": job.api, "job": job.id}


def _line(fields: dict[str, object]) -> str:
    return json.dumps(fields, separators=(",", ":"))
