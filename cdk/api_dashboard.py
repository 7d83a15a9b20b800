"""The dashboard of one API, in its stack: it comes and goes with the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk import metrics, task_shape
from cdk.arns import Arns
from cdk.widgets import Graph, dashboard, percentiles
from penstock import names
from penstock.config import AsyncApi
from penstock.metrics import OF_JOBS_END, Metric
from penstock.scaling.ports import Measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aws_cdk import Stack

    from penstock.config import BatchApi, Config
    from penstock.sizes import Size

_HOUR = Duration.hours(1)
_CPU_UNITS = 1024


class ApiPanels:
    """What there is to see of one API."""

    def __init__(self, stack: Stack, deployment: str, api: AsyncApi | BatchApi) -> None:
        self._stack = stack
        self._deployment = deployment
        self._api = api

    def rows(self) -> Iterator[Sequence[Graph]]:
        """The graphs, row by row."""
        if isinstance(self._api, AsyncApi):
            yield self._requests(), self._queue(), self._wait()
            yield *self._times(), self._attempts()
            yield self._tasks(), self._stops(), self._hours()
        else:
            yield self._jobs(), self._ends_of_jobs(), self._batches()
            yield self._executions(), self._attempts(), self._stops()
        yield self._dead_letters(), self._deliveries(), self._delivery_time()

    def _counts(self, *chosen: Metric) -> tuple[cloudwatch.Metric, ...]:
        return tuple(metrics.of_api(metric, self._deployment, self._api.name) for metric in chosen)

    def _measured(self, measure: Measure, statistic: str = "Maximum") -> cloudwatch.Metric:
        return metrics.measured(measure, self._deployment, self._api.name, statistic=statistic)

    def _percentiles(self, title: str, metric: Metric) -> Graph:
        return Graph(title, percentiles(metric, self._deployment, self._api.name), unit="ms")

    def _requests(self) -> Graph:
        shown = (Metric.SUBMITTED, Metric.COMPLETED, Metric.FAILED, Metric.CANCELLED, Metric.EXPIRED)
        return Graph("Requests", self._counts(*shown))

    def _queue(self) -> Graph:
        in_flight = self._measured(Measure.IN_FLIGHT)
        return Graph("Queue", (in_flight,), right=(self._measured(Measure.OLDEST_AGE),), right_unit="s")

    def _wait(self) -> Graph:
        return self._percentiles("Wait for the first attempt", Metric.QUEUE_WAIT)

    def _times(self) -> tuple[Graph, Graph]:
        return (
            self._percentiles("Processing", Metric.PROCESSING_TIME),
            self._percentiles("From submission to end", Metric.END_TO_END_TIME),
        )

    def _attempts(self) -> Graph:
        shown = [Metric.ATTEMPTS_FAILED, Metric.RECEIVING_PAUSED]
        if isinstance(self._api, AsyncApi):
            shown = [Metric.ATTEMPTS, *shown, Metric.LEASES_LOST]
        return Graph("Attempts", self._counts(*shown))

    def _tasks(self) -> Graph:
        shown = (Measure.TASKS_DESIRED, Measure.TASKS_RUNNING, Measure.TASKS_MISSING)
        return Graph("Tasks", tuple(map(self._measured, shown)))

    def _stops(self) -> Graph:
        shown = [
            *(Metric.TASKS_INTERRUPTED, Metric.TASKS_NOT_STARTED),
            *(Metric.TASKS_OUT_OF_MEMORY, Metric.TASKS_FAILED),
        ]
        if isinstance(self._api, AsyncApi):
            shown.append(Metric.DEPLOYMENTS_FAILED)
        return Graph("Tasks that stopped, and why", self._counts(*shown))

    def _hours(self) -> Graph:
        """Task hours of each hour, and what they are in vCPUs and GPUs: what is paid for."""
        running = metrics.measured(
            Measure.TASKS_RUNNING, self._deployment, self._api.name, statistic="Average", period=_HOUR
        )
        pod = self._api.pod
        shares = {"vCPU hours": _size(self._api).cpu_units / _CPU_UNITS}
        if pod.gpus:
            shares["GPU hours"] = pod.gpus
        used = [
            cloudwatch.MathExpression(
                expression=f"running * {share:g}",
                using_metrics={"running": running},
                period=_HOUR,
                label=label,
            )
            for label, share in {"task hours": 1, **shares}.items()
        ]
        return Graph("Paid for, an hour", tuple(used))

    def _jobs(self) -> Graph:
        return Graph("Jobs", self._counts(Metric.SUBMITTED, Metric.JOBS_STARTED, *OF_JOBS_END.values()))

    def _ends_of_jobs(self) -> Graph:
        return self._percentiles("Jobs, from submission to end", Metric.JOB_TIME)

    def _batches(self) -> Graph:
        return Graph("Batches", self._counts(Metric.BATCHES_SUCCEEDED, Metric.BATCHES_FAILED))

    def _executions(self) -> Graph:
        machine = Arns(self._stack, self._deployment).state_machine(self._api.name)
        shown = ("ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsAborted")
        return Graph("State machine", tuple(metrics.of_machine(machine, metric) for metric in shown))

    def _dead_letters(self) -> Graph:
        queue = names.dead_letter_queue(self._deployment, self._api.name)
        waiting = metrics.of_queue(queue, "ApproximateNumberOfMessagesVisible", label="to be recorded")
        return Graph("Dead letters", (*self._counts(Metric.UNDELIVERABLE, Metric.MALFORMED_MESSAGE), waiting))

    def _deliveries(self) -> Graph:
        shown = (Metric.DELIVERIES_DELIVERED, Metric.DELIVERIES_EXHAUSTED, Metric.DELIVERIES_DISABLED)
        return Graph("Webhooks", self._counts(*shown))

    def _delivery_time(self) -> Graph:
        return self._percentiles("Webhooks, from event to delivery", Metric.DELIVERY_TIME)


def add(stack: Stack, config: Config, api: AsyncApi | BatchApi) -> None:
    """The dashboard, in the API's stack."""
    panels = ApiPanels(stack, config.deployment, api)
    dashboard(
        stack,
        name=names.dashboard(config.deployment, api.name),
        text=_text(config, api),
        rows=panels.rows(),
    )


def _size(api: AsyncApi | BatchApi) -> Size:
    """What Fargate charges for; on instances, what the containers ask for of them."""
    return task_shape.size(api) or api.pod.needs


def _text(config: Config, api: AsyncApi | BatchApi) -> str:
    size = _size(api)
    return (
        f"# {api.name}\n{api.kind} of the deployment {config.deployment}. A task has "
        f"{size.cpu_units / _CPU_UNITS:g} vCPU and {size.memory_mib / _CPU_UNITS:g} GiB. Prices are not "
        "known here: multiply the hours that are paid for by those of your region and capacity. "
        f"Runbooks: {config.monitoring.runbooks}"
    )
