"""The ``Ledger`` port on DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from penstock.aws import expressions, items
from penstock.aws.faults import code_of, translated

if TYPE_CHECKING:
    from types_aiobotocore_dynamodb import DynamoDBClient

    from penstock.ports import Applied, Refused
    from penstock.records import RequestKey
    from penstock.transitions import Transition


class DynamoLedger:
    """Request records in one table, moved along by conditional writes."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    async def apply(self, key: RequestKey, transition: Transition) -> Applied | Refused:
        """See ``Ledger.apply``."""
        with translated(f"{transition.move} request"):
            try:
                arguments = expressions.update_arguments(self._table, items.key_item(key), transition)
                return expressions.applied(await self._client.update_item(**arguments))
            except ClientError as error:
                if code_of(error) != expressions.CONDITION_FAILED:
                    raise
                return expressions.refused(error, transition.achieved)
