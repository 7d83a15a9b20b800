"""Jobs of batch APIs by the client: submit, look, wait, stop, run what failed again."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from penstock.client.calls import sendable
from penstock.client.job_requests import JobRequest
from penstock.client.job_states import DryRun, FailedBatch, JobPage, JobState, JobSubmission
from penstock.client.lists import Filters, over_pages
from penstock.client.polling import Poll, until_ended
from penstock.ids import new_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from penstock.batch.jobs import JobStatus
    from penstock.client.calls import Calls
    from penstock.client.documents import Document
    from penstock.client.retry import Timing

_NO_FILTERS = Filters()


class Batch:
    """``Client.batch``. Every method may raise ``ClientError``.

    Example::

        source = DelimitedFiles(s3_paths=["s3://my-bucket/texts/"], batch_size=20)
        job = client.batch.submit("sum-batch", JobRequest(source=source, workers=4))
        state = client.batch.wait("sum-batch", job.id)
        print(state.status, state.succeeded, state.failed)
    """

    def __init__(self, calls: Calls, *, timing: Timing) -> None:
        self._ask = calls.ask
        self._timing = timing

    def submit(
        self,
        api: str,
        job: JobRequest | Mapping[str, Any],
        *,
        idempotency_key: str | None = None,
        callback_url: str | None = None,
    ) -> JobSubmission:
        """Hand in a job; once this returns, it will reach a terminal state.

        There is always a key, fresh unless given, so sending again after a lost answer cannot start
        a second job. ``callback_url`` is told of its end.
        """
        key = new_token() if idempotency_key is None else idempotency_key
        headers = {"idempotency-key": sendable(key, name="idempotency key")}
        if callback_url is not None:
            headers["x-callback-url"] = sendable(callback_url, name="callback URL")

        def decode(document: Document) -> JobSubmission:
            return JobSubmission.of(document, api=api, idempotency_key=key)

        return self._ask("POST", "batch", api, decode=decode, content=_document(job), headers=headers)

    def dry_run(self, api: str, job: JobRequest | Mapping[str, Any]) -> DryRun:
        """Check a submission, and find out what it would work on; nothing is made."""
        query = [("dryRun", "true")]
        return self._ask("POST", "batch", api, decode=DryRun.of, query=query, content=_document(job))

    def get(self, api: str, job_id: str) -> JobState:
        """Where the job is now, and how it fares."""
        return self._ask("GET", "batch", api, job_id, decode=JobState.of)

    def wait(
        self,
        api: str,
        job_id: str,
        *,
        timeout_seconds: float = math.inf,
        on_change: Callable[[JobState], None] | None = None,
    ) -> JobState:
        """Look, every two seconds at most, until the job has ended, and return its terminal state.

        ``on_change`` gets the first state and each that is seen with other counts or another status.
        Raises WaitTimeout; the job goes on then, as it does if the caller is interrupted.
        """

        def look(_wait_seconds: int) -> Poll[JobState]:
            return Poll(self.get(api, job_id), waited=False)

        return until_ended(
            look, "Job", timeout_seconds=timeout_seconds, timing=self._timing, on_change=on_change
        )

    def page(
        self,
        api: str,
        *,
        status: JobStatus | str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> JobPage:
        """One page of the API's jobs, newest first; go on with ``next_cursor`` and the same filters."""
        filters = Filters(status=status, created_after=created_after, created_before=created_before)
        query = filters.query(limit=limit, cursor=cursor)
        return self._ask("GET", "batch", api, decode=JobPage.of, query=query)

    def list(
        self,
        api: str,
        *,
        status: JobStatus | str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        page_size: int | None = None,
    ) -> Iterator[JobState]:
        """The API's jobs, newest first; pages are fetched on the way."""

        def fetch(cursor: str | None) -> tuple[Sequence[JobState], str | None]:
            page = self.page(
                api,
                status=status,
                created_after=created_after,
                created_before=created_before,
                limit=page_size,
                cursor=cursor,
            )
            return page.jobs, page.next_cursor

        return over_pages(fetch)

    def stop(self, api: str, job_id: str) -> JobState:
        """Have the job end early: its workers leave at the next look, in seconds.

        Stopping twice is one stop. ApiProblem ``job_finished`` if it had ended before.
        """
        return self._ask("DELETE", "batch", api, job_id, decode=JobState.of)

    def retry(self, api: str, job_id: str) -> JobSubmission:
        """Run the failed batches of a job that has ended again, as a new job.

        Asking twice gives one job. ApiProblem ``job_not_retryable`` if it goes on, or none failed.
        """

        def decode(document: Document) -> JobSubmission:
            return JobSubmission.of(document, api=api)

        return self._ask("POST", "batch", api, job_id, "retry", decode=decode)

    def failed(self, api: str, job_id: str, *, page_size: int | None = None) -> Iterator[FailedBatch]:
        """Batches of the job that failed for good; pages are fetched on the way."""

        def fetch(cursor: str | None) -> tuple[Sequence[FailedBatch], str | None]:
            query = _NO_FILTERS.query(limit=page_size, cursor=cursor)
            return self._ask("GET", "batch", api, job_id, "failed", decode=_failed, query=query)

        return over_pages(fetch)

    def failed_batch(self, api: str, job_id: str, batch_id: str) -> FailedBatch:
        """One of them, with its items or a link to them."""
        return self._ask("GET", "batch", api, job_id, "failed", batch_id, decode=FailedBatch.of)


def _document(job: JobRequest | Mapping[str, Any]) -> Mapping[str, Any]:
    return job.document() if isinstance(job, JobRequest) else job


def _failed(document: Document) -> tuple[Sequence[FailedBatch], str | None]:
    entries = [FailedBatch.of(entry) for entry in document.documents("failed_batches")]
    return entries, document.optional("next_cursor", str)
