"""One run: a stack is brought up, requests go through it, and its parts are killed meanwhile."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from localstack.backoff import Backoff
from localstack.emulator import Emulator
from localstack.errors import Interrupted
from localstack.up import running
from penstock import names
from penstock.aws import emulator, items
from penstock.client import Client
from tests.chaos.callers import Callers
from tests.chaos.chronicle import Chronicle
from tests.chaos.faults import Storm
from tests.chaos.observer import Observer
from tests.chaos.orders import APIS, orders
from tests.chaos.report import Report
from tests.chaos.verdict import Facts, judge

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from localstack.options import Options
    from localstack.up import LocalStack
    from penstock.records import RequestRecord
    from tests.chaos.orders import Order

CONFIG = Path(__file__).with_name("penstock.yaml")
LOOK_EVERY_SECONDS = 1.0
TELL_EVERY_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is done in a run."""

    requests: int = 1000
    seed: int = 1
    #: How fast callers send, unless the gateway is slower.
    per_second: float = 8
    #: Shares of the requests: when as many have been accepted, the emulator is restarted.
    restarts: tuple[float, ...] = (0.4,)
    #: Tasks of each API.
    tasks: int = 3
    #: Share of the requests: when as many have ended, no more workers are killed.
    calm_after: float = 0.95
    #: After this what has not ended counts as lost.
    limit_seconds: float = 900


def run(plan: Plan, options: Options) -> Report:
    """Bring a stack up, run the plan on it, and judge. Raises LocalError; Interrupted on Ctrl-C."""
    started = time.monotonic()
    wanted = orders(plan.requests, seed=plan.seed)
    # A dequeuer that is told to stop gives long work back after a second, instead of 100.
    stack = replace(
        options,
        fresh=True,
        tell=lambda _line: None,  # the agent has something to say at each death
        dequeuer_environment={"PENSTOCK_DRAIN_SECONDS": "1"},
        backoff=Backoff(healthy_after_seconds=2.0),
    )
    options.tell("Bringing a stack up")
    with running(CONFIG, stack) as local, Client(local.url) as client:
        facts = Run(plan, local, client, options).facts(wanted)
    return Report(plan.requests, plan.seed, time.monotonic() - started, judge(facts))


class Run:
    """One run on a stack that is up."""

    def __init__(self, plan: Plan, local: LocalStack, client: Client, options: Options) -> None:
        self._plan = plan
        self._local = local
        self._options = options
        self._table = names.table(local.deployment)
        self._deadline = time.monotonic() + plan.limit_seconds
        self._tell_at = time.monotonic() + TELL_EVERY_SECONDS
        self._over = threading.Event()
        self._calm = threading.Event()
        self._chronicle = Chronicle()
        self._callers = Callers(client, self._over)
        #: What runs beside the loop that watches: callers, and faults.
        self._beside: list[Future[None]] = []
        self._ecs = self._aws("ecs")
        self._observer = Observer(self._aws("dynamodbstreams"), table=self._table, chronicle=self._chronicle)
        self._restarts_left = list(plan.restarts)
        self._away_seconds: list[float] = []

    def facts(self, wanted: Sequence[Order]) -> Facts:
        """Send, disturb, wait for the end, and gather what came of it."""
        storm = Storm(self._local, self._ecs, random.Random(self._plan.seed))
        self._scale()
        with self._observer, ThreadPoolExecutor(2) as threads, ExitStack() as cleanup:
            cleanup.callback(self._over.set)
            cleanup.callback(self._calm.set)
            self._beside.append(
                threads.submit(self._callers.send_all, wanted, per_second=self._plan.per_second)
            )
            self._beside.append(threads.submit(storm.rage, self._calm))
            self._until_ended(len(wanted))
            self._calm.set()
            self._over.set()
            wait(self._beside)
            self._check()
            self._options.tell("Asking for the results")
            outcomes = self._callers.ask_all(self._callers.accepted)
            self._observer.catch_up(within_seconds=60)
        for record in self._records():
            self._chronicle.found(record)
        return Facts(
            orders=wanted,
            accepted=self._callers.accepted,
            split=frozenset(self._callers.split),
            outcomes=outcomes,
            lives=self._chronicle.lives,
            kills=storm.kills,
            rollouts=storm.rollouts,
            away_seconds=self._away_seconds,
            repeated=self._callers.repeated,
            dead_letters=self._dead_letters(),
        )

    def _until_ended(self, count: int) -> None:
        """Watch until so many requests have ended, or time is up."""
        ended = 0
        while ended < count and time.monotonic() < self._deadline:
            if self._options.interrupt.wait(LOOK_EVERY_SECONDS):
                raise Interrupted("stopped before all requests had ended")
            self._check()
            ended = len(self._chronicle.ended)
            if time.monotonic() >= self._tell_at:
                self._tell_at = time.monotonic() + TELL_EVERY_SECONDS
                # With the emulator, the stream may have lost ends that nobody will hear of any more.
                ended = sum(record.status.terminal for record in self._records())
                self._options.tell(f"{len(self._callers.accepted)} of {count} accepted, {ended} ended")
            if self._restarts_left and len(self._callers.accepted) >= self._restarts_left[0] * count:
                self._restart()
            if ended >= self._plan.calm_after * count:
                self._calm.set()

    def _check(self) -> None:
        """Raise what has ended a part of the run before its time."""
        self._local.check()
        self._observer.check()
        for thread in self._beside:
            if thread.done():
                thread.result()

    def _restart(self) -> None:
        del self._restarts_left[0]
        self._options.tell("Restarting the emulator")
        # What the stream holds ends with it.
        self._observer.catch_up(within_seconds=60)
        started = time.monotonic()
        assert isinstance(self._local.emulator, Emulator), "only the embedded one can be restarted"
        self._local.emulator.restart(interrupt=self._options.interrupt)
        self._away_seconds.append(time.monotonic() - started)
        self._observer.begin_again()

    def _scale(self) -> None:
        cluster = names.cluster(self._local.deployment)
        for api in APIS:
            self._ecs.update_service(
                cluster=cluster, service=names.service(api), desiredCount=self._plan.tasks
            )

    def _records(self) -> Iterator[RequestRecord]:
        pages = self._aws("dynamodb").get_paginator("scan").paginate(TableName=self._table)
        for item in (item for page in pages for item in page["Items"]):
            if item["pk"]["S"].startswith("REQ#"):
                yield items.decode(item)

    def _dead_letters(self) -> int:
        sqs, name = self._aws("sqs"), "ApproximateNumberOfMessages"
        count = 0
        for api in APIS:
            queue = names.dead_letter_queue(self._local.deployment, api)
            url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
            count += int(attributes[name])
        return count

    def _aws(self, service: str) -> Any:
        session: Any = emulator.session()
        return session.client(service, endpoint_url=self._local.aws_endpoint_url, config=Config(proxies={}))
