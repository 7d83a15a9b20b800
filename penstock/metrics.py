"""The metrics that Penstock makes: what emitters write, and what dashboards and alarms name.

All have the same two dimensions, so that two deployments in an account stay apart, and the number of
metrics, which AWS charges for, grows with the APIs only. What scaling publishes has a namespace of its
own, see ``penstock.scaling.ports``.
"""

from __future__ import annotations

from enum import StrEnum

from penstock.batch.jobs import TERMINAL, JobStatus
from penstock.records import Status
from penstock.scaling.ports import API, DEPLOYMENT

NAMESPACE = "Penstock"
DIMENSIONS = (DEPLOYMENT, API)


class Unit(StrEnum):
    """CloudWatch's name of a unit."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"


class Metric(StrEnum):
    """One metric of an API."""

    #: Requests or jobs that got their 202, and submissions that were answered for one that was there.
    SUBMITTED = "Submitted"
    REPLAYED = "Replayed"
    #: Requests by their end.
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELLED = "Cancelled"
    EXPIRED = "Expired"
    #: Of a request that completed or failed: its attempts, the run of the last one, and all of its life.
    ATTEMPTS = "Attempts"
    PROCESSING_TIME = "ProcessingTime"
    END_TO_END_TIME = "EndToEndTime"
    #: From the submission to the start of the first attempt.
    QUEUE_WAIT = "QueueWait"
    #: Attempts that failed and are followed by another, and such that were taken away.
    ATTEMPTS_FAILED = "AttemptsFailed"
    LEASES_LOST = "LeasesLost"
    #: Workers that stopped receiving because a store failed, and for how long.
    RECEIVING_PAUSED = "ReceivingPaused"
    OUTAGE = "Outage"
    #: Jobs that began, and by their end.
    JOBS_STARTED = "JobsStarted"
    JOBS_SUCCEEDED = "JobsSucceeded"
    JOBS_COMPLETED_WITH_FAILURES = "JobsCompletedWithFailures"
    JOBS_ENQUEUE_FAILED = "JobsEnqueueFailed"
    JOBS_WORKER_ERROR = "JobsWorkerError"
    JOBS_WORKER_OOM = "JobsWorkerOom"
    JOBS_TIMED_OUT = "JobsTimedOut"
    JOBS_STOPPED = "JobsStopped"
    JOB_TIME = "JobTime"
    #: Batches, as they end.
    BATCHES_SUCCEEDED = "BatchesSucceeded"
    BATCHES_FAILED = "BatchesFailed"
    #: Webhooks that were delivered, and that never will be; and from the event to the receiver's 2xx.
    DELIVERIES_DELIVERED = "DeliveriesDelivered"
    DELIVERIES_EXHAUSTED = "DeliveriesExhausted"
    DELIVERIES_DISABLED = "DeliveriesDisabled"
    DELIVERY_TIME = "DeliveryTime"
    #: Messages that Penstock did not write, and such that SQS gave up on.
    MALFORMED_MESSAGE = "MalformedMessage"
    UNDELIVERABLE = "Undeliverable"
    #: Requests that a sweep could not look at.
    SWEEP_FAULTS = "SweepFaults"
    #: Tasks by why they stopped, and deployments that ECS gave up.
    TASKS_INTERRUPTED = "TasksInterrupted"
    TASKS_NOT_STARTED = "TasksNotStarted"
    TASKS_OUT_OF_MEMORY = "TasksOutOfMemory"
    TASKS_FAILED = "TasksFailed"
    DEPLOYMENTS_FAILED = "DeploymentsFailed"

    @property
    def unit(self) -> Unit:
        """What its values count."""
        return Unit.MILLISECONDS if self in _TIMES else Unit.COUNT


_TIMES = frozenset(
    {
        Metric.PROCESSING_TIME,
        Metric.END_TO_END_TIME,
        Metric.QUEUE_WAIT,
        Metric.OUTAGE,
        Metric.JOB_TIME,
        Metric.DELIVERY_TIME,
    }
)

#: The count of each end.
OF_END = {
    Status.COMPLETED: Metric.COMPLETED,
    Status.FAILED: Metric.FAILED,
    Status.CANCELLED: Metric.CANCELLED,
    Status.EXPIRED: Metric.EXPIRED,
}
OF_JOBS_END = {
    status: Metric(f"Jobs{status.replace('_', ' ').title().replace(' ', '')}")
    for status in JobStatus
    if status in TERMINAL
}
