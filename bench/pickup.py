"""How long a request waits for an idle worker to hand it to the container."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from bench.gateway import gateway
from bench.report import Report, Target, percentile
from bench.rig import queue

if TYPE_CHECKING:
    from bench.options import Idle, Options
    from bench.rig import Rig

#: Between the answer to SendMessage and the container's first byte lie the claim and the payload's
#: GetObject; the receive's answer travels while that of SendMessage does.
ROUND_TRIPS = 2
P99_LIMIT_MS = 20

#: Twenty dequeuers that start at once take their time.
_DONE_SECONDS = 90


def pickup(rig: Rig, options: Options) -> Report:
    """From the answer of SendMessage to the container's first byte, less the added latencies."""
    data = [_case(rig, idle) for idle in options.idles]
    rows = [
        (
            f"{row['idle_seconds']:g} s",
            f"{row['added_ms']:g} ms",
            *(f"{row[name]:.1f}" for name in ("p50_ms", "p90_ms", "p99_ms", "max_ms")),
            str(row["samples"]),
            str(row["dequeuers"]),
        )
        for row in data
    ]
    targets = [
        Target(
            promise=f"pickup p99 after {row['idle_seconds']:g} s idle, {row['added_ms']:g} ms added per call",
            measured=row["p99_ms"],
            limit=P99_LIMIT_MS,
            unit="ms",
        )
        for row in data
    ]
    return Report(
        name="pickup",
        title="pickup by an idle worker, less the added latencies (ms)",
        columns=("idle before", "added per call", "p50", "p90", "p99", "max", "samples", "dequeuers"),
        rows=rows,
        targets=targets,
        data=data,
    )


def _case(rig: Rig, idle: Idle) -> dict[str, Any]:
    apis = [f"idle-{number}" for number in range(idle.dequeuers)]
    rig.standin.settle(round_trip_seconds=idle.added_seconds)
    with ExitStack() as stack:
        handler = stack.enter_context(gateway(rig, apis))
        for api in apis:
            stack.enter_context(rig.dequeuer(api, max_concurrency=1))
        for api in apis:  # connections open, the queue's URL known, code compiled
            handler.submit(api, b"x" * 1024)
        _until_empty(rig, apis)
        rig.standin.settle()
        rig.arrivals()
        pause_seconds = idle.idle_seconds / idle.dequeuers
        # The first of each dequeuer would come too early.
        time.sleep(idle.idle_seconds)
        ids = []
        for number in range(idle.samples):
            due = time.monotonic() + pause_seconds
            ids.append(handler.submit(apis[number % len(apis)], b"x" * 1024).body["id"])
            time.sleep(max(0.0, due - time.monotonic()))
        _until_empty(rig, apis)
        sent, arrived = rig.standin.sent(), rig.arrivals()
    added = ROUND_TRIPS * idle.added_seconds
    seconds = [arrived[request_id] - sent[request_id] - added for request_id in ids]
    return {
        "idle_seconds": idle.idle_seconds,
        "added_ms": idle.added_seconds * 1000,
        **{f"p{rank}_ms": percentile(seconds, rank) * 1000 for rank in (50, 90, 99)},
        "max_ms": max(seconds) * 1000,
        "samples": idle.samples,
        "dequeuers": idle.dequeuers,
    }


def _until_empty(rig: Rig, apis: list[str]) -> None:
    deadline = time.monotonic() + _DONE_SECONDS
    while any(rig.standin.messages(queue(api)) for api in apis):
        if time.monotonic() > deadline:
            raise TimeoutError("requests are left in the queue")
        time.sleep(0.1)
