"""How much a bench measures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

GIB = 1 << 30
RESULTS = Path(__file__).with_name("results")


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Pickups after this much idle time, spread over so many dequeuers.

    While one is measured the others idle, so waiting costs no time of its own.
    """

    idle_seconds: float
    dequeuers: int
    samples: int
    added_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The short form finishes all benches in a few minutes."""

    #: Where JSON files and the plot go.
    results: Path = RESULTS
    gateway_samples: int = 30
    idles: tuple[Idle, ...] = (
        Idle(idle_seconds=2, dequeuers=8, samples=200),
        Idle(idle_seconds=30, dequeuers=20, samples=40),
        Idle(idle_seconds=2, dequeuers=8, samples=40, added_seconds=0.02),
    )
    #: By concurrency: how many requests.
    saturated: tuple[tuple[int, int], ...] = ((1, 300), (8, 1000), (64, 2000))
    body_bytes: int = GIB
    #: Of a batch job, in batches of 20.
    job_items: int = 20_000
    #: To the good receivers together.
    deliveries: int = 4000
    #: Bytes of a file that is planned, chunks of it that are enqueued, and bytes of one that is one chunk.
    planned_bytes: int = 10 * GIB
    enqueued_chunks: int = 40
    whole_bytes: int = GIB // 4
    #: Streams at once, and whether the answer's length is told.
    streams: tuple[tuple[int, bool], ...] = ((1, True), (1, False), (8, False))


SHORT = Options()
LONG = Options(
    gateway_samples=200,
    idles=(
        Idle(idle_seconds=2, dequeuers=8, samples=200),
        Idle(idle_seconds=30, dequeuers=20, samples=200),
        Idle(idle_seconds=2, dequeuers=8, samples=200, added_seconds=0.02),
    ),
    deliveries=12_000,
    job_items=100_000,
    saturated=((1, 1000), (8, 4000), (64, 8000)),
    enqueued_chunks=1280,
    whole_bytes=2 * GIB,
    streams=((1, True), (1, False), (8, True), (8, False)),
)
