"""What an operator does to a deployment besides deploying it, with their own AWS credentials."""

from __future__ import annotations

import time
from typing import Any

import boto3
from botocore.config import Config

from penstock import names
from penstock.aws import emulator
from penstock.aws.api_keys import DynamoApiKeys
from penstock.aws.faults import translated
from penstock.aws.meters import ApiGatewayMeters
from penstock.key_ring import KeyRing


def key_ring(deployment: str, *, emulator_url: str | None) -> KeyRing:
    """The API keys of a deployment, in the account of the credentials or in an emulator.

    ``DependencyError`` if there is nothing to make a client from, such as no region.
    """
    options: dict[str, Any] = {"config": Config(retries={"mode": "standard"})}
    with translated("connect to AWS"):
        if emulator_url is None:
            session = boto3.Session()
        else:
            session = emulator.session()
            # A proxy of the environment would be asked even for this machine's own addresses.
            options = {"endpoint_url": emulator_url, "config": Config(proxies={})}
        return KeyRing(
            keys=DynamoApiKeys(session.client("dynamodb", **options), names.table(deployment)),
            meters=ApiGatewayMeters(session.client("apigateway", **options), deployment),
            clock=lambda: time.time_ns() // 1_000_000,
        )
