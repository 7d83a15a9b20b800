"""AWS's answers from inside the process: real clients, with their signing and coding, and no network.

Calls and their bytes are counted where they would be sent, and each takes as long as a round trip of choice.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.awsrequest import AWSPreparedRequest

    Answer = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class _Body:
    """What botocore reads an answer from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_options: Any) -> list[bytes]:
        """The whole of it."""
        return [self._content]


class CannedAws:
    """Clients whose calls are answered by functions, by service and operation."""

    def __init__(self, answers: Mapping[str, Answer], *, round_trip_seconds: float = 0) -> None:
        self._answers = answers
        self._round_trip_seconds = round_trip_seconds
        self._lock = threading.Lock()
        #: Calls, and bytes of their bodies, by service and operation.
        self.calls: Counter[str] = Counter()
        self.sent_bytes: Counter[str] = Counter()
        #: What each call of an operation said, as it was before it was compressed.
        self.said: dict[str, list[Mapping[str, Any]]] = {}

    def client(self, service: str, *, connections: int = 16) -> Any:
        """A client of the service."""
        client = boto3.session.Session().client(
            service,  # type: ignore[call-overload]  # any of them
            region_name="eu-west-1",
            aws_access_key_id="bench",
            aws_secret_access_key="bench",  # noqa: S106 - nobody checks it
            config=Config(max_pool_connections=connections),
        )
        for operation in client.meta.service_model.operation_names:
            name = f"{service}.{operation}"
            client.meta.events.register(f"before-parameter-build.{name}", self._listener(name))
            client.meta.events.register(f"before-send.{name}", self._sender(name))
        return client

    def _listener(self, name: str) -> Callable[..., None]:
        def note(params: Mapping[str, Any], **_context: Any) -> None:
            with self._lock:
                self.said.setdefault(name, []).append(params)

        return note

    def _sender(self, name: str) -> Callable[..., AWSResponse]:
        def send(request: AWSPreparedRequest, **_context: Any) -> AWSResponse:
            body = request.body or b""
            content = body if isinstance(body, bytes) else str(body).encode()
            with self._lock:
                self.calls[name] += 1
                self.sent_bytes[name] += len(content)
            if self._round_trip_seconds:
                time.sleep(self._round_trip_seconds)
            answer = self._answers[name](json.loads(content)) if name in self._answers else {}
            headers = HTTPHeaders()
            headers["content-type"] = "application/x-amz-json-1.0"
            return AWSResponse(request.url, 200, headers, _Body(json.dumps(answer).encode()))

        return send
