"""One trace goes from a submission through the queue and the container to the webhook."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from gateway_lambda.submit import Submission, Submitter
from penstock.records import Call, Status
from penstock.testing import MemoryOutbox
from penstock.tracing.otel import OtelTracer
from penstock.tracing.ports import OFF, TRACEPARENT, Kind
from penstock.webhooks.schedule import Answer
from tests.unit.dequeuer.workbench import Workbench
from tests.unit.webhooks.station import CALLBACK, Station

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from penstock.tracing.ports import Tracer

CALLER_TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{CALLER_TRACE}-b7ad6b7169203331-01"


class Collected:
    """A tracer, and what a collector gets of it."""

    def __init__(self, percent: int = 100) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracer = OtelTracer(self._exporter, service="test", deployment="shop", percent=percent)

    @property
    def spans(self) -> list[ReadableSpan]:
        self.tracer.flush()
        return list(self._exporter.get_finished_spans())

    def only(self, name: str) -> ReadableSpan:
        (found,) = [span for span in self.spans if span.name == name]
        return found


@pytest.fixture
def collected() -> Collected:
    return Collected()


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


async def live_through(
    tracer: Tracer, executor: ThreadPoolExecutor, *, trace: str | None
) -> tuple[str | None, str | None]:
    """Submit, run and deliver a request; the ``traceparent`` that container and receiver were given."""
    bench = Workbench(tracer=tracer)
    submitter = Submitter(
        deployment="shop",
        records=bench.records,
        objects=bench.objects,
        outbox=MemoryOutbox(bench.queue),
        executor=executor,
        clock=bench.clock,
        tracer=tracer,
    )
    accepted = submitter.submit(
        Submission(
            api="word-count",
            call=Call(),
            body=b"one two",
            caller="me",
            idempotency_key=None,
            callback=CALLBACK,
            trace=trace,
        )
    )
    await bench.deliver()
    ended = bench.records.rows[accepted.record.key]
    assert ended.status is Status.COMPLETED
    station = Station(tracer=tracer, answers=[Answer(200)])
    station.announcer.announce(ended)
    station.run()
    return bench.container.called[0].trace, station.calls[0].headers.get(TRACEPARENT)


async def test_the_spans_of_a_request_hang_together(collected, executor):
    given = await live_through(collected.tracer, executor, trace=CALLER)

    submit, process = collected.only("submit"), collected.only("process")
    call, deliver = collected.only("call"), collected.only("deliver")
    parents = {span.name: f"{span.parent.span_id:016x}" for span in (submit, process, call, deliver)}
    ids = {span.name: f"{span.context.span_id:016x}" for span in (submit, process, call, deliver)}
    assert {f"{span.context.trace_id:032x}" for span in collected.spans} == {CALLER_TRACE}
    assert parents == {
        "submit": "b7ad6b7169203331",
        "process": ids["submit"],
        "call": ids["process"],
        "deliver": ids["submit"],
    }
    assert given == (f"00-{CALLER_TRACE}-{ids['call']}-01", f"00-{CALLER_TRACE}-{ids['deliver']}-01")


async def test_spans_say_what_they_are_about(collected, executor):
    await live_through(collected.tracer, executor, trace=None)

    kinds = {span.name: span.kind for span in collected.spans}
    assert kinds == {
        "submit": SpanKind.SERVER,
        "process": SpanKind.CONSUMER,
        "call": SpanKind.CLIENT,
        "deliver": SpanKind.CLIENT,
    }
    request_id = collected.only("submit").attributes["penstock.id"]
    for span in collected.spans:
        assert (span.attributes["penstock.api"], span.attributes["penstock.id"]) == ("word-count", request_id)
    assert collected.only("call").attributes["penstock.status_code"] == 200
    resource = collected.only("call").resource.attributes
    assert (resource["service.name"], resource["service.namespace"]) == ("penstock-test", "shop")


async def test_without_a_collector_nothing_is_traced_and_nothing_is_passed_on(executor):
    assert await live_through(OFF, executor, trace=CALLER) == (None, None)


async def test_a_caller_who_does_not_keep_its_trace_decides_for_all_of_it(collected, executor):
    given = await live_through(collected.tracer, executor, trace=CALLER[:-2] + "00")

    assert collected.spans == []
    assert [context and context[:36] for context in given] == [f"00-{CALLER_TRACE}-"] * 2


def test_a_receiver_that_refuses_is_a_failed_span(collected):
    station = Station(tracer=collected.tracer, answers=[Answer(500), Answer(200)])
    station.end(callback=CALLBACK)
    station.run()

    first, second = collected.spans
    assert (first.status.status_code, first.attributes["penstock.attempt"]) == (StatusCode.ERROR, 1)
    assert (second.status.status_code, second.attributes["penstock.attempt"]) == (StatusCode.UNSET, 2)


@pytest.mark.parametrize("garbage", ["", "yes", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "\x00" * 99])
def test_what_is_no_context_begins_a_trace_and_links_to_nothing(collected, garbage):
    with collected.tracer.span("one", Kind.SERVER, parent=garbage, link=garbage) as span:
        assert span.context is not None

    assert collected.only("one").parent is None
    assert not collected.only("one").links


def test_a_batch_has_a_trace_of_its_own_that_leads_to_its_job(collected):
    with collected.tracer.span("process", Kind.CONSUMER, link=CALLER):
        pass

    span = collected.only("process")
    assert f"{span.context.trace_id:032x}" != CALLER_TRACE
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [CALLER_TRACE]


def test_only_a_share_of_the_traces_is_kept():
    collected = Collected(percent=1)
    for _ in range(300):
        with collected.tracer.span("one", Kind.SERVER):
            pass

    assert len(collected.spans) < 100
