"""What becomes of messages of jobs that no worker sees to their end (J7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.batch import moves
from penstock.batch.commits import FinishedBatch
from penstock.batch.jobs import Hook
from penstock.outcomes import UNDELIVERABLE
from penstock.records import Failure

if TYPE_CHECKING:
    from penstock.batch.jobs import JobRecord
    from penstock.batch.messages import BatchMessage
    from penstock.batch.tallies import Tally
    from penstock.transitions import Transition

#: What stands in place of a worker's name in the counters of those that nobody else counts.
RECORDER = "recorder"

BATCH_UNDELIVERABLE = Failure(
    code=UNDELIVERABLE.code,
    message="The queue gave the batch out too often without an outcome, and gave up on it.",
)

HOOK_UNDELIVERABLE = Failure(
    code=UNDELIVERABLE.code,
    message="The queue gave the job's last message out too often without an answer to /on-job-complete.",
)


def lost(message: BatchMessage, job: JobRecord, *, body_key: str, now_ms: int) -> FinishedBatch:
    """The end of a batch whose message is in the dead-letter queue; its body lies in S3."""
    return FinishedBatch(
        id=message.batch,
        failure=BATCH_UNDELIVERABLE,
        # It came back a hundred times, so it has had all of them.
        attempt=job.max_attempts,
        items=message.items,
        finished_ms=now_ms,
        body_key=body_key,
    )


def uncalled(job: JobRecord, tally: Tally, *, now_ms: int, retention_seconds: int) -> Transition:
    """The end of a job whose last message is in the dead-letter queue, with the hook's failure (J6)."""
    hook = Hook(attempts=job.max_attempts, failure=HOOK_UNDELIVERABLE)
    return moves.finish(tally=tally, hook=hook, now_ms=now_ms, retention_seconds=retention_seconds)
