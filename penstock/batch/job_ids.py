"""Ids of jobs and batches."""

from __future__ import annotations

import re

_LATEST = (1 << 63) - 1
_JOB = re.compile(r"[0-9a-f]{16}")
_BATCH = re.compile(r"(0|[1-9][0-9]{0,8})-(0|[1-9][0-9]{0,8})")

#: What stands in place of a batch's id in the job's last message (J6).
COMPLETE = "complete"


def job_id(now_ns: int) -> str:
    """The id of a job made at this moment: 16 hexadecimal characters, which sort newest first.

    Two jobs of one nanosecond would have one id: the record's condition refuses the second, which then
    takes the next nanosecond.
    """
    return f"{_LATEST - now_ns:016x}"


def made_at_ms(job: str) -> int:
    """When the job of this id was made, in milliseconds since the epoch."""
    return (_LATEST - int(job, 16)) // 1_000_000


def is_job_id(text: str) -> bool:
    """Whether the text has the shape of a job's id; others are unknown without a look-up."""
    return _JOB.fullmatch(text) is not None


def batch_id(chunk: int, number: int) -> str:
    """The id of the chunk's batch of that number, both from 0 (J3).

    It depends on nothing but the input, so a chunk that is enqueued again makes the same batches.
    """
    return f"{chunk}-{number}"


def is_batch_id(text: str) -> bool:
    """Whether the text has the shape of a batch's id."""
    return _BATCH.fullmatch(text) is not None
