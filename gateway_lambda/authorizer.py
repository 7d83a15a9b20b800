"""The entry point of the Lambda that API Gateway asks who calls, where API keys are taken.

Asked at every call: API Gateway keeps an answer only under headers that each call must have, and a
key may come in either of two. So a revoked key is refused from the next call on, and the policy need
speak of this one call only.
"""

from __future__ import annotations

import os
from typing import Any

import boto3
from botocore.config import Config

from gateway_lambda import access
from gateway_lambda.settings import AuthorizerSettings
from penstock import environment
from penstock.aws import deployed
from penstock.aws.api_keys import DynamoApiKeys

#: Both tries together stay below the function's own timeout.
_AWS = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})

_settings = environment.read(AuthorizerSettings, os.environ)
_keys = DynamoApiKeys(boto3.session.Session().client("dynamodb", config=_AWS), _settings.table)
_catalogue = deployed.catalogue(_settings.deployment)


class Unauthorized(Exception):
    """Its text is what API Gateway makes a 401 of; any other error becomes a 503."""


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Answer one event of a REQUEST authorizer."""
    try:
        return access.decide(event, keys=_keys, catalogue=_catalogue)
    except access.NoKey:
        raise Unauthorized("Unauthorized") from None
