"""The ``WorkerJobs`` port on DynamoDB."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from penstock.aws import expressions, items, job_commits, job_items
from penstock.aws.faults import code_of, translated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from types_aiobotocore_dynamodb import DynamoDBClient

    from penstock.batch.commits import Commit, Part
    from penstock.batch.jobs import JobKey, JobRecord
    from penstock.batch.ports import JobApplied, JobRefused
    from penstock.batch.tallies import WorkerTally
    from penstock.transitions import Transition


class DynamoWorkerJobs:
    """The same items as those of ``DynamoJobs`` and ``DynamoJobParts``."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._table = table
        self._sleep = sleep

    async def get(self, key: JobKey) -> JobRecord | None:
        """See ``WorkerJobs.get``."""
        item = await self._get(job_items.job_key(key))
        return job_items.decode(item) if item else None

    async def apply(self, key: JobKey, transition: Transition) -> JobApplied | JobRefused:
        """See ``WorkerJobs.apply``."""
        with translated(f"{transition.move} job"):
            try:
                arguments = expressions.update_arguments(self._table, job_items.job_key(key), transition)
                return job_items.applied(await self._client.update_item(**arguments))
            except ClientError as error:
                if code_of(error) != expressions.CONDITION_FAILED:
                    raise
                return job_items.refused(error, transition)

    async def tallies(self, key: JobKey) -> Sequence[WorkerTally]:
        """See ``WorkerJobs.tallies``."""
        pages = self._pages(key, job_items.COUNT)
        return [job_items.tally(item) async for page in pages for item in page]

    async def commit(self, commit: Commit) -> frozenset[str]:
        """See ``WorkerJobs.commit``."""
        arguments = job_commits.arguments(self._table, commit)
        pauses = iter(job_commits.PAUSES_SECONDS)
        with translated("commit ends of batches"):
            while True:
                try:
                    await self._client.transact_write_items(**arguments)
                except ClientError as error:
                    known = job_commits.known(error, commit)
                    if known is not None:
                        return known
                    pause = next(pauses, None)
                    if pause is None or not job_commits.passing(error):
                        raise
                    await self._sleep(pause)
                else:
                    return frozenset()

    async def ended(self, key: JobKey, batch: str) -> bool:
        """See ``WorkerJobs.ended``."""
        return bool(await self._get(job_items.batch_key(key, batch)))

    async def arrive(self, key: JobKey, worker: str, *, now_ms: int, expires_at: int) -> None:
        """See ``WorkerJobs.arrive``."""
        await self._sign(key, worker, started_ms=now_ms, seen_ms=now_ms, expires_at=expires_at)

    async def alive(self, key: JobKey, worker: str, *, now_ms: int) -> None:
        """See ``WorkerJobs.alive``."""
        await self._sign(key, worker, seen_ms=now_ms)

    async def leave(self, key: JobKey, worker: str, *, now_ms: int) -> None:
        """See ``WorkerJobs.leave``."""
        await self._sign(key, worker, seen_ms=now_ms, left_ms=now_ms)

    async def releases(self, key: JobKey, batch: str) -> int:
        """See ``WorkerJobs.releases``."""
        item = await self._get(job_items.batch_key(key, batch, job_items.RELEASES))
        return int(item["releases"]["N"]) if item else 0

    async def give_back(self, key: JobKey, batch: str, *, expires_at: int) -> int:
        """See ``WorkerJobs.give_back``."""
        with translated("give batch back"):
            answer = await self._client.update_item(
                TableName=self._table,
                Key=job_items.batch_key(key, batch, job_items.RELEASES),
                UpdateExpression="SET expires_at = :expires ADD releases :one",
                ExpressionAttributeValues={
                    ":expires": items.attribute(expires_at),
                    ":one": items.attribute(1),
                },
                ReturnValues="UPDATED_NEW",
            )
        return int(answer["Attributes"]["releases"]["N"])

    async def parts(self, key: JobKey) -> AsyncIterator[Sequence[Part]]:
        """See ``WorkerJobs.parts``."""
        async for page in self._pages(key, job_items.PART):
            yield [job_items.part(item) for item in page]

    async def _get(self, key: items.Item) -> items.Item:
        with translated("read item of job"):
            answer = await self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True)
        return answer.get("Item", {})

    async def _sign(self, key: JobKey, worker: str, **values: int) -> None:
        assigned = ", ".join(f"{name} = :{name}" for name in values)
        wire = {f":{name}": items.attribute(value) for name, value in values.items()}
        with translated("give sign of life"):
            await self._client.update_item(
                TableName=self._table,
                Key=job_items.job_key(key, f"{job_items.COUNT}{worker}"),
                UpdateExpression=f"SET {assigned}",
                ExpressionAttributeValues=wire,
            )

    async def _pages(self, key: JobKey, prefix: str) -> AsyncIterator[Sequence[items.Item]]:
        arguments: dict[str, Any] = job_items.query(self._table, key, prefix)
        while True:
            with translated("read parts of job"):
                page = await self._client.query(**arguments)
            yield page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]
