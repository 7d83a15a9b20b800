"""The part of the ECS agent's endpoint by which a task protects itself from being stopped."""

from __future__ import annotations

import json
import re
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Where a container finds its task's agent.
URI_VARIABLE = "ECS_AGENT_URI"

_PATH = re.compile(r"/api/([^/]+)/task-protection/v1/state")
#: What ECS takes where nothing is said, and at most.
_DEFAULT_MINUTES = 120
_MOST_MINUTES = 2880
_MOST_BYTES = 64 * 1024


class TaskProtection:
    """Which tasks are protected, and for how long; any thread may ask and tell."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: One key a time is changed, so that threads need no lock.
        self._until: dict[str, float] = {}

    def protects(self, task_id: str) -> bool:
        """Whether the task must not be stopped now."""
        return self.left_seconds(task_id) > 0

    def left_seconds(self, task_id: str) -> float:
        """How long it still is protected."""
        return max(0.0, self._until.get(task_id, 0.0) - self._clock())

    def protect(self, task_id: str, *, minutes: int) -> None:
        """Protect it from now for so long."""
        self._until[task_id] = self._clock() + 60 * minutes

    def expose(self, task_id: str) -> None:
        """End its protection."""
        self._until.pop(task_id, None)


def agent_uri(base_url: str, task_id: str) -> str:
    """The value of a task's ``ECS_AGENT_URI``."""
    return f"{base_url}/api/{task_id}"


@contextmanager
def serving(protection: TaskProtection) -> Iterator[str]:
    """Answer tasks on a free port of this machine; gives the base URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, protection)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="local-task-protection")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Refused(Exception):
    """ECS would not take the call; the text says why."""


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, protection: TaskProtection, *connection: Any) -> None:
        self._protection = protection
        super().__init__(*connection)

    def do_GET(self) -> None:
        """Tell a task's state."""
        self._answer(lambda _task_id: None)

    def do_PUT(self) -> None:
        """Change it."""
        self._answer(self._put)

    def log_message(self, *_parts: Any) -> None:
        """Say nothing: the dequeuer logs what it was told."""

    def _answer(self, act: Callable[[str], None]) -> None:
        match = _PATH.fullmatch(self.path)
        if match is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        task_id = match.group(1)
        try:
            act(task_id)
        except _Refused as refused:
            error = {"Arn": task_id, "Code": "InvalidParameterException", "Message": str(refused)}
            self._send(HTTPStatus.BAD_REQUEST, {"error": error})
            return
        left_seconds = self._protection.left_seconds(task_id)
        expires = datetime.now(UTC) + timedelta(seconds=left_seconds) if left_seconds else None
        state = {
            "ProtectionEnabled": expires is not None,
            "ExpirationDate": expires.isoformat(timespec="seconds") if expires else None,
            "TaskArn": task_id,
        }
        self._send(HTTPStatus.OK, {"protection": state})

    def _put(self, task_id: str) -> None:
        try:
            length = min(int(self.headers.get("Content-Length", "0")), _MOST_BYTES)
            wanted = json.loads(self.rfile.read(length))
            enabled, minutes = wanted["ProtectionEnabled"], wanted.get("ExpiresInMinutes", _DEFAULT_MINUTES)
        except (ValueError, KeyError, TypeError) as error:
            raise _Refused(f"the body must be a JSON map with ProtectionEnabled: {error!r}") from error
        if enabled is True and isinstance(minutes, int) and 1 <= minutes <= _MOST_MINUTES:
            self._protection.protect(task_id, minutes=minutes)
        elif enabled is False:
            self._protection.expose(task_id)
        else:
            raise _Refused(
                f"ProtectionEnabled must be true or false, ExpiresInMinutes from 1 to {_MOST_MINUTES}"
            )

    def _send(self, status: HTTPStatus, document: object) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
