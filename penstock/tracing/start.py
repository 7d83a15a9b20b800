"""The tracer that a process is told to use."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from penstock import environment
from penstock.ports import DependencyError
from penstock.tracing.ports import OFF

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.tracing.ports import Tracer

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingSettings:
    """What the deployment tells its functions and workers of traces."""

    deployment: str
    #: Base URL of a collector that takes OTLP over HTTP; empty if nothing is traced.
    traces_endpoint: str = ""
    #: Share of the traces that are kept.
    traces_percent: int = 100
    #: ``name=value`` pairs with commas between, for the collector.
    traces_headers: str = ""
    #: Secret to read them from, where they cannot be a variable.
    traces_headers_secret: str = ""


def tracer(environ: Mapping[str, str], *, service: str, read_secret: Callable[[str], str]) -> Tracer:
    """The tracer of a service; OpenTelemetry is imported only if there is somewhere to send to.

    A secret that cannot be read costs the traces and nothing else. ``SettingsError`` for variables that
    cannot be used.
    """
    settings = environment.read(TracingSettings, environ)
    if not settings.traces_endpoint:
        return OFF
    secret = settings.traces_headers_secret
    try:
        headers = read_secret(secret) if secret else settings.traces_headers
    except DependencyError as error:
        logger.error("no traces", extra={"action": "start", "error": str(error)})  # noqa: TRY400
        return OFF
    from penstock.tracing import otel  # noqa: PLC0415 - a cold start without traces does without it

    return otel.OtelTracer(
        otel.exporter(settings.traces_endpoint, _pairs(headers)),
        service=service,
        deployment=settings.deployment,
        percent=settings.traces_percent,
    )


def _pairs(text: str) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in text.split(",") if pair.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}
