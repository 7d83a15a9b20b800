"""Every change a job's record can undergo, as data; see ``penstock.transitions``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from penstock.batch.jobs import EARLY_ENDS, JobStatus
from penstock.transitions import Check, Op, Transition

if TYPE_CHECKING:
    from penstock.batch.jobs import Hook
    from penstock.batch.tallies import Tally
    from penstock.records import Failure


class JobMove(StrEnum):
    """Names of the moves; they appear in logs."""

    START = "start"
    SEAL = "seal"
    COMPLETE = "complete"
    STOP = "stop"
    FINISH = "finish"
    END = "end"


#: From which states a job may be told to end early.
STOPPABLE = (JobStatus.PENDING, JobStatus.ENQUEUING, JobStatus.RUNNING, JobStatus.COMPLETING)


def start(*, queue_url: str, now_ms: int) -> Transition:
    """Its execution has begun and its queue is there; from now on it is not forgotten by itself."""
    return Transition(
        move=JobMove.START,
        allowed=(_is(JobStatus.PENDING),),
        achieved=(*_is(JobStatus.ENQUEUING), Check("queue_url", Op.EQ, queue_url)),
        assign={"status": JobStatus.ENQUEUING, "queue_url": queue_url, "started_ms": now_ms},
        clear=frozenset({"expires_at"}),
    )


def seal(*, total: int, skipped: int = 0, now_ms: int) -> Transition:
    """All batches are enqueued, and this is how many there are (J3), and how many lines were no items."""
    return Transition(
        move=JobMove.SEAL,
        allowed=(_is(JobStatus.ENQUEUING),),
        # Whatever has happened since: it was sealed with this number.
        achieved=(Check("total", Op.EQ, total),),
        assign={
            "status": JobStatus.RUNNING,
            "total": total,
            "skipped": skipped,
            "sealed_ms": now_ms,
        },
    )


def complete(*, now_ms: int) -> Transition:
    """Each batch has ended, as ``completion.is_done`` says (J5)."""
    return Transition(
        move=JobMove.COMPLETE,
        allowed=(_is(JobStatus.RUNNING),),
        achieved=_is(JobStatus.COMPLETING),
        assign={"status": JobStatus.COMPLETING, "completing_ms": now_ms},
    )


def stop(*, ending: JobStatus, failure: Failure | None, now_ms: int) -> Transition:
    """Tell a live job to end early; its workers leave, then the finisher ends it (J10, J11)."""
    if ending not in EARLY_ENDS:
        raise ValueError(f"a job cannot be stopped to be {ending}")
    told: dict[str, object] = {"status": JobStatus.STOPPING, "ending": ending, "stopping_ms": now_ms}
    return Transition(
        move=JobMove.STOP,
        allowed=tuple(_is(status) for status in STOPPABLE),
        # The first reason stays; being told twice is being told.
        achieved=_is(JobStatus.STOPPING),
        assign=told if failure is None else told | {"failure": failure},
    )


def finish(*, tally: Tally, hook: Hook, now_ms: int, retention_seconds: int) -> Transition:
    """The regular end, after the last message (J6); counts are frozen."""
    status = JobStatus.COMPLETED_WITH_FAILURES if tally.failed else JobStatus.SUCCEEDED
    return Transition(
        move=JobMove.FINISH,
        allowed=(_is(JobStatus.COMPLETING),),
        achieved=_is(status),
        assign={"status": status, "cancelled": 0, "hook": hook} | _ended(tally, now_ms, retention_seconds),
    )


def end(
    *, ending: JobStatus, total: int | None, tally: Tally, now_ms: int, retention_seconds: int
) -> Transition:
    """The early end of a stopping job: what has no outcome by now is cancelled (J11).

    ``total`` is the sealed number, or that of the batches enqueued so far if it was not sealed.
    """
    if ending not in EARLY_ENDS:
        raise ValueError(f"a job cannot end early as {ending}")
    cancelled = max(0, (total or 0) - tally.finished)
    return Transition(
        move=JobMove.END,
        allowed=(_is(JobStatus.STOPPING),),
        achieved=_is(ending),
        assign={"status": ending, "cancelled": cancelled} | _ended(tally, now_ms, retention_seconds),
    )


def _ended(tally: Tally, now_ms: int, retention_seconds: int) -> dict[str, Any]:
    return {
        "succeeded": tally.succeeded,
        "failed": tally.failed,
        "finished_ms": now_ms,
        "expires_at": now_ms // 1000 + retention_seconds,
    }


def _is(status: JobStatus) -> tuple[Check, ...]:
    return (Check("status", Op.EQ, status),)
