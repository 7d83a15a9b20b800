"""The ``Jobs`` port on DynamoDB: in the table of the requests' records."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from penstock import keys
from penstock.aws import batches, expressions, items, job_items
from penstock.aws.faults import code_of, translated
from penstock.batch import job_ids
from penstock.batch.ports import JobApplied, JobRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from mypy_boto3_dynamodb import DynamoDBClient

    from penstock.batch.jobs import JobKey, JobRecord
    from penstock.transitions import Transition

#: Time to live deletes late: an item past its time must not refuse a new one.
_FREE = "attribute_not_exists(pk) OR expires_at <= :now"


class DynamoJobs:
    """Lists come from the listing index, as those of requests do."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        *,
        executor: Executor | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table = table
        # Lists ask all shards at once; who lists nothing needs no threads.
        self._executor = executor or ThreadPoolExecutor(1)
        self._sleep = sleep

    def create(self, record: JobRecord) -> JobApplied | JobRefused:
        """See ``Jobs.create``; our own earlier try has written this very record."""
        with translated("create job record"):
            try:
                self._put(job_items.encode(record), now_seconds=record.created_ms // 1000)
            except ClientError as error:
                if code_of(error) != expressions.CONDITION_FAILED:
                    raise
                found = expressions.found(error, job_items.decode)
                if found != record:
                    return JobRefused(found)
        return JobApplied(record)

    def get(self, key: JobKey) -> JobRecord | None:
        """See ``Jobs.get``."""
        with translated("read job record"):
            answer = self._client.get_item(
                TableName=self._table, Key=job_items.job_key(key), ConsistentRead=True
            )
        return job_items.decode(answer["Item"]) if "Item" in answer else None

    def apply(self, key: JobKey, transition: Transition) -> JobApplied | JobRefused:
        """See ``Jobs.apply``."""
        with translated(f"{transition.move} job"):
            try:
                arguments = expressions.update_arguments(self._table, job_items.job_key(key), transition)
                return job_items.applied(self._client.update_item(**arguments))
            except ClientError as error:
                if code_of(error) != expressions.CONDITION_FAILED:
                    raise
                return job_items.refused(error, transition)

    def newest(self, api: str, day: str, *, below: str, limit: int) -> Sequence[str]:
        """See ``Jobs.newest``."""
        return batches.newest(
            self._client,
            self._table,
            keys.jobs_of(api),
            day,
            below=below,
            limit=limit,
            executor=self._executor,
        )

    def read(self, keys: Sequence[JobKey]) -> Mapping[JobKey, JobRecord]:
        """See ``Jobs.read``."""
        wanted = [job_items.job_key(key) for key in keys]
        found = batches.read(self._client, self._table, wanted, what="job records", sleep=self._sleep)
        records = map(job_items.decode, found)
        return {record.key: record for record in records}

    def reserve(self, *, api: str, key_hash: str, job_id: str, expires_at: int) -> str:
        """See ``Jobs.reserve``."""
        item = items.texts(keys.idempotency_item(api, key_hash) | {"job_id": job_id})
        with translated("reserve idempotency key"):
            try:
                self._put(
                    item | {"expires_at": items.attribute(expires_at)},
                    now_seconds=job_ids.made_at_ms(job_id) // 1000,
                )
            except ClientError as error:
                if code_of(error) != expressions.CONDITION_FAILED:
                    raise
                return error.response["Item"]["job_id"]["S"]  # type: ignore[typeddict-item, no-any-return]  # no such key in botocore's types
        return job_id

    def _put(self, item: items.Item, *, now_seconds: int) -> None:
        self._client.put_item(
            TableName=self._table,
            Item=item,
            ConditionExpression=_FREE,
            ExpressionAttributeValues={":now": items.attribute(now_seconds)},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
