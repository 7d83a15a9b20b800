"""The ``Records`` port on DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from penstock.aws import expressions, items
from penstock.aws.faults import code_of, translated
from penstock.ports import Applied, Refused
from penstock.records import Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from penstock.records import RequestKey, RequestRecord
    from penstock.transitions import Transition


class DynamoRecords:
    """Request records in one table, with strongly consistent reads (R16)."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def create(self, record: RequestRecord) -> Applied | Refused:
        """See ``Records.create``; our own earlier try has written this very record."""
        with translated("create request record"):
            try:
                self._client.put_item(
                    TableName=self._table,
                    Item=items.encode(record),
                    # Time to live deletes late: a record past its retention must not refuse a new one.
                    ConditionExpression="attribute_not_exists(pk) OR expires_at <= :now",
                    ExpressionAttributeValues={":now": items.attribute(record.created_ms // 1000)},
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if code_of(error) != expressions.CONDITION_FAILED:
                    raise
                found = expressions.found(error, items.decode)
                if found != record:
                    return Refused(found)
        return Applied(record)

    def get(self, key: RequestKey) -> RequestRecord | None:
        """See ``Records.get``."""
        with translated("read request record"):
            answer = self._client.get_item(
                TableName=self._table, Key=items.key_item(key), ConsistentRead=True
            )
        return items.decode(answer["Item"]) if "Item" in answer else None

    def apply(self, key: RequestKey, transition: Transition) -> Applied | Refused:
        """See ``Records.apply``."""
        with translated(f"{transition.move} request"):
            try:
                arguments = expressions.update_arguments(self._table, items.key_item(key), transition)
                return expressions.applied(self._client.update_item(**arguments))
            except ClientError as error:
                if code_of(error) != expressions.CONDITION_FAILED:
                    raise
                return expressions.refused(error, transition.achieved)

    def withdraw(self, record: RequestRecord) -> bool:
        """See ``Records.withdraw``."""
        with translated("withdraw request record"):
            try:
                self._client.delete_item(
                    TableName=self._table,
                    Key=items.key_item(record.key),
                    ConditionExpression=(
                        "attribute_not_exists(pk) OR"
                        " (#status = :in_queue AND attribute_not_exists(started_ms)"
                        " AND payload.#key = :payload)"
                    ),
                    ExpressionAttributeNames={"#status": "status", "#key": "key"},
                    ExpressionAttributeValues={
                        ":in_queue": items.attribute(Status.IN_QUEUE),
                        ":payload": items.attribute(record.payload.key),
                    },
                )
            except ClientError as error:
                if code_of(error) != expressions.CONDITION_FAILED:
                    raise
                return False
        return True

    def purge(self, record: RequestRecord) -> bool:
        """See ``Records.purge``."""
        with translated("remove request record"):
            try:
                self._client.delete_item(
                    TableName=self._table,
                    Key=items.key_item(record.key),
                    # Another request may have taken the id over, or be this one's own successor.
                    ConditionExpression=(
                        "attribute_not_exists(pk) OR"
                        " (attribute_exists(finished_ms) AND created_ms = :created)"
                    ),
                    ExpressionAttributeValues={":created": items.attribute(record.created_ms)},
                )
            except ClientError as error:
                if code_of(error) != expressions.CONDITION_FAILED:
                    raise
                return False
        return True
