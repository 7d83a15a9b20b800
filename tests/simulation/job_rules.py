"""What must hold of a job, whatever happens; the oracle is what the container saw, not our counters."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from penstock import keys
from penstock.batch import objects
from penstock.batch.commits import PartKind
from penstock.batch.jobs import JobStatus
from penstock.batch.tallies import total
from tests.simulation.rules import Broken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from penstock.batch.commits import FinishedBatch
    from penstock.batch.jobs import JobKey, JobRecord
    from penstock.testing import MemoryJobParts

_REGULAR = frozenset({JobStatus.SUCCEEDED, JobStatus.COMPLETED_WITH_FAILURES})
_ON_THE_WAY = (
    JobStatus.PENDING,
    JobStatus.ENQUEUING,
    JobStatus.RUNNING,
    JobStatus.COMPLETING,
    JobStatus.STOPPING,
)


@dataclass
class JobRules:
    """Checks each write, each call of the container, and what is there in the end."""

    key: JobKey
    #: All items of the job, in order.
    items: Sequence[int]
    max_attempts: int
    parts: MemoryJobParts
    bodies: Mapping[str, bytes]
    #: What each batch held when the container saw it first.
    seen: dict[str, list[int]] = field(default_factory=dict)
    #: Calls to ``/on-job-complete`` that reached the container.
    hook_calls: int = 0

    def moved(self, _key: JobKey, old: JobRecord | None, new: JobRecord | None) -> None:
        """Look at one change of the job's record."""
        assert new is not None
        if old is None or new == old:
            return
        if old.status.terminal:
            raise Broken(f"a job that had ended was written again:\n  {old}\n  {new}")
        if old.total is not None and new.total != old.total:
            raise Broken(f"J3: the sealed total changed from {old.total} to {new.total}")
        if not new.status.terminal:
            if _ON_THE_WAY.index(new.status) <= _ON_THE_WAY.index(old.status):
                raise Broken(f"a job went back from {old.status} to {new.status}")
            return
        self._ended(old, new)

    def _ended(self, old: JobRecord, new: JobRecord) -> None:
        ended = self.parts.batches[self.key]
        counted = (new.succeeded or 0) + (new.failed or 0)
        if counted > len(ended):
            raise Broken(f"J11: {counted} batches are counted, and {len(ended)} have ended")
        if new.total is not None and counted + (new.cancelled or 0) != new.total:
            raise Broken(f"J11: counts do not add up to {new.total}: {new}")
        if new.status not in _REGULAR:
            if old.status is not JobStatus.STOPPING or new.status is not old.ending:
                raise Broken(f"J11: a job that was to be {old.ending} became {new.status}")
            return
        failed = sum(end.failure is not None for end, _ in ended.values())
        if (new.total, new.failed, new.cancelled) != (len(ended), failed, 0):
            raise Broken(f"J5: {len(ended)} batches have ended, {failed} of them failed: {new}")
        if (new.status is JobStatus.SUCCEEDED) != (failed == 0):
            raise Broken(f"{new.status} with {failed} batches that failed")
        if new.hook is None or (new.hook.failure is None and not self.hook_calls):
            raise Broken(f"J6: the job ended before its hook was called: {new}")

    def batch_ended(
        self, name: str, old: tuple[FinishedBatch, str] | None, new: tuple[FinishedBatch, str] | None
    ) -> None:
        """Look at one batch's end."""
        if old is not None and new != old:
            raise Broken(f"J1: the end of batch {name} changed:\n  {old}\n  {new}")
        assert new is not None
        end, _ = new
        if end.attempt > self.max_attempts:
            raise Broken(f"batch {name} ended with attempt {end.attempt} of {self.max_attempts}")
        if end.failure is not None:
            self._kept(end)
        elif name not in self.seen:
            raise Broken(f"batch {name} succeeded, and its container never saw it")

    def _kept(self, end: FinishedBatch) -> None:
        """J7: what failed can be run again from its body."""
        body = self.bodies.get(end.body_key or "")
        if body is None:
            raise Broken(f"J7: batch {end.id} failed, and its body is not kept")
        self.body_of(end.id, json.loads(body))

    def body_of(self, name: str, items: list[int]) -> None:
        """A batch is always the same, whoever has it (J3)."""
        if self.seen.setdefault(name, items) != items:
            raise Broken(f"J3: batch {name} held {self.seen[name]}, and now {items}")

    def container_called(self, name: str, items: list[int], attempt: int) -> None:
        """Invariant 4: no attempt beyond the limit reaches the container."""
        self.body_of(name, items)
        if attempt > self.max_attempts:
            raise Broken(f"attempt {attempt} of {self.max_attempts} of batch {name}")

    def at_rest(self, job: JobRecord) -> None:
        """What must be true of the whole run once nothing moves any more."""
        if not job.status.terminal:
            raise Broken(f"the job never ended: {job}")
        ended = {name: end for name, (end, _) in self.parts.batches[self.key].items()}
        tally = total(self.parts.tallies(self.key))
        failed = sum(end.failure is not None for end in ended.values())
        if (tally.succeeded, tally.failed) != (len(ended) - failed, failed):
            raise Broken(f"J2: counters say {tally}, and {len(ended)} ended, {failed} of them failed")
        if sum(tally.times.values()) != len(ended):
            raise Broken(f"J2: the histogram does not add up: {tally}")
        if job.status in _REGULAR:
            self._complete(job, ended)

    def _complete(self, job: JobRecord, ended: Mapping[str, FinishedBatch]) -> None:
        ordered = sorted(ended, key=lambda name: [int(part) for part in name.split("-")])
        found = [item for name in ordered for item in self.seen[name]]
        if found != list(self.items):
            raise Broken(f"J3: the batches hold {found}, and not what was submitted")
        if not job.results:
            return
        manifest = self.bodies.get(keys.job_object(self.key, objects.MANIFEST))
        if manifest is None:
            raise Broken("J8: the job has ended, and its results have no manifest")
        lines: dict[PartKind, Counter[str]] = {kind: Counter() for kind in PartKind}
        for part in map(json.loads, manifest.splitlines()):
            told = [json.loads(line)["batch"] for line in self.bodies[part["key"]].splitlines()]
            rejected = part.get("rejected", ())
            lines[PartKind(part["kind"])].update(name for name in told if name not in rejected)
        for kind, counted in lines.items():
            wanted = {n for n, end in ended.items() if (end.failure is not None) is (kind is PartKind.ERRORS)}
            # The recorder writes no lines of what it counts.
            unwritten = {name for name in wanted if ended[name].status_code is None}
            if {*counted} - wanted or wanted - unwritten - {*counted} or any(n > 1 for n in counted.values()):
                raise Broken(f"J8: {kind} hold {counted}, and should {wanted}")
