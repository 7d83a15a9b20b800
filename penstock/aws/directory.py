"""The ``Directory`` port on DynamoDB's two indexes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from penstock import keys
from penstock.aws import batches, items
from penstock.keys import request_of
from penstock.overview import DuePlace
from penstock.records import RequestKey
from penstock.versions import UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from mypy_boto3_dynamodb import DynamoDBClient

    from penstock.records import RequestRecord

#: Open requests looked at in a shard: those that run are due first, so with fewer of them than this
#: the one that waits longest is among them.
_OPEN_LIMIT = 200


class DynamoDirectory:
    """Asks all shards of an index at once and merges their answers."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        *,
        executor: Executor,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table = table
        self._executor = executor
        self._sleep = sleep

    def newest(self, api: str, day: str, *, below: str, limit: int) -> Sequence[str]:
        """See ``Directory.newest``."""
        return batches.newest(
            self._client, self._table, api, day, below=below, limit=limit, executor=self._executor
        )

    def read(
        self,
        keys: Sequence[RequestKey],
        *,
        on_unreadable: Callable[[RequestKey, Exception], None] | None = None,
    ) -> Mapping[RequestKey, RequestRecord]:
        """See ``Directory.read``."""
        wanted = [items.key_item(key) for key in keys]
        found = batches.read(self._client, self._table, wanted, what="request records", sleep=self._sleep)
        records = {}
        for item in found:
            key = request_of(item["pk"]["S"])
            try:
                records[key] = items.decode(item)
            except UNREADABLE as error:
                if on_unreadable is None:
                    raise
                on_unreadable(key, error)
        return records

    def oldest_open_ms(self, api: str) -> int | None:
        """See ``Directory.oldest_open_ms``."""

        def shard(number: int) -> list[int]:
            found = self._query(
                IndexName=keys.OPEN_INDEX,
                KeyConditionExpression="open_pk = :partition",
                ExpressionAttributeValues={
                    ":partition": items.attribute(keys.open_partition(api, number)),
                },
                Limit=_OPEN_LIMIT,
            )
            return [int(item["created_ms"]["N"]) for item in found]

        shards = self._executor.map(shard, range(keys.SHARDS))
        return min((created_ms for shard_ms in shards for created_ms in shard_ms), default=None)

    def due(
        self, api: str, shard: int, *, before_ms: int, after: DuePlace | None, limit: int
    ) -> Sequence[DuePlace]:
        """See ``Directory.due``."""
        partition = items.attribute(keys.open_partition(api, shard))
        start = {}
        if after is not None:
            # The place alone is enough for DynamoDB: the item may have left the index since.
            key = items.key_item(RequestKey(api=api, id=after.id))
            start = {
                "ExclusiveStartKey": {**key, "open_pk": partition, "due_ms": items.attribute(after.due_ms)}
            }
        found = self._query(
            IndexName=keys.OPEN_INDEX,
            KeyConditionExpression="open_pk = :partition AND due_ms < :before",
            ExpressionAttributeValues={":partition": partition, ":before": items.attribute(before_ms)},
            Limit=limit,
            **start,
        )
        return [DuePlace(int(item["due_ms"]["N"]), keys.request_of(item["pk"]["S"]).id) for item in found]

    def _query(self, **arguments: Any) -> Sequence[Mapping[str, Any]]:
        return batches.query(self._client, self._table, **arguments)
