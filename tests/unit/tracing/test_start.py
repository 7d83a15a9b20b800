"""Which tracer a process gets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from penstock.ports import DependencyError
from penstock.tracing.otel import OtelTracer
from penstock.tracing.ports import OFF
from penstock.tracing.start import tracer

if TYPE_CHECKING:
    import pytest

ON = {"PENSTOCK_DEPLOYMENT": "shop", "PENSTOCK_TRACES_ENDPOINT": "http://127.0.0.1:9"}


def _no_secret(name: str) -> str:
    raise DependencyError(f"{name} cannot be read")


def test_without_an_endpoint_there_are_no_traces():
    assert tracer({"PENSTOCK_DEPLOYMENT": "shop"}, service="test", read_secret=_no_secret) is OFF


def test_with_an_endpoint_there_are():
    assert isinstance(tracer(ON, service="test", read_secret=_no_secret), OtelTracer)


def test_a_secret_is_read_once_by_its_name():
    asked = []

    def read(name: str) -> str:
        asked.append(name)
        return "x-tenant=acme"

    made = tracer(ON | {"PENSTOCK_TRACES_HEADERS_SECRET": "otlp"}, service="test", read_secret=read)
    assert isinstance(made, OtelTracer)
    assert asked == ["otlp"]


def test_a_secret_that_cannot_be_read_costs_the_traces_and_nothing_else(caplog: pytest.LogCaptureFixture):
    made = tracer(ON | {"PENSTOCK_TRACES_HEADERS_SECRET": "otlp"}, service="test", read_secret=_no_secret)
    assert made is OFF
    assert [record.getMessage() for record in caplog.records] == ["no traces"]
