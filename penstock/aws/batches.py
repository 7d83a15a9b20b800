"""Reads of many items: a page of the listing index over all its shards, and keys read at once."""

from __future__ import annotations

from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Any

from penstock import keys
from penstock.aws import items
from penstock.aws.faults import translated
from penstock.ports import DependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from mypy_boto3_dynamodb import DynamoDBClient

#: DynamoDB may leave keys of a batch unread when it is busy.
_READ_TRIES = 4
_READ_PAUSE_SECONDS = 0.1


def query(client: DynamoDBClient, table: str, **arguments: Any) -> Sequence[Mapping[str, Any]]:
    """One page of at most 1 MB, which holds far more entries than any limit of ours."""
    with translated("look requests up"):
        return client.query(TableName=table, **arguments)["Items"]


def newest(
    client: DynamoDBClient,
    table: str,
    owner: str,
    day: str,
    *,
    below: str,
    limit: int,
    executor: Executor,
) -> Sequence[str]:
    """Positions below the given one, newest first: of an API, or of what else ``owner`` stands for."""

    def shard(number: int) -> list[str]:
        found = query(
            client,
            table,
            IndexName=keys.LISTING_INDEX,
            KeyConditionExpression="listing_pk = :partition AND listing_sk < :below",
            ExpressionAttributeValues={
                ":partition": items.attribute(keys.listing_partition(owner, day, number)),
                ":below": items.attribute(below),
            },
            ScanIndexForward=False,
            Limit=limit,
        )
        return [item["listing_sk"]["S"] for item in found]

    shards = executor.map(shard, range(keys.SHARDS))
    # The newest of all are among the newest of each, so the merged answer has no gaps.
    return list(islice(merge(*shards, reverse=True), limit))


def read(
    client: DynamoDBClient,
    table: str,
    wanted: Sequence[items.Item],
    *,
    what: str,
    sleep: Callable[[float], None],
) -> Sequence[items.Item]:
    """The items of up to 100 keys that exist, strongly consistent; ``what`` names them in errors."""
    left, found = list(wanted), []
    for tries in range(_READ_TRIES):
        if not left:
            break
        if tries:
            sleep(_READ_PAUSE_SECONDS * 2**tries)
        with translated(f"read {what}"):
            answer = client.batch_get_item(RequestItems={table: {"Keys": left, "ConsistentRead": True}})
        found += answer["Responses"].get(table, [])
        unread = answer.get("UnprocessedKeys", {})
        left = list(unread[table]["Keys"]) if table in unread else []
    if left:
        raise DependencyError(f"read {what}: {len(left)} of {len(wanted)} were not served")
    return found
