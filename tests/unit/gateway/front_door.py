"""The gateway on in-memory stores, called with the events that API Gateway sends."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import unquote

from gateway_lambda.batch import Batch
from gateway_lambda.batch_dry_run import DryRun
from gateway_lambda.batch_intake import Intake
from gateway_lambda.batch_jobs import SingleJobs
from gateway_lambda.batch_probe import Probe
from gateway_lambda.batch_progress import ProgressReader
from gateway_lambda.bulk import Bulk
from gateway_lambda.figures import FigureSources
from gateway_lambda.functions import Functions
from gateway_lambda.gateway import Gateway
from gateway_lambda.listing import Listing
from gateway_lambda.overview import Overview
from gateway_lambda.recovery import Recovery
from gateway_lambda.requests import Requests
from gateway_lambda.retry import Retrier
from gateway_lambda.routes import build_app
from gateway_lambda.statuses import Statuses
from gateway_lambda.submit import Submitter
from gateway_lambda.uploads import Uploads
from gateway_lambda.waiting import PATIENCE_SECONDS, Waiter
from gateway_lambda.webhooks import Webhooks
from penstock.batch.jobs import JobKey
from penstock.catalogue import ApiEntry, Catalogue
from penstock.deployed import Remembered
from penstock.kinds import Kind
from penstock.records import RequestKey
from penstock.testing import (
    ManualClock,
    MemoryCopies,
    MemoryDeliveries,
    MemoryDeployedApis,
    MemoryDirectory,
    MemoryEndpoints,
    MemoryExecutions,
    MemoryInputListing,
    MemoryJobParts,
    MemoryJobs,
    MemoryLanes,
    MemoryObjects,
    MemoryOutbox,
    MemoryQueue,
    MemoryQueues,
    MemoryRanges,
    MemoryRecords,
    MemoryRoll,
    MemorySlots,
    MemoryWorkerJobs,
    MemoryWorkers,
)
from penstock.webhooks.guard import Guard, NotResolved, Policy, Resolve

RESOURCES = {1: "/healthz", 2: "/async/{api}", 3: "/async/{api}/{id}", 4: "/async/{api}/{id}/{last}"}
FUNCTION_ROOTS = ("function", "async-function")

#: Last parts of paths below webhooks that are no ids.
WEBHOOK_ACTIONS = {"replay", "test"}


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
    authorizer: dict[str, str] | None = None,
    received_ms: int | None = None,
) -> dict[str, Any]:
    resource, names = _routed(path)
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
            "authorizer": authorizer,
            "requestTimeEpoch": received_ms,
        },
        "body": base64.b64encode(body).decode() if body else None,
        "isBase64Encoded": bool(body),
    }


def one_name(host: str) -> Sequence[str]:
    """Resolve the only name there is."""
    if host != "hooks.example.com":
        raise NotResolved("no such name")
    return ["93.184.215.14"]


def _routed(path: str) -> tuple[str, dict[str, str] | None]:
    """Which resource API Gateway finds for a path, and the variables in it."""
    root, *rest = [segment for segment in path.split("/") if segment]
    if root in FUNCTION_ROOTS:
        api, *tail = rest
        # Variables come without their escapes.
        names = {"api": unquote(api)} | ({"proxy": unquote("/".join(tail))} if tail else {})
        return f"/{root}/{{api}}" + ("/{proxy+}" if tail else ""), names
    if root == "batch" and len(rest) > 2:
        resource = "/".join(["/batch/{api}/{id}", rest[2], *(["{batch}"] if len(rest) > 3 else [])])
        return resource, dict(zip(("api", "id", "", "batch"), rest, strict=False))
    if root == "apis" and not rest:
        return "/apis", None
    resource = RESOURCES[1 + len(rest)].replace("/async", f"/{root}")
    if rest:
        resource = resource.replace("{last}", rest[-1])
    if rest and rest[-1] in {"redrive", "purge"}:
        return f"/{root}/{{api}}/{rest[-1]}", {"api": rest[0]}
    if root == "webhooks" and rest[-1] in WEBHOOK_ACTIONS:
        resource = f"{resource.rpartition('/')[0]}/{rest[-1]}"
    return resource, dict(zip(("api", "id"), rest, strict=False)) or None


@dataclass
class FrontDoor:
    """What the tests hold in their hands."""

    clock: ManualClock = field(default_factory=ManualClock)
    records: MemoryRecords = field(default_factory=MemoryRecords)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    slots: MemorySlots = field(default_factory=MemorySlots)
    workers: MemoryWorkers = field(default_factory=MemoryWorkers)
    roll: MemoryRoll = field(default_factory=MemoryRoll)
    deliveries: MemoryDeliveries = field(default_factory=MemoryDeliveries)
    endpoints: MemoryEndpoints = field(default_factory=MemoryEndpoints)
    jobs: MemoryJobs = field(default_factory=MemoryJobs)
    parts: MemoryJobParts = field(default_factory=MemoryJobParts)
    executions: MemoryExecutions = field(default_factory=MemoryExecutions)
    policy: Policy = field(default_factory=Policy)
    stacks: MemoryDeployedApis = field(default_factory=MemoryDeployedApis)
    resolve: Resolve = field(default_factory=lambda: one_name)
    accepted: list[tuple[str, bool]] = field(default_factory=list)
    #: Pauses of callers who wait; what happens meanwhile is up to ``meanwhile``.
    pauses_seconds: list[float] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None
    slot_count: int = 3
    patience_seconds: float = PATIENCE_SECONDS
    apis: tuple[ApiEntry, ...] = (
        ApiEntry(name="word-count", endpoint="words", timeout_seconds=300, max_attempts=3,
                 retention_seconds=600, inline_result_bytes=1000,
                 forward_headers=("x-tenant",),
                 webhook_url="https://hooks.example.com/all", webhook_events=("completed", "failed"),
                 webhook_chain=("thumbnail",)),
        ApiEntry(name="thumbnail", endpoint="thumbnail", timeout_seconds=300, max_attempts=3,
                 retention_seconds=600, inline_result_bytes=1000,
                 input_buckets=("pictures",)),
        ApiEntry(name="sum-batch", endpoint="sums", kind=Kind.BATCH, timeout_seconds=300, max_attempts=3,
                 retention_seconds=3600, inline_result_bytes=0, input_buckets=("lists", "more-lists"),
                 webhook_chain=("thumbnail",),
                 dead_letter_queues=("arn:aws:sqs:eu-central-1:111122223333:lost.fifo",)),
        # A name and an endpoint that others begin with.
        ApiEntry(name="sum", endpoint="sum", kind=Kind.BATCH, timeout_seconds=300, max_attempts=3,
                 retention_seconds=3600, inline_result_bytes=0),
    )  # fmt: skip

    def __post_init__(self) -> None:
        self._choices = count()
        self.queue = MemoryQueue(self.clock)
        self.outbox = MemoryOutbox(self.queue)
        self.queues = MemoryQueues(self.queue)
        self.lanes = MemoryLanes(self.clock)
        self.directory = MemoryDirectory(self.records)
        self.copies = MemoryCopies(self.objects)
        self.input_listing = MemoryInputListing(self.objects)
        self.build()

    def build(self) -> None:
        """Put the gateway together; called again when a test has replaced a part."""
        executor = ThreadPoolExecutor(4)
        submitter = Submitter(
            deployment="demo",
            records=self.records,
            objects=self.objects,
            outbox=self.outbox,
            executor=executor,
            clock=self.clock,
        )
        requests, listing = (
            Requests(self.records, self.clock),
            Listing(self.directory, self.clock, key=RequestKey),
        )
        catalogue = Catalogue(self.apis, departed=Remembered(self.stacks, clock=self.clock).entries)
        guard = Guard(self.policy, self.resolve)
        webhooks = Webhooks(
            deployment="demo",
            records=self.records,
            jobs=self.jobs,
            deliveries=self.deliveries,
            endpoints=self.endpoints,
            lanes=self.lanes,
            guard=guard,
            clock=self.clock,
        )
        gateway = Gateway(
            catalogue=catalogue,
            submitter=submitter,
            uploads=Uploads(deployment="demo", records=self.records, objects=self.objects, clock=self.clock),
            requests=requests,
            objects=self.objects,
            waiter=Waiter(
                records=self.records,
                slots=self.slots,
                slot_count=self.slot_count,
                executor=executor,
                clock=self.clock,
                sleep=self._sleep,
                choose=lambda count: next(self._choices) % count,
                patience_seconds=self.patience_seconds,
            ),
            overview=Overview(
                listing,
                FigureSources(
                    directory=self.directory,
                    queues=self.queues,
                    workers=self.workers,
                    executor=executor,
                    clock=self.clock,
                ),
            ),
            recovery=Recovery(
                requests=requests,
                listing=listing,
                directory=self.directory,
                bulk=Bulk(directory=self.directory, listing=listing, executor=executor, clock=self.clock),
                retrier=Retrier(
                    deployment="demo",
                    records=self.records,
                    objects=self.objects,
                    copies=self.copies,
                    submitter=submitter,
                    clock=self.clock,
                ),
                records=self.records,
                objects=self.objects,
                clock=self.clock,
                on_accepted=self._count,
            ),
            functions=Functions(
                catalogue=catalogue,
                submitter=submitter,
                directory=self.directory,
                guard=guard,
                clock=self.clock,
            ),
            webhooks=webhooks,
            batch=self._batch(webhooks, executor),
            statuses=Statuses(self.roll, self.clock),
            on_accepted=self._count,
        )
        self.app = build_app(gateway)

    def _batch(self, webhooks: Webhooks, executor: ThreadPoolExecutor) -> Batch:
        intake = Intake(
            jobs=self.jobs,
            objects=self.objects,
            executions=self.executions,
            executor=executor,
            clock_ns=lambda: self.clock() * 1_000_000,
        )
        probe = Probe(listing=self.input_listing, executor=executor, clock=self.clock)
        return Batch(
            deployment="demo",
            intake=intake,
            probe=probe,
            dry_run=DryRun(
                probe=probe, ranges=MemoryRanges(self.objects, own_bucket="own"), clock=self.clock
            ),
            single=SingleJobs(
                deployment="demo", jobs=self.jobs, objects=self.objects, intake=intake, clock=self.clock
            ),
            progress=ProgressReader(
                parts=self.parts, objects=self.objects, executor=executor, clock=self.clock
            ),
            listing=Listing(self.jobs, self.clock, key=JobKey),
            parts=self.parts,
            objects=self.objects,
            webhooks=webhooks,
            logs_url=lambda api: f"https://console.invalid/{api}",
            on_accepted=self._count,
        )

    def _count(self, api: ApiEntry, replayed: bool) -> None:  # noqa: FBT001 - the gateway's callback
        self.accepted.append((api.name, replayed))

    def _sleep(self, seconds: float) -> None:
        self.pauses_seconds.append(seconds)
        self.clock.advance(seconds)
        self.meanwhile()

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

    @property
    def workers_of_jobs(self) -> MemoryWorkerJobs:
        return MemoryWorkerJobs(self.jobs, self.parts)

    @property
    def only_job(self):
        (record,) = self.jobs.rows.values()
        return record
