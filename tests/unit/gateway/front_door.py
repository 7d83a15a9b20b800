"""The gateway on in-memory stores, called with the events that API Gateway sends."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from gateway_lambda.catalogue import ApiEntry, Catalogue
from gateway_lambda.gateway import Gateway
from gateway_lambda.routes import build_app
from gateway_lambda.submit import Submitter
from gateway_lambda.uploads import Uploads
from penstock.testing import ManualClock, MemoryObjects, MemoryOutbox, MemoryQueue, MemoryRecords

RESOURCES = {1: "/healthz", 2: "/async/{api}", 3: "/async/{api}/{id}", 4: "/async/{api}/{id}/result"}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)


def event(
    method: str,
    path: str,
    *,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    query: dict[str, list[str]] | None = None,
    caller: str | None = None,
) -> dict[str, Any]:
    segments = path.strip("/").split("/")
    names = dict(zip(("api", "id"), segments[1:3], strict=False)) or None
    resource = RESOURCES[len(segments)].replace("/async", f"/{segments[0]}")
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": None,
        "queryStringParameters": None,
        "multiValueQueryStringParameters": query,
        "pathParameters": names,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "path": f"/live{path}",
            "identity": {"userArn": caller},
        },
        "body": base64.b64encode(body).decode() if body else None,
        "isBase64Encoded": bool(body),
    }


@dataclass
class FrontDoor:
    """What the tests hold in their hands."""

    clock: ManualClock = field(default_factory=ManualClock)
    records: MemoryRecords = field(default_factory=MemoryRecords)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    accepted: list[tuple[str, bool]] = field(default_factory=list)
    apis: tuple[ApiEntry, ...] = (
        ApiEntry(name="word-count", endpoint="words", retention_seconds=600, inline_result_bytes=1000,
                 forward_headers=("x-tenant",)),
        ApiEntry(name="thumbnail", endpoint="thumbnail", retention_seconds=600, inline_result_bytes=1000,
                 input_buckets=("pictures",)),
    )  # fmt: skip

    def __post_init__(self) -> None:
        self.queue = MemoryQueue(self.clock)
        self.outbox = MemoryOutbox(self.queue)
        self.build()

    def build(self) -> None:
        """Put the gateway together; called again when a test has replaced a part."""
        submitter = Submitter(
            deployment="demo",
            records=self.records,
            objects=self.objects,
            outbox=self.outbox,
            executor=ThreadPoolExecutor(2),
            clock=self.clock,
        )
        gateway = Gateway(
            catalogue=Catalogue(self.apis),
            submitter=submitter,
            uploads=Uploads(deployment="demo", records=self.records, objects=self.objects, clock=self.clock),
            records=self.records,
            objects=self.objects,
            clock=self.clock,
            on_accepted=lambda api, replayed: self.accepted.append((api.name, replayed)),
        )
        self.app = build_app(gateway)

    def send(self, event: dict[str, Any]) -> Answer:
        response = self.app(event, None)
        body = response["body"]
        decoded = base64.b64decode(body) if response.get("isBase64Encoded") else body.encode()
        return Answer(response["statusCode"], {k.lower(): v for k, v in response["headers"].items()}, decoded)

    def call(self, method: str, path: str, **parts: Any) -> Answer:
        return self.send(event(method, path, **parts))

    @property
    def only_record(self):
        (record,) = self.records.rows.values()
        return record
