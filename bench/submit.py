"""How long the gateway takes to accept a request, and how long a poll takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bench.gateway import gateway
from bench.report import Report, Target, percentile
from bench.requests import completed
from bench.rig import BUCKET, TABLE, queue

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.gateway import Answered, Gateway
    from bench.options import Options
    from bench.rig import Rig

API = "front"
ROUND_TRIP_SECONDS = 0.1
#: Two round trips in a row, and 50 ms for everything else.
SUBMIT_LIMIT_MS = 250

_COLUMNS = ("case", "added per call", "first", "p50", "p99", "AWS calls", "samples")


def submit(rig: Rig, options: Options) -> Report:
    """``POST /async/{api}`` with small and large bodies."""
    cases = {"1 KiB": 1024, "1 MiB": 1 << 20, "4 MiB": 4 << 20}

    def case(size: int) -> Callable[[Gateway], Answered]:
        return lambda handler: handler.submit(API, bytes(size))

    report = _measured("submit", rig, options, {f"submit {name}": case(size) for name, size in cases.items()})
    slowest = max(row["p50_ms"] for row in report.data if row["added_ms"] and "1 KiB" in row["case"])
    target = Target(
        promise="submit p50 with 100 ms added", measured=slowest, limit=SUBMIT_LIMIT_MS, unit="ms"
    )
    return replace(report, targets=[target])


def poll(rig: Rig, options: Options) -> Report:
    """``GET /async/{api}/{id}`` of a waiting request, and of finished ones with their result."""
    waiting = completed(API, result_bytes=300_000)
    small, large = completed(API, result_bytes=2), completed(API, result_bytes=100_002)
    rig.standin.seed(
        [waiting, small, large],
        table=TABLE,
        queue=queue(API),
        enqueue=False,
        objects={
            f"/{BUCKET}/{record.result.key}": '"' + "x" * (record.result.size_bytes - 2) + '"'
            for record in (small, large)
            if record.result
        },
    )
    polled = {
        "result by link": waiting.id,
        "2 bytes of JSON inline": small.id,
        "100 KB of JSON inline": large.id,
    }

    def case(request_id: str) -> Callable[[Gateway], Answered]:
        return lambda handler: handler.status(API, request_id)

    return _measured("poll", rig, options, {f"poll, {name}": case(id_) for name, id_ in polled.items()})


def _measured(
    name: str, rig: Rig, options: Options, cases: dict[str, Callable[[Gateway], Answered]]
) -> Report:
    data = [
        _case(rig, case, call, added_seconds=added, samples=options.gateway_samples)
        for case, call in cases.items()
        for added in (0.0, ROUND_TRIP_SECONDS)
    ]
    rows = [
        (
            row["case"],
            f"{row['added_ms']:.0f} ms",
            f"{row['first_ms']:.1f}",
            f"{row['p50_ms']:.1f}",
            f"{row['p99_ms']:.1f}",
            ", ".join(f"{count:g} {operation}" for operation, count in row["calls"].items()),
            str(row["samples"]),
        )
        for row in data
    ]
    return Report(name=name, title=f"{name} (ms)", columns=_COLUMNS, rows=rows, data=data)


def _case(
    rig: Rig, case: str, call: Callable[[Gateway], Answered], *, added_seconds: float, samples: int
) -> dict[str, Any]:
    rig.standin.settle(round_trip_seconds=added_seconds)
    with gateway(rig, [API]) as handler:
        # The first call opens connections and looks the queue up: a cold start's share of it.
        first = call(handler).seconds
        rig.standin.settle()
        seconds = [call(handler).seconds for _ in range(samples)]
    counts = rig.standin.counts()
    return {
        "case": case,
        "added_ms": added_seconds * 1000,
        "first_ms": first * 1000,
        "p50_ms": percentile(seconds, 50) * 1000,
        "p99_ms": percentile(seconds, 99) * 1000,
        "calls": {operation: round(count / samples, 2) for operation, count in sorted(counts.items())},
        "samples": samples,
    }
