"""Jobs as the tests of the gateway make them and move them on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from penstock.batch import moves
from penstock.batch.commits import Commit, FinishedBatch
from penstock.batch.jobs import Hook, JobKey
from penstock.batch.tallies import Tally
from penstock.records import Failure

if TYPE_CHECKING:
    from tests.unit.gateway.front_door import Answer, FrontDoor

ITEMS = {"workers": 2, "item_list": {"items": [1, [2.50], {"a": "b"}], "batch_size": 2}}
KEY = {"Idempotency-Key": "tonight"}
FAILURE = Failure(code="container_error", message="The container answered 500.")


def submit(door: FrontDoor, content: Any = ITEMS, *, api: str = "sums", **parts: Any) -> Answer:
    return door.call("POST", f"/batch/{api}", body=json.dumps(content).encode(), **parts)


def begun(door: FrontDoor, content: Any = ITEMS) -> str:
    """A job whose execution has prepared it."""
    job_id = str(submit(door, content).json["job_id"])
    move(door, job_id, moves.start(queue_url="http://q/1", now_ms=door.clock()))
    door.clock.advance(1)
    return job_id


def key_of(job_id: str) -> JobKey:
    return JobKey(api="sum-batch", id=job_id)


def move(door: FrontDoor, job_id: str, transition: Any) -> None:
    door.jobs.apply(key_of(job_id), transition)


def batch(number: int, *, failure: Failure | None = None, ms: int = 100) -> FinishedBatch:
    return FinishedBatch(
        id=f"0-{number}",
        failure=failure,
        attempt=3 if failure else 1,
        duration_ms=ms,
        items=2,
        finished_ms=1_700_000_000_000,
        status_code=500 if failure else 200,
        body_key=f"jobs/sum-batch/x/failed/0-{number}.json" if failure else None,
    )


def end_batches(door: FrontDoor, job_id: str, *batches: FinishedBatch, worker: str = "w1") -> None:
    token = "-".join(one.id for one in batches)
    door.parts.commit(
        Commit(key=key_of(job_id), worker=worker, token=token, batches=batches, expires_at=10**10)
    )


def end_job(door: FrontDoor, job_id: str, *, succeeded: int, failed: int) -> None:
    now_ms = door.clock()
    move(door, job_id, moves.seal(total=succeeded + failed, now_ms=now_ms))
    move(door, job_id, moves.complete(now_ms=now_ms))
    tally = Tally(succeeded=succeeded, failed=failed)
    hook = Hook(attempts=1, status_code=200)
    move(door, job_id, moves.finish(tally=tally, hook=hook, now_ms=now_ms, retention_seconds=3600))


def job(door: FrontDoor, job_id: str) -> dict[str, Any]:
    answer = door.call("GET", f"/batch/sums/{job_id}")
    assert answer.status == 200, answer.body
    return answer.json


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]
