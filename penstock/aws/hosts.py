"""The ``Hosts`` and ``Endpoints`` ports on DynamoDB: one item for each host, and for each refusal."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from penstock import keys
from penstock.aws import items
from penstock.aws.faults import translated
from penstock.aws.slots import DynamoSlots
from penstock.webhooks.hosts import Health

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb import DynamoDBClient

    from penstock.webhooks.hosts import Lane

#: A host that nobody calls any more is forgotten.
_HEALTH_SECONDS = 24 * 3600

#: A receiver may have meant it for good, but addresses get new owners.
_REFUSAL_SECONDS = 30 * 24 * 3600


_KNOWN = frozenset(field.name for field in dataclasses.fields(Health))


class DynamoHosts:
    """Failures are added up by the database: many functions call one host."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def health(self, host: str) -> Health:
        """See ``Hosts.health``; a moment's delay does no harm here, so the read is the cheap one."""
        with translated("read host"):
            answer = self._client.get_item(TableName=self._table, Key=_wire(keys.host_item(host)))
        fields = items.native(answer.get("Item", {}))
        return Health(**{name: value for name, value in fields.items() if name in _KNOWN})

    def failed(self, host: str, *, now_ms: int) -> None:
        """See ``Hosts.failed``."""
        with translated("count a host's failure"):
            self._client.update_item(
                TableName=self._table,
                Key=_wire(keys.host_item(host)),
                UpdateExpression="ADD failures :one SET failed_ms = :now, expires_at = :end",
                ExpressionAttributeValues=_wire(
                    {":one": 1, ":now": now_ms, ":end": now_ms // 1000 + _HEALTH_SECONDS}
                ),
            )

    def answered(self, host: str, *, now_ms: int) -> None:
        """See ``Hosts.answered``."""
        with translated("note a host's answer"):
            self._client.put_item(
                TableName=self._table,
                Item=_wire(
                    {
                        **keys.host_item(host),
                        "failures": 0,
                        "answered_ms": now_ms,
                        "expires_at": now_ms // 1000 + _HEALTH_SECONDS,
                    }
                ),
            )

    def room(self, host: str, lane: Lane) -> DynamoSlots:
        """See ``Hosts.room``."""
        return DynamoSlots(self._client, self._table, keys.host_room(lane, host))


class DynamoEndpoints:
    """An item stands for a receiver that answered 410."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def disabled(self, api: str, url: str) -> bool:
        """See ``Endpoints.disabled``."""
        with translated("read endpoint"):
            answer = self._client.get_item(TableName=self._table, Key=_wire(keys.endpoint_item(api, url)))
        return "Item" in answer

    def disable(self, api: str, url: str, *, now_ms: int) -> None:
        """See ``Endpoints.disable``."""
        with translated("disable endpoint"):
            self._client.put_item(
                TableName=self._table,
                Item=_wire(
                    {
                        **keys.endpoint_item(api, url),
                        "disabled_ms": now_ms,
                        "expires_at": now_ms // 1000 + _REFUSAL_SECONDS,
                    }
                ),
            )

    def enable(self, api: str, url: str) -> None:
        """See ``Endpoints.enable``."""
        with translated("enable endpoint"):
            self._client.delete_item(TableName=self._table, Key=_wire(keys.endpoint_item(api, url)))


def _wire(values: Mapping[str, str | int]) -> items.Item:
    return {name: items.attribute(value) for name, value in values.items()}
