"""Where traces go."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from penstock.config import aws_ids
from penstock.config.section import Section, WholeNumber


def _collector(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(
            "must be the base URL of a collector that takes OTLP over HTTP, such as "
            "https://otlp.example.com: /v1/traces is added"
        )
    if parts.username or parts.password:
        raise ValueError("must hold no credentials: put a header with them into a secret, headers_secret")
    return value.rstrip("/")


class Tracing(Section):
    """Where traces go."""

    endpoint: Annotated[str, AfterValidator(_collector), Field(json_schema_extra={"pattern": "^https?://"})]
    """Base URL of a collector that takes OTLP over HTTP, as JSON. Functions and tasks must reach it."""

    percent: WholeNumber = Field(default=100, ge=1, le=100)
    """Share of the traces that are kept. With a `traceparent` header, a call's trace is kept if its caller \
keeps it."""

    headers_secret: (
        Annotated[
            str,
            AfterValidator(aws_ids.secret_arn),
            Field(json_schema_extra={"pattern": f"^{aws_ids.SECRET_ARN_PATTERN}$"}),
        ]
        | None
    ) = None
    """ARN of a Secrets Manager secret with headers for the collector, as `name=value,name=value`."""
