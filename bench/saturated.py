"""Requests a second with the queue never empty, and what each costs in AWS calls and processor time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bench.report import Report, Target
from bench.requests import queued
from bench.rig import TABLE, queue
from bench.usage import processor_seconds

if TYPE_CHECKING:
    from bench.options import Options
    from bench.rig import Rig

#: Not for one slot: it needs a receive for each request, two writes of the record, two bodies, and
#: its share of the deletions.
CALLS_LIMIT = 5
BODY_BYTES = 16 * 1024

#: Calls take this long in a region, about; without it, no work ever waits for AWS.
ROUND_TRIP_SECONDS = 0.01

_GIVE_UP_SECONDS = 300


def saturated(rig: Rig, options: Options) -> Report:
    """Queue first, then one worker, until the queue is empty."""
    data = [
        _case(rig, concurrency, requests, added_seconds=added)
        for added in (0.0, ROUND_TRIP_SECONDS)
        for concurrency, requests in options.saturated
    ]
    rows = [
        (
            str(row["concurrency"]),
            f"{row['added_ms']:g} ms",
            f"{row['requests_per_second']:.0f}",
            f"{row['calls_per_request']:.2f}",
            ", ".join(f"{count:.2f} {operation}" for operation, count in row["calls"].items()),
            f"{row['dequeuer_cpu_ms']:.1f}",
            f"{row['standin_cpu_ms']:.1f}",
            str(row["requests"]),
        )
        for row in data
    ]
    targets = [
        Target(
            promise=f"calls per request at concurrency {row['concurrency']}, {row['added_ms']:g} ms added",
            measured=row["calls_per_request"],
            limit=CALLS_LIMIT,
            unit="calls",
        )
        for row in data
        if row["concurrency"] > 1
    ]
    return Report(
        name="saturated",
        title=f"one saturated worker, payloads of {BODY_BYTES // 1024} KiB",
        columns=(
            "concurrency",
            "added per call",
            "requests/s",
            "calls/request",
            "of which",
            "worker CPU ms",
            "stand-in CPU ms",
            "requests",
        ),
        rows=rows,
        targets=targets,
        data=data,
    )


def _case(rig: Rig, concurrency: int, requests: int, *, added_seconds: float) -> dict[str, Any]:
    api = f"busy-{concurrency}-{added_seconds * 1000:.0f}"
    records = [queued(api, size_bytes=BODY_BYTES) for _ in range(requests)]
    rig.standin.seed(records, table=TABLE, queue=queue(api), objects={}, enqueue=True)
    rig.standin.settle(round_trip_seconds=added_seconds)
    rig.arrivals()
    with rig.dequeuer(api, max_concurrency=concurrency) as worker:
        standin_before = processor_seconds(rig.standin_process.pid)
        _until_empty(rig, api)
        counts = rig.standin.counts()
        worker_seconds = processor_seconds(worker.pid)
        standin_seconds = processor_seconds(rig.standin_process.pid) - standin_before
    arrivals = sorted(rig.arrivals().values())
    calls = {operation: count / requests for operation, count in sorted(counts.items())}
    return {
        "concurrency": concurrency,
        "added_ms": added_seconds * 1000,
        "requests_per_second": (len(arrivals) - 1) / (arrivals[-1] - arrivals[0]),
        "calls_per_request": sum(calls.values()),
        "calls": calls,
        "dequeuer_cpu_ms": worker_seconds / requests * 1000,
        "standin_cpu_ms": standin_seconds / requests * 1000,
        "requests": requests,
    }


def _until_empty(rig: Rig, api: str) -> None:
    deadline = time.monotonic() + _GIVE_UP_SECONDS
    while rig.standin.messages(queue(api)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{rig.standin.messages(queue(api))} requests are left in the queue")
        time.sleep(0.1)
