"""Memory and processor time of another process, from ``/proc``."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_INTERVAL_SECONDS = 0.05
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

#: Fields 14 and 15 of ``/proc/<pid>/stat``, counted behind the command's closing bracket.
_USER_TICKS, _SYSTEM_TICKS = 11, 12


@dataclass(slots=True)
class Memory:
    """Resident memory over time, and the kernel's own high-water mark, which misses no peak."""

    #: Seconds since the start, MiB.
    samples: list[tuple[float, float]] = field(default_factory=list)
    peak_mib: float = 0.0


@contextmanager
def watched_memory(pid: int) -> Iterator[Memory]:
    """Sample a process while the block runs."""
    memory = Memory()
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(pid, memory, done), daemon=True)
    watcher.start()
    try:
        yield memory
    finally:
        done.set()
        watcher.join()


def resident_mib(pid: int) -> float:
    """Memory in use now."""
    return _status_mib(pid)["VmRSS"]


def processor_seconds(pid: int) -> float:
    """Time of processors used since the process began."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])) / _TICKS_PER_SECOND


def _watch(pid: int, memory: Memory, done: threading.Event) -> None:
    started = time.monotonic()
    while not done.is_set():
        status = _status_mib(pid)
        memory.samples.append((time.monotonic() - started, status["VmRSS"]))
        memory.peak_mib = status["VmHWM"]
        done.wait(_INTERVAL_SECONDS)


def _status_mib(pid: int) -> dict[str, float]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {
        name: int(value.split()[0]) / 1024
        for name, _, value in (line.partition(":") for line in lines)
        if value.endswith(" kB")
    }
