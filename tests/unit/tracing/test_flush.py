"""A collector that hangs costs its own spans and two seconds, and no work."""

from __future__ import annotations

import threading
import time

import pytest
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from penstock.tracing import otel
from penstock.tracing.ports import Kind


class Hanging(SpanExporter):
    """Answers once the test lets it."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.asked = 0

    def export(self, _spans) -> SpanExportResult:
        self.asked += 1
        self.let_go.wait()
        return SpanExportResult.SUCCESS


@pytest.fixture
def hanging():
    exporter = Hanging()
    yield exporter
    exporter.let_go.set()


@pytest.fixture
def tracer(hanging, monkeypatch):
    monkeypatch.setattr(otel, "_SEND_SECONDS", 0.1)
    return otel.OtelTracer(hanging, service="test", deployment="shop")


def _work(tracer) -> float:
    with tracer.span("work", Kind.CONSUMER):
        pass
    began = time.monotonic()
    tracer.flush()
    return time.monotonic() - began


def test_flushing_ends_although_the_collector_does_not_answer(tracer):
    assert _work(tracer) < 5


def test_one_call_at_a_time_waits_for_a_collector_that_hangs(tracer, hanging):
    before = threading.active_count()
    for _ in range(3):
        _work(tracer)
    assert threading.active_count() <= before + 1
    assert hanging.asked == 1


def test_what_has_ended_meanwhile_is_sent_once_the_collector_answers(tracer, hanging):
    _work(tracer)
    hanging.let_go.set()
    _work(tracer)
    _work(tracer)
    assert hanging.asked >= 2
