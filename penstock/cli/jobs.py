"""What the commands of ``batch`` do."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING

import typer

from penstock.amounts import amount
from penstock.batch.jobs import JobStatus
from penstock.cli.connection import REMEDIES, connected
from penstock.cli.exits import ExitCode
from penstock.cli.interruptions import command, going_on, under_key
from penstock.cli.job_lines import (
    change,
    elapsed,
    failed_row,
    failed_rows,
    job_row,
    job_rows,
    milestone,
)
from penstock.cli.output import clean, document, emit, note
from penstock.cli.tables import LARGEST_PAGE, print_list, print_one
from penstock.ids import new_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from penstock.cli.job_document import JobOptions
    from penstock.cli.surroundings import Surroundings
    from penstock.client import Client, DryRun, JobState, JobSubmission

REMEDIES_FOR_JOBS: Mapping[str, str] = MappingProxyType(
    {
        **REMEDIES,
        "dead_letter_queue_not_allowed": "List the queue under the API's dead_letter_queues, and deploy.",
        "input_bucket_forbidden": "Check that the bucket's policy lets Penstock list and read it.",
        "input_bucket_not_allowed": "List the bucket under the API's input_buckets, and deploy.",
        "job_not_retryable": "`penstock batch get` shows where it is, and whether any of its batches failed.",
        "no_files_found": "Try paths and patterns with --dry-run. `*` stops at /, `**` does not.",
        "payload_too_large": "Put the items into S3, a line of JSON each: --s3-path s3://… --lines.",
        "submission_gone": "Submit it anew.",
        "unknown_batch": "`penstock batch failed` lists the batches that failed.",
        "unknown_job": "Check the API and the id. Jobs are forgotten after the API's retention.",
    }
)

#: Every other end is a job that failed as a whole.
_ENDS: Mapping[JobStatus, ExitCode] = MappingProxyType(
    {
        JobStatus.SUCCEEDED: ExitCode.OK,
        JobStatus.COMPLETED_WITH_FAILURES: ExitCode.SOME_FAILED,
        JobStatus.STOPPED: ExitCode.JOB_STOPPED,
        JobStatus.TIMED_OUT: ExitCode.JOB_TIMED_OUT,
    }
)


class Jobs:
    """Jobs of one API, as one command sees them."""

    def __init__(self, surroundings: Surroundings, api: str, *, url: str | None, as_json: bool) -> None:
        self._surroundings = surroundings
        self._api = api
        self._url = url
        self._as_json = as_json

    def submit(self, options: JobOptions, *, key: str | None, callback: str | None, watch: bool) -> None:
        """Print the id, or with ``watch`` the end."""
        submission = options.document()
        with self._connected() as client:
            # The key is chosen here, to be named if it stays open whether the job was accepted.
            known_key = new_token() if key is None else key
            with under_key(known_key):
                job = client.batch.submit(
                    self._api, submission, idempotency_key=known_key, callback_url=callback
                )
            self._handed_in(client, job, watch=watch)

    def dry_run(self, options: JobOptions) -> None:
        """Print the files, and say how many batches they make."""
        submission = options.document()
        with self._connected() as client:
            found = client.batch.dry_run(self._api, submission)
        if self._as_json:
            emit(document(found.document, pretty=self._surroundings.stdout_is_terminal))
            return
        if found.files:
            emit("\n".join(map(clean, found.files)))
        note(_sized(found))

    def retry(self, job_id: str, *, watch: bool) -> None:
        """Have failed batches run again, and print the new job's id, or its end."""
        with self._connected() as client:
            self._handed_in(client, client.batch.retry(self._api, job_id), watch=watch)

    def get(self, job_id: str) -> None:
        """Print where it is."""
        with self._connected() as client:
            state = client.batch.get(self._api, job_id)
        self._show(state)
        _end_as(state)

    def list(self, *, status: JobStatus | None, limit: int) -> None:
        """Print a table."""
        with self._connected() as client:
            found = client.batch.list(self._api, status=status, page_size=min(limit, LARGEST_PAGE))
            jobs = list(islice(found, limit))
        head = ("ID", "STATUS", "WORKERS", "BATCHES", "CREATED")
        print_list(
            self._surroundings, "jobs", jobs, head=head, row=job_row, empty="No jobs.", as_json=self._as_json
        )

    def stop(self, job_id: str) -> None:
        """Have it end early, and print the state that this led to."""
        with self._connected() as client:
            state = client.batch.stop(self._api, job_id)
        self._show(state)

    def watch(self, job_id: str, *, timeout_seconds: float) -> None:
        """Show how it fares until it has ended, and print its end."""
        with self._connected() as client:
            self._watch(client, job_id, timeout_seconds=timeout_seconds)

    def failed(self, job_id: str, *, limit: int) -> None:
        """Print a table of batches that failed."""
        with self._connected() as client:
            found = client.batch.failed(self._api, job_id, page_size=min(limit, LARGEST_PAGE))
            batches = list(islice(found, limit))
        print_list(
            self._surroundings,
            "failed_batches",
            batches,
            head=("BATCH", "ATTEMPT", "ITEMS", "FINISHED", "ANSWER", "ERROR"),
            row=failed_row,
            empty="No failed batches.",
            as_json=self._as_json,
        )

    def failed_batch(self, job_id: str, batch_id: str) -> None:
        """Print one of them."""
        with self._connected() as client:
            batch = client.batch.failed_batch(self._api, job_id, batch_id)
        print_one(self._surroundings, batch, failed_rows(batch), as_json=self._as_json)
        if batch.body is not None and not self._as_json:
            emit(document(batch.body, pretty=True))

    def _connected(self) -> AbstractContextManager[Client]:
        return connected(self._surroundings, self._url, remedies=REMEDIES_FOR_JOBS)

    def _command(self, name: str, job_id: str) -> str:
        return command("batch", name, self._api, job_id, url=self._url)

    def _handed_in(self, client: Client, job: JobSubmission, *, watch: bool) -> None:
        if watch:
            note(f"{job.id} accepted")
            self._watch(client, job.id, timeout_seconds=float("inf"))
        elif self._as_json:
            emit(document(job.document, pretty=self._surroundings.stdout_is_terminal))
        else:
            emit(job.id)
            if self._surroundings.stderr_is_terminal:
                note(f"{job.status.value}; watch it: {self._command('watch', job.id)}")

    def _watch(self, client: Client, job_id: str, *, timeout_seconds: float) -> None:
        look, stop = (self._command(name, job_id) for name in ("watch", "stop"))
        with going_on("job", look=look, end=f"Stop it: {stop}"), _watching(self._surroundings) as listener:
            state = client.batch.wait(self._api, job_id, timeout_seconds=timeout_seconds, on_change=listener)
        self._show(state)
        if state.failed:
            note(f"Look at what failed: {self._command('failed', job_id)}")
            note(f"Run it again, as a new job: {self._command('retry', job_id)}")
        _end_as(state)

    def _show(self, state: JobState) -> None:
        print_one(self._surroundings, state, job_rows(state), as_json=self._as_json)


@contextmanager
def _watching(surroundings: Surroundings) -> Iterator[Callable[[JobState], None]]:
    """A listener that draws a bar on a terminal, and else writes a line now and then."""
    if surroundings.stderr_is_terminal:
        from penstock.cli.job_bar import JobBar  # noqa: PLC0415 - loads rich, which scripts do without

        with JobBar(surroundings.clock) as bar:
            yield bar
        return
    started, seen = surroundings.clock(), None

    def listen(state: JobState) -> None:
        nonlocal seen
        if milestone(state) != seen:
            seen = milestone(state)
            note(elapsed(surroundings.clock() - started, change(state)))

    yield listen


def _end_as(state: JobState) -> None:
    """End the command as the job ended, if it did."""
    code = _ENDS.get(state.status, ExitCode.ENDED_BADLY) if state.status.terminal else ExitCode.OK
    if code is not ExitCode.OK:
        raise typer.Exit(code)


def _sized(found: DryRun) -> str:
    if found.truncated:
        return f"{amount(len(found.files), 'file')}, and more that are not listed"
    files = f"{amount(len(found.files), 'file')}, " if found.files else ""
    if found.batch_count is None:
        return f"{files}as many batches as their lines make"
    return f"{files}{amount(found.batch_count, 'batch', 'batches')}"
