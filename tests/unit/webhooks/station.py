"""Announcer and deliverer on in-memory stores, with receivers that answer from a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from penstock.catalogue import ApiEntry, Catalogue
from penstock.records import ResultRef, Status
from penstock.testing import (
    ManualClock,
    MemoryDeliveries,
    MemoryEndpoints,
    MemoryHosts,
    MemoryLanes,
    MemoryObjects,
    MemorySecrets,
    MemoryTopic,
)
from penstock.tracing.ports import OFF, Tracer
from penstock.webhooks import signature
from penstock.webhooks.deliveries import Delivery  # noqa: TC001 - an annotation of a dataclass
from penstock.webhooks.guard import Admitted, Guard, Policy, Resolve
from penstock.webhooks.hosts import Lane
from penstock.webhooks.messages import Due
from penstock.webhooks.schedule import Answer, NoAnswer, Schedule
from tests.examples import NOW_MS, record
from tests.unit.webhooks.hostile import Resolver
from webhook_lambda.announce import Announcer
from webhook_lambda.deliver import Deliverer, Stores
from webhook_lambda.post import Calls, Post

BASE_URL = "https://abc.execute-api.eu-west-1.amazonaws.com/live"
CALLBACK = "https://hooks.example.com/callback"
WEBHOOK = "https://both.example.com/webhook"
SECRET = signature.new_secret()


@dataclass(frozen=True)
class Call:
    """One call, as it was made."""

    admitted: Admitted
    body: bytes
    headers: Mapping[str, str]
    at_ms: int

    @property
    def url(self) -> str:
        return f"https://{self.admitted.destination.host}{self.admitted.destination.path}"


class OwnSignature:
    """Stands for AWS's."""

    def signed(self, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
        return {**headers, "Authorization": f"signed {url} {len(body)}"}


@dataclass
class Station:
    """What the tests hold in their hands."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(NOW_MS))
    apis: tuple[ApiEntry, ...] = (
        ApiEntry(name="word-count", endpoint="words", timeout_seconds=300, max_attempts=3,
                 retention_seconds=600, inline_result_bytes=1000,
                 webhook_events=("completed", "failed"), webhook_chain=("next",)),
    )  # fmt: skip
    #: What receivers answer, in turn; the last one again and again.
    answers: list[Answer | NoAnswer] = field(default_factory=lambda: [Answer(200)])
    #: Happens while a call is made.
    meanwhile: Callable[[], None] = lambda: None
    resolve: Resolve = field(default_factory=Resolver)
    policy: Policy = field(default_factory=Policy)
    #: Makes the calls, if it is not the station that answers them.
    caller: Calls | None = None
    schedule: Schedule = field(default_factory=Schedule)
    tracer: Tracer = OFF
    calls: list[Call] = field(default_factory=list)
    ended: list[Delivery] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.objects = MemoryObjects()
        self.deliveries = MemoryDeliveries()
        self.lanes = MemoryLanes(self.clock)
        self.hosts = MemoryHosts()
        self.endpoints = MemoryEndpoints()
        self.secrets = MemorySecrets({"word-count": (SECRET,)})
        self.topic = MemoryTopic()
        self.build()

    def build(self) -> None:
        """Put it together; called again when a test has replaced a part."""
        catalogue = Catalogue(self.apis)
        self.announcer = Announcer(
            deployment="demo",
            base_url=BASE_URL,
            catalogue=catalogue,
            objects=self.objects,
            deliveries=self.deliveries,
            lanes=self.lanes,
            topic=self.topic,
            clock=self.clock,
        )
        guard = Guard(self.policy, self.resolve)
        self.deliverer = Deliverer(
            self.stores(),
            Post(
                base_url=BASE_URL,
                catalogue=catalogue,
                guard=guard,
                own_guard=Guard(Policy(), lambda _host: ["93.184.215.14"]),
                secrets=self.secrets,
                objects=self.objects,
                signer=OwnSignature(),
                calls=self.caller or self,
                clock=self.clock,
            ),
            schedule=self.schedule,
            clock=self.clock,
            random=self.chance,
            on_end=self.ended.append,
            tracer=self.tracer,
        )

    def stores(self) -> Stores:
        """What the deliverer works on."""
        return Stores(
            deliveries=self.deliveries, lanes=self.lanes, hosts=self.hosts, endpoints=self.endpoints
        )

    def chance(self) -> float:
        """What the deliverer calls random."""
        return 0.0

    def configure(self, **changes: Any) -> None:
        """Change the API's entry."""
        self.apis = (replace(self.apis[0], **changes),)
        self.build()

    def post(self, admitted: Admitted, body: bytes, headers: Mapping[str, str]) -> Answer | NoAnswer:
        """Receive, as ``Calls.post``."""
        self.calls.append(Call(admitted, body, headers, self.clock()))
        self.meanwhile()
        self.clock.advance(0.25)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def end(self, **changes: Any) -> None:
        """Announce a request that has ended."""
        self.announcer.announce(completed(**changes))

    def step(self, lane: Lane) -> bool:
        """Serve one message of a lane, if one is visible."""
        due = self.lanes.take(lane)
        if due is not None:
            self.deliverer.deliver(due, lane)
        return due is not None

    def run(self) -> None:
        """Serve all messages, each at its time, until none is left."""
        for _ in range(1000):
            while self.step(Lane.FIRST) or self.step(Lane.LATER):
                pass
            next_ms = self.lanes.next_ms()
            if next_ms is None:
                return
            self.clock.now_ms = max(self.clock.now_ms, next_ms)
        raise AssertionError("messages go round and round")

    @property
    def only(self) -> Delivery:
        (delivery,) = self.deliveries.rows.values()
        return delivery

    def send_first(self, delivery: Delivery) -> None:
        self.lanes.send(Due(key=delivery.key, round=delivery.round, attempt=1), Lane.FIRST)


def completed(**changes: Any):
    """A request that has just completed, with a callback."""
    ended = {
        "status": Status.COMPLETED,
        "attempt": 1,
        "started_ms": NOW_MS + 100,
        "finished_ms": NOW_MS + 500,
        "due_ms": None,
        "result": ResultRef(key="results/r", size_bytes=11, status_code=200, content_type="application/json"),
        "expires_at": NOW_MS // 1000 + 600,
        "callback": CALLBACK,
    }
    return record(**ended | changes)
