"""boto3 clients of this process for the emulator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.config import Config

from penstock.aws import emulator

if TYPE_CHECKING:
    from mypy_boto3_apigateway import APIGatewayClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_sts import STSClient

    from localstack.environment import Endpoint


class Clients:
    """Makes clients that carry the fake credentials whatever the developer's environment says."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._session = emulator.session()
        self._options: dict[str, Any] = {
            "endpoint_url": endpoint.url,
            "config": Config(proxies={}, retries={"mode": "standard"}, connect_timeout=5, read_timeout=20),
        }

    def cloudwatch(self) -> CloudWatchClient:
        """Return a client for metrics."""
        return self._session.client("cloudwatch", **self._options)

    def ecs(self) -> ECSClient:
        """Return a client for clusters, services and tasks."""
        return self._session.client("ecs", **self._options)

    def cloudformation(self) -> CloudFormationClient:
        """Return a client for stacks."""
        return self._session.client("cloudformation", **self._options)

    def apigateway(self) -> APIGatewayClient:
        """Return a client for REST APIs."""
        return self._session.client("apigateway", **self._options)

    def stepfunctions(self) -> SFNClient:
        """Return a client for state machines and their executions."""
        return self._session.client("stepfunctions", **self._options)

    def ssm(self) -> SSMClient:
        """Return a client for parameters."""
        return self._session.client("ssm", **self._options)

    def sts(self) -> STSClient:
        """Return a client for credentials of roles."""
        return self._session.client("sts", **self._options)
