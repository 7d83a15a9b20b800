"""From a job's source to its chunks: as much as one call of a function has time for."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batch_lambda.chunking import Chunker
from batch_lambda.failing import failing
from penstock import keys
from penstock.batch import objects
from penstock.batch.items import InputFault
from penstock.batch.jobs import JobStatus
from penstock.batch.progress import Progress
from penstock.batch.spec import JobSpec, SourceKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from penstock.batch.jobs import JobKey
    from penstock.batch.ports import InputListing, JobParts, Jobs
    from penstock.batch.spec import Source
    from penstock.ports import Clock, Objects

logger = logging.getLogger(__name__)

#: How often it is looked whether the job still wants it.
LOOK_MS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One call's answer. Unless it is done, the next call is given the position."""

    done: bool
    chunks: int
    position: str | None = None


class Planner:
    """Plans jobs."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        parts: JobParts,
        bodies: Objects,
        listing: InputListing,
        own_bucket: str,
        executor: Executor,
        clock: Clock,
        nonce: Callable[[], str],
    ) -> None:
        self._jobs = jobs
        self._parts = parts
        self._bodies = bodies
        self._listing = listing
        self._own_bucket = own_bucket
        self._executor = executor
        self._clock = clock
        self._nonce = nonce

    def plan(self, key: JobKey, position: str | None, *, until_ms: int) -> Planned:
        """Write chunks until all are written, the time is over, or the job has ended meanwhile.

        ``InputFault`` if the source cannot be read or holds nothing: the job has been told.
        """
        with failing(self._jobs, key, self._clock):
            source = JobSpec.from_json(self._bodies.read(keys.job_object(key, objects.SPEC))).source
            looked_ms = self._clock()
            for progress in self._chunker(key, source).go_on(self._begun(key, position)):
                now_ms = self._clock()
                if progress.complete:
                    break
                if now_ms >= until_ms:
                    return self._pause(key, progress)
                if now_ms - looked_ms >= LOOK_MS:
                    looked_ms = now_ms
                    if not self._wanted(key):
                        break
            return self._finish(key, source, progress)

    def _begun(self, key: JobKey, position: str | None) -> Progress:
        if position is None:
            return Progress()
        return Progress.from_json(self._bodies.read(keys.job_object(key, position)))

    def _pause(self, key: JobKey, progress: Progress) -> Planned:
        position = objects.plan(self._nonce())
        self._bodies.put(
            keys.job_object(key, position), progress.to_json().encode(), content_type="application/json"
        )
        return Planned(done=False, position=position, chunks=progress.chunk)

    def _finish(self, key: JobKey, source: Source, progress: Progress) -> Planned:
        if progress.complete and not progress.chunk:
            raise InputFault("no_items", _NOTHING[source.kind])
        listed = "".join(f"{json.dumps({'chunk': index})}\n" for index in range(progress.chunk))
        self._bodies.put(
            keys.job_object(key, objects.CHUNKS), listed.encode(), content_type="application/jsonl"
        )
        context = {"action": "plan", "api": key.api, "job": key.id}
        logger.info("planned", extra={**context, "chunks": progress.chunk, "complete": progress.complete})
        return Planned(done=True, chunks=progress.chunk)

    def _wanted(self, key: JobKey) -> bool:
        record = self._jobs.get(key)
        return record is not None and record.status is JobStatus.ENQUEUING

    def _chunker(self, key: JobKey, source: Source) -> Chunker:
        return Chunker(
            key,
            source,
            bodies=self._bodies,
            listing=self._listing,
            parts=self._parts,
            own_bucket=self._own_bucket,
            executor=self._executor,
        )


_NOTHING = {
    SourceKind.ITEM_LIST: "the list has no items",
    SourceKind.FILE_PATH_LISTER: "no object below s3_paths matches includes and excludes",
    SourceKind.DELIMITED_FILES: "no object below s3_paths that matches includes and excludes has any bytes",
    SourceKind.RETRY: "the job that is run again has no failed batches",
}
