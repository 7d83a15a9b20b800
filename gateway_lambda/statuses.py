"""How the APIs and their workers are: ``GET /apis`` and ``GET /apis/{api}``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway_lambda import replies
from penstock import api_state
from penstock.errors import Unavailable
from penstock.kinds import Kind
from penstock.moments import rfc3339
from penstock.ports import DependencyError
from penstock.workers import worker_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway_lambda.replies import Reply
    from penstock.api_state import ApiStatus
    from penstock.catalogue import ApiEntry
    from penstock.ports import Clock
    from penstock.workers import Roll, ServiceView, Worker


class Statuses:
    """Asks ECS, and says what it means."""

    def __init__(self, roll: Roll, clock: Clock) -> None:
        self._roll = roll
        self._clock = clock

    def all(self, apis: Sequence[ApiEntry]) -> Reply:
        """Every API by what its service says; of a BatchAPI, which has none, only that it is there."""
        try:
            services = self._roll.services([api.name for api in apis if api.kind is Kind.ASYNC])
        except DependencyError as error:
            raise Unavailable("The services could not be read just now. Try again.") from error
        told = [
            _document(api, api_state.outline(services.get(api.name)), services.get(api.name)) for api in apis
        ]
        return replies.document({"apis": told})

    def one(self, api: ApiEntry) -> Reply:
        """One API with its workers: those that run, and those that stopped within about an hour."""
        try:
            service = self._roll.services([api.name]).get(api.name) if api.kind is Kind.ASYNC else None
            tasks = self._roll.tasks(api.name)
        except DependencyError as error:
            raise Unavailable("The workers could not be read just now. Try again.") from error
        now_ms = self._clock()
        workers = [worker_of(task, now_ms=now_ms) for task in tasks]
        status = api_state.status_of(service, workers, now_ms=now_ms)
        newest = sorted(workers, key=lambda worker: worker.since_ms or 0, reverse=True)
        return replies.document(
            {**_document(api, status, service), "workers": [_worker(worker) for worker in newest]}
        )


def _document(api: ApiEntry, status: ApiStatus, service: ServiceView | None) -> dict[str, Any]:
    content: dict[str, Any] = {
        "api": api.name,
        "kind": api.kind.value,
        "endpoint": api.endpoint,
        "state": status.state.value,
    }
    if status.problem:
        content["problem"] = status.problem
    if service is not None:
        content |= {
            "workers_desired": service.desired,
            "workers_running": service.running,
            "workers_pending": service.pending,
            "updating": service.updating,
        }
    return content


def _worker(worker: Worker) -> dict[str, Any]:
    content: dict[str, Any] = {"id": worker.id, "state": worker.state.value}
    if worker.since_ms is not None:
        content["since"] = rfc3339(worker.since_ms)
    if worker.reason:
        content["reason"] = worker.reason
    return content
