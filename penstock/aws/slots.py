"""The ``Slots`` port on DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from penstock import keys
from penstock.aws import items
from penstock.aws.expressions import CONDITION_FAILED
from penstock.aws.faults import code_of, translated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoSlots:
    """One item per slot, in the table of the records; those of different rooms are different ones."""

    def __init__(self, client: DynamoDBClient, table: str, room: str = keys.WAITING_ROOM) -> None:
        self._client = client
        self._table = table
        self._room = room

    def take(self, slot: int, *, token: str, now_ms: int, until_ms: int) -> bool:
        """See ``Slots.take``; one's own token is one's own earlier try."""
        with translated("take a slot"):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=_wire({**keys.slot_item(self._room, slot), "token": token, "until_ms": until_ms}),
                    ConditionExpression="attribute_not_exists(pk) OR until_ms < :now OR #token = :token",
                    ExpressionAttributeNames={"#token": "token"},
                    ExpressionAttributeValues=_wire({":now": now_ms, ":token": token}),
                )
            except ClientError as error:
                if code_of(error) != CONDITION_FAILED:
                    raise
                return False
        return True

    def free(self, slot: int, *, token: str) -> None:
        """See ``Slots.free``."""
        with translated("free a slot"):
            try:
                self._client.delete_item(
                    TableName=self._table,
                    Key=_wire(keys.slot_item(self._room, slot)),
                    ConditionExpression="#token = :token",
                    ExpressionAttributeNames={"#token": "token"},
                    ExpressionAttributeValues=_wire({":token": token}),
                )
            except ClientError as error:
                if code_of(error) != CONDITION_FAILED:
                    raise


def _wire(values: Mapping[str, str | int]) -> items.Item:
    return {name: items.attribute(value) for name, value in values.items()}
