"""Logs and metrics: JSON lines on stdout, which CloudWatch reads (metrics in its embedded format)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

if TYPE_CHECKING:
    from penstock.records import RequestRecord

NAMESPACE = "Penstock"


def configure_logging(api: str, *, service: str = "dequeuer") -> None:
    """Give every module's log lines Powertools' JSON form."""
    handler = Logger(service=service, api=api).registered_handler
    for package in ("dequeuer", "penstock"):
        logger = logging.getLogger(package)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)


class Telemetry:
    """Metrics of one API's worker."""

    def __init__(self, api: str) -> None:
        self._api = api

    def finished(self, record: RequestRecord) -> None:
        """A request has ended: how, after how long in the queue, and after how long a run."""
        with single_metric(name="Finished", unit=MetricUnit.Count, value=1, namespace=NAMESPACE) as metric:
            metric.add_dimension("api", self._api)
            metric.add_dimension("status", record.status.value)
        if record.started_ms is None or record.finished_ms is None:
            return
        self._milliseconds("QueueWait", record.started_ms - record.created_ms)
        self._milliseconds("ProcessingTime", record.finished_ms - record.started_ms)

    def retried(self) -> None:
        """An attempt failed, and another one will follow."""
        self._count("AttemptFailed")

    def lost(self) -> None:
        """A request was taken away while we worked on it."""
        self._count("LeaseLost")

    def paused(self, store: str) -> None:
        """Receiving is paused, or stays paused, because a store fails."""
        with single_metric(
            name="ReceivingPaused", unit=MetricUnit.Count, value=1, namespace=NAMESPACE
        ) as metric:
            metric.add_dimension("api", self._api)
            metric.add_dimension("store", store)

    def resumed(self, paused_ms: int) -> None:
        """The stores work again, after so long."""
        self._milliseconds("Outage", paused_ms)

    def batches(self, *, succeeded: int, failed: int) -> None:
        """So many batches of a job have ended."""
        for status, count in (("succeeded", succeeded), ("failed", failed)):
            if count:
                with single_metric(
                    name="BatchesFinished", unit=MetricUnit.Count, value=count, namespace=NAMESPACE
                ) as metric:
                    metric.add_dimension("api", self._api)
                    metric.add_dimension("status", status)

    def _count(self, name: str) -> None:
        with single_metric(name=name, unit=MetricUnit.Count, value=1, namespace=NAMESPACE) as metric:
            metric.add_dimension("api", self._api)

    def _milliseconds(self, name: str, value: int) -> None:
        with single_metric(
            name=name, unit=MetricUnit.Milliseconds, value=max(0, value), namespace=NAMESPACE
        ) as metric:
            metric.add_dimension("api", self._api)
