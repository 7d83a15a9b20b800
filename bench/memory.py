"""Memory of the dequeuer while gigabytes pass through it in both directions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bench.plot import Curve, draw
from bench.report import Report, Target
from bench.requests import queued
from bench.rig import TABLE, queue
from bench.usage import processor_seconds, resident_mib, watched_memory

if TYPE_CHECKING:
    from bench.options import Options
    from bench.rig import Rig

FIRST_STREAM_MIB = 120
FURTHER_STREAM_MIB = 16

_MIB = 1 << 20
_KEEP_BYTES = 1 << 20
_IDLE_SECONDS = 3
_GIVE_UP_SECONDS = 900


def memory(rig: Rig, options: Options) -> Report:
    """Each stream sends its payload to the container, which sends it back while it comes in."""
    data = [
        _case(rig, streams, length_told=length_told, body_bytes=options.body_bytes)
        for streams, length_told in options.streams
    ]
    rows = [
        (
            str(row["streams"]),
            row["answer"],
            f"{row['idle_mib']:.1f}",
            f"{row['peak_mib']:.1f}",
            f"{row['limit_mib']:g}",
            f"{row['mib_per_second']:.0f}",
            f"{row['seconds']:.1f}",
        )
        for row in data
    ]
    targets = [
        Target(
            promise=f"peak memory with {row['streams']} stream(s), {row['answer']}",
            measured=row["peak_mib"],
            limit=row["limit_mib"],
            unit="MiB",
        )
        for row in data
    ]
    curves = [
        Curve(f"{row['streams']} at once, {row['answer']}", row["limit_mib"], row["samples"]) for row in data
    ]
    size_mib = options.body_bytes // _MIB
    draw(
        curves,
        title=f"Memory of the dequeuer, {size_mib} MiB in and out per stream",
        path=options.results / "memory.png",
    )
    return Report(
        name="memory",
        title=f"dequeuer with {size_mib} MiB in and out at once per stream (MiB)",
        columns=("streams", "answer", "idle", "peak", "limit", "MiB/s each way", "seconds"),
        rows=rows,
        targets=targets,
        data=data,
    )


def _case(rig: Rig, streams: int, *, length_told: bool, body_bytes: int) -> dict[str, Any]:
    api = f"stream-{streams}-{'told' if length_told else 'open'}"
    query = "echo=1" if length_told else "echo=1&chunked=1"
    rig.standin.settle(keep_bytes=_KEEP_BYTES)
    with rig.dequeuer(api, max_concurrency=streams) as worker:
        time.sleep(_IDLE_SECONDS)
        idle_mib = resident_mib(worker.pid)
        records = [queued(api, size_bytes=body_bytes, query=query) for _ in range(streams)]
        with watched_memory(worker.pid) as watched:
            started, cpu_before = time.monotonic(), processor_seconds(worker.pid)
            rig.standin.seed(records, table=TABLE, queue=queue(api), objects={}, enqueue=True)
            _until_empty(rig, api)
            seconds = time.monotonic() - started
            cpu_seconds = processor_seconds(worker.pid) - cpu_before
    return {
        "streams": streams,
        "answer": "Content-Length" if length_told else "chunked",
        "idle_mib": idle_mib,
        "peak_mib": watched.peak_mib,
        "limit_mib": FIRST_STREAM_MIB + FURTHER_STREAM_MIB * (streams - 1),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "mib_per_second": streams * body_bytes / _MIB / seconds,
        # Ten a second are enough for a curve.
        "samples": [(round(at, 2), round(mib, 1)) for at, mib in watched.samples[::2]],
    }


def _until_empty(rig: Rig, api: str) -> None:
    deadline = time.monotonic() + _GIVE_UP_SECONDS
    while rig.standin.messages(queue(api)):
        if time.monotonic() > deadline:
            raise TimeoutError("streams have not ended")
        time.sleep(0.05)
