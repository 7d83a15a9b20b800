"""The client library; see ``Client``."""

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
from penstock.client.retry import Timing
from penstock.client.states import Delivery, Figures, Page, RequestState, Result, Retried, Submission
from penstock.client.webhooks import Replayed, WebhookAttempt, WebhookDelivery, WebhookPage, Webhooks

__all__ = [
    "DEFAULT_TIMEOUT_SECONDS",
    "ApiProblem",
    "Chosen",
    "Client",
    "ClientError",
    "Delivery",
    "Figures",
    "InvalidInput",
    "InvalidUrl",
    "MissingCredentials",
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
]
