"""The client library; see ``Client``."""

from penstock.batch.spec import OnBadItem
from penstock.client.api_states import ApiStatus, WorkerStatus
from penstock.client.batch import Batch
from penstock.client.client import DEFAULT_TIMEOUT_SECONDS, Client
from penstock.client.dead_letters import Chosen, PassedOver, Purged, Redriven
from penstock.client.errors import (
    ApiProblem,
    ClientError,
    InvalidInput,
    InvalidUrl,
    MissingCredentials,
    ServerUnreachable,
    UnexpectedAnswer,
    WaitTimeout,
)
from penstock.client.job_requests import DelimitedFiles, FilePathLister, ItemList, JobRequest
from penstock.client.job_states import DryRun, FailedBatch, JobHook, JobPage, JobState, JobSubmission
from penstock.client.retry import Timing
from penstock.client.states import Delivery, Figures, Page, RequestState, Result, Retried, Submission
from penstock.client.webhooks import Replayed, WebhookAttempt, WebhookDelivery, WebhookPage, Webhooks

__all__ = [
    "DEFAULT_TIMEOUT_SECONDS",
    "ApiProblem",
    "ApiStatus",
    "Batch",
    "Chosen",
    "Client",
    "ClientError",
    "DelimitedFiles",
    "Delivery",
    "DryRun",
    "FailedBatch",
    "Figures",
    "FilePathLister",
    "InvalidInput",
    "InvalidUrl",
    "ItemList",
    "JobHook",
    "JobPage",
    "JobRequest",
    "JobState",
    "JobSubmission",
    "MissingCredentials",
    "OnBadItem",
    "Page",
    "PassedOver",
    "Purged",
    "Redriven",
    "Replayed",
    "RequestState",
    "Result",
    "Retried",
    "ServerUnreachable",
    "Submission",
    "Timing",
    "UnexpectedAnswer",
    "WaitTimeout",
    "WebhookAttempt",
    "WebhookDelivery",
    "WebhookPage",
    "Webhooks",
    "WorkerStatus",
]
