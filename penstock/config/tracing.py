"""Where traces go."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from penstock.config import aws_ids
from penstock.config.section import Section, WholeNumber

#: Visible ASCII. Parsers drop line breaks, and programs that connect do not.
_PLAIN = re.compile(r"[\x21-\x7e]+")


def _collector(value: str) -> str:
    try:
        parts = urlsplit(value)
        # A port that is none is found when it is read.
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not _PLAIN.fullmatch(value) or parts.query or parts.fragment:
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
