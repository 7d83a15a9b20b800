"""The ``Directory`` port on DynamoDB's two indexes."""

from __future__ import annotations

import time
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any

from penstock import keys
from penstock.aws import items
from penstock.aws.faults import translated
from penstock.overview import DuePlace
from penstock.ports import DependencyError
from penstock.records import RequestKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from mypy_boto3_dynamodb import DynamoDBClient

    from penstock.records import RequestRecord

#: Open requests looked at in a shard: those that run are due first, so with fewer of them than this
#: the one that waits longest is among them.
_OPEN_LIMIT = 200

#: DynamoDB may leave keys of a batch unread when it is busy.
_READ_TRIES = 4
_READ_PAUSE_SECONDS = 0.1


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

        def shard(number: int) -> list[str]:
            found = self._query(
                IndexName=keys.LISTING_INDEX,
                KeyConditionExpression="listing_pk = :partition AND listing_sk < :below",
                ExpressionAttributeValues={
                    ":partition": items.attribute(keys.listing_partition(api, day, number)),
                    ":below": items.attribute(below),
                },
                ScanIndexForward=False,
                Limit=limit,
            )
            return [item["listing_sk"]["S"] for item in found]

        shards = self._executor.map(shard, range(keys.SHARDS))
        # The newest of all are among the newest of each, so the merged answer has no gaps.
        return list(islice(merge(*shards, reverse=True), limit))

    def read(self, keys: Sequence[RequestKey]) -> Mapping[RequestKey, RequestRecord]:
        """See ``Directory.read``."""
        wanted = [items.key_item(key) for key in keys]
        found = []
        for tries in range(_READ_TRIES):
            if not wanted:
                break
            if tries:
                self._sleep(_READ_PAUSE_SECONDS * 2**tries)
            with translated("read request records"):
                answer = self._client.batch_get_item(
                    RequestItems={self._table: {"Keys": wanted, "ConsistentRead": True}}
                )
            found += [items.decode(item) for item in answer["Responses"].get(self._table, [])]
            unread = answer.get("UnprocessedKeys", {})
            wanted = list(unread[self._table]["Keys"]) if self._table in unread else []
        if wanted:
            raise DependencyError(f"read request records: {len(wanted)} of {len(keys)} were not served")
        return {record.key: record for record in found}

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
        # One page of at most 1 MB holds far more entries than any limit here.
        with translated("look requests up"):
            return self._client.query(TableName=self._table, **arguments)["Items"]
