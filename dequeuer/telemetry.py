"""Logs and metrics: JSON lines on stdout, which CloudWatch reads (metrics in its embedded format)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from penstock.aws.emf import MetricLog
from penstock.metrics import Metric

if TYPE_CHECKING:
    from penstock.records import RequestRecord


def configure_logging(api: str, *, service: str = "dequeuer") -> None:
    """Give every module's log lines Powertools' JSON form."""
    handler = Logger(service=service, api=api).registered_handler
    for package in ("dequeuer", "penstock"):
        logger = logging.getLogger(package)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)


class Telemetry:
    """Metrics of one API's worker: what no record tells. Ends are counted where the stream is read."""

    def __init__(self, *, deployment: str, api: str) -> None:
        self._metrics = MetricLog(deployment)
        self._api = api

    def started(self, record: RequestRecord) -> None:
        """An attempt of a request has begun; the first one ends its wait."""
        if record.attempt == 1 and record.releases == 0 and record.started_ms is not None:
            self._tell(Metric.QUEUE_WAIT, max(0, record.started_ms - record.created_ms))

    def retried(self) -> None:
        """An attempt failed, and another one will follow."""
        self._tell(Metric.ATTEMPTS_FAILED, 1)

    def lost(self) -> None:
        """A request was taken away while we worked on it."""
        self._tell(Metric.LEASES_LOST, 1)

    def paused(self, store: str) -> None:
        """Receiving is paused, or stays paused, because a store fails."""
        self._metrics.write(self._api, [(Metric.RECEIVING_PAUSED, 1)], store=store)

    def resumed(self, paused_ms: int) -> None:
        """The stores work again, after so long."""
        self._tell(Metric.OUTAGE, max(0, paused_ms))

    def batches(self, *, succeeded: int, failed: int) -> None:
        """So many batches of a job have ended."""
        told = ((Metric.BATCHES_SUCCEEDED, succeeded), (Metric.BATCHES_FAILED, failed))
        self._metrics.write(self._api, [(metric, count) for metric, count in told if count])

    def _tell(self, metric: Metric, value: int) -> None:
        self._metrics.write(self._api, [(metric, value)])
