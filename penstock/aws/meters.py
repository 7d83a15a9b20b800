"""The ``Meters`` port on API Gateway: its API keys, in the deployment's usage plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from penstock import names
from penstock.api_keys import Meter, NoUsagePlan
from penstock.aws.faults import code_of, translated

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient

_ABSENT = "NotFoundException"


class ApiGatewayMeters:
    """Entries are told from those of other deployments by their names, the usage plan by its own."""

    def __init__(self, client: APIGatewayClient, deployment: str) -> None:
        self._client = client
        self._deployment = deployment

    def add(self, name: str, *, digest: str) -> str:
        """See ``Meters.add``."""
        with translated("make API Gateway's entry of the key"):
            plan_id = self._plan_id()
            made = self._client.create_api_key(
                name=names.api_key(self._deployment, name), value=digest, enabled=True
            )
            self._client.create_usage_plan_key(usagePlanId=plan_id, keyId=made["id"], keyType="API_KEY")
        return made["id"]

    def list(self) -> list[Meter]:
        """See ``Meters.list``."""
        start = names.api_key(self._deployment, "")
        with translated("list API Gateway's entries of keys"):
            pages = self._client.get_paginator("get_api_keys").paginate(nameQuery=start, includeValues=True)
            found = [entry for page in pages for entry in page["items"]]
        return [
            Meter(id=entry["id"], name=entry["name"].removeprefix(start), digest=entry["value"])
            for entry in found
            if entry["name"].startswith(start)
        ]

    def remove(self, meter_id: str) -> None:
        """See ``Meters.remove``; the entry leaves the usage plan with it."""
        with translated("remove API Gateway's entry of the key"):
            try:
                self._client.delete_api_key(apiKey=meter_id)
            except ClientError as error:
                if code_of(error) != _ABSENT:
                    raise

    def _plan_id(self) -> str:
        wanted = names.usage_plan(self._deployment)
        pages = self._client.get_paginator("get_usage_plans").paginate()
        found = [plan["id"] for page in pages for plan in page["items"] if plan["name"] == wanted]
        if not found:
            raise NoUsagePlan(wanted)
        return found[0]
