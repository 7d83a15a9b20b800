"""Child processes in groups of their own, so that ending one ends its children too."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from localstack.environment import MARKER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from localstack.guard import Guard


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What to start, and the file its output goes to."""

    command: tuple[str, ...]
    directory: Path
    environment: Mapping[str, str]
    log: Path


class Process(Protocol):
    """A started process and the group it leads."""

    @property
    def pid(self) -> int:
        """Number of the process, and of its group."""
        ...

    def exit_code(self) -> int | None:
        """Return the exit code, or None while it runs."""
        ...

    def wait(self, *, within_seconds: float) -> bool:
        """Wait for its end; return whether it came."""
        ...

    def terminate(self) -> None:
        """Ask the whole group to end."""
        ...

    def kill(self) -> None:
        """End the whole group at once."""
        ...


class Spawner(Protocol):
    """Starts processes; raises OSError if that is impossible, as in a folder that does not exist."""

    def __call__(self, spec: ProcessSpec) -> Process:
        """Start one process."""
        ...


#: Waits for a word before it becomes the program. We may be killed before the guard knows of the
#: process; it then reads the end of the pipe instead, and ends.
_STARTER = ("/bin/sh", "-c", 'read -r _ && exec "$@" </dev/null', "sh")


class GroupSpawner:
    """Starts real processes and has them guarded."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def __call__(self, spec: ProcessSpec) -> GroupProcess:
        """Start a process in a session of its own, out of reach of the terminal's Ctrl-C.

        It writes to its log file itself. Through a pipe of ours it would block when we are slow, and
        fail when we are gone, just when it has something to say about how it ends.
        """
        spec.log.parent.mkdir(parents=True, exist_ok=True)
        with spec.log.open("ab") as log:
            started = subprocess.Popen(
                (*_STARTER, *spec.command),
                cwd=spec.directory,
                env=dict(spec.environment),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._guard.watch(started.pid)
        _let_go(started)
        return GroupProcess(started, self._guard)


def _let_go(started: subprocess.Popen[bytes]) -> None:
    pipe = started.stdin
    assert pipe is not None
    # A broken pipe means that it was killed in this moment; its exit code will tell.
    with suppress(BrokenPipeError), pipe:
        pipe.write(b"go\n")


class GroupProcess:
    """One child process and its group."""

    def __init__(self, started: subprocess.Popen[bytes], guard: Guard) -> None:
        self._started = started
        self._guard = guard
        self._swept = False

    @property
    def pid(self) -> int:
        """Number of the process, and of its group."""
        return self._started.pid

    def exit_code(self) -> int | None:
        """Return the exit code, or None while it runs. With it gone, the rest of its group goes too.

        That is what a container does when its first process ends.
        """
        code = self._started.poll()
        if code is not None and not self._swept:
            self._swept = True
            self._signal(signal.SIGKILL)
            self._guard.release(self.pid)
        return code

    def wait(self, *, within_seconds: float) -> bool:
        """Wait for its end; return whether it came."""
        with suppress(subprocess.TimeoutExpired):
            self._started.wait(within_seconds)
        return self.exit_code() is not None

    def terminate(self) -> None:
        """Ask the whole group to end: a shell in front of a server passes no signal on."""
        if self.exit_code() is None:
            self._signal(signal.SIGTERM)

    def terminate_leader(self) -> None:
        """Ask only the process itself to end, for one that ends its children in its own order."""
        if self.exit_code() is None:
            self._started.terminate()

    def kill(self) -> None:
        """End the whole group at once."""
        if self.exit_code() is None:
            self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        # PermissionError is how macOS says that only zombies are left in the group.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)


def left_behind(state_dir: Path) -> list[int]:
    """Return the pids of living processes that were started for this state directory, except ours.

    Linux only: elsewhere a process's environment cannot be read, and the answer is empty.
    """
    marker = f"{MARKER}={state_dir.resolve()}".encode()
    return [
        pid
        for pid, environment in _environments()
        if pid != os.getpid() and marker in environment.split(b"\0")
    ]


def _environments() -> Iterator[tuple[int, bytes]]:
    for entry in Path("/proc").glob("[0-9]*"):
        # It ended while we looked, or is another user's.
        with suppress(OSError):
            yield int(entry.name), (entry / "environ").read_bytes()


def kill_left_behind(state_dir: Path) -> list[int]:
    """Kill what an earlier run left behind, and return what it was."""
    found = left_behind(state_dir)
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return found
