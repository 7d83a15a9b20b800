"""One simulated world with one job: its stores, its queue, and the rules that must hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock import keys
from penstock.batch import objects
from penstock.batch.job_ids import job_id
from penstock.batch.jobs import JobKey, JobRecord, JobStatus
from penstock.batch.spec import JobSpec, Source, SourceKind
from penstock.catalogue import ApiEntry
from penstock.kinds import Kind
from penstock.testing import MemoryDeadLetterQueues, MemoryJobParts, MemoryJobs, MemoryObjects, MemoryTimers
from tests.simulation.ground import BEGINNING_MS, MOST_RECEIVES, Ground
from tests.simulation.job_rules import JobRules
from tests.simulation.watched import Watched

if TYPE_CHECKING:
    from random import Random

    from tests.simulation.loop import VirtualLoop
    from tests.simulation.queue import UnrulyQueue

API = ApiEntry(
    name="sum",
    kind=Kind.BATCH,
    endpoint="sum",
    timeout_seconds=30,
    max_attempts=3,
    retention_seconds=600,
    inline_result_bytes=0,
)
KEY = JobKey(api=API.name, id=job_id(BEGINNING_MS * 1_000_000))
BUCKET = "own"
_BROKEN_RATE = 0.04
_STRAY_RATE = 0.1
#: Some jobs are over soon.
_FIRST_FAULT_WITHIN_CALLS = 5
DEAD_LETTER_ARN = "arn:aws:sqs:eu-west-1:111122223333:failed.fifo"


@dataclass(frozen=True, slots=True)
class Order:
    """What was submitted."""

    items: int
    batch_size: int
    workers: int
    results: bool
    max_attempts: int
    deadline_seconds: int | None
    reported: bool
    #: Whether no task of the API can start.
    image_broken: bool

    @classmethod
    def of(cls, rng: Random) -> Order:
        """Any job."""
        return cls(
            items=rng.randint(1, 40),
            batch_size=rng.choice((1, 2, 5)),
            workers=rng.randint(1, 3),
            results=rng.random() < 1 / 2,
            max_attempts=rng.choice((1, 2, 3)),
            # Some have too little time, which is an end as good as any.
            deadline_seconds=rng.choice((None, None, 40, 300)),
            reported=rng.random() < 1 / 3,
            image_broken=rng.random() < _BROKEN_RATE,
        )


class JobWorld(Ground):
    """A job that has just been accepted."""

    def __init__(
        self, seed: int, loop: VirtualLoop, *, jobs: MemoryJobs, parts: MemoryJobParts, tracing: bool
    ) -> None:
        super().__init__(seed, loop, tracing=tracing, first_fault_within=_FIRST_FAULT_WITHIN_CALLS)
        self.order = Order.of(self.rng)
        self.jobs, self.parts, self.objects = jobs, parts, MemoryObjects()
        self.timers = MemoryTimers()
        self.reported = MemoryDeadLetterQueues(DEAD_LETTER_ARN)
        #: The job's queue by URL, while it is there.
        self.queues: dict[str, UnrulyQueue] = {}
        self._most_receives = self.rng.choice(MOST_RECEIVES)
        self._submit()
        self._hold_to_the_rules()

    @property
    def job(self) -> JobRecord:
        """Its record."""
        return self.jobs.rows[KEY]

    def new_job_queue(self) -> UnrulyQueue:
        """With the API's dead-letter queue behind it."""
        queue = self.new_queue("queue")
        queue.dead_letters, queue.most_receives = self.dead_letters, self._most_receives
        if self.rng.random() < _STRAY_RATE:
            # Somebody else's, in a queue of ours.
            queue.put("no message of ours", group="stray", deduplication_id="stray")
        return queue

    def _submit(self) -> None:
        order = self.order
        source = Source(kind=SourceKind.ITEM_LIST, batch_size=order.batch_size, items=order.items)
        spec = JobSpec(workers=order.workers, source=source, results=order.results)
        lines = "".join(f"{item}\n" for item in range(order.items))
        for name, text in ((objects.SPEC, spec.to_json()), (objects.ITEMS, lines)):
            self.objects.bodies[keys.job_object(KEY, name)] = text.encode()
        deadline = order.deadline_seconds
        self.jobs.rows[KEY] = JobRecord(
            api=KEY.api,
            id=KEY.id,
            status=JobStatus.PENDING,
            workers=order.workers,
            caller="anonymous",
            fingerprint="f",
            created_ms=BEGINNING_MS,
            max_attempts=order.max_attempts,
            results=order.results,
            deadline_ms=None if deadline is None else BEGINNING_MS + deadline * 1000,
            dead_letter_arn=DEAD_LETTER_ARN if order.reported else None,
            expires_at=BEGINNING_MS // 1000 + 86_400,
        )

    def _hold_to_the_rules(self) -> None:
        self.rules = JobRules(
            KEY, range(self.order.items), self.order.max_attempts, self.parts, self.objects.bodies
        )
        rows: Watched[JobKey, JobRecord] = Watched()
        ended: Watched[str, Any] = Watched()
        rows.on_change, ended.on_change = self.rules.moved, self.rules.batch_ended
        rows.update(self.jobs.rows)
        # The stand-ins only ever use what a dictionary and these have in common.
        self.jobs.rows = rows  # type: ignore[assignment]
        self.parts.batches[KEY] = ended  # type: ignore[assignment]
