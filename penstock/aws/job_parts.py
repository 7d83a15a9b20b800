"""The ``JobParts`` port on DynamoDB: items beside the job's record, and one for each batch that ended."""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from penstock.aws import items, job_commits, job_items
from penstock.aws.faults import translated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from _typeshed import DataclassInstance
    from mypy_boto3_dynamodb import DynamoDBClient

    from penstock.batch.chunks import EnqueuedChunk
    from penstock.batch.commits import Commit, FailedBatch, Part
    from penstock.batch.jobs import JobKey
    from penstock.batch.lanes import Lane
    from penstock.batch.tallies import WorkerTally


class DynamoJobParts:
    """All parts of a job in its own partition, but for its batches, which spread (J2)."""

    def __init__(
        self, client: DynamoDBClient, table: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._table = table
        self._sleep = sleep

    def tallies(self, key: JobKey) -> Sequence[WorkerTally]:
        """See ``JobParts.tallies``."""
        return [job_items.tally(item) for item in self._all(key, job_items.COUNT)]

    def put_chunk(self, key: JobKey, chunk: EnqueuedChunk, *, expires_at: int) -> None:
        """See ``JobParts.put_chunk``."""
        self._put(job_items.job_key(key, f"{job_items.CHUNK}{chunk.index}"), chunk, expires_at)

    def chunks(self, key: JobKey) -> Sequence[EnqueuedChunk]:
        """See ``JobParts.chunks``."""
        return [job_items.chunk(item) for item in self._all(key, job_items.CHUNK)]

    def put_lane(self, key: JobKey, lane: Lane, *, expires_at: int) -> None:
        """See ``JobParts.put_lane``."""
        self._put(job_items.job_key(key, f"{job_items.LANE}{lane.index}"), lane, expires_at)

    def lanes(self, key: JobKey) -> Sequence[Lane]:
        """See ``JobParts.lanes``."""
        return [job_items.lane(item) for item in self._all(key, job_items.LANE)]

    def failed(self, key: JobKey, *, after: str | None, limit: int) -> Sequence[FailedBatch]:
        """See ``JobParts.failed``; the order is that of the ids as text."""
        begin: dict[str, Any] = {"Limit": limit}
        if after is not None:
            begin["ExclusiveStartKey"] = job_items.job_key(key, f"{job_items.FAILED}{after}")
        found = islice(self._all(key, job_items.FAILED, **begin), limit)
        return [job_items.failed_batch(item) for item in found]

    def failed_batch(self, key: JobKey, batch: str) -> FailedBatch | None:
        """See ``JobParts.failed_batch``."""
        with translated("read failed batch"):
            answer = self._client.get_item(
                TableName=self._table,
                Key=job_items.job_key(key, f"{job_items.FAILED}{batch}"),
                ConsistentRead=True,
            )
        return job_items.failed_batch(answer["Item"]) if "Item" in answer else None

    def parts(self, key: JobKey) -> Iterator[Part]:
        """See ``JobParts.parts``."""
        return map(job_items.part, self._all(key, job_items.PART))

    def commit(self, commit: Commit) -> frozenset[str]:
        """See ``JobParts.commit``."""
        arguments = job_commits.arguments(self._table, commit)
        pauses = iter(job_commits.PAUSES_SECONDS)
        with translated("commit ends of batches"):
            while True:
                try:
                    self._client.transact_write_items(**arguments)
                except ClientError as error:
                    known = job_commits.known(error, commit)
                    if known is not None:
                        return known
                    pause = next(pauses, None)
                    if pause is None or not job_commits.passing(error):
                        raise
                    self._sleep(pause)
                else:
                    return frozenset()

    def _put(self, key: items.Item, part: DataclassInstance, expires_at: int) -> None:
        item = key | items.attributes(part) | {"expires_at": items.attribute(expires_at)}
        with translated("note part of job"):
            self._client.put_item(TableName=self._table, Item=item)

    def _all(self, key: JobKey, prefix: str, **begin: Any) -> Iterator[items.Item]:
        arguments = job_items.query(self._table, key, prefix) | begin
        while True:
            with translated("read parts of job"):
                page = self._client.query(**arguments)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]
