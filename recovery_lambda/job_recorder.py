"""What becomes of dead letters of batch jobs (J7): batches that failed, and a hook that was not called."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from penstock import keys
from penstock.batch import manifest, objects, recovery
from penstock.batch.commits import Commit
from penstock.batch.messages import BatchMessage, decode
from penstock.batch.ports import JobApplied, QueueGone
from penstock.batch.retention import parts_expire_at
from penstock.batch.tallies import total
from penstock.messages import MalformedMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.batch.closing import Closer
    from penstock.batch.jobs import JobRecord
    from penstock.batch.messages import JobMessage
    from penstock.batch.ports import JobParts, Jobs
    from penstock.catalogue import ApiEntry
    from penstock.ports import Clock, Objects
    from recovery_lambda.letters import DeadLetter

logger = logging.getLogger(__name__)


class JobRecorder:
    """Counts batches that no worker can, so that their jobs end."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        parts: JobParts,
        bodies: Objects,
        closer: Closer,
        clock: Clock,
        on_undeliverable: Callable[[str], None],
    ) -> None:
        self._jobs = jobs
        self._parts = parts
        self._bodies = bodies
        self._closer = closer
        self._clock = clock
        self._on_undeliverable = on_undeliverable

    def record(self, api: ApiEntry, letter: DeadLetter) -> None:
        """Deal with one dead letter for good; again changes nothing.

        ``MalformedMessage``: it is none of this API's jobs. ``DependencyError``: it must be given out again.
        """
        message = _read(api, letter)
        found = self._jobs.get(message.job)
        context = {"action": "record", "api": api.name, "job": message.job.id, "batch": message.group}
        if found is None or found.status.terminal:
            logger.info("dead letter of an ended job", extra=context)
            return
        if isinstance(message, BatchMessage):
            undeliverable = self._end_batch(api, found, message, letter)
        else:
            undeliverable = self._end_job(api, found)
        if undeliverable:
            logger.warning("message undeliverable", extra=context)
            self._on_undeliverable(api.name)

    def _end_batch(self, api: ApiEntry, job: JobRecord, message: BatchMessage, letter: DeadLetter) -> bool:
        """Whether this ended the batch: a worker may be at it yet, and whoever commits first counts."""
        now_ms = self._clock()
        batch = recovery.lost(message, job, body_key=self._body(message), now_ms=now_ms)
        known = self._parts.commit(
            Commit(
                key=job.key,
                worker=recovery.RECORDER,
                # The same whenever this letter is given out, so an earlier try is recognised (R10).
                token=f"{recovery.RECORDER}-{letter.message_id}",
                batches=(batch,),
                expires_at=parts_expire_at(now_ms, retention_seconds=api.retention_seconds),
            )
        )
        # Also if another had ended it: that one may have died before it looked.
        try:
            self._closer.close_if_done(job.key)
        except QueueGone:
            logger.info("the job ended meanwhile", extra={"action": "record", "job": job.id})
        return not known

    def _body(self, message: BatchMessage) -> str:
        """Where the batch's body lies; one that travelled in its message is stored first."""
        if message.body is None:
            assert message.body_key is not None
            return message.body_key
        key = keys.job_object(message.job, objects.failed(message.batch))
        self._bodies.put(key, message.body.encode(), content_type="application/json")
        return key

    def _end_job(self, api: ApiEntry, job: JobRecord) -> bool:
        manifest.store(job, parts=self._parts, bodies=self._bodies)
        tally = total(self._parts.tallies(job.key))
        ending = recovery.uncalled(job, tally, now_ms=self._clock(), retention_seconds=api.retention_seconds)
        return isinstance(self._jobs.apply(job.key, ending), JobApplied)


def _read(api: ApiEntry, letter: DeadLetter) -> JobMessage:
    message = decode(letter.body)
    if message.job.api != api.name:
        raise MalformedMessage(f"the message is for API {message.job.api[:64]!r}")
    # SQS keeps the group of what it gives up on. What a worker rejected was not in its own job's queue.
    if message.group != letter.group:
        raise MalformedMessage(f"the message was not in the queue of job {message.job.id}")
    return message
