"""How long what belongs to a job is kept."""

from __future__ import annotations

from penstock.queues import RETENTION_SECONDS


def parts_expire_at(now_ms: int, *, retention_seconds: int) -> int:
    """When an item of a job besides its record may go, in seconds.

    It must outlive the job, whose end nobody knows when the item is written, and then be there for as
    long as the job can be read.
    """
    return now_ms // 1000 + RETENTION_SECONDS + retention_seconds
