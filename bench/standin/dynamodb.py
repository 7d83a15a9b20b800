"""DynamoDB's calls on one table per name, in memory."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from bench.standin.errors import AwsError
from bench.standin.expressions import Item, Scope, holds, updated

Call = dict[str, Any]


class Tables:
    """Items by table and key. Tables come into being with their first item."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[tuple[str, str], Item]] = defaultdict(dict)

    def create_table(self, call: Call) -> Call:
        """``CreateTable``, for test suites that begin with it."""
        return {"TableDescription": {"TableName": call["TableName"], "TableStatus": "ACTIVE"}}

    def put_item(self, call: Call) -> Call:
        """``PutItem``."""
        self._check(call, key := _key(call["Item"]))
        self._tables[call["TableName"]][key] = call["Item"]
        return {}

    def get_item(self, call: Call) -> Call:
        """``GetItem``; every read is consistent."""
        item = self._tables[call["TableName"]].get(_key(call["Key"]))
        return {} if item is None else {"Item": item}

    def update_item(self, call: Call) -> Call:
        """``UpdateItem``, answering with the whole new item."""
        key = _key(call["Key"])
        before = self._check(call, key) or dict(call["Key"])
        after = updated(call["UpdateExpression"], _scope(call), before)
        self._tables[call["TableName"]][key] = after
        return {"Attributes": after} if call.get("ReturnValues") == "ALL_NEW" else {}

    def delete_item(self, call: Call) -> Call:
        """``DeleteItem``."""
        key = _key(call["Key"])
        self._check(call, key)
        self._tables[call["TableName"]].pop(key, None)
        return {}

    def _check(self, call: Call, key: tuple[str, str]) -> Item | None:
        item = self._tables[call["TableName"]].get(key)
        if holds(call.get("ConditionExpression"), _scope(call), item):
            return item
        shown = item if call.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" else None
        raise AwsError("ConditionalCheckFailedException", "The conditional request failed", item=shown)


def _key(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _scope(call: Call) -> Scope:
    return Scope(call.get("ExpressionAttributeNames", {}), call.get("ExpressionAttributeValues", {}))
