"""The job store, as the functions and as a worker see it: one store, whoever writes."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock import ids, keys, transitions
from penstock.aws.job_parts import DynamoJobParts
from penstock.aws.jobs import DynamoJobs
from penstock.aws.records import DynamoRecords
from penstock.aws.worker_jobs import DynamoWorkerJobs
from penstock.batch import moves
from penstock.batch.chunks import EnqueuedChunk
from penstock.batch.commits import MOST_WRITES, Commit, FailedBatch, FinishedBatch, Part, PartKind, fits
from penstock.batch.job_ids import job_id
from penstock.batch.jobs import Hook, JobKey, JobRecord, JobStatus
from penstock.batch.lanes import Death, Lane
from penstock.batch.ports import JobApplied, JobParts, JobRefused, Jobs, WorkerJobs
from penstock.batch.tallies import WorkerTally, total
from penstock.ports import DependencyError
from penstock.records import Failure
from penstock.testing import MemoryJobParts, MemoryJobs, MemoryRecords, MemoryWorkerJobs
from tests.contract.conftest import BACKENDS, _client, _executor, _session, make_table
from tests.examples import NOW_MS, record
from tests.unit.batch.test_moves import any_move

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from penstock.ports import Records

LATER = NOW_MS // 1000 + 14 * 86_400
DAY = keys.day_of(NOW_MS)
TOP = keys.position(NOW_MS + 86_400_000)
LOST = Failure(code="worker_lost", message="The worker was lost.")
KEY = JobKey(api="sum", id=job_id(NOW_MS * 1_000_000))


@dataclass(frozen=True)
class Stores:
    """All sides of one store."""

    name: str
    jobs: Jobs
    parts: JobParts
    worker: WorkerJobs
    records: Records
    #: All items as they lie in the table; nothing expires in memory.
    items: Callable[[], list[dict[str, Any]]] = list

    async def commit(self, commit: Commit, *, by: str) -> frozenset[str]:
        """As the recorder or as a worker does."""
        return self.parts.commit(commit) if by == "recorder" else await self.worker.commit(commit)


@pytest.fixture(params=BACKENDS)
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[Stores]:
    if request.param == "memory":
        jobs, parts = MemoryJobs(), MemoryJobParts()
        yield Stores("memory", jobs, parts, MemoryWorkerJobs(jobs, parts), MemoryRecords())
        return
    url, unique = request.getfixturevalue(f"{request.param}_url"), ids.new_request_id()
    dynamodb = _client("dynamodb", url)
    make_table(dynamodb, unique)
    async with AsyncExitStack() as stack:
        made: Any = _session().create_client("dynamodb", endpoint_url=url)
        client = await stack.enter_async_context(made)
        yield Stores(
            request.param,
            DynamoJobs(dynamodb, unique, executor=_executor()),
            DynamoJobParts(dynamodb, unique),
            DynamoWorkerJobs(client, unique),
            DynamoRecords(dynamodb, unique),
            lambda: dynamodb.scan(TableName=unique)["Items"],
        )


def job(**changes: Any) -> JobRecord:
    made = JobRecord(
        api=KEY.api,
        id=KEY.id,
        status=JobStatus.PENDING,
        workers=2,
        caller="anonymous",
        fingerprint="f" * 64,
        created_ms=NOW_MS,
        max_attempts=3,
        results=True,
        deadline_ms=NOW_MS + 3_600_000,
        callback="https://hooks.example.com/ä",
        expires_at=NOW_MS // 1000 + 86_400,
    )
    return replace(made, **changes)


def batch(name: str, *, failure: Failure | None = None, **changes: Any) -> FinishedBatch:
    made = FinishedBatch(
        id=name,
        failure=failure,
        attempt=1,
        duration_ms=40,
        items=20,
        finished_ms=NOW_MS,
        status_code=500 if failure else 200,
        body_key=f"jobs/sum/x/failed/{name}.json" if failure else None,
    )
    return replace(made, **changes)


def commit(*batches: FinishedBatch, worker: str = "w1", token: str = "t", **changes: Any) -> Commit:
    made = Commit(key=KEY, worker=worker, token=token, batches=batches, expires_at=LATER)
    return replace(made, **changes)


BY = pytest.mark.parametrize("by", ["recorder", "worker"])


def test_a_new_job_is_read_back_as_it_was_written(stores):
    assert stores.jobs.create(job()) == JobApplied(job())
    assert stores.jobs.get(KEY) == job()


async def test_an_unknown_job_is_none(stores):
    assert stores.jobs.get(KEY) is None
    assert await stores.worker.get(KEY) is None
    assert stores.jobs.read([KEY]) == {}


def test_a_second_job_of_the_same_id_is_refused_unless_it_is_the_very_same(stores):
    stores.jobs.create(job())
    assert stores.jobs.create(job(fingerprint="other")) == JobRefused(job())
    assert stores.jobs.create(job()) == JobApplied(job())
    assert stores.jobs.get(KEY) == job()


def test_a_job_past_its_retention_gives_way(stores):
    stores.jobs.create(job(status=JobStatus.STOPPED, expires_at=NOW_MS // 1000))
    new = job(created_ms=NOW_MS + 1000)
    assert stores.jobs.create(new) == JobApplied(new)
    assert stores.jobs.get(KEY) == new


async def test_a_job_goes_through_its_whole_life_as_functions_and_workers_move_it(stores):
    stores.jobs.create(job())
    stores.jobs.apply(KEY, moves.start(queue_url="https://q", now_ms=NOW_MS + 1))
    stores.jobs.apply(KEY, moves.seal(total=2, now_ms=NOW_MS + 2))
    seen = await stores.worker.apply(KEY, moves.complete(now_ms=NOW_MS + 3))
    assert seen == JobApplied(stores.jobs.get(KEY))
    assert (seen.record.queue_url, seen.record.total, seen.record.expires_at) == ("https://q", 2, None)
    hook = Hook(attempts=2, status_code=500, failure=LOST)
    tally = total([WorkerTally(worker="w", succeeded=1, failed=1)])
    end = moves.finish(tally=tally, hook=hook, now_ms=NOW_MS + 4, retention_seconds=9)
    ended = await stores.worker.apply(KEY, end)
    assert ended.record.hook == hook
    assert ended.record.status is JobStatus.COMPLETED_WITH_FAILURES
    assert stores.jobs.get(KEY) == await stores.worker.get(KEY) == ended.record


def test_why_a_job_is_to_end_early_is_kept(stores):
    stores.jobs.create(job())
    told = moves.stop(ending=JobStatus.TIMED_OUT, failure=LOST, now_ms=NOW_MS)
    assert stores.jobs.apply(KEY, told).record.ending is JobStatus.TIMED_OUT
    assert stores.jobs.get(KEY).failure == LOST


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tried=st.lists(any_move, min_size=1, max_size=6))
async def test_the_database_decides_on_jobs_as_the_rules_do(stores, tried):
    before = job(id=ids.new_request_id())
    stores.jobs.create(before)
    for number, move in enumerate(tried):
        apply = stores.worker.apply(before.key, move) if number % 2 else None
        answer = await apply if apply else stores.jobs.apply(before.key, move)
        if move.permits(before):
            before = move.apply(before)
            assert answer == JobApplied(before)
        elif transitions.all_hold(move.achieved, before):
            assert answer == JobApplied(before)
        else:
            assert answer == JobRefused(before)


async def test_no_move_creates_a_job(stores):
    move = moves.start(queue_url="q", now_ms=NOW_MS)
    assert stores.jobs.apply(KEY, move) == JobRefused(None)
    assert await stores.worker.apply(KEY, move) == JobRefused(None)
    assert stores.jobs.get(KEY) is None


def test_jobs_are_listed_newest_first_without_gaps_and_none_of_a_longer_named_api_or_its_requests(stores):
    made = [
        job(id=job_id((NOW_MS + n) * 1_000_000), created_ms=NOW_MS + n, expires_at=LATER) for n in range(9)
    ]
    others = [job(api="sum-2", id=job_id(NOW_MS * 1_000_000 + 7)), job(api="su")]
    for each in [*made, *others]:
        stores.jobs.create(each)
    stores.records.create(record(api="sum"))
    positions = [keys.position(each.created_ms, each.id) for each in reversed(made)]
    assert stores.jobs.newest("sum", DAY, below=TOP, limit=20) == positions
    assert stores.jobs.newest("sum", DAY, below=positions[2], limit=3) == positions[3:6]
    assert stores.jobs.newest("sum", "2001-01-01", below=TOP, limit=20) == []
    assert stores.jobs.read([each.key for each in made]) == {each.key: each for each in made}


def test_an_idempotency_key_stands_for_its_first_job_until_its_time_is_over(stores):
    first, second = (job_id(NOW_MS * 1_000_000 + n) for n in range(2))
    until = NOW_MS // 1000 + 60

    def reserve(job: str, *, api: str = "sum") -> str:
        return stores.jobs.reserve(api=api, key_hash="k", job_id=job, expires_at=until)

    assert [reserve(first), reserve(second), reserve(first)] == [first] * 3
    assert reserve(second, api="sum-2") == second
    late = job_id((until + 1) * 1_000_000_000)
    assert reserve(late) == late


@BY
async def test_a_commit_ends_its_batches_counts_them_and_lists_failures_and_parts(stores, by):
    parts = (
        Part(id="p1", kind=PartKind.RESULTS, key="r", size_bytes=9, lines=2, rejected=("9-9",)),
        Part(id="p2", kind=PartKind.ERRORS, key="e", size_bytes=0, lines=0),
    )
    ended = [batch("0-0"), batch("0-1", failure=LOST, attempt=3), batch("0-2", duration_ms=900)]
    assert await stores.commit(commit(*ended, parts=parts, further_attempts=2), by=by) == frozenset()
    (tally,) = stores.parts.tallies(KEY)
    assert (tally.worker, tally.succeeded, tally.failed, tally.attempts) == ("w1", 2, 1, 5)
    assert (tally.busy_ms, sum(tally.times.values())) == (980, 3)
    assert tally.times == commit(*ended).times
    assert await stores.worker.tallies(KEY) == [tally]
    assert stores.parts.failed(KEY, after=None, limit=9) == [FailedBatch.of(ended[1])]
    assert stores.parts.failed_batch(KEY, "0-1") == FailedBatch.of(ended[1])
    assert stores.parts.failed_batch(KEY, "0-0") is None
    assert sorted(stores.parts.parts(KEY), key=lambda part: part.id) == list(parts)
    assert [part async for page in stores.worker.parts(KEY) for part in page] == list(stores.parts.parts(KEY))
    assert [await stores.worker.ended(KEY, name) for name in ("0-0", "0-1", "0-3")] == [True, True, False]


@BY
async def test_a_commit_whose_answer_was_lost_is_counted_once(stores, by):
    once = commit(batch("0-0"), batch("0-1", failure=LOST))
    await stores.commit(once, by=by)
    assert await stores.commit(once, by=by) == frozenset()
    assert total(stores.parts.tallies(KEY)).finished == 2


@BY
async def test_of_two_workers_with_one_batch_the_second_is_told_which_and_nothing_of_it_is_written(
    stores, by
):
    await stores.worker.commit(commit(batch("0-0"), batch("0-1")))
    part = Part(id="p", kind=PartKind.RESULTS, key="r", size_bytes=9, lines=2)
    theirs = commit(
        batch("0-1", failure=LOST), batch("0-2"), batch("0-0"), worker="w2", token="u", parts=(part,)
    )
    assert await stores.commit(theirs, by=by) == {"0-0", "0-1"}
    assert [tally.worker for tally in stores.parts.tallies(KEY)] == ["w1"]
    assert not await stores.worker.ended(KEY, "0-2")
    assert stores.parts.failed(KEY, after=None, limit=9) == []
    assert list(stores.parts.parts(KEY)) == []
    rest = replace(theirs, batches=(batch("0-2"),))
    assert await stores.commit(rest, by=by) == frozenset()
    assert total(stores.parts.tallies(KEY)).finished == 3


@BY
async def test_a_full_transaction_is_taken(stores, by):
    failed = [batch(f"1-{n}", failure=LOST) for n in range(40)]
    fine = [batch(f"0-{n}") for n in range(MOST_WRITES - 80 - 3)]
    assert fits(len(failed) + len(fine), failed=len(failed))
    parts = tuple(Part(id=str(kind), kind=kind, key="k", size_bytes=1, lines=1) for kind in PartKind)
    assert await stores.commit(commit(*failed, *fine, parts=parts), by=by) == frozenset()
    assert total(stores.parts.tallies(KEY)).finished == len(failed) + len(fine)


async def test_counters_are_exact_when_workers_and_recorder_commit_at_once(stores):
    if stores.name == "moto":
        pytest.skip(
            "moto takes a whole table back when one transaction fails, whatever others wrote meanwhile"
        )
    # Each batch is ended by two of three, in different company.
    groups = {
        name: [f"{chunk}-{n}" for n in range(6) for chunk in own]
        for name, own in {"w1": (0, 1), "w2": (1, 2), "w3": (2, 0)}.items()
    }

    async def work(worker: str, names: list[str]) -> int:
        done = 0
        for start in range(0, len(names), 4):
            left = names[start : start + 4]
            for attempt in range(20):
                token = f"{worker}-{start}-{len(left)}"
                ends = [batch(name, failure=LOST if name.endswith("5") else None) for name in left]
                try:
                    lost = await stores.worker.commit(commit(*ends, worker=worker, token=token))
                except DependencyError:
                    assert attempt < 19
                    continue
                if not lost:
                    done += len(left)
                    break
                left = [name for name in left if name not in lost]
                if not left:
                    break
        return done

    counts = await asyncio.gather(*(work(worker, names) for worker, names in groups.items()))
    tally = total(stores.parts.tallies(KEY))
    assert (tally.succeeded, tally.failed) == (15, 3)
    assert sum(counts) == 18
    assert sum(tally.times.values()) == 18
    assert [found.id for found in stores.parts.failed(KEY, after=None, limit=99)] == ["0-5", "1-5", "2-5"]


async def test_failed_batches_are_listed_page_by_page_none_twice_and_none_left_out(stores):
    names = [f"{chunk}-{n}" for chunk in (0, 1, 10, 2) for n in range(12)]
    for start in range(0, len(names), 16):
        ended = [batch(name, failure=LOST) for name in names[start : start + 16]]
        await stores.worker.commit(commit(*ended, token=str(start)))
    seen: list[str] = []
    while page := stores.parts.failed(KEY, after=seen[-1] if seen else None, limit=5):
        assert len(page) <= 5
        seen += [found.id for found in page]
    assert seen == sorted(names)


async def test_lists_longer_than_a_megabyte_are_read_to_their_end(stores):
    names = [f"0-{n}" for n in range(12)]
    wordy = Failure(code="x", message="m" * 60_000)
    parts = tuple(
        Part(id=f"p{n:02}", kind=PartKind.ERRORS, key="k" * 100_000, size_bytes=1, lines=1) for n in range(12)
    )
    for half in (slice(6), slice(6, 12)):
        ended = [batch(name, failure=wordy) for name in names[half]]
        assert not stores.parts.commit(commit(*ended, token=str(half), parts=parts[half]))
    assert [found.id for found in stores.parts.failed(KEY, after=None, limit=99)] == sorted(names)
    assert list(stores.parts.parts(KEY)) == list(parts)
    assert [part async for page in stores.worker.parts(KEY) for part in page] == list(parts)


async def test_neither_an_api_nor_a_job_nor_a_worker_whose_name_another_begins_with_is_mixed_up(stores):
    longer = JobKey(api="sum-2", id=KEY.id)
    nested = JobKey(api="sum", id=KEY.id[:-1])
    for number, key in enumerate((KEY, longer, nested)):
        for worker in ("w1", "w11"):
            ended = [batch(f"{number}-{worker[1:]}", failure=LOST)]
            token = f"{number}{worker}"
            assert not await stores.worker.commit(commit(*ended, key=key, worker=worker, token=token))
        stores.parts.put_chunk(key, EnqueuedChunk(index=number, batches=1, items=1), expires_at=LATER)
    for number, key in enumerate((KEY, longer, nested)):
        assert {tally.worker: tally.failed for tally in stores.parts.tallies(key)} == {"w1": 1, "w11": 1}
        assert [found.id for found in stores.parts.failed(key, after=None, limit=9)] == [
            f"{number}-1",
            f"{number}-11",
        ]
        assert [chunk.index for chunk in stores.parts.chunks(key)] == [number]
        assert not await stores.worker.ended(key, f"{number}-111")


def test_chunks_and_lanes_are_noted_once_however_often(stores):
    chunks = [EnqueuedChunk(index=n, batches=n, items=n * 20, skipped=n % 2) for n in range(3)]
    for chunk in [*chunks, *chunks]:
        stores.parts.put_chunk(KEY, chunk, expires_at=LATER)
    assert sorted(stores.parts.chunks(KEY), key=lambda chunk: chunk.index) == chunks
    lane = Lane(index=4, deaths=2, last_death=Death.OUT_OF_MEMORY, reason="OutOfMemoryError", finished=7)
    for seen in (Lane(index=4), lane, replace(lane, over=True)):
        stores.parts.put_lane(KEY, seen, expires_at=LATER)
        assert stores.parts.lanes(KEY) == [seen]


async def test_a_worker_s_signs_of_life_and_its_counts_share_an_item(stores):
    await stores.worker.arrive(KEY, "w1", now_ms=NOW_MS, expires_at=LATER)
    await stores.worker.commit(commit(batch("0-0")))
    await stores.worker.alive(KEY, "w1", now_ms=NOW_MS + 10_000)
    (tally,) = stores.parts.tallies(KEY)
    assert (tally.started_ms, tally.seen_ms, tally.left_ms, tally.succeeded) == (
        NOW_MS,
        NOW_MS + 10_000,
        None,
        1,
    )
    assert tally.at_work(NOW_MS + 20_000)
    await stores.worker.leave(KEY, "w1", now_ms=NOW_MS + 30_000)
    (tally,) = await stores.worker.tallies(KEY)
    assert not tally.at_work(NOW_MS + 30_000)
    assert (tally.left_ms, tally.succeeded) == (NOW_MS + 30_000, 1)


async def test_releases_are_counted_by_batch_and_do_not_end_it(stores):
    assert await stores.worker.releases(KEY, "0-0") == 0
    assert [await stores.worker.give_back(KEY, "0-0", expires_at=LATER) for _ in range(2)] == [1, 2]
    assert await stores.worker.releases(KEY, "0-0") == 2
    assert await stores.worker.releases(KEY, "0-00") == 0
    assert not await stores.worker.ended(KEY, "0-0")


async def test_all_that_belongs_to_a_job_goes_by_itself(stores):
    if stores.name == "memory":
        pytest.skip("nothing expires in memory")
    part = Part(id="p", kind=PartKind.RESULTS, key="r", size_bytes=9, lines=1)
    await stores.worker.arrive(KEY, "w1", now_ms=NOW_MS, expires_at=LATER)
    await stores.worker.commit(commit(batch("0-0"), batch("0-1", failure=LOST), parts=(part,)))
    await stores.worker.commit(commit(batch("0-2"), worker="recorder", token="r"))
    await stores.worker.give_back(KEY, "0-3", expires_at=LATER)
    stores.parts.put_chunk(KEY, EnqueuedChunk(index=0, batches=1, items=1), expires_at=LATER)
    stores.parts.put_lane(KEY, Lane(index=0), expires_at=LATER)
    stores.jobs.reserve(api="sum", key_hash="k", job_id=KEY.id, expires_at=LATER)
    kept = stores.items()
    assert len(kept) == 11
    assert [item for item in kept if item.get("expires_at") != {"N": str(LATER)}] == []


@dataclass
class Flaky:
    """A DynamoDB whose transactions are cancelled for these reasons, one after the other."""

    answers: list[str]
    asked: int = 0

    def transact_write_items(self, **arguments: Any) -> None:
        self.asked += 1
        code = self.answers.pop(0)
        reasons = [{"Code": "None"} for _ in arguments["TransactItems"][1:]] + [{"Code": code}]
        told: Any = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
        if code != "None":
            raise ClientError(told, "TransactWriteItems")


class FlakyForWorkers(Flaky):
    """The same, asynchronously."""

    async def transact_write_items(self, **arguments: Any) -> None:  # type: ignore[override]  # as in the libraries
        super().transact_write_items(**arguments)


@pytest.fixture(params=["recorder", "worker"])
def commit_on(request):
    """Commit on a DynamoDB that answers so; the waits in between."""

    async def run(*answers: str) -> tuple[int, list[float]]:
        waits: list[float] = []

        async def sleep(seconds: float) -> None:
            waits.append(seconds)

        if request.param == "recorder":
            client: Any = Flaky(list(answers))
            DynamoJobParts(client, "t", sleep=waits.append).commit(commit(batch("0-0")))
        else:
            client = FlakyForWorkers(list(answers))
            await DynamoWorkerJobs(client, "t", sleep=sleep).commit(commit(batch("0-0")))
        return client.asked, waits

    return run


@pytest.mark.parametrize(
    "reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
)
async def test_a_commit_that_met_another_or_a_busy_store_is_tried_again(commit_on, reason):
    assert await commit_on(reason, reason, "None") == (3, [0.05, 0.1])


async def test_a_commit_that_never_gets_through_is_a_fault_of_the_store(commit_on):
    with pytest.raises(DependencyError, match="commit ends of batches"):
        await commit_on(*["TransactionConflict"] * 4)


async def test_a_commit_that_is_wrong_in_itself_is_not_tried_again(commit_on):
    with pytest.raises(DependencyError):
        await commit_on("ValidationError")


async def test_a_commit_too_large_for_a_transaction_is_refused_before_it_is_tried():
    client: Any = Flaky([])
    with pytest.raises(ValueError, match="101 writes"):
        DynamoJobParts(client, "t").commit(commit(*(batch(f"0-{n}") for n in range(100))))


async def test_parts_are_read_in_the_order_of_their_ids(stores):
    """So a manifest can be written page by page."""
    made = [Part(id=name, kind=PartKind.RESULTS, key=name, size_bytes=1, lines=1) for name in "bca"]
    for number, part in enumerate(made):
        await stores.worker.commit(commit(batch(f"0-{number}"), parts=(part,)))
    assert [part.id async for page in stores.worker.parts(KEY) for part in page] == ["a", "b", "c"]
