"""The ``Deliveries`` port on DynamoDB: items of their own in the table of the records."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from penstock import keys
from penstock.aws import batches, expressions, items
from penstock.aws.expressions import CONDITION_FAILED, Placeholders
from penstock.aws.faults import code_of, translated
from penstock.webhooks.answers import FunctionAnswer
from penstock.webhooks.deliveries import Attempt, Delivery, DeliveryKey, State, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from mypy_boto3_dynamodb import DynamoDBClient

    from penstock.webhooks.deliveries import Move


class DynamoDeliveries:
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

    def create(self, delivery: Delivery) -> Delivery:
        """See ``Deliveries.create``."""
        with translated("create delivery"):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=_encode(delivery),
                    ConditionExpression="attribute_not_exists(pk)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if code_of(error) != CONDITION_FAILED:
                    raise
                return _decode(error.response["Item"])  # type: ignore[typeddict-item]  # botocore has no such key
        return delivery

    def get(self, key: DeliveryKey) -> Delivery | None:
        """See ``Deliveries.get``."""
        with translated("read delivery"):
            answer = self._client.get_item(TableName=self._table, Key=_key(key), ConsistentRead=True)
        return _decode(answer["Item"]) if "Item" in answer else None

    def apply(self, key: DeliveryKey, move: Move) -> Delivery | None:
        """See ``Deliveries.apply``."""
        with translated("move delivery along"):
            try:
                answer = self._client.update_item(**_update(self._table, key, move))
            except ClientError as error:
                if code_of(error) != CONDITION_FAILED:
                    raise
                found = expressions.found(error, _decode)
                return found if found is not None and move.was_made(found) else None
        return _decode(answer["Attributes"])

    def newest(self, api: str, day: str, *, below: str, limit: int) -> Sequence[str]:
        """See ``Deliveries.newest``."""
        return batches.newest(
            self._client,
            self._table,
            keys.deliveries_of(api),
            day,
            below=below,
            limit=limit,
            executor=self._executor,
        )

    def read(self, keys: Sequence[DeliveryKey]) -> Mapping[DeliveryKey, Delivery]:
        """See ``Deliveries.read``."""
        wanted = [_key(key) for key in keys]
        found = batches.read(self._client, self._table, wanted, what="deliveries", sleep=self._sleep)
        deliveries = map(_decode, found)
        return {delivery.key: delivery for delivery in deliveries}


def _key(key: DeliveryKey) -> items.Item:
    return items.texts(keys.delivery_item(key.event_id, key.target))


def _encode(delivery: Delivery) -> items.Item:
    found_by = keys.listing_attributes(
        keys.deliveries_of(delivery.api), str(delivery.key), created_ms=delivery.created_ms
    )
    return _key(delivery.key) | items.texts(found_by) | items.attributes(delivery)


def _decode(item: items.Item) -> Delivery:
    fields = items.members(item, Delivery)
    fields["state"] = State(fields["state"])
    fields["target"] = Target(fields["target"])
    if "answer" in fields:
        fields["answer"] = FunctionAnswer(**fields["answer"])
    fields["attempts"] = tuple(Attempt(**attempt) for attempt in fields["attempts"])
    return Delivery(**fields)


def _update(table: str, key: DeliveryKey, move: Move) -> dict[str, Any]:
    placeholders = Placeholders()
    name, value = placeholders.name, placeholders.value
    checks = [f"{name(check.field)} {check.op} {value(check.value)}" for check in move.allowed]
    assigned = [f"{name(field)} = {value(new)}" for field, new in move.assign.items() if new is not None]
    removed = [name(field) for field, new in move.assign.items() if new is None]
    assigned.append(expressions.version(placeholders))
    update = f"SET {', '.join(assigned)}" + (f" REMOVE {', '.join(removed)}" if removed else "")
    return {
        "TableName": table,
        "Key": _key(key),
        "ConditionExpression": " AND ".join([*checks, expressions.readable(placeholders)]),
        "UpdateExpression": update,
        "ExpressionAttributeNames": placeholders.names,
        "ExpressionAttributeValues": placeholders.values,
        "ReturnValues": "ALL_NEW",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
