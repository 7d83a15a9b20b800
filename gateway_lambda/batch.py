"""What the routes below ``/batch`` do."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from gateway_lambda import batch_query, batch_views, cursor, replies
from gateway_lambda.batch_intake import NewJob
from gateway_lambda.batch_probe import SUBMIT_PAGES, SUBMIT_SECONDS
from gateway_lambda.batch_query import FailedQuery, JobQuery
from penstock import ids, keys
from penstock.batch import objects, submission
from penstock.batch.errors import UnknownBatch
from penstock.batch.job_ids import is_batch_id
from penstock.batch.spec import SourceKind
from penstock.errors import InvalidQuery, Unavailable
from penstock.inlining import json_text
from penstock.ports import DependencyError, ObjectMissing
from penstock.tracing.ports import TRACEPARENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway_lambda.batch_dry_run import DryRun
    from gateway_lambda.batch_intake import AcceptedJob, Intake
    from gateway_lambda.batch_jobs import SingleJobs
    from gateway_lambda.batch_probe import Probe
    from gateway_lambda.batch_progress import ProgressReader
    from gateway_lambda.incoming import Incoming
    from gateway_lambda.listing import Listing
    from gateway_lambda.replies import Reply
    from gateway_lambda.webhooks import Webhooks
    from penstock.batch.commits import FailedBatch
    from penstock.batch.jobs import JobKey, JobRecord
    from penstock.batch.ports import JobParts
    from penstock.batch.spec import Source
    from penstock.catalogue import ApiEntry
    from penstock.ports import Objects

#: How long a download link works, as those of results.
DOWNLOAD_SECONDS = 3600

#: A batch up to this size is part of the document that tells of it.
MOST_INLINE_BYTES = 256 * 1024


class Batch:
    """Jobs of batch APIs."""

    def __init__(  # noqa: PLR0913 - one collaborator for each group of routes
        self,
        *,
        deployment: str,
        intake: Intake,
        probe: Probe,
        dry_run: DryRun,
        single: SingleJobs,
        progress: ProgressReader,
        listing: Listing[JobKey, JobRecord],
        parts: JobParts,
        objects: Objects,
        webhooks: Webhooks,
        logs_url: Callable[[str], str | None],
        on_accepted: Callable[[ApiEntry, bool], None],
    ) -> None:
        self._deployment = deployment
        self._intake = intake
        self._probe = probe
        self._dry_run = dry_run
        self._single = single
        self._progress = progress
        self._listing = listing
        self._parts = parts
        self._objects = objects
        self._webhooks = webhooks
        self._logs_url = logs_url
        self._on_accepted = on_accepted

    def submit(self, api: ApiEntry, incoming: Incoming) -> Reply:
        """``POST /batch/{api}``, with ``?dryRun=true`` without a job."""
        only_asked = batch_query.dry_run(incoming.query)
        key, callback = incoming.idempotency_key, self._webhooks.callback(api, incoming.headers)
        sent = submission.read(incoming.body, api)
        if only_asked:
            return self._dry_run.forecast(sent).reply(incoming.headers)
        accepted = self._intake.accept(
            NewJob(
                api=api,
                submission=sent,
                caller=incoming.caller,
                key_hash=None if key is None else self._key_hash(api, incoming.caller, key),
                fingerprint=ids.fingerprint(
                    body=incoming.body,
                    content_type=None,
                    method="POST",
                    path="/",
                    query="",
                    callback=callback.url,
                ),
                callback=callback.url,
                depth=callback.depth,
                trace=incoming.headers.get(TRACEPARENT),
                check=lambda: self._look(sent.spec.source),
            )
        )
        # Relative to the request's own URL, whatever stage or domain stands before it.
        return self._accepted(api, accepted, location=f"{api.endpoint}/{accepted.record.id}")

    def list_or_show(self, api: ApiEntry, incoming: Incoming) -> Reply:
        """``GET /batch/{api}``: a page of jobs; with ``?jobID=`` that one."""
        job_id = batch_query.job_of(incoming.query)
        if job_id is not None:
            return self.show(api, job_id)
        page = self._listing.page(api, JobQuery.parse(incoming.query, api=api.name))
        return _page(
            "jobs",
            [batch_views.summary(record, api.endpoint) for record in page.records],
            page.next_cursor,
        )

    def show(self, api: ApiEntry, job_id: str) -> Reply:
        """``GET /batch/{api}/{id}``."""
        return replies.document(self._document(api, self._single.find(api, job_id)))

    def stop_named(self, api: ApiEntry, incoming: Incoming) -> Reply:
        """``DELETE /batch/{api}?jobID=``."""
        job_id = batch_query.job_of(incoming.query)
        if job_id is None:
            raise InvalidQuery(f"Say which job: DELETE /batch/{api.endpoint}/<job id>, or ?jobID=<job id>.")
        return self.stop(api, job_id)

    def stop(self, api: ApiEntry, job_id: str) -> Reply:
        """``DELETE /batch/{api}/{id}``."""
        record = self._single.stop(api, job_id)
        return replies.document({"message": f"stopped job {record.id}", **self._document(api, record)})

    def retry(self, api: ApiEntry, job_id: str, *, caller: str) -> Reply:
        """``POST /batch/{api}/{id}/retry``."""
        accepted = self._single.retry(api, job_id, caller=caller)
        return self._accepted(api, accepted, location=f"../{accepted.record.id}")

    def failed(self, api: ApiEntry, job_id: str, query: str) -> Reply:
        """``GET /batch/{api}/{id}/failed``."""
        record = self._single.find(api, job_id)
        wanted = FailedQuery.parse(query, api=api.name, job_id=record.id)
        try:
            found = self._parts.failed(record.key, after=wanted.after, limit=wanted.limit)
        except DependencyError as error:
            raise Unavailable("The failed batches could not be listed just now. Try again.") from error
        further = len(found) == wanted.limit
        return _page(
            "failed_batches",
            [batch_views.failed_batch(batch, record, api.endpoint) for batch in found],
            cursor.encode(found[-1].id, belongs_to=wanted.belongs_to) if further else None,
        )

    def failed_batch(self, api: ApiEntry, job_id: str, batch_id: str) -> Reply:
        """``GET /batch/{api}/{id}/failed/{batch}``: what became of it, and its items."""
        record = self._single.find(api, job_id)
        try:
            known = is_batch_id(batch_id)
            batch = self._parts.failed_batch(record.key, batch_id) if known else None
            if batch is None:
                raise UnknownBatch(f"Job {record.id} has no failed batch {batch_id[:64]!r}.")
            return self._batch_reply(api, record, batch)
        except DependencyError as error:
            raise Unavailable("The batch could not be read just now. Try again.") from error

    def _look(self, source: Source) -> None:
        if source.kind is not SourceKind.ITEM_LIST:
            # What cannot be seen in time is found when the job is planned.
            self._probe.look(source, seconds=SUBMIT_SECONDS, pages=SUBMIT_PAGES)

    def _batch_reply(self, api: ApiEntry, record: JobRecord, batch: FailedBatch) -> Reply:
        content = batch_views.failed_batch(batch, record, api.endpoint)
        try:
            if self._objects.describe(batch.body_key).size_bytes <= MOST_INLINE_BYTES:
                # Spliced in as it was sent.
                text = json_text(self._objects.read(batch.body_key))
                if text is not None:
                    body = f'{json.dumps(content)[:-1]}, "body": {text}}}'.encode()
                    return replies.Reply(HTTPStatus.OK, body, {"Content-Type": "application/json"})
        except ObjectMissing:
            return replies.document(content)
        return replies.document(content | {"body_url": self._link(batch.body_key)})

    def _accepted(self, api: ApiEntry, accepted: AcceptedJob, *, location: str) -> Reply:
        self._on_accepted(api, accepted.replayed)
        return replies.document(
            batch_views.summary(accepted.record, api.endpoint),
            status=HTTPStatus.ACCEPTED,
            headers={"Location": location},
        )

    def _document(self, api: ApiEntry, record: JobRecord) -> dict[str, Any]:
        progress = self._progress.read(record)
        manifest = keys.job_object(record.key, objects.MANIFEST)
        return batch_views.whole(
            progress,
            api.endpoint,
            results_url=self._link(manifest) if progress.manifest else None,
            logs_url=self._logs_url(api.name),
        )

    def _key_hash(self, api: ApiEntry, caller: str, key: str) -> str:
        return ids.keyed_request_id(deployment=self._deployment, api=api.name, caller=caller, key=key)

    def _link(self, key: str) -> str:
        return self._objects.presign(key, expires_seconds=DOWNLOAD_SECONDS, headers={})


def _page(name: str, entries: list[dict[str, Any]], next_cursor: str | None) -> Reply:
    content: dict[str, Any] = {name: entries}
    return replies.document(content if next_cursor is None else content | {"next_cursor": next_cursor})
