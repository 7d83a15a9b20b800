"""What functions and tasks are told of where traces go, and what they need for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdk import permissions

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam

    from cdk.arns import Arns
    from penstock.config import Tracing

#: What a function's bundle has in it as well. urllib3 is in Lambda's runtime, beside boto3.
_DISTRIBUTIONS = (
    "opentelemetry-api",
    "opentelemetry-exporter-http-transport",
    "opentelemetry-exporter-otlp-common",
    "opentelemetry-exporter-otlp-json-common",
    "opentelemetry-exporter-otlp-json-http",
    "opentelemetry-proto-json",
    "opentelemetry-sdk",
    "opentelemetry-semantic-conventions",
)


def distributions(tracing: Tracing | None) -> tuple[str, ...]:
    """For a function's bundle; nothing unless there are traces, so that others start as fast as before."""
    return () if tracing is None else _DISTRIBUTIONS


def of_task(tracing: Tracing | None) -> dict[str, str]:
    """The dequeuer's variables."""
    if tracing is None:
        return {}
    return {"PENSTOCK_TRACES_ENDPOINT": tracing.endpoint, "PENSTOCK_TRACES_PERCENT": str(tracing.percent)}


def secrets_of_task(tracing: Tracing | None) -> dict[str, str]:
    """The dequeuer's variables that ECS reads from a secret."""
    if tracing is None or tracing.headers_secret is None:
        return {}
    return {"PENSTOCK_TRACES_HEADERS": tracing.headers_secret}


def of_function(tracing: Tracing | None) -> dict[str, str]:
    """A function's variables: it reads the secret itself."""
    secret = tracing.headers_secret if tracing else None
    return of_task(tracing) | ({"PENSTOCK_TRACES_HEADERS_SECRET": secret} if secret else {})


def rights(arns: Arns, tracing: Tracing | None) -> list[iam.PolicyStatement]:
    """A function's rights to read that secret."""
    return permissions.secrets(arns, secrets_of_task(tracing).values())
