"""The ``ApiKeys`` port on DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock import keys
from penstock.api_keys import ApiKey
from penstock.aws.faults import translated

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoApiKeys:
    """One item per key, in the table of the records."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def find(self, digest: str) -> ApiKey | None:
        """See ``ApiKeys.find``; strongly consistent, or a revoked key would be let in for a while."""
        with translated("read API key"):
            answer = self._client.get_item(TableName=self._table, Key=_key(digest), ConsistentRead=True)
        item = answer.get("Item")
        if item is None:
            return None
        return ApiKey(
            id=item["key_id"]["S"],
            name=item["name"]["S"],
            apis=tuple(name["S"] for name in item["apis"]["L"]),
            created_ms=int(item["created_ms"]["N"]),
        )

    def put(self, digest: str, key: ApiKey) -> None:
        """See ``ApiKeys.put``."""
        with translated("write API key"):
            self._client.put_item(
                TableName=self._table,
                Item={
                    **_key(digest),
                    "key_id": {"S": key.id},
                    "name": {"S": key.name},
                    "apis": {"L": [{"S": name} for name in key.apis]},
                    "created_ms": {"N": str(key.created_ms)},
                },
            )

    def delete(self, digest: str) -> None:
        """See ``ApiKeys.delete``."""
        with translated("delete API key"):
            self._client.delete_item(TableName=self._table, Key=_key(digest))


def _key(digest: str) -> dict[str, dict[str, str]]:
    # By hand and not by penstock.aws.items, which costs the authorizer's cold start another import.
    return {name: {"S": text} for name, text in keys.api_key_item(digest).items()}
