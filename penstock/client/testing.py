"""A scripted server and a clock that nobody waits for, to test what uses the client.

Example::

    server = ScriptedServer(answer(202, {"id": "abc", "status": "in_queue"}))
    client = Client("https://penstock.test", transport=server.transport, timing=ManualTiming().timing)
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

from penstock.client.retry import Timing

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUEST_ID = "abcdefghijklmnopqrstuvwxy2"
JOB_ID = "68cf2a1b00c0ffee"
_LINK = f"/async/word-count/{REQUEST_ID}"


class ScriptedServer:
    """Gives its answers in order, raising those that are errors, and keeps what it was sent."""

    def __init__(self, *script: httpx.Response | Exception | KeyboardInterrupt) -> None:
        self._script = list(script)
        self.requests: list[httpx.Request] = []

    @property
    def transport(self) -> httpx.BaseTransport:
        """For ``Client(transport=…)``."""
        return httpx.MockTransport(self._answer)

    @property
    def exhausted(self) -> bool:
        """Whether the whole script was played."""
        return not self._script

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        assert self._script, f"nobody expected {request.method} {request.url}"
        step = self._script.pop(0)
        if isinstance(step, httpx.Response):
            return step
        raise step


class ManualTiming:
    """Time passes only in ``sleep``, and chance is always the same."""

    def __init__(self, *, chance: float = 1.0) -> None:
        self.now_seconds = 0.0
        self.sleeps_seconds: list[float] = []
        self.timing = Timing(sleep=self._sleep, clock=lambda: self.now_seconds, random=lambda: chance)

    def _sleep(self, seconds: float) -> None:
        self.sleeps_seconds.append(seconds)
        self.now_seconds += seconds


def answer(status: int, document: object, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """A JSON answer."""
    content_type = "application/json" if status < httpx.codes.BAD_REQUEST else "application/problem+json"
    return httpx.Response(
        status,
        content=json.dumps(document).encode(),
        headers={"content-type": content_type, **(headers or {})},
    )


def problem(
    status: int, code: str, headers: Mapping[str, str] | None = None, **members: str
) -> httpx.Response:
    """An RFC 9457 problem document."""
    document = {"title": f"Title of {code}", "detail": f"Detail of {code}.", **members}
    return answer(status, {**document, "status": status, "code": code}, headers)


def accepted() -> httpx.Response:
    """The answer to a submission."""
    links = {"status": _LINK, "result": f"{_LINK}/result", "cancel": _LINK}
    return answer(202, {"id": REQUEST_ID, "status": "in_queue", "links": links})


def state(status: str, **members: Any) -> httpx.Response:
    """The answer to a status request."""
    document = {
        "id": REQUEST_ID,
        "api": "word-count",
        "status": status,
        "attempt": 1,
        "created_at": "2026-10-01T12:00:00.000Z",
        "links": {"status": _LINK},
    }
    return answer(200, {**document, **members})


def completed(**members: Any) -> httpx.Response:
    """The status of a request with a small JSON result."""
    document = {
        "started_at": "2026-10-01T12:00:00.210Z",
        "finished_at": "2026-10-01T12:00:01.510Z",
        "timestamp": "2026-10-01T12:00:01.510Z",
        "queued_seconds": 0.21,
        "processing_seconds": 1.3,
        "result": {"words": 2},
        "result_content_type": "application/json",
        "result_size_bytes": 11,
        "status_code": 200,
    }
    return state(**{"status": "completed", **document, **members})


def page(*requests: httpx.Response, **members: Any) -> httpx.Response:
    """A page of a list: the status documents of these answers."""
    return answer(200, {"requests": [request.json() for request in requests], **members})


def job_accepted(**members: Any) -> httpx.Response:
    """The answer to the submission of a job."""
    document = {
        "job_id": JOB_ID,
        "api_name": "sum-batch",
        "kind": "BatchAPI",
        "status": "pending",
        "workers": 2,
        "links": {"status": f"/batch/sum-batch/{JOB_ID}"},
    }
    return answer(202, {**document, **members})


def job(status: str, **members: Any) -> httpx.Response:
    """The answer to a question about a job that has begun to run."""
    document = {
        "job_id": JOB_ID,
        "api_name": "sum-batch",
        "kind": "BatchAPI",
        "status": status,
        "workers": 2,
        "total_batch_count": None,
        "succeeded": 0,
        "failed": 0,
        "cancelled": 0,
        "worker_counts": {"pending": 2},
        "created_at": "2026-10-01T12:00:00.000Z",
        "links": {"status": f"/batch/sum-batch/{JOB_ID}"},
    }
    return answer(200, {**document, **members})


def failed_batch(batch_id: str, **members: Any) -> httpx.Response:
    """The answer to a question about a batch that failed."""
    document = {
        "batch_id": batch_id,
        "attempt": 3,
        "items": 20,
        "finished_at": "2026-10-01T12:00:09.000Z",
        "status_code": 500,
        "error": {"code": "container_error", "message": "The container answered 500."},
    }
    return answer(200, {**document, **members})
