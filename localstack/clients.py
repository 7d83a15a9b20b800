"""boto3 clients of this process for the emulator."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.session import Session

from localstack.environment import ACCESS_KEY, REGION, SECRET_KEY

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ssm import SSMClient

    from localstack.environment import Endpoint

#: Where botocore looks for a setting (file entry, variable, default, type). With AWS_PROFILE or a
#: file of the developer's, a client would take over settings of a real account, or fail.
_NO_PROFILE = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


class Clients:
    """Makes clients that carry the fake credentials whatever the developer's environment says."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._session = boto3.Session(
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name=REGION,
            botocore_session=Session(session_vars=_NO_PROFILE),
        )
        self._options: dict[str, Any] = {
            "endpoint_url": endpoint.url,
            "config": Config(proxies={}, retries={"mode": "standard"}, connect_timeout=5, read_timeout=20),
        }

    def ecs(self) -> ECSClient:
        """Return a client for clusters, services and tasks."""
        return self._session.client("ecs", **self._options)

    def cloudformation(self) -> CloudFormationClient:
        """Return a client for stacks."""
        return self._session.client("cloudformation", **self._options)

    def apigateway(self) -> APIGatewayClient:
        """Return a client for REST APIs."""
        return self._session.client("apigateway", **self._options)

    def ssm(self) -> SSMClient:
        """Return a client for parameters."""
        return self._session.client("ssm", **self._options)
