"""Spans by OpenTelemetry's SDK, sent as OTLP over HTTP.

JSON, not protobuf: that needs compiled code, which Lambda bundles do without.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, SpanKind, StatusCode, get_current_span, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from penstock import __version__
from penstock.tracing.ports import EMPTY, TRACEPARENT, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span as OtelSpan

    from penstock.tracing.ports import Span

_KINDS = {Kind.SERVER: SpanKind.SERVER, Kind.CONSUMER: SpanKind.CONSUMER, Kind.CLIENT: SpanKind.CLIENT}
_SEND_SECONDS = 2
_propagator = TraceContextTextMapPropagator()


def exporter(endpoint: str, headers: Mapping[str, str]) -> SpanExporter:
    """To a collector; ``endpoint`` is its base URL, as OTEL_EXPORTER_OTLP_ENDPOINT would have it."""
    return OTLPSpanExporter(
        endpoint=f"{endpoint.rstrip('/')}/v1/traces", headers=dict(headers), timeout=_SEND_SECONDS
    )


class OtelTracer:
    """See ``Tracer``. Spans are sent by a thread of their own; ``percent`` of the traces are kept.

    A trace that began elsewhere is kept or not as it was decided there.
    """

    def __init__(self, to: SpanExporter, *, service: str, deployment: str, percent: int = 100) -> None:
        self._provider = TracerProvider(
            # At the end of a process it would wait half a minute for a collector that hangs.
            shutdown_on_exit=False,
            resource=Resource.create(
                {
                    "service.name": f"penstock-{service}",
                    "service.namespace": deployment,
                    "service.version": __version__,
                }
            ),
            sampler=ParentBased(TraceIdRatioBased(percent / 100)),
        )
        self._provider.add_span_processor(BatchSpanProcessor(to))
        self._tracer = self._provider.get_tracer("penstock", __version__)
        self._flushing: threading.Thread | None = None

    @contextmanager
    def span(
        self,
        name: str,
        kind: Kind,
        *,
        parent: str | None = None,
        link: str | None = None,
        about: Mapping[str, str | int] = EMPTY,
    ) -> Iterator[Span]:
        """See ``Tracer``."""
        with self._tracer.start_as_current_span(
            name,
            context=_context(parent),
            kind=_KINDS[kind],
            attributes=_attributes(about),
            links=_links(link),
        ) as span:
            yield _Span(span)

    def flush(self) -> None:
        """See ``Tracer``."""
        # The SDK takes a time limit for this, and does not keep it: it sends all that waits, however long
        # that takes. A flush that still does so has the next one's spans as well.
        if self._flushing is None or not self._flushing.is_alive():
            self._flushing = threading.Thread(target=self._provider.force_flush, name="traces", daemon=True)
            self._flushing.start()
        self._flushing.join(_SEND_SECONDS)


class _Span:
    def __init__(self, span: OtelSpan) -> None:
        self._span = span

    @property
    def context(self) -> str | None:
        carrier: dict[str, str] = {}
        _propagator.inject(carrier, set_span_in_context(self._span, Context()))
        return carrier.get(TRACEPARENT)

    def note(self, **values: str | int) -> None:
        self._span.set_attributes(_attributes(values))

    def fail(self, reason: str) -> None:
        self._span.set_status(StatusCode.ERROR, reason)


def _context(traceparent: str | None) -> Context:
    # An empty one besides, so that nothing that happens to run around this becomes the parent.
    return _propagator.extract({TRACEPARENT: traceparent} if traceparent else {}, Context())


def _links(traceparent: str | None) -> list[Link]:
    linked = get_current_span(_context(traceparent)).get_span_context()
    return [Link(linked)] if linked.is_valid else []


def _attributes(values: Mapping[str, str | int]) -> dict[str, str | int]:
    return {f"penstock.{name}": value for name, value in values.items()}
